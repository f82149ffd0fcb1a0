import { beforeEach, describe, expect, test } from '@jest/globals'
import type { Event } from '#domain/trading/events.ts'
import { lanesEnvironmentVariable } from '#protocol/streams.ts'
import { executionsRecord } from '#test/support/executions.ts'
import { mockStreams } from '#test/support/mocked-streams.ts'

process.env['POWERTOOLS_LOG_LEVEL'] = 'SILENT'
process.env['POWERTOOLS_METRICS_DISABLED'] = 'true'
process.env[lanesEnvironmentVariable] = '1,2'
const streams = mockStreams([1, 2])
const { relayBudgets } = await import('#lambdas/risk/relay-lane-budgets.ts')

const commandId = '01900000-0000-7000-8000-0000000000c1'
const abroad = 1_048_577
const granted: Event = {
  type: 'budget-granted',
  accountId: 1,
  toLane: 2,
  toAccountId: abroad,
  setVersion: 4,
  grant: 5,
  budgetMicros: [5, -1],
}
const held: Event = {
  type: 'budget-held',
  accountId: abroad,
  commandId,
  toLane: 1,
  toAccountId: 1,
  setVersion: 4,
  grant: 5,
  number: 6,
  budgetMicros: [5, -2],
}
const asked: Event = {
  type: 'budget-asked',
  accountId: abroad,
  toLane: 1,
  toAccountId: 1,
  setVersion: 4,
  wantedMicros: [7, 8],
}
const other: Event = { type: 'deposited', accountId: 1, commandId, amountMicros: 1, cashMicros: 1 }

beforeEach(() => streams.reset())

describe('what one lane has for another', () => {
  test('becomes a command there; everything else is passed over', async () => {
    await relayBudgets([executionsRecord(1, 1, [other, granted, other])])
    await relayBudgets([executionsRecord(1, 1, [held, asked], 2)])
    expect(streams.put).toEqual([
      {
        lane: 2,
        command: {
          type: 'grant-budget',
          commandId: expect.any(String),
          accountId: abroad,
          fromLane: 1,
          setVersion: 4,
          grant: 5,
          budgetMicros: [5, -1],
        },
      },
      {
        lane: 1,
        command: {
          type: 'tell-budget',
          commandId: expect.any(String),
          accountId: 1,
          fromLane: 2,
          setVersion: 4,
          grant: 5,
          number: 6,
          budgetMicros: [5, -2],
        },
      },
      {
        lane: 1,
        command: {
          type: 'ask-budget',
          commandId: expect.any(String),
          accountId: 1,
          fromLane: 2,
          setVersion: 4,
          wantedMicros: [7, 8],
        },
      },
    ])
  })

  test('is the same command however often it is delivered, and another one where the lane has said it again', async () => {
    const records = [executionsRecord(1, 1, [granted, granted])]
    await relayBudgets(records)
    await relayBudgets(records)
    const ids = streams.put.map(({ command }) => ('commandId' in command ? command.commandId : ''))
    expect(ids.slice(2)).toEqual(ids.slice(0, 2))
    expect(new Set(ids).size).toBe(2)
    // The same numbers in another lane are other events.
    await relayBudgets([executionsRecord(1, 1, [held], 2)])
    expect(new Set(streams.put.map(({ command }) => ('commandId' in command ? command.commandId : ''))).size).toBe(3)
  })

  test('goes in frames that fit a record, and to lanes of the tenant only', async () => {
    await relayBudgets([
      executionsRecord(
        1,
        1,
        Array.from({ length: 41 }, () => granted),
      ),
    ])
    expect([streams.put.length, streams.records()]).toEqual([41, 3])
    streams.reset()
    await relayBudgets([executionsRecord(1, 1, [{ ...granted, toLane: 3 }, granted])])
    expect(streams.put.map(({ lane }) => lane)).toEqual([2])
  })

  test('that cannot be put fails its record, so that it comes again', async () => {
    streams.fail(new Error('throttled'))
    const records = [executionsRecord(1, 1, [other]), executionsRecord(2, 2, [granted])]
    await expect(relayBudgets(records)).rejects.toMatchObject({ sequenceNumber: records[1]?.sequenceNumber })
  })
})
