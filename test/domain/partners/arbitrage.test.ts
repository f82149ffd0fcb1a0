import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import {
  type ArbitrageLimits,
  bestTrade,
  disjoint,
  feeOfQuantum,
  findOpportunities,
  noCosts,
  opportunityName,
  type Product,
  type VenueQuote,
} from '#domain/partners/arbitrage.ts'

const product: Product = { resourceClass: 'H100', region: 'USE', startMillis: 0, endMillis: 10 * 3_600_000 }
const unlimited: ArbitrageLimits = {
  outlayMicros: Number.MAX_SAFE_INTEGER,
  microHours: Number.MAX_SAFE_INTEGER,
  minimumNetMicros: 1,
}

const offer = (more: Partial<VenueQuote> = {}): VenueQuote => ({
  venue: 'contract',
  side: 'buy',
  source: 'offer-1',
  provider: 'generic',
  product,
  quantumMicroHours: 10_000_000,
  levels: [{ priceMicros: 20_000_000, quanta: 8 }],
  minimumQuanta: 1,
  maximumQuanta: Number.MAX_SAFE_INTEGER,
  feePpm: 0,
  costs: noCosts,
  validUntilMillis: 1_000,
  isExecutable: true,
  ...more,
})

const bids = (more: Partial<VenueQuote> = {}): VenueQuote => ({
  ...offer(),
  venue: 'futures',
  side: 'sell',
  source: 'H100.USE-27NOV26',
  quantumMicroHours: 1_000_000,
  levels: [
    { priceMicros: 2_500_000, quanta: 30 },
    { priceMicros: 2_100_000, quanta: 25 },
    { priceMicros: 1_900_000, quanta: 100 },
  ],
  feePpm: 500,
  validUntilMillis: 2_000,
  ...more,
})

describe('a purchase against a sale', () => {
  test('goes as far as the next unit still brings something, in whole quanta of both', () => {
    const found = bestTrade(offer(), bids(), unlimited)
    // 30 hours at 2.50 and 20 at 2.10 against 5 units of 10 hours at 2.00 an hour; a sixth would sell 5 hours at 1.90.
    expect(found).toMatchObject({
      microHours: 50_000_000,
      buy: { quanta: 5, notionalMicros: 100_000_000, limitMicros: 20_000_000 },
      sell: { quanta: 50, notionalMicros: 117_000_000, limitMicros: 2_100_000, feeMicros: 58_500 },
      grossMicros: 17_000_000,
      netMicros: 16_941_500,
      outlayMicros: 100_058_500,
      validUntilMillis: 1_000,
      isExecutable: true,
    })
  })

  test.each([
    ['lock-in', { ...noCosts, lockInMicros: 6_000_000 }],
    ['preemption', { ...noCosts, preemptionMicros: 6_000_000 }],
    ['funding', { ...noCosts, fundingMicros: 6_000_000 }],
  ])('%s of what the difference is leaves nothing', (_, costs) => {
    expect(bestTrade(offer({ costs }), bids(), unlimited)).toBeUndefined()
  })

  test('margin is no cost, but must be there', () => {
    const costs = { ...noCosts, tiedUpMicros: 1_000_000 }
    const found = bestTrade(offer(), bids({ costs }), unlimited)
    expect(found).toMatchObject({ netMicros: 16_941_500, outlayMicros: 150_058_500 })
    expect(bestTrade(offer(), bids({ costs }), { ...unlimited, outlayMicros: 60_100_000 })?.buy.quanta).toBe(2)
    expect(bestTrade(offer(), bids({ costs }), { ...unlimited, outlayMicros: 20_000_000 })).toBeUndefined()
  })

  test("a partner's minimum beyond the best size is met where it still pays, and refused where it does not", () => {
    expect(bestTrade(offer({ minimumQuanta: 6 }), bids(), unlimited)?.buy.quanta).toBe(6)
    expect(bestTrade(offer({ minimumQuanta: 9 }), bids(), unlimited)).toBeUndefined()
    const dear = offer({ minimumQuanta: 20, levels: [{ priceMicros: 24_000_000, quanta: 20 }] })
    expect(bestTrade(dear, bids({ levels: [{ priceMicros: 2_500_000, quanta: 10 }] }), unlimited)).toBeUndefined()
  })

  test('limits of position and of size bound both legs', () => {
    expect(bestTrade(offer(), bids({ maximumQuanta: 29 }), unlimited)?.sell.quanta).toBe(20)
    expect(bestTrade(offer(), bids(), { ...unlimited, microHours: 39_999_999 })?.buy.quanta).toBe(3)
  })

  test('lots that do not divide the hours are taken in common multiples', () => {
    const found = bestTrade(
      offer(),
      bids({ quantumMicroHours: 4_000_000, levels: [{ priceMicros: 9_000_000, quanta: 9 }] }),
      unlimited,
    )
    expect(found).toMatchObject({ microHours: 20_000_000, buy: { quanta: 2 }, sell: { quanta: 5 } })
  })

  test('another region, other hours, or one book against itself is no arbitrage', () => {
    expect(bestTrade(offer(), bids({ product: { ...product, region: 'EUW' } }), unlimited)).toBeUndefined()
    expect(bestTrade(offer(), bids({ product: { ...product, endMillis: 1 } }), unlimited)).toBeUndefined()
    const same = { venue: 'futures', source: 'H100.USE-27NOV26' } as const
    expect(bestTrade(offer(same), bids(), unlimited)).toBeUndefined()
  })

  test('what only tells a price cannot be executed', () => {
    expect(bestTrade(offer({ venue: 'day_ahead', isExecutable: false }), bids(), unlimited)?.isExecutable).toBe(false)
  })
})

