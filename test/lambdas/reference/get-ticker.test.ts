import { beforeEach, expect, test } from '@jest/globals'
import { putMark } from '#adapters/tables/marks.ts'
import { referenceOperations } from '#protocol/operations/reference.ts'
import { requests } from '#test/support/http-requests.ts'
import { marketDataOn, sideOf } from '#test/support/market-data.ts'
import { instrumentName, openTradingFloor } from '#test/support/trading-floor.ts'

const floor = openTradingFloor()
const data = marketDataOn(floor)
const { handler } = await import('#lambdas/reference/http.ts')
const send = requests(handler, referenceOperations)
const get = () => send('get-ticker', { path: { instrument_name: instrumentName } })

const hour = 3_600_000

beforeEach(() => {
  floor.reset()
})

test('best prices, last trade, mark, state and open interest', async () => {
  data.book(
    {
      bids: sideOf(false, [51, 25], [50, 1]),
      asks: sideOf(true, [53, 4]),
      state: 'halted',
      untilMillis: Date.UTC(2026, 6, 21, 9, 10),
      markTicks: 52,
      lastTicks: 51,
      lastAtMillis: Date.UTC(2026, 6, 21, 9, 5),
      openInterestLots: 120,
      controls: { bandPpm: 50_000, velocityPpm: 100_000, velocityMillis: 5_000, haltMillis: 0, auctionMillis: 0 },
    },
    Date.UTC(2026, 6, 21, 9, 6),
  )
  expect(await get()).toMatchObject({
    status: 200,
    body: {
      instrument_name: instrumentName,
      trading_state: 'halted',
      trading_state_until: '2026-07-21T09:10:00.000Z',
      mark_price: '2.6',
      controls: {
        price_band: '0.05',
        velocity: '0.1',
        velocity_interval_ms: 5_000,
        halt_ms: null,
        auction_ms: null,
      },
      best_bid_price: '2.55',
      best_bid_amount: '2.5',
      best_ask_price: '2.65',
      best_ask_amount: '0.4',
      last_price: '2.55',
      last_trade_timestamp: '2026-07-21T09:05:00.000Z',
      open_interest: '12',
      sequence: 41,
      timestamp: '2026-07-21T09:06:00.000Z',
    },
  })
})

test('the last 24 hours, from the minute on: the hour in which they begin counts by its minutes', async () => {
  const now = Date.now()
  const start = Math.floor((now - 24 * hour) / 60_000) * 60_000
  // Before: neither its minute nor its hour may count.
  data.candle('1m', start - 60_000, 90)
  data.candle('1m', start, 50, 10)
  data.candle('1h', start, 90, 99)
  const [early, late] = [Math.ceil(start / hour) * hour, Math.ceil(start / hour) * hour + 20 * hour]
  data.candle('1h', early, 56, 10)
  data.candle('1h', late, 48, 10)
  const isWhole = start % hour === 0
  expect((await get()).body).toMatchObject(
    isWhole
      ? { low_24h: '2.4' }
      : {
          high_24h: '2.8',
          low_24h: '2.4',
          change_24h: '-0.1',
          volume_24h: '3',
          // 1 × 2.5 + 1 × 2.8 + 1 × 2.4, times 10 hours
          turnover_24h: '77',
          trades_24h: 3,
        },
  )
})

test('a market without anything yet', async () => {
  expect((await get()).body).toMatchObject({
    trading_state: 'continuous',
    trading_state_until: null,
    mark_price: null,
    best_bid_price: null,
    best_ask_amount: null,
    last_price: null,
    last_trade_timestamp: null,
    high_24h: null,
    change_24h: null,
    volume_24h: '0',
    turnover_24h: '0',
    trades_24h: 0,
    open_interest: '0',
    sequence: 0,
  })
  expect(await send('get-ticker', { path: { instrument_name: 'NO.SUCH-27NOV46' } })).toMatchObject({ status: 404 })
})

test('the mark’s volatility, greeks and index, where it was marked', async () => {
  expect((await get()).body).toMatchObject({ mark_iv: null, greeks: null, index_price: null, mark_timestamp: null })
  const greeks = { delta: '0.5', gamma: '0.8', vega: '0.004', theta: '-0.002', rho: '0' }
  await putMark({
    lane: 1,
    instrumentId: 1,
    instrumentName,
    markTicks: 51,
    fair: '2.551',
    method: 'black-76',
    markIv: '65.25',
    greeks,
    indexPrice: '2.5',
    bidTicks: 0,
    askTicks: 0,
    lastTicks: 0,
    atMillis: Date.UTC(2026, 6, 21, 9, 6),
    flags: [],
  })
  expect((await get()).body).toMatchObject({
    mark_iv: '65.25',
    greeks,
    index_price: '2.5',
    mark_timestamp: '2026-07-21T09:06:00.000Z',
  })
})
