import { ascending, positivePrice, rateLimit, signedPrice } from './input-limits.ts'
import { finitePrice, type Priced, priced, type Refused, refused } from './priced.ts'

const mostPeriods = 1200

/**
 * Discount factors from par swap rates, one per period, by the bootstrap Pₙ = (1 − Sₙ Σᵢ₍ₙ τᵢ Pᵢ) / (1 + τₙ Sₙ) of a single
 * curve (Hull, Options, Futures and Other Derivatives, ch. 7). `accrualYears` are the lengths τ of the periods in years.
 */
export const bootstrapDiscountFactors = (
  parRates: readonly number[],
  accrualYears: readonly number[],
): Priced<readonly number[]> => {
  if (parRates.length === 0) return refused('too-few', 'parRates')
  if (parRates.length > mostPeriods) return refused('too-many', 'parRates')
  if (accrualYears.length !== parRates.length) return refused('length-mismatch', 'accrualYears')
  const factors: number[] = []
  let annuity = 0
  for (const [index, rate] of parRates.entries()) {
    const years = accrualYears[index] ?? 0
    const refusal = rateLimit('parRates', rate) ?? positivePrice('accrualYears', years)
    if (refusal !== undefined) return refusal
    const factor = (1 - rate * annuity) / (1 + years * rate)
    if (!(factor > 0) || !Number.isFinite(factor)) return refused('discount-factor-not-positive', 'parRates')
    factors.push(factor)
    annuity += years * factor
  }
  return priced(factors)
}

/** The par rates that the discount factors imply: (1 − Pₙ) / Σ τ P. */
export const parSwapRates = (
  discountFactors: readonly number[],
  accrualYears: readonly number[],
): Priced<readonly number[]> => {
  if (discountFactors.length === 0) return refused('too-few', 'discountFactors')
  if (accrualYears.length !== discountFactors.length) return refused('length-mismatch', 'accrualYears')
  let annuity = 0
  const rates: number[] = []
  for (const [index, factor] of discountFactors.entries()) {
    const years = accrualYears[index] ?? 0
    const refusal = positivePrice('discountFactors', factor) ?? positivePrice('accrualYears', years)
    if (refusal !== undefined) return refusal
    annuity += years * factor
    const rate = (1 - factor) / annuity
    if (!Number.isFinite(rate)) return refused('not-representable', 'value')
    rates.push(rate)
  }
  return priced(rates)
}

/**
 * The discount factor at any time of the curve, log-linear between its nodes and from 1 today; beyond the last node the
 * last period's forward rate goes on.
 */
export const discountFactorAt = (
  times: readonly number[],
  discountFactors: readonly number[],
  timeYears: number,
): Priced<number> => {
  if (discountFactors.length !== times.length) return refused('length-mismatch', 'discountFactors')
  const refusal = ascending('times', times, 1, mostPeriods, 0)
  if (refusal !== undefined) return refusal
  if (!(timeYears >= 0) || timeYears === Infinity) return refused('negative', 'timeYears')
  let [fromTime, fromLog] = [0, 0]
  for (const [index, time] of times.entries()) {
    const factor = discountFactors[index] ?? 0
    if (!(factor > 0)) return refused('discount-factor-not-positive', 'discountFactors')
    const toLog = Math.log(factor)
    if (timeYears <= time || index === times.length - 1) {
      return finitePrice(Math.exp(fromLog + ((toLog - fromLog) * (timeYears - fromTime)) / (time - fromTime)))
    }
    ;[fromTime, fromLog] = [time, toLog]
  }
  return refused('too-few', 'times')
}

/** A swap of fixed against floating compute price: one leg per period, quantities in unit-hours, settled in arrears. */
export interface ComputeSwapInputs {
  readonly discountFactors: readonly number[]
  /** The index's forward price for each period. */
  readonly forwards: readonly number[]
  readonly unitHours: readonly number[]
}

const swapLimits = ({ discountFactors, forwards, unitHours }: ComputeSwapInputs): Refused | undefined => {
  if (discountFactors.length === 0) return refused('too-few', 'discountFactors')
  if (discountFactors.length > mostPeriods) return refused('too-many', 'discountFactors')
  if (forwards.length !== discountFactors.length) return refused('length-mismatch', 'forwards')
  if (unitHours.length !== discountFactors.length) return refused('length-mismatch', 'unitHours')
  for (const [index, factor] of discountFactors.entries()) {
    const refusal =
      positivePrice('discountFactors', factor) ??
      positivePrice('forwards', forwards[index] ?? 0) ??
      positivePrice('unitHours', unitHours[index] ?? 0)
    if (refusal !== undefined) return refusal
  }
  return undefined
}

const legs = ({
  discountFactors,
  forwards,
  unitHours,
}: ComputeSwapInputs): readonly [floating: number, annuity: number] => {
  let [floating, annuity] = [0, 0]
  for (const [index, factor] of discountFactors.entries()) {
    const weight = factor * (unitHours[index] ?? 0)
    annuity += weight
    floating += weight * (forwards[index] ?? 0)
  }
  return [floating, annuity]
}

/** The fixed price per unit-hour at which the swap is worth nothing: Σ P h F / Σ P h. */
export const fairSwapPrice = (inputs: ComputeSwapInputs): Priced<number> => {
  const refusal = swapLimits(inputs)
  if (refusal !== undefined) return refusal
  const [floating, annuity] = legs(inputs)
  return finitePrice(floating / annuity)
}

/** Present value to the payer of `fixedPrice`: Σ P h (F − fixed). */
export const payerSwapValue = (inputs: ComputeSwapInputs, fixedPrice: number): Priced<number> => {
  const refusal = swapLimits(inputs) ?? signedPrice('fixedPrice', fixedPrice)
  if (refusal !== undefined) return refusal
  const [floating, annuity] = legs(inputs)
  return finitePrice(floating - fixedPrice * annuity)
}
