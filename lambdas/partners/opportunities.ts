import { getBalance } from '#adapters/tables/balances.ts'
import { getBook } from '#adapters/tables/books.ts'
import { getClearedPrices } from '#adapters/tables/day-ahead-results.ts'
import { type InstrumentRow, instrumentsOf } from '#adapters/tables/instruments.ts'
import { listPositions } from '#adapters/tables/positions.ts'
import { deliveryDateOf, hourMillis, hoursOfDay } from '#domain/auction/day-ahead-market.ts'
import {
  type ArbitrageLimits,
  findOpportunities,
  type LegSide,
  type Opportunity,
  opportunityName,
  type Product,
  type VenueQuote,
} from '#domain/partners/arbitrage.ts'
import type { ArbitragePolicy } from '#domain/partners/arbitrage-policy.ts'
import {
  bookQuote,
  countedParts,
  type DayAheadPrice,
  dayAheadQuotes,
  offerQuotes,
  productOfFuture,
} from '#domain/partners/arbitrage-quotes.ts'
import type { Offer } from '#domain/partners/catalogue.ts'
import { bestLevels } from '#domain/trading/book-side.ts'
import { micros } from '#domain/units.ts'
import { nameBasedUuid } from '../shell/name-based-uuid.ts'
import type { Trader } from '../trading/trader.ts'
import { canBeBought, offersFor } from './offers.ts'

export interface FoundOpportunity {
  readonly opportunityId: string
  readonly opportunity: Opportunity
}

/** With what its legs are made of, so that orders and a purchase can be made of it. */
export interface Found {
  readonly opportunities: readonly FoundOpportunity[]
  readonly instruments: ReadonlyMap<string, InstrumentRow>
  readonly offers: ReadonlyMap<string, Offer>
}

interface LookedFor {
  readonly resourceClass?: string | undefined
  readonly region?: string | undefined
}

/** What stands deeper is hardly ever worth it. */
const mostLevels = 200
/** Reads of one market each that are under way at a time. */
const mostAtOnce = 16

/** All there are for an account at this moment, within limits; the best first. */
export const opportunitiesOf = async (
  trader: Trader,
  policy: ArbitragePolicy,
  limitsWith: (cashMicros: number) => ArbitrageLimits,
  { resourceClass, region }: LookedFor = {},
): Promise<Found> => {
  const atMillis = Date.now()
  const futures = (await instrumentsOf(trader.lane)).flatMap(row => {
    const product = row.isActive ? productOfFuture(row.instrument, atMillis) : undefined
    if (product === undefined) return []
    if (resourceClass !== undefined && product.resourceClass !== resourceClass) return []
    if (region !== undefined && product.region !== region) return []
    return [{ row, product }]
  })
  const [balance, sizes] = await Promise.all([getBalance(trader.accountId, 'USD'), sizesOf(trader)])
  const books = await eachOf(futures, ({ row, product }) => quotesOfBook(trader, row, product, sizes, policy, atMillis))
  const quoted = futures.filter((_, index) => (books[index] ?? []).length > 0)
  const markets = marketsIn(quoted.map(({ product }) => product))
  const offered = await eachOf(markets, market => offersOf(trader, market, policy, atMillis))
  const cleared = await clearedHours(trader.lane, markets)
  const dayAhead = quoted.flatMap(({ row, product }) => quotesOfDayAhead(row, product, cleared))
  const quotes = [...books.flat(), ...offered.flatMap(each => each.quotes), ...dayAhead]
  const cashMicros = Math.max(0, (balance?.cashMicros ?? 0) - (balance?.heldMicros ?? 0))
  return {
    opportunities: findOpportunities(quotes, limitsWith(cashMicros)).map(opportunity => ({
      opportunityId: checkedId(
        trader.lane,
        nameBasedUuid(`opportunity#${trader.lane}#${opportunityName(opportunity)}`),
      ),
      opportunity,
    })),
    instruments: new Map(futures.map(({ row }) => [row.instrument.specification.instrumentName, row])),
    offers: new Map(offered.flatMap(each => each.offers).map(offer => [offer.offerId, offer])),
  }
}

