import { beforeEach, describe, expect, test } from '@jest/globals'
import { nameHash } from '#protocol/name-hash.ts'
import { marketMakingOperations } from '#protocol/operations/market-making.ts'
import { requests } from '#test/support/http-requests.ts'
import { openQuotingFloor } from '#test/support/market-maker.ts'

const floor = openQuotingFloor()
const { handler } = await import('#lambdas/market-making/http.ts')
const send = requests(handler, marketMakingOperations)
const as = { role: 'market_maker' } as const

beforeEach(() => floor.reset())

const seed = (more: object = {}) =>
  floor.tables.seed('marketMakers', {
    account_number: '1#7',
    setting: `protection#${nameHash('futures')}`,
    name: 'futures',
    interval_millis: 1_000,
    frozen_millis: 500,
    amount_limit_lots: 10,
    delta_limit_lots: 0,
    ...more,
  })
const read = (account = 'acme', group = 'futures') =>
  send('get-protection', { as: { ...as, account }, path: { group } })

describe('a protection', () => {
  test('tells its limits, and whether it is frozen now', async () => {
    seed()
    expect(await read()).toMatchObject({
      status: 200,
      body: { group: 'futures', interval_ms: 1_000, frozen_ms: 500, is_frozen: false, last_triggered_at: null },
    })
    seed({ is_frozen: true, frozen_until_millis: 0, triggered_at_millis: 1_800_000_000_000 })
    expect(await read()).toMatchObject({
      body: { is_frozen: true, frozen_until: null, last_triggered_at: '2027-01-15T08:00:00.000Z' },
    })
    const untilMillis = Date.now() + 60_000
    seed({ is_frozen: true, frozen_until_millis: untilMillis })
    expect(await read()).toMatchObject({
      body: { is_frozen: true, frozen_until: new Date(untilMillis).toISOString() },
    })
    // It has thawed by itself.
    seed({ is_frozen: true, frozen_until_millis: Date.now() - 1 })
    expect(await read()).toMatchObject({ body: { is_frozen: false, frozen_until: null } })
  })

  test('of another account or group is not there', async () => {
    seed()
    expect(await read('other')).toMatchObject({ status: 404, body: { code: 'unknown-protection' } })
    expect(await read('acme', 'options')).toMatchObject({ status: 404, body: { code: 'unknown-protection' } })
  })
})
