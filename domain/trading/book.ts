import type { Account, Holding } from '../ledger/account.ts'
import type { Instrument } from '../reference/instrument.ts'
import type { Direction } from './commands.ts'

/** An order that rests, or is about to. */
export interface Order {
  readonly orderId: string
  /** Of its id among the known commands. */
  readonly entry: number
  readonly account: Account
  readonly holding: Holding
  readonly book: Book
  readonly direction: Direction
  priceTicks: number
  /** In all, what is filled included. */
  quantityLots: number
  filledLots: number
  /** Price times size, summed over the fills. */
  filledTickLots: number
  /** Where it rests: neighbours in time at its price. */
  level: Level | undefined
  earlier: Order | undefined
  later: Order | undefined
}

/** All that rests at one price, in order of time. */
export interface Level {
  readonly priceTicks: number
  first: Order | undefined
  last: Order | undefined
}

/** Levels of one direction, best last: a book is busiest at its best, and an array cheapest to change at its end. */
export type Levels = Level[]

export interface Book {
  readonly instrument: Instrument
  isExpired: boolean
  readonly buy: Levels
  readonly sell: Levels
}

export const createBook = (instrument: Instrument): Book => ({ instrument, isExpired: false, buy: [], sell: [] })

export const remainingLots = (order: Order): number => order.quantityLots - order.filledLots

/** Who trades next against a taker of this direction and limit. */
export const bestAgainst = (book: Book, takerDirection: Direction, limitTicks: number): Order | undefined => {
  const levels = takerDirection === 'buy' ? book.sell : book.buy
  const best = levels[levels.length - 1]
  if (best === undefined) return undefined
  const crosses = takerDirection === 'buy' ? best.priceTicks <= limitTicks : best.priceTicks >= limitTicks
  return crosses ? best.first : undefined
}

/** Behind all that rest at its price. */
export const rest = (order: Order): void => {
  const level = levelAt(order.book[order.direction], order.direction, order.priceTicks)
  order.level = level
  order.earlier = level.last
  order.later = undefined
  if (level.last === undefined) level.first = order
  else level.last.later = order
  level.last = order
}

export const remove = (order: Order): void => {
  const { level, earlier, later } = order
  if (level === undefined) return
  if (earlier === undefined) level.first = later
  else earlier.later = later
  if (later === undefined) level.last = earlier
  else later.earlier = earlier
  order.level = undefined
  order.earlier = undefined
  order.later = undefined
  if (level.first === undefined) {
    const levels = order.book[order.direction]
    levels.splice(indexOf(levels, order.direction, level.priceTicks), 1)
  }
}

/** All that rests in one direction, in price-time order. */
export const inPriority = (levels: Levels): Order[] => {
  const orders: Order[] = []
  for (const level of levels.toReversed())
    for (let order = level.first; order !== undefined; order = order.later) orders.push(order)
  return orders
}

const levelAt = (levels: Levels, direction: Direction, priceTicks: number): Level => {
  const index = indexOf(levels, direction, priceTicks)
  const found = levels[index]
  if (found !== undefined && found.priceTicks === priceTicks) return found
  const level: Level = { priceTicks, first: undefined, last: undefined }
  levels.splice(index, 0, level)
  return level
}

/** Of the level at this price, or where it belongs. */
const indexOf = (levels: Levels, direction: Direction, priceTicks: number): number => {
  let low = 0
  let high = levels.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const there = levels[middle]
    const isWorse =
      there !== undefined && (direction === 'buy' ? there.priceTicks < priceTicks : there.priceTicks > priceTicks)
    if (isWorse) low = middle + 1
    else high = middle
  }
  return low
}
