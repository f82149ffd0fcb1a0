/**
 * How far a margin call has come. `called`: its grace period runs; `recovered`: there was nothing to liquidate when that was
 * over; `running` from when the engine has begun it on; `failed`: it waits for a person.
 */
export const liquidationStates = ['called', 'running', 'recovered', 'ended', 'failed'] as const

/** The steps of the waterfall, as its trail names them. */
export const liquidationStepKinds = [
  'begin',
  'join',
  'plan',
  'reduce',
  'open-auction',
  'award',
  'move-cash',
  'cover-loss',
  'haircut',
  'end',
] as const
export type LiquidationStepKind = (typeof liquidationStepKinds)[number]

/** Unless the tenant calls it otherwise. */
export const usualInsuranceFund = 'insurance-fund'

/** The account of a lane's insurance fund follows from the tenant's name for it: an account is of one lane. */
export const insuranceFundEnvironmentVariable = 'INSURANCE_FUND'
export const insuranceFundOf = (name: string, lane: number): string => `${name}-${lane}`
