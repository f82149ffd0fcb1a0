import { type Priced, priced, refused } from './priced.ts'

const { exp, log, max, min } = Math

/** What the market says the mean of an index over [startMillis, endMillis] will be. */
export interface ForwardPeriod {
  readonly startMillis: number
  readonly endMillis: number
  readonly price: number
}

/** The forwards of one index: its level now, if known, and what futures on it say of what lies ahead. */
export interface ForwardCurve {
  readonly nowMillis: number
  readonly level: number | undefined
  /** By the middle of the period; no two of the same. */
  readonly points: readonly { readonly atMillis: number; readonly price: number }[]
  readonly periods: readonly ForwardPeriod[]
}

export interface Forward {
  readonly price: number
  readonly source: 'future' | 'swap' | 'interpolated' | 'extrapolated'
}

/** Periods that have begun count for what of them lies ahead: whoever gives them has taken out the fixings that are made. */
export const forwardCurve = (
  nowMillis: number,
  level: number | undefined,
  periods: readonly ForwardPeriod[],
): ForwardCurve => {
  const ahead = periods.filter(({ endMillis, price }) => endMillis > nowMillis && price > 0)
  const points = new Map<number, number>()
  for (const { startMillis, endMillis, price } of ahead)
    points.set((max(startMillis, nowMillis) + endMillis) / 2, price)
  return {
    nowMillis,
    level,
    points: [...points].map(([atMillis, price]) => ({ atMillis, price })).sort((a, b) => a.atMillis - b.atMillis),
    periods: ahead,
  }
}

/**
 * The mean of the index over what of a period lies ahead: of a future of just that period its price, else between the
 * neighbours log-linearly by the middles of their periods, from the level now to the first, and flat beyond the last.
 * Undefined where nothing is known.
 */
export const forwardOf = (curve: ForwardCurve, startMillis: number, endMillis: number): Forward | undefined => {
  const same = curve.periods.find(period => period.startMillis === startMillis && period.endMillis === endMillis)
  if (same !== undefined) return { price: same.price, source: 'future' }
  const { nowMillis, level } = curve
  const at = (max(startMillis, nowMillis) + max(endMillis, nowMillis)) / 2
  const known = [...(level === undefined ? [] : [{ atMillis: nowMillis, price: level }]), ...curve.points]
  const after = known.find(({ atMillis }) => atMillis >= at)
  const before = known.findLast(({ atMillis }) => atMillis < at)
  if (after === undefined || before === undefined) {
    const only = before ?? after
    return only === undefined ? undefined : { price: only.price, source: 'extrapolated' }
  }
  const share = (at - before.atMillis) / (after.atMillis - before.atMillis)
  return { price: exp(log(before.price) + share * log(after.price / before.price)), source: 'interpolated' }
}

export interface CurveMonth {
  readonly startMillis: number
  readonly endMillis: number
  readonly forward: number
  readonly source: Forward['source'] | 'fixings'
  readonly discountFactor: number
  readonly parRate: number
}

/** A swap by its legs and the fixed rate at which it is marked. */
export interface MarkedSwap {
  readonly boundariesMillis: readonly number[]
  readonly settledLegs: number
  readonly rate: number
}

/** What of a month is fixed: the mean so far, and its share of all fixings of the month. */
export interface MonthSoFar {
  readonly mean: number
  readonly share: number
}

const yearMillis = 31_536_000_000

/**
 * Forwards month by month and the par rate of a swap from the first month up to each: Σ P F / Σ P, P the discount factor of
 * the month's end. Bootstrapped from the nearest to the farthest (Hull, Options, Futures and Other Derivatives, ch. 7): a
 * future of a month gives its forward; of the months that only a swap reaches all get the one forward at which the swap is
 * worth its rate; the rest follows from the neighbours. `monthsMillis` are the beginnings and the end of the last.
 */
export const swapCurve = (
  curve: ForwardCurve,
  swaps: readonly MarkedSwap[],
  monthsMillis: readonly number[],
  rate: number,
  soFar: MonthSoFar | undefined,
): Priced<readonly CurveMonth[]> => {
  const months = monthsMillis.slice(0, -1).map((startMillis, position) => {
    const endMillis = monthsMillis[position + 1] ?? startMillis
    return { startMillis, endMillis, discountFactor: exp((-rate * max(endMillis - curve.nowMillis, 0)) / yearMillis) }
  })
  if (months.length === 0) return refused('too-few', 'monthsMillis')
  const whole = (price: number, position: number): number =>
    position === 0 && soFar !== undefined ? soFar.share * soFar.mean + (1 - soFar.share) * price : price
  const known = new Map<number, { readonly price: number; readonly source: CurveMonth['source'] }>()
  for (const [position, { startMillis, endMillis }] of months.entries()) {
    const exact = forwardOf(curve, startMillis, endMillis)
    if (exact?.source === 'future') known.set(position, { price: whole(exact.price, position), source: 'future' })
    else if (position === 0 && soFar !== undefined && soFar.share >= 1)
      known.set(0, { price: soFar.mean, source: 'fixings' })
  }
  const byEnd = swaps.toSorted((a, b) => (a.boundariesMillis.at(-1) ?? 0) - (b.boundariesMillis.at(-1) ?? 0))
  for (const swap of byEnd) {
    const starts = swap.boundariesMillis.slice(swap.settledLegs, -1)
    const positions = starts.map(start => months.findIndex(({ startMillis }) => startMillis === start))
    if (positions.length === 0 || positions.includes(-1)) continue
    let [annuity, fixed, open] = [0, 0, 0]
    for (const position of positions) {
      const factor = months[position]?.discountFactor ?? 0
      annuity += factor
      const forward = known.get(position)
      if (forward === undefined) open += factor
      else fixed += factor * forward.price
    }
    const price = (swap.rate * annuity - fixed) / open
    if (!(open > 0 && price > 0)) continue
    for (const position of positions) if (!known.has(position)) known.set(position, { price, source: 'swap' })
  }
  const filled = forwardCurve(curve.nowMillis, curve.level, [
    ...curve.periods,
    ...[...known].flatMap(([position, { price, source }]) => {
      const month = months[position]
      return month === undefined || source !== 'swap' ? [] : [{ ...month, price }]
    }),
  ])
  const answered: CurveMonth[] = []
  let [floating, annuity] = [0, 0]
  for (const [position, { startMillis, endMillis, discountFactor }] of months.entries()) {
    const given = known.get(position)
    const between = given === undefined ? forwardOf(filled, startMillis, endMillis) : undefined
    const forward = given?.price ?? (between === undefined ? undefined : whole(between.price, position))
    if (forward === undefined) return refused('missing-observation', 'level')
    floating += discountFactor * forward
    annuity += discountFactor
    answered.push({
      startMillis,
      endMillis,
      forward,
      source: given?.source ?? between?.source ?? 'extrapolated',
      discountFactor,
      parRate: floating / annuity,
    })
  }
  return priced(answered)
}

/** Σ P F / Σ P over legs, given as means and the ends at which they are paid. */
export const parRate = (
  legs: readonly { readonly mean: number; readonly endMillis: number }[],
  nowMillis: number,
  rate: number,
): Priced<number> => {
  let [floating, annuity] = [0, 0]
  for (const { mean, endMillis } of legs) {
    const factor = min(exp((-rate * (endMillis - nowMillis)) / yearMillis), 1)
    floating += factor * mean
    annuity += factor
  }
  return annuity > 0 ? priced(floating / annuity) : refused('too-few', 'legs')
}
