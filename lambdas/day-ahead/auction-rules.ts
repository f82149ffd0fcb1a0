import { integer, text, truth } from '#adapters/items.ts'
import { type AuctionRow, auctionsFrom } from '#adapters/tables/day-ahead-auctions.ts'
import { type ParameterRow, parametersAt } from '#adapters/tables/parameters.ts'
import { type DayAheadMarket, type GateTimes, hourMillis } from '#domain/auction/day-ahead-market.ts'

/** A market of the day-ahead auction as it was set last. */
export interface MarketRule {
  readonly row: ParameterRow
  readonly lane: number
  readonly market: DayAheadMarket
  readonly times: GateTimes
  readonly isActive: boolean
}

export const marketRuleOf = (row: ParameterRow): MarketRule => {
  const { name, value } = row
  return {
    row,
    lane: integer(value, 'lane'),
    market: {
      market: name,
      tickSize: text(value, 'tick_size'),
      minTradeAmount: text(value, 'min_trade_amount'),
      maxPrice: text(value, 'max_price'),
      makerCommissionPpm: integer(value, 'maker_commission_ppm'),
      takerCommissionPpm: integer(value, 'taker_commission_ppm'),
      penaltyPpm: integer(value, 'penalty_ppm'),
      expiresBeforeMillis: integer(value, 'expires_before_millis'),
    },
    times: {
      opensBeforeMillis: integer(value, 'opens_before_millis'),
      closesBeforeMillis: integer(value, 'closes_before_millis'),
    },
    isActive: truth(value, 'is_active'),
  }
}

/** Of a lane: its markets by name, and when its gates open and close, as was set last with any of them. */
export interface LaneRules {
  readonly rules: readonly MarketRule[]
  readonly times: GateTimes | undefined
}

export const laneRules = async (lane: number, atMillis: number): Promise<LaneRules> => {
  const rules = (await parametersAt('day-ahead-market', atMillis))
    .map(marketRuleOf)
    .filter(rule => rule.lane === lane)
    .sort((a, b) => (a.market.market < b.market.market ? -1 : 1))
  const newest = rules.toSorted((a, b) => b.row.setAtMillis - a.row.setAtMillis)[0]
  return { rules, times: newest?.times }
}

/** Those of a lane that delivery has not begun of yet, by date. */
export const nextAuctions = async (lane: number, nowMillis: number): Promise<ReadonlyMap<string, AuctionRow>> => {
  const today = new Date(nowMillis - (nowMillis % hourMillis)).toISOString().slice(0, 10)
  return new Map((await auctionsFrom(lane, today)).map(row => [row.deliveryDate, row]))
}
