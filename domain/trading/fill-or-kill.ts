import type { Accounts } from '../ledger/accounts.ts'
import type { Book, Levels } from './book.ts'
import { none, type Order, type Orders, preventive, traits } from './orders.ts'

interface Surroundings {
  readonly orders: Orders
  readonly levels: Levels
  readonly accounts: Accounts
  readonly isOwn: (maker: Order) => boolean
}

/**
 * How much of a taker would fill if it were matched now: matching gone through without doing it, with self-trade
 * prevention, hidden parts and orders that may only reduce. Never more than it still wants.
 */
export const fillableLots = (
  taker: Order,
  book: Book,
  sells: boolean,
  limitTicks: number,
  { orders, levels, accounts, isOwn }: Surroundings,
): number => {
  const wanted = orders.remainingLots(taker)
  const takerTraits = orders.traits(taker)
  /** How much positions would have changed by then. */
  const changed = new Map<number, number>()
  const mayFill = (order: Order, orderSells: boolean): number => {
    if ((orders.traits(order) & traits.reducesOnly) === 0) return Number.MAX_SAFE_INTEGER
    const holding = orders.holding(order)
    const size = accounts.sizeLots(holding) + (changed.get(holding) ?? 0)
    return Math.max(0, orderSells ? size : -size)
  }
  const change = (order: Order, signedLots: number): void => {
    const holding = orders.holding(order)
    changed.set(holding, (changed.get(holding) ?? 0) + signedLots)
  }
  let filled = 0
  for (const { ticks, level } of book.side(!sells).levelsBestFirst()) {
    if (sells ? ticks < limitTicks : ticks > limitTicks) break
    const queue: { readonly order: Order; left: number; visible: number }[] = []
    for (let order = levels.first(level); order !== none; order = orders.next(order))
      queue.push({ order, left: orders.remainingLots(order), visible: orders.visibleLots(order) })
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      if (filled === wanted) return filled
      const { order } = next
      if ((takerTraits & preventive) !== 0 && isOwn(order)) {
        if ((takerTraits & traits.preventsNewest) !== 0) return filled
        continue
      }
      const reducible = mayFill(order, !sells)
      if (reducible === 0) continue
      const lots = Math.min(next.visible, wanted - filled, reducible, mayFill(taker, sells))
      if (lots === 0) return filled
      filled += lots
      change(order, sells ? lots : -lots)
      change(taker, sells ? -lots : lots)
      next.left -= lots
      next.visible -= lots
      // What is still visible stays first in line; the next hidden part goes behind the others.
      if (next.visible > 0) queue.unshift(next)
      else if (next.left > 0) {
        next.visible = Math.min(next.left, orders.extrasOf(order).displayLots)
        queue.push(next)
      }
    }
  }
  return filled
}
