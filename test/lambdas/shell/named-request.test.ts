import { expect, test } from '@jest/globals'
import { bodyHash, namedRequest } from '#lambdas/shell/named-request.ts'

test('the hash knows what is asked, not how it is spelled', () => {
  expect(bodyHash({ a: '1', b: { c: [1, 2], d: null } })).toBe(bodyHash({ b: { d: null, c: [1, 2] }, a: '1' }))
  const hashes = [{ a: '1' }, { a: 1 }, { a: '1', b: null }, { b: '1' }, { a: ['1'] }, ['1'], null].map(bodyHash)
  expect(new Set(hashes).size).toBe(hashes.length)
  expect(bodyHash({})).toMatch(/^[0-9a-f]{64}$/)
})

test('a promise is dated and ends', () => {
  const row = namedRequest({
    principal: 'acme',
    requestName: 'place-order#1',
    commandId: 'c',
    operation: 'place-order',
    bodyHash: 'h',
    lane: 1,
    requestJson: '{}',
  })
  expect(Math.abs(row.createdAtMillis - Date.now())).toBeLessThan(5_000)
  expect(row.expiresAtSeconds).toBe(Math.floor(row.createdAtMillis / 1_000) + 30 * 24 * 60 * 60)
})
