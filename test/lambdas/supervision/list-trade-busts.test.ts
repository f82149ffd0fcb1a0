import { beforeEach, describe, expect, test } from '@jest/globals'
import { tradeIdOf } from '#adapters/market-keys.ts'
import { tradePut } from '#adapters/tables/trades.ts'
import { supervisionOperations } from '#protocol/operations/supervision.ts'
import { requests } from '#test/support/http-requests.ts'
import { openQuotingFloor } from '#test/support/market-maker.ts'
import { tradeRow } from '#test/support/rows.ts'

const floor = openQuotingFloor()
const { handler } = await import('#lambdas/supervision/http.ts')
const send = requests(handler, supervisionOperations)
const as = { account: 'desk', role: 'market_operator' } as const

beforeEach(() => floor.reset())

const ask = (outSeq: number) => {
  const trade = tradeRow(outSeq, { atMillis: Date.now() - 60_000 })
  floor.seed('trades', tradePut(trade))
  return send('request-trade-bust', { as, body: { trade_id: trade.tradeId, account: 'acme', reason: 'fat finger' } })
}

describe('busts', () => {
  test('are listed, the newest trade first, with what became of them', async () => {
    for (const outSeq of [41, 42, 43]) expect((await ask(outSeq)).status).toBe(201)
    const rows = floor.tables.items('tradeBusts')
    const change = (outSeq: number, more: object) =>
      floor.tables.seed('tradeBusts', { ...rows.find(row => row['bust_id'] === tradeIdOf(1, outSeq)), ...more })
    const approval = { approved_by: 'risk', approved_with: 'r', approved_at_millis: 1_800_000_000_000 }
    change(41, { traded_at_millis: 1 })
    change(42, approval)
    change(43, approval)
    floor.outcome(String(rows.find(row => row['bust_id'] === tradeIdOf(1, 43))?.['command_id']))
    const { status, body } = await send('list-trade-busts', { as })
    expect(status).toBe(200)
    expect(body).toMatchObject({
      data: [
        { bust_id: tradeIdOf(1, 43), bust_state: 'busted', approved_by: 'risk' },
        { bust_id: tradeIdOf(1, 42), bust_state: 'submitted' },
        { bust_id: tradeIdOf(1, 41), bust_state: 'lapsed' },
      ],
      next_cursor: null,
    })
    // One that lapsed may be asked for again, as long as its trade is young enough.
    expect((await ask(41)).status).toBe(201)
  })

  test('come in pages of a lane', async () => {
    for (const outSeq of [41, 42]) await ask(outSeq)
    const first = await send('list-trade-busts', { as, query: { limit: '1' } })
    const cursor = String(first.body['next_cursor'])
    const second = await send('list-trade-busts', { as, query: { limit: '1', cursor } })
    expect([first.body['data'], second.body['data']]).toMatchObject([
      [{ bust_id: tradeIdOf(1, 42) }],
      [{ bust_id: tradeIdOf(1, 41) }],
    ])
    expect((await send('list-trade-busts', { as, query: { lane: '2' } })).body['data']).toEqual([])
    expect((await send('list-trade-busts', { as, query: { cursor: 'x' } })).body['code']).toBe('invalid-cursor')
  })
})
