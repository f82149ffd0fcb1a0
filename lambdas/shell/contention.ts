import { pauseAfter } from '#adapters/backoff.ts'

/** How often a change is tried that is lost to others who change the same thing at the same moment. */
export const mostAttempts = 12

/** Between two attempts: those that have lost together must not come back together. */
export const afterLoss = (attempts: number): Promise<void> =>
  pauseAfter(attempts, { firstPauseMillis: 5, longestPauseMillis: 200 })

/** Every attempt was lost. The stores have answered: it is no failure of theirs. */
export const concurrentChange = { code: 'concurrent-change' } as const
