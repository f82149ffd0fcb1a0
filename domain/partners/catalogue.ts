/** What can be had of partners, whoever they are: each offer in one form, whatever it was made of. */

export const providers = ['rackspace', 'aws', 'azure', 'gcp', 'generic'] as const
export type Provider = (typeof providers)[number]

export const pricings = ['on_demand', 'spot', 'commitment_1y', 'commitment_3y', 'contract'] as const
export type Pricing = (typeof pricings)[number]

export const offerSources = ['catalogue', 'quote', 'contract', 'inventory'] as const
export type OfferSource = (typeof offerSources)[number]

/** What one unit has; whoever needs less than it has in every respect can use it. */
export interface ResourceVector {
  readonly gpus: number
  readonly vcpus: number
  readonly memoryGib: number
  readonly storageTib: number
}

/** Units from the one after `fromUnits` on cost that; those before cost what the tier before says. */
export interface Tier {
  readonly fromUnits: number
  readonly priceMicrosPerUnitHour: number
}

export interface Offer {
  readonly offerId: string
  readonly provider: Provider
  /** Of what is in the unit: a model of GPU, or CPU. */
  readonly resourceClass: string
  readonly region: string
  readonly pricing: Pricing
  /** Of a whole unit, which may have several GPUs; of a commitment, for every hour of its term. */
  readonly priceMicrosPerUnitHour: number
  readonly availableUnits: number | 'unlimited'
  /** Fewer are not sold: none, or as many at least. */
  readonly minimumUnits: number
  readonly vector: ResourceVector
  /** The hours that it can serve, the last excluded; of a commitment, when it can begin. */
  readonly validFromMillis: number
  readonly validUntilMillis: number
  readonly source: OfferSource
  /** Until when it can be taken at this price; as long as it can serve unless told. */
  readonly acceptUntilMillis?: number
  /** In rising order, each cheaper than the one before. */
  readonly tiers?: readonly Tier[]
  /** The lot of partner inventory that it is taken from. */
  readonly lotId?: string
  /** How often its price has changed in a year, as far as is known. */
  readonly changesPerYear?: number
}

export const hourMillis = 3_600_000

/** Hours for which a commitment is paid, used or not: 0 of what is paid by the hour. A year has 8,760 of them. */
export const termHoursOf = (pricing: Pricing): number =>
  pricing === 'commitment_1y' ? 8_760 : pricing === 'commitment_3y' ? 3 * 8_760 : 0

/** How many of what is needed fit into one unit: 0 where it lacks something. Nothing needed at all fits once. */
export const fittingIn = (unit: ResourceVector, need: ResourceVector): number => {
  const fits = [
    share(unit.gpus, need.gpus),
    share(unit.vcpus, need.vcpus),
    share(unit.memoryGib, need.memoryGib),
    share(unit.storageTib, need.storageTib),
  ]
  const least = Math.min(...fits)
  return least === Number.POSITIVE_INFINITY ? 1 : least
}

/** The tolerance is for amounts that binary fractions only come near to: 0.3 has three times 0.1. */
const share = (has: number, needs: number): number =>
  needs <= 0 ? Number.POSITIVE_INFINITY : Math.floor(has / needs + 1e-9)

/** What so many units cost for an hour, by tiers where there are any. */
export const hourlyMicros = (
  { priceMicrosPerUnitHour, tiers = [] }: Pick<Offer, 'priceMicrosPerUnitHour' | 'tiers'>,
  units: number,
): number => {
  let cost = 0
  let priced = 0
  let price = priceMicrosPerUnitHour
  for (const tier of tiers) {
    if (tier.fromUnits >= units) break
    cost += (tier.fromUnits - priced) * price
    priced = tier.fromUnits
    price = tier.priceMicrosPerUnitHour
  }
  return cost + (units - priced) * price
}
