import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { blackScholesMerton } from '#domain/pricing/black-scholes-merton.ts'
import { provePayoffBounds } from '#domain/pricing/payoff-bounds.ts'
import { pathValue, paymentsDue } from '#domain/pricing/payoff-evaluation.ts'
import { simulatePayoff } from '#domain/pricing/payoff-simulation.ts'
import {
  autocallable,
  cliquet,
  computeCostCap,
  rangeAccrual,
  reverseConvertible,
} from '#domain/pricing/payoff-templates.ts'
import { payoffLimits, readPayoff } from '#domain/pricing/payoff-tree.ts'
import { autocallableValue, cliquetValue, rangeAccrualValue } from '#domain/pricing/structured-closed-forms.ts'
import { answered, refusalOf } from './market-arbitraries.ts'

const index = 'H100.USE'
const dates = ['2026-10-01', '2026-11-01', '2026-12-01']
const date = '2026-12-01'
const one = { op: 'constant', value: 1 }
const level = { op: 'observe', index, date }
const pay = (amount: unknown) => ({ op: 'pay', amount, date })
const boundsOf = (json: unknown) => provePayoffBounds(answered(readPayoff(json)))

const notes = {
  autocallable: autocallable({
    index,
    initialLevel: 2,
    dates,
    autocallLevel: 2.1,
    couponPerPeriod: 0.05,
    knockInLevel: 1.6,
  }),
  reverseConvertible: reverseConvertible({ index, strikeLevel: 2, coupon: 0.1, date }),
  rangeAccrual: rangeAccrual({ index, dates, low: 1.5, high: 2.5, coupon: 0.2 }),
  cliquet: cliquet({ index, start: '2026-09-01', dates, floor: -0.02, cap: 0.05 }),
  computeCostCap: computeCostCap({ index, dates, capLevel: 2.2, mostPaid: 1 }),
}

