import { europeanSpotValue } from './black-scholes-merton.ts'
import { lognormalOption, type OptionType, optionTypes } from './european.ts'
import {
  ascending,
  choice,
  nonNegativePrice,
  positivePrice,
  rateLimit,
  timeLimit,
  volatilityLimit,
} from './input-limits.ts'
import { finitePrice, type Priced, priced, type Refused, refused } from './priced.ts'
import { integrate } from './quadrature.ts'

const { abs, exp, log, max, min, sqrt } = Math

export interface StripOption {
  readonly optionType: OptionType
  readonly strike: number
  readonly volatility: number
}

export interface StripInputs {
  readonly spot: number
  readonly rate: number
  readonly yieldRate: number
  readonly timeYears: number
  /** S*: puts at and below it, calls at and above it. */
  readonly centralStrike: number
  /** Distance from the last strike on either side to the next one that is not listed. */
  readonly strikeSpacing: number
  /** In any order; a put and a call at the central strike. */
  readonly options: readonly StripOption[]
}

export interface Replication {
  /** Annualised fair variance K². */
  readonly fairVariance: number
  /** Present value of the options held per unit of variance. */
  readonly portfolioCost: number
}

const fewestPerSide = 2
const mostPerSide = 2000

/** 2/T ((K − S*)/S* − ln(K/S*)): the payoff that the options replicate. */
const logContract = (strike: number, central: number, timeYears: number): number =>
  (2 / timeYears) * ((strike - central) / central - log(strike / central))

/** Cost of one side: each option's weight is the change of slope of the chords of the log contract. */
const sideCost = (inputs: StripInputs, options: readonly StripOption[], direction: 1 | -1): number => {
  const { centralStrike, timeYears, strikeSpacing } = inputs
  const ordered = options.toSorted((a, b) => direction * (a.strike - b.strike))
  let [cost, held] = [0, 0]
  for (const [index, option] of ordered.entries()) {
    const next = ordered[index + 1]?.strike ?? option.strike + direction * strikeSpacing
    const rise = logContract(next, centralStrike, timeYears) - logContract(option.strike, centralStrike, timeYears)
    const weight = rise / abs(next - option.strike) - held
    held += weight
    cost += weight * europeanSpotValue({ ...inputs, ...option })
  }
  return cost
}

const sideLimits = (
  inputs: StripInputs,
  options: readonly StripOption[],
  optionType: OptionType,
): Refused | undefined => {
  const strikes = options.map(option => option.strike).toSorted((a, b) => a - b)
  const edge = optionType === 'put' ? strikes.at(-1) : strikes[0]
  return (
    ascending('options', strikes, fewestPerSide, mostPerSide, 0) ??
    (edge === inputs.centralStrike ? undefined : refused('no-central-strike', 'options')) ??
    (optionType === 'call' || (strikes[0] ?? 0) > inputs.strikeSpacing
      ? undefined
      : refused('out-of-range', 'strikeSpacing'))
  )
}

/**
 * Fair variance from a strip of listed strikes. K. Demeterfi, E. Derman, M. Kamal and J. Zou, "More than you ever wanted
 * to know about volatility swaps", Goldman Sachs (1999), eq. 26 and appendix A: discrete strikes overstate it.
 */
export const replicatedVariance = (inputs: StripInputs): Priced<Replication> => {
  const { spot, rate, yieldRate, timeYears, centralStrike, strikeSpacing, options } = inputs
  const refusal =
    positivePrice('spot', spot) ??
    rateLimit('rate', rate) ??
    rateLimit('yieldRate', yieldRate) ??
    timeLimit('timeYears', timeYears) ??
    positivePrice('centralStrike', centralStrike) ??
    positivePrice('strikeSpacing', strikeSpacing)
  if (refusal !== undefined) return refusal
  for (const option of options) {
    const unfit =
      choice('options', option.optionType, optionTypes) ??
      positivePrice('options', option.strike) ??
      volatilityLimit('options', option.volatility)
    if (unfit !== undefined) return unfit
  }
  const [puts, calls] = optionTypes.map(type => options.filter(option => option.optionType === type)).toReversed()
  const unfit = sideLimits(inputs, puts ?? [], 'put') ?? sideLimits(inputs, calls ?? [], 'call')
  if (unfit !== undefined) return unfit
  const portfolioCost = sideCost(inputs, puts ?? [], -1) + sideCost(inputs, calls ?? [], 1)
  const drift = (rate - yieldRate) * timeYears
  const forwardOverCentral = (spot / centralStrike) * exp(drift)
  const futures = (2 / timeYears) * (drift - (forwardOverCentral - 1) - log(centralStrike / spot))
  const fairVariance = futures + exp(rate * timeYears) * portfolioCost
  return Number.isFinite(fairVariance) ? priced({ fairVariance, portfolioCost }) : refused('not-representable', 'value')
}

/**
 * Fair variance from a whole smile: 2/T ∫ of undiscounted out-of-the-money options / K² dK (Carr and Madan, "Towards a
 * theory of volatility trading", 1998), by quadrature in the log strike over twelve deviations. `volatilityAt` answers the
 * Black volatility of a strike; a volatility that is no admissible number is refused.
 */
