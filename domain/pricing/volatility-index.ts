import { ascending, nonNegativePrice, positivePrice, rateLimit, timeLimit } from './input-limits.ts'
import { finitePrice, type Priced, priced, type Refused, refused } from './priced.ts'

const { abs, exp, sqrt } = Math

/** Best quotes of the call and the put at one strike; a bid of 0 stands for no bid. */
export interface StrikeQuotes {
  readonly strike: number
  readonly callBid: number
  readonly callAsk: number
  readonly putBid: number
  readonly putAsk: number
}

export interface StrikeContribution {
  readonly strike: number
  /** ΔK: half the distance between the neighbours that are included, the whole distance at the ends. */
  readonly spacing: number
  readonly mid: number
  /** ΔK/K² e^{RT} Q(K). */
  readonly contribution: number
}

export interface TermVariance {
  readonly forward: number
  /** K0: the greatest strike at or below the forward. */
  readonly centralStrike: number
  readonly strikes: readonly StrikeContribution[]
  /** Σ of the contributions. */
  readonly sum: number
  /** 1/T (F/K0 − 1)². */
  readonly forwardTerm: number
  readonly variance: number
}

const mostStrikes = 5000

const quotesLimit = (quotes: readonly StrikeQuotes[]): Refused | undefined => {
  const refusal = ascending(
    'quotes',
    quotes.map(quote => quote.strike),
    3,
    mostStrikes,
    0,
  )
  if (refusal !== undefined) return refusal
  for (const quote of quotes) {
    const unfit =
      nonNegativePrice('callBid', quote.callBid) ??
      nonNegativePrice('callAsk', quote.callAsk) ??
      nonNegativePrice('putBid', quote.putBid) ??
      nonNegativePrice('putAsk', quote.putAsk)
    if (unfit !== undefined) return unfit
  }
  return undefined
}

const callMid = (quote: StrikeQuotes): number => (quote.callBid + quote.callAsk) / 2
const putMid = (quote: StrikeQuotes): number => (quote.putBid + quote.putAsk) / 2

/** Out of the money from the centre outwards: without a bid it is passed over, after two in a row nothing more is taken. */
const included = (
  outward: readonly StrikeQuotes[],
  bidOf: (quote: StrikeQuotes) => number,
  midOf: (quote: StrikeQuotes) => number,
): { strike: number; mid: number }[] => {
  const taken: { strike: number; mid: number }[] = []
  let without = 0
  for (const quote of outward) {
    if (bidOf(quote) > 0) {
      without = 0
      taken.push({ strike: quote.strike, mid: midOf(quote) })
      continue
    }
    without += 1
    if (without === 2) break
  }
  return taken
}

/**
 * Variance of one expiry from raw quotes, strikes ascending. Cboe, "Volatility Index Methodology: Cboe Volatility Index"
 * (2022), steps 1 and 2: forward where call and put are closest, out-of-the-money options with bids around K0.
 */
export const termVariance = (
  quotes: readonly StrikeQuotes[],
  timeYears: number,
  rate: number,
): Priced<TermVariance> => {
  const refusal = quotesLimit(quotes) ?? timeLimit('timeYears', timeYears) ?? rateLimit('rate', rate)
  if (refusal !== undefined) return refusal
  const growth = exp(rate * timeYears)
  let closest: StrikeQuotes | undefined
  for (const quote of quotes) {
    const gap = abs(callMid(quote) - putMid(quote))
    if (closest === undefined || gap < abs(callMid(closest) - putMid(closest))) closest = quote
  }
  if (closest === undefined) return refused('too-few', 'quotes')
  const forward = closest.strike + growth * (callMid(closest) - putMid(closest))
  const central = quotes.findLastIndex(quote => quote.strike <= forward)
  const atCentre = quotes[central]
  if (atCentre === undefined) return refused('no-central-strike', 'quotes')
  const puts = included(quotes.slice(0, central).toReversed(), quote => quote.putBid, putMid).toReversed()
  const calls = included(quotes.slice(central + 1), quote => quote.callBid, callMid)
  if (puts.length === 0 || calls.length === 0) return refused('too-few', 'quotes')
  const both = { strike: atCentre.strike, mid: (callMid(atCentre) + putMid(atCentre)) / 2 }
  const strikes = withSpacing([...puts, both, ...calls], growth)
  const sum = strikes.reduce((total, { contribution }) => total + contribution, 0)
  const forwardTerm = (forward / atCentre.strike - 1) ** 2 / timeYears
  const variance = (2 / timeYears) * sum - forwardTerm
  if (!(variance > 0) || !Number.isFinite(variance)) return refused('not-representable', 'value')
  return priced({ forward, centralStrike: atCentre.strike, strikes, sum, forwardTerm, variance })
}

const withSpacing = (options: readonly { strike: number; mid: number }[], growth: number): StrikeContribution[] =>
  options.map(({ strike, mid }, index) => {
    const before = options[index - 1]?.strike
    const after = options[index + 1]?.strike
    const spacing =
      before !== undefined && after !== undefined ? (after - before) / 2 : abs(strike - (before ?? after ?? strike))
    return { strike, spacing, mid, contribution: (spacing / strike ** 2) * growth * mid }
  })

export interface IndexTerm {
  readonly minutes: number
  readonly variance: number
}

/**
 * The index in volatility points: the total variances of a nearer and a farther expiry interpolated to `targetMinutes` and
 * annualised by `yearMinutes` (Cboe 2022, step 3; 30 days and 365 days by default). Times outside extrapolate.
 */
export const volatilityIndex = (
  near: IndexTerm,
  next: IndexTerm,
  targetMinutes = 43_200,
  yearMinutes = 525_600,
): Priced<number> => {
  const refusal =
    positivePrice('near', near.minutes) ??
    positivePrice('near', near.variance) ??
    positivePrice('next', next.minutes) ??
    positivePrice('next', next.variance) ??
    positivePrice('targetMinutes', targetMinutes) ??
    positivePrice('yearMinutes', yearMinutes) ??
    (near.minutes < next.minutes ? undefined : refused('not-ascending', 'next'))
  if (refusal !== undefined) return refusal
  const nearShare = (next.minutes - targetMinutes) / (next.minutes - near.minutes)
  const total = near.minutes * near.variance * nearShare + next.minutes * next.variance * (1 - nearShare)
  if (total <= 0) return refused('not-representable', 'value')
  return finitePrice(100 * sqrt(total / targetMinutes))
}
