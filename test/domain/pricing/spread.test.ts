import { describe, test } from '@jest/globals'
import fc from 'fast-check'
import { exchangeOption, kirkSpread, rainbowOption, spreadOption } from '#domain/pricing/spread.ts'
import { answered, expectClose } from './market-arbitraries.ts'

const range = (min: number, max: number) => fc.double({ min, max, noNaN: true })
const pairs = fc.record({
  forward1: range(1, 8),
  forward2: range(1, 8),
  strike: range(-3, 3),
  timeYears: range(0.1, 2),
  volatility1: range(0.1, 0.9),
  volatility2: range(0.1, 0.9),
  correlation: range(-0.99, 0.99),
  rate: range(0, 0.1),
})

describe('two underlyings', () => {
  test('spread: parity, Margrabe at strike zero, Kirk nearby', () => {
    fc.assert(
      fc.property(pairs, inputs => {
        const [call, put] = (['call', 'put'] as const).map(optionType =>
          answered(spreadOption({ ...inputs, optionType })),
        ) as [number, number]
        const discount = Math.exp(-inputs.rate * inputs.timeYears)
        expectClose(call - put, discount * (inputs.forward1 - inputs.forward2 - inputs.strike), 1e-9)
        const exchange = exchangeOption({
          ...inputs,
          ...{ spot1: inputs.forward1, spot2: inputs.forward2, yieldRate1: inputs.rate, yieldRate2: inputs.rate },
        })
        const unstruck = { ...inputs, optionType: 'call' as const, strike: 0 }
        expectClose(answered(spreadOption(unstruck)), answered(exchange), 1e-9)
        expectClose(answered(kirkSpread(unstruck)), answered(exchange), 1e-12)
      }),
      { numRuns: 20 },
    )
    for (const correlation of [-1, 1]) {
      const inputs = {
        optionType: 'call',
        forward1: 3,
        forward2: 2,
        strike: 0.5,
        timeYears: 1,
        volatility1: 0.5,
        volatility2: 0.3,
      } as const
      const edge = answered(spreadOption({ ...inputs, correlation, rate: 0 }))
      expectClose(edge, answered(spreadOption({ ...inputs, correlation: correlation * (1 - 1e-9), rate: 0 })), 1e-7)
    }
  })

  test('the dearer and the cheaper are both, also when they move as one', () => {
    const spots = { spot1: 3, spot2: 2.5, yieldRate1: 0.02, yieldRate2: 0, timeYears: 1, volatility1: 0.5, rate: 0.05 }
    for (const [volatility2, correlation] of [
      [0.3, 0.4],
      [0.5, 1],
      [0.5, -1],
    ] as const) {
      const ask = (on: 'minimum' | 'maximum', optionType: 'call' | 'put') =>
        answered(rainbowOption({ ...spots, volatility2, correlation, on, optionType, strike: 2.7 }))
      const [one, other] = [
        ask('minimum', 'call') + ask('maximum', 'call'),
        ask('minimum', 'put') + ask('maximum', 'put'),
      ]
      // Minimum and maximum together are the two, so their forwards are.
      const held = 3 * Math.exp(-0.02) + 2.5 - 2 * 2.7 * Math.exp(-0.05)
      expectClose(one - other, held, 1e-9)
    }
  })
})
