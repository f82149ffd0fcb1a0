import type * as z from 'zod'
import type { AuctionRow } from '#adapters/tables/day-ahead-auctions.ts'
import type { ClearedPrices } from '#adapters/tables/day-ahead-results.ts'
import type { ClearedPool } from '#domain/auction/auction-day.ts'
import { hourlySpecification, hoursOfDay } from '#domain/auction/day-ahead-market.ts'
import { decimal, decimalOfMicros } from '#domain/units.ts'
import type { dayAheadPrices } from '#protocol/operations/day-ahead.ts'

/** Of the future that is delivered in that hour. */
export const hourName = ({ markets, deliveryDate }: AuctionRow, market: string, hour: number): string => {
  const known = markets.find(each => each.market === market)
  if (known === undefined) throw new Error(`${market} was not in the auction of ${deliveryDate}`)
  return hourlySpecification(known, deliveryDate, hour).instrumentName
}

export const poolOfMarket = ({ pools }: ClearedPrices, market: string): ClearedPool => {
  const pool = pools.find(({ markets }) => markets.includes(market))
  if (pool === undefined) throw new Error(`${market} was not cleared`)
  return pool
}

export const pricesView = (
  row: AuctionRow,
  prices: ClearedPrices,
  clearedAtMillis: number,
): z.infer<typeof dayAheadPrices> => ({
  lane: row.lane,
  delivery_date: row.deliveryDate,
  auction_state: row.state,
  cleared_timestamp: new Date(clearedAtMillis).toISOString(),
  prices: prices.hours.map(({ market, hour, priceTicks, boughtLots, soldLots, awardedLots }) => {
    const { tickSize, minTradeAmount } = poolOfMarket(prices, market)
    return {
      market,
      hour,
      price: priceTicks === null ? null : decimal(priceTicks, tickSize),
      bought: decimal(boughtLots, minTradeAmount),
      sold: decimal(soldLots, minTradeAmount),
      instrument_name: awardedLots === 0 ? null : hourName(row, market, hour),
    }
  }),
  certificates: prices.pools.map(certificateOf),
})

const certificateOf = ({
  markets,
  tickSize,
  microsPerTickLot,
  stepOrders,
  blockDecisions,
  certificate,
}: ClearedPool) => {
  const usd = (tickLots: number): string => decimalOfMicros(BigInt(tickLots) * BigInt(microsPerTickLot))
  const areas = markets.toSorted((a, b) => (a < b ? -1 : 1))
  return {
    markets: [...markets],
    welfare: usd(certificate.welfare),
    steps_welfare: usd(certificate.stepsWelfare),
    bound: usd(certificate.bound),
    gap_ppm: certificate.gapPartsPerMillion,
    witness_bound: usd(certificate.witnessBound),
    witness_gap_ppm: certificate.witnessGapPartsPerMillion,
    witness_prices: Array.from({ length: hoursOfDay }, (_, hour) => hour).flatMap(hour =>
      areas.flatMap((market, at) => {
        const ticks = certificate.witnessPriceTicks[hour * areas.length + at] ?? null
        return ticks === null ? [] : [{ market, hour, price: decimal(ticks, tickSize) }]
      }),
    ),
    components: { ...certificate.methods },
    is_limit_hit: certificate.isLimitHit,
    nodes: certificate.nodes,
    iterations: certificate.iterations,
    step_orders: stepOrders,
    blocks_accepted: blockDecisions.accepted,
    blocks_partially_accepted: blockDecisions['partially-accepted'],
    blocks_rejected: blockDecisions.rejected,
    blocks_paradoxically_rejected: blockDecisions['paradoxically-rejected'],
  }
}
