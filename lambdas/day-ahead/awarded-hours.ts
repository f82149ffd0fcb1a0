import type { AuctionRow } from '#adapters/tables/day-ahead-auctions.ts'
import { getLotAwards } from '#adapters/tables/day-ahead-results.ts'
import type { LotAward } from '#domain/auction/auction-day.ts'
import { hourlySpecification } from '#domain/auction/day-ahead-market.ts'
import type { ContractSpecification } from '#domain/reference/instrument.ts'

/** The future of an hour in which something is awarded. */
export interface AwardedHour {
  readonly market: string
  readonly hour: number
  readonly specification: ContractSpecification
}

/** What is to be booked, and in which futures. */
export const awardsOf = async ({ lane, deliveryDate }: AuctionRow): Promise<readonly LotAward[]> => {
  const awards = await getLotAwards(lane, deliveryDate)
  if (awards === undefined) throw new Error(`the awards of ${deliveryDate} are not stored`)
  return awards
}

export const hourKey = ({ market, hour }: { readonly market: string; readonly hour: number }): string =>
  `${hour} ${market}`

/** What is listed under the name of an hour's future is that future. Somebody may have listed another one by hand. */
export const isFutureOf = (wanted: ContractSpecification, listed: ContractSpecification): boolean =>
  listed.tickSize === wanted.tickSize &&
  listed.minTradeAmount === wanted.minTradeAmount &&
  listed.maxPrice === wanted.maxPrice &&
  listed.contractSize === wanted.contractSize &&
  listed.terms === wanted.terms &&
  listed.expirationMillis === wanted.expirationMillis

/** By hourKey. */
export const awardedHours = (
  { markets, deliveryDate }: Pick<AuctionRow, 'markets' | 'deliveryDate'>,
  awards: readonly { readonly market: string; readonly hour: number }[],
): ReadonlyMap<string, AwardedHour> => {
  const byName = new Map(markets.map(market => [market.market, market]))
  const hours = new Map<string, AwardedHour>()
  for (const award of awards) {
    const market = byName.get(award.market)
    if (market === undefined) throw new Error(`${award.market} was not in the auction of ${deliveryDate}`)
    if (!hours.has(hourKey(award)))
      hours.set(hourKey(award), {
        market: award.market,
        hour: award.hour,
        specification: hourlySpecification(market, deliveryDate, award.hour),
      })
  }
  return hours
}
