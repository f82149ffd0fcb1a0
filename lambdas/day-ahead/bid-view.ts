import type * as z from 'zod'
import { type AuctionRow, areHoldsFree } from '#adapters/tables/day-ahead-auctions.ts'
import { decimal, decimalOfMicros } from '#domain/units.ts'
import type { dayAheadBid } from '#protocol/operations/day-ahead.ts'
import type { KnownBid } from './placed-bids.ts'

/** As it was sent, in the units of the auction that it is for. */
export const bidView = ({ row, state, code }: KnownBid, auction: AuctionRow): z.infer<typeof dayAheadBid> => {
  const known = new Map(auction.markets.map(market => [market.market, market]))
  const marketOf = (name: string) => {
    const market = known.get(name)
    if (market === undefined) throw new Error(`${name} was not in the auction of ${row.deliveryDate}`)
    return market
  }
  const price = (market: string, ticks: number): string => decimal(ticks, marketOf(market).tickSize)
  const amount = (market: string, lots: number): string => decimal(lots, marketOf(market).minTradeAmount)
  const { side, curves, blocks } = row.bid
  const takesPart = state === 'accepted' || state === 'pending'
  return {
    bid_id: row.bidId,
    name: row.name,
    delivery_date: row.deliveryDate,
    direction: side,
    bid_state: state,
    reject_reason: code ?? null,
    held: decimalOfMicros(takesPart && !areHoldsFree(auction) ? row.holdMicros : 0),
    replaces: row.replacesBidId ?? null,
    curves: curves.map(({ market, hour, steps }) => ({
      market,
      hour,
      steps: steps.map(({ priceTicks, lots }) => ({ price: price(market, priceTicks), amount: amount(market, lots) })),
    })),
    blocks: blocks.map(
      ({ block, market, priceTicks, hours, minimumAcceptanceBasisPoints, parent, exclusiveGroup }) => ({
        block,
        market,
        price: price(market, priceTicks),
        hours: hours.map(({ hour, lots }) => ({ hour, amount: amount(market, lots) })),
        minimum_acceptance_ratio: decimal(minimumAcceptanceBasisPoints, '0.0001'),
        parent,
        exclusive_group: exclusiveGroup,
      }),
    ),
    creation_timestamp: new Date(row.createdAtMillis).toISOString(),
  }
}
