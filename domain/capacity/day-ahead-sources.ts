import {
  type DayAheadMarket,
  deliveryDayMillis,
  hourMillis,
  hoursOfDay,
  marketUnits,
} from '../auction/day-ahead-market.ts'
import { micros } from '../units.ts'
import { type CapacitySource, type ResourceVector, unitOfClass } from './capacity-source.ts'

/** What a market came to in an hour of a day that is cleared. */
export interface KnownHour {
  readonly hour: number
  readonly priceTicks: number
  readonly boughtLots: number
}

/** A bid is limited at so much more than its dearest hour cost last; what it pays is what the auction clears at. */
export const limitMarginPpm = 100_000

const million = 1_000_000

interface AuctionedUnit {
  readonly resourceClass: string
  readonly region: string
  readonly vector: ResourceVector
  readonly lotsOfUnit: number
}

/** What a market is for; undefined where a unit is no whole number of lots. */
export const auctionedUnit = ({ market, minTradeAmount }: DayAheadMarket): AuctionedUnit | undefined => {
  const dot = market.indexOf('.')
  const lotMicros = micros(minTradeAmount) ?? 0
  if (dot < 1 || lotMicros === 0 || million % lotMicros !== 0) return undefined
  const resourceClass = market.slice(0, dot)
  return {
    resourceClass,
    region: market.slice(dot + 1),
    vector: unitOfClass(resourceClass),
    lotsOfUnit: million / lotMicros,
  }
}

/**
 * An auction that takes bids, as a source: in each hour so many units as were bought there when a day was last cleared, at the
 * limit of a bid for them, commission included. It is no promise of the market's, but what a bid may cost at most. None where
 * no day is known that says what to bid.
 */
export const dayAheadSource = (
  market: DayAheadMarket,
  deliveryDate: string,
  known: readonly KnownHour[],
  accounts: readonly string[],
): CapacitySource | undefined => {
  const unit = auctionedUnit(market)
  const traded = marketUnits(market)
  const startMillis = deliveryDayMillis(deliveryDate)
  if (unit === undefined || !traded.accepted || startMillis === undefined) return undefined
  const { maxPriceTicks, microsPerTickLot } = traded.value
  const units = new Array<number>(hoursOfDay).fill(0)
  let dearest = 0
  for (const { hour, priceTicks, boughtLots } of known) {
    units[hour] = Math.floor(boughtLots / unit.lotsOfUnit)
    if (boughtLots >= unit.lotsOfUnit) dearest = Math.max(dearest, priceTicks)
  }
  if (dearest === 0) return undefined
  const limitTicks = Math.min(maxPriceTicks, Math.ceil((dearest * (million + limitMarginPpm)) / million))
  const lotMicros = limitTicks * microsPerTickLot
  const { resourceClass, region, vector, lotsOfUnit } = unit
  return {
    sourceId: `${market.market}/${deliveryDate}`,
    kind: 'day_ahead',
    accounts,
    resourceClass,
    region,
    vector,
    priceMicrosPerUnitHour: (lotMicros + Math.ceil((lotMicros * market.makerCommissionPpm) / million)) * lotsOfUnit,
    isPreemptible: false,
    minimumUnits: 1,
    firstHour: startMillis / hourMillis,
    units,
    bid: { deliveryDate, market: market.market, limitTicks, lotsOfUnit },
  }
}
