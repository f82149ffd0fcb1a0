import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { bestTrade, findOpportunities, type Product } from '#domain/partners/arbitrage.ts'
import {
  type ArbitrageAssumptions,
  bookQuote,
  dayAheadQuotes,
  offerQuotes,
  productOfFuture,
} from '#domain/partners/arbitrage-quotes.ts'
import { hourlyMicros, hourMillis, type Offer } from '#domain/partners/catalogue.ts'
import { defineInstrument, type Instrument, microHoursOfLot, plainFuture } from '#domain/reference/instrument.ts'

const startMillis = Date.UTC(2026, 10, 24)
const product: Product = {
  resourceClass: 'H100',
  region: 'USE',
  startMillis,
  endMillis: startMillis + 24 * hourMillis,
}
const atMillis = startMillis - 12 * hourMillis
const assumptions: ArbitrageAssumptions = {
  preemptionPpm: 0,
  lockInRecoveryPpm: 0,
  fundingPpmPerYear: 0,
  marginPpm: 200_000,
}
const unlimited = { outlayMicros: Number.MAX_SAFE_INTEGER, microHours: Number.MAX_SAFE_INTEGER, minimumNetMicros: 1 }

const offer: Offer = {
  offerId: 'offer-1',
  provider: 'generic',
  resourceClass: 'H100',
  region: 'USE',
  pricing: 'contract',
  priceMicrosPerUnitHour: 16_000_000,
  availableUnits: 10,
  minimumUnits: 1,
  vector: { gpus: 8, vcpus: 192, memoryGib: 2_000, storageTib: 1 },
  validFromMillis: 0,
  validUntilMillis: Date.UTC(2027, 0),
  source: 'contract',
}

const future = (more: { readonly contractSize?: string; readonly averagingStartMillis?: number } = {}): Instrument => {
  const terms = {
    index: 'H100.USE',
    averaging_start: new Date(more.averagingStartMillis ?? startMillis).toISOString(),
  }
  const defined = defineInstrument(
    {
      ...plainFuture,
      instrumentName: 'H100.USE-25NOV26',
      underlying: 'H100.USE',
      quoteCurrency: 'USD',
      tickSize: '0.01',
      minTradeAmount: '1',
      contractSize: more.contractSize ?? '1',
      maxPrice: '20',
      expirationMillis: product.endMillis,
      makerCommissionPpm: 100,
      takerCommissionPpm: 500,
      terms: JSON.stringify(terms),
    },
    7,
    1,
  )
  if (!defined.accepted) throw new Error(defined.detail)
  return defined.value
}

const input = { offer, product, replacementMicros: 3_000_000, atMillis, assumptions }

