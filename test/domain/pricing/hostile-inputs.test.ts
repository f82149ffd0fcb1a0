import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { accuracySettlementMicros, attestedAccuracy } from '#domain/pricing/accuracy-contract.ts'
import { american, americanGreeks } from '#domain/pricing/american.ts'
import { approximateAmerican } from '#domain/pricing/american-approximations.ts'
import { americanBarrierOption } from '#domain/pricing/american-barrier.ts'
import { geometricAsian, geometricContinuousAsian, levyAsian, momentMatchedAsian } from '#domain/pricing/asian.ts'
import { arithmeticAsian, arithmeticContinuousAsian } from '#domain/pricing/asian-pde.ts'
import {
  downtimeSeconds,
  serviceCreditPartsPerMillion,
  uptimeOfOutages,
  uptimeOfWindows,
  uptimeSwapSettlementMicros,
} from '#domain/pricing/availability.ts'
import { bachelier, bachelierGreeks } from '#domain/pricing/bachelier.ts'
import { barrierOption, binaryBarrierOption, doubleBarrierOption } from '#domain/pricing/barrier.ts'
import { blackScholesMerton, blackScholesMertonGreeks } from '#domain/pricing/black-scholes-merton.ts'
import { black76, black76Greeks } from '#domain/pricing/black76.ts'
import { assetOrNothing, cashOrNothing, gapOption } from '#domain/pricing/digital.ts'
import {
  bootstrapDiscountFactors,
  discountFactorAt,
  fairSwapPrice,
  parSwapRates,
  payerSwapValue,
} from '#domain/pricing/discount-curve.ts'
import { forwardStartOption } from '#domain/pricing/forward-start.ts'
import { impliedVolatility } from '#domain/pricing/implied-volatility.ts'
import { jobContractSettlement } from '#domain/pricing/job-contract.ts'
import {
  interpolatedLatency,
  latencySettlementTicks,
  nearestRankLatency,
  windowedLatency,
} from '#domain/pricing/latency-percentile.ts'
import { fixedLookback, floatingLookback } from '#domain/pricing/lookback.ts'
import { performanceBondSettlement } from '#domain/pricing/performance-bond.ts'
import { type Priced, pricingRefusals } from '#domain/pricing/priced.ts'
import { exchangeOption, kirkSpread, rainbowOption, spreadOption } from '#domain/pricing/spread.ts'
import { autocallableValue, cliquetValue, rangeAccrualValue } from '#domain/pricing/structured-closed-forms.ts'
import { noTouch, oneTouchAtExpiry, oneTouchAtHit } from '#domain/pricing/touch.ts'
import {
  realisedVariance,
  replicatedVariance,
  seasonedVarianceSwapValue,
  smileVariance,
  varianceSwapSettlement,
} from '#domain/pricing/variance-swap.ts'
import { termVariance, volatilityIndex } from '#domain/pricing/volatility-index.ts'

