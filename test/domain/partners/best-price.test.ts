import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { bestPrice, type Need } from '#domain/partners/best-price.ts'
import { fittingIn, hourlyMicros, hourMillis, type Offer, termHoursOf } from '#domain/partners/catalogue.ts'

const from = Date.UTC(2026, 10, 24)
const vector = { gpus: 1, vcpus: 8, memoryGib: 64, storageTib: 0 }
const offer = (offerId: string, more: Partial<Offer> = {}): Offer => ({
  offerId,
  provider: 'generic',
  resourceClass: 'H100',
  region: 'USE',
  pricing: 'on_demand',
  priceMicrosPerUnitHour: 1_000_000,
  availableUnits: 'unlimited',
  minimumUnits: 1,
  vector,
  validFromMillis: from - hourMillis,
  validUntilMillis: from + 1_000 * hourMillis,
  source: 'catalogue',
  ...more,
})
const need = (quantity: number, hours: number, more: Partial<Need> = {}): Need => ({
  quantity,
  vector,
  fromMillis: from,
  untilMillis: from + hours * hourMillis,
  regions: ['USE'],
  atMillis: from,
  ...more,
})
const legs = (plan: ReturnType<typeof bestPrice>) =>
  plan.legs.map(({ offer: { offerId }, units, fromMillis, untilMillis }) => [
    offerId,
    units,
    (fromMillis - from) / hourMillis,
    (untilMillis - from) / hourMillis,
  ])

