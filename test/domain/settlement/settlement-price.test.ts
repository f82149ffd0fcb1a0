import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { autocallable } from '#domain/pricing/payoff-templates.ts'
import type { MeasuredWindow } from '#domain/settlement/measured-windows.ts'
import { settlementNeeds } from '#domain/settlement/settlement-needs.ts'
import { type SettlementInputs, settlementPrice } from '#domain/settlement/settlement-price.ts'
import { decimal } from '#domain/units.ts'
import {
  at,
  daily,
  dayMillis,
  endMillis,
  fixing,
  settledContract,
  startMillis,
} from '#test/support/settled-contracts.ts'

const nothing: SettlementInputs = { fixings: [], windows: [], lastMarkTicks: 0 }
const given = (change: Partial<SettlementInputs>): SettlementInputs => ({ ...nothing, ...change })
const priced = (priceTicks: number, explanation: object = {}) => ({
  state: 'priced',
  priceTicks,
  explanation: expect.objectContaining(explanation),
})
const window = (day: number, change: Partial<MeasuredWindow>): MeasuredWindow => ({
  source: 'probe',
  windowStartMillis: startMillis + day * dayMillis,
  windowEndMillis: startMillis + (day + 1) * dayMillis,
  version: 1,
  ...change,
})
const threeDays = (change: (day: number) => Partial<MeasuredWindow>) => [0, 1, 2].map(day => window(day, change(day)))

const future = (
  ...change: Parameters<typeof settledContract> extends [unknown, unknown, ...infer Rest] ? Rest : never
) => settledContract('future', { index: 'I', averaging_start: '2026-11-01T00:00:00Z' }, ...change)

describe('a future', () => {
  test('settles on the mean of its fixings, both ends included, with all of them told', () => {
    const inputs = given({ fixings: [daily(['2', '2.01', '2.02', '2.05'])] })
    expect(settlementNeeds(future())).toEqual({
      fixings: [{ index: 'I', fromMillis: startMillis, toMillis: endMillis }],
    })
    // 8.08 / 4
    expect(settlementPrice(future(), inputs, false)).toEqual(
      priced(202, {
        rule: 'mean-of-fixings',
        mean: '2.02',
        fixings_count: 4,
        fixings: expect.arrayContaining([
          { timestamp: '2026-11-04T00:00:00.000Z', level: '2.05', is_fallback: false, method_version: 1 },
        ]),
      }),
    )
  })

  test('waits for a fixing that may come, then leaves it out and says so', () => {
    const inputs = given({ fixings: [daily(['2', undefined, '2.02', '2.05'])] })
    expect(settlementPrice(future(), inputs, false)).toEqual({
      state: 'missing',
      missing: ['I@2026-11-02T00:00:00.000Z'],
    })
    // 6.07 / 3 is 2.02333
    expect(settlementPrice(future(), inputs, true)).toEqual(
      priced(202, { left_out: ['I@2026-11-02T00:00:00.000Z'], left_out_count: 1, fixings_count: 3 }),
    )
  })

  test('does not wait for a fixing that is known never to come', () => {
    const inputs = given({ fixings: [daily(['2', undefined, '2.02', '2.05'], { decidedMillis: endMillis })] })
    expect(settlementPrice(future(), inputs, false)).toEqual(priced(202, { left_out_count: 1 }))
  })

  test('without any fixing settles at its last mark, and without one at nothing that is invented', () => {
    const inputs = given({ fixings: [daily([undefined, undefined])], lastMarkTicks: 210 })
    expect(settlementPrice(future(), inputs, true)).toEqual(priced(210, { rule: 'last-mark' }))
    expect(settlementPrice(future(), { ...inputs, lastMarkTicks: 0 }, true)).toEqual({
      state: 'unpriceable',
      reason: 'there are no observations and there is no mark',
    })
  })

  test('taken from trading early settles at its last mark at once', () => {
    const early = future({}, { isDelisted: true, asOfMillis: at('11-02T00:00:00') })
    expect(settlementPrice(early, given({ fixings: [daily(['2'])], lastMarkTicks: 190 }), false)).toEqual(
      priced(190, { rule: 'last-mark', is_delisted: true }),
    )
  })

  test('never settles above its highest price', () => {
    const inputs = given({ fixings: [daily(['2000', '2000', '2000', '2000'])] })
    expect(settlementPrice(future(), inputs, false)).toEqual(
      priced(100_000, { is_limited: true, unlimited_ticks: '200000' }),
    )
  })

  test('very many fixings are told by number and sum', () => {
    const fixings = Array.from({ length: 1_500 }, (_, minute) => fixing(startMillis + minute * 60_000, '2'))
    const inputs = given({ fixings: [{ index: 'I', expectedMillis: [], decidedMillis: 0, fixings }] })
    const { explanation } = settlementPrice(future(), inputs, false) as { explanation: Record<string, unknown> }
    expect(explanation).toMatchObject({ fixings_count: 1_500, fixings_sum: '3000' })
    expect(explanation['fixings']).toBeUndefined()
  })

  test('its price is the mean of what is there, to half a tick', () => {
    const levels = fc.array(fc.integer({ min: 1, max: 90_000 }), { minLength: 1, maxLength: 20 })
    fc.assert(
      fc.property(levels, cents => {
        const inputs = given({ fixings: [daily(cents.map(each => decimal(each, '0.01')))] })
        const result = settlementPrice(future(), inputs, false)
        const mean = cents.reduce((sum, each) => sum + each, 0) / cents.length
        expect(result.state === 'priced' && Math.abs(result.priceTicks - mean) <= 0.5 + 1e-9).toBe(true)
      }),
    )
  })
})

