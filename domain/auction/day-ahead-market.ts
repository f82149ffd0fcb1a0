import { accept, type Outcome } from '../outcome.ts'
import { contractTermsDocument, type FutureTerms, monthStart } from '../reference/contract-terms.ts'
import { type ContractSpecification, defineInstrument, type Instrument } from '../reference/instrument.ts'
import { instrumentNameOf, namedContract } from '../reference/instrument-names.ts'

export const hoursOfDay = 24
export const hourMillis = 3_600_000
const dayMillis = hoursOfDay * hourMillis

/** One resource class in one region, for each hour of a delivery date (UTC). */
export interface DayAheadMarket {
  /** What is delivered, and the index that its futures are marked by: `H100.USE`. */
  readonly market: string
  /** USD for each unit-hour. */
  readonly tickSize: string
  readonly minTradeAmount: string
  readonly maxPrice: string
  readonly makerCommissionPpm: number
  readonly takerCommissionPpm: number
  /** Of the invoice: what a seller holds until it has delivered. */
  readonly penaltyPpm: number
  /** So long before their hour the hourly futures end. */
  readonly expiresBeforeMillis: number
}

/** When bids are taken, before the delivery date begins. */
export interface GateTimes {
  readonly opensBeforeMillis: number
  readonly closesBeforeMillis: number
}

/** `2026-11-25` as the instant at which it begins (UTC); undefined where it is no date. */
export const deliveryDayMillis = (deliveryDate: string): number | undefined => {
  const millis = /^\d{4}-\d{2}-\d{2}$/.test(deliveryDate) ? Date.parse(`${deliveryDate}T00:00:00Z`) : Number.NaN
  return Number.isSafeInteger(millis) && new Date(millis).toISOString().startsWith(deliveryDate) ? millis : undefined
}

export const deliveryDateOf = (dayMillis: number): string => new Date(dayMillis).toISOString().slice(0, 10)

/** As the engine knows the gate of a date's auction. */
export const gateNameOf = (deliveryDate: string): string => `day-ahead/${deliveryDate}`

/** The dates whose gate is to be open at an instant, the nearest first. */
export const datesToOpen = (nowMillis: number, { opensBeforeMillis, closesBeforeMillis }: GateTimes): string[] => {
  const dates: string[] = []
  // Closed is what begins no later than this.
  const first = Math.floor((nowMillis + closesBeforeMillis) / dayMillis) + 1
  for (let day = first; day * dayMillis - opensBeforeMillis <= nowMillis; day += 1)
    dates.push(deliveryDateOf(day * dayMillis))
  return dates
}

/** The future that is delivered in an hour of a date. */
export const hourlySpecification = (
  market: DayAheadMarket,
  deliveryDate: string,
  hour: number,
): ContractSpecification => {
  const startMillis = (deliveryDayMillis(deliveryDate) ?? Number.NaN) + hour * hourMillis
  const expirationMillis = startMillis - market.expiresBeforeMillis
  const terms: FutureTerms = {
    kind: 'future',
    index: market.market,
    averagingStartMillis: monthStart(expirationMillis - 1),
    delivery: { startMillis, endMillis: startMillis + hourMillis, penaltyPpm: market.penaltyPpm },
  }
  return {
    instrumentName: instrumentNameOf(namedContract(terms, market.market, expirationMillis)),
    kind: 'future',
    underlying: market.market,
    quoteCurrency: 'USD',
    settlement: 'physical',
    tickSize: market.tickSize,
    minTradeAmount: market.minTradeAmount,
    contractSize: '1',
    maxPrice: market.maxPrice,
    expirationMillis,
    makerCommissionPpm: market.makerCommissionPpm,
    takerCommissionPpm: market.takerCommissionPpm,
    positionLimit: '0',
    terms: JSON.stringify(contractTermsDocument(terms)),
  }
}

/** What all hours of a market have in common, in integers. */
export interface MarketUnits {
  readonly maxPriceTicks: number
  /** USD micros of one tick for one lot. */
  readonly microsPerTickLot: number
}

/** `invalid-specification` with the field where no hour of such a market could be listed. */
export const marketUnits = (market: DayAheadMarket): Outcome<MarketUnits> => {
  const defined: Outcome<Instrument> = defineInstrument(hourlySpecification(market, '2026-01-02', 0), 1, 1)
  return defined.accepted
    ? accept({ maxPriceTicks: defined.value.maxPriceTicks, microsPerTickLot: defined.value.microsPerTickLot })
    : defined
}

/** Markets of one pool are cleared as one auction: their ticks and lots are the same, so their welfare adds up. */
export const poolOf = ({ tickSize, minTradeAmount, maxPrice }: DayAheadMarket): string =>
  [tickSize, minTradeAmount, maxPrice].join(' ')
