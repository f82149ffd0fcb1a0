/** Lots that are there at a price, hidden ones included. */
export interface Depth {
  readonly ticks: number
  readonly lots: number
}

export interface Uncross {
  readonly ticks: number
  readonly lots: number
}

/**
 * The price of an auction: of all prices in the book and the reference, the one at which most is traded; of several the
 * one that leaves least over; of several the one nearest to the reference; of two, the lower. Undefined where nothing
 * would trade. `referenceTicks` 0: there is none, and the lowest of the several is taken.
 */
export const uncrossPrice = (
  bids: readonly Depth[],
  asks: readonly Depth[],
  referenceTicks: number,
): Uncross | undefined => {
  const prices = [...new Set([...bids, ...asks].map(({ ticks }) => ticks).concat(referenceTicks || []))].sort(
    (a, b) => a - b,
  )
  const sum = (depth: readonly Depth[]) => depth.reduce((total, { lots }) => total + lots, 0)
  const ascendingBids = bids.toSorted((a, b) => a.ticks - b.ticks)
  const ascendingAsks = asks.toSorted((a, b) => a.ticks - b.ticks)
  let demand = sum(bids)
  let supply = 0
  let [bid, ask] = [0, 0]
  let best: { readonly ticks: number; readonly lots: number; readonly left: number } | undefined
  for (const ticks of prices) {
    // Bids below the price no longer want it; asks up to it do.
    for (; (ascendingBids[bid]?.ticks ?? ticks) < ticks; bid += 1) demand -= ascendingBids[bid]?.lots ?? 0
    for (; (ascendingAsks[ask]?.ticks ?? ticks + 1) <= ticks; ask += 1) supply += ascendingAsks[ask]?.lots ?? 0
    const lots = Math.min(demand, supply)
    const left = Math.abs(demand - supply)
    if (lots === 0) continue
    const isBetter =
      best === undefined ||
      lots > best.lots ||
      (lots === best.lots &&
        (left < best.left ||
          (left === best.left &&
            referenceTicks !== 0 &&
            Math.abs(ticks - referenceTicks) < Math.abs(best.ticks - referenceTicks))))
    if (isBetter) best = { ticks, lots, left }
  }
  return best === undefined ? undefined : { ticks: best.ticks, lots: best.lots }
}
