import { ExecutionAlreadyExists, SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn'
import { beforeEach, describe, expect, test } from '@jest/globals'
import { mockClient } from 'aws-sdk-client-mock'
import { workflowEnvironmentVariable } from '#protocol/functions.ts'
import { supervisionOperations } from '#protocol/operations/supervision.ts'
import { requests } from '#test/support/http-requests.ts'
import { openQuotingFloor } from '#test/support/market-maker.ts'

const floor = openQuotingFloor()
const workflows = mockClient(SFNClient)
process.env[workflowEnvironmentVariable('lane-reopening')] = 'test-arn'
const { handler } = await import('#lambdas/supervision/http.ts')
const send = requests(handler, supervisionOperations)

beforeEach(() => {
  floor.reset()
  workflows.reset()
  workflows.on(StartExecutionCommand).resolves({})
})

const reopen = (key = 'after-the-fix', lane = '1') =>
  send('reopen-lane', {
    as: { account: 'desk', role: 'market_operator' },
    path: { lane },
    headers: { 'idempotency-key': key },
  })
const executions = () =>
  workflows.commandCalls(StartExecutionCommand).map(({ args: [{ input }] }) => ({
    name: input.name,
    input: JSON.parse(input.input ?? ''),
  }))
const row = (reopening_id: unknown, change: object = {}) =>
  floor.tables.seed('lanes', {
    lane: '1',
    row: 'reopening',
    reopening_id,
    reopening_state: 'halting',
    requested_by: 'desk',
    started_at_millis: Date.now(),
    updated_at_millis: Date.now(),
    epoch: 1,
    inherited_ids: [],
    ...change,
  })

describe('a reopening', () => {
  test('is begun once for each request, named by its key', async () => {
    floor.lease(1, { halted: 'divergence' })
    const { status, body, headers } = await reopen()
    const id = body['reopening_id']
    expect([status, body['reopening_state'], headers['location']]).toEqual([202, 'verifying', '/api/v1/lanes/1'])
    expect(executions()).toEqual([{ name: id, input: { lane: 1, reopening_id: id, requested_by: 'desk' } }])
    expect(id).toMatch(/^[0-9a-f]{40}$/)
    row(id)
    expect(await reopen()).toMatchObject({ status: 202, body: { reopening_id: id, reopening_state: 'halting' } })
    expect(await reopen('another')).toMatchObject({ status: 409, body: { code: 'reopening-under-way' } })
    expect(executions()).toHaveLength(1)
    row(id, { reopening_state: 'failed', failure: 'ReplicasDisagree' })
    expect(await reopen()).toMatchObject({ body: { reopening_state: 'failed', failure: 'ReplicasDisagree' } })
    const another = await reopen('another')
    expect(another.status).toBe(202)
    expect(another.body['reopening_id']).not.toBe(id)
  })

  test('goes on after one that was lost', async () => {
    floor.lease(1, { halted: 'divergence' })
    row('lost', { started_at_millis: Date.now() - 3_600_000 })
    expect((await reopen()).status).toBe(202)
  })

  test('is refused under a name that was used before', async () => {
    floor.lease(1, { halted: 'divergence' })
    workflows.on(StartExecutionCommand).rejects(new ExecutionAlreadyExists({ message: 'used', $metadata: {} }))
    expect(await reopen()).toMatchObject({ status: 409, body: { code: 'idempotency-conflict' } })
  })

  test.each([
    ['is not halted', () => floor.lease(1)],
    ['nobody has led', () => undefined],
  ])('of a lane that %s is refused', async (_, seed) => {
    seed()
    expect(await reopen()).toMatchObject({ status: 409, body: { code: 'lane-not-halted' } })
    expect(await reopen('a', '9')).toMatchObject({ status: 404 })
    expect(executions()).toEqual([])
  })
})
