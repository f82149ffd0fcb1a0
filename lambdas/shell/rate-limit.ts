import { Logger } from '@aws-lambda-powertools/logger'
import type { MiddlewareObj } from '@middy/core'
import type { APIGatewayProxyEvent, APIGatewayProxyResult } from 'aws-lambda'
import { required } from '#adapters/environment.ts'
import { takeFromBucket } from '#adapters/tables/rate-limits.ts'
import {
  type Allowance,
  type Cost,
  costMicros,
  decide,
  emptyAllowance,
  type RateLimit,
  renewal,
  standing,
  type Taking,
  withBucket,
  withLease,
} from '#domain/compliance/rate-limit.ts'
import { type Operation, weightOf } from '#protocol/operation.ts'
import { type RateLimits, rateLimitHeaders, rateLimits, rateLimitsEnvironmentVariable } from '#protocol/rate-limits.ts'
import type { Principal } from './principal.ts'

/** A request's place in its credential's rate. */
export interface Admission {
  /** Whether to wait for `admitted` before anything begins. */
  readonly first: boolean
  /**
   * Whether the request may go on. Throws where the limit cannot be asked. `moreWeight` is what it turns out to take
   * beside its operation's own weight, once it is read.
   */
  admitted(moreWeight?: number): Promise<boolean>
  /** As told by 429, once `admitted` has said no. */
  refusal(): { readonly code: 'rate-limited'; readonly detail: string; readonly headers: Headers }
  /** All that was begun beside the request has ended. Never fails. */
  readonly ended: Promise<unknown>
}

type Headers = Readonly<Record<string, string>>

type Verdict =
  | { readonly kind: 'admitted' }
  | { readonly kind: 'refused'; readonly retryAfterSeconds: number }
  | { readonly kind: 'unknown'; readonly error: unknown }

interface Asking {
  readonly credential: string
  readonly limit: RateLimit
  readonly cost: Cost
}

const logger = new Logger()
const secondMicros = 1_000_000
/** Beyond that many credentials what is known of the one that was quiet longest is forgotten: its leases are lost, no more. */
const mostAllowances = 10_000
const mostAttempts = 5
/** While the table does not answer, requests that need no answer do not wait for it each time. */
const renewalPauseMicros = secondMicros

/** What this process may spend without asking, by credential. */
const allowances = new Map<string, Allowance>()
const renewing = new Set<string>()
let renewAgainAtMicros = 0

let limits: RateLimits | undefined
const limitsByRole = (): RateLimits => {
  limits ??= rateLimits.parse(JSON.parse(required(rateLimitsEnvironmentVariable)))
  return limits
}

const nowMicros = (): number => Date.now() * 1_000

const allowanceOf = (credential: string): Allowance => allowances.get(credential) ?? emptyAllowance

const remember = (credential: string, allowance: Allowance): void => {
  allowances.delete(credential)
  allowances.set(credential, allowance)
  if (allowances.size <= mostAllowances) return
  for (const quietest of allowances.keys()) {
    allowances.delete(quietest)
    return
  }
}

/** As a process that has just started. */
export const forgetAllowances = (): void => {
  allowances.clear()
  limits = undefined
  renewAgainAtMicros = 0
}

/**
 * Asks for the request's admission: out of what this process has leased, at once; else of the table, while the handler
 * reads what it needs. What is leased is renewed beside the requests, before it runs out.
 */
export const admissionOf = (
  event: APIGatewayProxyEvent,
  operation: Operation,
  { credential, role }: Principal,
): Admission => {
  const limit = limitsByRole()[role]
  const weight = weightOf(operation) ?? 0
  const priority = operation.usesReserve === true ? 'reserved' : 'ordinary'
  const asking: Asking = { credential, limit, cost: { costMicros: costMicros(limit, weight), priority } }
  asked.set(event, asking)

  let retryAfterSeconds = 1
  const told = (verdict: Verdict): boolean => {
    if (verdict.kind === 'refused') retryAfterSeconds = verdict.retryAfterSeconds
    if (verdict.kind !== 'unknown') return verdict.kind === 'admitted'
    if (priority !== 'reserved') throw verdict.error
    // What makes risk smaller is not held up by what counts it.
    logger.warn('the rate limit cannot be asked: admitted without', { credential, error: messageOf(verdict.error) })
    return true
  }
  const decided = decideNow(asking)
  const verdict = decided ?? askTable(asking)
  const renewed = decided?.kind === 'admitted' ? renew(asking) : undefined
  let outcome: Promise<boolean> | undefined
  let taken = weight
  const takeMore = async (moreWeight: number): Promise<boolean> => {
    taken += moreWeight
    const more = { ...asking, cost: { costMicros: costMicros(limit, moreWeight), priority } } satisfies Asking
    return told(decideNow(more) ?? (await askTable(more)))
  }
  return {
    // What is known costs no waiting; what may store before it asks has to wait.
    first: decided !== undefined || (operation.method !== 'GET' && operation.admission !== 'handler'),
    async admitted(moreWeight = 0) {
      outcome ??= Promise.resolve(verdict).then(told)
      if (moreWeight > 0) outcome = outcome.then(async isAdmitted => isAdmitted && takeMore(moreWeight))
      return outcome
    },
    refusal: () => ({
      code: 'rate-limited',
      detail: `It takes ${Math.round(taken * 10) / 10} of a rate of ${limit.perSecond} a second, ${limit.burst} at once.`,
      headers: { 'retry-after': String(retryAfterSeconds) },
    }),
    ended: Promise.all([verdict, renewed]),
  }
}

