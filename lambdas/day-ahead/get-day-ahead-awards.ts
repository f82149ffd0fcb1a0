import { type AuctionRow, getAuction, isBooked } from '#adapters/tables/day-ahead-auctions.ts'
import { type ClearedPrices, getAccountAwards, getClearedPrices } from '#adapters/tables/day-ahead-results.ts'
import type { AccountAwards, BidAward, BlockOutcome } from '#domain/auction/auction-day.ts'
import { decimal, decimalOfMicros, decimalRatio } from '#domain/units.ts'
import type { getDayAheadAwards } from '#protocol/operations/day-ahead.ts'
import type { Handle } from '../shell/http.ts'
import { traderOf } from '../trading/trader.ts'
import { hourName, poolOfMarket } from './prices-view.ts'
import { notCleared } from './when-cleared.ts'

export const handle: Handle<typeof getDayAheadAwards> = async ({ path, principal }) => {
  const trader = await traderOf(principal)
  if (trader === undefined) return { code: 'account-not-open' }
  const { lane, accountId, account } = trader
  const { delivery_date: deliveryDate } = path
  const [auction, prices, own] = await Promise.all([
    getAuction(lane, deliveryDate),
    getClearedPrices(lane, deliveryDate),
    getAccountAwards(lane, deliveryDate, accountId),
  ])
  if (auction === undefined || prices === undefined) return notCleared(lane, deliveryDate)
  const awards = own ?? { accountId, awards: [], blocks: [] }
  return {
    status: 200,
    body: {
      account,
      delivery_date: deliveryDate,
      auction_state: auction.state,
      positions: isBooked(auction) ? positionsOf(auction, prices, awards) : [],
      void_instruments: [...(auction.voidInstruments ?? [])],
      bids: awards.awards.map(award => ({
        name: award.name,
        direction: award.side,
        market: award.market,
        hour: award.hour,
        amount: decimal(award.lots, poolOfMarket(prices, award.market).minTradeAmount),
        price: priceOf(prices, award),
      })),
      blocks: awards.blocks.map(each => blockOf(each, prices)),
    },
  }
}

const priceOf = (prices: ClearedPrices, { market, hour }: Pick<BidAward, 'market' | 'hour'>): string => {
  const found = prices.hours.find(each => each.market === market && each.hour === hour)
  if (found === undefined || found.priceTicks === null) throw new Error(`${market} has no price in hour ${hour}`)
  return decimal(found.priceTicks, poolOfMarket(prices, market).tickSize)
}

const positionsOf = (auction: AuctionRow, prices: ClearedPrices, { awards }: AccountAwards) =>
  [...Map.groupBy(awards, ({ market, hour }) => `${market} ${String(hour).padStart(2, '0')}`)]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([, own]) => {
      const [first] = own
      const lots = own.reduce((sum, each) => sum + (each.side === 'buy' ? each.lots : -each.lots), 0)
      if (first === undefined || lots === 0) return []
      const { market, hour } = first
      const instrumentName = hourName(auction, market, hour)
      if (auction.voidInstruments?.includes(instrumentName)) return []
      return [
        {
          market,
          hour,
          instrument_name: instrumentName,
          direction: lots > 0 ? ('buy' as const) : ('sell' as const),
          amount: decimal(Math.abs(lots), poolOfMarket(prices, market).minTradeAmount),
          price: priceOf(prices, first),
        },
      ]
    })

const blockOf = (
  { name, block, market, decision, takenParts, parts, surplus }: BlockOutcome,
  prices: ClearedPrices,
) => ({
  name,
  block,
  decision,
  accepted_ratio: decimalRatio(takenParts, parts, '1') ?? '0',
  surplus: decimalOfMicros(BigInt(surplus) * BigInt(poolOfMarket(prices, market).microsPerTickLot)),
})
