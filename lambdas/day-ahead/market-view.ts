import type * as z from 'zod'
import type { AuctionRow } from '#adapters/tables/day-ahead-auctions.ts'
import { deliveryDateOf, type GateTimes, hourMillis, hoursOfDay } from '#domain/auction/day-ahead-market.ts'
import { decimalOfMicros } from '#domain/units.ts'
import type { computeMarket, dayAheadAuction } from '#protocol/operations/day-ahead.ts'
import type { MarketRule } from './auction-rules.ts'
import { gateOf } from './when-cleared.ts'

/** Those of the next week, and whatever is open beyond. */
const datesShown = 7
const dayMillis = hoursOfDay * hourMillis

export const marketView = (
  { row, lane, market, isActive }: MarketRule,
  times: GateTimes,
  auctions: ReadonlyMap<string, AuctionRow>,
  nowMillis: number,
): z.infer<typeof computeMarket> => {
  const today = nowMillis - (nowMillis % dayMillis)
  const next = Array.from({ length: datesShown + 1 }, (_, days) => deliveryDateOf(today + days * dayMillis))
  const dates = [...new Set([...next, ...auctions.keys()])].sort()
  const [resourceClass = '', ...region] = market.market.split('.')
  return {
    market: market.market,
    resource_class: resourceClass,
    region: region.join('.'),
    lane,
    currency: 'USD',
    tick_size: market.tickSize,
    min_trade_amount: market.minTradeAmount,
    max_price: market.maxPrice,
    maker_commission: decimalOfMicros(market.makerCommissionPpm),
    taker_commission: decimalOfMicros(market.takerCommissionPpm),
    penalty_ppm: market.penaltyPpm,
    expires_before_ms: market.expiresBeforeMillis,
    gate_opens_before_ms: times.opensBeforeMillis,
    gate_closes_before_ms: times.closesBeforeMillis,
    is_active: isActive,
    version: row.version,
    auctions: dates.flatMap((date): z.infer<typeof computeMarket>['auctions'] => {
      const auction = auctions.get(date)
      if (auction !== undefined)
        return auction.markets.some(each => each.market === market.market)
          ? [{ delivery_date: date, auction_state: auction.state, ...gateOf(date, auction) }]
          : []
      // Nothing is announced whose gate would have closed by now.
      const gate = gateOf(date, times)
      return !isActive || Date.parse(gate.gate_closes) <= nowMillis
        ? []
        : [{ delivery_date: date, auction_state: 'announced', ...gate }]
    }),
  }
}

export const auctionView = (row: AuctionRow): z.infer<typeof dayAheadAuction> => ({
  lane: row.lane,
  delivery_date: row.deliveryDate,
  auction_state: row.state,
  ...gateOf(row.deliveryDate, row),
  markets: row.markets.map(({ market }) => market),
  failure: row.failure ?? null,
})