const option = { optionType: 'call', spot: 2, strike: 2.5, timeYears: 1, volatility: 0.5, rate: 0.05, yieldRate: 0.02 }
const { strike: _strike, ...market } = option
const put = { ...option, optionType: 'put' }
const future = { optionType: 'put', forward: 2, strike: 2.5, timeYears: 1, volatility: 0.5, rate: 0.05 }
const { volatility: _volatility, rate: _rate, ...quoted } = future
const pair = { timeYears: 1, volatility1: 0.5, volatility2: 0.4, correlation: 0.3, rate: 0.05 }
const spots = { ...pair, spot1: 2, spot2: 3, yieldRate1: 0.01, yieldRate2: 0.02 }
const spread = { ...pair, optionType: 'call', forward1: 2, forward2: 1, strike: -0.5 }
const barrier = { ...option, barrierType: 'down-out', barrier: 1.5, rebate: 0.1 }
const note = { volatility: 0.5, rate: 0.05, yieldRate: 0.02, periods: 4, periodYears: 0.25 }
const fixings = { ...option, fixingYears: [0.25, 0.5, 1], pastFixings: 2, pastSum: 4 }
const swap = { discountFactors: [0.99, 0.98], forwards: [2, 2.1], unitHours: [100, 120] }
const varianceTerms = { strikeVolatilityPoints: 60, vegaNotional: 1000, capMultiple: 2.5 }
const strip = {
  ...{ spot: 2, rate: 0.05, yieldRate: 0.05, timeYears: 0.25, centralStrike: 2, strikeSpacing: 0.5 },
  options: [1.5, 2, 2, 2.5].map((strike, i) => ({ optionType: i < 2 ? 'put' : 'call', strike, volatility: 0.6 })),
}
const quotes = [1.5, 2, 2.5, 3].map((strike, i) => ({
  strike,
  callBid: [0.6, 0.25, 0.1, 0.02][i],
  callAsk: [0.62, 0.27, 0.12, 0.03][i],
  putBid: [0.05, 0.2, 0.6, 1][i],
  putAsk: [0.06, 0.22, 0.62, 1.1][i],
}))
const availability = { upSeconds: 80, degradedSeconds: 5, downSeconds: 10, unknownSeconds: 5 }
const latency = { upperNanos: [10, 100, 1000], counts: [5, 3, 2] }
const small = { nodes: 40, steps: 10 }

type Pricer = (...given: never[]) => Priced<unknown>

