import { byText, type DayAheadAuction, marketIndex, type StepOrder } from './day-ahead-auction.ts'

/**
 * The step orders of each market as one falling curve. At its left end, position 0, every offer is taken and no bid; each
 * step to the right takes a bid or gives an offer back, dearest first, and each lot of it is worth the step's price. So
 * a market into which `injection` lots flow stands at position injection + all lots offered, whatever bids and offers
 * they are, and its welfare is a running sum. Ties do not matter to the curve; they do to awards (`awards.ts`).
 */
export interface NetCurves {
  readonly markets: number
  /** Steps of market m are those from starts[m] to starts[m + 1]. */
  readonly starts: Int32Array
  /** Falling within a market. */
  readonly priceTicks: Float64Array
  /** Position at which a step ends. */
  readonly endLots: Float64Array
  /** Welfare from position 0 of its market to the step's end, in ticks × lots. */
  readonly endValue: Float64Array
  /** Which of the auction's steps it is. */
  readonly orders: Int32Array
  /** 1 where it is a bid. */
  readonly isBid: Uint8Array
  /** All lots offered in a market: where its curve stands while nothing flows. */
  readonly offeredLots: Float64Array
  /** Welfare of a market at position 0: less than nothing where anything is offered. */
  readonly originValue: Float64Array
}

/**
 * Sorted by number, in one native call a market: price and place in one exact double. Orders are read once, in the order
 * in which they lie in memory; all else goes through arrays of numbers that caches hold.
 */
export const netCurves = (auction: DayAheadAuction): NetCurves => {
  const { steps, areas, mostPriceTicks } = auction
  const markets = areas.length * auction.periods
  const count = steps.length
  const { starts, marketOf, below, signedLots } = numbersOf(auction, markets)
  const next = starts.slice(0, markets)
  let largest = 1
  for (let m = 0; m < markets; m += 1) largest = Math.max(largest, (starts[m + 1] as number) - (starts[m] as number))
  // A power of two, so that taking price and place apart is exact and needs no division.
  const span = 2 ** Math.ceil(Math.log2(largest + 1))
  const perSpan = 1 / span
  const fits = (mostPriceTicks - auction.leastPriceTicks + 1) * span <= Number.MAX_SAFE_INTEGER
  const keys = new Float64Array(count)
  const ordersAt = new Int32Array(count)
  const lotsAt = new Float64Array(count)
  for (let i = 0; i < count; i += 1) {
    const market = marketOf[i] as number
    const place = next[market] as number
    next[market] = place + 1
    const price = below[i] as number
    keys[place] = fits ? price * span + (place - (starts[market] as number)) : price
    ordersAt[place] = i
    lotsAt[place] = signedLots[i] as number
  }
  const curves: NetCurves = {
    markets,
    starts,
    // What is read for the last time becomes what is written: memory that is not touched anew is most of the time saved.
    priceTicks: fits ? keys : new Float64Array(count),
    endLots: new Float64Array(count),
    endValue: below,
    orders: marketOf,
    isBid: new Uint8Array(count),
    offeredLots: new Float64Array(markets),
    originValue: new Float64Array(markets),
  }
  for (let m = 0; m < markets; m += 1) {
    const [from, to] = [starts[m] as number, starts[m + 1] as number]
    const sorted = keys.subarray(from, to)
    // Beyond 2^53 price and place do not fit one double, and the prices alone are compared.
    const permutation = fits ? undefined : Array.from(sorted.keys()).sort((a, b) => (sorted[a] ?? 0) - (sorted[b] ?? 0))
    if (fits) sorted.sort()
    let [lots, value, offered, offeredValue] = [0, 0, 0, 0]
    for (let place = from; place < to; place += 1) {
      const key = keys[place] as number
      const whole = Math.floor(key * perSpan)
      const source = from + (permutation === undefined ? key - whole * span : (permutation[place - from] as number))
      const price = mostPriceTicks - (permutation === undefined ? whole : (keys[source] as number))
      const signed = lotsAt[source] as number
      const stepLots = Math.abs(signed)
      lots += stepLots
      value += stepLots * price
      if (signed < 0) {
        offered += stepLots
        offeredValue += stepLots * price
      }
      curves.priceTicks[place] = price
      curves.endLots[place] = lots
      curves.endValue[place] = value
      curves.orders[place] = ordersAt[source] as number
      curves.isBid[place] = signed > 0 ? 1 : 0
    }
    curves.offeredLots[m] = offered
    curves.originValue[m] = -offeredValue
  }
  return curves
}

