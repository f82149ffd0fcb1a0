import {
  ConsecutiveBreaker,
  circuitBreaker,
  ExponentialBackoff,
  handleWhen,
  isBrokenCircuitError,
  retry,
  TimeoutStrategy,
  timeout,
  wrap,
} from 'cockatiel'
import * as z from 'zod'
import { oracleEnvironmentVariable } from '#protocol/oracle.ts'
import { once } from './transport.ts'

/** A quote as the oracle service tells it; whether it is one of the index is for others to say. */
const quote = z.object({ source: z.string().max(64), level: z.string().max(64), timestamp: z.iso.datetime() })
const answer = z.object({ quotes: z.array(quote).max(200) })
export type OracleQuote = z.infer<typeof quote>

const mostBytes = 256 * 1024
const failuresToOpen = 5

/** How long a request may take, how often it is made again, and for how long nobody asks once it keeps failing. */
export interface OraclePatience {
  readonly timeoutMillis: number
  readonly mostRetries: number
  readonly firstPauseMillis: number
  readonly openMillis: number
}

const patience: OraclePatience = { timeoutMillis: 2_000, mostRetries: 2, firstPauseMillis: 200, openMillis: 60_000 }

export interface Oracle {
  /** What the oracle's sources quote for an index. Rejects where it does not answer in time, or with something else. */
  quotesOf(index: string): Promise<readonly OracleQuote[]>
}

/**
 * The breaker counts every attempt for any index, and lives as long as its process: in a Lambda that is one execution
 * environment, so after a cold start the service is asked anew, and of several environments each finds out for itself.
 */
export const oracleAt = (url: string, given: OraclePatience = patience): Oracle => {
  const { timeoutMillis, mostRetries, firstPauseMillis, openMillis } = given
  const attempts = wrap(
    // Nobody is to be asked while the circuit is open, and asking again would only take the time of other indices.
    retry(
      handleWhen(error => !isBrokenCircuitError(error) && !(error instanceof OracleRefusal)),
      { maxAttempts: mostRetries, backoff: new ExponentialBackoff({ initialDelay: firstPauseMillis }) },
    ),
    circuitBreaker(
      handleWhen(error => !(error instanceof OracleRefusal)),
      { halfOpenAfter: openMillis, breaker: new ConsecutiveBreaker(failuresToOpen) },
    ),
    timeout(timeoutMillis, TimeoutStrategy.Aggressive),
  )
  return {
    quotesOf: index =>
      attempts.execute(async ({ signal }) => {
        const address = `${url.replace(/\/+$/, '')}/quotes?index=${encodeURIComponent(index)}`
        const response = await fetch(address, { signal, redirect: 'error', headers: { accept: 'application/json' } })
        const text = await textOf(response)
        if (response.status >= 400 && response.status < 500 && response.status !== 429)
          throw new OracleRefusal(`the oracle service refuses: ${response.status}`)
        if (!response.ok) throw new Error(`the oracle service answers ${response.status}`)
        return answer.parse(JSON.parse(text)).quotes
      }),
  }
}

/** It has understood and says no: asked again it would say the same. */
class OracleRefusal extends Error {
  override readonly name = 'OracleRefusal'
}

/** No more of it than an answer may have. */
const textOf = async ({ body }: Response): Promise<string> => {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of body ?? []) {
    length += chunk.byteLength
    if (length > mostBytes) throw new Error(`the oracle service answers more than ${mostBytes} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** The tenant's oracle service; undefined where it has none. */
export const oracle = once((): Oracle | undefined => {
  const url = process.env[oracleEnvironmentVariable]
  return url === undefined || url === '' ? undefined : oracleAt(url)
})
