import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { Accounts, reserveMicrosOf } from '#domain/ledger/accounts.ts'
import { assigned, type Payment, settledPosition } from '#domain/ledger/settled-position.ts'
import { type Adjustment, type ContractSpecification, defineInstrument } from '#domain/reference/instrument.ts'
import { testSpecification } from '#test/support/tape.ts'

const cap = 20
const specification: ContractSpecification = { ...testSpecification, tickSize: '0.000007', maxPrice: '0.00014' }
const swap = { kind: 'swap', expirationMillis: Date.UTC(2027, 3, 1), terms: '{"first_month":"2027-01"}' } as const
const product = { kind: 'structured_product', terms: '{"payoff":{}}' } as const
const defined = (change: Partial<ContractSpecification>, adjustment?: Adjustment) => {
  const outcome = defineInstrument({ ...specification, ...change }, 1, 1, adjustment)
  if (!outcome.accepted) throw new Error(outcome.detail)
  return outcome.value
}

/** The contract before and after. */
const contractsOf = (payment: Payment, ticks: number) => {
  switch (payment) {
    case 'leg':
      return { before: defined(swap), after: defined(swap, { settledLegs: 1, distributedTicks: 0 }) }
    case 'distribution':
      return { before: defined(product), after: defined(product, { settledLegs: 0, distributedTicks: ticks }) }
    case 'variation':
    case 'final':
      return { before: defined({}), after: defined({}) }
  }
}

describe('a payment', () => {
  test.each<[Payment, number, number, number, readonly [number, number, number]]>([
    ['variation', 2, 20, 12, [2, 24, 28]],
    ['variation', -2, -20, 12, [-2, -24, -28]],
    ['variation', -2, -20, 0, [-2, 0, 140]],
    ['leg', 2, 20, 12, [2, 20, 28]],
    ['leg', -2, -20, 0, [-2, -20, 140]],
    ['distribution', 2, 20, 5, [2, 20, 70]],
    // Of the 15 at which it was bought it can be worth 8 at most then: 7 are lost, 12 are paid.
    ['distribution', 2, 30, 12, [2, 16, 70]],
    ['distribution', -2, -30, 12, [-2, -16, -70]],
    ['final', 2, 20, 12, [0, 0, 28]],
    ['final', -2, -20, 20, [0, 0, -140]],
  ])('%s: %d lots entered at %d, at %d', (payment, size, entry, ticks, [sizeLots, entryTickLots, paidMicros]) => {
    const { before, after } = contractsOf(payment, ticks)
    const settled = settledPosition(payment, size, entry, ticks, before, after)
    expect(settled).toEqual({ sizeLots, entryTickLots, paidMicros })
  })

  const trade = fc.record({
    buyer: fc.nat(3),
    seller: fc.nat(3),
    lots: fc.integer({ min: 1, max: 9 }),
    ticks: fc.nat(),
  })
  const payment = fc.constantFrom<Payment>('variation', 'leg', 'distribution', 'final')

  test('moves money from some to others, makes none, and leaves each able to pay for what is left', () => {
    fc.assert(
      fc.property(
        fc.array(trade, { minLength: 1, maxLength: 15 }),
        payment,
        fc.nat(cap),
        fc.boolean(),
        (trades, kind, ticks, hasOrder) => {
          const { before, after } = contractsOf(kind, ticks)
          const accounts = new Accounts(1)
          const holdings = [0, 1, 2, 3].map(() => {
            const account = accounts.open(1)
            accounts.addCash(account, 1_000_000)
            return accounts.holdingOf(account, 1)
          })
          const fill = (index: number, sells: boolean, price: number, lots: number): void => {
            const holding = holdings[index] ?? 0
            const reserve = reserveMicrosOf(before, price, lots)
            expect(accounts.openVolume(holding, before, sells, price, lots, reserve)).toBeUndefined()
            accounts.fillVolume(holding, before, sells, price, lots, price, 0, reserve)
          }
          for (const { buyer, seller, lots, ticks: price } of trades) {
            fill(buyer, false, 1 + (price % cap), lots)
            fill(seller, true, 1 + (price % cap), lots)
          }
          // A variation leaves orders in the book.
          const [first = 0] = holdings
          if (kind === 'variation' && hasOrder) accounts.openVolume(first, before, true, 3, 4, 0)
          // As little cash as is needed.
          for (const holding of holdings) {
            const account = accounts.account(holding)
            accounts.addCash(account, accounts.requiredMicros(account) - accounts.cashMicros(account))
          }
          const worth = (micros: number): number =>
            holdings.reduce(
              (sum, holding) =>
                sum + accounts.cashMicros(accounts.account(holding)) - accounts.entryTickLots(holding) * micros,
              0,
            )
          const worthBefore = worth(before.microsPerTickLot)
          let paid = 0
          for (const holding of accounts.holdersOf(1)) {
            const size = accounts.sizeLots(holding)
            const settled = settledPosition(kind, size, accounts.entryTickLots(holding), ticks, before, after)
            paid += settled.paidMicros
            accounts.settle(holding, before, after, settled)
          }
          expect(worth(after.microsPerTickLot)).toBe(worthBefore)
          if (kind === 'final') expect(holdings.every(holding => accounts.sizeLots(holding) === 0)).toBe(true)
          expect(Number.isSafeInteger(paid)).toBe(true)
          for (const holding of holdings) {
            const account = accounts.account(holding)
            expect(accounts.requiredMicros(account)).toBe(accounts.requirementMicros(holding, after))
            expect(accounts.isCovered(account)).toBe(true)
            expect(accounts.cashMicros(account)).toBeGreaterThanOrEqual(0)
            const most = accounts.sizeLots(holding) * after.maxPriceTicks
            expect(Math.abs(accounts.entryTickLots(holding))).toBeLessThanOrEqual(Math.abs(most))
          }
        },
      ),
      { numRuns: 600 },
    )
  })

  test('of the largest positions stays a safe integer', () => {
    const largest = defined({ tickSize: '2147.483647', maxPrice: '2147.483647' })
    const [lots] = [1_048_576]
    expect(lots * largest.maxPriceTicks * largest.microsPerTickLot).toBeLessThanOrEqual(2 ** 51)
    for (const size of [lots, -lots])
      for (const ticks of [0, 1]) {
        const { paidMicros } = settledPosition('final', size, size, ticks, largest, largest)
        expect(BigInt(paidMicros)).toBe(BigInt(size) * BigInt(ticks - 1) * 2_147_483_647n)
      }
  })
})

