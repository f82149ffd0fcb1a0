import { beforeEach, expect, test } from '@jest/globals'
import { getBook } from '#adapters/tables/books.ts'
import { forgetInstruments, readInstrument } from '#adapters/tables/instruments.ts'
import { orderRowOf } from '#adapters/tables/orders.ts'
import { getOutcome } from '#adapters/tables/outcomes.ts'
import { positionRowOf } from '#adapters/tables/positions.ts'
import type { ContractSpecification } from '#domain/reference/instrument.ts'
import type { Command } from '#domain/trading/commands.ts'
import { createEngine, type Engine } from '#domain/trading/engine.ts'
import { executionsRecord } from '#test/support/executions.ts'
import { mockTables } from '#test/support/mocked-tables.ts'
import { commandOf, idOf, marketMillis, nextCommandId, testSpecification, usd } from '#test/support/tape.ts'

process.env['POWERTOOLS_LOG_LEVEL'] = 'SILENT'
process.env['POWERTOOLS_METRICS_DISABLED'] = 'true'
const tables = mockTables()
const { projectorOf } = await import('#lambdas/shell/projection.ts')
const { projectOrders } = await import('#lambdas/trading/project-orders.ts')
const { projectPositions } = await import('#lambdas/ledger/project-positions.ts')
const { projectInstruments } = await import('#lambdas/reference/project-instruments.ts')
const { marketDataProjection } = await import('#lambdas/reference/project-market-data.ts')

/** What the engine says of contracts from their listing to their settlement, as it is in the tables. */

let engine: Engine
let outSeq: number
let records: number
let project: (record: ReturnType<typeof executionsRecord>) => Promise<void>

const enter = async (command: Command, atMillis = marketMillis): Promise<void> => {
  const events = engine.enter(command, atMillis)
  if (events.length > 0) await project(executionsRecord(++records, outSeq + 1, events))
  outSeq += events.length
  forgetInstruments()
}
type Rare = Exclude<Command, { type: 'place-order' }>
type Asked = Rare extends infer Each ? (Each extends Rare ? Omit<Each, 'commandId'> : never) : never
/** Enters a command of an id of its own, and tells its outcome. */
const ask = async (command: Asked, atMillis?: number) => {
  const commandId = nextCommandId()
  await enter({ ...command, commandId } as Rare, atMillis)
  const outcome = await getOutcome(commandId)
  return outcome === undefined ? undefined : (outcome.code ?? outcome.accepted)
}
const order = (line: string, instrumentId: number, specificationVersion = 1) => {
  const command = commandOf(line)
  if (command.type !== 'place-order') throw new Error(`${line} places no order`)
  return enter({ ...command, instrumentId, specificationVersion })
}
const list = (specification: Partial<ContractSpecification>) =>
  ask({ type: 'list-instrument', specification: { ...testSpecification, ...specification } })
const settle = (
  instrumentId: number,
  settlementKind: 'variation' | 'leg' | 'distribution' | 'final',
  number: number,
  priceTicks: number,
  atMillis?: number,
) => ask({ type: 'settle-instrument', instrumentId, settlementKind, number, priceTicks }, atMillis)

const positionOf = (accountId: number, instrumentName: string) => {
  const item = tables
    .items('positions')
    .find(each => each['account_id'] === accountId && each['instrument_name'] === instrumentName)
  if (item === undefined) throw new Error(`account ${accountId} has no position in ${instrumentName}`)
  return positionRowOf(item)
}
const cashOf = (accountId: number) =>
  tables.items('balances').find(each => each['account_id'] === accountId)?.['cash_micros']
const orderOf = (name: string) =>
  tables
    .items('orders')
    .map(orderRowOf)
    .find(({ orderId }) => orderId === idOf(name))
const bookOf = async (instrumentId: number) => (await getBook(1, instrumentId))?.market

const future = testSpecification.instrumentName
const { expirationMillis } = testSpecification

beforeEach(async () => {
  tables.reset()
  forgetInstruments()
  engine = createEngine(1)
  outSeq = 0
  records = 0
  const projectors = [projectInstruments, projectOrders, projectPositions, marketDataProjection()].map(projectorOf)
  project = async record => {
    for (const projector of projectors) await projector([record])
  }
  await ask({ type: 'activate-engine-version', version: 3 })
  for (const account of ['ann', 'bob']) await ask({ type: 'open-account', account, firm: 'acme' })
  for (const accountId of [1, 2]) await ask({ type: 'deposit', accountId, amountMicros: 100_000 * usd })
  expect(await list({})).toBe(true)
})

