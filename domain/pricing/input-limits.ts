import { type Refused, refused } from './priced.ts'

/**
 * Which numbers the formulas take. The limits are far beyond what any market quotes and keep exponents within a double;
 * each function answers the refusal or undefined, so that a decision opens with a flat ladder of `??`.
 */
const largestPrice = 1e12
const largestVolatility = 100
const longestTimeYears = 100
const largestRate = 10

const between = (field: string, value: number, low: number, high: number): Refused | undefined =>
  value >= low && value <= high ? undefined : refused(Number.isFinite(value) ? 'out-of-range' : 'not-finite', field)

const positiveUpTo = (field: string, value: number, high: number): Refused | undefined =>
  value > 0 && value <= high
    ? undefined
    : refused(!Number.isFinite(value) ? 'not-finite' : value <= 0 ? 'not-positive' : 'out-of-range', field)

/** A price, strike, barrier or amount that must be above zero. −0 is none. */
export const positivePrice = (field: string, value: number): Refused | undefined =>
  positiveUpTo(field, value, largestPrice)

/** A rebate, cash amount or premium: zero or more. */
export const nonNegativePrice = (field: string, value: number): Refused | undefined =>
  value < 0
    ? refused(Number.isFinite(value) ? 'negative' : 'not-finite', field)
    : between(field, value, 0, largestPrice)

/** A forward or strike of a spread: any sign. */
export const signedPrice = (field: string, value: number): Refused | undefined =>
  between(field, value, -largestPrice, largestPrice)

/** Lognormal volatility per square root of a year; zero volatility is no model, its price is the intrinsic value. */
export const volatilityLimit = (field: string, value: number): Refused | undefined =>
  positiveUpTo(field, value, largestVolatility)

/** Years to an event that lies ahead: an expiry now or in the past is refused, it is settled and not priced. */
export const timeLimit = (field: string, value: number): Refused | undefined =>
  positiveUpTo(field, value, longestTimeYears)

/** A continuously compounded rate or yield per year. */
export const rateLimit = (field: string, value: number): Refused | undefined =>
  between(field, value, -largestRate, largestRate)

export const correlationLimit = (field: string, value: number): Refused | undefined => between(field, value, -1, 1)

export const choice = <Value extends string>(
  field: string,
  value: Value,
  choices: readonly Value[],
): Refused | undefined => (choices.includes(value) ? undefined : refused('unknown-choice', field))

export const wholeNumber = (field: string, value: number, low: number, high: number): Refused | undefined => {
  if (!Number.isSafeInteger(value)) return refused(Number.isFinite(value) ? 'not-an-integer' : 'not-finite', field)
  if (value < low && low === 0) return refused('negative', field)
  return value < low || value > high ? refused('out-of-range', field) : undefined
}

/** A share as a whole number of millionths, 0 to 1. */
export const partsPerMillion = (field: string, value: number): Refused | undefined =>
  wholeNumber(field, value, 0, 1_000_000)

/** Between `fewest` and `most` numbers, each finite and above the one before; the first above `after`. */
export const ascending = (
  field: string,
  values: readonly number[],
  fewest: number,
  most: number,
  after: number,
): Refused | undefined => {
  if (values.length < fewest) return refused('too-few', field)
  if (values.length > most) return refused('too-many', field)
  let previous = after
  for (const value of values) {
    if (!Number.isFinite(value)) return refused('not-finite', field)
    if (value <= previous) return refused('not-ascending', field)
    previous = value
  }
  return undefined
}
