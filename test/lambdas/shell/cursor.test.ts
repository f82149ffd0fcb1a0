import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import * as z from 'zod'
import { cursorScope, decodeCursor, encodeCursor } from '#lambdas/shell/cursor.ts'

const scope = cursorScope('list-orders', 'acme', { direction: 'buy', label: undefined }, { lane: 1 })
const key = z.string().regex(/^k[0-9]+$/)

describe('cursor', () => {
  test('comes back as the key that it was made of', () => {
    expect(decodeCursor(scope, encodeCursor(scope, 'k17'), key)).toBe('k17')
    const pair = z.tuple([z.string(), z.number()])
    expect(decodeCursor(scope, encodeCursor(scope, ['ü', 2]), pair)).toEqual(['ü', 2])
  })

  test('of another operation or account is none of ours', () => {
    const cursor = encodeCursor(scope, 'k17')
    expect(decodeCursor({ ...scope, operation: 'list-trades' }, cursor, key)).toBeUndefined()
    expect(decodeCursor({ ...scope, account: 'other' }, cursor, key)).toBeUndefined()
  })

  test('of another path or filter is none of ours; how many are asked for does not matter', () => {
    const cursor = encodeCursor(scope, 'k17')
    const asked = (query: Readonly<Record<string, unknown>>, path: Readonly<Record<string, unknown>> = { lane: 1 }) =>
      decodeCursor(cursorScope('list-orders', 'acme', query, path), cursor, key)
    expect(asked({ limit: 7, cursor, label: undefined, direction: 'buy' })).toBe('k17')
    expect(asked({ direction: 'sell' })).toBeUndefined()
    expect(asked({})).toBeUndefined()
    expect(asked({ direction: 'buy', label: 'x' })).toBeUndefined()
    expect(asked({ direction: 'buy' }, { lane: 2 })).toBeUndefined()
  })

  test('with one character changed is none of ours', () => {
    const cursor = encodeCursor(scope, 'k17')
    for (let at = 0; at < cursor.length; at++) {
      const other = cursor[at] === 'A' ? 'B' : 'A'
      expect(decodeCursor(scope, cursor.slice(0, at) + other + cursor.slice(at + 1), key)).toBeUndefined()
    }
    expect(decodeCursor(scope, `${cursor}=`, key)).toBeUndefined()
    expect(decodeCursor(scope, ` ${cursor}`, key)).toBeUndefined()
  })

  test('with a key that is none is none of ours', () => {
    expect(decodeCursor(scope, encodeCursor(scope, { account_id: 7 }), key)).toBeUndefined()
  })

  test('made up is none of ours, and never throws', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.base64String(),
          fc.json().map(text => Buffer.from(text).toString('base64url')),
        ),
        text => {
          expect(decodeCursor(scope, text, key)).toBeUndefined()
        },
      ),
      { numRuns: 500 },
    )
  })
})