const checkedDigits = 24

/** Its last digits follow from the others. */
const checkedId = (lane: number, id: string): string => {
  const own = id.slice(0, checkedDigits)
  return `${own}${nameBasedUuid(`opportunity-id#${lane}#${own}`).slice(checkedDigits)}`
}

/** Opportunities are stored nowhere: of an id that nobody has found now this tells whether anybody can have been told it. */
export const wasNamedHere = (lane: number, opportunityId: string): boolean =>
  checkedId(lane, opportunityId) === opportunityId

const positionsOfRead = 500

/** By instrument, signed. */
const sizesOf = async ({ accountId }: Trader): Promise<ReadonlyMap<number, number>> => {
  const sizes = new Map<number, number>()
  for (let after: { readonly after?: string } = {}; ; ) {
    const { rows, next } = await listPositions(accountId, { limit: positionsOfRead, ...after })
    for (const { instrumentId, sizeLots } of rows) sizes.set(instrumentId, sizeLots)
    if (next === undefined) return sizes
    after = { after: next }
  }
}

const eachOf = async <Each, Result>(
  all: readonly Each[],
  read: (each: Each) => Promise<Result>,
): Promise<readonly Result[]> => {
  const results: Result[] = []
  for (let from = 0; from < all.length; from += mostAtOnce)
    results.push(...(await Promise.all(all.slice(from, from + mostAtOnce).map(read))))
  return results
}

/** Both sides of a book in continuous trading: an order would wait in any other state. */
const quotesOfBook = async (
  { lane }: Trader,
  { instrument }: InstrumentRow,
  product: Product,
  sizes: ReadonlyMap<number, number>,
  { assumptions }: ArbitragePolicy,
  atMillis: number,
): Promise<readonly VenueQuote[]> => {
  const { instrumentId, positionLimitLots } = instrument
  const book = await getBook(lane, instrumentId)
  if (book === undefined || book.market.state !== 'continuous') return []
  const size = sizes.get(instrumentId) ?? 0
  const quoteOf = (side: LegSide): readonly VenueQuote[] => {
    const levels = bestLevels(side === 'buy' ? book.market.asks : book.market.bids, mostLevels)
    const mostLots = side === 'buy' ? positionLimitLots - size : positionLimitLots + size
    const quote = bookQuote({ instrument, product, side, levels, mostLots, atMillis, assumptions })
    return quote === undefined || levels.length === 0 ? [] : [quote]
  }
  return [...quoteOf('buy'), ...quoteOf('sell')]
}

/** Longer products are over hours of which most are never cleared yet. */
const mostClearedHours = 3 * hoursOfDay

interface ClearedHours {
  readonly prices: readonly DayAheadPrice[]
  /** By market and hour, in millionths of a unit-hour: what was bought there. */
  readonly microHours: ReadonlyMap<string, number>
}

const clearedKey = (market: string, startMillis: number): string => `${market} ${startMillis}`

/** What the auctions of the products' days came to, a read for each of them. */
const clearedHours = async (lane: number, markets: readonly Market[]): Promise<ClearedHours> => {
  const dates = new Set<string>()
  for (const { fromMillis, untilMillis } of markets.filter(isShort))
    for (let hour = fromMillis; hour < untilMillis; hour += hourMillis) dates.add(deliveryDateOf(hour))
  const days = await eachOf([...dates], async date => ({ date, cleared: await getClearedPrices(lane, date) }))
  const prices: DayAheadPrice[] = []
  const microHours = new Map<string, number>()
  for (const { date, cleared } of days)
    for (const { market, hour, priceTicks, boughtLots } of cleared?.hours ?? []) {
      const pool = cleared?.pools.find(each => each.markets.includes(market))
      const dot = market.indexOf('.')
      if (pool === undefined || priceTicks === null || dot < 1) continue
      const startMillis = Date.parse(date) + hour * hourMillis
      const priceMicros = priceTicks * (micros(pool.tickSize) ?? 0)
      prices.push({
        resourceClass: market.slice(0, dot),
        region: market.slice(dot + 1),
        hourMillis: startMillis,
        priceMicros,
      })
      microHours.set(clearedKey(market, startMillis), boughtLots * (micros(pool.minTradeAmount) ?? 0))
    }
  return { prices, microHours }
}

