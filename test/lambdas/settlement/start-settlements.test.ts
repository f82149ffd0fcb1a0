import { ExecutionAlreadyExists, SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn'
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals'
import { mockClient } from 'aws-sdk-client-mock'
import { instrumentPut } from '#adapters/tables/instruments.ts'
import { defineInstrument } from '#domain/reference/instrument.ts'
import { workflowEnvironmentVariable } from '#protocol/functions.ts'
import { tableChanges } from '#test/support/announced.ts'
import { lambdaContext } from '#test/support/http-requests.ts'
import { mockTables } from '#test/support/mocked-tables.ts'
import { contractSpecification } from '#test/support/settled-contracts.ts'

const tables = mockTables()
const workflows = mockClient(SFNClient)
process.env[workflowEnvironmentVariable('cash-settlement')] = 'test-arn'
const { handler } = await import('#lambdas/settlement/start-settlements.ts')
const { forgetEngineVersions } = await import('#lambdas/reference/engine-version-needed.ts')

const expirationMillis = Date.UTC(2027, 1, 1)
const swap = contractSpecification(
  'swap',
  { first_month: '2026-11' },
  { instrumentName: 'I-NOV26-JAN27', expirationMillis },
)
const image = (lifecycle: 'active' | 'expired' | 'delisted', closedAtMillis?: number) => {
  const defined = defineInstrument(swap, 5, 1)
  if (!defined.accepted) throw new Error('not a contract')
  return instrumentPut({
    lane: 1,
    instrument: defined.value,
    isActive: lifecycle === 'active',
    lifecycle,
    listedAtMillis: 1,
    ...(closedAtMillis === undefined ? {} : { closedAtMillis }),
  })
}

let nowMillis = expirationMillis + 5_000
beforeEach(() => {
  tables.reset()
  workflows.reset()
  workflows.on(StartExecutionCommand).resolves({})
  forgetEngineVersions()
  tables.seed('lanes', { lane: '1', row: 'engine-version', engine_version: 3, at_millis: 1 })
  nowMillis = expirationMillis + 5_000
  jest.spyOn(Date, 'now').mockImplementation(() => nowMillis)
})
afterEach(() => {
  jest.restoreAllMocks()
})

const executions = () => workflows.commandCalls(StartExecutionCommand).map(({ args: [{ input }] }) => input.name)
const begun = () => tables.items('settlements').map(row => [row['settlement'], row['due_at_millis'], row['attempt']])

describe('what has just ended', () => {
  test('is begun to be settled, legs and end, once for each that is told of it', async () => {
    const change = tableChanges({ before: image('active'), now: image('expired', expirationMillis + 1_000) })
    expect(await handler(change, lambdaContext)).toEqual({ batchItemFailures: [] })
    expect(begun()).toEqual([
      ['leg#0001', Date.UTC(2026, 11, 1), 1],
      ['leg#0002', Date.UTC(2027, 0, 1), 1],
      ['final', expirationMillis, 1],
    ])
    const first = executions()
    expect(new Set(first).size).toBe(3)
    await handler(change, lambdaContext)
    expect(executions()).toEqual([...first, ...first])
    expect(begun()).toHaveLength(3)
  })

  test('taken from trading early it is settled as of then, with the legs that have ended', async () => {
    const closedAtMillis = Date.UTC(2026, 11, 15)
    await handler(tableChanges({ before: image('active'), now: image('delisted', closedAtMillis) }), lambdaContext)
    expect(begun()).toEqual([
      ['leg#0001', Date.UTC(2026, 11, 1), 1],
      ['final', closedAtMillis, 1],
    ])
  })

  test('a listing, an adjustment, a removal and a lane of older rules begin nothing', async () => {
    const expired = image('expired', 1)
    await handler(
      tableChanges({ now: image('active') }, { before: image('active'), now: image('active') }, { before: expired }),
      lambdaContext,
    )
    await handler(tableChanges({ before: expired, now: expired }), lambdaContext)
    forgetEngineVersions()
    tables.seed('lanes', { lane: '1', row: 'engine-version', engine_version: 2, at_millis: 1 })
    await handler(tableChanges({ before: image('active'), now: expired }), lambdaContext)
    expect(begun()).toEqual([])
  })

  test('an execution that has ended without a word is begun anew, one that failed is not', async () => {
    const change = tableChanges({ before: image('active'), now: image('delisted', 1) })
    workflows.on(StartExecutionCommand).rejects(new ExecutionAlreadyExists({ message: 'again', $metadata: {} }))
    await handler(change, lambdaContext)
    nowMillis += 3 * 3_600_000
    await handler(change, lambdaContext)
    expect(begun()).toEqual([['final', 1, 1]])
    nowMillis += 600_000
    await handler(change, lambdaContext)
    expect(begun()).toEqual([['final', 1, 2]])
    expect(new Set(executions()).size).toBe(2)
    const [row = {}] = tables.items('settlements')
    tables.seed('settlements', { ...row, settlement_state: 'failed' })
    nowMillis += 90 * 86_400_000
    await handler(change, lambdaContext)
    expect(begun()).toEqual([['final', 1, 2]])
  })

  test('what cannot be begun is told again', async () => {
    workflows.on(StartExecutionCommand).rejects(new Error('busy'))
    const change = tableChanges({ before: image('active'), now: image('expired', 1) })
    expect(await handler(change, lambdaContext)).toEqual({ batchItemFailures: [{ itemIdentifier: '1' }] })
  })
})
