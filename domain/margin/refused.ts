/**
 * Why something that margin is computed from, or an order that it is asked for, is refused. A refusal changes nothing.
 * `field` names the input at fault.
 */
export const marginRefusals = [
  'insufficient-margin',
  'exposure-too-large',
  'outside-quote-budget',
  'missing-underlying',
  'unknown-underlying',
  'duplicate-underlying',
  'missing-instrument',
  'unknown-instrument',
  'duplicate-instrument',
  'duplicate-scenario',
  'version-not-newer',
  'unknown-scenario-set',
  'epoch-not-begun',
  'epoch-incomplete',
  'chunk-out-of-order',
  'length-mismatch',
  'too-few',
  'too-many',
  'not-finite',
  'not-an-integer',
  'out-of-range',
  'malformed',
  'unpriceable',
] as const

export type MarginRefusal = (typeof marginRefusals)[number]

export interface Refused {
  readonly accepted: false
  readonly code: MarginRefusal
  readonly field: string
}

export type Checked<Value> = { readonly accepted: true; readonly value: Value } | Refused

export const accepted = <Value>(value: Value): Checked<Value> => ({ accepted: true, value })
export const refused = (code: MarginRefusal, field: string): Refused => ({ accepted: false, code, field })

/** Undefined where it is a number from `low` to `high`. */
export const within = (field: string, value: unknown, low: number, high: number): Refused | undefined => {
  if (typeof value !== 'number' || !Number.isFinite(value)) return refused('not-finite', field)
  return value >= low && value <= high ? undefined : refused('out-of-range', field)
}

/** Undefined where it is a whole number from `low` to `high`, both safe. */
export const integer = (field: string, value: unknown, low: number, high: number): Refused | undefined => {
  if (typeof value !== 'number' || !Number.isFinite(value)) return refused('not-finite', field)
  if (!Number.isInteger(value)) return refused('not-an-integer', field)
  return value >= low && value <= high ? undefined : refused('out-of-range', field)
}