describe('payoff documents', () => {
  test('what is malformed is refused with a pointer to it', () => {
    const circle: Record<string, unknown> = { op: 'not' }
    circle['condition'] = circle
    let deep: unknown = one
    for (let i = 0; i < 10_000; i++) deep = { op: 'add', terms: [deep] }
    const schedule = (of: unknown) => ({ op: 'sum', dates, of })
    const broad = {
      op: 'add',
      terms: Array.from({ length: 390 }, () => schedule({ op: 'add', terms: Array.from({ length: 9 }, () => one) })),
    }
    const cases: readonly (readonly [unknown, string, string])[] = [
      [null, 'malformed', ''],
      [[], 'malformed', ''],
      [{ op: 'eval', code: '1' }, 'unknown-choice', '/op'],
      [{ op: 'toString' }, 'unknown-choice', '/op'],
      [pay({ op: 'constructor' }), 'unknown-choice', '/amount/op'],
      [{ ...pay(one), extra: 1 }, 'malformed', '/extra'],
      [{ op: 'pay', amount: one, date: '2026-13-01' }, 'malformed', '/date'],
      [{ op: 'pay', amount: one, date: 'each' }, 'malformed', '/date'],
      [pay({ op: 'constant', value: Number.NaN }), 'not-finite', '/amount/value'],
      [pay({ op: 'constant', value: 1e308 }), 'out-of-range', '/amount/value'],
      [pay({ op: 'constant', value: -0 }), 'out-of-range', '/amount/value'],
      [pay({ op: 'constant', value: '1' }), 'malformed', '/amount/value'],
      [pay({ op: 'divide', term: one, by: level }), 'not-a-constant', '/amount/by'],
      [pay({ op: 'multiply', term: one, by: level }), 'not-a-constant', '/amount/by'],
      [pay({ op: 'divide', term: one, by: 0 }), 'out-of-range', '/amount/by'],
      [pay({ op: 'min', terms: [] }), 'too-few', '/amount/terms'],
      [pay({ op: 'average', dates: dates.toReversed(), of: one }), 'not-ascending', '/amount/dates/1'],
      [pay(schedule(schedule(one))), 'nested-schedule', '/amount/of'],
      [pay(schedule({ op: 'return', index, from: 'previous', to: 'each' })), 'missing-observation', '/amount/of/from'],
      [{ op: 'pay', amount: level, date: '2026-11-30' }, 'observed-after-payment', '/date'],
      [
        {
          op: 'if',
          condition: { op: 'above', left: level, right: one },
          if_true: { op: 'pay', amount: one, date: '2026-10-01' },
          if_false: { op: 'nothing' },
        },
        'observed-after-payment',
        '/if_true/date',
      ],
      [pay(deep), 'too-deep', `/amount${'/terms/0'.repeat(payoffLimits.depth)}`],
      [
        { op: 'if', condition: circle, if_true: pay(one), if_false: pay(one) },
        'too-deep',
        `/condition${'/condition'.repeat(payoffLimits.depth)}`,
      ],
    ]
    for (const [json, code, field] of cases) expect(readPayoff(json)).toEqual({ priced: false, code, field })
    expect(refusalOf(readPayoff(pay(broad)))).toMatchObject({ code: 'too-many' })
  })

  test('the largest loss and gain are proved, or refused as unbounded', () => {
    expect(answered(boundsOf(notes.autocallable))).toMatchObject({ lowest: 0, highest: expect.closeTo(1.15, 6) })
    expect(answered(boundsOf(notes.reverseConvertible))).toMatchObject({
      lowest: expect.closeTo(0.1, 6),
      highest: expect.closeTo(1.1, 6),
    })
    expect(answered(boundsOf(notes.rangeAccrual))).toMatchObject({ lowest: 0, highest: expect.closeTo(0.2, 6) })
    expect(answered(boundsOf(notes.cliquet))).toMatchObject({
      lowest: expect.closeTo(-0.06, 6),
      highest: expect.closeTo(0.15, 6),
    })
    expect(answered(boundsOf(notes.computeCostCap))).toMatchObject({ lowest: 0, highest: expect.closeTo(1, 6) })
    expect(boundsOf(pay(level))).toEqual({ priced: false, code: 'unbounded-gain', field: 'payoff' })
    expect(boundsOf(pay({ op: 'subtract', left: one, right: level }))).toEqual({
      priced: false,
      code: 'unbounded-loss',
      field: 'payoff',
    })
    const guarded = (op: string) => ({
      op: 'if',
      condition: { op, left: level, right: one },
      if_true: pay(level),
      if_false: { op: 'nothing' },
    })
    expect(answered(boundsOf(guarded('below'))).highest).toBeCloseTo(1, 6)
    expect(boundsOf(guarded('above'))).toMatchObject({ code: 'unbounded-gain' })
    const knocked = { op: 'knocked', index, dates, barrier: 3, direction: 'up' }
    const capped = { op: 'if', condition: knocked, if_true: { op: 'nothing' }, if_false: pay(level) }
    expect(answered(boundsOf(capped)).highest).toBeCloseTo(3, 6)
    const both = {
      op: 'and',
      conditions: [
        { op: 'not', condition: knocked },
        { op: 'at_or_above', left: level, right: { op: 'constant', value: 4 } },
      ],
    }
    expect(
      answered(boundsOf({ op: 'if', condition: both, if_true: pay({ op: 'constant', value: 9 }), if_false: pay(one) }))
        .highest,
    ).toBeCloseTo(1, 6)
  })

  const amount = fc.letrec<{ amount: unknown; condition: unknown }>(tie => ({
    amount: fc.oneof(
      { maxDepth: 4 },
      fc.double({ min: -5, max: 5, noNaN: true }).map(value => ({ op: 'constant', value: value === 0 ? 0 : value })),
      fc.constantFrom(...dates).map(day => ({ op: 'observe', index, date: day })),
      fc.constant({ op: 'return', index, from: dates[0], to: dates[2] }),
      fc.constant({ op: 'accrual', index, dates, low: 1, high: 2 }),
      fc.record({
        op: fc.constantFrom('add', 'min', 'max'),
        terms: fc.array(tie('amount'), { minLength: 1, maxLength: 3 }),
      }),
      fc.record({ op: fc.constant('subtract'), left: tie('amount'), right: tie('amount') }),
      fc.record({
        op: fc.constantFrom('multiply', 'divide'),
        term: tie('amount'),
        by: fc.constantFrom(-2, -0.5, 0.25, 3),
      }),
      fc.record({
        op: fc.constant('if'),
        condition: tie('condition'),
        if_true: tie('amount'),
        if_false: tie('amount'),
      }),
    ),
    condition: fc.oneof(
      { maxDepth: 4 },
      fc.record({
        op: fc.constantFrom('above', 'at_or_above', 'below', 'at_or_below'),
        left: tie('amount'),
        right: tie('amount'),
      }),
      fc.record({
        op: fc.constant('knocked'),
        index: fc.constant(index),
        dates: fc.constant(dates),
        barrier: fc.constantFrom(0.5, 2),
        direction: fc.constantFrom('up', 'down'),
      }),
      fc.record({
        op: fc.constantFrom('and', 'or'),
        conditions: fc.array(tie('condition'), { minLength: 1, maxLength: 3 }),
      }),
      fc.record({ op: fc.constant('not'), condition: tie('condition') }),
    ),
  })).amount

  test('no levels pay outside the proved bounds', () => {
    fc.assert(
      fc.property(
        amount,
        fc.array(fc.double({ min: 0.01, max: 9, noNaN: true }), { minLength: 3, maxLength: 3 }),
        (json, levels) => {
          const capped = {
            op: 'max',
            terms: [
              { op: 'constant', value: -100 },
              { op: 'min', terms: [{ op: 'constant', value: 100 }, json] },
            ],
          }
          const tree = answered(readPayoff({ op: 'all', flows: [pay(capped), pay(one)] }))
          const { lowest, highest } = answered(provePayoffBounds(tree))
          const byDate = new Map(dates.map((day, i) => [day, levels[i] ?? 1]))
          const values = Float64Array.from(tree.observations, observation => byDate.get(observation.date) ?? 1)
          const value = pathValue(tree, values, Float64Array.of(1))
          expect(value).toBeGreaterThanOrEqual(lowest)
          expect(value).toBeLessThanOrEqual(highest)
        },
      ),
      { numRuns: 150 },
    )
  })

  test('pays by the fixings there are, and names what it waits for', () => {
    const tree = answered(readPayoff(notes.autocallable))
    const given = (levels: readonly number[]) => answered(paymentsDue(tree, (_, day) => levels[dates.indexOf(day)]))
    expect(given([])).toEqual({ due: [], awaiting: [`${index}@2026-10-01`] })
    expect(given([2])).toEqual({ due: [], awaiting: [`${index}@2026-11-01`] })
    expect(given([2, 2.1])).toEqual({ due: [{ date: '2026-11-01', amountMicros: 1_100_000 }], awaiting: [] })
    expect(given([2, 2, 1.5])).toEqual({ due: [{ date: '2026-12-01', amountMicros: 750_000 }], awaiting: [] })
    expect(given([2, 2, 1.6])).toEqual({ due: [{ date: '2026-12-01', amountMicros: 1_000_000 }], awaiting: [] })
    expect(paymentsDue(tree, () => -1)).toEqual({ priced: false, code: 'not-positive', field: 'levelOf' })
    const coupons = { op: 'all', flows: [{ op: 'pay', amount: one, date: '2026-10-01' }, pay(level)] }
    expect(answered(paymentsDue(answered(readPayoff(coupons)), () => undefined))).toEqual({
      due: [{ date: '2026-10-01', amountMicros: 1_000_000 }],
      awaiting: [`${index}@2026-12-01`],
    })
  })
})