describe('the best price', () => {
  test('takes what is cheapest first, and the rest of the next', () => {
    const plan = bestPrice(need(10, 4), [
      offer('b', { priceMicrosPerUnitHour: 3_000_000 }),
      offer('a', { availableUnits: 6, priceMicrosPerUnitHour: 2_000_000 }),
    ])
    expect(legs(plan)).toEqual([
      ['a', 6, 0, 4],
      ['b', 4, 0, 4],
    ])
    expect(plan.costMicros).toBe(4n * (6n * 2_000_000n + 4n * 3_000_000n))
    expect([plan.uncovered, plan.coveredPlaceHours]).toEqual([[], 40])
  })

  test('says what nobody covers, hour by hour', () => {
    const plan = bestPrice(need(5, 6), [
      offer('a', { availableUnits: 3, validUntilMillis: from + 4 * hourMillis }),
      offer('b', {
        availableUnits: 4,
        validFromMillis: from + 2 * hourMillis,
        validUntilMillis: from + 5 * hourMillis,
      }),
    ])
    expect(plan.uncovered).toEqual([
      { fromMillis: from, untilMillis: from + 2 * hourMillis, quantity: 2 },
      { fromMillis: from + 4 * hourMillis, untilMillis: from + 5 * hourMillis, quantity: 1 },
      { fromMillis: from + 5 * hourMillis, untilMillis: from + 6 * hourMillis, quantity: 5 },
    ])
    expect(plan.coveredPlaceHours).toBe(30 - 4 - 1 - 5)
    expect(bestPrice(need(5, 6), [])).toMatchObject({ legs: [], costMicros: 0n, confidencePpm: 0 })
  })

  test('a unit holds as many places as fit; what lacks something holds none', () => {
    const eight = { gpus: 8, vcpus: 64, memoryGib: 512, storageTib: 4 }
    expect(fittingIn(eight, vector)).toBe(8)
    expect(fittingIn(eight, { ...vector, gpus: 3 })).toBe(2)
    expect(fittingIn(vector, { ...vector, storageTib: 0.1 })).toBe(0)
    expect(fittingIn(eight, { gpus: 0, vcpus: 0, memoryGib: 0, storageTib: 0 })).toBe(1)
    const offers = [
      offer('whole', { vector: eight, priceMicrosPerUnitHour: 7_000_000 }),
      offer('single', { priceMicrosPerUnitHour: 1_000_000 }),
    ]
    // 11 are a whole one and three; 15 are cheapest as two whole ones.
    expect(legs(bestPrice(need(11, 1), offers))).toEqual([
      ['single', 3, 0, 1],
      ['whole', 1, 0, 1],
    ])
    expect(legs(bestPrice(need(15, 1), offers))).toEqual([['whole', 2, 0, 1]])
  })

  test('a commitment is paid for its term: worth it for a year, not for a day', () => {
    const offers = [
      offer('list', { validUntilMillis: from + 9_000 * hourMillis }),
      offer('year', { pricing: 'commitment_1y', priceMicrosPerUnitHour: 600_000 }),
    ]
    expect(legs(bestPrice(need(4, 24), offers))).toEqual([['list', 4, 0, 24]])
    const year = bestPrice(need(4, 8_000), offers)
    expect(legs(year)).toEqual([['year', 4, 0, 8_000]])
    expect(year.costMicros).toBe(4n * 600_000n * 8_760n)
    expect(year.legs[0]?.paidHours).toBe(8_760)
  })

  test('tiers, fewest units, other regions and classes, quotes that are over', () => {
    const tiered = offer('t', { tiers: [{ fromUnits: 5, priceMicrosPerUnitHour: 100_000 }] })
    expect(hourlyMicros(tiered, 7)).toBe(5_200_000)
    expect(legs(bestPrice(need(6, 1), [tiered, offer('u', { priceMicrosPerUnitHour: 900_000 })]))).toEqual([
      ['t', 6, 0, 1],
    ])
    expect(legs(bestPrice(need(2, 1), [offer('m', { minimumUnits: 5, priceMicrosPerUnitHour: 300_000 })]))).toEqual([
      ['m', 5, 0, 1],
    ])
    expect(bestPrice(need(1, 1), [offer('x', { region: 'DE' })]).legs).toEqual([])
    expect(bestPrice(need(1, 1, { resourceClass: 'A100' }), [offer('x')]).legs).toEqual([])
    expect(bestPrice(need(1, 1), [offer('x', { acceptUntilMillis: from })]).legs).toEqual([])
  })

  test('confidence: contracts hold; spot is taken back, and prices change as often as they did', () => {
    const year = 8_760 * hourMillis
    const of = (more: Partial<Offer>) => bestPrice(need(1, 10), [offer('x', more)]).confidencePpm
    expect(of({ pricing: 'contract', source: 'contract' })).toBe(1_000_000)
    expect(of({ pricing: 'spot' })).toBe(900_000)
    const changing = of({ changesPerYear: 52 })
    expect(changing).toBe(Math.round(Math.exp((-52 * 10 * hourMillis) / year) * 0.99 * 1_000_000))
  })

  test('what is no need is refused', () => {
    expect(() => bestPrice(need(0, 1), [])).toThrow(RangeError)
    expect(() => bestPrice(need(10_001, 1), [])).toThrow(RangeError)
    expect(() => bestPrice(need(1, 0), [])).toThrow(RangeError)
    expect(() => bestPrice(need(1, 1), [offer('x', { priceMicrosPerUnitHour: Number.NaN })])).toThrow(RangeError)
  })

  test('ten thousand places over a month of changing lots take no longer than a request may', () => {
    const offers = Array.from({ length: 30 }, (_, index) =>
      offer(`o${index}`, {
        priceMicrosPerUnitHour: 1_000_000 + ((index * 7_919) % 500_000),
        availableUnits: 200 + index,
        validUntilMillis: from + (24 + index * 24) * hourMillis,
        vector: index % 3 === 0 ? { ...vector, gpus: 2, vcpus: 16, memoryGib: 128 } : vector,
      }),
    )
    const started = performance.now()
    const plan = bestPrice(need(10_000, 720), offers)
    expect(plan.coveredPlaceHours).toBeGreaterThan(0)
    expect(performance.now() - started).toBeLessThan(10_000)
  })
})

