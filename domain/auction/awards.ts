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
  if (priceTicks === undefined) return
  const { starts, endLots, orders, isBid } = curves
  const [from, to] = [starts[market] ?? 0, starts[market + 1] ?? 0]
  const [first, beyond] = stepsAt(curves, market, priceTicks)
  for (let place = from; place < first; place += 1)
    if (isBid[place] === 1) awards[orders[place] as number] = lotsAt(curves, from, place)
  for (let place = beyond; place < to; place += 1)
    if (isBid[place] === 0) awards[orders[place] as number] = lotsAt(curves, from, place)
  if (first === beyond) return
  const bids: number[] = []
  const offers: number[] = []
  let [bidLots, offerLots] = [0, 0]
  for (let place = first; place < beyond; place += 1)
    if (isBid[place] === 1) {
      bids.push(orders[place] as number)
      bidLots += lotsAt(curves, from, place)
    } else {
      offers.push(orders[place] as number)
      offerLots += lotsAt(curves, from, place)
    }
  // Position counts bids taken and offers given back, from where all offers are taken.
  const net = position - (first === from ? 0 : (endLots[first - 1] ?? 0)) - offerLots
  const bought = Math.min(bidLots, offerLots + net)
  proRata(steps, bids, bidLots, bought, awards)
  proRata(steps, offers, offerLots, bought - net, awards)
}

const lotsAt = ({ endLots }: NetCurves, from: number, place: number): number =>
  (endLots[place] as number) - (place === from ? 0 : (endLots[place - 1] as number))

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
