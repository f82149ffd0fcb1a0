import { describe, expect, test } from '@jest/globals'
import * as fc from 'fast-check'
import type { EngineState } from '#domain/trading/engine.ts'
import type { Event } from '#domain/trading/events.ts'
import { commission, openHall, physicalSpecification } from '#test/support/delivery-hall.ts'
import { usd } from '#test/support/tape.ts'

const gateName = 'day-ahead/2026-11-28'
type Hall = ReturnType<typeof openHall>

/** A hall whose gate is closed, so that lots can be awarded. */
const openAwarded = (
  awards: readonly (readonly [buyAccountId: number, sellAccountId: number, lots: number, priceTicks: number])[],
  penaltyPpm = 100_000,
): Hall => {
  const hall = openHall({ terms: physicalSpecification(penaltyPpm).terms })
  hall.enter({ type: 'set-gate', gateName, state: 'open' })
  hall.close(gateName)
  for (const [buyAccountId, sellAccountId, lots, priceTicks] of awards)
    hall.enter({ type: 'award-lots', gateName, instrumentId: 1, priceTicks, lots, buyAccountId, sellAccountId })
  return hall
}
const obligate = (hall: Hall, settlementTicks: number, instrumentId = 1): Event[] =>
  hall.enter({ type: 'obligate-deliveries', instrumentId, settlementTicks })
const settle = (hall: Hall, deliveryNumber: number, lots: number, compensationMicros?: number): Event[] =>
  hall.enter({
    type: 'settle-delivery',
    instrumentId: 1,
    deliveryNumber,
    lots,
    outcome: compensationMicros === undefined ? 'delivered' : 'undelivered',
    compensationMicros: compensationMicros ?? 0,
  })
const cashOf = ({ accounts }: EngineState): readonly number[] => accounts.map(({ cashMicros }) => cashMicros)

describe('what is delivered', () => {
  test('is listed from version 5 on, with a settlement that fits its terms', () => {
    expect(openHall().listed).toMatchObject([{ type: 'instrument-listed' }])
    const cash = { ...physicalSpecification(), settlement: 'cash' } as const
    expect(openHall({ ...cash }).listed).toMatchObject([{ code: 'invalid-specification' }])
    expect(openHall({ terms: '{}' }).listed).toMatchObject([{ code: 'invalid-specification' }])
    expect(openHall({ ...cash }, 4).listed).toMatchObject([{ code: 'invalid-specification' }])
    expect(openHall({ ...cash, terms: '{}' }, 4).listed).toMatchObject([{ type: 'instrument-listed' }])
  })

  test('ends with its obligations, never in cash alone; what is not delivered the other way round', () => {
    const hall = openAwarded([[1, 2, 5, 20]])
    const final = (instrumentId: number) =>
      hall.enter({ type: 'settle-instrument', instrumentId, settlementKind: 'final', number: 0, priceTicks: 20 })
    expect(
      hall.said(
        hall.enter({
          type: 'settle-instrument',
          instrumentId: 1,
          settlementKind: 'variation',
          number: 20_000,
          priceTicks: 22,
        }),
      ),
    ).toBe('position-settled')
    expect(hall.said(obligate(hall, 20))).toBe('instrument-not-open')
    hall.enter({
      type: 'list-instrument',
      specification: { ...physicalSpecification(), instrumentName: 'CASH-1', settlement: 'cash', terms: '' },
    })
    hall.expire(1)
    hall.enter({ type: 'expire-instrument', instrumentId: 2 })
    expect(hall.said(final(1))).toBe('not-cash-settled')
    expect(hall.said(obligate(hall, 20, 2))).toBe('not-physically-settled')
    expect(hall.said(final(2))).toBe('instrument-settled')
    expect(hall.said(obligate(hall, 20, 3))).toBe('unknown-instrument')
    expect(hall.said(obligate(hall, -1))).toBe('price-out-of-range')
    expect(hall.said(obligate(hall, 1_001))).toBe('price-out-of-range')
    expect(hall.said(obligate(hall, 20))).toBe('position-settled')
    expect(hall.said(obligate(hall, 20))).toBe('instrument-settled')
    expect(hall.said(final(1))).toBe('instrument-settled')
  })
})