describe('options', () => {
  const option = (terms: object, settled = {}) =>
    settledContract(
      'option',
      { option_type: 'call', strike: '2', underlying_instrument: 'I-4NOV26', ...terms },
      {},
      settled,
    )
  const settledAt = (priceTicks: number) =>
    given({ future: { instrumentName: 'I-4NOV26', priceTicks, tickSize: '0.05' } })

  test.each([
    ['call', 45, 25],
    ['call', 35, 0],
    ['put', 35, 25],
    ['put', 45, 0],
  ])('a %s on a future at %d × 0.05 pays %d cents', (option_type, futureTicks, cents) => {
    expect(settlementPrice(option({ option_type }), settledAt(futureTicks), false)).toEqual(
      priced(cents, { rule: 'option-on-future', underlying_instrument: 'I-4NOV26', strike: '2' }),
    )
  })

  test('waits for its future however long that takes', () => {
    const pending = { state: 'pending', missing: ['I-4NOV26'] }
    expect(settlementPrice(option({}), given({ lastMarkTicks: 5 }), true)).toEqual(pending)
  })

  test('a digital pays its cash beyond the strike and nothing at it', () => {
    const digital = option({ cash: '1.5' })
    expect(settlementPrice(digital, settledAt(41), false)).toEqual(priced(150, { cash: '1.5' }))
    expect(settlementPrice(digital, settledAt(40), false)).toEqual(priced(0))
    expect(settlementPrice(option({ option_type: 'put', cash: '1.5' }), settledAt(39), false)).toEqual(priced(150))
  })

  test('an average-price option settles on the mean of the fixings', () => {
    const asian = settledContract('option', {
      option_type: 'call',
      strike: '2',
      averaging_start: '2026-11-02T00:00:00Z',
    })
    const inputs = given({ fixings: [daily(['9', '2.1', '2.2', '2.3'])] })
    expect(settlementPrice(asian, inputs, false)).toEqual(priced(20, { rule: 'average-price-option', mean: '2.2' }))
  })

  const barrier = (direction: string, settled = {}) =>
    option({ barrier: { direction, level: '2.2', rebate: '0.1' } }, settled)
  const below = daily(['2', '2.1', '2.19', '2.1'])
  const touched = daily(['2', '2.1', '2.2', '2.1'])

  test.each([
    ['up-out', touched, 10, 'rebate'],
    ['up-out', below, 25, 'option-on-future'],
    ['up-in', touched, 25, 'option-on-future'],
    ['up-in', below, 10, 'rebate'],
    ['down-out', below, 10, 'rebate'],
    ['down-in', below, 25, 'option-on-future'],
  ])('%s pays by the fixings since it was listed', (direction, fixings, cents, rule) => {
    const inputs = { ...settledAt(45), fixings: [fixings] }
    expect(settlementPrice(barrier(direction), inputs, false)).toEqual(priced(cents, { rule }))
  })

  test('a barrier that is reached needs no other fixing, and when knocked out no future either', () => {
    const inputs = given({ fixings: [daily(['2.2', undefined, undefined, undefined])] })
    expect(settlementPrice(barrier('up-out', { isDelisted: true }), inputs, false)).toEqual(
      priced(10, { rule: 'rebate', knocked_by: expect.objectContaining({ level: '2.2' }) }),
    )
    expect(settlementPrice(barrier('up-in'), inputs, false)).toMatchObject({ state: 'pending' })
  })

  test('a fixing before the listing does not count', () => {
    const listedLate = barrier('up-out', { listedAtMillis: at('11-02T00:00:00') })
    const inputs = { ...settledAt(45), fixings: [daily(['2.5', '2.1', '2.1', '2.1'])] }
    expect(settlementPrice(listedLate, inputs, false)).toEqual(priced(25, { knocked_by: null, observed_fixings: 3 }))
  })

  test('taken from trading before it is decided it settles at its last mark', () => {
    const inputs = given({ fixings: [below], lastMarkTicks: 17 })
    expect(settlementPrice(barrier('up-out', { isDelisted: true }), inputs, false)).toEqual(priced(17))
    expect(settlementPrice(option({}, { isDelisted: true }), inputs, false)).toEqual(priced(17, { is_delisted: true }))
  })

  test('call and put at the same strike differ by future and strike, knocked in and out make the whole', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 400 }),
        fc.integer({ min: 1, max: 400 }),
        fc.boolean(),
        (ticks, strike, isUp) => {
          const terms = { strike: decimal(strike, '0.05'), option_type: 'call' }
          const inputs = { ...settledAt(ticks), fixings: [daily(['2', '2.1', '2.3', '1.9'])] }
          const of = (more: object) => {
            const result = settlementPrice(option({ ...terms, ...more }), inputs, false)
            if (result.state !== 'priced') throw new Error(result.state)
            return result.priceTicks
          }
          expect(of({}) - of({ option_type: 'put' })).toBe((ticks - strike) * 5)
          const [up, level] = isUp ? ['up', '2.25'] : ['down', '1.5']
          const parts = ['in', 'out'].map(end => of({ barrier: { direction: `${up}-${end}`, level } }))
          expect(parts.reduce((sum, part) => sum + part, 0)).toBe(of({}))
        },
      ),
    )
  })
})

