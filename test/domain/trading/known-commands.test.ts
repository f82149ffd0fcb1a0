import { describe, expect, test } from '@jest/globals'
import type { Account } from '#domain/ledger/account.ts'
import { createAccount, holdingOf } from '#domain/ledger/account.ts'
import { defineInstrument } from '#domain/reference/instrument.ts'
import { createBook, type Order } from '#domain/trading/book.ts'
import { createKnownCommands, none, rememberedCommands } from '#domain/trading/known-commands.ts'
import { testSpecification } from '#test/support/tape.ts'

/** Ids of which many end alike, so that they meet in the table. */
const idAt = (n: number): string =>
  `01900000-0000-7000-8000-${((n * 2_654_435_761) % 2 ** 32).toString(16).padStart(12, '0')}`

const orderOf = (orderId: string, entry: number): Order => {
  const defined = defineInstrument(testSpecification, 1, 1)
  if (!defined.accepted) throw new Error(defined.detail)
  const account: Account = createAccount(7, 'ann')
  return {
    orderId,
    entry,
    account,
    holding: holdingOf(account, defined.value),
    book: createBook(defined.value),
    direction: 'buy',
    priceTicks: 1,
    quantityLots: 1,
    filledLots: 0,
    filledTickLots: 0,
    level: undefined,
    earlier: undefined,
    later: undefined,
  }
}

describe('known commands', () => {
  test('are the last 100,000 and those of live orders, however many came', () => {
    const known = createKnownCommands([])
    const total = rememberedCommands + 32_345
    const live = new Map<number, Order>()
    for (let n = 0; n < total; n += 1) {
      const entry = known.add(idAt(n), n % 3)
      if (n % 1_000 !== 0) continue
      const order = orderOf(idAt(n), entry)
      known.setLive(entry, order)
      live.set(n, order)
    }

    const isRecent = (n: number): boolean => n >= total - rememberedCommands
    const wrong = Array.from({ length: total }, (_, n) => n).filter(n => {
      const entry = known.find(idAt(n))
      if (entry === none) return isRecent(n) || live.has(n)
      return !(isRecent(n) || live.has(n)) || known.orderOf(entry) !== live.get(n) || known.placedBy(entry) !== n % 3
    })
    expect(wrong).toEqual([])

    for (const { entry } of live.values()) known.setClosed(entry)
    const left = Array.from({ length: total }, (_, n) => n).filter(n => known.find(idAt(n)) !== none)
    expect(left).toHaveLength(rememberedCommands)
    expect(left.every(isRecent)).toBe(true)
    expect(known.recentOldestFirst().map(([id]) => id)).toEqual(left.map(idAt))
  })

  test('are the same after a restore', () => {
    const known = createKnownCommands([])
    for (let n = 0; n < 100; n += 1) known.add(idAt(n), n)

    expect(createKnownCommands(known.recentOldestFirst()).recentOldestFirst()).toEqual(known.recentOldestFirst())
    expect(known.add(idAt(5), 9)).toBe(none)
    expect(known.placedBy(known.find(idAt(5)))).toBe(5)
    expect(known.placedBy(known.find(idAt(101)))).toBe(0)
    expect(known.orderOf(known.find(idAt(101)))).toBeUndefined()
  })
})
