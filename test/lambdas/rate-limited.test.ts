import { beforeEach, expect, jest, test } from '@jest/globals'
import { weightOf } from '#protocol/operation.ts'
import { operations } from '#protocol/operations/registry.ts'

/** Every operation, to a credential that has used up its rate and its reserve. */

const spentUntilMicros = () => (Date.now() + 30_000) * 1_000
const takeFromBucket = jest.fn(async () => ({ taken: false, spentUntilMicros: spentUntilMicros() }))
jest.unstable_mockModule('#adapters/tables/rate-limits.ts', () => ({ takeFromBucket }))
const { openWholeApi } = await import('#test/support/whole-api.ts')
const { validRequest } = await import('#test/support/hostile-requests.ts')
const { forgetAllowances } = await import('#lambdas/shell/rate-limit.ts')

const api = openWholeApi()
const limited = operations.filter(operation => weightOf(operation) !== undefined)

beforeEach(() => {
  api.reset()
  forgetAllowances()
  takeFromBucket.mockClear()
})

test('there are such operations', () => {
  expect(limited.length).toBeGreaterThan(12)
})

test.each(limited.map(operation => [operation.name, operation] as const))(
  '%s is refused, and stores nothing',
  async (_, operation) => {
    const request = validRequest(operation, api.knownTo(operation))
    const found = await api.send(operation, request)
    const known = await api.send(operation, request)
    for (const { status, body, headers } of [found, known]) {
      expect([status, body['code'], body['retry']]).toEqual([429, 'rate-limited', true])
      expect(Number(headers['retry-after'])).toBeGreaterThanOrEqual(1)
      expect(headers['ratelimit-remaining']).toBe('0')
    }
    expect(api.traces()).toEqual([])
    // What is known to be spent is not asked again.
    expect(takeFromBucket).toHaveBeenCalledTimes(1)
  },
)
