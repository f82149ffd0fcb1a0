const pauseMillis = 60_000

type Fetch = (uri: string) => Promise<ArrayBuffer>

/**
 * An issuer's keys are fetched when a token names one that is not known yet; whoever makes up names of keys must not make
 * us fetch for each. Once they are there, they are fetched again at most once a minute.
 */
export const limitFetches = (fetch: Fetch): Fetch => {
  const fetchedAtMillis = new Map<string, number>()
  return async uri => {
    const nowMillis = performance.now()
    const before = fetchedAtMillis.get(uri)
    if (before !== undefined && nowMillis - before < pauseMillis)
      throw new Error(`the keys at ${uri} were fetched less than a minute ago`)
    if (before !== undefined) fetchedAtMillis.set(uri, nowMillis)
    const keys = await fetch(uri)
    fetchedAtMillis.set(uri, nowMillis)
    return keys
  }
}
