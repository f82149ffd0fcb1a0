import { describe, expect, test } from '@jest/globals'
import { american, americanGreeks } from '#domain/pricing/american.ts'
import { americanBarrierOption } from '#domain/pricing/american-barrier.ts'
import { geometricAsian, geometricContinuousAsian, levyAsian, momentMatchedAsian } from '#domain/pricing/asian.ts'
import { arithmeticAsian, arithmeticContinuousAsian } from '#domain/pricing/asian-pde.ts'
import { bachelier, bachelierGreeks } from '#domain/pricing/bachelier.ts'
import { barrierOption, binaryBarrierOption, doubleBarrierOption } from '#domain/pricing/barrier.ts'
import { blackScholesMerton, blackScholesMertonGreeks } from '#domain/pricing/black-scholes-merton.ts'
import { black76, black76Greeks } from '#domain/pricing/black76.ts'
import { assetOrNothing } from '#domain/pricing/digital.ts'
import { forwardStartOption } from '#domain/pricing/forward-start.ts'
import { impliedVolatility } from '#domain/pricing/implied-volatility.ts'
import type { Priced } from '#domain/pricing/priced.ts'
import { exchangeOption, kirkSpread, rainbowOption, spreadOption } from '#domain/pricing/spread.ts'
import { autocallableValue, cliquetValue, rangeAccrualValue } from '#domain/pricing/structured-closed-forms.ts'

const spot = { optionType: 'call', spot: 2, strike: 2.5, timeYears: 1, volatility: 0.5, rate: 0.05, yieldRate: 0.02 }
const future = { optionType: 'put', forward: 2, strike: 2.5, timeYears: 1, volatility: 0.5, rate: 0.05 }
const two = { timeYears: 1, volatility1: 0.5, volatility2: 0.4, correlation: 0.3, rate: 0.05 }
const spots = { ...two, spot1: 2, spot2: 3, yieldRate1: 0.01, yieldRate2: 0.02 }
const spread = { ...two, optionType: 'call', forward1: 2, forward2: 1, strike: 0.5 }
const barrier = { ...spot, barrierType: 'down-out', barrier: 1.5, rebate: 0.1 }
const note = { volatility: 0.5, rate: 0.05, yieldRate: 0.02, periods: 4, periodYears: 0.25 }

type Model = (inputs: never) => Priced<unknown>

const models: readonly (readonly [name: string, model: Model, inputs: Readonly<Record<string, unknown>>])[] = [
  ['black76', black76, future],
  ['black76Greeks', black76Greeks, future],
  ['bachelier', bachelier, future],
  ['bachelierGreeks', bachelierGreeks, future],
  ['blackScholesMerton', blackScholesMerton, spot],
  ['blackScholesMertonGreeks', blackScholesMertonGreeks, spot],
  ['assetOrNothing', assetOrNothing, spot],
  ['american', american, spot],
  ['americanGreeks', americanGreeks, spot],
  ['barrierOption', barrierOption, barrier],
  ['americanBarrierOption', americanBarrierOption, barrier],
  ['binaryBarrierOption', binaryBarrierOption, { ...barrier, pays: 1 }],
  ['doubleBarrierOption', doubleBarrierOption, { ...spot, knock: 'out', lowerBarrier: 1, upperBarrier: 4 }],
  ['geometricContinuousAsian', geometricContinuousAsian, spot],
  ['geometricAsian', geometricAsian, { ...spot, fixingYears: [0.5, 1] }],
  ['momentMatchedAsian', momentMatchedAsian, { ...spot, fixingYears: [0.5, 1] }],
  ['levyAsian', levyAsian, { ...spot, averageSoFar: 2, remainingYears: 0.5 }],
  ['arithmeticAsian', arithmeticAsian, { ...spot, fixingYears: [0.5, 1] }],
  ['arithmeticContinuousAsian', arithmeticContinuousAsian, spot],
  ['forwardStartOption', forwardStartOption, { ...spot, moneyness: 1.1, startYears: 0.25 }],
  ['impliedVolatility', impliedVolatility, { ...future, discountFactor: 0.95, price: 0.7 }],
  ['kirkSpread', kirkSpread, spread],
  ['spreadOption', spreadOption, spread],
  ['exchangeOption', exchangeOption, spots],
  ['rainbowOption', rainbowOption, { ...spots, optionType: 'put', strike: 2, on: 'minimum' }],
  ['cliquetValue', cliquetValue, { ...note, floor: 0, cap: 0.1 }],
  ['rangeAccrualValue', rangeAccrualValue, { ...note, spot: 2, low: 1, high: 3, coupon: 0.1 }],
  [
    'autocallableValue',
    autocallableValue,
    {
      ...spot,
      ...note,
      initialLevel: 2,
      observationYears: [0.5, 1],
      autocallLevel: 2,
      couponPerPeriod: 0.1,
      knockInLevel: 1,
    },
  ],
]

