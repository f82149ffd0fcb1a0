import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { Accounts, maxExposureMicros, reserveMicrosOf } from '#domain/ledger/accounts.ts'
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

interface Volume {
  readonly sells: boolean
  readonly ticks: number
  readonly lots: number
}

const order = fc.record({
  sells: fc.boolean(),
  ticks: fc.integer({ min: 1, max: cap }),
  lots: fc.integer({ min: 1, max: 4 }),
})
const ppm = fc.constantFrom(0, 1, 70_000, 999_999)

/** A position by two fills, and some open orders, of an account with cash for all of it. */
const opened = (fills: readonly Volume[], orders: readonly Volume[], instrument: Instrument) => {
  const accounts = new Accounts(1)
  const account = accounts.open(1)
  accounts.addCash(account, 1_000_000)
  const holding = accounts.holdingOf(account, 1)
  const open = ({ sells, ticks, lots }: Volume): void => {
    const reserve = reserveMicrosOf(instrument, ticks, lots)
    expect(accounts.openVolume(holding, instrument, sells, ticks, lots, reserve)).toBeUndefined()
  }
  for (const fill of fills) {
    open(fill)
    const { sells, ticks, lots } = fill
    const reserve = reserveMicrosOf(instrument, ticks, lots)
    accounts.fillVolume(holding, instrument, sells, ticks, lots, ticks, 0, reserve)
  }
  for (const one of orders) open(one)
  return { accounts, account, holding }
}

