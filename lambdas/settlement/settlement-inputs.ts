import { getBook } from '#adapters/tables/books.ts'
import { getDecided, listFixings } from '#adapters/tables/fixings.ts'
import { getInstrument, getInstrumentById, type InstrumentRow } from '#adapters/tables/instruments.ts'
import { listMeasurements } from '#adapters/tables/measurements.ts'
import { parameterVersions } from '#adapters/tables/parameters.ts'
import { getSettlement, type SettlementRow, settlementsOfKind } from '#adapters/tables/settlements.ts'
import { dueFixings, type IndexVersion } from '#domain/reference/index-method.ts'
import { finalSettlement, settlementText } from '#domain/settlement/settlement-name.ts'
import { type FixingSpan, type SettledContract, settlementNeeds } from '#domain/settlement/settlement-needs.ts'
import {
  type FixingsOfIndex,
  type SettlementInputs,
  type SettlementPrice,
  settlementPrice,
} from '#domain/settlement/settlement-price.ts'
import { dueLegs } from '#domain/settlement/settlement-schedule.ts'
import { indexVersionOf } from '../shell/index-level.ts'

/** How long what is late is waited for, on the exchange's clock: fixings, and what sources measure. */
const fixingsWaitMillis = 15 * 60_000
const windowsWaitMillis = 60 * 60_000

/** More than a year of minutes. */
const mostFixings = 600_000

export interface Appraisal {
  readonly price: SettlementPrice
  readonly isWaitOver: boolean
}

/** What the settlement is worth by all that is there now. */
export const appraise = async (row: SettlementRow, nowMillis: number): Promise<Appraisal> => {
  const market = await getInstrumentById(row.lane, row.instrumentId)
  if (market === undefined) throw new Error(`the instrument ${row.instrumentId} of lane ${row.lane} is not listed`)
  const unpaid = await paymentsBefore(row, market)
  if (unpaid.length > 0) return { price: { state: 'pending', missing: unpaid }, isWaitOver: false }
  const contract = await contractOf(row, market)
  const { windows } = settlementNeeds(contract)
  const waitMillis = windows === undefined ? fixingsWaitMillis : windowsWaitMillis
  const { waitingSinceMillis = nowMillis } = row
  const isWaitOver = nowMillis - waitingSinceMillis >= waitMillis
  return { price: settlementPrice(contract, await inputsOf(contract, market), isWaitOver), isWaitOver }
}

/** Legs are paid in order and before the end, and so are distributions; one of those that failed is passed over. */
const paymentsBefore = async (row: SettlementRow, { instrument }: InstrumentRow): Promise<readonly string[]> => {
  const { terms } = instrument
  if (terms.kind === 'swap') {
    const settled = new Set(
      (await settlementsOfKind(row.lane, row.instrumentId, 'leg'))
        .filter(({ state }) => state === 'settled')
        .map(({ number }) => number),
    )
    return dueLegs(terms, row.dueAtMillis)
      .filter(({ number }) => (row.kind === 'final' || number < row.number) && !settled.has(number))
      .map(({ number }) => settlementText({ kind: 'leg', number }))
  }
  if (terms.kind !== 'structured_product') return []
  return (await settlementsOfKind(row.lane, row.instrumentId, 'distribution'))
    .filter(({ number }) => row.kind === 'final' || number < row.number)
    .filter(({ state }) => state !== 'settled' && state !== 'failed')
    .map(settlementText)
}

const contractOf = async (
  row: SettlementRow,
  { instrument, listedAtMillis }: InstrumentRow,
): Promise<SettledContract> => ({
  kind: row.kind,
  number: row.number,
  instrument,
  listedAtMillis,
  asOfMillis: row.dueAtMillis,
  isDelisted: row.kind === 'final' && row.dueAtMillis < instrument.specification.expirationMillis,
  distributedTicks: await distributedTicks(row.lane, row.instrumentId),
})

/** By our own rows: the instrument's may be behind the last payment. */
export const distributedTicks = async (lane: number, instrumentId: number): Promise<number> =>
  (await settlementsOfKind(lane, instrumentId, 'distribution'))
    .filter(({ state }) => state === 'settled')
    .reduce((sum, { priceTicks = 0 }) => sum + priceTicks, 0)

const inputsOf = async (contract: SettledContract, { lane, instrument }: InstrumentRow): Promise<SettlementInputs> => {
  const { fixings, windows, future } = settlementNeeds(contract)
  const [ofIndices, measured, settled, book] = await Promise.all([
    Promise.all(fixings.map(fixingsOfSpan)),
    windows === undefined ? [] : listMeasurements(windows.series, windows.fromMillis, windows.toMillis),
    future === undefined ? undefined : futureOf(lane, future),
    getBook(lane, instrument.instrumentId),
  ])
  return {
    fixings: ofIndices,
    windows: measured,
    ...(settled !== undefined && { future: settled }),
    lastMarkTicks: book?.market.markTicks ?? 0,
  }
}

/** What is fixed of an index within a span, and what its definitions say is to be. */
export const fixingsOfSpan = async ({ index, fromMillis, toMillis }: FixingSpan): Promise<FixingsOfIndex> => {
  // Before the fixings: what is decided by then is among them.
  const [versions, decidedMillis = 0] = await Promise.all([indexVersions(index), getDecided(index)])
  const fixings = await listFixings(index, fromMillis, toMillis)
  return {
    index,
    decidedMillis,
    expectedMillis: dueFixings(versions, fromMillis - 1, toMillis, mostFixings).map(({ fixingMillis }) => fixingMillis),
    fixings,
  }
}

const indexVersions = async (index: string): Promise<readonly IndexVersion[]> =>
  (await parameterVersions('index', index)).map(indexVersionOf)

/** A price that is computed is the only one that is ever paid: there is no need to wait for the payment. */
const futureOf = async (lane: number, instrumentName: string): Promise<SettlementInputs['future']> => {
  const market = await getInstrument(lane, instrumentName)
  if (market === undefined) return undefined
  const settlement = await getSettlement(lane, market.instrument.instrumentId, finalSettlement)
  const { priceTicks, tickSize = '' } = settlement ?? {}
  return priceTicks === undefined ? undefined : { instrumentName, priceTicks, tickSize }
}
