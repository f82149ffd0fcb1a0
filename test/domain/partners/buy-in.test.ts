import { describe, expect, test } from '@jest/globals'
import { type BuyInNeed, cheapestBuyIn } from '#domain/partners/buy-in.ts'
import { hourMillis, type Offer } from '#domain/partners/catalogue.ts'

const from = Date.UTC(2026, 10, 24)
const offer = (offerId: string, more: Partial<Offer> = {}): Offer => ({
  offerId,
  provider: 'generic',
  resourceClass: 'H100',
  region: 'USE',
  pricing: 'contract',
  priceMicrosPerUnitHour: 2_000_000,
  availableUnits: 8,
  minimumUnits: 1,
  vector: { gpus: 1, vcpus: 8, memoryGib: 64, storageTib: 0 },
  validFromMillis: from,
  validUntilMillis: from + 10 * hourMillis,
  source: 'contract',
  lotId: offerId,
  ...more,
})
const need = (more: Partial<BuyInNeed> = {}): BuyInNeed => ({
  resourceClass: 'H100',
  region: 'USE',
  window: { fromMillis: from, untilMillis: from + 2 * hourMillis },
  parts: 4,
  mostMicros: 100_000_000,
  atMillis: from,
  ...more,
})
const chosen = (offers: readonly Offer[], more: Partial<BuyInNeed> = {}) => {
  const found = cheapestBuyIn(need(more), offers)
  return found && [found.offer.offerId, found.units, found.purchasedUnits, found.costMicros]
}

describe('the cheapest buy-in', () => {
  test('is the cheapest that has all of it in every hour; the one named first of equals', () => {
    expect(
      chosen([
        offer('few', { availableUnits: 3, priceMicrosPerUnitHour: 1 }),
        offer('short', { validUntilMillis: from + hourMillis, priceMicrosPerUnitHour: 1 }),
        offer('late', { validFromMillis: from + hourMillis, priceMicrosPerUnitHour: 1 }),
        offer('b'),
        offer('a'),
        offer('dear', { priceMicrosPerUnitHour: 2_000_001 }),
      ]),
    ).toEqual(['a', 4, 4, 16_000_000])
  })

  test('of a lot whose hours have their own numbers of units counts the fewest', () => {
    const hours = (second: number) => [
      offer('a', { validUntilMillis: from + hourMillis, availableUnits: 9 }),
      offer('a', { validFromMillis: from + hourMillis, availableUnits: second }),
    ]
    expect(chosen(hours(4))).toEqual(['a', 4, 4, 16_000_000])
    expect(chosen(hours(3))).toBeUndefined()
  })

  test('counts whole units of what has several parts, and as many as are sold', () => {
    const eight = { gpus: 8, vcpus: 64, memoryGib: 512, storageTib: 0 }
    expect(chosen([offer('a', { vector: eight })], { parts: 9 })).toEqual(['a', 2, 2, 8_000_000])
    expect(chosen([offer('a', { minimumUnits: 6 })])).toEqual(['a', 4, 6, 24_000_000])
    const processors = { gpus: 0, vcpus: 4, memoryGib: 8, storageTib: 0 }
    expect(chosen([offer('a', { vector: processors })])).toEqual(['a', 1, 1, 4_000_000])
    expect(chosen([offer('a', { vector: { ...eight, gpus: 0.5 } })])).toBeUndefined()
  })

  test('is none that is too dear, something else, elsewhere, too late, spot or for a year', () => {
    expect(chosen([offer('a')], { mostMicros: 16_000_000 })?.[0]).toBe('a')
    expect(chosen([offer('a')], { mostMicros: 15_999_999 })).toBeUndefined()
    for (const more of [
      { resourceClass: 'A100' },
      { region: 'EUW' },
      { acceptUntilMillis: from },
      { pricing: 'spot' },
      { pricing: 'commitment_1y' },
      { priceMicrosPerUnitHour: 0 },
    ] as const)
      expect(chosen([offer('a', more)])).toBeUndefined()
  })
})
