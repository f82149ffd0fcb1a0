import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { PlainLedger } from '#bench/margin-ledger.ts'
import type { ContractMarket } from '#domain/margin/contract-values.ts'
import { allocateLoss, fundLimitMicros } from '#domain/margin/loss-allocation.ts'
import { MarginBook } from '#domain/margin/margin-book.ts'
import { type RiskContract, riskAsset, riskInstrument, riskTable } from '#domain/margin/risk-arrays.ts'
import { checkEpoch, type RiskInstrument } from '#domain/margin/risk-epoch.ts'
import {
  blocksOf,
  checkScenarioSet,
  defaultScenarioSet,
  type ScenarioSet,
  spanMoves,
} from '#domain/margin/scenario-set.ts'
import type { ContractTerms, OptionTerms } from '#domain/reference/contract-terms.ts'

/** Known values that this project did not produce. */
const folder = join(import.meta.dirname, '../../../../shared/oracles')
const present = existsSync(folder)
if (!present) console.warn(`SKIPPED: no folder of known values at ${folder}`)

const made = (set: ReturnType<typeof checkScenarioSet>): ScenarioSet => {
  if (!set.accepted) throw new Error(`${set.code} ${set.field}`)
  return set.value
}
const valued = (answer: ReturnType<typeof riskInstrument>): RiskInstrument => {
  if (!answer.accepted) throw new Error(`${answer.code} ${answer.field}`)
  return answer.value
}
const gainsOf = ({ risk }: RiskInstrument): readonly number[] => (risk.kind === 'array' ? risk.arrayMicros : [])

/** The scan of positions, through the book. */
const scanOf = (set: ScenarioSet, held: readonly (readonly [RiskInstrument, number])[]): number => {
  const ledger = new PlainLedger(1, held.length + 1, 1)
  const account = ledger.openAccount(0)
  for (const [{ instrumentId }, size] of held) ledger.addPosition(ledger.openHolding(account, instrumentId), size, 0)
  const checked = checkEpoch({
    version: 1,
    scenarioSetVersion: set.version,
    scenarioNames: set.scenarios.map(({ name }) => name),
    blocks: blocksOf(set),
    groups: [{ name: 'all', thresholdUnits: 0, microsPerUnit: 0 }],
    instruments: held.map(([instrument]) => instrument),
  })
  if (!checked.accepted) throw new Error(`${checked.code} ${checked.field}`)
  const book = new MarginBook(ledger)
  book.adopt(checked.value)
  return book.figures(account).scanMicros
}

interface SpanCase {
  readonly id: string
  readonly published?: boolean
  readonly expected: number
  readonly scenario_pnl?: readonly number[]
  readonly tolerance: number
  readonly inputs:
    | {
        readonly kind: 'scan_from_arrays'
        readonly arrays: Readonly<Record<string, readonly number[]>>
        readonly positions: Readonly<Record<string, number>>
      }
    | {
        readonly kind: 'scan_black76'
        readonly F: number
        readonly price_scan_range: number
        readonly vol_scan_range: number
        readonly extreme_multiple: number
        readonly extreme_weight: number
        readonly look_ahead_years: number
        readonly rate: number
        readonly multiplier: number
        readonly legs: readonly {
          readonly kind: 'option' | 'future'
          readonly type?: 'call' | 'put'
          readonly K?: number
          readonly T?: number
          readonly vol?: number
          readonly qty: number
        }[]
      }
}

const option = (optionType: 'call' | 'put', strike: number, more: Partial<OptionTerms> = {}): OptionTerms => ({
  kind: 'option',
  optionType,
  strike: String(strike),
  exercise: 'european',
  underlyingInstrument: 'F',
  index: 'X',
  ...more,
})
const future: ContractTerms = { kind: 'future', index: 'X', averagingStartMillis: 0 }

