/** How an execution of an arbitrage, or a decision about one, stands. */
export const arbitrageStates = [
  /** The policy's no. */
  'refused',
  /** The policy's yes, of a policy that only looks. */
  'dry_run',
  'running',
  /** Both legs are done. */
  'completed',
  /** One leg was not to be had: nothing was done, or all of it undone before it cost anything. */
  'missed',
  /** One leg failed after another was filled, which was then traded back. */
  'unwound',
  /** The same, and not all of it could be traded back: `residuals` says what is left. */
  'residual',
  /** Its workflow stopped; a person goes on with it. */
  'failed',
] as const
export type ArbitrageState = (typeof arbitrageStates)[number]

export const arbitrageStepKinds = ['reserve', 'order', 'capture', 'unwind', 'release', 'end'] as const
export type ArbitrageStepKind = (typeof arbitrageStepKinds)[number]

export const arbitrageOrigins = ['request', 'policy'] as const
export type ArbitrageOrigin = (typeof arbitrageOrigins)[number]
