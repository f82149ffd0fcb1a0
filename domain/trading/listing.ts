import type { Instrument } from '../reference/instrument.ts'
import type { Book } from './book.ts'
import { type MarketControls, noControls, stateNumber } from './market-controls.ts'
import type { Order } from './orders.ts'
import type { PriceWatch } from './velocity.ts'

/** Which payments of an instrument are made. */
export interface SettledSoFar {
  /** Day of the last variation, since 1970; 0 before the first. */
  readonly variationDay: number
  readonly distributions: number
  /** Closed before its expiration. */
  readonly isDelisted: boolean
  /** All of it is paid. */
  readonly isFinal: boolean
  /** When positions last changed by other than a trade, so that no earlier trade can be taken back; 0 never. */
  readonly adjustedAtMillis: number
}

export const nothingSettled: SettledSoFar = {
  variationDay: 0,
  distributions: 0,
  isDelisted: false,
  isFinal: false,
  adjustedAtMillis: 0,
}

/** An instrument as it trades. */
export class Listing {
  /** Another one once a part of it is settled. */
  instrument: Instrument
  readonly book: Book
  state: number = stateNumber.continuous
  /** When the state ends by itself; 0 when told. */
  untilMillis = 0
  /** Of the last trade; 0 before the first. */
  lastTicks = 0
  markTicks = 0
  controls: MarketControls = noControls
  /** Whether trades have to be looked at at all, beyond their price: stops wait, or velocity is watched. */
  isWatched = false
  velocity: PriceWatch | undefined
  /** Stop orders that wait. */
  readonly waiting = new Set<Order>()
  /** Lowest and highest trade or mark since stops were last looked at; high below low is none. */
  lowTicks = 1
  highTicks = 0
  lowMarkTicks = 1
  highMarkTicks = 0
  isTooFast = false
  settled: SettledSoFar = nothingSettled

  constructor(instrument: Instrument, book: Book) {
    this.instrument = instrument
    this.book = book
  }

  /** What bands and protections are measured from: the last trade, else the mark; 0 where there is neither. */
  referenceTicks(): number {
    return this.lastTicks === 0 ? this.markTicks : this.lastTicks
  }
}
