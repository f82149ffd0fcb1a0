import { getClearedPrices } from '#adapters/tables/day-ahead-results.ts'
import { deliveryDateOf, hourMillis, hoursOfDay } from '#domain/auction/day-ahead-market.ts'
import { type ExactPrice, exactMean } from '#domain/settlement/exact-price.ts'
import { decimal } from '#domain/units.ts'

interface DeliveredHours {
  readonly lane: number
  /** The market of the auction: resource class and region. */
  readonly index: string
  readonly startMillis: number
  readonly endMillis: number
}

/** The mean of the day-ahead prices of all hours of a period; undefined where any of them has none. */
export const dayAheadPrice = async (hours: DeliveredHours): Promise<ExactPrice | undefined> => {
  const { lane, index, startMillis, endMillis } = hours
  const prices: string[] = []
  let day: { readonly date: string; readonly ofHours: ReadonlyMap<number, string> } | undefined
  for (let atMillis = startMillis; atMillis < endMillis; atMillis += hourMillis) {
    const date = deliveryDateOf(atMillis)
    if (day?.date !== date) day = { date, ofHours: await pricesOfDay(lane, date, index) }
    const price = day.ofHours.get(Math.floor(atMillis / hourMillis) % hoursOfDay)
    if (price === undefined) return undefined
    prices.push(price)
  }
  return exactMean(prices)
}

const pricesOfDay = async (lane: number, date: string, index: string): Promise<ReadonlyMap<number, string>> => {
  const cleared = await getClearedPrices(lane, date)
  const pool = cleared?.pools.find(({ markets }) => markets.includes(index))
  if (cleared === undefined || pool === undefined) return new Map()
  return new Map(
    cleared.hours.flatMap(({ market, hour, priceTicks }): [number, string][] =>
      market === index && priceTicks !== null ? [[hour, decimal(priceTicks, pool.tickSize)]] : [],
    ),
  )
}
