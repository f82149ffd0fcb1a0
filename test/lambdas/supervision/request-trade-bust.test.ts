import { beforeEach, describe, expect, test } from '@jest/globals'
import { tradeIdOf } from '#adapters/market-keys.ts'
import { type TradeRow, tradePut } from '#adapters/tables/trades.ts'
import { supervisionOperations } from '#protocol/operations/supervision.ts'
import { requests } from '#test/support/http-requests.ts'
import { openQuotingFloor } from '#test/support/market-maker.ts'
import { tradeRow } from '#test/support/rows.ts'

const floor = openQuotingFloor()
const { handler } = await import('#lambdas/supervision/http.ts')
const send = requests(handler, supervisionOperations)
const as = { account: 'desk', role: 'market_operator' } as const

beforeEach(() => floor.reset())

const request = (more: object = {}) =>
  send('request-trade-bust', {
    as,
    body: { trade_id: tradeIdOf(1, 41), account: 'acme', reason: 'fat finger', ...more },
  })
const trade = (more: Partial<TradeRow> = {}) =>
  floor.seed('trades', tradePut(tradeRow(41, { atMillis: Date.now() - 60_000, ...more })))

describe('a request', () => {
  test.each([
    ['buyer', { direction: 'buy' }, { buyer_id: 7, seller_id: 8, buyer_fee_micros: 3, seller_fee_micros: 2 }],
    ['seller', { direction: 'sell' }, { buyer_id: 8, seller_id: 7, buyer_fee_micros: 2, seller_fee_micros: 3 }],
  ] as const)('about a trade of the %s waits for another person', async (_, side, stored) => {
    trade(side)
    const { status, body } = await request()
    expect([status, body]).toMatchObject([
      201,
      {
        bust_id: tradeIdOf(1, 41),
        price: '2.55',
        amount: '1',
        bust_state: 'awaiting_approval',
        requested_by: 'desk',
        approved_by: null,
        buyer: side.direction === 'buy' ? 'acme' : 'other',
      },
    ])
    expect(floor.tables.items('tradeBusts')).toMatchObject([{ attempt: 1, requested_with: 'acme', ...stored }])
    expect(floor.put()).toEqual([])
    expect((await request()).body['code']).toBe('bust-under-way')
  })

  test('comes too late after an hour', async () => {
    trade({ atMillis: Date.now() - 60 * 60 * 1_000 })
    expect(await request()).toMatchObject({ status: 409, body: { code: 'bust-window-over' } })
    expect(floor.tables.items('tradeBusts')).toEqual([])
  })

  test('about a trade that is not there, or another account’s, is refused', async () => {
    trade()
    expect((await request({ trade_id: tradeIdOf(1, 42) })).body['code']).toBe('unknown-trade')
    expect((await request({ account: 'other' })).body['code']).toBe('unknown-trade')
    expect((await request({ account: 'nobody' })).body['code']).toBe('unknown-trade')
    expect((await request({ reason: '' })).status).toBe(400)
  })

  test('may be made again once the engine has refused it, under another command; never once it is busted', async () => {
    trade()
    await request()
    const [first = {}] = floor.tables.items('tradeBusts')
    floor.tables.seed('tradeBusts', { ...first, approved_by: 'risk', approved_with: 'r', approved_at_millis: 1 })
    expect((await request()).body['code']).toBe('bust-under-way')
    floor.outcome(String(first['command_id']), 'insufficient-funds')
    expect((await request()).status).toBe(201)
    const [second = {}] = floor.tables.items('tradeBusts')
    expect(second).toMatchObject({ attempt: 2 })
    expect(second['command_id']).not.toBe(first['command_id'])
    floor.tables.seed('tradeBusts', { ...second, approved_by: 'risk', approved_with: 'r', approved_at_millis: 1 })
    floor.outcome(String(second['command_id']))
    expect((await request()).body['code']).toBe('trade-already-busted')
  })
})
