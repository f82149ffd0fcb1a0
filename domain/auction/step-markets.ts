import { awardMarket } from './awards.ts'
import type { DayAheadAuction } from './day-ahead-auction.ts'
import { costOfLotOut, netCurves, worthOfLotIn } from './net-curves.ts'

export interface StepMarkets {
  /** By period, then area; undefined where there is no order. */
  readonly priceTicks: readonly (number | undefined)[]
  /** Lots of each step order. */
  readonly awards: Float64Array
}

/**
 * Sort and sweep of markets in which only step orders trade: what `clearAuction` answers where there is no block, line
 * or injection, without its certificate. Price: the middle of the interval from the higher of last offer taken and best
 * bid not taken to the lower of last bid taken and best offer not taken, half a tick downwards; its end where there is
 * only one.
 */
export const clearStepMarkets = (auction: DayAheadAuction): StepMarkets => {
  const curves = netCurves(auction)
  const awards = new Float64Array(auction.steps.length)
  const priceTicks = Array.from({ length: curves.markets }, (_, market) => {
    const position = curves.offeredLots[market] ?? 0
    const low = worthOfLotIn(curves, market, position)
    const high = costOfLotOut(curves, market, position)
    const price =
      low === -Infinity
        ? high === Infinity
          ? undefined
          : high
        : high === Infinity
          ? low
          : Math.floor((low + high) / 2)
    awardMarket(curves, auction.steps, market, position, price, awards)
    return price
  })
  return { priceTicks, awards }
}