describe('at its end', () => {
  test('positions are settled at the price, and longs paired with shorts by account', () => {
    const hall = openAwarded([
      [1, 2, 5, 20],
      [3, 2, 4, 22],
      [3, 4, 3, 18],
    ])
    hall.expire(1)
    const told = obligate(hall, 21)
    expect(told.map(({ type }) => type)).toEqual([
      ...Array.from({ length: 4 }, () => 'position-settled'),
      ...Array.from({ length: 3 }, () => 'delivery-obligated'),
      'instrument-settled',
    ])
    // 3 holds 7 that were paid 4 × 22 + 3 × 18 for, 2 owes 9.
    expect(told.slice(0, 4)).toMatchObject(
      [5, -1, 5, -9]
        .map(paid => ({ paidMicros: paid * usd }))
        .map((each, index) => (index === 3 ? { paidMicros: -9 * usd } : each)),
    )
    expect(told.filter(({ type }) => type === 'delivery-obligated')).toMatchObject([
      { deliveryNumber: 1, buyAccountId: 1, sellAccountId: 2, lots: 5, priceTicks: 21, invoiceMicros: 105 * usd },
      { deliveryNumber: 2, buyAccountId: 3, sellAccountId: 2, lots: 4, invoiceMicros: 84 * usd },
      { deliveryNumber: 3, buyAccountId: 3, sellAccountId: 4, lots: 3, invoiceMicros: 63 * usd },
    ])
    expect(told.at(-2)).toMatchObject({ buyHeldMicros: 147 * usd, sellHeldMicros: 6.3 * usd })
    expect(hall.figuresOf(3)?.equityMicros).toBe(1_005 * usd - 147 * usd)
    expect(hall.snapshot().accounts.flatMap(({ positions }) => positions.map(({ sizeLots }) => sizeLots))).toEqual([
      0, 0, 0, 0,
    ])
  })

  test('the invoice is held even beyond what there is: the buyer is called', () => {
    const hall = openAwarded([[1, 2, 60, 20]])
    hall.expire(1)
    const told = obligate(hall, 20)
    expect(told.at(-1)).toMatchObject({ type: 'margin-called', accountId: 1, equityMicros: -200 * usd })
  })

  test('nobody holds anything where nobody had a position', () => {
    const hall = openHall()
    hall.expire(1)
    expect(obligate(hall, 20)).toMatchObject([{ type: 'instrument-settled', holders: 0, longLots: 0 }])
  })
})

describe('a delivery', () => {
  const owed = (): Hall => {
    const hall = openAwarded([[1, 2, 10, 20]])
    hall.expire(1)
    obligate(hall, 20)
    return hall
  }

  test('that came is paid by its buyer, in parts that sum exactly', () => {
    const hall = owed()
    expect(settle(hall, 1, 4)).toMatchObject([
      {
        type: 'delivery-settled',
        remainingLots: 6,
        invoiceMicros: 80 * usd,
        compensationMicros: 0,
        buyCashMicros: 920 * usd,
        sellCashMicros: 1_080 * usd,
        buyHeldMicros: 120 * usd,
        sellHeldMicros: 12 * usd,
      },
    ])
    expect(settle(hall, 1, 6)).toMatchObject([
      { remainingLots: 0, buyCashMicros: 800 * usd, sellCashMicros: 1_200 * usd, buyHeldMicros: 0, sellHeldMicros: 0 },
    ])
    expect(hall.said(settle(hall, 1, 1))).toBe('unknown-delivery')
    expect(hall.snapshot().deliveries).toBeUndefined()
  })

  test('that did not come costs its seller the compensation, and its buyer nothing', () => {
    const hall = owed()
    expect(settle(hall, 1, 10, 35 * usd)).toMatchObject([
      {
        outcome: 'undelivered',
        invoiceMicros: 200 * usd,
        compensationMicros: 35 * usd,
        buyCashMicros: 1_035 * usd,
        sellCashMicros: 965 * usd,
        buyHeldMicros: 0,
        sellHeldMicros: 0,
      },
    ])
  })

  test('that its seller cannot pay for leaves it called', () => {
    const told = settle(owed(), 1, 10, 1_400 * usd)
    expect(told).toMatchObject([
      { sellCashMicros: -400 * usd },
      { type: 'margin-called', accountId: 2, equityMicros: -400 * usd },
    ])
  })

  test('is settled only as far as it is owed, and for no more than ten times of it', () => {
    const hall = owed()
    expect(hall.said(settle(hall, 2, 1))).toBe('unknown-delivery')
    expect(hall.said(settle(hall, 1, 11))).toBe('amount-out-of-range')
    expect(hall.said(settle(hall, 1, 0))).toBe('amount-out-of-range')
    expect(hall.said(settle(hall, 1, 1, -1))).toBe('amount-out-of-range')
    expect(hall.said(settle(hall, 1, 1, 200 * usd + 1))).toBe('amount-out-of-range')
    expect(hall.said(settle(hall, 1, 1, 200 * usd))).toBe('delivery-settled')
    const delivered = { type: 'settle-delivery', instrumentId: 1, deliveryNumber: 1, lots: 1 } as const
    expect(hall.said(hall.enter({ ...delivered, outcome: 'delivered', compensationMicros: 1 }))).toBe(
      'amount-out-of-range',
    )
    expect(hall.said(hall.enter({ ...delivered, instrumentId: 7, outcome: 'delivered', compensationMicros: 0 }))).toBe(
      'unknown-instrument',
    )
  })
})