/** Each exported function that answers a price, a statistic or a settlement, with arguments that it takes. */
const pricers: readonly (readonly [name: string, pricer: Pricer, given: readonly unknown[]])[] = [
  ['black76', black76, [future]],
  ['black76Greeks', black76Greeks, [future]],
  ['bachelier', bachelier, [future]],
  ['bachelierGreeks', bachelierGreeks, [future]],
  ['blackScholesMerton', blackScholesMerton, [option]],
  ['blackScholesMertonGreeks', blackScholesMertonGreeks, [option]],
  ['cashOrNothing', cashOrNothing, [option, 3]],
  ['assetOrNothing', assetOrNothing, [option]],
  ['gapOption', gapOption, [option, 3]],
  ['american', american, [put]],
  ['american call', american, [option]],
  ['americanGreeks', americanGreeks, [put]],
  ['approximateAmerican, quadratic', approximateAmerican, [put, 'barone-adesi-whaley']],
  ['approximateAmerican, corrected', approximateAmerican, [option, 'ju-1999']],
  ['approximateAmerican, flat boundary', approximateAmerican, [put, 'bjerksund-stensland-1993']],
  ['barrierOption', barrierOption, [barrier]],
  ['barrierOption up and in', barrierOption, [{ ...barrier, barrierType: 'up-in', barrier: 3, observations: 12 }]],
  ['americanBarrierOption', americanBarrierOption, [barrier]],
  ['americanBarrierOption in', americanBarrierOption, [{ ...barrier, barrierType: 'down-in' }]],
  ['binaryBarrierOption', binaryBarrierOption, [{ ...option, barrierType: 'down-out', barrier: 1.5, pays: 1 }]],
  ['doubleBarrierOption', doubleBarrierOption, [{ ...option, knock: 'out', lowerBarrier: 1, upperBarrier: 4 }]],
  ['oneTouchAtHit', oneTouchAtHit, [market, 'down', 1.5, 1]],
  ['oneTouchAtExpiry', oneTouchAtExpiry, [market, 'up', 2.5, 1]],
  ['noTouch', noTouch, [market, 'up', 2.5, 1]],
  ['geometricContinuousAsian', geometricContinuousAsian, [option]],
  ['geometricAsian', geometricAsian, [{ ...option, fixingYears: [0.5, 1], pastFixings: 1 }, 0.7]],
  ['momentMatchedAsian', momentMatchedAsian, [{ ...fixings, fixingVolatilities: [0.5, 0.4, 0.3] }]],
  ['levyAsian', levyAsian, [{ ...option, averageSoFar: 2, remainingYears: 0.5 }]],
  ['arithmeticAsian', arithmeticAsian, [fixings, small]],
  ['arithmeticContinuousAsian', arithmeticContinuousAsian, [option, small]],
  ['floatingLookback', floatingLookback, [market, 1.5]],
  ['fixedLookback', fixedLookback, [put, 1.5]],
  ['forwardStartOption', forwardStartOption, [{ ...market, moneyness: 1.1, startYears: 0.25 }]],
  ['impliedVolatility', impliedVolatility, [{ ...quoted, discountFactor: 0.95, price: 0.7 }]],
  ['kirkSpread', kirkSpread, [spread]],
  ['spreadOption', spreadOption, [spread]],
  ['exchangeOption', exchangeOption, [spots, 2, 3]],
  ['rainbowOption', rainbowOption, [{ ...spots, optionType: 'put', strike: 2, on: 'minimum' }]],
  ['cliquetValue', cliquetValue, [{ ...note, floor: 0, cap: 0.1 }]],
  ['rangeAccrualValue', rangeAccrualValue, [{ ...note, spot: 2, low: 1, high: 3, coupon: 0.1 }]],
  [
    'autocallableValue',
    autocallableValue,
    [
      {
        ...{ volatility: 0.5, rate: 0.05, yieldRate: 0.02, spot: 2, initialLevel: 2, observationYears: [0.5, 1, 1.5] },
        ...{ autocallLevel: 2, couponPerPeriod: 0.1, knockInLevel: 1 },
      },
    ],
  ],
  [
    'bootstrapDiscountFactors',
    bootstrapDiscountFactors,
    [
      [0.03, 0.04],
      [1, 1],
    ],
  ],
  [
    'parSwapRates',
    parSwapRates,
    [
      [0.97, 0.94],
      [1, 1],
    ],
  ],
  ['discountFactorAt', discountFactorAt, [[1, 2], [0.97, 0.94], 1.5]],
  ['fairSwapPrice', fairSwapPrice, [swap]],
  ['payerSwapValue', payerSwapValue, [swap, 2]],
  ['replicatedVariance', replicatedVariance, [strip]],
  ['smileVariance', smileVariance, [2, 0.5, () => 0.5]],
  ['realisedVariance', realisedVariance, [[2, 2.1, 1.9, 2.2], 365, 'sample-mean']],
  ['varianceSwapSettlement', varianceSwapSettlement, [varianceTerms, 50]],
  [
    'seasonedVarianceSwapValue',
    seasonedVarianceSwapValue,
    [varianceTerms, { elapsedShare: 0.5, realisedVariance: 0.3, fairVariance: 0.4, discountFactor: 0.98 }],
  ],
  ['termVariance', termVariance, [quotes, 0.1, 0.03]],
  [
    'volatilityIndex',
    volatilityIndex,
    [
      { minutes: 30_000, variance: 0.2 },
      { minutes: 50_000, variance: 0.4 },
    ],
  ],
  [
    'downtimeSeconds',
    downtimeSeconds,
    [
      [
        [5, 10],
        [8, 20],
      ],
      100,
    ],
  ],
  ['uptimeOfOutages', uptimeOfOutages, [[[5, 10]], 100]],
  ['uptimeOfWindows', uptimeOfWindows, [[availability, availability], 500_000]],
  [
    'serviceCreditPartsPerMillion',
    serviceCreditPartsPerMillion,
    [{ up: 99n, total: 100n }, [{ uptimePartsPerMillion: 0, creditPartsPerMillion: 1_000_000 }]],
  ],
  [
    'uptimeSwapSettlementMicros',
    uptimeSwapSettlementMicros,
    [
      { strikePartsPerMillion: 999_000, notionalMicrosPerBasisPoint: 1_000_000 },
      { up: 99n, total: 100n },
    ],
  ],
  ['nearestRankLatency', nearestRankLatency, [[5, 3, 9], 500_000]],
  ['interpolatedLatency', interpolatedLatency, [[5, 3, 9], 500_000]],
  ['windowedLatency', windowedLatency, [[latency, latency], 950_000]],
  ['latencySettlementTicks', latencySettlementTicks, [12_345, 1_000]],
  ['attestedAccuracy', attestedAccuracy, [[900_000, 910_000, 905_000], 2]],
  [
    'accuracySettlementMicros',
    accuracySettlementMicros,
    [{ benchmarkPartsPerMillion: 900_000, notionalMicrosPerBasisPoint: 10_000, capMicros: 1_000_000 }, 905_000],
  ],
  [
    'jobContractSettlement',
    jobContractSettlement,
    [
      { unitPriceMicros: 2_000_000, penaltyPartsPerMillion: 100_000 },
      [{ contractedUnits: 10, deliveredUnits: 8, imbalancePriceMicros: 3_000_000 }],
    ],
  ],
  ['performanceBondSettlement', performanceBondSettlement, [1_000_000, [100, 200]]],
]

