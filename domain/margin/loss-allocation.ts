import { accepted, type Checked, integer, type Refused, refused } from './refused.ts'

/** What an account on the winning side has gained in what was liquidated. */
export interface Winner {
  readonly accountId: number
  readonly gainMicros: number
}

export interface LossInputs {
  /** What is left to be paid after the account's own equity and the backstop auction. */
  readonly lossMicros: number
  readonly fundMicros: number
  /** The most that the fund may pay in this event: see `fundLimitMicros`. */
  readonly fundLimitMicros: number
  readonly winners: readonly Winner[]
}

/**
 * A fraction as two whole numbers in text: they pass 2^53. A certificate says that no allocation takes a smaller largest
 * share of anybody's gain, for anyone to check without trusting how it was found.
 */
export interface HaircutCertificate {
  /** Of the linear programme: the largest share of a gain that is taken. */
  readonly primal: readonly [numerator: string, denominator: string]
  /** Of its dual: the multiplier of "all of the loss is paid", and that of "no share is larger" is the same for each. */
  readonly lossMultiplier: readonly [numerator: string, denominator: string]
  readonly dual: readonly [numerator: string, denominator: string]
}

export interface LossAllocation {
  readonly fundPaysMicros: number
  readonly haircuts: readonly { readonly accountId: number; readonly haircutMicros: number }[]
  /** Beyond all gains: nobody is left to pay it. */
  readonly uncoveredMicros: number
  readonly certificate: HaircutCertificate
}

/**
 * What the fund may pay until winners share the loss: a part of its highest balance in the last eight hours (Bybit's
 * trigger of auto-deleveraging: 30 %).
 */
export const fundLimitMicros = (highestBalanceMicros: number, limitPpm: number): number =>
  Number((BigInt(highestBalanceMicros) * BigInt(limitPpm)) / 1_000_000n)

const mostWinners = 1_048_576

/**
 * First the insurance fund, then the smallest haircut of the winning side. With g the gains and R the rest of the loss:
 *
 *   minimise t   subject to   Σ h = R,   h_i ≤ t g_i,   0 ≤ h_i ≤ g_i
 *
 * Σ h ≤ t Σ g, so t ≥ R / Σ g, and h_i = R g_i / Σ g reaches it: pro rata is optimal. The dual, maximise R y − Σ m_i g_i
 * subject to y ≤ l_i + m_i, Σ l_i g_i = 1, l, m ≥ 0, is reached by y = l_i = 1 / Σ g, m = 0, with the same value: that is
 * the certificate. In whole micros by largest remainder, ties to the lower account id: nobody pays a micro more than the
 * share, rounded up, nor more than the gain.
 */
export const allocateLoss = (inputs: LossInputs): Checked<LossAllocation> => {
  const refusal = inputsRefusal(inputs)
  if (refusal !== undefined) return refusal
  const { lossMicros, fundMicros, winners } = inputs
  const fundPaysMicros = Math.min(lossMicros, fundMicros, inputs.fundLimitMicros)
  const gains = winners.reduce((sum, { gainMicros }) => sum + BigInt(gainMicros), 0n)
  const rest = BigInt(lossMicros - fundPaysMicros)
  const shared = rest < gains ? rest : gains
  const haircuts = shareOut(shared, gains, winners)
  const value: readonly [string, string] = gains === 0n ? ['0', '1'] : [String(shared), String(gains)]
  return accepted({
    fundPaysMicros,
    haircuts,
    uncoveredMicros: Number(rest - shared),
    certificate: {
      primal: value,
      lossMultiplier: gains === 0n ? ['0', '1'] : ['1', String(gains)],
      dual: value,
    },
  })
}

const shareOut = (
  shared: bigint,
  gains: bigint,
  winners: readonly Winner[],
): readonly { readonly accountId: number; readonly haircutMicros: number }[] => {
  if (gains === 0n) return winners.map(({ accountId }) => ({ accountId, haircutMicros: 0 }))
  const parts = winners.map(({ accountId, gainMicros }) => {
    const product = shared * BigInt(gainMicros)
    return { accountId, whole: product / gains, remainder: product % gains }
  })
  let left = shared - parts.reduce((sum, { whole }) => sum + whole, 0n)
  const first = parts
    .toSorted((a, b) => (a.remainder === b.remainder ? a.accountId - b.accountId : a.remainder > b.remainder ? -1 : 1))
    .map(({ accountId }) => accountId)
  const more = new Set<number>()
  for (const accountId of first) {
    if (left === 0n) break
    more.add(accountId)
    left -= 1n
  }
  return parts.map(({ accountId, whole }) => ({
    accountId,
    haircutMicros: Number(whole) + (more.has(accountId) ? 1 : 0),
  }))
}

