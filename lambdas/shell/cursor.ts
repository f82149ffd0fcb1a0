import { createHash } from 'node:crypto'
import type * as z from 'zod'

/**
 * Where a page ended, as text that only makes sense to the list and the account that it was made for: another path or
 * filter is another list. The tag is no secret: a cursor never reaches beyond its account, and its key is checked by schema before a table sees it. It
 * tells altered, foreign and made-up cursors at once, so that each is `invalid-cursor` and none an error of ours.
 */
export interface CursorScope {
  readonly operation: string
  readonly account: string
  /** Path and query by name, in its order. */
  readonly asked: readonly (readonly [name: string, value: unknown])[]
}

/** How many and where to go on is about the page, not about the list. */
export const cursorScope = (
  operation: string,
  account: string,
  { limit: _, cursor: __, ...filters }: Readonly<Record<string, unknown>>,
  path: Readonly<Record<string, unknown>> = {},
): CursorScope => ({
  operation,
  account,
  asked: Object.entries({ ...filters, ...path })
    .filter(([, value]) => value !== undefined)
    .sort(([one], [other]) => (one < other ? -1 : 1)),
})

const version = 2

const tagOf = (scope: CursorScope, key: string): string =>
  createHash('sha256')
    .update(JSON.stringify([version, scope.operation, scope.account, scope.asked, key]))
    .digest('base64url')
    .slice(0, 16)

export const encodeCursor = (scope: CursorScope, key: unknown): string => {
  const text = JSON.stringify(key)
  return Buffer.from(JSON.stringify([version, tagOf(scope, text), text])).toString('base64url')
}

/** The key, or undefined where the cursor is not one of ours. */
export const decodeCursor = <Key extends z.ZodType>(
  scope: CursorScope,
  cursor: string,
  key: Key,
): z.infer<Key> | undefined => {
  const bytes = Buffer.from(cursor, 'base64url')
  // Node skips what is no base64url: only the one spelling of the bytes is ours.
  if (bytes.toString('base64url') !== cursor) return undefined
  const parts = jsonOf(bytes.toString())
  if (!Array.isArray(parts) || parts.length !== 3) return undefined
  const [version_, tag, text]: readonly unknown[] = parts
  if (version_ !== version || typeof text !== 'string' || tag !== tagOf(scope, text)) return undefined
  const parsed = key.safeParse(jsonOf(text))
  return parsed.success ? parsed.data : undefined
}

const jsonOf = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}