describe('a swap', () => {
  const terms = { index: 'I', first_month: '2026-10' }
  const change = { expirationMillis: Date.UTC(2026, 11, 1) }
  const october = Array.from({ length: 3 }, (_, day) => fixing(Date.UTC(2026, 9, 10 + day), `${2 + day}`))

  test('pays a leg at the mean of its month, which ends where the next begins', () => {
    const leg = settledContract('swap', terms, change, { kind: 'leg', number: 1, asOfMillis: Date.UTC(2026, 10, 1) })
    expect(settlementNeeds(leg).fixings).toEqual([
      { index: 'I', fromMillis: Date.UTC(2026, 9, 1), toMillis: Date.UTC(2026, 10, 1) - 1 },
    ])
    const inputs = given({ fixings: [{ index: 'I', expectedMillis: [], decidedMillis: 0, fixings: october }] })
    expect(settlementPrice(leg, inputs, false)).toEqual(priced(300, { leg_end: '2026-11-01T00:00:00.000Z', legs: 2 }))
  })

  test('the final settlement is that of the last leg', () => {
    const final = settledContract('swap', terms, change, { asOfMillis: Date.UTC(2026, 11, 1) })
    expect(settlementNeeds(final).fixings).toEqual([
      { index: 'I', fromMillis: Date.UTC(2026, 10, 1), toMillis: Date.UTC(2026, 11, 1) - 1 },
    ])
  })
})