describe('simulation', () => {
  const market = { rate: 0.04, yieldRate: 0.01, volatility: 0.5 }
  const spot = 2
  const years = new Map(dates.map((day, i) => [day, (i + 1) / 12]))
  const yearsTo = (day: string) => years.get(day) ?? 0
  const simulated = (json: unknown, pairs = 4000) =>
    answered(
      simulatePayoff(
        answered(readPayoff(json)),
        { indices: [{ name: index, spot, ...market }], rate: market.rate, yearsTo, fixingOf: () => spot },
        pairs,
        20_260_901,
      ),
    )
  const periods = { periods: 3, periodYears: 1 / 12 }

  test('agrees with the closed forms within four standard errors, and repeats', () => {
    const exact: readonly (readonly [unknown, number])[] = [
      [
        notes.autocallable,
        answered(
          autocallableValue({
            ...{ ...market, spot, initialLevel: 2, observationYears: [...years.values()] },
            ...{ autocallLevel: 2.1, couponPerPeriod: 0.05, knockInLevel: 1.6 },
          }),
        ),
      ],
      [notes.cliquet, answered(cliquetValue({ ...market, ...periods, floor: -0.02, cap: 0.05 }))],
      [
        notes.rangeAccrual,
        answered(rangeAccrualValue({ ...market, ...periods, spot, low: 1.5, high: 2.5, coupon: 0.2 })),
      ],
      [
        notes.reverseConvertible,
        1.1 * Math.exp(-market.rate / 4) -
          answered(blackScholesMerton({ ...market, optionType: 'put', spot, strike: 2, timeYears: 0.25 })) / 2,
      ],
    ]
    for (const [json, value] of exact) {
      const { value: mean, standardError } = simulated(json)
      expect(Math.abs(mean - value)).toBeLessThan(4 * standardError)
      expect(standardError).toBeLessThan(0.01)
    }
    expect(simulated(notes.cliquet, 50)).toEqual(simulated(notes.cliquet, 50))
  })

  test('two indices are correlated as told', () => {
    const product = (correlation: number) => {
      const tree = answered(
        readPayoff(
          pay({
            op: 'max',
            terms: [
              { op: 'observe', index: 'A', date },
              { op: 'observe', index: 'B', date },
            ],
          }),
        ),
      )
      const indices = ['A', 'B'].map(name => ({ name, spot: 2, volatility: 0.5, yieldRate: 0 }))
      const correlations = [
        [1, correlation],
        [correlation, 1],
      ]
      return simulatePayoff(tree, { indices, correlations, rate: 0, yearsTo }, 1000, 3)
    }
    // With correlation 1 they are one index, whose forward is its spot.
    expect(answered(product(1)).value).toBeCloseTo(2, 1)
    expect(answered(product(-0.9)).value).toBeGreaterThan(answered(product(0.5)).value)
    expect(product(1.5)).toMatchObject({ priced: false, code: 'out-of-range', field: 'correlations' })
  })

  test('what it cannot simulate is refused', () => {
    const tree = answered(readPayoff(notes.reverseConvertible))
    const indices = [{ name: index, spot, volatility: 0.5, yieldRate: 0 }]
    expect(simulatePayoff(tree, { indices: [], rate: 0, yearsTo }, 100, 1)).toMatchObject({ code: 'too-few' })
    expect(simulatePayoff(tree, { indices, rate: 0, yearsTo: () => -1 }, 100, 1)).toMatchObject({
      code: 'missing-observation',
    })
    expect(simulatePayoff(tree, { indices, rate: 0, yearsTo }, 1e9, 1)).toMatchObject({
      code: 'out-of-range',
      field: 'pairs',
    })
    expect(
      simulatePayoff(tree, { indices: [{ ...indices[0], name: 'X' } as never], rate: 0, yearsTo }, 100, 1),
    ).toMatchObject({
      field: `indices/${index}`,
    })
  })
})
