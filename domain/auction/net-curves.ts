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
  /** All lots offered in a market: where its curve stands while nothing flows. */
  readonly offeredLots: Float64Array
  /** Welfare of a market at position 0: less than nothing where anything is offered. */
  readonly originValue: Float64Array
}

/** Sorted by number in one native call a market: price and place in one exact double. */
export const netCurves = (auction: DayAheadAuction): NetCurves => {
  const { steps, areas, periods, leastPriceTicks, mostPriceTicks } = auction
  const markets = areas.length * periods
  const areaIndex = new Map(areas.map((area, index) => [area, index]))
  const count = steps.length
  const marketOf = new Int32Array(count)
  const starts = new Int32Array(markets + 1)
  for (let i = 0; i < count; i += 1) {
    const step = steps[i] as StepOrder
    const market = marketIndex(step.period, areaIndex.get(step.area) ?? 0, areas.length)
    marketOf[i] = market
    starts[market + 1] = (starts[market + 1] ?? 0) + 1
  }
  for (let m = 0; m < markets; m += 1) starts[m + 1] = (starts[m + 1] ?? 0) + (starts[m] ?? 0)
  const places = starts.slice(0, markets)
  // Beyond 2^53 price and place do not fit one double: then the price alone is sorted by comparison.
  const fits = (mostPriceTicks - leastPriceTicks + 1) * (count + 1) <= Number.MAX_SAFE_INTEGER
  const keys = new Float64Array(count)
  const orders = new Int32Array(count)
  for (let i = 0; i < count; i += 1) {
    const market = marketOf[i] as number
    const place = places[market] as number
    places[market] = place + 1
    if (fits) keys[place] = (mostPriceTicks - (steps[i] as StepOrder).priceTicks) * (count + 1) + i
    else orders[place] = i
  }
  for (let m = 0; m < markets; m += 1) {
    const [from, to] = [starts[m] as number, starts[m + 1] as number]
    if (fits) keys.subarray(from, to).sort()
    else orders.subarray(from, to).sort((a, b) => (steps[b]?.priceTicks ?? 0) - (steps[a]?.priceTicks ?? 0))
  }
  const priceTicks = new Float64Array(count)
  const endLots = new Float64Array(count)
  const endValue = new Float64Array(count)
  const offeredLots = new Float64Array(markets)
  const originValue = new Float64Array(markets)
  for (let m = 0; m < markets; m += 1) {
    let [lots, value, offered, offeredValue] = [0, 0, 0, 0]
    const to = starts[m + 1] as number
    for (let place = starts[m] as number; place < to; place += 1) {
      const order = fits ? (keys[place] as number) % (count + 1) : (orders[place] as number)
      const step = steps[order] as StepOrder
      orders[place] = order
      priceTicks[place] = step.priceTicks
      lots += step.lots
      value += step.lots * step.priceTicks
      endLots[place] = lots
      endValue[place] = value
      if (step.side === 'sell') {
        offered += step.lots
        offeredValue += step.lots * step.priceTicks
      }
    }
    offeredLots[m] = offered
    originValue[m] = -offeredValue
  }
  return { markets, starts, priceTicks, endLots, endValue, orders, offeredLots, originValue }
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