describe('a variance swap', () => {
  const swap = settledContract(
    'variance_swap',
    { observation_start: '2026-11-01T00:00:00Z', strike_volatility: '80', vega_notional: '100' },
    { maxPrice: '100000' },
  )

  test('settles on squared volatility points of its returns, 365 days a year', () => {
    const inputs = given({ fixings: [daily(['2', '2.1', '2', '2.2'])] })
    const returns = [2.1 / 2, 2 / 2.1, 2.2 / 2].map(Math.log)
    const points = (returns.reduce((sum, each) => sum + each * each, 0) / 3) * 365 * 10_000
    expect(settlementPrice(swap, inputs, false)).toEqual(
      priced(Math.round(points * 100), { rule: 'realised-variance', periods: 3, convention: 'zero-mean-n' }),
    )
  })

  test('a fixing that is left out joins two periods and adds none', () => {
    const inputs = given({ fixings: [daily(['2', undefined, '2.1', '2.2'])] })
    const returns = [2.1 / 2, 2.2 / 2.1].map(Math.log)
    const points = (returns.reduce((sum, each) => sum + each * each, 0) / 3) * 365 * 10_000
    expect(settlementPrice(swap, inputs, true)).toEqual(priced(Math.round(points * 100), { left_out_count: 1 }))
  })

  test('takes only the fixings of its own interval', () => {
    const hourly = Array.from({ length: 73 }, (_, hour) =>
      fixing(startMillis + hour * 3_600_000, hour % 24 === 0 ? '2' : '50'),
    )
    const inputs = given({ fixings: [{ index: 'I', expectedMillis: [], decidedMillis: 0, fixings: hourly }] })
    expect(settlementPrice(swap, inputs, false)).toEqual(priced(0, { fixings_count: 4 }))
  })

  test('one fixing is no return', () => {
    const inputs = given({ fixings: [daily(['2', undefined, undefined, undefined])], lastMarkTicks: 64 })
    expect(settlementPrice(swap, inputs, true)).toEqual(priced(64, { rule: 'last-mark' }))
  })
})