/** Prices in hundred-millionths of a dollar, so that whole numbers lose nothing that the oracle can see. */
const contract = (terms: ContractTerms, price: number, more: Partial<RiskContract> = {}): RiskContract => ({
  instrumentId: 1,
  instrumentName: 'I',
  terms,
  underlying: 'X',
  timeYears: 0.5,
  tickSize: '0.00000001',
  microsPerTickLot: 1,
  maxPriceTicks: 2_000_000_000,
  markTicks: Math.round(price * 1e8),
  shortMinimumMicros: 0,
  concentrationUnits: 0,
  ...more,
})

;(present ? describe : describe.skip)('known values of SPAN', () => {
  const { cases, count } = present
    ? (JSON.parse(readFileSync(join(folder, 'span_scan.json'), 'utf8')) as { cases: SpanCase[]; count: number })
    : { cases: [], count: 0 }

  test('three totals that were published, and those that follow from the published arrays', () => {
    const set = made(
      defaultScenarioSet([{ name: 'X', family: 'A', priceScan: 0.1, volatilityScan: 0.1 }], { version: 1 }),
    )
    let [published, all] = [0, 0]
    for (const { inputs, expected, published: isPublished } of cases) {
      if (inputs.kind !== 'scan_from_arrays') continue
      const held = Object.entries(inputs.positions).map(([name, size], index) => {
        const instrument = {
          ...valued(riskInstrument(set, contract(future, 10, { market: { level: 10 }, instrumentId: index + 1 }))),
          risk: { kind: 'array' as const, restMicros: 0, arrayMicros: inputs.arrays[name] ?? [] },
        }
        return [instrument, size] as const
      })
      expect(scanOf(set, held)).toBe(expected)
      all += 1
      if (isPublished) published += 1
    }
    // Three totals were published; that of the short future is the long one's again.
    expect([published, all]).toEqual([4, 5])
  })

  test('sixty books of futures and options, by full revaluation, scenario by scenario', () => {
    let [compared, below] = [0, 0]
    for (const { id, inputs, expected, scenario_pnl: results, tolerance } of cases) {
      if (inputs.kind !== 'scan_black76' || results === undefined) continue
      const { F, price_scan_range: price, vol_scan_range: volatility } = inputs
      const set = made(
        checkScenarioSet({
          version: 1,
          underlyings: ['X'],
          lookAheadYears: inputs.look_ahead_years,
          scenarios: spanMoves.map(move => {
            const isExtreme = move.weight < 1
            const shift = (isExtreme ? Math.sign(move.price) * inputs.extreme_multiple : move.price) * (price / F)
            return {
              name: move.name,
              weight: isExtreme ? inputs.extreme_weight : 1,
              priceShifts: [shift],
              volatilityShifts: [move.volatility * volatility],
              reachShifts: [shift],
            }
          }),
        }),
      )
      const held = inputs.legs.map((leg, index) => {
        const market: ContractMarket = {
          level: F,
          rate: inputs.rate,
          ...(leg.vol === undefined ? {} : { volatility: leg.vol }),
        }
        const terms = leg.kind === 'future' ? future : option(leg.type ?? 'call', leg.K ?? 0)
        const timeYears = leg.T ?? 1
        // Any mark will do that leaves room for the scenarios: gains are from the model's value now.
        const made = riskInstrument(set, contract(terms, 10, { market, timeYears, instrumentId: index + 1 }))
        return [valued(made), leg.qty] as const
      })
      const scale = inputs.multiplier / 1e8
      const ours = results.map(
        (_, s) => held.reduce((sum, [instrument, size]) => sum + size * (gainsOf(instrument)[s] ?? 0), 0) * scale,
      )
      for (const [s, theirs] of results.entries()) {
        // Their futures fall below zero where ours, and every price here, cannot.
        if (F - inputs.extreme_multiple * price < 0 && s === 15) {
          below += 1
          continue
        }
        expect([id, s, Math.abs((ours[s] ?? 0) - theirs) <= tolerance]).toEqual([id, s, true])
        compared += 1
      }
      if (F - inputs.extreme_multiple * price >= 0)
        expect([id, Math.abs(scanOf(set, held) * scale - expected) <= tolerance]).toEqual([id, true])
    }
    expect(compared + below).toBe(60 * 16)
    expect(below).toBeLessThanOrEqual(4)
    expect(count).toBe(65)
  })

  test('worked examples of risk controls, as far as they are margin', () => {
    const { cases: examples } = JSON.parse(readFileSync(join(folder, 'risk_controls_examples.json'), 'utf8')) as {
      cases: {
        inputs: Record<string, number> & { kind: string; shocks?: number[] }
        expected: unknown
        tolerance: number
      }[]
    }
    const answered = examples.flatMap(({ inputs, expected, tolerance }) => {
      switch (inputs.kind) {
        case 'future_scenario_pnl': {
          const shocks = inputs.shocks ?? []
          const set = made(
            checkScenarioSet({
              version: 1,
              underlyings: ['X'],
              lookAheadYears: 0,
              scenarios: shocks.map(shock => ({
                name: `shock ${shock}`,
                weight: 1,
                priceShifts: [shock],
                volatilityShifts: [0],
                reachShifts: [shock],
              })),
            }),
          )
          const level = inputs['F'] ?? 0
          const one = contract(future, 0, {
            market: { level },
            tickSize: '0.01',
            microsPerTickLot: 10_000,
            markTicks: Math.round(level * 100),
          })
          const gains = gainsOf(valued(riskInstrument(set, one)))
          const theirs = expected as number[]
          return [
            gains.every((gain, s) => Math.abs((gain * (inputs['qty'] ?? 0)) / 1e6 - (theirs[s] ?? 0)) <= tolerance),
          ]
        }
        case 'futures_contingency': {
          // Their contingency is our concentration add-on with no threshold, a unit a contract.
          const microsPerUnit = Math.round((inputs['factor'] ?? 0) * (inputs['index'] ?? 0) * 1e6)
          return [Math.abs((microsPerUnit * (inputs['abs_qty'] ?? 0)) / 1e6 - (expected as number)) <= tolerance]
        }
        case 'adl_pnl_drawdown_trigger': {
          const balance = inputs['insurance_balance_8h_max'] ?? 0
          const limit = fundLimitMicros(balance, Math.round(-(inputs['insurancePnlRatio'] ?? 0) * 1e6))
          const allocation = allocateLoss({
            lossMicros: inputs['symbol_loss'] ?? 0,
            fundMicros: balance,
            fundLimitMicros: limit,
            winners: [{ accountId: 1, gainMicros: 1e9 }],
          })
          if (!allocation.accepted) return [false]
          const borne = allocation.value.haircuts.reduce((sum, { haircutMicros }) => sum + haircutMicros, 0)
          return [borne === (expected as { loss_borne_by_profitable_traders: number }).loss_borne_by_profitable_traders]
        }
        default:
          return []
      }
    })
    expect(answered).toEqual([true, true, true])
  })
})

