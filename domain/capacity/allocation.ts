/** What a request for capacity goes through. docs/decisions/0017-capacity.md has the table in words. */
export const allocationStates = [
  'requested',
  'planned',
  'bidding',
  'reserved',
  'active',
  'completed',
  'unmet',
  'cancelled',
  'preempted',
] as const
export type AllocationState = (typeof allocationStates)[number]

const next: Readonly<Record<AllocationState, readonly AllocationState[]>> = {
  /** Waits for a plan, or for the next one. */
  requested: ['planned', 'unmet', 'cancelled'],
  /** A plan has found units for it, which are being booked: all of them, or it waits again. */
  planned: ['bidding', 'reserved', 'requested', 'unmet'],
  /** A bid of a day-ahead auction is placed for it: it is awarded, or the request waits again. */
  bidding: ['reserved', 'requested', 'cancelled'],
  /** Promised: nobody but who asked for it, or who takes back what was asked for as preemptible, ends it. */
  reserved: ['active', 'cancelled', 'preempted'],
  active: ['completed', 'cancelled', 'preempted'],
  completed: [],
  /** A plan could not serve it; the next one tries again while it may still begin in time. */
  unmet: ['planned', 'cancelled'],
  cancelled: [],
  preempted: [],
}

export const mayBecome = (from: AllocationState, to: AllocationState): boolean => next[from].includes(to)

/** Which plans may still serve, as far as it has not become too late for them. */
export const isOpen = (state: AllocationState): boolean => state === 'requested' || state === 'unmet'

/** Which hold units. */
export const isBooked = (state: AllocationState): boolean => state === 'reserved' || state === 'active'