const arbitraryQuote = (side: 'buy' | 'sell'): fc.Arbitrary<VenueQuote> =>
  fc
    .record({
      source: fc.constantFrom('a', 'b', 'c'),
      quantumMicroHours: fc.constantFrom(1, 2, 3, 4),
      levels: fc.array(fc.record({ priceMicros: fc.nat(40), quanta: fc.integer({ min: 1, max: 6 }) }), {
        maxLength: 4,
      }),
      minimumQuanta: fc.nat(5),
      maximumQuanta: fc.nat(15),
      feePpm: fc.constantFrom(0, 500, 100_000, 400_000),
      costs: fc.record({
        lockInMicros: fc.nat(3),
        preemptionMicros: fc.nat(3),
        fundingMicros: fc.nat(3),
        tiedUpMicros: fc.nat(5),
      }),
      venue: fc.constantFrom('contract' as const, 'futures' as const),
      fixedMicros: side === 'buy' ? fc.nat(10) : fc.constant(0),
    })
    .map(some => ({ ...(side === 'buy' ? offer() : bids()), ...some, side }))

const arbitraryLimits: fc.Arbitrary<ArbitrageLimits> = fc.record({
  outlayMicros: fc.oneof(fc.nat(400), fc.constant(Number.MAX_SAFE_INTEGER)),
  microHours: fc.oneof(fc.nat(30), fc.constant(1_000)),
  minimumNetMicros: fc.nat(20),
})

/** Every size there is, one by one, quantum by quantum. */
const bruteForce = (
  buy: VenueQuote,
  sell: VenueQuote,
  limits: ArbitrageLimits,
): { net: number; hours: number } | undefined => {
  if (buy.venue === sell.venue && buy.source === sell.source) return undefined
  const spread = (quote: VenueQuote): readonly number[] =>
    quote.levels
      .flatMap(({ priceMicros, quanta }) => Array.from({ length: quanta }, () => priceMicros))
      .toSorted((a, b) => (quote.side === 'buy' ? a - b : b - a))
  const [asks, sold] = [spread(buy), spread(sell)]
  let best: { net: number; hours: number } | undefined
  for (let hours = 1; hours <= Math.min(limits.microHours, 200); hours += 1) {
    if (hours % buy.quantumMicroHours !== 0 || hours % sell.quantumMicroHours !== 0) continue
    const [b, s] = [hours / buy.quantumMicroHours, hours / sell.quantumMicroHours]
    if (b > Math.min(asks.length, buy.maximumQuanta) || s > Math.min(sold.length, sell.maximumQuanta)) continue
    if (b < buy.minimumQuanta || s < sell.minimumQuanta) continue
    const beside = ({ costs }: VenueQuote) => costs.lockInMicros + costs.preemptionMicros + costs.fundingMicros
    const fixed = (buy.fixedMicros ?? 0) + feeOfQuantum(buy.fixedMicros ?? 0, buy.feePpm)
    let [net, outlay] = [-fixed, fixed]
    for (const price of asks.slice(0, b)) {
      const fee = feeOfQuantum(price, buy.feePpm)
      net -= price + fee + beside(buy)
      outlay += fee + buy.costs.tiedUpMicros + (buy.venue === 'futures' ? 0 : price)
    }
    for (const price of sold.slice(0, s)) {
      const fee = feeOfQuantum(price, sell.feePpm)
      net += price - fee - beside(sell)
      outlay += fee + sell.costs.tiedUpMicros
    }
    if (outlay > limits.outlayMicros || net < Math.max(1, limits.minimumNetMicros)) continue
    if (best === undefined || net > best.net) best = { net, hours }
  }
  return best
}