describe('beside trying everything', () => {
  const micros = fc.integer({ min: 0, max: 30 })
  const anyOffer = fc
    .record({
      price: micros,
      available: fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined }),
      minimum: fc.integer({ min: 1, max: 3 }),
      gpus: fc.integer({ min: 1, max: 3 }),
      from: fc.integer({ min: -1, max: 2 }),
      hours: fc.integer({ min: 1, max: 4 }),
      pricing: fc.constantFrom('on_demand' as const, 'spot' as const, 'contract' as const, 'commitment_1y' as const),
      tier: fc.option(fc.record({ fromUnits: fc.integer({ min: 1, max: 3 }), off: fc.integer({ min: 1, max: 30 }) })),
    })
    .map(({ price, available, minimum, gpus, from: start, hours, pricing, tier }, index = 0) => ({
      price,
      available,
      minimum,
      gpus,
      start,
      hours,
      pricing,
      tier,
      index,
    }))
  const anyOffers = fc.array(anyOffer, { minLength: 0, maxLength: 4 }).map(list =>
    list.map((each, index) =>
      offer(`o${index}`, {
        // A commitment costs little enough for an hour to be worth it for three.
        priceMicrosPerUnitHour: each.price * (each.pricing === 'commitment_1y' ? 1 : 8_000),
        availableUnits: each.available ?? 'unlimited',
        minimumUnits: each.minimum,
        vector: { ...vector, gpus: each.gpus, vcpus: 8 * each.gpus, memoryGib: 64 * each.gpus },
        validFromMillis: from + each.start * hourMillis,
        validUntilMillis: from + (each.start + each.hours) * hourMillis,
        pricing: each.pricing,
        ...(each.tier !== null &&
          each.price > each.tier.off && {
            tiers: [
              {
                fromUnits: each.tier.fromUnits,
                priceMicrosPerUnitHour: (each.price - each.tier.off) * (each.pricing === 'commitment_1y' ? 1 : 8_000),
              },
            ],
          }),
      }),
    ),
  )

  /** Every number of units of every offer in every hour, the commitments first. */
  const tried = (wanted: Need, offers: readonly Offer[]): { readonly covered: number; readonly cost: number } => {
    const hours = (wanted.untilMillis - wanted.fromMillis) / hourMillis
    const most = (each: Offer) =>
      Math.min(
        each.availableUnits === 'unlimited' ? 99 : each.availableUnits,
        Math.max(wanted.quantity, each.minimumUnits),
      )
    const counts = (each: Offer) => [
      0,
      ...Array.from({ length: most(each) }, (_, index) => index + 1).filter(units => units >= each.minimumUnits),
    ]
    const ways = (
      list: readonly Offer[],
    ): readonly { readonly places: number; readonly hourly: number; readonly term: number }[] =>
      list.reduce<readonly { places: number; hourly: number; term: number }[]>(
        (known, each) =>
          known.flatMap(way =>
            counts(each).map(units => {
              const micros = units === 0 ? 0 : hourlyMicros(each, units)
              const term = termHoursOf(each.pricing)
              return {
                places: way.places + units * fittingIn(each.vector, wanted.vector),
                hourly: way.hourly + (term === 0 ? micros : 0),
                term: way.term + micros * term,
              }
            }),
          ),
        [{ places: 0, hourly: 0, term: 0 }],
      )
    // What costs no more and covers as much is all that counts.
    const committed = ways(
      offers.filter(
        each => termHoursOf(each.pricing) > 0 && each.validFromMillis <= from && from < each.validUntilMillis,
      ),
    )
    let best = { covered: -1, cost: 0 }
    const byHour = Array.from({ length: hours }, (_, hour) => {
      const at = from + hour * hourMillis
      return ways(
        offers.filter(
          each =>
            termHoursOf(each.pricing) === 0 && each.validFromMillis <= at && at + hourMillis <= each.validUntilMillis,
        ),
      )
    })
    for (const commitment of committed) {
      let [covered, cost] = [0, commitment.term]
      for (const hourly of byHour) {
        let chosen = { covered: -1, cost: 0 }
        for (const way of hourly) {
          const places = Math.min(wanted.quantity, commitment.places + way.places)
          if (places > chosen.covered || (places === chosen.covered && way.hourly < chosen.cost))
            chosen = { covered: places, cost: way.hourly }
        }
        covered += chosen.covered
        cost += chosen.cost
      }
      if (covered > best.covered || (covered === best.covered && cost < best.cost)) best = { covered, cost }
    }
    return best
  }

  test('as much is covered, at as little', () => {
    fc.assert(
      fc.property(
        anyOffers,
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 3 }),
        (offers, quantity, hours) => {
          const wanted = need(quantity, hours)
          // Whatever cannot be taken any more is none.
          const open = offers.filter(each => each.validUntilMillis > from)
          const plan = bestPrice(wanted, offers)
          const all = tried(wanted, open)
          expect([plan.coveredPlaceHours, plan.costMicros]).toEqual([all.covered, BigInt(all.cost)])
          // The legs come to what they say.
          for (let hour = 0; hour < hours; hour += 1) {
            const at = from + hour * hourMillis
            const places = plan.legs
              .filter(leg => leg.fromMillis <= at && at < leg.untilMillis)
              .reduce((sum, leg) => sum + leg.units * fittingIn(leg.offer.vector, wanted.vector), 0)
            const missing = plan.uncovered
              .filter(each => each.fromMillis <= at && at < each.untilMillis)
              .reduce((sum, each) => sum + each.quantity, 0)
            expect(Math.min(quantity, places) + missing).toBe(quantity)
          }
        },
      ),
      { numRuns: 400 },
    )
  })
})