describe('an offer', () => {
  test('is of the GPUs of a unit, through all hours of the product', () => {
    expect(offerQuotes(input)).toMatchObject([
      {
        venue: 'contract',
        quantumMicroHours: 8 * 24 * 1_000_000,
        levels: [{ priceMicros: 24 * 16_000_000, quanta: 10 }],
        costs: { lockInMicros: 0, preemptionMicros: 0, fundingMicros: 0, tiedUpMicros: 0 },
      },
    ])
  })

  test.each([
    ['ends before the product does', { validUntilMillis: product.endMillis - 1 }],
    ['begins after it', { validFromMillis: startMillis + 1 }],
    ['cannot be accepted any more', { acceptUntilMillis: atMillis }],
    ['has fewer units than it sells at least', { minimumUnits: 11 }],
    ['has nothing that its class is counted in', { vector: { gpus: 0, vcpus: 0, memoryGib: 1, storageTib: 0 } }],
  ])('that %s is none', (_, more) => {
    expect(offerQuotes({ ...input, offer: { ...offer, ...more } })).toEqual([])
  })

  test('of a commitment is charged with all hours of its term that are not used, less what is expected back', () => {
    const committed: Offer = { ...offer, pricing: 'commitment_1y' }
    const beyond = (8_760 - 24) * 16_000_000
    expect(offerQuotes({ ...input, offer: committed })).toMatchObject([
      { costs: { lockInMicros: beyond, tiedUpMicros: beyond } },
    ])
    const recovering = { ...assumptions, lockInRecoveryPpm: 750_000 }
    expect(offerQuotes({ ...input, offer: committed, assumptions: recovering })).toMatchObject([
      { costs: { lockInMicros: beyond / 4, tiedUpMicros: beyond } },
    ])
  })

  test('of spot is charged with the hours that are expected to be taken away, at what replaces them', () => {
    const spot: Offer = { ...offer, pricing: 'spot' }
    const often = { ...assumptions, preemptionPpm: 10_000 }
    expect(offerQuotes({ ...input, offer: spot, assumptions: often })).toMatchObject([
      { costs: { preemptionMicros: (24 * 8 * 3_000_000) / 100 } },
    ])
  })

  test('funds what it is paid for the days until its end, begun ones in full', () => {
    const dear = { ...assumptions, fundingPpmPerYear: 100_000 }
    const paid = 24 * 16_000_000
    expect(offerQuotes({ ...input, assumptions: dear })).toMatchObject([
      { costs: { fundingMicros: Math.ceil((paid * 0.1 * 2) / 365) } },
    ])
    expect(offerQuotes({ ...input, atMillis: atMillis + 1, assumptions: dear })[0]?.costs).toEqual(
      offerQuotes({ ...input, assumptions: dear })[0]?.costs,
    )
  })

  test('in tiers costs what its tiers say, whatever the size', () => {
    const tiered: Offer = {
      ...offer,
      tiers: [
        { fromUnits: 3, priceMicrosPerUnitHour: 12_000_000 },
        { fromUnits: 6, priceMicrosPerUnitHour: 10_000_000 },
      ],
    }
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 12 }), units => {
        const instrument = future()
        const bids = bookQuote({
          instrument,
          product,
          side: 'sell',
          levels: [{ ticks: 1_900, lots: units * 8 * 24 }],
          mostLots: 1_000_000,
          atMillis,
          assumptions,
        })
        if (bids === undefined) throw new Error('no lots')
        const [found] = findOpportunities([...offerQuotes({ ...input, offer: tiered }), bids], unlimited)
        const bought = Math.min(units, 10)
        expect(found?.buy.quanta).toBe(bought)
        expect(found?.buy.notionalMicros).toBe(hourlyMicros(tiered, bought) * 24)
      }),
    )
  })
})

describe('a future', () => {
  test('is of its index, over the hours that it averages', () => {
    expect(productOfFuture(future(), atMillis)).toEqual(product)
  })

  test('whose hours have begun, or are not whole, is none', () => {
    expect(productOfFuture(future(), startMillis + 1)).toBeUndefined()
    expect(productOfFuture(future({ averagingStartMillis: startMillis + 1_000 }), atMillis)).toBeUndefined()
  })

  test('is counted in unit-hours of a lot', () => {
    expect(microHoursOfLot(future())).toBe(1_000_000)
    expect(microHoursOfLot(future({ contractSize: '24' }))).toBe(24_000_000)
  })

  test('sold against an offer nets fees, and ties up its margin', () => {
    const bids = bookQuote({
      instrument: future(),
      product,
      side: 'sell',
      levels: [{ ticks: 250, lots: 192 }],
      mostLots: 1_000,
      atMillis,
      assumptions,
    })
    const [offered] = offerQuotes(input)
    if (bids === undefined || offered === undefined) throw new Error('nothing to trade')
    expect(bestTrade(offered, bids, unlimited)).toMatchObject({
      buy: { quanta: 1, notionalMicros: 384_000_000 },
      sell: { quanta: 192, notionalMicros: 480_000_000, feeMicros: 192 * 1_250 },
      netMicros: 96_000_000 - 192 * 1_250,
      outlayMicros: 384_000_000 + 192 * 1_250 + 192 * 500_000,
    })
  })
})

describe('a day-ahead market', () => {
  const prices = Array.from({ length: 24 }, (_, hour) => ({
    resourceClass: 'H100',
    region: 'USE',
    hourMillis: startMillis + hour * hourMillis,
    priceMicros: 2_000_000 + hour,
  }))
  const terms = { microHours: 48_000_000, feePpm: 0, validUntilMillis: startMillis }

  test('tells both sides what all hours cost together, and cannot be executed', () => {
    const quotes = dayAheadQuotes(prices, product, terms)
    expect(quotes.map(({ side }) => side)).toEqual(['buy', 'sell'])
    expect(quotes[0]).toMatchObject({
      levels: [{ priceMicros: 48_000_276, quanta: 2 }],
      quantumMicroHours: 24_000_000,
      isExecutable: false,
    })
  })

  test('says nothing where an hour is not known', () => {
    expect(dayAheadQuotes(prices.slice(1), product, terms)).toEqual([])
  })
})
