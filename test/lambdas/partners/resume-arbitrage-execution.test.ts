import { SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn'
import { beforeEach, expect, test } from '@jest/globals'
import { mockClient } from 'aws-sdk-client-mock'
import { workflowEnvironmentVariable } from '#protocol/functions.ts'
import { partnersOperations } from '#protocol/operations/partners.ts'
import { seedExecution } from '#test/support/arbitrage-rows.ts'
import { requests } from '#test/support/http-requests.ts'
import { idOf } from '#test/support/tape.ts'
import { openTradingFloor } from '#test/support/trading-floor.ts'

const floor = openTradingFloor()
const workflows = mockClient(SFNClient)
process.env[workflowEnvironmentVariable('arbitrage-execution')] = 'test-arn'
const { handler } = await import('#lambdas/partners/http.ts')
const send = requests(handler, partnersOperations)
beforeEach(() => {
  floor.reset()
  workflows.reset()
  workflows.on(StartExecutionCommand).resolves({})
})
const path = { execution_id: idOf('a') }

test('what failed goes on under another execution, from its first step on; nothing else does', async () => {
  await seedExecution({ state: 'failed', failure: 'ArbitrageUnanswered: step 1' })
  expect((await send('resume-arbitrage-execution', { path, as: { account: 'other' } })).status).toBe(404)
  const { status, body } = await send('resume-arbitrage-execution', { path })
  expect([status, body['execution_state'], body['attempt'], body['failure']]).toEqual([202, 'running', 2, null])
  const [call] = workflows.commandCalls(StartExecutionCommand)
  expect(JSON.parse(call?.args[0].input.input ?? '')).toMatchObject({ execution_id: idOf('a'), step: 0 })
  expect((await send('resume-arbitrage-execution', { path })).body['code']).toBe('execution-not-failed')
  expect(workflows.commandCalls(StartExecutionCommand)).toHaveLength(1)
})

test('what has not moved for longer than its workflow may take goes on; what is under way or over does not', async () => {
  const since = (millis: number) => ({ updatedAtMillis: Date.now() - millis })
  await seedExecution(since(66 * 60_000))
  await seedExecution({ executionId: idOf('b'), ...since(60 * 60_000) })
  await seedExecution({ executionId: idOf('c'), state: 'completed', ...since(66 * 60_000) })
  expect((await send('resume-arbitrage-execution', { path })).status).toBe(202)
  for (const execution_id of [idOf('b'), idOf('c')])
    expect((await send('resume-arbitrage-execution', { path: { execution_id } })).body['code']).toBe(
      'execution-not-failed',
    )
})
