import { beforeEach, describe, expect, test } from '@jest/globals'
import { activatedVersionPut } from '#adapters/tables/lane-events.ts'
import { forgetEngineVersions } from '#lambdas/reference/engine-version-needed.ts'
import { dayAheadOperations } from '#protocol/operations/day-ahead.ts'
import { seedDayAhead } from '#test/support/day-ahead-desk.ts'
import { requests } from '#test/support/http-requests.ts'
import { seedIndex } from '#test/support/index-desk.ts'
import { openTradingFloor } from '#test/support/trading-floor.ts'

const floor = openTradingFloor()
const { handler } = await import('#lambdas/day-ahead/http.ts')
const send = requests(handler, dayAheadOperations)
const as = { account: 'operator', role: 'market_operator' } as const

beforeEach(() => {
  floor.reset()
  forgetEngineVersions()
  floor.seed('lanes', activatedVersionPut(1, { version: 5, atMillis: 1 }))
  seedIndex(floor.tables)
  seedDayAhead(floor.tables)
})

const hourMillis = 3_600_000
const terms = {
  tick_size: '0.01',
  min_trade_amount: '1',
  max_price: '12',
  maker_commission: '0.0002',
  taker_commission: '0.0005',
  penalty_ppm: 100_000,
  expires_before_ms: hourMillis / 4,
  gate_opens_before_ms: 72 * hourMillis,
  gate_closes_before_ms: 12 * hourMillis,
}
const set = (change: object = {}, market = 'H100.USE', role: object = { as }) =>
  send('set-compute-market', { ...role, path: { market }, body: { ...terms, ...change } })
const versions = () => floor.tables.items('parameters').filter(({ kind }) => kind === 'day-ahead-market')

describe('a market', () => {
  test('is set as the next version; the same again adds none', async () => {
    const { status, body } = await set()
    expect(status).toBe(200)
    expect(body).toMatchObject({ market: 'H100.USE', ...terms, version: 2, is_active: true })
    expect((await set()).body['version']).toBe(2)
    expect((await set({ is_active: false })).body).toMatchObject({ version: 3, is_active: false })
    expect(versions()).toHaveLength(3)
  })

  test.each<readonly [string, string, object]>([
    ['invalid-request', '#/gate_opens_before_ms', { gate_opens_before_ms: 12 * hourMillis }],
    ['invalid-request', '#/gate_closes_before_ms', { expires_before_ms: 12 * hourMillis }],
    ['invalid-request', '#/lane', { lane: 9 }],
    ['invalid-request', '#/maker_commission', { maker_commission: '0.0000001' }],
    ['invalid-specification', '#/maker_commission', { maker_commission: '1' }],
    ['invalid-specification', '#/max_price', { max_price: '12.001' }],
    ['invalid-specification', '#/tick_size', { tick_size: '0' }],
  ])('is refused as %s at %s', async (code, pointer, change) => {
    const { body } = await set(change)
    expect([body['code'], body['errors']]).toEqual([code, [expect.objectContaining({ pointer })]])
    expect(versions()).toHaveLength(1)
  })

  test.each(['99999999999999999999', '99.USE', 'H100', 'H100.', '.USE'])('is not called %s', async market => {
    const { body } = await set({}, market)
    expect([body['code'], body['errors']]).toEqual([
      'invalid-request',
      [expect.objectContaining({ pointer: '#/path/market' })],
    ])
    expect(versions()).toHaveLength(1)
  })

  test('stays in its lane', async () => {
    floor.seed('lanes', activatedVersionPut(2, { version: 5, atMillis: 1 }))
    const { body } = await set({ lane: 2 })
    expect(body['errors']).toEqual([{ pointer: '#/lane', detail: 'is 1' }])
    expect(versions()).toHaveLength(1)
  })

  test('needs an index by which its futures are marked, rules that know gates, and an operator', async () => {
    expect((await set({}, 'A100.USE')).body['code']).toBe('unknown-index')
    floor.seed('lanes', activatedVersionPut(1, { version: 4, atMillis: 1 }))
    expect((await set()).body['code']).toBe('engine-version-needed')
    expect((await set({}, 'H100.USE', {})).status).toBe(403)
    expect(versions()).toHaveLength(1)
  })
})
