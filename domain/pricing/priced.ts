/**
 * What a pricing function answers: a value, or why there is none. A refusal is no exception, because an engine that marks
 * thousands of contracts must pass over one bad quote. `field` names the input at fault, or `value` where the inputs are
 * admissible one by one and the result is not.
 */
export const pricingRefusals = [
  'not-finite',
  'not-positive',
  'negative',
  'out-of-range',
  'not-an-integer',
  'not-ascending',
  'length-mismatch',
  'too-few',
  'too-many',
  'unknown-choice',
  'malformed',
  'beyond-barrier',
  'not-representable',
  'no-convergence',
  'double-exercise-boundary',
  'complex-hitting-exponent',
  'price-below-intrinsic',
  'price-above-bound',
  'volatility-not-determined',
  'discount-factor-not-positive',
  'no-central-strike',
  'missing-observation',
  'too-deep',
  'nested-schedule',
  'not-a-constant',
  'observed-after-payment',
  'unbounded-loss',
  'unbounded-gain',
] as const

export type PricingRefusal = (typeof pricingRefusals)[number]

export interface Refused {
  readonly priced: false
  readonly code: PricingRefusal
  readonly field: string
}

export type Priced<Value> = { readonly priced: true; readonly value: Value } | Refused

export const priced = <Value>(value: Value): Priced<Value> => ({ priced: true, value })
export const refused = (code: PricingRefusal, field: string): Refused => ({ priced: false, code, field })

/** A price is a finite number; overflow inside a formula with admissible inputs is refused as `not-representable`. */
export const finitePrice = (value: number): Priced<number> =>
  Number.isFinite(value) ? { priced: true, value } : refused('not-representable', 'value')