/** Undefined where the table has to be asked. */
const decideNow = ({ credential, limit, cost }: Asking): Exclude<Verdict, { kind: 'unknown' }> | undefined => {
  const now = nowMicros()
  const decision = decide(limit, allowanceOf(credential), cost, now)
  if (decision.kind === 'take') return undefined
  if (decision.kind === 'refused')
    return { kind: 'refused', retryAfterSeconds: Math.ceil((decision.againAtMicros - now) / secondMicros) }
  remember(credential, decision.allowance)
  return { kind: 'admitted' }
}

/** Each round knows better how much is left; others who take at the same time can make it a few. */
const askTable = async ({ credential, limit, cost }: Asking): Promise<Verdict> => {
  try {
    for (let attempt = 1; attempt <= mostAttempts; attempt++) {
      const decided = decideNow({ credential, limit, cost })
      if (decided !== undefined) return decided
      const decision = decide(limit, allowanceOf(credential), cost, nowMicros())
      if (decision.kind === 'take' && (await take(credential, decision.taking, cost.costMicros)))
        return { kind: 'admitted' }
    }
    return { kind: 'refused', retryAfterSeconds: 1 }
  } catch (error) {
    return { kind: 'unknown', error }
  }
}

const take = async (credential: string, taking: Taking, spentAtOnceMicros: number): Promise<boolean> => {
  const { taken, spentUntilMicros } = await takeFromBucket({
    ...taking,
    credential,
    nowMicros: nowMicros(),
    knownSpentUntilMicros: allowanceOf(credential).spentUntilMicros,
  })
  const known = allowanceOf(credential)
  remember(
    credential,
    taken
      ? withLease(known, taking, spentAtOnceMicros, spentUntilMicros, nowMicros())
      : withBucket(known, spentUntilMicros),
  )
  return taken
}

const renew = async ({ credential, limit }: Asking): Promise<void> => {
  const now = nowMicros()
  const taking = renewal(limit, allowanceOf(credential), now)
  if (taking === undefined || renewing.has(credential) || now < renewAgainAtMicros) return
  renewing.add(credential)
  try {
    await take(credential, taking, 0)
  } catch (error) {
    // Nobody waits for it: the next request that finds no lease asks by itself.
    renewAgainAtMicros = nowMicros() + renewalPauseMicros
    logger.warn('a rate limit could not be renewed', { credential, error: messageOf(error) })
  } finally {
    renewing.delete(credential)
  }
}

const messageOf = (error: unknown): string =>
  error instanceof Error ? `${error.name}: ${error.message}` : String(error)

const asked = new WeakMap<APIGatewayProxyEvent, Asking>()

/** Every answer to a credential says how it stands, whatever the answer is. */
const tell = ({
  event,
  response,
}: {
  event: APIGatewayProxyEvent
  response: APIGatewayProxyResult | null | undefined
}): void => {
  const asking = asked.get(event)
  if (asking === undefined || response === null || response === undefined) return
  const { limit, remaining, resetSeconds } = standing(asking.limit, allowanceOf(asking.credential), nowMicros())
  response.headers = {
    ...response.headers,
    [rateLimitHeaders.limit]: String(limit),
    [rateLimitHeaders.remaining]: String(remaining),
    [rateLimitHeaders.reset]: String(resetSeconds),
  }
}

/** Standing told on whatever is answered, errors too. */
export const rateLimitTold: MiddlewareObj<APIGatewayProxyEvent, APIGatewayProxyResult> = { after: tell, onError: tell }
