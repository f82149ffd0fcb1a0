import { type Instrument, microHoursOfLot } from '../reference/instrument.ts'
import type { BookLevel } from '../trading/book-side.ts'
import { feeOfQuantum, type LegSide, noCosts, type Product, type QuantumCosts, type VenueQuote } from './arbitrage.ts'
import { takenUntilMillis } from './best-price.ts'
import { hourlyMicros, hourMillis, type Offer, termHoursOf } from './catalogue.ts'

/** What cannot be read off any price. Parts in a million. */
export interface ArbitrageAssumptions {
  /** Of spot hours: taken away, and bought again at the price of what replaces them. */
  readonly preemptionPpm: number
  /** Of what a commitment is paid for beyond the product's hours: expected back by using or selling it. */
  readonly lockInRecoveryPpm: number
  /** A year's interest on money that is tied up. */
  readonly fundingPpmPerYear: number
  /** Put up for a future, as part of its price. */
  readonly marginPpm: number
}

/** Beyond what anybody buys: an offer without an end. */
const unlimitedUnits = 1_000_000
const million = 1_000_000
const dayMillis = 24 * hourMillis
const yearDays = 365n

/** Interest for whole days, begun ones included, so that it does not move from one moment to the next. */
const interestMicros = (micros: number, ppmPerYear: number, fromMillis: number, untilMillis: number): number => {
  const days = BigInt(Math.max(0, Math.ceil((untilMillis - fromMillis) / dayMillis)))
  const divisor = 1_000_000n * yearDays
  return Number((BigInt(micros) * BigInt(ppmPerYear) * days + divisor - 1n) / divisor)
}

/** The parts of a unit that its class is counted in: GPUs where it has any, else virtual CPUs. */
export const countedParts = ({ vector }: Pick<Offer, 'vector'>): number =>
  vector.gpus > 0 ? vector.gpus : vector.vcpus

/**
 * The product that a future settles on: its index's class and region, over the hours of which its settlement averages. Undefined
 * of other contracts, of one whose hours have begun (a part of its average is known already and cannot be bought any more),
 * and of one whose hours are not whole.
 */
export const productOfFuture = ({ terms, specification }: Instrument, atMillis: number): Product | undefined => {
  if (terms.kind !== 'future') return undefined
  const { averagingStartMillis, index, delivery } = terms
  const { startMillis, endMillis } = delivery ?? {
    startMillis: averagingStartMillis,
    endMillis: specification.expirationMillis,
  }
  const dot = index.indexOf('.')
  if (dot < 1 || startMillis < atMillis) return undefined
  if (startMillis % hourMillis !== 0 || endMillis % hourMillis !== 0 || endMillis <= startMillis) return undefined
  return { resourceClass: index.slice(0, dot), region: index.slice(dot + 1), startMillis, endMillis }
}

export interface BookQuoteInput {
  readonly instrument: Instrument
  readonly product: Product
  readonly side: LegSide
  /** Of the other side of the book: what an order of this side takes. */
  readonly levels: readonly BookLevel[]
  /** More lots the account may not buy, or sell. */
  readonly mostLots: number
  readonly atMillis: number
  readonly assumptions: ArbitrageAssumptions
}

/** A side of a book as a venue; undefined where its lots are no whole parts of a unit-hour. */
export const bookQuote = (input: BookQuoteInput): VenueQuote | undefined => {
  const { instrument, product, side, levels, mostLots, atMillis, assumptions } = input
  const quantumMicroHours = microHoursOfLot(instrument)
  if (quantumMicroHours === undefined) return undefined
  const { specification, microsPerTickLot, maxPriceTicks } = instrument
  // What secures one lot of the dearest level, or all that a short may ever owe where that is less.
  const dearest = levels.reduce((ticks, level) => Math.max(ticks, level.ticks), 0) * microsPerTickLot
  const most = maxPriceTicks * microsPerTickLot
  const tiedUpMicros = Math.min(feeOfQuantum(dearest, assumptions.marginPpm), most)
  const { fundingPpmPerYear } = assumptions
  return {
    venue: 'futures',
    side,
    source: specification.instrumentName,
    product,
    quantumMicroHours,
    levels: levels.map(({ ticks, lots }) => ({ priceMicros: ticks * microsPerTickLot, quanta: lots })),
    minimumQuanta: 1,
    maximumQuanta: Math.max(0, mostLots),
    feePpm: specification.takerCommissionPpm,
    costs: {
      ...noCosts,
      tiedUpMicros,
      fundingMicros: interestMicros(tiedUpMicros, fundingPpmPerYear, atMillis, product.endMillis),
    },
    validUntilMillis: product.startMillis,
    isExecutable: true,
  }
}

/** Whether an offer serves all hours of a product; of a commitment, whether it can begin with them. */
const serves = (offer: Offer, { startMillis, endMillis }: Product): boolean =>
  offer.validFromMillis <= startMillis &&
  (termHoursOf(offer.pricing) > 0 ? startMillis < offer.validUntilMillis : endMillis <= offer.validUntilMillis)

