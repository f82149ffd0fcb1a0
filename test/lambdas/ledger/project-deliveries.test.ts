import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals'
import { getBalance } from '#adapters/tables/balances.ts'
import { forgetInstruments, getInstrumentById } from '#adapters/tables/instruments.ts'
import { listLedgerEntries } from '#adapters/tables/ledger-entries.ts'
import { getOutcome } from '#adapters/tables/outcomes.ts'
import { listPositions } from '#adapters/tables/positions.ts'
import type { Event } from '#domain/trading/events.ts'
import { commission, openHall } from '#test/support/delivery-hall.ts'
import { type LocalTables, startTables } from '#test/support/dynamodb-local.ts'
import { mockExecutionsStream, recordsOf } from '#test/support/executions.ts'
import { usd } from '#test/support/tape.ts'

process.env['POWERTOOLS_LOG_LEVEL'] = 'SILENT'
process.env['POWERTOOLS_METRICS_DISABLED'] = 'true'
const { projectorOf } = await import('#lambdas/shell/projection.ts')
const { projectPositions } = await import('#lambdas/ledger/project-positions.ts')
const { projectInstruments } = await import('#lambdas/reference/project-instruments.ts')
const { deliveryIdOf } = await import('#lambdas/shell/delivery-id.ts')

let tables: LocalTables
mockExecutionsStream()
beforeAll(async () => {
  tables = await startTables()
})
afterAll(() => tables.stop())
beforeEach(() => tables.renew())

const gateName = 'day-ahead/2026-11-28'
const hall = openHall({ makerCommissionPpm: commission })
const events: Event[] = [...hall.before]
/** Enters a command and answers its id. */
const enter = (...told: readonly Event[]): string => {
  events.push(...told)
  const last = told.findLast(event => 'commandId' in event)
  return last !== undefined && 'commandId' in last ? last.commandId : ''
}
const award = (buyAccountId: number, sellAccountId: number, lots: number): string =>
  enter(
    ...hall.enter({
      type: 'award-lots',
      gateName,
      instrumentId: 1,
      priceTicks: 20,
      lots,
      buyAccountId,
      sellAccountId,
    }),
  )
const settle = (lots: number, outcome: 'delivered' | 'undelivered', compensationMicros: number): string =>
  enter(
    ...hall.enter({ type: 'settle-delivery', instrumentId: 1, deliveryNumber: 1, lots, outcome, compensationMicros }),
  )

const opened = enter(...hall.enter({ type: 'set-gate', gateName, state: 'open' }))
const bid = enter(
  ...hall.enter({ type: 'hold-bid', accountId: 1, gateName, amountMicros: 200 * usd, replacesHoldId: '' }),
)
const refused = enter(
  ...hall.enter({ type: 'hold-bid', accountId: 1, gateName: 'never', amountMicros: usd, replacesHoldId: '' }),
)
enter(...hall.close(gateName))
const awarded = award(1, 2, 10)
// To itself: its fees alone.
award(3, 3, 1)
const freed = enter(...hall.enter({ type: 'release-hold', accountId: 1, holdId: bid }))
const paid = enter(
  ...hall.enter({
    type: 'post-payment',
    accountId: 4,
    toAccountId: 1,
    amountMicros: 30 * usd,
    purpose: 'sla-penalty',
    reference: 'contract-7',
  }),
)
enter(...hall.expire(1))
const obligated = enter(...hall.enter({ type: 'obligate-deliveries', instrumentId: 1, settlementTicks: 25 }))
const delivered = settle(4, 'delivered', 0)
const undelivered = settle(5, 'undelivered', 60 * usd)

const projected = async (batch: number): Promise<void> => {
  const records = recordsOf(events, [1])
  for (const projection of [projectInstruments, projectPositions]) {
    const project = projectorOf(projection)
    for (let at = 0; at < records.length; at += batch) await project(records.slice(at, at + batch))
  }
}

test.each([1, 7, 1_000])('bids, awards, payments and deliveries are projected, in batches of %i', async batch => {
  await projected(batch)
  const state = hall.snapshot()
  // One lot of the delivery is left: its invoice, and a tenth of it.
  for (const [index, heldMicros] of [25 * usd, 2.5 * usd, 0, 0].entries())
    expect(await getBalance(index + 1, 'USD')).toMatchObject({
      cashMicros: state.accounts[index]?.cashMicros,
      heldMicros,
    })
  for (const accountId of [1, 2, 3]) {
    const { rows } = await listPositions(accountId, { limit: 10 })
    expect(rows).toMatchObject([{ sizeLots: 0, entryTickLots: 0 }])
  }
  for (const id of [opened, bid, awarded, freed, paid, obligated, delivered, undelivered])
    expect(await getOutcome(id)).toMatchObject({ accepted: true })
  expect(await getOutcome(refused)).toMatchObject({ accepted: false, code: 'unknown-gate' })

  const entriesOf = async (accountId: number) =>
    (await listLedgerEntries(accountId, { limit: 100 })).rows
      .toReversed()
      .map(({ kind, amountMicros, counterAccountId }) => [kind, amountMicros / usd, counterAccountId])
  expect(await entriesOf(1)).toEqual([
    ['deposit', 1_000, undefined],
    ['award', -2, 2],
    ['payment', 30, 4],
    ['final', 50, undefined],
    ['delivery', -100, 2],
    ['delivery', 60, 2],
  ])
  expect(await entriesOf(2)).toEqual([
    ['deposit', 1_000, undefined],
    ['award', -2, 1],
    ['final', -50, undefined],
    ['delivery', 100, 1],
    ['delivery', -60, 1],
  ])
  expect(await entriesOf(3)).toEqual([
    ['deposit', 1_000, undefined],
    ['award', -0.2, 3],
    ['award', -0.2, 3],
  ])

  // Copies of the table are kept for two seconds.
  forgetInstruments()
  expect(await getInstrumentById(1, 1)).toMatchObject({
    lifecycle: 'settled',
    instrument: { specification: { settlement: 'physical' }, terms: { delivery: { penaltyPpm: 100_000 } } },
  })
  const delivery_id = deliveryIdOf(1, { instrumentId: 1, deliveryNumber: 1 })
  const rows = (await tables.items('deliveries')).filter(row => row['delivery_id'] === delivery_id)
  expect(rows.find(({ row }) => row === 'obligation')).toMatchObject({
    lots: 10,
    price_ticks: 25,
    invoice_micros: 250 * usd,
  })
  expect(rows.filter(({ command_id }) => command_id !== undefined)).toHaveLength(2)
})