test('a payment goes across firms, whatever the payer has', () => {
  const hall = openHall()
  const post = (accountId: number, toAccountId: number, amountMicros: number) =>
    hall.enter({ type: 'post-payment', accountId, toAccountId, amountMicros, purpose: 'sla-penalty', reference: 'c7' })
  expect(post(1, 2, 300 * usd)).toMatchObject([
    { purpose: 'sla-penalty', reference: 'c7', cashMicros: 700 * usd, toCashMicros: 1_300 * usd },
  ])
  expect(post(1, 2, 701 * usd)).toMatchObject([
    { type: 'payment-posted', cashMicros: -usd },
    { type: 'margin-called', accountId: 1, equityMicros: -usd, requirementMicros: 0 },
  ])
  expect(hall.said(post(1, 1, 1))).toBe('transfer-not-allowed')
  expect(hall.said(post(1, 9, 1))).toBe('unknown-account')
  expect(hall.said(post(1, 2, 0))).toBe('amount-out-of-range')
  expect(hall.said(post(1, 2, 2 ** 52))).toBe('exposure-too-large')
})

test('money and lots are neither made nor lost, whatever comes of gates, bids, awards, payments and deliveries', () => {
  const accountId = fc.integer({ min: 1, max: 4 })
  const step = fc.oneof(
    fc.record({ kind: fc.constant('bid' as const), accountId, amount: fc.integer({ min: 0, max: 300 }) }),
    fc.record({
      kind: fc.constant('award' as const),
      accountId,
      to: accountId,
      lots: fc.integer({ min: 1, max: 9 }),
      ticks: fc.integer({ min: 0, max: 60 }),
    }),
    fc.record({
      kind: fc.constant('pay' as const),
      accountId,
      to: accountId,
      amount: fc.integer({ min: 1, max: 400 }),
    }),
    fc.record({
      kind: fc.constant('settle' as const),
      number: fc.integer({ min: 1, max: 4 }),
      lots: fc.integer({ min: 1, max: 9 }),
      compensation: fc.option(fc.integer({ min: 0, max: 300 }), { nil: undefined }),
    }),
    fc.record({ kind: fc.constant('restart' as const) }),
  )
  let [settled, obligated] = [0, 0]
  fc.assert(
    fc.property(
      fc.array(step, { minLength: 12, maxLength: 30 }),
      fc.array(step, { minLength: 10, maxLength: 40 }),
      fc.integer({ min: 0, max: 60 }),
      fc.constantFrom(0, 1, 333_333, 1_000_000),
      (before, after, settlementTicks, penaltyPpm) => {
        const hall = openHall({ terms: physicalSpecification(penaltyPpm).terms, makerCommissionPpm: commission })
        const bids = new Map<number, string>()
        const take = (one: (typeof before)[number]): readonly Event[] => {
          switch (one.kind) {
            case 'bid': {
              const replacesHoldId = bids.get(one.accountId) ?? ''
              const amountMicros = one.amount * usd
              const told = hall.enter({
                type: 'hold-bid',
                accountId: one.accountId,
                gateName: 'open',
                amountMicros,
                replacesHoldId,
              })
              for (const event of told) if (event.type === 'bid-held') bids.set(one.accountId, event.commandId)
              return told
            }
            case 'award': {
              const [buyAccountId, sellAccountId] = [one.accountId, one.to]
              const { lots, ticks: priceTicks } = one
              const award = { gateName, instrumentId: 1, priceTicks, lots, buyAccountId, sellAccountId }
              return hall.enter({ type: 'award-lots', ...award })
            }
            case 'pay': {
              const payment = { accountId: one.accountId, toAccountId: one.to, purpose: 'partner', reference: '' }
              return hall.enter({ type: 'post-payment', ...payment, amountMicros: one.amount * usd })
            }
            case 'settle': {
              const owed = hall.snapshot().deliveries ?? []
              const { deliveryNumber, remainingLots } = owed[one.number % owed.length] ?? {
                deliveryNumber: one.number,
                remainingLots: one.lots,
              }
              // Some more than is left.
              const lots = one.lots === 9 ? one.lots : Math.min(one.lots, remainingLots)
              return settle(
                hall,
                deliveryNumber,
                lots,
                one.compensation === undefined ? undefined : one.compensation * usd,
              )
            }
            case 'restart': {
              const state = hall.snapshot()
              hall.restart()
              expect(hall.snapshot()).toEqual(state)
              return []
            }
          }
        }
        const check = (): void => {
          const state = hall.snapshot()
          const all = cashOf(state).reduce((sum, cash) => sum + cash, 0)
          const positions = state.accounts.flatMap(each => each.positions)
          const entries = positions.reduce((sum, { entryTickLots }) => sum + entryTickLots * usd, 0)
          expect(all + state.houseMicros - entries).toBe(4_000 * usd)
          expect(positions.reduce((sum, { sizeLots }) => sum + sizeLots, 0)).toBe(0)
          // What is held is what bids and obligations say, and equity is without it.
          for (const account of [1, 2, 3, 4]) {
            const held = (state.margin?.holds ?? []).reduce(
              (sum, [, of, micros]) => sum + (of === account ? micros : 0),
              0,
            )
            const owed = (state.deliveries ?? []).reduce((sum, each) => {
              const invoice = each.remainingLots * each.priceTicks * usd
              const bought = each.buyAccountId === account ? invoice : 0
              return (
                sum + bought + (each.sellAccountId === account ? Math.floor((invoice * penaltyPpm) / 1_000_000) : 0)
              )
            }, 0)
            const cash = cashOf(state)[account - 1] ?? Number.NaN
            const entry = (state.accounts[account - 1]?.positions ?? []).reduce(
              (sum, { entryTickLots }) => sum + entryTickLots,
              0,
            )
            expect(hall.figuresOf(account)?.equityMicros).toBe(cash - held - owed - entry * usd)
          }
        }
        hall.enter({ type: 'set-gate', gateName, state: 'open' })
        hall.enter({ type: 'set-gate', gateName: 'open', state: 'open' })
        hall.close(gateName)
        for (const one of before) {
          take(one)
          check()
        }
        hall.expire(1)
        const longLots = hall
          .snapshot()
          .accounts.flatMap(({ positions }) => positions)
          .reduce((sum, { sizeLots }) => sum + Math.max(sizeLots, 0), 0)
        const pairs = obligate(hall, settlementTicks).flatMap(event =>
          event.type === 'delivery-obligated' ? [event] : [],
        )
        obligated += pairs.length
        expect(pairs.map(({ deliveryNumber }) => deliveryNumber)).toEqual(pairs.map((_, index) => index + 1))
        expect(pairs.reduce((sum, { lots }) => sum + lots, 0)).toBe(longLots)
        check()
        const left = new Map(pairs.map(({ deliveryNumber, lots }) => [deliveryNumber, lots]))
        for (const one of after) {
          for (const event of take(one))
            if (event.type === 'delivery-settled') {
              const { deliveryNumber, lots, remainingLots } = event
              expect(remainingLots).toBe((left.get(deliveryNumber) ?? Number.NaN) - lots)
              left.set(deliveryNumber, remainingLots)
              settled += 1
            }
          check()
        }
      },
    ),
    { numRuns: 40, seed: 5 },
  )
  expect(obligated).toBeGreaterThan(20)
  expect(settled).toBeGreaterThan(20)
})