const isShort = ({ fromMillis, untilMillis }: Pick<Market, 'fromMillis' | 'untilMillis'>): boolean =>
  untilMillis - fromMillis <= mostClearedHours * hourMillis

/** As much of each hour as was bought in the one of which least was. */
const quotesOfDayAhead = (
  { instrument }: InstrumentRow,
  product: Product,
  { prices, microHours }: ClearedHours,
): readonly VenueQuote[] => {
  const { startMillis, endMillis } = product
  if (!isShort({ fromMillis: startMillis, untilMillis: endMillis })) return []
  let least = Number.MAX_SAFE_INTEGER
  for (let hour = startMillis; hour < endMillis; hour += hourMillis)
    least = Math.min(least, microHours.get(clearedKey(`${product.resourceClass}.${product.region}`, hour)) ?? 0)
  if (least === 0) return []
  return dayAheadQuotes(prices, product, {
    microHours: least * ((endMillis - startMillis) / hourMillis),
    feePpm: instrument.specification.makerCommissionPpm,
    validUntilMillis: startMillis,
  })
}

/** Products over the same hours: partners are asked once for all of them. */
interface Market {
  readonly fromMillis: number
  readonly untilMillis: number
  readonly products: readonly Product[]
}

const marketsIn = (products: readonly Product[]): readonly Market[] => {
  const markets = new Map<string, Map<string, Product>>()
  for (const product of products) {
    const hours = `${product.startMillis} ${product.endMillis}`
    const own = markets.get(hours) ?? new Map<string, Product>()
    markets.set(hours, own.set(`${product.resourceClass}.${product.region}`, product))
  }
  return [...markets.values()].flatMap(own => {
    const sameHours = [...own.values()]
    const [first] = sameHours
    if (first === undefined) return []
    return [{ fromMillis: first.startMillis, untilMillis: first.endMillis, products: sameHours }]
  })
}

const offersOf = async (
  { account }: Trader,
  market: Market,
  { regions, assumptions }: ArbitragePolicy,
  atMillis: number,
): Promise<{ readonly offers: readonly Offer[]; readonly quotes: readonly VenueQuote[] }> => {
  const namesOf = (region: string): readonly string[] => [
    region,
    ...regions.filter(each => each.region === region).flatMap(({ partnerRegions }) => partnerRegions),
  ]
  const asked = [...new Set(market.products.flatMap(({ region }) => namesOf(region)))]
  const { offers } = await offersFor(account, asked, market, atMillis)
  const quotes = market.products.flatMap(product => {
    const names = namesOf(product.region)
    const own = offers.filter(offer => offer.resourceClass === product.resourceClass && names.includes(offer.region))
    const onDemand = own.filter(({ pricing }) => pricing === 'on_demand').map(partMicros)
    return own.flatMap(offer =>
      offerQuotes({
        offer,
        product,
        // Where nobody lists it on demand: twice what spot costs.
        replacementMicros: onDemand.length > 0 ? Math.min(...onDemand) : 2 * partMicros(offer),
        atMillis,
        assumptions,
      })
        // Bought from a lot, or of a partner whose service takes orders; a list price is for comparison only.
        .map(quote => ({ ...quote, isExecutable: canBeBought(offer) })),
    )
  })
  return { offers, quotes }
}

/** Of one GPU or virtual CPU for an hour, rounded up. */
const partMicros = (offer: Offer): number => Math.ceil(offer.priceMicrosPerUnitHour / Math.max(1, countedParts(offer)))