/** The steps as numbers, in the order in which they came, offers below zero, and where each market's will begin. */
const numbersOf = ({ steps, areas, mostPriceTicks }: DayAheadAuction, markets: number) => {
  const count = steps.length
  const areaIndex = new Map(areas.map((area, index) => [area, index]))
  const marketOf = new Int32Array(count)
  const below = new Float64Array(count)
  const signedLots = new Float64Array(count)
  const starts = new Int32Array(markets + 1)
  for (let i = 0; i < count; i += 1) {
    const step = steps[i] as StepOrder
    const market = marketIndex(step.period, areaIndex.get(step.area) ?? 0, areas.length)
    marketOf[i] = market
    below[i] = mostPriceTicks - step.priceTicks
    signedLots[i] = step.side === 'buy' ? step.lots : -step.lots
    starts[market + 1] = (starts[market + 1] as number) + 1
  }
  for (let m = 0; m < markets; m += 1) starts[m + 1] = (starts[m + 1] as number) + (starts[m] as number)
  return { starts, marketOf, below, signedLots }
}

/** Where a market's curve ends: every bid taken, no offer. */
export const lastPosition = (curves: NetCurves, market: number): number => {
  const end = curves.starts[market + 1] ?? 0
  return end === curves.starts[market] ? 0 : (curves.endLots[end - 1] ?? 0)
}

/** The first step that ends beyond a position: the one that the next lot in goes to; the end of the market if none. */
export const stepBeyond = (curves: NetCurves, market: number, position: number): number => {
  let [low, high] = [curves.starts[market] ?? 0, curves.starts[market + 1] ?? 0]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((curves.endLots[middle] ?? 0) > position) high = middle
    else low = middle + 1
  }
  return low
}

/**
 * What the next lot into a market is worth there: the price of its best bid not taken or dearest offer taken. Short of
 * its curve's beginning +∞ (it lacks lots that no price brings), at or beyond the end −∞.
 */
export const worthOfLotIn = (curves: NetCurves, market: number, position: number): number => {
  if (position < 0) return Infinity
  const step = stepBeyond(curves, market, position)
  return step === curves.starts[market + 1] ? -Infinity : (curves.priceTicks[step] ?? 0)
}

/** What a lot out of a market costs there: +∞ at or before its beginning, −∞ beyond its end (it has lots that nobody takes). */
export const costOfLotOut = (curves: NetCurves, market: number, position: number): number => {
  if (position <= 0) return Infinity
  if (position > lastPosition(curves, market)) return -Infinity
  return curves.priceTicks[stepBefore(curves, market, position)] ?? 0
}

/** The step that the last lot up to a position, above 0 and within the curve, belongs to. */
export const stepBefore = (curves: NetCurves, market: number, position: number): number => {
  const step = stepBeyond(curves, market, position)
  const before = step === curves.starts[market] ? 0 : (curves.endLots[step - 1] ?? 0)
  return position > before ? step : step - 1
}

/** Welfare of a market's step orders at a position within its curve. */
export const valueAt = (curves: NetCurves, market: number, position: number): number => {
  const step = stepBeyond(curves, market, position)
  const isFirst = step === curves.starts[market]
  const [lots, value] = isFirst ? [0, 0] : [curves.endLots[step - 1] ?? 0, curves.endValue[step - 1] ?? 0]
  const part = position > lots ? (position - lots) * (curves.priceTicks[step] ?? 0) : 0
  return (curves.originValue[market] ?? 0) + value + part
}

/** Steps of one market at one price: [first, beyond the last). */
export const stepsAt = (curves: NetCurves, market: number, ticks: number): readonly [number, number] => {
  const end = curves.starts[market + 1] ?? 0
  const firstNotAbove = (limit: number): number => {
    let [low, high] = [curves.starts[market] ?? 0, end]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((curves.priceTicks[middle] ?? 0) <= limit) high = middle
      else low = middle + 1
    }
    return low
  }
  const first = firstNotAbove(ticks)
  let beyond = first
  while (beyond < end && curves.priceTicks[beyond] === ticks) beyond += 1
  return [first, beyond]
}

/** Of equal orders the one that is served first: by id. */
export const byOrderId =
  (steps: readonly StepOrder[]) =>
  (a: number, b: number): number =>
    byText(steps[a]?.orderId ?? '', steps[b]?.orderId ?? '')
