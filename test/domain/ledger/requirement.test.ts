import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import {
  type Account,
  bought,
  closeVolume,
  createAccount,
  fillVolume,
  type Holding,
  holdingOf,
  maxExposureMicros,
  openVolume,
  requirementMicros,
  sold,
  type Volume,
} from '#domain/ledger/account.ts'
import { defineInstrument, type Instrument } from '#domain/reference/instrument.ts'
import { testSpecification } from '#test/support/tape.ts'

const cap = 9
const instrumentOf = (makerCommissionPpm: number, takerCommissionPpm: number): Instrument => {
  const defined = defineInstrument(
    { ...testSpecification, tickSize: '0.000007', maxPrice: '0.000063', makerCommissionPpm, takerCommissionPpm },
    1,
    1,
  )
  if (!defined.accepted) throw new Error(defined.detail)
  return defined.value
}

const side = fc.constantFrom(bought, sold)
const order = fc.record({ side, priceTicks: fc.integer({ min: 1, max: cap }), lots: fc.integer({ min: 1, max: 4 }) })
const ppm = fc.constantFrom(0, 1, 70_000, 999_999)

/** A position by two fills, and some open orders, of an account with cash for all of it. */
const opened = (fills: readonly Volume[], orders: readonly Volume[], instrument: Instrument): [Account, Holding] => {
  const account = createAccount(1, 'ann')
  account.cashMicros = 1_000_000
  const holding = holdingOf(account, instrument)
  for (const fill of fills) {
    openVolume(account, holding, fill)
    fillVolume(account, holding, fill, fill.lots, fill.priceTicks, 0)
  }
  for (const open of orders) openVolume(account, holding, open)
  return [account, holding]
}

describe('the requirement', () => {
  test('is exactly the worst over every subset of fills and every settlement price', () => {
    fc.assert(
      fc.property(fc.array(order, { maxLength: 3 }), fc.array(order, { maxLength: 4 }), (fills, orders) => {
        const [, holding] = opened(fills, orders, instrumentOf(0, 0))
        const lots = orders.flatMap(({ side, priceTicks, lots }) =>
          Array.from({ length: lots }, (): Volume => ({ side, priceTicks, lots: 1 })),
        )
        fc.pre(lots.length <= 10)
        const costs = new Set<number>()
        const choose = (rest: readonly Volume[], cost: number, size: number): void => {
          const [next, ...others] = rest
          if (next === undefined) {
            for (let settle = 0; settle <= cap; settle += 1) costs.add(cost - size * settle)
            return
          }
          choose(others, cost, size)
          choose(others, cost + next.side * next.priceTicks, size + next.side)
        }
        choose(lots, holding.entryTickLots, holding.sizeLots)
        expect(requirementMicros(holding)).toBe(Math.max(...costs) * 7)
      }),
      { numRuns: 150 },
    )
  })

  test('is never exceeded by fills, in whatever order, parts and at whatever better prices they come', () => {
    fc.assert(
      fc.property(
        fc.array(order, { maxLength: 3 }),
        fc.array(order, { minLength: 1, maxLength: 6 }),
        ppm,
        ppm,
        fc.array(fc.record({ which: fc.nat(), lots: fc.nat(), better: fc.nat(), asMaker: fc.boolean() }), {
          maxLength: 25,
        }),
        (fills, orders, makerPpm, takerPpm, steps) => {
          const [account, holding] = opened(fills, orders, instrumentOf(makerPpm, takerPpm))
          // As little cash as the orders were accepted with.
          account.cashMicros = account.requiredMicros
          const open = orders.map(volume => ({ ...volume }))
          for (const { which, lots, better, asMaker } of steps) {
            const order = open[which % open.length]
            if (order === undefined || order.lots === 0) continue
            const filled = 1 + (lots % order.lots)
            const room = order.side === bought ? order.priceTicks - 1 : cap - order.priceTicks
            const tradeTicks = order.priceTicks - order.side * (asMaker ? 0 : better % (room + 1))
            fillVolume(account, holding, order, filled, tradeTicks, asMaker ? makerPpm : takerPpm)
            order.lots -= filled
            expect(account.requiredMicros).toBeLessThanOrEqual(account.cashMicros)
            expect(account.cashMicros).toBeGreaterThanOrEqual(0)
          }
          for (const order of open) closeVolume(account, holding, order, order.lots)
          expect(account.requiredMicros).toBe(requirementMicros(holding))
          expect(account.requiredMicros).toBeLessThanOrEqual(account.cashMicros)
        },
      ),
      { numRuns: 400 },
    )
  })
})

describe('numbers stay safe', () => {
  const [maxPriceTicks, microsPerTickLot] = [2_147_483_647, 1_000]
  const defined = defineInstrument(
    { ...testSpecification, tickSize: '0.001', maxPrice: '2147483.647', takerCommissionPpm: 999_999 },
    1,
    1,
  )
  const instrument = defined.accepted ? defined.value : instrumentOf(0, 0)
  const bigHolding = (): [Account, Holding] => {
    const account = createAccount(1, 'ann')
    account.cashMicros = Number.MAX_SAFE_INTEGER
    return [account, holdingOf(account, instrument)]
  }
  const most = Math.floor(maxExposureMicros / maxPriceTicks / microsPerTickLot)

  test('an order as large as can be is counted exactly, one lot more is refused', () => {
    const [account, holding] = bigHolding()

    expect(openVolume(account, holding, { side: bought, priceTicks: maxPriceTicks, lots: most + 1 })).toBe(
      'notional-too-large',
    )
    expect(openVolume(account, holding, { side: bought, priceTicks: maxPriceTicks, lots: most })).toBeUndefined()
    const notional = BigInt(maxPriceTicks) * BigInt(most) * BigInt(microsPerTickLot)
    expect(BigInt(account.requiredMicros)).toBe(notional + (notional * 999_999n) / 1_000_000n)
    expect(openVolume(account, holding, { side: sold, priceTicks: 1, lots: 1 })).toBe('notional-too-large')
  })

  test('a running result that could leave the safe integers ends trading in the instrument', () => {
    const [account, holding] = bigHolding()
    holding.realisedMicros = -Number.MAX_SAFE_INTEGER + maxPriceTicks * microsPerTickLot

    expect(openVolume(account, holding, { side: sold, priceTicks: 5, lots: 2 })).toBe('notional-too-large')
    expect(openVolume(account, holding, { side: sold, priceTicks: 5, lots: 1 })).toBeUndefined()
  })
})
