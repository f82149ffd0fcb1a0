import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { getBalance } from '#adapters/tables/balances.ts'
import { listLedgerEntries } from '#adapters/tables/ledger-entries.ts'
import { getOutcome } from '#adapters/tables/outcomes.ts'
import { listPositions } from '#adapters/tables/positions.ts'
import { neverMillis } from '#domain/reference/contract-terms.ts'
import type { Command } from '#domain/trading/commands.ts'
import { createEngine } from '#domain/trading/engine.ts'
import { newestEngineVersion } from '#domain/trading/engine-version.ts'
import type { Event } from '#domain/trading/events.ts'
import { type LocalTables, startTables } from '#test/support/dynamodb-local.ts'
import { mockExecutionsStream, recordsOf } from '#test/support/executions.ts'
import { commandOf, idOf, marketMillis, testSpecification, usd } from '#test/support/tape.ts'

process.env['POWERTOOLS_LOG_LEVEL'] = 'SILENT'
process.env['POWERTOOLS_METRICS_DISABLED'] = 'true'
const { projectorOf } = await import('#lambdas/shell/projection.ts')
const { projectPositions } = await import('#lambdas/ledger/project-positions.ts')
const { projectInstruments } = await import('#lambdas/reference/project-instruments.ts')

let tables: LocalTables
mockExecutionsStream()
beforeAll(async () => {
  tables = await startTables()
})
afterAll(() => tables.stop())
beforeEach(() => tables.renew())

const ids = { accountId: 1 } as const
const commands: readonly Command[] = [
  { type: 'activate-engine-version', commandId: idOf('c1'), version: newestEngineVersion },
  {
    type: 'list-instrument',
    commandId: idOf('c2'),
    specification: { ...testSpecification, makerCommissionPpm: 1_000, takerCommissionPpm: 2_000 },
  },
  {
    type: 'list-instrument',
    commandId: idOf('c3'),
    specification: {
      ...testSpecification,
      instrumentName: 'COLL-TBILL3M',
      kind: 'collateral',
      terms: '{}',
      underlying: 'TBILL3M',
      expirationMillis: neverMillis,
    },
  },
  { type: 'open-account', commandId: idOf('c4'), account: 'ann', firm: '' },
  { type: 'open-account', commandId: idOf('c5'), account: 'bob', firm: 'ann' },
  { type: 'deposit', commandId: idOf('d1'), accountId: 1, amountMicros: 10_000 * usd },
  { type: 'deposit', commandId: idOf('d2'), accountId: 2, amountMicros: 10_000 * usd },
  { type: 'withdraw', commandId: idOf('d3'), ...ids, amountMicros: 100 * usd },
  { type: 'place-hold', commandId: idOf('d4'), ...ids, amountMicros: 50 * usd },
  { type: 'place-hold', commandId: idOf('d5'), ...ids, amountMicros: 30 * usd },
  { type: 'capture-hold', commandId: idOf('d6'), ...ids, holdId: idOf('d4'), amountMicros: 20 * usd },
  { type: 'release-hold', commandId: idOf('d7'), ...ids, holdId: idOf('d5') },
  { type: 'place-hold', commandId: idOf('d8'), ...ids, amountMicros: 7 * usd },
  { type: 'transfer', commandId: idOf('d9'), ...ids, toAccountId: 2, amountMicros: 5 * usd },
  { type: 'deposit-collateral', commandId: idOf('e1'), ...ids, instrumentId: 2, quantityLots: 9 },
  { type: 'withdraw-collateral', commandId: idOf('e2'), ...ids, instrumentId: 2, quantityLots: 4 },
  { type: 'withdraw', commandId: idOf('e3'), ...ids, amountMicros: 900_000 * usd },
  { type: 'withdraw-collateral', commandId: idOf('e4'), ...ids, instrumentId: 2, quantityLots: 6 },
  ...[
    'ann buys 2 @ 100 as a1',
    'bob sells 2 @ 100 as b1',
    'ann sells 2 @ 110 as a2',
    // With itself: the fees of both sides.
    'ann buys 1 @ 110 as a3',
    'bob buys 1 @ 110 as b2',
  ].map(commandOf),
]
const engine = createEngine(1)
const events: readonly Event[] = commands.flatMap(command => engine.enter(command, marketMillis))

