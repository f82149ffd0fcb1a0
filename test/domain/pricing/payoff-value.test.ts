import { describe, expect, test } from '@jest/globals'
import { provePayoffBounds } from '#domain/pricing/payoff-bounds.ts'
import { type SimulationMarket, simulatePayoff } from '#domain/pricing/payoff-simulation.ts'
import {
  autocallable,
  cliquet,
  computeCostCap,
  type PayoffDocument,
  rangeAccrual,
  reverseConvertible,
} from '#domain/pricing/payoff-templates.ts'
import { readPayoff } from '#domain/pricing/payoff-tree.ts'
import { paidSoFar, payoffValue } from '#domain/pricing/payoff-value.ts'
import { autocallableValue, cliquetValue, rangeAccrualValue } from '#domain/pricing/structured-closed-forms.ts'

const index = 'H100.USE'
const dates = ['2027-01-01', '2027-04-01', '2027-07-01', '2027-10-01']
const yearOf = (date: string): number => (dates.indexOf(date) + 1) / 4

const market: SimulationMarket = {
  indices: [{ name: index, spot: 2.5, volatility: 0.6, yieldRate: 0.01 }],
  rate: 0.03,
  yearsTo: yearOf,
  fixingOf: () => 2.4,
}

const treeOf = (document: PayoffDocument) => {
  const tree = readPayoff(document)
  if (!tree.priced) throw new Error(`${tree.field}: ${tree.code}`)
  return tree.value
}

const appraised = (document: PayoffDocument, pairs = 20_000, given = market) => {
  const value = payoffValue(treeOf(document), given, pairs, 7)
  if (!value.priced) throw new Error(`${value.field}: ${value.code}`)
  return value.value
}

describe('a sum of parts that each depend on one level or return is integrated', () => {
  const common = { volatility: 0.6, rate: 0.03, yieldRate: 0.01, periods: 4, periodYears: 0.25 }

  test('a range accrual', () => {
    const closed = rangeAccrualValue({ ...common, spot: 2.5, low: 2, high: 3, coupon: 0.1 })
    const { value, method, standardError } = appraised(rangeAccrual({ index, dates, low: 2, high: 3, coupon: 0.1 }))
    expect([method, standardError]).toEqual(['quadrature', 0])
    expect(value).toBeCloseTo(closed.priced ? closed.value : Number.NaN, 10)
  })

  test('a cliquet, from a date ahead and from one that is fixed', () => {
    const closed = cliquetValue({ ...common, floor: -0.05, cap: 0.1 })
    const start = '2026-10-01'
    const { value, method } = appraised(cliquet({ index, start, dates, floor: -0.05, cap: 0.1 }), 100, {
      ...market,
      fixingOf: () => 2.5,
    })
    expect(method).toBe('quadrature')
    expect(value).toBeCloseTo(closed.priced ? closed.value : Number.NaN, 10)
  })

  test.each([
    ['a reverse convertible', reverseConvertible({ index, strikeLevel: 2.5, coupon: 0.08, date: '2027-10-01' })],
    ['a cap on compute cost', computeCostCap({ index, dates, capLevel: 3, mostPaid: 2 })],
  ])('%s, within four standard errors of its simulation', (_, document) => {
    const exact = appraised(document)
    expect(exact.method).toBe('quadrature')
    const simulated = simulatePayoff(treeOf(document), market, 40_000, 3)
    if (!simulated.priced) throw new Error(simulated.code)
    expect(Math.abs(exact.value - simulated.value.value)).toBeLessThan(4 * simulated.value.standardError)
  })

  test('what is fixed already is constant', () => {
    const paid = { op: 'pay', amount: { op: 'observe', index, date: '2026-01-01' }, date: '2027-04-01' }
    const { value, method } = appraised(paid)
    expect(method).toBe('constant')
    expect(value).toBeCloseTo(2.4 * Math.exp(-0.03 * 0.5), 12)
  })
})

