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

/** How long a request may take, how often it is made again, and for how long nobody asks once it keeps failing. */
export interface Patience {
  readonly timeoutMillis: number
  readonly mostRetries: number
  readonly firstPauseMillis: number
  readonly openMillis: number
}

export interface OutsideService {
  /** As errors name it. */
  readonly name: string
  readonly url: string
  /** No more of it than an answer may have. */
  readonly mostBytes: number
  readonly patience: Patience
}

export interface OutsideRequest {
  readonly method: 'GET' | 'PUT' | 'DELETE'
  /** From the service's address on. */
  readonly path: string
  readonly body?: object
  /** Statuses that are answers. */
  readonly expected: readonly number[]
}

export interface OutsideAnswer {
  readonly status: number
  readonly text: string
}

const failuresToOpen = 5

/** It has understood and says no to the request as such: asked again it would say the same. */
class Refusal extends Error {
  override readonly name = 'Refusal'
}

/**
 * Somebody else's service, asked over HTTP as JSON: each request in its time, again where it fails, and not at all for a while once it keeps
 * failing. The breaker counts every attempt, and lives as long as its process: in a Lambda that is one execution environment, so after
 * a cold start the service is asked anew, and of several environments each finds out for itself. A no is an answer, not a failure.
 */
export const outsideService = ({ name, url, mostBytes, patience }: OutsideService) => {
  const { timeoutMillis, mostRetries, firstPauseMillis, openMillis } = patience
  const isFailure = (error: unknown): boolean => !(error instanceof Refusal)
  const attempts = wrap(
    // Nobody is to be asked while the circuit is open, and asking again would only take the time of others.
    retry(
      handleWhen(error => isFailure(error) && !isBrokenCircuitError(error)),
      { maxAttempts: mostRetries, backoff: new ExponentialBackoff({ initialDelay: firstPauseMillis }) },
    ),
    circuitBreaker(handleWhen(isFailure), {
      halfOpenAfter: openMillis,
      breaker: new ConsecutiveBreaker(failuresToOpen),
    }),
    timeout(timeoutMillis, TimeoutStrategy.Aggressive),
  )
  const base = url.replace(/\/+$/, '')
  const ask = async ({ method, path, body, expected }: OutsideRequest, signal: AbortSignal): Promise<OutsideAnswer> => {
    const response = await fetch(`${base}${path}`, {
      method,
      signal,
      redirect: 'error',
      headers: { accept: 'application/json', ...(body !== undefined && { 'content-type': 'application/json' }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    const text = await textOf(response)
    const { status } = response
    if (expected.includes(status)) return { status, text }
    if (status >= 400 && status < 500 && status !== 429) throw new Refusal(`${name} refuses: ${status}`)
    throw new Error(`${name} answers ${status}`)
  }
  const textOf = async ({ body }: Response): Promise<string> => {
    const chunks: Uint8Array[] = []
    let length = 0
    for await (const chunk of body ?? []) {
      length += chunk.byteLength
      if (length > mostBytes) throw new Error(`${name} answers more than ${mostBytes} bytes`)
      chunks.push(chunk)
    }
    return Buffer.concat(chunks).toString('utf8')
  }
  return {
    /** What `read` makes of the answer, which rejects where it can make nothing of it: then it is asked again. */
    ask: async <Read>(request: OutsideRequest, read: (answer: OutsideAnswer) => Read): Promise<Read> => {
      try {
        return await attempts.execute(async ({ signal }) => read(await ask(request, signal)))
      } catch (error) {
        if (!isBrokenCircuitError(error)) throw error
        throw new Error(`${name} keeps failing: the circuit breaker is open`, { cause: error })
      }
    },
  }
}
