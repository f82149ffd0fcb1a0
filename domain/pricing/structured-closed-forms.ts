import { lognormalInterval, lognormalOption } from './european.ts'
import {
  ascending,
  nonNegativePrice,
  positivePrice,
  rateLimit,
  signedPrice,
  timeLimit,
  volatilityLimit,
  wholeNumber,
} from './input-limits.ts'
import { normalCdf, normalDensity } from './normal.ts'
import { finitePrice, type Priced, type Refused, refused } from './priced.ts'
import { gaussLegendre } from './quadrature.ts'

const { exp, log, max, min, sqrt } = Math

interface NoteMarket {
  readonly volatility: number
  readonly rate: number
  readonly yieldRate: number
}

const marketLimits = ({ volatility, rate, yieldRate }: NoteMarket): Refused | undefined =>
  volatilityLimit('volatility', volatility) ?? rateLimit('rate', rate) ?? rateLimit('yieldRate', yieldRate)

/** A cliquet of equal periods: a sum of forward-start call spreads, exact. Haug (2007), § 4.8 (ratchet options). */
export const cliquetValue = (
  inputs: NoteMarket & {
    readonly periods: number
    readonly periodYears: number
    readonly floor: number
    readonly cap: number
  },
): Priced<number> => {
  const { volatility, rate, yieldRate, periods, periodYears, floor, cap } = inputs
  const refusal =
    marketLimits(inputs) ??
    wholeNumber('periods', periods, 1, 10_000) ??
    timeLimit('periodYears', periodYears) ??
    signedPrice('floor', floor) ??
    signedPrice('cap', cap) ??
    (floor < cap ? undefined : refused('not-ascending', 'cap'))
  if (refusal !== undefined) return refusal
  const growth = exp((rate - yieldRate) * periodYears)
  const deviation = volatility * sqrt(periodYears)
  // A return is never below −1, so neither is a floor's effect.
  const lowest = max(floor, -1)
  const option = (strike: number): number => lognormalOption(1, growth, max(1 + strike, 0), deviation)
  const perPeriod = cap <= -1 ? cap : lowest + option(lowest) - option(cap)
  return finitePrice(exp(-rate * periods * periodYears) * periods * perPeriod)
}

/** A range accrual on equally spaced dates: the mean of digital spreads, exact, paid with the last date. Haug (2007), § 4.19. */
export const rangeAccrualValue = (
  inputs: NoteMarket & {
    readonly spot: number
    readonly periods: number
    readonly periodYears: number
    readonly low: number
    readonly high: number
    readonly coupon: number
  },
): Priced<number> => {
  const { spot, volatility, rate, yieldRate, periods, periodYears, low, high, coupon } = inputs
  const refusal =
    marketLimits(inputs) ??
    positivePrice('spot', spot) ??
    wholeNumber('periods', periods, 1, 10_000) ??
    timeLimit('periodYears', periodYears) ??
    nonNegativePrice('low', low) ??
    positivePrice('high', high) ??
    signedPrice('coupon', coupon) ??
    (low < high ? undefined : refused('not-ascending', 'high'))
  if (refusal !== undefined) return refusal
  let inside = 0
  for (let period = 1; period <= periods; period++) {
    const years = period * periodYears
    const forward = spot * exp((rate - yieldRate) * years)
    inside += lognormalInterval(forward, volatility * sqrt(years), low, high)[0]
  }
  return finitePrice((exp(-rate * periods * periodYears) * coupon * inside) / periods)
}

export interface AutocallableInputs extends NoteMarket {
  readonly spot: number
  readonly initialLevel: number
  readonly observationYears: readonly number[]
  readonly autocallLevel: number
  readonly couponPerPeriod: number
  readonly knockInLevel: number
}

const stepRule = gaussLegendre(40)
/** Standard deviations of one period's return beyond which nothing is counted. */
const reach = 8.5
const mostPanels = 4000

/**
 * The `autocallable` template by backward induction: between two dates the value is the expectation over one lognormal step,
 * by Gauss–Legendre below the autocall level and within what a path can reach, exact in the last period. Dates so close
 * together beside the others that they would take too many nodes are refused. Absolute error below 1e-8 of the notional.
 */
