import { auctionsFrom } from '#adapters/tables/day-ahead-auctions.ts'
import { type ClearedPrices, getClearedPrices } from '#adapters/tables/day-ahead-results.ts'
import { deliveryDateOf, deliveryDayMillis, hourMillis, hoursOfDay } from '#domain/auction/day-ahead-market.ts'
import type { CapacitySource } from '#domain/capacity/capacity-source.ts'
import { dayAheadSource, type KnownHour } from '#domain/capacity/day-ahead-sources.ts'
import type { FuturesAsker } from './futures-on-sale.ts'
import type { Hours } from './traded-futures.ts'

/** Days before the one that is bid for, in which a price is looked for. */
const daysLookedBack = 7
const dayMillis = hoursOfDay * hourMillis

/** What the day-ahead auctions of their lanes take bids for now, at what was last paid there and some more. */
export const openAuctions = async (
  askers: readonly FuturesAsker[],
  { firstHour, endHour }: Hours,
): Promise<readonly CapacitySource[]> => {
  const sources: CapacitySource[] = []
  const firstDate = deliveryDateOf(firstHour * hourMillis)
  for (const [lane, own] of Map.groupBy(askers, each => each.lane)) {
    const accounts = [...new Set(own.map(each => each.account))]
    const regions = new Set(own.flatMap(each => each.regions))
    const cleared = new Map<string, Promise<ClearedPrices | undefined>>()
    const clearedOn = (date: string): Promise<ClearedPrices | undefined> => {
      const known = cleared.get(date) ?? getClearedPrices(lane, date)
      cleared.set(date, known)
      return known
    }
    for (const { state, deliveryDate, markets } of await auctionsFrom(lane, firstDate)) {
      const startMillis = deliveryDayMillis(deliveryDate) ?? 0
      if (state !== 'open' || startMillis >= endHour * hourMillis) continue
      for (const market of markets.filter(each => regions.has(each.market.slice(each.market.indexOf('.') + 1)))) {
        const known = await lastHours(market, startMillis, clearedOn)
        const source = known && dayAheadSource(market, deliveryDate, known, accounts)
        if (source !== undefined) sources.push(source)
      }
    }
  }
  return sources
}

/** Of the last day on which anything was bought there; prices of other ticks say nothing. */
const lastHours = async (
  {
    market,
    tickSize,
    minTradeAmount,
  }: { readonly market: string; readonly tickSize: string; readonly minTradeAmount: string },
  startMillis: number,
  clearedOn: (date: string) => Promise<ClearedPrices | undefined>,
): Promise<readonly KnownHour[] | undefined> => {
  for (let days = 1; days <= daysLookedBack; days++) {
    const cleared = await clearedOn(deliveryDateOf(startMillis - days * dayMillis))
    const pool = cleared?.pools.find(({ markets }) => markets.includes(market))
    if (cleared === undefined || pool?.tickSize !== tickSize || pool.minTradeAmount !== minTradeAmount) continue
    const hours = cleared.hours.flatMap(({ market: name, hour, priceTicks, boughtLots }): KnownHour[] =>
      name === market && priceTicks !== null && boughtLots > 0 ? [{ hour, priceTicks, boughtLots }] : [],
    )
    if (hours.length > 0) return hours
  }
  return undefined
}