describe('the requirement', () => {
  test('is exactly the worst over every subset of fills and every settlement price', () => {
    const instrument = instrumentOf(0, 0)
    fc.assert(
      fc.property(fc.array(order, { maxLength: 3 }), fc.array(order, { maxLength: 4 }), (fills, orders) => {
        const { accounts, holding } = opened(fills, orders, instrument)
        const lots = orders.flatMap(({ sells, ticks, lots }) =>
          Array.from({ length: lots }, () => ({ side: sells ? -1 : 1, ticks })),
        )
        fc.pre(lots.length <= 10)
        const costs = new Set<number>()
        const choose = (rest: readonly { side: number; ticks: number }[], cost: number, size: number): void => {
          const [next, ...others] = rest
          if (next === undefined) {
            for (let settle = 0; settle <= cap; settle += 1) costs.add(cost - size * settle)
            return
          }
          choose(others, cost, size)
          choose(others, cost + next.side * next.ticks, size + next.side)
        }
        choose(lots, accounts.entryTickLots(holding), accounts.sizeLots(holding))
        expect(accounts.requirementMicros(holding, instrument)).toBe(Math.max(...costs) * 7)
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
          const instrument = instrumentOf(makerPpm, takerPpm)
          const { accounts, account, holding } = opened(fills, orders, instrument)
          // As little cash as the orders were accepted with.
          accounts.addCash(account, accounts.requiredMicros(account) - accounts.cashMicros(account))
          const open = orders.map(volume => ({ ...volume }))
          for (const { which, lots, better, asMaker } of steps) {
            const order = open[which % open.length]
            if (order === undefined || order.lots === 0) continue
            const { sells, ticks } = order
            const filled = 1 + (lots % order.lots)
            const room = sells ? cap - ticks : ticks - 1
            const improvement = asMaker ? 0 : better % (room + 1)
            const tradeTicks = sells ? ticks + improvement : ticks - improvement
            const released =
              reserveMicrosOf(instrument, ticks, order.lots) - reserveMicrosOf(instrument, ticks, order.lots - filled)
            const commissionPpm = asMaker ? makerPpm : takerPpm
            accounts.fillVolume(holding, instrument, sells, ticks, filled, tradeTicks, commissionPpm, released)
            order.lots -= filled
            expect(accounts.isCovered(account)).toBe(true)
            expect(accounts.cashMicros(account)).toBeGreaterThanOrEqual(0)
          }
          for (const { sells, ticks, lots } of open)
            accounts.closeVolume(holding, instrument, sells, ticks, lots, reserveMicrosOf(instrument, ticks, lots))
          expect(accounts.requiredMicros(account)).toBe(accounts.requirementMicros(holding, instrument))
          expect(accounts.isCovered(account)).toBe(true)
        },
      ),
      { numRuns: 400 },
    )
  })

  test('follows an order that is moved, and stays where the account cannot carry the move', () => {
    const instrument = instrumentOf(0, 0)
    fc.assert(
      fc.property(order, fc.array(order, { maxLength: 3 }), order, fc.nat({ max: 300 }), (from, others, to, more) => {
        const { accounts, account, holding } = opened([], [from, ...others], instrument)
        accounts.addCash(account, accounts.requiredMicros(account) + more - accounts.cashMicros(account))
        const before = accounts.requiredMicros(account)
        const { sells, ticks, lots } = from
        const refusal = accounts.moveVolume(holding, instrument, sells, ticks, lots, to.ticks, to.lots, 0)
        const moved = opened([], [{ ...to, sells }, ...others], instrument)
        const wanted = moved.accounts.requiredMicros(moved.account)
        expect(refusal).toBe(wanted > before + more ? 'insufficient-funds' : undefined)
        expect(accounts.requiredMicros(account)).toBe(refusal === undefined ? wanted : before)
        expect(accounts.requirementMicros(holding, instrument)).toBe(accounts.requiredMicros(account))
      }),
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
  const bigHolding = () => {
    const accounts = new Accounts(1)
    const account = accounts.open(1)
    accounts.addCash(account, Number.MAX_SAFE_INTEGER)
    const holding = accounts.holdingOf(account, 1)
    const open = (sells: boolean, ticks: number, lots: number) =>
      accounts.openVolume(holding, instrument, sells, ticks, lots, reserveMicrosOf(instrument, ticks, lots))
    return { accounts, account, holding, open }
  }
  const most = Math.floor(maxExposureMicros / maxPriceTicks / microsPerTickLot)

  test('an order as large as can be is counted exactly, one lot more is refused', () => {
    const { accounts, account, open } = bigHolding()

    expect(open(false, maxPriceTicks, most + 1)).toBe('notional-too-large')
    expect(open(false, maxPriceTicks, most)).toBeUndefined()
    const notional = BigInt(maxPriceTicks) * BigInt(most) * BigInt(microsPerTickLot)
    expect(BigInt(accounts.requiredMicros(account))).toBe(notional + (notional * 999_999n) / 1_000_000n)
    expect(open(true, 1, 1)).toBe('notional-too-large')
  })

  test('a running result that could leave the safe integers ends trading in the instrument', () => {
    const { accounts, holding, open } = bigHolding()
    accounts.setPosition(holding, instrument, 0, 0, -Number.MAX_SAFE_INTEGER + maxPriceTicks * microsPerTickLot)

    expect(open(true, 5, 2)).toBe('notional-too-large')
    expect(open(true, 5, 1)).toBeUndefined()
  })
})

test('holdings of many accounts and instruments are found again, each its own', () => {
  const accounts = new Accounts(1)
  const records = Array.from({ length: 300 }, (_, index) => accounts.open(index % 7))
  const holdings = records.map((account, index) =>
    Array.from({ length: 1 + (index % 9) }, (_, instrument) => accounts.holdingOf(account, 9 - instrument)),
  )
  for (const [index, account] of records.entries()) {
    const own = holdings[index] ?? []
    expect(own.map((_, instrument) => accounts.holdingOf(account, 9 - instrument))).toEqual(own)
    expect(accounts.holdingsOf(account)).toEqual(own.toReversed())
    expect(own.every(holding => accounts.account(holding) === account)).toBe(true)
  }
  expect(new Set(holdings.flat()).size).toBe(holdings.flat().length)
})