const inputsRefusal = ({
  lossMicros,
  fundMicros,
  fundLimitMicros: limit,
  winners,
}: LossInputs): Refused | undefined => {
  const refusal =
    integer('lossMicros', lossMicros, 0, Number.MAX_SAFE_INTEGER) ??
    integer('fundMicros', fundMicros, 0, Number.MAX_SAFE_INTEGER) ??
    integer('fundLimitMicros', limit, 0, Number.MAX_SAFE_INTEGER)
  if (refusal !== undefined) return refusal
  if (winners.length > mostWinners) return refused('too-many', 'winners')
  const seen = new Set<number>()
  for (const { accountId, gainMicros } of winners) {
    const unfit =
      integer(`winners/${accountId}/accountId`, accountId, 1, 2 ** 32 - 1) ??
      integer(`winners/${accountId}/gainMicros`, gainMicros, 0, Number.MAX_SAFE_INTEGER)
    if (unfit !== undefined) return unfit
    if (seen.has(accountId)) return refused('out-of-range', `winners/${accountId}`)
    seen.add(accountId)
  }
  return undefined
}

/**
 * Whether an allocation is what it claims, by arithmetic alone: feasible (all paid, nobody beyond the gain), its largest
 * share within a micro of the primal value, the dual's multipliers feasible, and both values equal, which proves that no
 * allocation does better. Answers what is wrong, in words; nothing where all holds.
 */
export const faultsOf = (inputs: LossInputs, allocation: LossAllocation): readonly string[] => {
  const faults: string[] = []
  const say = (holds: boolean, fault: string): void => {
    if (!holds) faults.push(fault)
  }
  const { certificate, haircuts } = allocation
  const gains = new Map(inputs.winners.map(({ accountId, gainMicros }) => [accountId, BigInt(gainMicros)]))
  const paid = haircuts.reduce((sum, { haircutMicros }) => sum + BigInt(haircutMicros), 0n)
  const [loss, fund, uncovered] = [inputs.lossMicros, allocation.fundPaysMicros, allocation.uncoveredMicros].map(BigInt)
  if (loss === undefined || fund === undefined || uncovered === undefined) return ['not whole numbers']
  say(fund + paid + uncovered === loss, 'what is paid is not the loss')
  say(
    allocation.fundPaysMicros === Math.min(inputs.lossMicros, inputs.fundMicros, inputs.fundLimitMicros),
    'the fund does not pay first',
  )
  say(haircuts.length === gains.size, 'not every winner is told of')
  const [top, bottom] = certificate.primal.map(BigInt)
  const [dualTop, dualBottom] = certificate.dual.map(BigInt)
  const [unit, sum] = certificate.lossMultiplier.map(BigInt)
  if (top === undefined || bottom === undefined || dualTop === undefined || dualBottom === undefined)
    return [...faults, 'no certificate']
  if (unit === undefined || sum === undefined || bottom <= 0n || dualBottom <= 0n || sum <= 0n || unit < 0n)
    return [...faults, 'no certificate']
  let total = 0n
  for (const { accountId, haircutMicros } of haircuts) {
    const gain = gains.get(accountId)
    if (gain === undefined) {
      faults.push(`account ${accountId} has won nothing`)
      continue
    }
    total += gain
    const haircut = BigInt(haircutMicros)
    say(haircut >= 0n && haircut <= gain, `account ${accountId} pays more than it won`)
    say((haircut - 1n) * bottom < gain * top || haircut === 0n, `account ${accountId} pays more than its share`)
  }
  say(uncovered === 0n || paid === total, 'something is uncovered while gains are left')
  // The dual: l_i = y for all i is feasible where y Σ g ≤ 1, and is worth R y.
  say(unit * total <= sum, 'the dual is not feasible')
  say(paid * unit * dualBottom === dualTop * sum, 'the dual has another value')
  say(top * dualBottom === dualTop * bottom, 'primal and dual differ: not proved optimal')
  return faults
}
