/**
 * How often a credential may ask: a token bucket that is kept as time. All that is stored of a bucket is the instant
 * until which it is spent: taking tokens moves that instant ahead by what they cost, the passing of time fills the
 * bucket again, and nothing may move it further ahead than the bucket is deep. So a bucket is one number, and taking is
 * one addition with a bound, which any store can do at once for many.
 *
 * Whoever serves requests takes a portion at a time and spends it without asking: a lease. A lease is a stretch of the
 * bucket's time, and what of it the clock has passed is worth nothing any more, because the bucket has filled by just as
 * much. So at every instant what is in the bucket and all leases together are at most the bucket's depth, and in any
 * stretch of time at most burst + perSecond × seconds are admitted, however many serve.
 */
export interface RateLimit {
  readonly perSecond: number
  /** Depth of the bucket. */
  readonly burst: number
}

/** `reserved`: may also take from the reserve below the bucket's floor, which ordinary requests never touch. */
export type Priority = 'ordinary' | 'reserved'

export interface Lease {
  readonly priority: Priority
  readonly untilMicros: number
  /** Not spent yet. */
  readonly leftMicros: number
}

/** What one server of requests knows of a bucket and may spend of it. */
export interface Allowance {
  /** As the bucket last said; others may have moved it on. */
  readonly spentUntilMicros: number
  readonly leases: readonly Lease[]
}

export interface Cost {
  readonly costMicros: number
  readonly priority: Priority
}

export type Decision =
  | { readonly kind: 'admitted'; readonly allowance: Allowance }
  /** No lease covers it: what to take from the bucket, of which the cost is spent at once. */
  | { readonly kind: 'take'; readonly taking: Taking }
  | { readonly kind: 'refused'; readonly againAtMicros: number }

export interface Taking {
  readonly takeMicros: number
  readonly priority: Priority
  /** How far ahead the bucket may be spent once they are taken. */
  readonly depthMicros: number
}

const secondMicros = 1_000_000
/** The reserve is a tenth of the burst, below the bucket's floor. */
const reservePart = 10
/** A lease is a tenth of the bucket. */
const portionPart = 10
/** Whoever cancels cancels more. */
const reservedAtOnce = 10

export const emptyAllowance: Allowance = { spentUntilMicros: 0, leases: [] }

/** Rounded up, so that no rounding admits more than the limit. */
export const costMicros = ({ perSecond }: RateLimit, weight: number): number =>
  Math.ceil((weight * secondMicros) / perSecond)

export const depthMicros = ({ perSecond, burst }: RateLimit, priority: Priority): number =>
  Math.floor(((burst + (priority === 'reserved' ? burst / reservePart : 0)) * secondMicros) / perSecond)

const portionMicros = (limit: RateLimit): number => Math.floor(depthMicros(limit, 'ordinary') / portionPart)

/** What of the leases is still worth something. */
const leasesAt = (allowance: Allowance, nowMicros: number): readonly Lease[] =>
  allowance.leases.flatMap(lease => {
    const leftMicros = Math.min(lease.leftMicros, lease.untilMicros - nowMicros)
    return leftMicros > 0 ? [{ ...lease, leftMicros }] : []
  })

/** Ordinary requests spend ordinary leases, reserved ones any. */
const covers = (lease: Lease, priority: Priority): boolean => priority === 'reserved' || lease.priority === 'ordinary'

const leftMicros = (leases: readonly Lease[], priority: Priority): number =>
  leases.reduce((sum, lease) => sum + (covers(lease, priority) ? lease.leftMicros : 0), 0)

/** What may still be taken, as far as is known. */
const roomMicros = (limit: RateLimit, { spentUntilMicros }: Allowance, priority: Priority, nowMicros: number): number =>
  nowMicros + depthMicros(limit, priority) - Math.max(spentUntilMicros, nowMicros)

export const decide = (
  limit: RateLimit,
  allowance: Allowance,
  { costMicros, priority }: Cost,
  nowMicros: number,
): Decision => {
  const leases = leasesAt(allowance, nowMicros)
  if (leftMicros(leases, priority) >= costMicros)
    return { kind: 'admitted', allowance: { ...allowance, leases: spend(leases, { costMicros, priority }) } }
  const room = roomMicros(limit, allowance, priority, nowMicros)
  // The bucket is spent at least as far as it last said: to ask again before then is of no use.
  if (room < costMicros) return { kind: 'refused', againAtMicros: nowMicros + costMicros - room }
  const wanted = priority === 'reserved' ? costMicros * reservedAtOnce : costMicros + portionMicros(limit)
  return { kind: 'take', taking: takingOf(limit, priority, Math.min(wanted, room)) }
}

const takingOf = (limit: RateLimit, priority: Priority, takeMicros: number): Taking => ({
  takeMicros,
  priority,
  depthMicros: depthMicros(limit, priority),
})

/** What ends first is spent first. */
const spend = (leases: readonly Lease[], { costMicros, priority }: Cost): readonly Lease[] => {
  let due = costMicros
  return leases
    .toSorted((one, other) => one.untilMicros - other.untilMicros)
    .map(lease => {
      if (!covers(lease, priority)) return lease
      const spentMicros = Math.min(due, lease.leftMicros)
      due -= spentMicros
      return { ...lease, leftMicros: lease.leftMicros - spentMicros }
    })
}

/** What to take beside the requests, before the leases run out; nothing where there is enough, or hardly any left to take. */
export const renewal = (limit: RateLimit, allowance: Allowance, nowMicros: number): Taking | undefined => {
  const portion = portionMicros(limit)
  if (leftMicros(leasesAt(allowance, nowMicros), 'ordinary') * 2 >= portion) return undefined
  if (roomMicros(limit, allowance, 'ordinary', nowMicros) < portion) return undefined
  return takingOf(limit, 'ordinary', portion)
}

/** The bucket has given: what is not spent at once is a lease, the stretch of time up to where the bucket is spent now. */
export const withLease = (
  allowance: Allowance,
  { takeMicros, priority }: Taking,
  spentAtOnceMicros: number,
  spentUntilMicros: number,
  nowMicros: number,
): Allowance => ({
  spentUntilMicros,
  leases: [
    ...leasesAt(allowance, nowMicros),
    { priority, untilMicros: spentUntilMicros, leftMicros: takeMicros - spentAtOnceMicros },
  ],
})

/** The bucket has refused, and told how far it is spent: what it says last is believed, even where that is less. */
export const withBucket = (allowance: Allowance, spentUntilMicros: number): Allowance => ({
  ...allowance,
  spentUntilMicros,
})

/** For whoever asks: how many ordinary requests of weight 1 are left, and in how many seconds all of them are again. */
export const standing = (
  limit: RateLimit,
  allowance: Allowance,
  nowMicros: number,
): { readonly limit: number; readonly remaining: number; readonly resetSeconds: number } => {
  const left =
    roomMicros(limit, allowance, 'ordinary', nowMicros) + leftMicros(leasesAt(allowance, nowMicros), 'ordinary')
  const full = depthMicros(limit, 'ordinary')
  return {
    limit: limit.burst,
    remaining: Math.min(limit.burst, Math.max(0, Math.floor((left * limit.perSecond) / secondMicros))),
    resetSeconds: Math.max(0, Math.ceil((full - left) / secondMicros)),
  }
}
