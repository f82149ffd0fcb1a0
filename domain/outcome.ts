/**
 * The literal codes with which a decision says no. Their positions are their numbers on the wire: append only.
 * `protocol/problems.ts` gives each its status, title and whether to try again; a code without one does not compile.
 */
export const rejectionCodes = [
  'unknown-account',
  'unknown-instrument',
  'unknown-order',
  'order-closed',
  'outdated-specification',
  'instrument-not-open',
  'price-out-of-range',
  'amount-out-of-range',
  'notional-too-large',
  'insufficient-funds',
  'no-liquidity',
  'open-order-limit',
  'amount-below-filled',
  'account-exists',
  'account-limit',
  'instrument-exists',
  'instrument-limit',
  'invalid-specification',
  'duplicate-order',
  'post-only-would-trade',
  'reduce-only-would-increase',
  'price-outside-band',
  'instrument-halted',
  'order-type-not-allowed',
  'invalid-instructions',
  'kill-switch-on',
  'protection-frozen',
  'invalid-trading-state',
  'unknown-protection',
  'unknown-firm',
  'trade-already-busted',
  'quote-limit',
  'engine-version-not-newer',
  'position-limit',
  'not-exercisable',
  'instrument-settled',
  'settlement-out-of-order',
  'instrument-has-options',
  'insufficient-margin',
  'exposure-too-large',
  'unknown-hold',
  'hold-limit',
  'risk-epoch-not-newer',
  'risk-epoch-not-begun',
  'risk-epoch-incomplete',
  'risk-epoch-lacks-instrument',
  'risk-epoch-invalid',
] as const

export type RejectionCode = (typeof rejectionCodes)[number]

export type Outcome<Accepted> =
  | { readonly accepted: true; readonly value: Accepted }
  | { readonly accepted: false; readonly code: RejectionCode; readonly detail?: string }

export const accept = <Accepted>(value: Accepted): Outcome<Accepted> => ({ accepted: true, value })
export const reject = (code: RejectionCode, detail?: string): Outcome<never> =>
  detail === undefined ? { accepted: false, code } : { accepted: false, code, detail }