export const smileVariance = (
  forward: number,
  timeYears: number,
  volatilityAt: (strike: number) => number,
): Priced<number> => {
  const central = volatilityAt(forward)
  const refusal =
    positivePrice('forward', forward) ?? timeLimit('timeYears', timeYears) ?? volatilityLimit('volatilityAt', central)
  if (refusal !== undefined) return refusal
  const root = sqrt(timeYears)
  let unfit: Refused | undefined
  const integrand = (logStrike: number): number => {
    const strike = forward * exp(logStrike)
    const volatility = volatilityAt(strike)
    unfit ??= volatilityLimit('volatilityAt', volatility)
    return (lognormalOption(logStrike < 0 ? -1 : 1, forward, strike, volatility * root) / forward) * exp(-logStrike)
  }
  // Wings may be more volatile than the centre: reach until the options there are worth nothing.
  const reachOf = (side: -1 | 1): number => {
    let reach = 0.5 * central * root
    while (reach < 200 && integrand(side * reach) > 1e-13 && unfit === undefined) reach *= 1.5
    return min(max(reach, central * root), 200)
  }
  const [down, up] = [reachOf(-1), reachOf(1)]
  const tolerance = 1e-10 * central ** 2 * timeYears
  const integral = integrate(integrand, -down, 0, tolerance, 8) + integrate(integrand, 0, up, tolerance, 8)
  return unfit ?? finitePrice((2 / timeYears) * integral)
}

/** How squared log returns are averaged: over all of them around zero, over one less, or around their mean over one less. */
export type VarianceConvention = 'zero-mean-n' | 'zero-mean-n-minus-1' | 'sample-mean'
export const varianceConventions: readonly VarianceConvention[] = ['zero-mean-n', 'zero-mean-n-minus-1', 'sample-mean']

/**
 * Annualised realised variance of fixings, `periodsPerYear` of which make a year. S. Bossu, E. Strasser and R. Guichard,
 * "Just what you need to know about variance swaps", JPMorgan (2005); the contract names its convention.
 */
export const realisedVariance = (
  fixings: readonly number[],
  periodsPerYear: number,
  convention: VarianceConvention,
): Priced<number> => {
  const refusal =
    choice('convention', convention, varianceConventions) ?? positivePrice('periodsPerYear', periodsPerYear)
  if (refusal !== undefined) return refusal
  const returns = fixings.length - 1
  const lost = convention === 'zero-mean-n' ? 0 : 1
  if (returns - lost < 1) return refused('too-few', 'fixings')
  let [sum, squares, previous] = [0, 0, 0]
  for (const [index, fixing] of fixings.entries()) {
    const unfit = positivePrice('fixings', fixing)
    if (unfit !== undefined) return unfit
    const change = index === 0 ? 0 : log(fixing / previous)
    sum += change
    squares += change * change
    previous = fixing
  }
  const mean = convention === 'sample-mean' ? sum / returns : 0
  return finitePrice((max(squares - returns * mean * mean, 0) * periodsPerYear) / (returns - lost))
}

export interface VarianceSwapTerms {
  readonly strikeVolatilityPoints: number
  readonly vegaNotional: number
  /** Realised volatility counts up to this multiple of the strike; absent: without a cap. */
  readonly capMultiple?: number
}

const termsLimit = (terms: VarianceSwapTerms): Refused | undefined =>
  positivePrice('strikeVolatilityPoints', terms.strikeVolatilityPoints) ??
  positivePrice('vegaNotional', terms.vegaNotional) ??
  (terms.capMultiple === undefined ? undefined : positivePrice('capMultiple', terms.capMultiple))

/**
 * What the long side receives: vegaNotional/(2K) × (min(realised, cap × K)² − K²), in volatility points. Bossu et al. (2005).
 */
export const varianceSwapSettlement = (terms: VarianceSwapTerms, realisedVolatilityPoints: number): Priced<number> => {
  const refusal = termsLimit(terms) ?? nonNegativePrice('realisedVolatilityPoints', realisedVolatilityPoints)
  if (refusal !== undefined) return refusal
  const { strikeVolatilityPoints: strike, vegaNotional, capMultiple } = terms
  const counted = min(realisedVolatilityPoints, capMultiple === undefined ? Infinity : capMultiple * strike)
  return finitePrice((vegaNotional / (2 * strike)) * (counted ** 2 - strike ** 2))
}

export interface SeasonedVariance {
  /** Share of the observations that are made, 0 to 1. */
  readonly elapsedShare: number
  /** Annualised variance of the part that is made; without meaning where nothing is. */
  readonly realisedVariance: number
  /** Fair annualised variance of the part ahead. */
  readonly fairVariance: number
  readonly discountFactor: number
}

/**
 * Present value to the long side of a swap under way: variance is additive in time, so the expected total is the weighted
 * mean of what is realised and what is fair. Bossu et al. (2005), § 4; a cap is not valued here.
 */
export const seasonedVarianceSwapValue = (terms: VarianceSwapTerms, state: SeasonedVariance): Priced<number> => {
  const { elapsedShare, fairVariance, discountFactor } = state
  const refusal =
    termsLimit(terms) ??
    nonNegativePrice('elapsedShare', elapsedShare) ??
    (elapsedShare <= 1 ? undefined : refused('out-of-range', 'elapsedShare')) ??
    nonNegativePrice('realisedVariance', state.realisedVariance) ??
    nonNegativePrice('fairVariance', fairVariance) ??
    positivePrice('discountFactor', discountFactor)
  if (refusal !== undefined) return refusal
  const strike = terms.strikeVolatilityPoints
  const expected = 1e4 * (elapsedShare * state.realisedVariance + (1 - elapsedShare) * fairVariance)
  return finitePrice((discountFactor * terms.vegaNotional * (expected - strike ** 2)) / (2 * strike))
}
