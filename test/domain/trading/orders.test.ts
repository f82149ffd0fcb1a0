import { describe, expect, test } from '@jest/globals'
import { idTextAt, putIdText } from '#domain/trading/identifiers.ts'
import { idAt, none, type Order, Orders } from '#domain/trading/orders.ts'
import { createRandom } from '#test/support/random-commands.ts'

/** Ids of which many end alike, so that they meet in the table. */
const idOf = (n: number): string =>
  `01900000-0000-7000-8000-${((n * 2_654_435_761) % 2 ** 32).toString(16).padStart(12, '0')}`

describe('open orders', () => {
  test('are found by id, as in a Map, however many come and go', () => {
    const random = createRandom(11)
    const orders = new Orders()
    const known = new Map<string, Order>()
    const words = new Int32Array(4)
    const find = (id: string): Order => {
      putIdText(words, 0, id)
      return orders.ids.find(words, 0)
    }
    const wrong: string[] = []
    for (let step = 0; step < 30_000; step += 1) {
      const id = idOf(random.below(3_000))
      const order = known.get(id)
      if (find(id) !== (order ?? none)) wrong.push(`${step}: ${id} is at ${find(id)}, not ${order}`)
      if (order === undefined) {
        const taken = orders.take()
        orders.setTraits(taken, 0)
        putIdText(orders.words, taken + idAt, id)
        orders.ids.add(taken)
        known.set(id, taken)
      } else if (random.chance(step % 6_000 < 3_000 ? 0.3 : 0.9)) {
        orders.ids.remove(order)
        orders.give(order)
        known.delete(id)
      }
      if (orders.count !== known.size) wrong.push(`${step}: ${orders.count} are counted, ${known.size} are open`)
    }
    for (const [id, order] of known)
      if (find(id) !== order || idTextAt(orders.words, order + idAt) !== id) wrong.push(`${id} is lost`)
    expect(wrong).toEqual([])
    expect(new Set(known.values()).size).toBe(known.size)
  })

  test('keep each its own fields', () => {
    const orders = new Orders()
    const taken = Array.from({ length: 1_000 }, () => orders.take())
    for (const [index, order] of taken.entries()) {
      orders.setHolding(order, index)
      orders.setQuantityLots(order, index + 1)
      orders.setFilledLots(order, 1)
      orders.setVisibleLots(order, index + 2)
      orders.setTraits(order, index & 1)
      orders.setFilledTickLots(order, 2 ** 52 + index)
      orders.setReserveMicros(order, 2 ** 51 + index)
      orders.setLevel(order, index + 3)
    }
    for (const [index, order] of taken.entries())
      expect([
        orders.holding(order),
        orders.remainingLots(order),
        orders.visibleLots(order),
        orders.isSell(order),
        orders.filledTickLots(order),
        orders.reserveMicros(order),
        orders.level(order),
      ]).toEqual([index, index, index + 2, (index & 1) === 1, 2 ** 52 + index, 2 ** 51 + index, index + 3])
  })

  test('of one holding are a list that any of them may leave', () => {
    const random = createRandom(5)
    const orders = new Orders()
    let first = none
    const linked: Order[] = []
    for (let step = 0; step < 2_000; step += 1) {
      if (linked.length === 0 || random.chance(0.55)) {
        const order = orders.take()
        orders.setTraits(order, 0)
        orders.link(order, first)
        first = order
        linked.unshift(order)
      } else {
        const [order = none] = linked.splice(random.below(linked.length), 1)
        const following = orders.unlink(order)
        if (first === order) first = following
        orders.give(order)
      }
      const walked: Order[] = []
      for (let order = first; order !== none && walked.length < 3_000; order = orders.following(order))
        walked.push(order)
      if (step % 50 === 0 || walked.length !== linked.length) expect(walked).toEqual(linked)
    }
  })
})
