/**
 * One obligation to deliver, from its pairing to its end. Its lots are split into parts as some are provisioned and others
 * are not; at any time the parts' lots add up to those of the obligation, and at its end each is either settled or paid in cash.
 */
export const deliveryStates = [
  'matched',
  'nominated',
  'reserved',
  'provisioning',
  'failed',
  'delivered',
  'metered',
  'settled',
  'cash_settled',
  'split',
] as const
export type DeliveryState = (typeof deliveryStates)[number]

/** `split`: some of its parts were settled, others were paid in cash. */
export const deliveryEnds: ReadonlySet<DeliveryState> = new Set<DeliveryState>(['settled', 'cash_settled', 'split'])

export const partStates = ['open', 'provisioned', 'delivered', 'undelivered', 'settled', 'cash_settled'] as const
export type PartState = (typeof partStates)[number]

export interface DeliveryPart {
  /** From 1 on, dense. */
  readonly part: number
  readonly lots: number
  /** `open`: still to be provisioned, of which there is one at most; `delivered` and `undelivered` are to be paid. */
  readonly state: PartState
  /** The one that provisioned it; 0: none did. */
  readonly attempt: number
}

/** What may still be reserved or provisioned for an attempt, until the provisioning service has said that nothing is. */
export interface DeliveryClaim {
  readonly attempt: number
  readonly isReleased: boolean
}

/** What is bought of partners for what could not be provisioned. */
export const buyInStates = ['buying', 'bought', 'failed'] as const
export type BuyInState = (typeof buyInStates)[number]

/** All that decides what happens next. */
export interface DeliveryProgress {
  readonly state: DeliveryState
  /** Counts how often provisioning was begun, from 1; 0 before. */
  readonly attempt: number
  readonly parts: readonly DeliveryPart[]
  readonly claims: readonly DeliveryClaim[]
}

/** A renewed attempt must not go on for ever: after so many the rest is bought in, or paid in cash. */
export const mostDeliveryAttempts = 3

export type DeliveryStep = 'nominate' | 'reserve' | 'provision' | 'cure' | 'meter' | 'post' | 'release' | 'end'

/**
 * A pure function of what is stored, and of whether the period is over: an execution that begins anew goes on where the last one was.
 * Nobody is nominated for a period that is over.
 */
export const nextDeliveryStep = ({ state, parts, claims }: DeliveryProgress, isOver: boolean): DeliveryStep => {
  if (parts.some(part => part.state === 'open'))
    switch (state) {
      case 'matched':
        return isOver ? 'cure' : 'nominate'
      case 'nominated':
        return 'reserve'
      case 'reserved':
      case 'provisioning':
        return 'provision'
      default:
        return 'cure'
    }
  if (parts.some(part => part.state === 'provisioned')) return 'meter'
  if (parts.some(part => part.state === 'delivered' || part.state === 'undelivered')) return 'post'
  return claims.some(({ isReleased }) => !isReleased) ? 'release' : 'end'
}

export const lotsIn = (parts: readonly DeliveryPart[], state: PartState): number =>
  parts.reduce((sum, part) => sum + (part.state === state ? part.lots : 0), 0)

/** The attempts whose resources nobody needs any more: not those by which anything was provisioned that is not metered yet. */
export const releasableAttempts = ({ parts, claims }: Pick<DeliveryProgress, 'parts' | 'claims'>): readonly number[] =>
  claims.flatMap(({ attempt, isReleased }) =>
    isReleased || parts.some(part => part.attempt === attempt && part.state === 'provisioned') ? [] : [attempt],
  )

/** So many lots of the open part were provisioned, at most all of it; the rest of it stays open. */
export const provisionedParts = (
  parts: readonly DeliveryPart[],
  attempt: number,
  lots: number,
): readonly DeliveryPart[] => split(parts, 'open', lots, part => ({ ...part, state: 'provisioned', attempt }))

/** So many of the provisioned lots were there for all of the period; the others were not delivered. */
export const meteredParts = (parts: readonly DeliveryPart[], lots: number): readonly DeliveryPart[] =>
  split(parts, 'provisioned', lots, part => ({ ...part, state: 'delivered' })).map(part =>
    part.state === 'provisioned' ? { ...part, state: 'undelivered' } : part,
  )

