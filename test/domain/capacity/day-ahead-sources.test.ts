import { expect, test } from '@jest/globals'
import type { DayAheadMarket } from '#domain/auction/day-ahead-market.ts'
import { dayAheadSource } from '#domain/capacity/day-ahead-sources.ts'

const market: DayAheadMarket = {
  market: 'H100.USE',
  tickSize: '0.01',
  minTradeAmount: '0.5',
  maxPrice: '10',
  makerCommissionPpm: 1_000,
  takerCommissionPpm: 2_000,
  penaltyPpm: 0,
  expiresBeforeMillis: 900_000,
}
const known = [
  { hour: 1, priceTicks: 100, boughtLots: 7 },
  { hour: 2, priceTicks: 101, boughtLots: 2 },
  // Not a whole unit: nobody knows what one would have cost.
  { hour: 3, priceTicks: 900, boughtLots: 1 },
]

test('an open auction is a source at a tenth more than its dearest hour was, of what was bought there', () => {
  const source = dayAheadSource(market, '2026-11-25', known, ['acme'])
  expect(source).toMatchObject({
    sourceId: 'H100.USE/2026-11-25',
    kind: 'day_ahead',
    accounts: ['acme'],
    resourceClass: 'H100',
    region: 'USE',
    // 1.12 USD: 111.1 ticks, rounded up, and its commission.
    priceMicrosPerUnitHour: 1_121_120,
    firstHour: Date.parse('2026-11-25T00:00:00Z') / 3_600_000,
    bid: { deliveryDate: '2026-11-25', market: 'H100.USE', limitTicks: 112, lotsOfUnit: 2 },
  })
  expect(source?.units).toEqual([0, 3, 1, ...new Array<number>(21).fill(0)])
})

test('its limit is never above the highest price, and there is none without a price or with parts of units only', () => {
  expect(dayAheadSource(market, '2026-11-25', [{ hour: 0, priceTicks: 990, boughtLots: 2 }], [])?.bid?.limitTicks).toBe(
    1_000,
  )
  expect(dayAheadSource(market, '2026-11-25', [], [])).toBeUndefined()
  expect(dayAheadSource(market, '2026-11-25', known.slice(2), [])).toBeUndefined()
  expect(dayAheadSource({ ...market, minTradeAmount: '0.3' }, '2026-11-25', known, [])).toBeUndefined()
  expect(dayAheadSource(market, 'tomorrow', known, [])).toBeUndefined()
})
