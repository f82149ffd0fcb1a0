import type { RejectionCode } from '#domain/outcome.ts'
import type { Instrument } from '#domain/reference/instrument.ts'
import type { PlaceOrder, ProtectionLimits, SettlementKind } from '#domain/trading/commands.ts'
import type { MarketControls, TradingState } from '#domain/trading/market-controls.ts'

/**
 * A second exchange, as plain as can be: one list of orders, sorted anew for each trade, and one list of fills and
 * payments, summed anew for each question. It knows nothing of levels, running sums, timers or the wire. Slow, and obviously right: the
 * oracle of the engine.
 */
export interface NaiveMarket {
  readonly accounts: NaiveAccount[]
  readonly listings: NaiveListing[]
  /** All that are open: taking, resting or waiting. */
  readonly orders: NaiveOrder[]
  /** In the order in which it happened. */
  readonly history: (NaiveFill | NaivePayment)[]
  /** Deliveries that are owed, with what is left of them. */
  readonly obligations: NaiveObligation[]
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
  /** As it is now. */
  instrument: Instrument
  /** As it was listed: months, the money of each, and the highest price. */
  readonly legs: number
  readonly legMicros: number
  readonly capTicks: number
  isDelisted: boolean
  /** When an exercise or a payment other than a variation last was; 0 never. */
  adjustedAtMillis: number
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

/** What all that held the instrument were paid. */
export interface NaivePayment {
  readonly listing: NaiveListing
  readonly kind: SettlementKind
  readonly number: number
  readonly priceTicks: number
}

export interface NaiveObligation {
  readonly listing: NaiveListing
  readonly number: number
  readonly buyId: number
  readonly sellId: number
  readonly priceTicks: number
  lots: number
}

/** What the buyer holds for what is left. */
export const naiveInvoice = ({ listing, lots, priceTicks }: NaiveObligation): number =>
  lots * priceTicks * listing.instrument.microsPerTickLot

/** What the seller does. */
export const naivePenalty = (owed: NaiveObligation): number => {
  const { terms } = owed.listing.instrument
  const ppm = terms.kind === 'future' ? (terms.delivery?.penaltyPpm ?? 0) : 0
  return Number((BigInt(naiveInvoice(owed)) * BigInt(ppm)) / 1_000_000n)
}

export const isCollateral = ({ instrument }: NaiveListing): boolean => instrument.specification.kind === 'collateral'

export const isFill = (each: NaiveFill | NaivePayment): each is NaiveFill => 'signedLots' in each

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
  /** Less what was withdrawn or captured. */
  depositedMicros: number
  holds: { readonly holdId: string; readonly micros: number; readonly gateName?: string }[]
  isKilled: boolean
  deadManAtMillis: number
}

export type Refusal = RejectionCode | undefined

export const left = (order: NaiveOrder): number => order.quantityLots - order.filledLots
