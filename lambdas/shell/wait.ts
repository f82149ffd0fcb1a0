import { setTimeout as sleep } from 'node:timers/promises'

/** RFC 7240 `Prefer: wait=N`: how long the caller would rather wait for the outcome than be told "accepted". */
export interface Wait {
  /** On the monotonic clock (`performance.now()`), which no change of the wall clock moves. */
  readonly untilMillis: number
  /** What the answer carries to say that the preference was followed. */
  readonly headers: { readonly 'preference-applied': string }
}

const mostSeconds = 10

/** Undefined where no (readable) wait is asked for: a preference that is not understood is ignored. */
export const preferWait = (headers: Readonly<Record<string, string | undefined>>): Wait | undefined => {
  for (const preference of (headers['prefer'] ?? '').split(',')) {
    const [name = '', value = ''] = preference.split(';', 1).join('').split('=', 2)
    if (name.trim().toLowerCase() !== 'wait') continue
    // The first mention of a preference counts.
    const [, digits] = /^"?([0-9]{1,9})"?$/.exec(value.trim()) ?? []
    if (digits === undefined) return undefined
    const seconds = Math.min(Number(digits), mostSeconds)
    if (seconds === 0) return undefined
    return {
      untilMillis: performance.now() + seconds * 1_000,
      headers: { 'preference-applied': `wait=${seconds}` },
    }
  }
  return undefined
}

const firstPauseMillis = 15
const longestPauseMillis = 100

/** Reads again and again, less and less often, until there is a value or the time is up. Pauses before the first read. */
export const pollUntil = async <Value>(
  read: () => Promise<Value | undefined>,
  untilMillis: number,
): Promise<Value | undefined> => {
  for (let pauseMillis = firstPauseMillis; ; pauseMillis = Math.min(pauseMillis * 1.5, longestPauseMillis)) {
    const leftMillis = untilMillis - performance.now()
    await sleep(Math.max(0, Math.min(pauseMillis, leftMillis)))
    const value = await read()
    if (value !== undefined || performance.now() >= untilMillis) return value
  }
}
