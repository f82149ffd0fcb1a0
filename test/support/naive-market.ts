import type { RejectionCode } from '#domain/outcome.ts'
import type { Instrument } from '#domain/reference/instrument.ts'
import type { PlaceOrder, ProtectionLimits } from '#domain/trading/commands.ts'
import type { MarketControls, TradingState } from '#domain/trading/market-controls.ts'

/**
 * A second exchange, as plain as can be: one list of orders, sorted anew for each trade, and one list of fills, summed
 * anew for each question. It knows nothing of levels, running sums, timers or the wire. Slow, and obviously right: the
 * oracle of the engine.
 */
export interface NaiveMarket {
  readonly accounts: NaiveAccount[]
  readonly listings: NaiveListing[]
  /** All that are open: taking, resting or waiting. */
  readonly orders: NaiveOrder[]
  readonly fills: NaiveFill[]
}

export interface NaiveOrder {
  readonly placed: PlaceOrder
  readonly listing: NaiveListing
  /** Of a quote. */
  readonly group: NaiveGroup | undefined
  readonly expiresAtMillis: number
  place: 'taking' | 'resting' | 'waiting'
  /** Of a stop that waits: the limit that it will have, 0 for a market order. */
  priceTicks: number
  quantityLots: number
  filledLots: number
  filledTickLots: number
  visibleLots: number
  /** Grows with each arrival: the time of price-time priority. */
  arrival: number
}

export interface NaiveListing {
  readonly instrument: Instrument
  state: TradingState
  untilMillis: number
  lastTicks: number
  markTicks: number
  controls: MarketControls
  /** Of the trades that velocity looks back at. */
  recent: { readonly atMillis: number; readonly ticks: number }[]
  isTooFast: boolean
  /** Trades and marks at which stops have not looked yet. */
  seenTicks: number[]
  seenMarks: number[]
}

export interface NaiveFill {
  readonly accountId: number
  readonly listing: NaiveListing
  readonly signedLots: number
  readonly priceTicks: number
  readonly feeMicros: number
}

export interface NaiveGroup {
  readonly accountId: number
  readonly groupHash: string
  limits: ProtectionLimits | undefined
  frozenUntilMillis: number
  fills: { readonly atMillis: number; readonly signedLots: number }[]
}

export interface NaiveAccount {
  readonly name: string
  readonly firm: string
  depositedMicros: number
  isKilled: boolean
  deadManAtMillis: number
}

export type Refusal = RejectionCode | undefined

export const left = (order: NaiveOrder): number => order.quantityLots - order.filledLots