export const autocallableValue = (inputs: AutocallableInputs): Priced<number> => {
  const { spot, initialLevel, observationYears, autocallLevel, couponPerPeriod, knockInLevel } = inputs
  const refusal =
    marketLimits(inputs) ??
    positivePrice('spot', spot) ??
    positivePrice('initialLevel', initialLevel) ??
    ascending('observationYears', observationYears, 1, 100, 0) ??
    positivePrice('autocallLevel', autocallLevel) ??
    signedPrice('couponPerPeriod', couponPerPeriod) ??
    nonNegativePrice('knockInLevel', knockInLevel)
  if (refusal !== undefined) return refusal
  if (knockInLevel > autocallLevel) return refused('not-ascending', 'knockInLevel')
  const panels = observationYears.slice(0, -1).reduce((sum, _, date) => sum + panelsOf(inputs, date).count, 0)
  if (!(panels <= mostPanels)) return refused('too-many', 'observationYears')
  return finitePrice(continuation(inputs, 0, 0)([spot])[0] ?? Number.NaN)
}

interface Panels {
  readonly low: number
  readonly high: number
  /** 0: whoever gets here has been redeemed. */
  readonly count: number
}

/** Logarithms of the levels that a path can have at a date without having been redeemed, in panels of six deviations. */
const panelsOf = (inputs: AutocallableInputs, date: number): Panels => {
  const { spot, volatility, rate, yieldRate, observationYears, autocallLevel } = inputs
  const years = observationYears[date] ?? 0
  const deviation = volatility * sqrt(years - (observationYears[date - 1] ?? 0))
  const mean = log(spot) + (rate - yieldRate - volatility ** 2 / 2) * years
  const wide = reach * volatility * sqrt(years)
  const [low, high] = [mean - wide, min(mean + wide, log(autocallLevel))]
  return { low, high, count: high > low ? Math.ceil((high - low) / (6 * deviation)) : 0 }
}

/** The value just after date number `date` − 1, at `fromYears`, for each of some spots below the autocall level. */
const continuation = (
  inputs: AutocallableInputs,
  date: number,
  fromYears: number,
): ((spots: readonly number[]) => readonly number[]) => {
  const { volatility, rate, yieldRate, observationYears, autocallLevel, couponPerPeriod } = inputs
  const years = observationYears[date] ?? fromYears
  const length = years - fromYears
  const deviation = volatility * sqrt(length)
  const growth = exp((rate - yieldRate) * length)
  const discount = exp(-rate * length)
  const redeemed = 1 + couponPerPeriod * (date + 1)
  const last = date === observationYears.length - 1
  if (last) return spots => spots.map(spot => discount * finalValue(inputs, spot * growth, deviation, redeemed))
  const next = continuation(inputs, date + 1, years)
  // One grid serves all spots.
  const nodes = logNodes(panelsOf(inputs, date))
  const values = nodes.length === 0 ? [] : next(nodes.map(([level]) => exp(level)))
  return spots =>
    spots.map(spot => {
      const mean = log(spot * growth) - deviation ** 2 / 2
      let sum = redeemed * normalCdf((mean - log(autocallLevel)) / deviation)
      for (let index = firstAbove(nodes, mean - reach * deviation); index < nodes.length; index++) {
        const [level, weight] = nodes[index] as readonly [number, number]
        const z = (level - mean) / deviation
        if (z > reach) break
        sum += weight * normalDensity(z) * ((values[index] ?? 0) / deviation)
      }
      return discount * sum
    })
}

/** The first node at or above a level: by bisection, since nodes ascend. */
const firstAbove = (nodes: readonly (readonly [level: number, weight: number])[], level: number): number => {
  let [low, high] = [0, nodes.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((nodes[middle]?.[0] ?? Infinity) < level) low = middle + 1
    else high = middle
  }
  return low
}

const finalValue = (inputs: AutocallableInputs, forward: number, deviation: number, redeemed: number): number => {
  const { autocallLevel, knockInLevel, initialLevel } = inputs
  const [called] = lognormalInterval(forward, deviation, autocallLevel, Infinity)
  const [atPar] = lognormalInterval(forward, deviation, knockInLevel, autocallLevel)
  const [, lost] = lognormalInterval(forward, deviation, 0, knockInLevel)
  return redeemed * called + atPar + lost / initialLevel
}

/** Nodes and weights over the panels, ascending. */
const logNodes = ({ low, high, count }: Panels): readonly (readonly [number, number])[] => {
  const width = (high - low) / count
  return Array.from({ length: count }, (_, panel) =>
    stepRule.map(([node, weight]) => [low + width * (panel + (node + 1) / 2), (weight * width) / 2] as const),
  ).flat()
}