/** Where the numbers of some arguments are. */
const numberPaths = (
  value: unknown,
  path: readonly (string | number)[] = [],
): readonly (readonly (string | number)[])[] => {
  if (typeof value === 'number') return [path]
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, member]) => numberPaths(member, [...path, name]))
}

const changed = (value: unknown, [name, ...rest]: readonly (string | number)[], to: number): unknown => {
  if (name === undefined) return to
  if (Array.isArray(value))
    return value.map((member, i) => (String(i) === String(name) ? changed(member, rest, to) : member))
  const members: Readonly<Record<string, unknown>> = { ...(value as object) }
  return { ...members, [name]: changed(members[name], rest, to) }
}

const numbersOf = (value: unknown): readonly number[] => {
  if (typeof value === 'number') return [value]
  if (typeof value !== 'object' || value === null) return []
  return Object.values(value).flatMap(numbersOf)
}

const notNumbers = [Number.NaN, Infinity, -Infinity, 1e308, -1e308]
/** What a limit lets through, or almost: each by itself a number that somebody may send. */
const extremes = [
  0, -0, -1, 5e-324, 1e-300, 1e-100, 1e-12, 1e-6, 0.5, 1, 10, -10, 99.9, 1e4, 1e12, 0.999999, 9_007_199_254_740_991,
]
const hostile = [...notNumbers, ...extremes]

const longestMillis = 1_500

/** Refused with a field named, or numbers: never NaN, never a throw, never a hang. */
const expectAnswer = (pricer: Pricer, given: readonly unknown[]): Priced<unknown> => {
  // Of CPU: the machine may be somebody else's at the moment.
  const start = process.cpuUsage()
  const answer = pricer(...(given as never[]))
  const { user } = process.cpuUsage(start)
  const millis = user / 1000
  if (millis > longestMillis) throw new Error(`took ${Math.round(millis)} ms: ${JSON.stringify(given)}`)
  if (answer.priced) {
    if (!numbersOf(answer.value).every(Number.isFinite)) throw new Error(`answers ${JSON.stringify(answer)}`)
  } else if (!pricingRefusals.includes(answer.code) || answer.field === '') {
    throw new Error(`refuses without a name: ${JSON.stringify(answer)}`)
  }
  return answer
}

describe('whatever numbers come in', () => {
  test.each(pricers)('%s names the field, or answers a number', (_, pricer, given) => {
    expect(expectAnswer(pricer, given)).toMatchObject({ priced: true })
    const paths = numberPaths(given)
    for (const path of paths)
      for (const value of hostile) expectAnswer(pricer, changed(given, path, value) as unknown[])
    for (const path of paths)
      for (const value of [Number.NaN, Infinity, -Infinity])
        expect([path, expectAnswer(pricer, changed(given, path, value) as unknown[])]).toMatchObject([
          path,
          { priced: false },
        ])
    // Several at once: what is admissible one by one.
    const change = fc.record({ path: fc.constantFrom(...paths), value: fc.constantFrom(...extremes) })
    fc.assert(
      fc.property(fc.array(change, { minLength: 2, maxLength: 5 }), changes => {
        expectAnswer(
          pricer,
          changes.reduce<unknown>((all, { path, value }) => changed(all, path, value), given) as unknown[],
        )
      }),
      { numRuns: 30 },
    )
  })
})
