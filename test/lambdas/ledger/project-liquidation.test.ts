import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { expectedTables } from '#bin/chaos/expected.ts'
import type { Command } from '#domain/trading/commands.ts'
import { createEngine } from '#domain/trading/engine.ts'
import type { Event } from '#domain/trading/events.ts'
import { type LocalTables, startTables } from '#test/support/dynamodb-local.ts'
import { mockExecutionsStream, recordsOf } from '#test/support/executions.ts'
import { commandOf, marketMillis, nextCommandId, testSpecification, usd } from '#test/support/tape.ts'

process.env['POWERTOOLS_LOG_LEVEL'] = 'SILENT'
process.env['POWERTOOLS_METRICS_DISABLED'] = 'true'
const { projectorOf } = await import('#lambdas/shell/projection.ts')
const { projectOrders } = await import('#lambdas/trading/project-orders.ts')
const { projectPositions } = await import('#lambdas/ledger/project-positions.ts')
const { projectInstruments } = await import('#lambdas/reference/project-instruments.ts')

let tables: LocalTables
mockExecutionsStream()
beforeAll(async () => {
  tables = await startTables()
})
afterAll(() => tables.stop())

/** A lot gains or loses ten. */
const epoch = (epochVersion: number, markTicks: number): Command[] => [
  {
    type: 'risk-epoch-begin',
    commandId: nextCommandId(),
    epochVersion,
    scenarioSetVersion: 1,
    groups: [{ thresholdUnits: 0, microsPerUnit: 0 }],
    blocks: [{ scenarios: 2 }],
  },
  {
    type: 'risk-epoch-chunk',
    commandId: nextCommandId(),
    epochVersion,
    number: 0,
    instruments: [
      {
        instrumentId: 1,
        specificationVersion: 1,
        markMicros: markTicks * usd,
        shortMinimumMicros: 0,
        group: 0,
        concentrationUnits: 0,
        deltaMicroUnits: 0,
        vegaMicros: 0,
        risk: { kind: 'array', restMicros: 0, arrayMicros: [10 * usd, -10 * usd] },
      },
    ],
  },
  { type: 'risk-epoch-commit', commandId: nextCommandId(), epochVersion, chunks: 1 },
]
const liquidationId = nextCommandId()
const named = () => ({ commandId: nextCommandId(), liquidationId, accountId: 1 })

/** Ann owes 2,600 once all is sold at 50 that was bought at 90; Cid is the fund. */
const story: readonly Command[] = [
  { type: 'activate-engine-version', commandId: nextCommandId(), version: 4 },
  { type: 'list-instrument', commandId: nextCommandId(), specification: testSpecification },
  ...['ann', 'bob', 'cid'].map(
    (account): Command => ({ type: 'open-account', commandId: nextCommandId(), account, firm: '' }),
  ),
  ...[1_000, 9_000, 600].map(
    (dollars, index): Command => ({
      type: 'deposit',
      commandId: nextCommandId(),
      accountId: index + 1,
      amountMicros: dollars * usd,
    }),
  ),
  ...epoch(1, 90),
  ...['bob sells 90 @ 90 as b1', 'ann buys 90 @ 90 as a1', 'ann buys 3 @ 80 as a2'].map(commandOf),
  ...epoch(2, 50),
  { type: 'begin-liquidation', commandId: liquidationId, accountId: 1 },
  { type: 'begin-liquidation', commandId: nextCommandId(), accountId: 1 },
  commandOf('bob buys 40 @ 50 as b2'),
  { type: 'liquidate-position', ...named(), instrumentId: 1, direction: 'sell', quantityLots: 50, limitTicks: 50 },
  { type: 'transfer-position', ...named(), toAccountId: 2, instrumentId: 1, signedLots: 50, priceTicks: 50 },
  { type: 'cover-loss', ...named(), fundAccountId: 3, amountMicros: 600 * usd },
  { type: 'haircut-gains', ...named(), shares: [{ accountId: 2, amountMicros: 2_000 * usd }] },
  { type: 'end-liquidation', ...named() },
]

test('what a liquidation does to orders, positions and cash is stored, and what became of each step', async () => {
  const engine = createEngine(1)
  const events: readonly Event[] = story.flatMap(command => engine.enter(command, marketMillis))
  expect(events.flatMap(event => ('code' in event ? [event.code] : []))).toEqual(['liquidation-under-way'])
  expect(events.at(-1)).toMatchObject({ type: 'liquidation-ended', equityMicros: 0 })

  const records = recordsOf(events, [5])
  await projectorOf(projectInstruments)(records)
  await projectorOf(projectOrders)(records)
  await projectorOf(projectPositions)(records)

  const state = engine.snapshot()
  expect(await tables.items('balances')).toMatchObject(
    state.accounts.map(({ cashMicros }, index) => ({ account_id: index + 1, cash_micros: cashMicros })),
  )
  const outcomes = await tables.items('outcomes')
  for (const command of story)
    if ('liquidationId' in command || command.type === 'begin-liquidation')
      expect(outcomes.filter(item => item['command_id'] === command.commandId)).toHaveLength(1)
  // Told once more, without a line of the projectors.
  const expected = expectedTables(
    1,
    events.map((event, index) => ({
      sequence: String(index + 1).padStart(56, '0'),
      atMillis: marketMillis,
      commands: [],
      events: [event],
      bytes: Buffer.alloc(0),
      firstOutSeq: index + 1,
    })),
  )
  for (const table of ['orders', 'positions', 'balances', 'ledgerEntries', 'outcomes'] as const) {
    const stored = await tables.items(table)
    for (const [key, row] of expected[table])
      expect([
        key,
        stored.filter(item => Object.entries(row).every(([name, value]) => item[name] === value)).length,
      ]).toEqual([key, 1])
    expect([table, stored.length >= expected[table].size]).toEqual([table, true])
  }
})
