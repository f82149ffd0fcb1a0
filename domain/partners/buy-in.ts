import { countedParts } from './arbitrage-quotes.ts'
import { hourlyMicros, type Offer, termHoursOf } from './catalogue.ts'
import { type HourWindow, hoursIn } from './inventory.ts'
import { takenUntil, unitsLeft } from './offer-hours.ts'

/** What is missing of a delivery. */
export interface BuyInNeed {
  readonly resourceClass: string
  readonly region: string
  readonly window: HourWindow
  /** In each hour; of what the class is counted in: see `countedParts`. */
  readonly parts: number
  readonly mostMicros: number
  /** When it is taken. */
  readonly atMillis: number
}

export interface CheapestBuyIn {
  readonly offer: Offer
  /** As many as are needed; an offer that sells no fewer has more of them bought. */
  readonly units: number
  readonly purchasedUnits: number
  readonly partsPerUnit: number
  readonly costMicros: number
}

/**
 * The cheapest offer that has all that is missing in all of the hours, for at most so much; of equally cheap ones the one named first.
 * Nothing that may be taken back (spot), and nothing that is paid for a year.
 */
export const cheapestBuyIn = (need: BuyInNeed, offers: readonly Offer[]): CheapestBuyIn | undefined => {
  let cheapest: CheapestBuyIn | undefined
  for (const runs of Map.groupBy(offers, ({ offerId }) => offerId).values()) {
    const found = buyInOf(need, runs)
    if (found !== undefined && (cheapest === undefined || isCheaper(found, cheapest))) cheapest = found
  }
  return cheapest
}

const isCheaper = (one: CheapestBuyIn, other: CheapestBuyIn): boolean =>
  one.costMicros < other.costMicros || (one.costMicros === other.costMicros && one.offer.offerId < other.offer.offerId)

const buyInOf = (need: BuyInNeed, runs: readonly Offer[]): CheapestBuyIn | undefined => {
  const [offer] = runs
  if (offer === undefined || offer.pricing === 'spot' || termHoursOf(offer.pricing) > 0) return undefined
  if (offer.resourceClass !== need.resourceClass || offer.region !== need.region) return undefined
  const partsPerUnit = countedParts(offer)
  if (!Number.isSafeInteger(partsPerUnit) || partsPerUnit < 1 || takenUntil(runs) <= need.atMillis) return undefined
  const units = Math.ceil(need.parts / partsPerUnit)
  const purchasedUnits = Math.max(units, offer.minimumUnits)
  const left = unitsLeft(runs, need.window)
  if (left === undefined || (left !== 'unlimited' && left < purchasedUnits)) return undefined
  const costMicros = hourlyMicros(offer, purchasedUnits) * hoursIn(need.window)
  // What costs nothing is not for sale.
  if (!Number.isSafeInteger(costMicros) || costMicros < 1 || costMicros > need.mostMicros) return undefined
  return { offer, units, purchasedUnits, partsPerUnit, costMicros }
}
