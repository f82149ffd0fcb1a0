/** Real time, for what people wait on: polling and backing off. Ends at once, and quietly, when the signal is given. */
export function pause(millis: number, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    const end = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, millis)
    signal.addEventListener('abort', end)
    if (signal.aborted) end()
  })
}

const firstBackoffMillis = 100
const longestBackoffMillis = 5_000

/** AWS backs off up to minutes; a person at a laptop should see the next attempt soon. */
export function backoffMillis(failures: number): number {
  return Math.min(longestBackoffMillis, firstBackoffMillis * 2 ** Math.max(0, failures - 1))
}

/** What is under way at the end may finish for so long. */
const stopPatienceMillis = 5_000

export async function finishing(background: Iterable<Promise<unknown>>): Promise<void> {
  const done = new AbortController()
  await Promise.race([Promise.allSettled(background), pause(stopPatienceMillis, done.signal)])
  done.abort()
}
