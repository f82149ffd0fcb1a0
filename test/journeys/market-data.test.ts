import { beforeAll, expect, test } from '@jest/globals'
import type { Answer, ExchangeClient } from '#bin/client.ts'
import { expiries } from '#bin/seed.ts'
import { eventually, type RunningExchange, runningExchange } from './running-exchange.ts'

/** What everybody may know of a market, on the running local exchange: it follows what traders do. */

const wait = { prefer: 'wait=10' }
const name = 'VCPU.EUW-MARKETDATA'
const path = `/api/v1/markets/${name}`
let exchange: RunningExchange

const rows = (answer: Answer): readonly Readonly<Record<string, unknown>>[] => {
  const data = answer.body['data']
  return Array.isArray(data) ? data : []
}

beforeAll(async () => {
  exchange = await runningExchange()
}, 180_000)

test('book, trades, ticker and candles of a market of its own', async () => {
  const operator = await exchange.as('operator', 'market_operator')
  const listed = await operator.call(
    'POST',
    '/api/v1/markets',
    {
      instrument_name: name,
      underlying: 'VCPU.EUW',
      tick_size: '0.01',
      min_trade_amount: '0.5',
      max_price: '100',
      expiration_timestamp: expiries(Date.now(), 2).at(-1)?.at.toISOString(),
    },
    wait,
  )
  expect(listed.status).toBe(200)
  const [seller, buyer] = await Promise.all([exchange.trader('md-seller'), exchange.trader('md-buyer')])
  expect((await buyer.call('GET', `${path}/book`)).body).toMatchObject({ bids: [], asks: [] })

  let serial = 0
  const place = async (client: ExchangeClient, direction: string, amount: string, price: string): Promise<Answer> => {
    const order = { instrument_name: name, direction, amount, price, client_order_id: `md-${++serial}` }
    const answer = await client.call('POST', '/api/v1/orders', order, wait)
    expect(answer.status).toBe(200)
    return answer
  }
  await place(seller, 'sell', '3', '2.6')
  await place(seller, 'sell', '1.5', '2.5')
  const bid = await place(buyer, 'buy', '4', '2.4')
  await place(buyer, 'buy', '2', '2.6')
  const cancelled = await buyer.call('DELETE', `/api/v1/orders/${bid.body['order_id']}`, undefined, wait)
  expect(cancelled.status).toBe(200)
  await place(buyer, 'buy', '1', '2.3')

  const { body: book } = await eventually(
    () => buyer.call('GET', `${path}/book`),
    ({ body }) => JSON.stringify(body['bids']) === '[["2.3","1"]]',
  )
  expect(book).toMatchObject({ trading_state: 'continuous', asks: [['2.6', '2.5']], bids_known_to: null })

  const own = await buyer.call('GET', '/api/v1/trades')
  const trades = await buyer.call('GET', `${path}/trades`)
  expect(rows(trades)).toMatchObject([
    { price: '2.6', amount: '0.5', direction: 'buy', is_auction: false },
    { price: '2.5', amount: '1.5', direction: 'buy', is_auction: false },
  ])
  expect(rows(trades).map(trade => trade['trade_id'])).toEqual(rows(own).map(trade => trade['trade_id']))
  const [newest, oldest] = rows(trades)
  const first = await buyer.call('GET', `${path}/trades?limit=1`)
  const second = await buyer.call('GET', `${path}/trades?limit=1&cursor=${first.body['next_cursor']}`)
  expect([...rows(first), ...rows(second)]).toEqual([newest, oldest])
  const before = await buyer.call('GET', `${path}/trades?end=${oldest?.['timestamp']}`)
  expect(rows(before)).toEqual([])

  const auditor = await exchange.as('md-auditor', 'auditor')
  const { body: ticker } = await auditor.call('GET', `${path}/ticker`)
  expect(ticker).toMatchObject({
    best_bid_price: '2.3',
    best_bid_amount: '1',
    best_ask_price: '2.6',
    best_ask_amount: '2.5',
    last_price: '2.6',
    high_24h: '2.6',
    low_24h: '2.5',
    change_24h: '0.1',
    volume_24h: '2',
    turnover_24h: '5.05',
    trades_24h: 2,
    open_interest: '2',
    trading_state: 'continuous',
  })
  expect(ticker['sequence']).toBe(book['sequence'])

  const candles = await auditor.call('GET', `${path}/candles?resolution=1d`)
  // One, or two where midnight fell between the trades.
  expect(rows(candles).at(0)).toMatchObject({ high: '2.6', close: '2.6' })
  expect(rows(candles).reduce((sum, candle) => sum + Number(candle['trades']), 0)).toBe(2)

  expect((await auditor.call('GET', path)).body).toMatchObject({ instrument_name: name, trading_state: 'continuous' })
  expect((await auditor.call('GET', '/api/v1/markets/NO.SUCH-27NOV46/book')).status).toBe(404)
})
