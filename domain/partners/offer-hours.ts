import { takenUntilMillis } from './best-price.ts'
import { type Offer, termHoursOf } from './catalogue.ts'
import type { HourWindow } from './inventory.ts'

/** Of what goes by one id: the hours of a lot are offers each, with their own number of units. Until when any can be taken. */
export const takenUntil = (offers: readonly Offer[]): number =>
  Math.max(...offers.map(offer => offer.acceptUntilMillis ?? takenUntilMillis(offer)))

/** In every hour of the window; undefined where the offer does not serve one of them. */
export const unitsLeft = (
  offers: readonly Offer[],
  { fromMillis, untilMillis }: HourWindow,
): number | 'unlimited' | undefined => {
  let left: number | 'unlimited' = 'unlimited'
  let at = fromMillis
  for (const offer of offers.toSorted((a, b) => a.validFromMillis - b.validFromMillis)) {
    if (termHoursOf(offer.pricing) > 0)
      return offer.validFromMillis <= fromMillis && fromMillis < offer.validUntilMillis
        ? offer.availableUnits
        : undefined
    if (offer.validUntilMillis <= at) continue
    // Hours of a lot without units are told by no offer.
    if (offer.validFromMillis > at) return offer.lotId === undefined ? undefined : 0
    const { availableUnits } = offer
    if (availableUnits !== 'unlimited') left = left === 'unlimited' ? availableUnits : Math.min(left, availableUnits)
    at = offer.validUntilMillis
    if (at >= untilMillis) return left
  }
  const [offer] = offers
  return offer?.lotId === undefined ? undefined : 0
}