describe('measured services', () => {
  const period = { series: 'S', period_start: '2026-11-01T00:00:00Z' }

  test('a latency future settles on the percentile of all samples', () => {
    const contract = settledContract('latency_future', { ...period, percentile_ppm: 990_000 })
    expect(settlementNeeds(contract).windows).toEqual({ series: 'S', fromMillis: startMillis, toMillis: endMillis })
    const upperNanos = [1_000_000, 5_000_000, 20_000_000]
    const windows = threeDays(day => ({ latency: { upperNanos, counts: [970, 30, day === 1 ? 29 : 0] } }))
    // 3,029 samples, rank 2,999 of 2,910 + 90 + 29.
    expect(settlementPrice(contract, given({ windows }), false)).toEqual(priced(500, { latency_nanos: 5_000_000 }))
    const bad = [...windows.slice(0, 2), window(2, { latency: { upperNanos: [1, 2, 3], counts: [1, 1, 1] } })]
    expect(settlementPrice(contract, given({ windows: bad, lastMarkTicks: 9 }), false)).toMatchObject({
      state: 'unpriceable',
    })
  })

  const seconds = (upSeconds: number, downSeconds: number, degradedSeconds = 0) => ({
    availability: { upSeconds, degradedSeconds, downSeconds, unknownSeconds: 0 },
  })

  test('an uptime swap settles on measured uptime in percent; a correction takes the place of what it corrects', () => {
    const contract = settledContract('uptime_swap', { ...period, degraded_weight_ppm: 500_000 }, { maxPrice: '100' })
    const windows = threeDays(day => (day === 1 ? seconds(0, 86_400) : seconds(86_400, 0)))
    const corrected = window(1, { ...seconds(43_200, 21_600, 21_600), version: 2 })
    // (2 × 86,400 + 43,200 + 10,800) of 259,200
    expect(settlementPrice(contract, given({ windows: [...windows, corrected] }), false)).toEqual(
      priced(8_750, { uptime_percent: '87.5', windows_count: 3 }),
    )
  })

  test('a gap is waited for and then left out', () => {
    const contract = settledContract('uptime_swap', period, { maxPrice: '100' })
    const windows = [window(0, seconds(86_400, 0)), window(2, seconds(86_400, 0))]
    const missing = ['S@2026-11-02T00:00:00.000Z/2026-11-03T00:00:00.000Z']
    expect(settlementPrice(contract, given({ windows }), false)).toEqual({ state: 'missing', missing })
    expect(settlementPrice(contract, given({ windows }), true)).toEqual(priced(10_000, { left_out: missing }))
    expect(settlementPrice(contract, given({ lastMarkTicks: 9_990 }), true)).toEqual(priced(9_990))
  })

  test('a performance bond pays penalties up to its highest price, of one source only', () => {
    const contract = settledContract('performance_bond', period, { maxPrice: '100' })
    const windows = threeDays(() => ({ penaltyMicros: 25_000_000 }))
    const twice = [...windows, window(0, { source: 'other', penaltyMicros: 90_000_000 })]
    expect(settlementPrice(contract, given({ windows: twice }), false)).toEqual(
      priced(7_500, { drawn_micros: 75_000_000, shortfall_micros: 0 }),
    )
    const heavy = threeDays(() => ({ penaltyMicros: 50_000_000 }))
    expect(settlementPrice(contract, given({ windows: heavy }), false)).toEqual(
      priced(10_000, { shortfall_micros: 50_000_000 }),
    )
  })

  test('an accuracy contract settles on the median of its attestors, and waits for its quorum', () => {
    const contract = settledContract('accuracy_contract', { ...period, quorum: 3 }, { maxPrice: '100' })
    const attested = (source: string, accuracyPpm: number, day = 0) => window(day, { source, accuracyPpm })
    const two = [attested('a', 991_000), attested('b', 985_000), attested('b', 987_500, 1)]
    expect(settlementPrice(contract, given({ windows: two }), false)).toEqual({
      state: 'missing',
      missing: ['S: 1 of 3 attestors'],
    })
    expect(settlementPrice(contract, given({ windows: two, lastMarkTicks: 9_800 }), true)).toEqual(
      priced(9_800, { rule: 'last-mark' }),
    )
    expect(settlementPrice(contract, given({ windows: [...two, attested('c', 100_000)] }), false)).toEqual(
      priced(9_875, { accuracy_ppm: 987_500 }),
    )
  })

  test('a job contract pays what missing units cost elsewhere and the penalty, over all contracted ones', () => {
    const contract = settledContract('job_contract', { ...period, unit_price: '2', penalty_ppm: 100_000 })
    const windows = threeDays(day => ({
      job: { contractedUnits: 100, deliveredUnits: day === 0 ? 70 : 100, imbalancePriceMicros: 3_000_000 },
    }))
    // 30 × (1 + 0.2) of 300
    expect(settlementPrice(contract, given({ windows }), false)).toEqual(
      priced(12, { missing_units: 30, seller_pays_micros: 36_000_000 }),
    )
    const idle = threeDays(() => ({ job: { contractedUnits: 0, deliveredUnits: 0, imbalancePriceMicros: 1 } }))
    expect(settlementPrice(contract, given({ windows: idle }), true)).toMatchObject({ state: 'unpriceable' })
  })
})

