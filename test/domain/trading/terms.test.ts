import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { defineInstrument, plainFuture } from '#domain/reference/instrument.ts'
import { countLots, countTicks } from '#domain/trading/terms.ts'
import { decimal } from '#domain/units.ts'

const defined = defineInstrument(
  {
    instrumentName: 'H100.USE-27NOV26',
    ...plainFuture,
    underlying: 'H100.USE',
    quoteCurrency: 'USD',
    tickSize: '0.05',
    minTradeAmount: '0.1',
    contractSize: '1',
    maxPrice: '100',
    expirationMillis: 1,
    makerCommissionPpm: 0,
    takerCommissionPpm: 0,
  },
  1,
  1,
)
if (!defined.accepted) throw new Error('the instrument of this test is not valid')
const instrument = defined.value

describe('a price in ticks', () => {
  test.each([
    ['0.05', 1],
    ['2.55', 51],
    ['2.550', 51],
    ['100', 2000],
  ])('%s is %d', (price, count) => {
    expect(countTicks(price, instrument)).toEqual({ ok: true, count })
  })

  test.each([
    ['2.551', 'price-off-tick'],
    ['0.01', 'price-off-tick'],
    ['100.05', 'price-out-of-range'],
    ['100.000000000001', 'price-out-of-range'],
    ['999999999999999', 'price-out-of-range'],
    ['0', 'price-out-of-range'],
    ['0.00', 'price-out-of-range'],
  ])('%s is %s', (price, code) => {
    expect(countTicks(price, instrument)).toMatchObject({ ok: false, code })
  })
})

describe('an amount in lots', () => {
  test.each([
    ['0.1', 1],
    ['25', 250],
    ['214748364.7', 2_147_483_647],
  ])('%s is %d', (amount, count) => {
    expect(countLots(amount, instrument)).toEqual({ ok: true, count })
  })

  test.each([
    ['0.05', 'amount-off-lot'],
    ['0.000000000001', 'amount-off-lot'],
    ['214748364.8', 'amount-out-of-range'],
    ['214748364.71', 'amount-out-of-range'],
    ['999999999999999.999999999999', 'amount-out-of-range'],
    ['0', 'amount-out-of-range'],
  ])('%s is %s', (amount, code) => {
    expect(countLots(amount, instrument)).toMatchObject({ ok: false, code })
  })
})

test('every count comes back as the count it was', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2000 }), fc.integer({ min: 1, max: 2_147_483_647 }), (ticks, lots) => {
      expect(countTicks(decimal(ticks, '0.05'), instrument)).toEqual({ ok: true, count: ticks })
      expect(countLots(decimal(lots, '0.1'), instrument)).toEqual({ ok: true, count: lots })
    }),
  )
})
