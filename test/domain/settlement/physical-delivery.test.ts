import { describe, expect, test } from '@jest/globals'
import { boughtInTicks, mostBuyInMicros, undeliveredMicros } from '#domain/settlement/physical-delivery.ts'

/** 4 lots at 2 USD, with a penalty of a tenth. */
const undelivered = { lots: 4, priceTicks: 200, imbalanceTicks: 200, penaltyPpm: 100_000, microsPerTickLot: 10_000 }

describe('what a seller pays for what it did not deliver', () => {
  test('is the difference where it is dearer elsewhere, and the penalty; ten invoices at most', () => {
    expect(undeliveredMicros(undelivered)).toBe(800_000)
    expect(undeliveredMicros({ ...undelivered, imbalanceTicks: 150 })).toBe(800_000)
    expect(undeliveredMicros({ ...undelivered, imbalanceTicks: 300 })).toBe(4_800_000)
    expect(undeliveredMicros({ ...undelivered, imbalanceTicks: 100_000 })).toBe(80_000_000)
  })

  test('is at least what a buy-in of the most that it may cost would lose it', () => {
    for (const imbalanceTicks of [0, 200, 250, 100_000]) {
      const most = mostBuyInMicros({ ...undelivered, imbalanceTicks })
      expect(most - 8_000_000).toBe(undeliveredMicros({ ...undelivered, imbalanceTicks }))
    }
  })
})

describe('the price of a buy-in', () => {
  test('is that of the units that were needed, to the tick below', () => {
    const bought = { lots: 4, costMicros: 8_400_000, purchasedUnits: 4, units: 4 }
    expect(boughtInTicks(bought, 10_000)).toBe(210)
    expect(boughtInTicks({ ...bought, costMicros: 8_439_999 }, 10_000)).toBe(210)
    expect(boughtInTicks({ ...bought, costMicros: 12_600_000, purchasedUnits: 6 }, 10_000)).toBe(210)
  })
})