describe('a structured product', () => {
  const product = (settled = {}, more = {}) =>
    settledContract(
      'structured_product',
      {
        payoff: {
          op: 'all',
          flows: [
            {
              op: 'pay',
              date: '2026-11-02',
              amount: {
                op: 'max',
                terms: [
                  { op: 'constant', value: 0 },
                  { op: 'return', index: 'I', from: '2026-11-01', to: '2026-11-02' },
                ],
              },
            },
            {
              op: 'pay',
              date: '2026-11-04',
              amount: {
                op: 'min',
                terms: [
                  { op: 'constant', value: 5 },
                  { op: 'observe', index: 'I', date: '2026-11-04' },
                ],
              },
            },
          ],
        },
        ...more,
      },
      {},
      settled,
    )
  const fixings = [daily(['2', '2.2', '2.3', '2.5'])]

  test('pays before its end what the days that are over decide', () => {
    const first = product({ kind: 'distribution', number: 1, asOfMillis: at('11-03T00:00:00') })
    expect(settlementPrice(first, given({ fixings: [daily(['2', '2.2'])] }), false)).toEqual(
      priced(10, { rule: 'payoff', payments: [{ date: '2026-11-02', amount_micros: 100_000 }] }),
    )
  })

  test('pays the rest at its end, whatever was paid before', () => {
    expect(settlementPrice(product({ distributedTicks: 10 }), given({ fixings }), false)).toEqual(
      priced(250, { distributed_ticks: 10 }),
    )
    expect(settlementPrice(product(), given({ fixings }), false)).toEqual(priced(260))
  })

  test('an observation that does not come: the last of its day, then the mark', () => {
    const late = [daily(['2', '2.2', '2.3', undefined])]
    expect(settlementPrice(product(), given({ fixings: late }), false)).toEqual({
      state: 'missing',
      missing: ['I@2026-11-04T00:00:00.000Z'],
    })
    expect(settlementPrice(product(), given({ fixings: late, lastMarkTicks: 255 }), true)).toEqual(priced(255))
    const twiceADay = [
      daily(['2', '2.2', '2.3', '2.5'], {
        expectedMillis: [startMillis, startMillis + 1],
        fixings: [fixing(startMillis, '2'), fixing(startMillis + dayMillis, '2.2'), fixing(endMillis, '2.5')],
      }),
    ]
    expect(settlementPrice(product(), given({ fixings: twiceADay }), true)).toEqual(priced(260, { left_out_count: 1 }))
  })

  test('redeemed early it pays all that is decided', () => {
    const payoff = autocallable({
      index: 'I',
      initialLevel: 2,
      dates: ['2026-11-02', '2026-11-03'],
      autocallLevel: 2.1,
      couponPerPeriod: 0.05,
      knockInLevel: 1,
    })
    const note = (settled: object) => settledContract('structured_product', { payoff }, {}, settled)
    const called = given({ fixings: [daily(['2', '2.2'])] })
    const early = { isDelisted: true, asOfMillis: at('11-03T00:01:00') }
    expect(settlementPrice(note(early), called, false)).toEqual(priced(105))
    const not = given({ fixings: [daily(['2', '2', '0.9'])], lastMarkTicks: 50 })
    expect(settlementPrice(note({}), not, false)).toEqual(priced(45))
  })

  test('taken from trading before it is decided settles at its last mark', () => {
    const early = product({ isDelisted: true, asOfMillis: at('11-02T12:00:00') })
    expect(settlementPrice(early, given({ fixings: [daily(['2', '2.2'])], lastMarkTicks: 240 }), false)).toEqual(
      priced(240, { is_delisted: true }),
    )
  })
})
