import { noHash, type PostOnly } from './commands.ts'
import { hashOf, isSameId } from './identifiers.ts'
import type { QuoteGroup } from './market-making.ts'

/**
 * All open orders, in records of sixteen words: one line of the cache each. An order is named by where its record
 * begins; 0 is none.
 */
export type Order = number
export const none = 0

const recordWords = 16
const nextAt = 0
const previousAt = 1
const levelAt = 2
const holdingAt = 3
const quantityAt = 4
const filledAt = 5
const visibleAt = 6
const traitsAt = 7
/** Four words. */
export const idAt = 8
const filledTickLotsAt = 6
const reserveAt = 7

/** What is special about an order; most have none but their direction. */
export const traits = {
  sells: 1,
  /** Cancelled rather than rested. */
  isImmediate: 2,
  fillsOrKills: 4,
  reducesOnly: 8,
  hides: 16,
  isQuote: 32,
  expires: 64,
  /** Waits for its trigger; in no book. */
  waits: 128,
  preventsNewest: 256,
  preventsOldest: 512,
  /** Has extras for no other reason: a label, a post-only instruction. */
  hasExtras: 1024,
} as const

/** Whatever a fill has to look at beyond price, size and account. */
export const attentive = traits.reducesOnly | traits.hides | traits.isQuote
export const preventive = traits.preventsNewest | traits.preventsOldest
/** Has a record of extras. */
const withExtras = ~(traits.sells | traits.isImmediate)

export class Orders {
  words = new Int32Array(recordWords << 8)
  private reals = new Float64Array(this.words.buffer)
  /** Neighbours among the open orders of the same account and instrument: two words an order. */
  private links = new Int32Array(2 << 8)
  private free = none
  private end = recordWords
  count = 0
  readonly ids = new OrderIds(this)
  /** Of those that have any. */
  readonly extras = new Map<Order, Extras>()

  /** A record whose fields are all to be set. */
  take(): Order {
    this.count += 1
    const order = this.free
    if (order !== none) {
      this.free = this.words[order] as number
      return order
    }
    const fresh = this.end
    this.end = fresh + recordWords
    if (this.end > this.words.length) this.grow()
    return fresh
  }

  give(order: Order): void {
    this.count -= 1
    if (((this.words[order + traitsAt] as number) & withExtras) !== 0) this.extras.delete(order)
    this.words[order] = this.free
    this.free = order
  }

  private grow(): void {
    const larger = new Int32Array(this.words.length * 2)
    larger.set(this.words)
    this.words = larger
    this.reals = new Float64Array(larger.buffer)
    const links = new Int32Array(this.links.length * 2)
    links.set(this.links)
    this.links = links
  }

  /** Puts an order before the first of its holding. */
  link(order: Order, first: Order): void {
    const at = order >> 3
    this.links[at] = first
    this.links[at + 1] = none
    if (first !== none) this.links[(first >> 3) + 1] = order
  }

  /** Takes it out and answers the one that followed. */
  unlink(order: Order): Order {
    const at = order >> 3
    const next = this.links[at] as number
    const previous = this.links[at + 1] as number
    if (next !== none) this.links[(next >> 3) + 1] = previous
    if (previous !== none) this.links[previous >> 3] = next
    return next
  }

  /** The next one of the same holding. */
  following(order: Order): Order {
    return this.links[order >> 3] as number
  }

  extrasOf(order: Order): Extras {
    const known = this.extras.get(order)
    if (known === undefined) throw new Error('an order lacks its extras')
    return known
  }