export interface OfferQuoteInput {
  readonly offer: Offer
  readonly product: Product
  /** Of one of the class's parts for an hour: what hours of spot that are taken away are replaced at. */
  readonly replacementMicros: number
  readonly atMillis: number
  readonly assumptions: ArbitrageAssumptions
}

/**
 * A partner's offer as venues to buy the product at, one for each of its tiers; none where it does not serve it. That class
 * and region are the same is up to the caller, who knows what partners call them.
 */
export const offerQuotes = (input: OfferQuoteInput): readonly VenueQuote[] => {
  const { offer, product, replacementMicros, atMillis } = input
  const parts = countedParts(offer)
  const hours = (product.endMillis - product.startMillis) / hourMillis
  const acceptUntil = takenUntilMillis(offer)
  if (!serves(offer, product) || acceptUntil <= atMillis || !Number.isSafeInteger(parts) || parts < 1) return []
  const { priceMicrosPerUnitHour, tiers = [], minimumUnits, availableUnits, pricing } = offer
  const most = availableUnits === 'unlimited' ? unlimitedUnits : availableUnits
  const costs = unitCosts(input, hours, replacementMicros * parts)
  const prices = [{ fromUnits: 0, priceMicrosPerUnitHour }, ...tiers]
  return prices.flatMap((tier, index) => {
    const toUnits = Math.min(prices[index + 1]?.fromUnits ?? most, most)
    const fewest = Math.max(minimumUnits, tier.fromUnits + 1, 1)
    if (fewest > toUnits) return []
    const priceMicros = tier.priceMicrosPerUnitHour * hours
    // What the units before this tier cost more than they would in it.
    const fixedMicros = (hourlyMicros(offer, tier.fromUnits) - tier.fromUnits * tier.priceMicrosPerUnitHour) * hours
    return [
      {
        venue: pricing,
        side: 'buy' as const,
        source: offer.offerId,
        provider: offer.provider,
        product,
        quantumMicroHours: parts * hours * million,
        levels: [{ priceMicros, quanta: toUnits }],
        fixedMicros,
        minimumQuanta: fewest,
        maximumQuanta: toUnits,
        // Partners are paid what they ask: commissions are the exchange's.
        feePpm: 0,
        costs,
        validUntilMillis: Math.min(acceptUntil, product.startMillis),
        isExecutable: true,
      },
    ]
  })
}

/** Of a unit at the dearest tier, whichever it is in. */
const unitCosts = (
  { offer, product, atMillis, assumptions }: OfferQuoteInput,
  hours: number,
  replacedHourMicros: number,
): QuantumCosts => {
  const term = termHoursOf(offer.pricing)
  const beyondHours = term === 0 ? 0 : Math.ceil(hours / term) * term - hours
  const hourMicros = offer.priceMicrosPerUnitHour
  const beyond = beyondHours * hourMicros
  const paid = hourMicros * hours + beyond
  return {
    lockInMicros: feeOfQuantum(beyond, million - assumptions.lockInRecoveryPpm),
    preemptionMicros:
      offer.pricing === 'spot' ? hours * feeOfQuantum(replacedHourMicros, assumptions.preemptionPpm) : 0,
    fundingMicros: interestMicros(paid, assumptions.fundingPpmPerYear, atMillis, product.endMillis),
    tiedUpMicros: beyond,
  }
}

/** What an hour cleared at in the day-ahead market. */
export interface DayAheadPrice {
  readonly resourceClass: string
  readonly region: string
  readonly hourMillis: number
  /** Of a unit-hour. */
  readonly priceMicros: number
}

/**
 * A day-ahead market as a venue on both sides, at what the product's hours cleared at together; none where an
 * hour is not known. It tells where a future or an offer is out of line, but is over: it cannot be executed.
 */
export const dayAheadQuotes = (
  prices: readonly DayAheadPrice[],
  product: Product,
  { microHours, feePpm, validUntilMillis }: { microHours: number; feePpm: number; validUntilMillis: number },
): readonly VenueQuote[] => {
  const hours = (product.endMillis - product.startMillis) / hourMillis
  const own = new Map(
    prices
      .filter(({ resourceClass, region }) => resourceClass === product.resourceClass && region === product.region)
      .map(each => [each.hourMillis, each.priceMicros]),
  )
  let sum = 0
  for (let hour = product.startMillis; hour < product.endMillis; hour += hourMillis) {
    const price = own.get(hour)
    if (price === undefined) return []
    sum += price
  }
  return (['buy', 'sell'] as const).map(side => ({
    venue: 'day_ahead',
    side,
    source: `${product.resourceClass}.${product.region}`,
    product,
    quantumMicroHours: hours * million,
    levels: [{ priceMicros: sum, quanta: Math.floor(microHours / (hours * million)) }],
    minimumQuanta: 1,
    maximumQuanta: Math.floor(microHours / (hours * million)),
    feePpm,
    costs: noCosts,
    validUntilMillis,
    isExecutable: false,
  }))
}
