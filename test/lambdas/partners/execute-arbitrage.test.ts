import { SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn'
import { beforeEach, expect, test } from '@jest/globals'
import { mockClient } from 'aws-sdk-client-mock'
import { workflowEnvironmentVariable } from '#protocol/functions.ts'
import { partnersOperations } from '#protocol/operations/partners.ts'
import { seedTwoBooks } from '#test/support/arbitrage-rows.ts'
import { requests } from '#test/support/http-requests.ts'
import { idOf } from '#test/support/tape.ts'
import { openTradingFloor } from '#test/support/trading-floor.ts'

const floor = openTradingFloor()
const workflows = mockClient(SFNClient)
process.env[workflowEnvironmentVariable('arbitrage-execution')] = 'test-arn'
const { handler } = await import('#lambdas/partners/http.ts')
const send = requests(handler, partnersOperations)

beforeEach(async () => {
  floor.reset()
  workflows.reset()
  workflows.on(StartExecutionCommand).resolves({})
  await seedTwoBooks(floor)
})

const opportunityId = async (): Promise<string> => {
  const { body } = await send('list-arbitrage-opportunities')
  const [first] = Array.isArray(body['data']) ? body['data'] : []
  return String(first?.opportunity_id)
}
const execute = (opportunity_id: string, key = 'k', as: { readonly account?: string } = {}) =>
  send('execute-arbitrage', { as, path: { opportunity_id }, headers: { 'idempotency-key': key } })

test('what was found is stored with both legs, and its workflow started, once for a name', async () => {
  const id = await opportunityId()
  const { status, body, headers } = await execute(id)
  expect([status, headers['location']]).toEqual([202, `/api/v1/partners/arbitrage/executions/${body['execution_id']}`])
  expect(body).toMatchObject({ execution_state: 'running', origin: 'request', opportunity: { opportunity_id: id } })
  const [call] = workflows.commandCalls(StartExecutionCommand)
  expect(JSON.parse(call?.args[0].input.input ?? '')).toMatchObject({ step: 0, next: 'order' })
  expect((await execute(id)).body['execution_id']).toBe(body['execution_id'])
  expect(floor.tables.items('arbitrageExecutions')).toHaveLength(1)
  expect((await execute(idOf('f'))).body['code']).toBe('idempotency-conflict')
})

test('what was never told is not found; what was told to somebody else, or is no more, is stale', async () => {
  expect(await execute(idOf('f'))).toMatchObject({ status: 404, body: { code: 'not-found' } })
  const id = await opportunityId()
  const made = `${id.slice(0, 35)}${id.endsWith('0') ? '1' : '0'}`
  expect((await execute(made)).body['code']).toBe('not-found')
  expect((await execute(id, 'k', { account: 'other' })).body['code']).toBe('stale-opportunity')
  expect((await execute(id, 'k', { account: 'nobody' })).body['code']).toBe('account-not-open')
  expect(workflows.commandCalls(StartExecutionCommand)).toEqual([])
})

test('with Prefer: wait it is what became of it, or still under way when the time is up', async () => {
  const id = await opportunityId()
  const ask = () =>
    send('execute-arbitrage', {
      path: { opportunity_id: id },
      headers: { 'idempotency-key': 'k', prefer: 'wait=1' },
    })
  expect(await ask()).toMatchObject({
    status: 202,
    headers: { 'preference-applied': 'wait=1' },
    body: { execution_state: 'running' },
  })
  const [row] = floor.tables.items('arbitrageExecutions')
  floor.tables.seed('arbitrageExecutions', { ...row, execution_state: 'missed' })
  expect(await ask()).toMatchObject({ status: 200, body: { execution_state: 'missed' } })
})

test('a request needs a name', async () => {
  const { body } = await send('execute-arbitrage', { path: { opportunity_id: idOf('f') } })
  expect(body['code']).toBe('idempotency-key-required')
})
