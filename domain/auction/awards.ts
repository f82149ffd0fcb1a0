import type { StepOrder } from './day-ahead-auction.ts'
import { byOrderId, type NetCurves, stepsAt } from './net-curves.ts'

/**
 * Lots of each step order at a market's price and position, written into `awards` (by the auction's step): bids above
 * and offers below the price are taken whole, those beyond it not at all. At the price as much is traded as the
 * balance allows, and each side is cut pro rata to its lots, by largest remainder; of equal remainders the lower id first.
 * Welfare does not depend on any of this.
 */
export const awardMarket = (
  curves: NetCurves,
  steps: readonly StepOrder[],
  market: number,
  position: number,
  priceTicks: number | undefined,
  awards: Float64Array,
): void => {
  const [from, to] = [curves.starts[market] ?? 0, curves.starts[market + 1] ?? 0]
  if (priceTicks === undefined) return
  const [first, beyond] = stepsAt(curves, market, priceTicks)
  for (let place = from; place < first; place += 1) awardWhole(curves, steps, place, 'buy', awards)
  for (let place = beyond; place < to; place += 1) awardWhole(curves, steps, place, 'sell', awards)
  if (first === beyond) return
  const marginal = [...curves.orders.subarray(first, beyond)]
  const bids = marginal.filter(order => steps[order]?.side === 'buy')
  const offers = marginal.filter(order => steps[order]?.side === 'sell')
  const [bidLots, offerLots] = [lotsOf(steps, bids), lotsOf(steps, offers)]
  // Position counts bids taken and offers given back, from where all offers are taken.
  const net = position - (first === from ? 0 : (curves.endLots[first - 1] ?? 0)) - offerLots
  const bought = Math.min(bidLots, offerLots + net)
  proRata(steps, bids, bidLots, bought, awards)
  proRata(steps, offers, offerLots, bought - net, awards)
}

const awardWhole = (
  curves: NetCurves,
  steps: readonly StepOrder[],
  place: number,
  side: 'buy' | 'sell',
  awards: Float64Array,
): void => {
  const order = curves.orders[place] as number
  const step = steps[order]
  if (step?.side === side) awards[order] = step.lots
}

const lotsOf = (steps: readonly StepOrder[], orders: readonly number[]): number =>
  orders.reduce((total, order) => total + (steps[order]?.lots ?? 0), 0)

const proRata = (
  steps: readonly StepOrder[],
  orders: readonly number[],
  wanted: number,
  given: number,
  awards: Float64Array,
): void => {
  if (given === 0) return
  const only = orders.length === 1 ? orders[0] : undefined
  if (only !== undefined) {
    awards[only] = given
    return
  }
  // A product of lots by lots may exceed what a double holds exactly.
  const shares = orders.toSorted(byOrderId(steps)).map(order => {
    const product = BigInt(steps[order]?.lots ?? 0) * BigInt(given)
    return { order, lots: Number(product / BigInt(wanted)), remainder: product % BigInt(wanted) }
  })
  let left = given - shares.reduce((total, { lots }) => total + lots, 0)
  // Sorting is stable: of equal remainders the lower id stays first.
  for (const { order, lots } of shares.sort((a, b) =>
    a.remainder < b.remainder ? 1 : a.remainder > b.remainder ? -1 : 0,
  )) {
    awards[order] = lots + (left > 0 ? 1 : 0)
    left -= 1
  }
}