describe('what depends on a path is simulated', () => {
  const terms = {
    index,
    initialLevel: 2.5,
    dates,
    autocallLevel: 2.5,
    couponPerPeriod: 0.03,
    knockInLevel: 1.75,
  }

  test('an autocallable, within four standard errors of its closed form', () => {
    const { value, standardError, method, paths } = appraised(autocallable(terms))
    const closed = autocallableValue({
      ...terms,
      spot: 2.5,
      volatility: 0.6,
      rate: 0.03,
      yieldRate: 0.01,
      observationYears: [0.25, 0.5, 0.75, 1],
    })
    expect([method, paths]).toEqual(['monte-carlo', 40_000])
    expect(standardError).toBeGreaterThan(0)
    expect(Math.abs(value - (closed.priced ? closed.value : Number.NaN))).toBeLessThan(4 * standardError)
  })

  test('the same seed gives the same value', () => {
    expect(appraised(autocallable(terms), 500)).toEqual(appraised(autocallable(terms), 500))
  })

  test('an index that nobody has a level of is named', () => {
    const document = reverseConvertible({ index: 'A100.USE', strikeLevel: 2.5, coupon: 0.08, date: '2027-10-01' })
    expect(payoffValue(treeOf(document), market, 100, 1)).toMatchObject({
      code: 'missing-observation',
      field: 'indices/A100.USE',
    })
  })
})

test('what is due by days that are over is told apart from what is to come', () => {
  const pay = (date: string, value: number) => ({ op: 'pay', amount: { op: 'constant', value }, date })
  const tree = treeOf({ op: 'all', flows: [pay('2026-01-01', 0.1), pay('2027-04-01', 0.2)] })
  const past = { ...market, yearsTo: (date: string) => (date === '2026-01-01' ? -0.5 : 0.5) }
  expect(paidSoFar(tree, past)).toEqual({ priced: true, value: 0.1 })
  const ahead = payoffValue(tree, past, 100, 1)
  expect(ahead.priced ? ahead.value.value : Number.NaN).toBeCloseTo(0.2 * Math.exp(-0.015), 12)
})

describe('payoffs made to be slow', () => {
  const took = (run: () => unknown): number => {
    const before = process.cpuUsage()
    run()
    const { user, system } = process.cpuUsage(before)
    return (user + system) / 1e6
  }
  const many = Array.from({ length: 400 }, (_, i) => new Date(Date.UTC(2027, 0, 1 + i)).toISOString().slice(0, 10))
  const given: SimulationMarket = { ...market, yearsTo: date => (Date.parse(date) - Date.UTC(2026, 11, 1)) / 31_536e6 }
  const constant = (value: number) => ({ op: 'constant', value })
  const accruals = {
    op: 'pay',
    date: many[399],
    amount: {
      op: 'sum',
      dates: many,
      of: {
        op: 'add',
        terms: Array.from({ length: 8 }, (_, i) => ({ op: 'accrual', index, dates: many, low: i, high: i + 1 })),
      },
    },
  }
  const knocks = {
    op: 'pay',
    date: many[399],
    amount: {
      op: 'sum',
      dates: many,
      of: {
        op: 'if',
        condition: { op: 'knocked', index, dates: many, barrier: 3, direction: 'up' },
        if_true: constant(1),
        if_false: constant(0),
      },
    },
  }
  /** Conditions within conditions: what is known of each is asked twice a level. */
  const nested = (depth: number): object => {
    const level = { op: 'observe', index, date: many[0] }
    if (depth === 0) return level
    return {
      op: 'if',
      condition: { op: 'above', left: nested(depth - 1), right: constant(depth) },
      if_true: level,
      if_false: constant(1),
    }
  }
  const wide = {
    op: 'pay',
    date: many[399],
    amount: {
      op: 'min',
      terms: [constant(5), ...Array.from({ length: 140 }, () => nested(10))],
    },
  }

  test.each([
    ['schedules within schedules', accruals],
    ['knock-ins on every date', knocks],
    ['conditions within conditions', wide],
  ])('%s are read, bounded and valued, or refused, within seconds', (_, document) => {
    const seconds = took(() => {
      const tree = readPayoff(document)
      if (!tree.priced) return
      provePayoffBounds(tree.value)
      payoffValue(tree.value, given, 10_000, 1)
    })
    expect(seconds).toBeLessThan(5)
  })
})