test('marks from a list, the day’s variation, delisting and the final settlement of a future', async () => {
  await order('ann buys 10 @ 100 as a1', 1)
  await order('bob sells 10 @ 100 as b1', 1)
  await order('ann buys 5 @ 90 as a2', 1)
  expect(await bookOf(1)).toMatchObject({ openInterestLots: 10, state: 'continuous' })
  await ask({ type: 'set-mark-prices', marks: [{ instrumentId: 1, markTicks: 105 }] })
  expect(await bookOf(1)).toMatchObject({ markTicks: 105 })

  expect(await settle(1, 'variation', 20_000, 105)).toBe(true)
  expect(positionOf(1, future)).toMatchObject({ sizeLots: 10, entryTickLots: 1_050, realisedMicros: 50 * usd })
  expect([cashOf(1), cashOf(2)]).toEqual([100_050 * usd, 99_950 * usd])
  expect(await bookOf(1)).toMatchObject({ openInterestLots: 10 })
  expect(await settle(1, 'variation', 20_000, 105)).toBe('settlement-out-of-order')
  expect(await settle(1, 'final', 0, 105)).toBe('instrument-not-open')

  expect(await ask({ type: 'delist-instrument', instrumentId: 1 })).toBe(true)
  expect(orderOf('a2')).toMatchObject({ orderState: 'cancelled', cancelReason: 'instrument-delisted' })
  expect(await readInstrument(1, future)).toMatchObject({
    isActive: false,
    lifecycle: 'delisted',
    closedAtMillis: expect.any(Number),
  })
  expect(await bookOf(1)).toMatchObject({ state: 'expired', bids: { cutTicks: 0 }, openInterestLots: 10 })
  expect(await ask({ type: 'delist-instrument', instrumentId: 1 })).toBe('instrument-not-open')

  expect(await settle(1, 'final', 0, 110)).toBe(true)
  expect(positionOf(1, future)).toMatchObject({ sizeLots: 0, entryTickLots: 0, realisedMicros: 100 * usd })
  expect([cashOf(1), cashOf(2)]).toEqual([100_100 * usd, 99_900 * usd])
  expect(await readInstrument(1, future)).toMatchObject({ lifecycle: 'settled', settledAtMillis: expect.any(Number) })
  expect(await bookOf(1)).toMatchObject({ openInterestLots: 0 })
  expect(await settle(1, 'final', 0, 110)).toBe('instrument-settled')
})

test('an American option is exercised and assigned, and expires', async () => {
  const name = `${future}-100.00-C-AM`
  const terms = JSON.stringify({
    option_type: 'call',
    strike: '100',
    exercise: 'american',
    underlying_instrument: future,
  })
  expect(await list({ instrumentName: name, kind: 'option', terms })).toBe(true)
  await order('ann buys 10 @ 5 as a1', 2)
  await order('bob sells 10 @ 5 as b1', 2)
  const exercise = (quantityLots: number) =>
    ask({ type: 'exercise-option', accountId: 1, instrumentId: 2, quantityLots })
  expect(await exercise(4)).toBe('not-exercisable')
  await ask({ type: 'set-mark-prices', marks: [{ instrumentId: 1, markTicks: 120 }] })
  expect(await exercise(4)).toBe(true)
  expect([positionOf(1, name).sizeLots, positionOf(2, name).sizeLots]).toEqual([6, -6])
  expect([cashOf(1), cashOf(2)]).toEqual([100_060 * usd, 99_940 * usd])
  expect(await bookOf(2)).toMatchObject({ openInterestLots: 6 })
  expect(await exercise(7)).toBe('amount-out-of-range')

  expect(await ask({ type: 'expire-instrument', instrumentId: 2 }, expirationMillis)).toBe(true)
  expect(await settle(2, 'final', 0, 20, expirationMillis)).toBe(true)
  expect([cashOf(1), cashOf(2)]).toEqual([100_150 * usd, 99_850 * usd])
  expect(await bookOf(2)).toMatchObject({ openInterestLots: 0, state: 'expired' })
  expect(await readInstrument(1, name)).toMatchObject({ lifecycle: 'settled', closedAtMillis: expect.any(Number) })
})

test('a swap is another instrument after each leg', async () => {
  const end = Date.UTC(2027, 4, 1)
  const name = 'H100.USE-SWAP-MAR27-APR27'
  const terms = JSON.stringify({ first_month: '2027-03' })
  expect(await list({ instrumentName: name, kind: 'swap', terms, expirationMillis: end })).toBe(true)
  const whole = (await readInstrument(1, name))?.instrument
  await order('ann buys 10 @ 100 as a1', 2)
  await order('bob sells 10 @ 100 as b1', 2)
  await order('ann buys 5 @ 90 as a2', 2)
  expect(await settle(2, 'leg', 2, 110)).toBe('settlement-out-of-order')
  expect(await settle(2, 'leg', 1, 110)).toBe(true)
  expect(await readInstrument(1, name)).toMatchObject({
    lifecycle: 'active',
    instrument: { settledLegs: 1, specificationVersion: 2, microsPerTickLot: (whole?.microsPerTickLot ?? 0) / 2 },
  })
  expect(orderOf('a2')).toMatchObject({ orderState: 'cancelled', cancelReason: 'instrument-adjusted' })
  expect(positionOf(1, name)).toMatchObject({ sizeLots: 10, entryTickLots: 1_000, realisedMicros: 100 * usd })
  expect(await bookOf(2)).toMatchObject({ openInterestLots: 10, state: 'continuous' })
})

test('a structured product pays before its end, and is capped lower since', async () => {
  const name = 'SP-H100.USE-27NOV26-TEST'
  const terms = JSON.stringify({ payoff: { op: 'nothing' } })
  expect(await list({ instrumentName: name, kind: 'structured_product', terms })).toBe(true)
  const cap = (await readInstrument(1, name))?.instrument.maxPriceTicks ?? 0
  await order('ann buys 10 @ 100 as a1', 2)
  await order('bob sells 10 @ 100 as b1', 2)
  expect(await settle(2, 'distribution', 1, 8)).toBe(true)
  expect(await readInstrument(1, name)).toMatchObject({
    instrument: { distributedTicks: 8, maxPriceTicks: cap - 8, specificationVersion: 2 },
  })
  expect([cashOf(1), cashOf(2)]).toEqual([100_080 * usd, 99_920 * usd])
})
