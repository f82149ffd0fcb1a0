/** How far the reopening of a lane has come, in this order; the last two are ends. */
export const reopeningStates = ['verifying', 'halting', 'resuming', 'reopened', 'failed'] as const
export type ReopeningState = (typeof reopeningStates)[number]