describe('revaluation', () => {
  const set = made(
    defaultScenarioSet(
      [
        { name: 'X', family: 'A', priceScan: 0.3, volatilityScan: 0.1 },
        { name: 'Y', family: 'A', priceScan: 0.2, volatilityScan: 0.1 },
      ],
      { version: 1, touchesBarriers: true },
    ),
  )
  const gain = (instrument: RiskInstrument, name: string): number =>
    (gainsOf(instrument)[set.scenarios.findIndex(scenario => scenario.name === name)] ?? Number.NaN) / 1e8
  const of = (terms: ContractTerms, price: number, market: ContractMarket, more: Partial<RiskContract> = {}) =>
    valued(riskInstrument(set, contract(terms, price, { market, ...more })))
  const market = { level: 2, volatility: 0.8 }

  test('every kind that has a price; rounded away from zero, and never beyond what the price can do', () => {
    const kinds: readonly (readonly [ContractTerms, number, ContractMarket])[] = [
      [future, 2, { level: 2 }],
      [option('call', 2), 0.45, market],
      [option('put', 2, { exercise: 'american' }), 0.45, { ...market, rate: 0.05 }],
      [option('call', 2, { cash: '1' }), 0.4, market],
      [option('put', 2, { barrier: { direction: 'down-in', level: '1.5', rebate: '0' } }), 0.4, market],
      [
        option('call', 2, { averagingStartMillis: 1 }),
        0.2,
        { ...market, fixingYears: [0.1, 0.2, 0.3, 0.5], pastFixings: 2, pastSum: 4.1 },
      ],
      [
        { kind: 'swap', index: 'X', boundariesMillis: [0, 1, 2] },
        2,
        {
          level: 2,
          legs: [
            { forward: 2, discountFactor: 1, unitHours: 720, fixedShare: 0.5 },
            { forward: 2.1, discountFactor: 0.99, unitHours: 744, fixedShare: 0 },
          ],
        },
      ],
      [
        { kind: 'latency_future', series: 'X', percentilePpm: 990_000, periodStartMillis: 0 },
        3,
        { level: 3, fixedShare: 0.25, fixedMean: 3 },
      ],
      [{ kind: 'uptime_swap', series: 'X', periodStartMillis: 0, degradedWeightPpm: 0 }, 3, { level: 3 }],
      [{ kind: 'performance_bond', series: 'X', periodStartMillis: 0 }, 1, { level: 1 }],
      [{ kind: 'accuracy_contract', series: 'X', periodStartMillis: 0, quorum: 1 }, 3, { level: 3 }],
      [{ kind: 'job_contract', series: 'X', periodStartMillis: 0, unitPrice: '1', penaltyPpm: 0 }, 1, { level: 1 }],
    ]
    for (const [terms, price, given] of kinds) {
      const instrument = of(terms, price, given)
      expect(gainsOf(instrument).some(each => each !== 0)).toBe(true)
      for (const each of gainsOf(instrument)) {
        expect(Number.isSafeInteger(each) && !Object.is(each, -0)).toBe(true)
        expect(instrument.markMicros + each).toBeGreaterThanOrEqual(0)
        expect(instrument.markMicros + each).toBeLessThanOrEqual(instrument.capMicros)
      }
      // Another underlying's scenarios leave it alone.
      expect(gain(instrument, 'Y -3/3 v+')).toBe(
        (instrument.risk.kind === 'array' ? instrument.risk.restMicros : 1) / 1e8,
      )
    }
    expect(gain(of(future, 2, { level: 2 }), 'all -3/3 v+')).toBeCloseTo(-0.6, 7)
    expect(gain(of(future, 2, { level: 2, fixedShare: 0.5, fixedMean: 2 }), 'all -3/3 v+')).toBeCloseTo(-0.3, 7)
    expect(gain(of(future, 2, { level: 2 }), 'X -extreme')).toBeCloseTo(-0.35 * 1.2, 7)
    const third = of(future, 2, { level: 2 / 3 })
    expect(gain(third, 'all +3/3 v+')).toBe(0.2)
  })

  test('rounding is against whoever loses', () => {
    const coarse = of(
      future,
      0,
      { level: 1 / 3 },
      { tickSize: '1', microsPerTickLot: 1_000, maxPriceTicks: 10, markTicks: 5 },
    )
    // A third of a dollar by 10 %, 20 % and 30 %: 33.3, 66.7, 100 micros a lot.
    const at = (name: string) => Math.round(gain(coarse, name) * 1e8)
    expect([at('all +1/3 v+'), at('all -1/3 v+'), at('all +2/3 v+'), at('all -2/3 v+')]).toEqual([34, -34, 67, -67])
  })

  test('a barrier within reach is touched, though the price has come back', () => {
    const knocksIn = of(option('put', 2, { barrier: { direction: 'down-in', level: '1.5', rebate: '0' } }), 0.4, market)
    const knocksOut = of(
      option('put', 2, { barrier: { direction: 'down-out', level: '1.5', rebate: '0' } }),
      0.4,
      market,
    )
    const vanilla = of(option('put', 2), 0.4, market)
    expect(gain(knocksIn, 'all -touch')).toBeGreaterThan(gain(knocksIn, 'all +touch') + 1e-3)
    expect(gain(knocksOut, 'all -touch')).toBeLessThan(gain(knocksOut, 'all +touch') - 1e-3)
    // What the one gains the other loses: together they are the vanilla put.
    for (const name of ['all -touch', 'all -3/3 v+', 'X -2/3 v-', 'all +3/3 v-'])
      expect(gain(knocksIn, name) + gain(knocksOut, name)).toBeCloseTo(gain(vanilla, name), 6)
    const far = of(option('put', 2, { barrier: { direction: 'down-in', level: '1.3', rebate: '0' } }), 0.4, market)
    expect(gain(far, 'all -touch')).toBe(gain(far, 'all +touch'))
    const touched = of(option('put', 2, { barrier: { direction: 'down-in', level: '1.3', rebate: '0' } }), 0.4, {
      ...market,
      isTouched: true,
    })
    expect(gainsOf(touched)).toEqual(gainsOf(vanilla))
  })

  test('an option that expires within the look-ahead is worth what it pays', () => {
    const soon = { timeYears: 1 / 1_000 }
    expect(gain(of(option('call', 2), 0.001, market, soon), 'all +3/3 v+')).toBeCloseTo(0.6, 1)
    expect(gain(of(option('call', 2, { cash: '1' }), 0.5, market, soon), 'all +3/3 v+')).toBeCloseTo(0.5, 1)
    const average = option('call', 2, { averagingStartMillis: 1 })
    expect(
      gain(of(average, 0.001, { ...market, fixingYears: [1 / 2_000, 1 / 1_000] }, soon), 'all +3/3 v+'),
    ).toBeCloseTo(0.6, 1)
    const barrier = option('call', 2, { barrier: { direction: 'up-out', level: '2.5', rebate: '0.1' } })
    expect(gain(of(barrier, 0.01, market, soon), 'all +3/3 v+')).toBeCloseTo(0.09, 1)
  })

  test('a variance swap gains by volatility and by the jump itself', () => {
    const terms: ContractTerms = {
      kind: 'variance_swap',
      index: 'X',
      observationStartMillis: 0,
      observationIntervalMillis: 86_400_000,
      strikeVolatility: '80',
      vegaNotional: '1',
    }
    const swap = valued(
      riskInstrument(
        set,
        contract(terms, 0, {
          tickSize: '0.01',
          markTicks: 640_000,
          microsPerTickLot: 10_000,
          maxPriceTicks: 10_000_000,
          market: {
            level: 2,
            volatility: 0.8,
            elapsedShare: 0.5,
            realisedVariance: 0.64,
            periodsPerYear: 365,
            returns: 100,
          },
        }),
      ),
    )
    const points = (name: string) => gain(swap, name) * 1e2
    expect(points('all 0/3 v+')).toBeCloseTo(0.5 * (90 ** 2 - 80 ** 2), 3)
    expect(points('all -3/3 v+')).toBeCloseTo(0.5 * (90 ** 2 - 80 ** 2) + 1e4 * Math.log(0.7) ** 2 * 3.65, 3)
  })

  test('a structured product is known by the bounds that its payoff proves; what has no price by all of its range', () => {
    const capped = {
      op: 'pay',
      date: '2027-01-31',
      amount: {
        op: 'min',
        terms: [
          { op: 'constant', value: 3 },
          {
            op: 'max',
            terms: [
              { op: 'constant', value: 1 },
              { op: 'observe', index: 'X', date: '2027-01-30' },
            ],
          },
        ],
      },
    }
    const product = contract({ kind: 'structured_product', payoff: capped }, 2, {
      tickSize: '0.01',
      maxPriceTicks: 1_000,
      markTicks: 200,
      microsPerTickLot: 10_000,
    })
    const { risk } = valued(riskInstrument(set, product))
    expect(risk).toEqual({ kind: 'bounds', lowMicros: 99 * 10_000, highMicros: 301 * 10_000 })
    const unbounded = {
      ...product,
      instrumentId: 2,
      terms: {
        kind: 'structured_product' as const,
        payoff: { ...capped, amount: { op: 'observe', index: 'X', date: '2027-01-30' } },
      },
    }
    const silent = contract(option('call', 2), 0.4, { instrumentId: 3, market: { level: 2 } })
    const table = riskTable(set, [product, unbounded, silent], [])
    expect(table).toMatchObject({
      accepted: true,
      value: {
        bounded: [
          { code: 'unpriceable', field: 'I/unbounded-gain/payoff' },
          { code: 'unpriceable', field: 'I/now/missing-observation/volatility' },
        ],
      },
    })
    if (table.accepted) {
      expect(table.value.instruments.map(each => each.risk.kind)).toEqual(['bounds', 'bounds', 'bounds'])
      expect(table.value.instruments[2]?.risk).toEqual({ kind: 'bounds', lowMicros: 0, highMicros: 2_000_000_000 })
    }
  })

  test('collateral counts what is left of it after the haircut, in each scenario', () => {
    const asset = riskAsset(set, {
      instrumentId: 9,
      instrumentName: 'Y-CREDIT',
      underlying: 'Y',
      unitMicros: 1_000_001,
      haircutPpm: 250_000,
    })
    if (!asset.accepted) throw new Error(asset.field)
    expect(asset.value.markMicros).toBe(750_000)
    const at = (name: string) => Math.round(gain(asset.value, name) * 1e8)
    expect([at('all -3/3 v+'), at('X -3/3 v+'), at('Y +extreme')]).toEqual([-150_000, 0, 105_000])
  })

  test('hostile inputs, by name', () => {
    const given = contract(future, 2, { market: { level: 2 } })
    const refusal = (more: Partial<RiskContract>) => riskInstrument(set, { ...given, ...more })
    expect(refusal({ underlying: 'Z' })).toMatchObject({ code: 'unknown-underlying', field: 'I/Z' })
    expect(refusal({ markTicks: -1 })).toMatchObject({ code: 'out-of-range', field: 'I/markTicks' })
    expect(refusal({ markTicks: 2_000_000_001 })).toMatchObject({ code: 'out-of-range', field: 'I/markTicks' })
    expect(refusal({ markTicks: 0.5 })).toMatchObject({ code: 'not-an-integer', field: 'I/markTicks' })
    expect(refusal({ tickSize: 'x' })).toMatchObject({ code: 'not-finite', field: 'I/tickSize' })
    expect(refusal({ microsPerTickLot: 2 ** 30 })).toMatchObject({ code: 'out-of-range', field: 'I/capMicros' })
    expect(refusal({ market: { level: Number.NaN } })).toMatchObject({ code: 'unpriceable' })
    expect(refusal({ terms: option('call', 2), market: { level: 2, volatility: Number.NaN } })).toMatchObject({
      code: 'unpriceable',
    })
    expect(riskTable(set, [{ ...given, underlying: 'Z' }], [])).toMatchObject({ code: 'unknown-underlying' })
    const asset = { instrumentId: 9, instrumentName: 'C', underlying: 'Y', unitMicros: 1, haircutPpm: 0 }
    expect(riskAsset(set, { ...asset, haircutPpm: 1_000_001 })).toMatchObject({
      code: 'out-of-range',
      field: 'C/haircutPpm',
    })
    expect(riskAsset(set, { ...asset, unitMicros: 0 })).toMatchObject({ code: 'out-of-range', field: 'C/unitMicros' })
    expect(riskTable(set, [], [{ ...asset, underlying: 'Z' }])).toMatchObject({
      code: 'unknown-underlying',
      field: 'C/Z',
    })
  })
})
