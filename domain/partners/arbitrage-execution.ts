/** What has become of an order leg: it is filled whole or not at all. */
export interface OrderResult {
  readonly leg: 'buy' | 'sell'
  readonly isFilled: boolean
  readonly filledLots: number
  readonly filledTickLots: number
}

/** Lots that were traded back, of how many, in one try. */
export interface UnwindResult {
  readonly leg: 'buy' | 'sell'
  readonly lots: number
  readonly tickLots: number
}

export interface ExecutionProgress {
  readonly purchase: 'none' | 'reserved' | 'refused' | 'captured' | 'released'
  readonly captureRefused: boolean
  readonly orders: readonly OrderResult[]
  readonly unwinds: readonly UnwindResult[]
}

export const noProgress: ExecutionProgress = { purchase: 'none', captureRefused: false, orders: [], unwinds: [] }

export interface ExecutionPlan {
  readonly hasPurchase: boolean
  /** The legs that are orders, in the order in which they go out. */
  readonly orders: readonly ('buy' | 'sell')[]
}

/** So often a leg is traded back; what then is left is a residual. */
export const mostUnwinds = 3

/** Filled lots of a leg that are not traded back, where the other failed. */
export const openLots = ({ orders, unwinds }: ExecutionProgress, leg: 'buy' | 'sell'): number =>
  orders.filter(each => each.leg === leg).reduce((sum, { filledLots }) => sum + filledLots, 0) -
  unwinds.filter(each => each.leg === leg).reduce((sum, { lots }) => sum + lots, 0)

const triesOf = ({ unwinds }: ExecutionProgress, leg: 'buy' | 'sell'): number =>
  unwinds.filter(each => each.leg === leg).length

const hasFailed = ({ purchase, captureRefused, orders }: ExecutionProgress): boolean =>
  purchase === 'refused' || captureRefused || orders.some(({ isFilled }) => !isFilled)

export type NextExecutionStep =
  | { readonly kind: 'reserve' | 'capture' | 'release' | 'end' }
  | { readonly kind: 'order' | 'unwind'; readonly leg: 'buy' | 'sell' }

/**
 * Capacity is reserved and its money held before any order goes out; orders fill whole or not at all, one after the other;
 * capacity is paid for only once all are filled. Where one leg fails, what was filled is traded back, then what was
 * reserved is released: both legs, or none.
 */
export const nextExecutionStep = (plan: ExecutionPlan, progress: ExecutionProgress): NextExecutionStep => {
  const { purchase, orders } = progress
  if (plan.hasPurchase && purchase === 'none') return { kind: 'reserve' }
  if (hasFailed(progress)) {
    const leg = plan.orders.find(each => openLots(progress, each) > 0 && triesOf(progress, each) < mostUnwinds)
    if (leg !== undefined) return { kind: 'unwind', leg }
    return purchase === 'reserved' ? { kind: 'release' } : { kind: 'end' }
  }
  const leg = plan.orders[orders.length]
  if (leg !== undefined) return { kind: 'order', leg }
  return purchase === 'reserved' ? { kind: 'capture' } : { kind: 'end' }
}

/** How it has ended, once its next step is its end. */
export const endOfExecution = (
  plan: ExecutionPlan,
  progress: ExecutionProgress,
): 'completed' | 'missed' | 'unwound' | 'residual' => {
  if (!hasFailed(progress)) return 'completed'
  if (progress.orders.every(({ filledLots }) => filledLots === 0)) return 'missed'
  return plan.orders.some(leg => openLots(progress, leg) > 0) ? 'residual' : 'unwound'
}

/**
 * The limit at which filled lots are traded back: the average of what they were filled at, worse by the slippage, in whole
 * ticks from 1 to the highest; rounded against the account, so that the limit is never nearer than was said.
 */
export const unwindLimitTicks = (
  { leg, filledLots, filledTickLots }: OrderResult,
  slippagePpm: number,
  maxTicks: number,
): number => {
  const million = 1_000_000n
  const lots = BigInt(filledLots) * million
  const ticks =
    leg === 'buy'
      ? (BigInt(filledTickLots) * (million - BigInt(slippagePpm))) / lots
      : (BigInt(filledTickLots) * (million + BigInt(slippagePpm)) + lots - 1n) / lots
  return Math.min(maxTicks, Math.max(1, Number(ticks)))
}

/**
 * What trading a leg back cost, in ticks times lots: what was paid less what came in, over the lots that were traded back;
 * negative where the price came its way. Lots that are left are no loss yet.
 */
export const unwindLossTickLots = ({ orders, unwinds }: ExecutionProgress, leg: 'buy' | 'sell'): number => {
  const filled = orders.find(each => each.leg === leg)
  const back = unwinds.filter(each => each.leg === leg)
  const lots = back.reduce((sum, each) => sum + each.lots, 0)
  if (filled === undefined || lots === 0) return 0
  const came = back.reduce((sum, each) => sum + each.tickLots, 0)
  const went = Number((BigInt(filled.filledTickLots) * BigInt(lots)) / BigInt(filled.filledLots))
  return leg === 'buy' ? went - came : came - went
}
