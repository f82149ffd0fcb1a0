import * as z from 'zod'
import { roles } from './permissions.ts'

/** Of a role's credentials, each for itself. */
const rateLimit = z.strictObject({
  perSecond: z.int().min(1).max(100_000),
  /** Deep enough for the heaviest operation. */
  burst: z.int().min(10).max(1_000_000),
})

/** Every role has one: a credential without a limit there is not. */
export const rateLimits = z.record(z.enum(roles), rateLimit)
export type RateLimits = z.infer<typeof rateLimits>

/** JSON of the tenant's `RateLimits`, for every function that answers credentials. */
export const rateLimitsEnvironmentVariable = 'RATE_LIMITS'

/** draft-ietf-httpapi-ratelimit-headers, 03 to 06: on every answer to a credential. */
export const rateLimitHeaders = {
  limit: 'ratelimit-limit',
  remaining: 'ratelimit-remaining',
  reset: 'ratelimit-reset',
} as const
