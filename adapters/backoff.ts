import { setTimeout as sleep } from 'node:timers/promises'
import { TransactionCanceledException } from '@aws-sdk/client-dynamodb'

export interface Backoff {
  readonly mostAttempts: number
  readonly firstPauseMillis: number
  readonly longestPauseMillis?: number
}

/** After so many attempts: twice as long each time, and never in step with others. */
export const pauseAfter = (attempts: number, { firstPauseMillis, longestPauseMillis }: Omit<Backoff, 'mostAttempts'>) =>
  sleep(
    Math.min(longestPauseMillis ?? Number.POSITIVE_INFINITY, firstPauseMillis * 2 ** (attempts - 1)) *
      (0.5 + Math.random()),
  )

const passing: ReadonlySet<string> = new Set([
  'TransactionConflict',
  'ThrottlingError',
  'ProvisionedThroughputExceeded',
])

/**
 * What became of each write of a transaction that was not done since a condition of one did not hold; undefined: it was done. What else
 * cancels it (a conflict with another one, throttling) is tried again, and thrown in the end.
 */
export const failedConditions = async (
  send: () => Promise<unknown>,
  backoff: Backoff,
): Promise<readonly boolean[] | undefined> => {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await send()
      return undefined
    } catch (error) {
      if (!(error instanceof TransactionCanceledException)) throw error
      const codes = (error.CancellationReasons ?? []).map(({ Code }) => Code ?? 'None')
      if (codes.includes('ConditionalCheckFailed')) return codes.map(code => code === 'ConditionalCheckFailed')
      if (attempt >= backoff.mostAttempts || !codes.some(code => passing.has(code))) throw error
      await pauseAfter(attempt, backoff)
    }
  }
}
