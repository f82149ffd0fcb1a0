import type * as z from 'zod'
import type { Permission } from './permissions.ts'
import type { ProblemCode } from './problems.ts'

/** One function, one grant list, one row of the dashboard each. */
export const contexts = ['trading', 'reference', 'ledger', 'platform'] as const
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
  /** Whether the request must be named (client_order_id in its body or the header Idempotency-Key), so as to be repeatable. */
  readonly idempotency?: 'client_order_id' | 'header'
  /** Answer by status. A schema where it is JSON, a media type where it is not. */
  readonly responses: Readonly<
    Record<number, { readonly description: string; readonly schema?: z.ZodType; readonly mediaType?: string }>
  >
  /** Beyond those that every operation shares (unauthorized, forbidden, invalid-request…). */
  readonly rejections: readonly ProblemCode[]
}

/**
 * Declares an operation: gives back what it is given with all of its literal types, so that a handler is held to this
 * very name, these schemas, statuses and rejections.
 */
export const operation = <const Declared extends Operation>(declared: Declared): Declared => declared
