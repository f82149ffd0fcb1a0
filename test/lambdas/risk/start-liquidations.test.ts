import { ExecutionAlreadyExists, SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn'
import { beforeEach, describe, expect, test } from '@jest/globals'
import { mockClient } from 'aws-sdk-client-mock'
import { answeredCallPut, getAnsweredCall, type MarginCallRow, marginCallPut } from '#adapters/tables/margin-calls.ts'
import { store } from '#adapters/writes.ts'
import { workflowEnvironmentVariable } from '#protocol/functions.ts'
import { tableChanges } from '#test/support/announced.ts'
import { lambdaContext } from '#test/support/http-requests.ts'
import { mockTables } from '#test/support/mocked-tables.ts'

const tables = mockTables()
const workflows = mockClient(SFNClient)
process.env[workflowEnvironmentVariable('collateral-liquidation')] = 'test-arn'
const { handler } = await import('#lambdas/risk/start-liquidations.ts')

const call = (outSeq: number, change: Partial<MarginCallRow> = {}) =>
  marginCallPut({
    lane: 1,
    accountId: 7,
    outSeq,
    eventId: `1:${outSeq}:0`,
    epochVersion: 2,
    equityMicros: 5,
    requirementMicros: 9,
    calledAtMillis: 1_800_000_000_000,
    ...change,
  })
const tell = (...writes: readonly ReturnType<typeof call>[]) =>
  handler(tableChanges(...writes.map(now => ({ now }))), lambdaContext)
const executions = () => workflows.commandCalls(StartExecutionCommand).map(({ args: [{ input }] }) => input.name)

beforeEach(() => {
  tables.reset()
  workflows.reset()
  workflows.on(StartExecutionCommand).resolves({})
})

describe('a margin call', () => {
  test('starts one execution by account and call, however often it is told', async () => {
    expect(await tell(call(10))).toEqual({ batchItemFailures: [] })
    workflows.on(StartExecutionCommand).rejects(new ExecutionAlreadyExists({ message: 'again', $metadata: {} }))
    await tell(call(10))
    await tell(call(10), call(10, { accountId: 8 }), call(10, { lane: 2 }))
    expect(new Set(executions()).size).toBe(3)
    expect(tables.items('liquidations')).toMatchObject([
      { liquidation_state: 'called', call_event_id: '1:10:0', grace_ends_at_millis: 1_800_000_300_000 },
      { account_id: 8 },
      { lane: 2 },
    ])
    const [first] = workflows.commandCalls(StartExecutionCommand)
    expect(JSON.parse(first?.args[0].input.input ?? '')).toMatchObject({
      step: 0,
      grace_ends_at: '2027-01-15T08:05:00.000Z',
    })
  })

  test('that comes while another is being answered starts nothing; one of after it was over does', async () => {
    await tell(call(10))
    await tell(call(11), call(12))
    expect(new Set(executions()).size).toBe(1)
    const answered = await getAnsweredCall(1, 7)
    if (answered === undefined) throw new Error('it was answered')
    await store(answeredCallPut({ ...answered, isOver: true, overEventId: '1:12:3' }))
    // Told late: it was before the end, by number and not by text.
    await tell(call(9), call(12, { eventId: '1:12:2' }), call(10))
    expect(new Set(executions()).size).toBe(1)
    await tell(call(13, { eventId: '1:12:10' }))
    expect(new Set(executions()).size).toBe(2)
    expect(tables.items('liquidations')).toHaveLength(2)
  })

  test('of which nobody knew when the one before was over is answered once that is told', async () => {
    await tell(call(10))
    for (const each of [call(10), call(11)]) await store(each)
    await tell(call(11))
    expect(new Set(executions()).size).toBe(1)
    const answered = await getAnsweredCall(1, 7)
    if (answered === undefined) throw new Error('it was answered')
    const under = answeredCallPut(answered)
    await handler(tableChanges({ now: under, before: under }), lambdaContext)
    expect(new Set(executions()).size).toBe(1)
    const over = answeredCallPut({ ...answered, isOver: true, overEventId: '1:10:5' })
    await store(over)
    await handler(tableChanges({ now: over, before: under }), lambdaContext)
    expect(new Set(executions()).size).toBe(2)
  })

  test('whose beginning was cut off is begun when it is told again', async () => {
    workflows.on(StartExecutionCommand).rejects(new Error('busy'))
    expect(await tell(call(10))).toEqual({ batchItemFailures: [{ itemIdentifier: '1' }] })
    workflows.on(StartExecutionCommand).resolves({})
    expect(await tell(call(10))).toEqual({ batchItemFailures: [] })
    expect(tables.items('liquidations')).toHaveLength(1)
    expect(executions()).toHaveLength(2)
  })

  test('is a new row: what is answered of it, changed or removed is none', async () => {
    const answered = answeredCallPut({ lane: 1, accountId: 7, liquidationId: 'x', isOver: false, overEventId: '' })
    await handler(
      tableChanges({ now: answered }, { now: call(10), before: call(10) }, { before: call(10) }),
      lambdaContext,
    )
    expect(executions()).toEqual([])
  })
})
