import { describe, expect, test } from '@jest/globals'
import { Book, Levels } from '#domain/trading/book.ts'
import { none, type Order, Orders } from '#domain/trading/orders.ts'
import { createRandom } from '#test/support/random-commands.ts'

describe('the book', () => {
  test('is a list, sorted by price and time, whatever rests, leaves and comes back', () => {
    const random = createRandom(3)
    const orders = new Orders()
    const levels = new Levels()
    const book = new Book(orders, levels)
    /** In order of arrival. */
    const resting: { readonly order: Order; readonly sells: boolean; readonly ticks: number; readonly lots: number }[] =
      []
    const inPriority = (sells: boolean): Order[] =>
      resting
        .filter(each => each.sells === sells)
        .sort((a, b) => (sells ? a.ticks - b.ticks : b.ticks - a.ticks))
        .map(({ order }) => order)
    const lotsAt = (sells: boolean, ticks: number): number =>
      resting.reduce((sum, each) => (each.sells === sells && each.ticks === ticks ? sum + each.lots : sum), 0)

    for (let step = 0; step < 4_000; step += 1) {
      const sells = random.chance(0.5)
      const ticks = random.chance(0.1) ? random.pick([1, 9_000, 2_000_000_000]) : random.between(100, 110)
      const isGrowing = step % 400 < 220
      if (resting.length === 0 || random.chance(isGrowing ? 0.7 : 0.3)) {
        const [order, lots] = [orders.take(), random.between(1, 9)]
        orders.setVisibleLots(order, lots)
        const level = book.rest(order, sells, ticks)
        expect([orders.level(order), levels.ticks(level)]).toEqual([level, ticks])
        resting.push({ order, sells, ticks, lots })
      } else {
        const [left] = resting.splice(random.below(resting.length), 1)
        if (left === undefined) continue
        book.remove(left.order, left.sells)
        expect(orders.level(left.order)).toBe(0)
        orders.give(left.order)
      }
      const first = inPriority(sells)[0]
      const opposite = resting.find(({ order }) => order === first)?.ticks ?? 0
      const isReached = first !== undefined && (sells ? opposite <= ticks : opposite >= ticks)
      expect(book.next(!sells, ticks)).toBe(isReached ? first : none)
      expect(book.lotsAt(sells, ticks)).toBe(lotsAt(sells, ticks))
      if (step % 100 === 0)
        expect([book.inPriority(true), book.inPriority(false)]).toEqual([inPriority(true), inPriority(false)])
    }
  })
})
