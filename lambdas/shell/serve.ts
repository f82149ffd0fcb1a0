import type { Context, Operation } from '#protocol/operation.ts'
import { door } from './door.ts'
import { type Handlers, type HttpHandler, serveThrough } from './http.ts'

/** The Lambda handler of a context's HTTP operations, behind the door: see `serveThrough`. */
export const serve = <const Operations extends readonly Operation[]>(
  context: Context,
  operations: Operations,
  handlers: Handlers<Operations>,
): HttpHandler => serveThrough(door, context, operations, handlers)