const projected = async (batch: number): Promise<void> => {
  const records = recordsOf(events, [1])
  for (const projection of [projectInstruments, projectPositions]) {
    const project = projectorOf(projection)
    for (let at = 0; at < records.length; at += batch) await project(records.slice(at, at + batch))
  }
}

describe('what moves money is projected', () => {
  test('as cash, as what is held of it, and as collateral', async () => {
    await projected(events.length)
    const { accounts } = engine.snapshot()
    for (const [index, heldMicros] of [7 * usd, 0].entries())
      expect(await getBalance(index + 1, 'USD')).toMatchObject({ cashMicros: accounts[index]?.cashMicros, heldMicros })
    const { rows } = await listPositions(1, { limit: 10 })
    expect(rows.filter(({ isCollateral }) => isCollateral)).toMatchObject([
      { instrumentName: 'COLL-TBILL3M', sizeLots: 5, entryTickLots: 0, realisedMicros: 0 },
    ])
    expect(rows).toHaveLength(2)
  })

  test('with an outcome for each command', async () => {
    await projected(4)
    for (const name of ['d1', 'd3', 'd4', 'd6', 'd7', 'd9', 'e1', 'e2'])
      expect(await getOutcome(idOf(name))).toMatchObject({ accepted: true })
    expect(await getOutcome(idOf('e3'))).toMatchObject({ accepted: false, code: 'insufficient-funds' })
    expect(await getOutcome(idOf('e4'))).toMatchObject({ accepted: false, code: 'insufficient-collateral' })
  })

  test.each([1, 3, events.length])('as entries that add up to it, in batches of %i', async batch => {
    await projected(batch)
    const ann = (await listLedgerEntries(1, { limit: 100 })).rows.toReversed()
    expect(ann.map(({ kind, amountMicros, feeMicros }) => [kind, amountMicros / usd, feeMicros / usd])).toEqual([
      ['deposit', 10_000, 0],
      ['withdrawal', -100, 0],
      ['hold-capture', -20, 0],
      ['transfer', -5, 0],
      ['trade', -0.2, 0.2],
      ['trade', 9.89, 0.11],
      ['trade', -0.22, 0.22],
      ['trade', 4.89, 0.11],
    ])
    expect(ann[3]).toMatchObject({ reference: idOf('d9'), counterAccountId: 2 })
    expect(ann[4]).toMatchObject({ instrumentName: testSpecification.instrumentName })
    const bob = (await listLedgerEntries(2, { limit: 100 })).rows.toReversed()
    expect(bob[1]).toMatchObject({ kind: 'transfer', amountMicros: 5 * usd, counterAccountId: 1 })
    for (const [index, entries] of [ann, bob].entries()) {
      let sum = 0
      for (const { amountMicros, balanceMicros } of entries) {
        sum += amountMicros
        expect(balanceMicros).toBe(sum)
      }
      expect(sum).toBe(engine.snapshot().accounts[index]?.cashMicros)
    }
    // Double entry: what customers have, the house has and is still to be paid for positions is what was paid in.
    const fees = [...ann, ...bob].reduce((all, { feeMicros }) => all + feeMicros, 0)
    expect(fees).toBe(engine.snapshot().houseMicros)
    const clearing = [...ann, ...bob]
      .filter(({ kind }) => kind === 'trade')
      .reduce((all, { amountMicros, feeMicros }) => all - amountMicros - feeMicros, 0)
    const unpaid = engine
      .snapshot()
      .accounts.flatMap(({ positions }) => positions.map(({ entryTickLots }) => entryTickLots * usd))
    expect(clearing).toBe(-unpaid.reduce((all, each) => all + each, 0))
  })
})
