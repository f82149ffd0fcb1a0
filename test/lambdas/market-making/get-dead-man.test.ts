import { beforeEach, describe, expect, test } from '@jest/globals'
import { marketMakingOperations } from '#protocol/operations/market-making.ts'
import { requests } from '#test/support/http-requests.ts'
import { openQuotingFloor } from '#test/support/market-maker.ts'

const floor = openQuotingFloor()
const { handler } = await import('#lambdas/market-making/http.ts')
const send = requests(handler, marketMakingOperations)

beforeEach(() => floor.reset())

const seed = (more: object) =>
  floor.tables.seed('marketMakers', { account_number: '1#7', setting: 'dead-man', ...more })

describe('a dead-man timer', () => {
  test('is off before it was ever set', async () => {
    expect(await send('get-dead-man', {})).toMatchObject({ status: 200, body: { timeout_ms: 0, expires_at: null } })
  })

  test('tells when it expires, and when it fired', async () => {
    seed({ timeout_millis: 5_000, expires_at_millis: 1_800_000_000_000 })
    expect(await send('get-dead-man', {})).toMatchObject({
      body: { timeout_ms: 5_000, expires_at: '2027-01-15T08:00:00.000Z', last_fired_at: null, cancelled_orders: null },
    })
    seed({ timeout_millis: 0, expires_at_millis: 0, fired_at_millis: 1_800_000_000_000, cancelled_orders: 3 })
    expect(await send('get-dead-man', {})).toMatchObject({
      body: { timeout_ms: 0, expires_at: null, last_fired_at: '2027-01-15T08:00:00.000Z', cancelled_orders: 3 },
    })
  })
})