/** Nobody is asked to provision what is still open. */
export const partsGivenUp = (parts: readonly DeliveryPart[]): readonly DeliveryPart[] =>
  parts.map(part => (part.state === 'open' ? { ...part, state: 'undelivered' } : part))

/** Once it is paid. */
export const paidPart = (parts: readonly DeliveryPart[], number: number): readonly DeliveryPart[] =>
  parts.map(part =>
    part.part === number ? { ...part, state: part.state === 'delivered' ? 'settled' : 'cash_settled' } : part,
  )

/** How it has ended; undefined while any part is not paid. */
export const deliveryEnd = (parts: readonly DeliveryPart[]): DeliveryState | undefined => {
  const states = new Set(parts.map(({ state }) => state))
  if ([...states].some(state => state !== 'settled' && state !== 'cash_settled')) return undefined
  if (states.size > 1) return 'split'
  return states.has('settled') ? 'settled' : 'cash_settled'
}

/** Changes the first so many lots of the parts in that state, of which the last may have to be cut in two. */
const split = (
  parts: readonly DeliveryPart[],
  state: PartState,
  lots: number,
  change: (part: DeliveryPart) => DeliveryPart,
): readonly DeliveryPart[] => {
  if (lots < 0 || lots > lotsIn(parts, state))
    throw new RangeError(`${lots} lots of ${lotsIn(parts, state)} that are ${state}`)
  let left = lots
  const cut: DeliveryPart[] = []
  const changed = parts.map(part => {
    if (part.state !== state || left === 0) return part
    const taken = Math.min(left, part.lots)
    left -= taken
    if (taken < part.lots) cut.push({ ...part, part: parts.length + 1, lots: part.lots - taken })
    return change({ ...part, lots: taken })
  })
  return [...changed, ...cut]
}

export interface UndeliveredLots {
  readonly lots: number
  /** Of the contract, and what the same was worth elsewhere when it was missing. */
  readonly priceTicks: number
  readonly imbalanceTicks: number
  /** Of the invoice. */
  readonly penaltyPpm: number
  readonly microsPerTickLot: number
}

/** No seller owes more, in invoices of what was not delivered; the engine takes no more either. */
const mostInvoicesOwed = 10n

/**
 * What a seller pays for what it did not deliver, in micros: max(0, P_imbalance − P_contract) for each lot, and the penalty,
 * rounded down to the micro; never more than ten times what the buyer would have paid.
 */
export const undeliveredMicros = (undelivered: UndeliveredLots): number => {
  const { lots, priceTicks, imbalanceTicks, penaltyPpm, microsPerTickLot } = undelivered
  const worth = (ticks: number): bigint => BigInt(ticks) * BigInt(lots) * BigInt(microsPerTickLot)
  const invoice = worth(priceTicks)
  const owed = worth(Math.max(0, imbalanceTicks - priceTicks)) + (invoice * BigInt(penaltyPpm)) / 1_000_000n
  const most = invoice * mostInvoicesOwed
  return Number(owed < most ? owed : most)
}

/**
 * What a seller may be made to pay for somebody else's capacity: what it is paid where it is delivered, and what it would owe
 * where it is not. So a buy-in never costs it more than cash settlement.
 */
export const mostBuyInMicros = (undelivered: UndeliveredLots): number =>
  undelivered.lots * undelivered.priceTicks * undelivered.microsPerTickLot + undeliveredMicros(undelivered)

interface BoughtLots {
  readonly lots: number
  readonly costMicros: number
  /** Of which so many are for these lots. */
  readonly purchasedUnits: number
  readonly units: number
}

/** At what price that was, rounded down to a tick. */
export const boughtInTicks = (
  { lots, costMicros, purchasedUnits, units }: BoughtLots,
  microsPerTickLot: number,
): number =>
  Number((BigInt(costMicros) * BigInt(units)) / (BigInt(purchasedUnits) * BigInt(lots) * BigInt(microsPerTickLot)))
