import { none, type Order, type Orders } from './orders.ts'
import { noLevel, PriceLadder } from './price-ladder.ts'

/** All that rests at one price of one side, in order of time; records of eight words. */
export type Level = number

const recordWords = 8
const ticksAt = 0
const firstAt = 1
const lastAt = 2
/** Visible lots, a double. */
const lotsAt = 2

export class Levels {
  words = new Int32Array(recordWords << 6)
  private reals = new Float64Array(this.words.buffer)
  private free = noLevel
  private end = recordWords

  take(ticks: number): Level {
    let level = this.free
    if (level === noLevel) {
      level = this.end
      this.end = level + recordWords
      if (this.end > this.words.length) this.grow()
    } else this.free = this.words[level + firstAt] as number
    this.words[level + ticksAt] = ticks
    this.words[level + firstAt] = none
    this.words[level + lastAt] = none
    this.reals[(level >> 1) + lotsAt] = 0
    return level
  }

  give(level: Level): void {
    this.words[level + firstAt] = this.free
    this.free = level
  }

  private grow(): void {
    const larger = new Int32Array(this.words.length * 2)
    larger.set(this.words)
    this.words = larger
    this.reals = new Float64Array(larger.buffer)
  }

  ticks(level: Level): number {
    return this.words[level + ticksAt] as number
  }
  first(level: Level): Order {
    return this.words[level + firstAt] as number
  }
  setFirst(level: Level, order: Order): void {
    this.words[level + firstAt] = order
  }
  last(level: Level): Order {
    return this.words[level + lastAt] as number
  }
  setLast(level: Level, order: Order): void {
    this.words[level + lastAt] = order
  }
  /** Visible lots of its orders. */
  lots(level: Level): number {
    return this.reals[(level >> 1) + lotsAt] as number
  }
  addLots(level: Level, lots: number): void {
    const at = (level >> 1) + lotsAt
    this.reals[at] = (this.reals[at] as number) + lots
  }
}

/** Price-time priority, and nothing else: who is next, who rests where. It knows no money and says nothing. */
export class Book {
  readonly bids = new PriceLadder(true)
  readonly asks = new PriceLadder(false)
  private readonly orders: Orders
  private readonly levels: Levels

  constructor(orders: Orders, levels: Levels) {
    this.orders = orders
    this.levels = levels
  }

  side(sells: boolean): PriceLadder {
    return sells ? this.asks : this.bids
  }

  /** Who trades next against a taker of this direction and limit; `none` where nobody does. */
  next(takerSells: boolean, limitTicks: number): Order {
    const { best, bestTicks } = takerSells ? this.bids : this.asks
    if (best === noLevel) return none
    return (takerSells ? bestTicks >= limitTicks : bestTicks <= limitTicks) ? this.levels.first(best) : none
  }

  /** Behind all that rest at its price. Answers its level. */
  rest(order: Order, sells: boolean, ticks: number): Level {
    const { orders, levels } = this
    const ladder = sells ? this.asks : this.bids
    let level = ladder.find(ticks)
    if (level === noLevel) {
      level = levels.take(ticks)
      ladder.add(ticks, level)
      levels.setFirst(level, order)
    } else orders.setNext(levels.last(level), order)
    orders.setPrevious(order, levels.last(level))
    orders.setNext(order, none)
    orders.setLevel(order, level)
    levels.setLast(level, order)
    levels.addLots(level, orders.visibleLots(order))
    return level
  }

  /** Takes a resting order off. */
  remove(order: Order, sells: boolean): void {
    const { orders, levels } = this
    const level = orders.level(order)
    const previous = orders.previous(order)
    const next = orders.next(order)
    orders.setLevel(order, noLevel)
    if (previous === none && next === none) {
      ;(sells ? this.asks : this.bids).remove(levels.ticks(level))
      levels.give(level)
      return
    }
    if (previous === none) levels.setFirst(level, next)
    else orders.setNext(previous, next)
    if (next === none) levels.setLast(level, previous)
    else orders.setPrevious(next, previous)
    levels.addLots(level, -orders.visibleLots(order))
  }

  /** Visible lots at a price. */
  lotsAt(sells: boolean, ticks: number): number {
    const level = this.side(sells).find(ticks)
    return level === noLevel ? 0 : this.levels.lots(level)
  }

  /** All that rests on one side, in price-time order. Off the busy path. */
  inPriority(sells: boolean): Order[] {
    const all: Order[] = []
    for (const { level } of this.side(sells).levelsBestFirst())
      for (let order = this.levels.first(level); order !== none; order = this.orders.next(order)) all.push(order)
    return all
  }
}