/** Inputs that a formula may not read. */
const unread: Readonly<Record<string, readonly string[]>> = {
  impliedVolatility: ['volatility', 'rate'],
  binaryBarrierOption: ['rebate'],
  forwardStartOption: ['strike'],
  cliquetValue: ['spot'],
  autocallableValue: ['strike', 'timeYears', 'periods', 'periodYears'],
}

describe('inputs that are no numbers of a market', () => {
  test.each(models)('%s is priced with good inputs and names each bad one', (name, model, inputs) => {
    const ask = (change: Readonly<Record<string, unknown>>) => model({ ...inputs, ...change } as never)
    expect(ask({})).toMatchObject({ priced: true })
    for (const [field, value] of Object.entries(inputs)) {
      if (typeof value !== 'number' || unread[name]?.includes(field)) continue
      for (const bad of [Number.NaN, Infinity, -Infinity, 1e308, -1e308])
        expect([bad, ask({ [field]: bad })]).toMatchObject([bad, { priced: false, field }])
      if (
        /^(?:spot|forward|strike|timeYears|volatility|barrier)/.test(field) &&
        !(name === 'spreadOption' || name === 'kirkSpread' || name.startsWith('bachelier'))
      )
        for (const bad of [0, -0, -1])
          expect([bad, ask({ [field]: bad })]).toMatchObject([bad, { priced: false, field }])
    }
    if ('optionType' in inputs && name !== 'exchangeOption' && name !== 'autocallableValue')
      expect(ask({ optionType: 'straddle' })).toMatchObject({
        priced: false,
        code: 'unknown-choice',
        field: 'optionType',
      })
  })

  test('what is admissible one by one and not together', () => {
    const ask = (model: Model, inputs: Readonly<Record<string, unknown>>) => model(inputs as never)
    const answers: readonly (readonly [Priced<unknown>, string, string])[] = [
      [
        ask(doubleBarrierOption, { ...spot, knock: 'out', lowerBarrier: 4, upperBarrier: 1 }),
        'not-ascending',
        'upperBarrier',
      ],
      [ask(forwardStartOption, { ...spot, moneyness: 1, startYears: 2 }), 'not-ascending', 'timeYears'],
      [ask(momentMatchedAsian, { ...spot, fixingYears: [0.5, 0.5] }), 'not-ascending', 'fixingYears'],
      [ask(momentMatchedAsian, { ...spot, fixingYears: [0.5, 1.5] }), 'out-of-range', 'fixingYears'],
      [ask(momentMatchedAsian, { ...spot, fixingYears: [] }), 'too-few', 'fixingYears'],
      [ask(momentMatchedAsian, { ...spot, fixingYears: [-0.1, 1] }), 'not-ascending', 'fixingYears'],
      [
        ask(momentMatchedAsian, { ...spot, fixingYears: [1], fixingVolatilities: [] }),
        'length-mismatch',
        'fixingVolatilities',
      ],
      [ask(arithmeticAsian, { ...spot, fixingYears: [1], pastFixings: 0, pastSum: 3 }), 'length-mismatch', 'pastSum'],
      [
        ask(american, { ...spot, optionType: 'put', rate: -0.02, yieldRate: -0.05 }),
        'double-exercise-boundary',
        'rate',
      ],
      [ask(american, { ...spot, rate: -0.05, yieldRate: -0.02 }), 'double-exercise-boundary', 'yieldRate'],
      [ask(kirkSpread, { ...spread, strike: -2 }), 'out-of-range', 'strike'],
      [ask(barrierOption, { ...barrier, rate: -5, volatility: 3, yieldRate: -9 }), 'complex-hitting-exponent', 'rate'],
      [ask(blackScholesMerton, { ...spot, rate: -10, timeYears: 100 }), 'not-representable', 'value'],
    ]
    for (const [answer, code, field] of answers) expect(answer).toEqual({ priced: false, code, field })
  })
})
