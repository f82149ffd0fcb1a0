import { beforeEach, describe, expect, test } from '@jest/globals'
import { type OrderRow, orderPut } from '#adapters/tables/orders.ts'
import { marketMakingOperations } from '#protocol/operations/market-making.ts'
import { requests } from '#test/support/http-requests.ts'
import { openQuotingFloor } from '#test/support/market-maker.ts'
import { orderRow } from '#test/support/rows.ts'
import { idOf } from '#test/support/tape.ts'
import { instrumentName } from '#test/support/trading-floor.ts'

const floor = openQuotingFloor()
const { handler } = await import('#lambdas/market-making/http.ts')
const send = requests(handler, marketMakingOperations)
const as = { role: 'market_maker' } as const

beforeEach(() => floor.reset())

const row = (name: string, more: Partial<OrderRow> = {}) =>
  floor.seed('orders', orderPut(orderRow(name, { quoteGroup: 'main', instrumentName, ...more })))

describe('standing quotes', () => {
  test('are the sides that stand, and no other order', async () => {
    row('1')
    row('2', { direction: 'sell', priceTicks: 60, filledLots: 4 })
    row('3', { orderState: 'cancelled' })
    row('4', { accountId: 8 })
    floor.seed('orders', orderPut(orderRow('5', { instrumentName })))
    const { status, body } = await send('list-quotes', { as })
    expect(status).toBe(200)
    expect(body).toMatchObject({
      data: [
        {
          order_id: idOf('2'),
          group: 'main',
          instrument_name: instrumentName,
          direction: 'sell',
          price: '3',
          amount: '0.6',
        },
        { order_id: idOf('1'), direction: 'buy', price: '2.55', amount: '1' },
      ],
      next_cursor: null,
    })
  })

  test('come in pages and by instrument', async () => {
    for (const name of ['1', '2', '3']) row(name)
    row('4', { instrumentName: 'A-B' })
    const first = await send('list-quotes', { as, query: { limit: '2', instrument_name: instrumentName } })
    const cursor = String(first.body['next_cursor'])
    const second = await send('list-quotes', { as, query: { limit: '2', instrument_name: instrumentName, cursor } })
    expect([first.body['data'], second.body['data']]).toMatchObject([
      [{ order_id: idOf('3') }, { order_id: idOf('2') }],
      [{ order_id: idOf('1') }],
    ])
    expect((await send('list-quotes', { as, query: { cursor: 'x' } })).body['code']).toBe('invalid-cursor')
  })
})