describe('an assignment', () => {
  const shorts = fc.array(fc.oneof(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 2 ** 50 })), {
    minLength: 1,
    maxLength: 8,
  })

  test('sums exactly, within a lot of the part of each and of what each has', () => {
    fc.assert(
      fc.property(shorts, fc.nat(1_000_000), (lots, part) => {
        const all = lots.reduce((sum, short) => sum + BigInt(short), 0n)
        const exercised = Number((all * BigInt(part)) / 1_000_000n) || 1
        const shares = assigned(exercised, lots)
        expect(shares.reduce((sum, share) => sum + BigInt(share), 0n)).toBe(BigInt(exercised))
        for (const [index, share] of shares.entries()) {
          const exact = BigInt(exercised) * BigInt(lots[index] ?? 0)
          const apart = BigInt(share) * all - exact
          expect(apart > -all && apart < all).toBe(true)
          expect(share).toBeLessThanOrEqual(lots[index] ?? 0)
        }
      }),
    )
  })

  test.each([
    [1, [1, 1, 1], [1, 0, 0]],
    [2, [1, 1, 1], [1, 1, 0]],
    [4, [1, 5, 4], [0, 2, 2]],
    [5, [3, 3, 4], [2, 1, 2]],
    [10, [3, 3, 4], [3, 3, 4]],
  ])('of %d among %p is %p: the largest remainder first, of equals the first', (lots, shorts, shares) => {
    expect(assigned(lots, shorts)).toEqual(shares)
  })
})