describe('whatever the quotes', () => {
  test('it is the best size of all there are, and the smallest of those', () => {
    fc.assert(
      fc.property(arbitraryQuote('buy'), arbitraryQuote('sell'), arbitraryLimits, (buy, sell, limits) => {
        const found = bestTrade(buy, sell, limits)
        const best = bruteForce(buy, sell, limits)
        expect(found && { net: found.netMicros, hours: found.microHours }).toEqual(best)
      }),
      { numRuns: 3_000 },
    )
  })

  test('nothing is told that brings nothing, and its parts make up its net', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(arbitraryQuote('buy'), arbitraryQuote('sell')), { maxLength: 8 }),
        arbitraryLimits,
        (quotes, limits) => {
          const found = findOpportunities(quotes, limits)
          for (const { buy, sell, grossMicros, netMicros, microHours } of found) {
            expect(netMicros).toBeGreaterThan(0)
            expect(buy.microHours).toBe(microHours)
            expect(sell.microHours).toBe(microHours)
            const costs = [buy, sell].map(
              leg => leg.feeMicros + leg.lockInMicros + leg.preemptionMicros + leg.fundingMicros,
            )
            expect(grossMicros - costs.reduce((sum, each) => sum + each, 0)).toBe(netMicros)
          }
          expect(found.map(each => each.netMicros)).toEqual(found.map(each => each.netMicros).toSorted((a, b) => b - a))
          const turned = findOpportunities(quotes.toReversed(), limits)
          expect(turned.map(opportunityName).toSorted()).toEqual(found.map(opportunityName).toSorted())
        },
      ),
    )
  })

  test('all prices and costs times ten are ten times the net at the same size', () => {
    const times = (quote: VenueQuote): VenueQuote => ({
      ...quote,
      feePpm: 0,
      levels: quote.levels.map(level => ({ ...level, priceMicros: level.priceMicros * 10 })),
      costs: {
        lockInMicros: quote.costs.lockInMicros * 10,
        preemptionMicros: quote.costs.preemptionMicros * 10,
        fundingMicros: quote.costs.fundingMicros * 10,
        tiedUpMicros: quote.costs.tiedUpMicros * 10,
      },
      fixedMicros: (quote.fixedMicros ?? 0) * 10,
    })
    fc.assert(
      fc.property(arbitraryQuote('buy'), arbitraryQuote('sell'), (buy, sell) => {
        const one = bestTrade({ ...buy, feePpm: 0 }, { ...sell, feePpm: 0 }, unlimited)
        const ten = bestTrade(times(buy), times(sell), unlimited)
        expect(ten?.microHours).toBe(one?.microHours)
        expect(ten?.netMicros).toBe(one === undefined ? undefined : one.netMicros * 10)
      }),
    )
  })

  test('of those that can be taken together none takes what a better one does', () => {
    const cheap = offer({ source: 'cheap', levels: [{ priceMicros: 10_000_000, quanta: 2 }] })
    const found = findOpportunities([offer(), cheap, bids()], unlimited)
    expect(found.map(({ buy }) => buy.source)).toEqual(['cheap', 'offer-1'])
    expect(disjoint(found)).toEqual([found[0]])
  })

  test('its name changes as soon as a price does', () => {
    const name = (priceMicros: number): string | undefined => {
      const found = bestTrade(offer({ levels: [{ priceMicros, quanta: 1 }] }), bids(), unlimited)
      return found && opportunityName(found)
    }
    expect(name(10_000_000)).toBe(name(10_000_000))
    expect(name(10_000_000)).not.toBe(name(10_000_001))
  })
})
