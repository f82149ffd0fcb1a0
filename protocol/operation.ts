import type * as z from 'zod'
import type { Permission } from './permissions.ts'
import type { ProblemCode } from './problems.ts'

/** One function, one grant list, one row of the dashboard each. */
export const contexts = [
  'trading',
  'reference',
  'ledger',
  'security',
  'market-making',
  'supervision',
  'indices',
  'pricing',
  'settlement',
  'risk',
  'sla',
  'day-ahead',
  'delivery',
  'partners',
  'capacity',
  'platform',
] as const
export type Context = (typeof contexts)[number]

/**
 * An HTTP operation, declared once. From its name follow the handler file `lambdas/<context>/<name>.ts`, the route, the
 * OpenAPI operationId, the metric dimension and the test's path; `test/tidy.test.ts` checks both directions.
 */
export interface Operation {
  readonly context: Context
  readonly name: string
  readonly method: 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE'
  readonly path: `/${string}`
  /** `public` routes carry no authorizer: they say nothing about any account. */
  readonly permission: Permission | 'public'
  readonly summary: string
  readonly description?: string
  readonly request: { readonly path?: z.ZodType; readonly query?: z.ZodType; readonly body?: z.ZodType }
  /**
   * Whether the request must be named (client_order_id in its body or the header Idempotency-Key), so as to be
   * repeatable; `none` where a repeat does no harm by itself.
   */
  readonly idempotency?: 'client_order_id' | 'header' | 'none'
  /** What a request takes of its credential's rate; by its method unless told. */
  readonly weight?: Weight
  /** May take from the reserve that other requests cannot touch: for what makes risk smaller. */
  readonly usesReserve?: true
  /**
   * `handler`: the handler itself waits for the rate limit (`request.admitted()`) before it stores anything, so that
   * its reads need not wait. Unless told, nothing begins before, except where nothing is stored at all (GET).
   */
  readonly admission?: 'handler'
  /**
   * Answer by status. A schema where it is JSON, a media type where it is not; with both it is JSON unless the request's
   * Accept asks for the other.
   */
  readonly responses: Readonly<
    Record<number, { readonly description: string; readonly schema?: z.ZodType; readonly mediaType?: string }>
  >
  /** Beyond those that every operation shares (unauthorized, forbidden, invalid-request…). */
  readonly rejections: readonly ProblemCode[]
}

/**
 * What a request takes of its credential's rate, in orders: a cancel next to nothing, a page of a list more than an
 * order, what makes work for everybody most.
 */
export type Weight = 0.1 | 1 | 2 | 5

const weightOfMethod: Readonly<Record<Operation['method'], Weight>> = { GET: 1, POST: 1, PATCH: 1, PUT: 1, DELETE: 1 }

/** Undefined: what is public belongs to no credential, and only the outer rings limit it. */
export const weightOf = ({ permission, weight, method }: Operation): Weight | undefined =>
  permission === 'public' ? undefined : (weight ?? weightOfMethod[method])

/**
 * Declares an operation: gives back what it is given with all of its literal types, so that a handler is held to this
 * very name, these schemas, statuses and rejections.
 */
export const operation = <const Declared extends Operation>(declared: Declared): Declared => declared