  next(order: Order): Order {
    return this.words[order + nextAt] as number
  }
  setNext(order: Order, next: Order): void {
    this.words[order + nextAt] = next
  }
  previous(order: Order): Order {
    return this.words[order + previousAt] as number
  }
  setPrevious(order: Order, previous: Order): void {
    this.words[order + previousAt] = previous
  }
  /** Where it rests; `none` where it does not. */
  level(order: Order): number {
    return this.words[order + levelAt] as number
  }
  setLevel(order: Order, level: number): void {
    this.words[order + levelAt] = level
  }
  holding(order: Order): number {
    return this.words[order + holdingAt] as number
  }
  setHolding(order: Order, holding: number): void {
    this.words[order + holdingAt] = holding
  }
  /** In all, what is filled included. */
  quantityLots(order: Order): number {
    return this.words[order + quantityAt] as number
  }
  setQuantityLots(order: Order, lots: number): void {
    this.words[order + quantityAt] = lots
  }
  filledLots(order: Order): number {
    return this.words[order + filledAt] as number
  }
  setFilledLots(order: Order, lots: number): void {
    this.words[order + filledAt] = lots
  }
  remainingLots(order: Order): number {
    return (this.words[order + quantityAt] as number) - (this.words[order + filledAt] as number)
  }
  /** What others see of it in the book, and what trades before the next in line has its turn. */
  visibleLots(order: Order): number {
    return this.words[order + visibleAt] as number
  }
  setVisibleLots(order: Order, lots: number): void {
    this.words[order + visibleAt] = lots
  }
  traits(order: Order): number {
    return this.words[order + traitsAt] as number
  }
  setTraits(order: Order, all: number): void {
    this.words[order + traitsAt] = all
  }
  isSell(order: Order): boolean {
    return ((this.words[order + traitsAt] as number) & traits.sells) !== 0
  }
  /** Price times size, summed over its fills. */
  filledTickLots(order: Order): number {
    return this.reals[(order >> 1) + filledTickLotsAt] as number
  }
  setFilledTickLots(order: Order, tickLots: number): void {
    this.reals[(order >> 1) + filledTickLotsAt] = tickLots
  }
  /** What of the account's cash is kept for its fees. */
  reserveMicros(order: Order): number {
    return this.reals[(order >> 1) + reserveAt] as number
  }
  setReserveMicros(order: Order, micros: number): void {
    this.reals[(order >> 1) + reserveAt] = micros
  }
}

/** What few orders have. */
export interface Extras {
  /** Of an iceberg: the size of each visible part; 0 shows all. */
  readonly displayLots: number
  /** When it is cancelled; 0 never. */
  readonly expiresAtMillis: number
  /** While it waits: the price at which it is triggered, and the limit that it then has (0: a market order). */
  readonly triggerTicks: number
  limitTicks: number
  readonly byMark: boolean
  readonly selfTradeGroup: number
  /** 16 hex digits; zeros where it has none. */
  readonly labelHash: string
  readonly postOnly: PostOnly
  /** Of a quote. */
  readonly group: QuoteGroup | undefined
}

export const noExtras: Extras = {
  displayLots: 0,
  expiresAtMillis: 0,
  triggerTicks: 0,
  limitTicks: 0,
  byMark: false,
  selfTradeGroup: 0,
  labelHash: noHash,
  postOnly: 'no',
  group: undefined,
}

/** From the id of each open order to its record: two words a slot, hash and order. At most half full. */
export class OrderIds {
  private slots = new Int32Array(2 << 8)
  private mask = (1 << 8) - 1
  private readonly orders: Orders
  private count = 0

  constructor(orders: Orders) {
    this.orders = orders
  }

  find(words: Int32Array, at: number): Order {
    const hash = hashOf(words, at)
    const { slots, mask } = this
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const order = slots[2 * slot + 1] as number
      if (order === none) return none
      if (slots[2 * slot] === hash && isSameId(this.orders.words, order + idAt, words, at)) return order
    }
  }

  /** The id lies in the order's record already, and is of no other order. */
  add(order: Order): void {
    this.count += 1
    if (this.count * 2 > this.mask) this.grow()
    this.link(hashOf(this.orders.words, order + idAt), order)
  }

  private link(hash: number, order: Order): void {
    const { slots, mask } = this
    let slot = hash & mask
    while (slots[2 * slot + 1] !== none) slot = (slot + 1) & mask
    slots[2 * slot] = hash
    slots[2 * slot + 1] = order
  }

  /** Closes the gap, so that no search ends too early: what lies behind it moves up, unless it is at home there. */
  remove(order: Order): void {
    this.count -= 1
    const { slots, mask } = this
    let gap = hashOf(this.orders.words, order + idAt) & mask
    while (slots[2 * gap + 1] !== order) gap = (gap + 1) & mask
    for (let slot = (gap + 1) & mask; slots[2 * slot + 1] !== none; slot = (slot + 1) & mask) {
      const hash = slots[2 * slot] as number
      if (((slot - hash) & mask) < ((slot - gap) & mask)) continue
      slots[2 * gap] = hash
      slots[2 * gap + 1] = slots[2 * slot + 1] as number
      gap = slot
    }
    slots[2 * gap + 1] = none
  }

  private grow(): void {
    const held = this.slots
    this.slots = new Int32Array(held.length * 2)
    this.mask = held.length - 1
    for (let slot = 0; slot < held.length; slot += 2)
      if (held[slot + 1] !== none) this.link(held[slot] as number, held[slot + 1] as number)
  }
}
