import { beforeEach, expect, test } from '@jest/globals'
import { referenceOperations } from '#protocol/operations/reference.ts'
import { type Given, requests } from '#test/support/http-requests.ts'
import { marketDataOn, sideOf } from '#test/support/market-data.ts'
import { instrumentName, openTradingFloor } from '#test/support/trading-floor.ts'

const floor = openTradingFloor()
const data = marketDataOn(floor)
const { handler } = await import('#lambdas/reference/http.ts')
const send = requests(handler, referenceOperations)
const get = (query: Given['query'] = {}, name = instrumentName) =>
  send('get-book', { path: { instrument_name: name }, query })

beforeEach(() => {
  floor.reset()
})

test('best first, in decimals, with the state, the sequence and the time of its last event', async () => {
  data.book(
    { bids: sideOf(false, [50, 3], [51, 25]), asks: sideOf(true, [53, 1], [52, 40]), state: 'auction' },
    Date.UTC(2026, 6, 21, 9, 5, 7, 150),
  )
  expect(await get()).toMatchObject({
    status: 200,
    body: {
      instrument_name: instrumentName,
      trading_state: 'auction',
      bids: [
        ['2.55', '2.5'],
        ['2.5', '0.3'],
      ],
      asks: [
        ['2.6', '4'],
        ['2.65', '0.1'],
      ],
      bids_known_to: null,
      asks_known_to: null,
      sequence: 41,
      timestamp: '2026-07-21T09:05:07.150Z',
    },
  })
})

test('as deep as asked for', async () => {
  data.book({ bids: sideOf(false, ...Array.from({ length: 120 }, (_, at) => [at + 1, 1] as const)) })
  expect((await get()).body['bids']).toHaveLength(50)
  expect((await get({ depth: '500' })).body['bids']).toHaveLength(120)
  expect((await get({ depth: '1' })).body['bids']).toEqual([['6', '0.1']])
  for (const depth of ['0', '501', '1.5', 'all'])
    expect(await get({ depth })).toMatchObject({ status: 400, body: { code: 'invalid-request' } })
})

test('says up to where it is known', async () => {
  data.book({ bids: { ...sideOf(false, [51, 25]), cutTicks: 40 } })
  expect((await get()).body).toMatchObject({ bids_known_to: '2', asks_known_to: null })
})

test('a market of which nothing is projected yet is empty and open; one that nobody listed is not there', async () => {
  expect(await get()).toMatchObject({
    status: 200,
    body: { trading_state: 'continuous', bids: [], asks: [], sequence: 0, timestamp: '2026-07-01T00:00:00.000Z' },
  })
  expect(await get({}, 'NO.SUCH-27NOV46')).toMatchObject({ status: 404, body: { code: 'not-found' } })
})

test('is closed when its time has come, and expired once the engine says so', async () => {
  const past = 'H100.USE-27NOV20'
  const { instrument } = floor.instrument(1, { instrumentName: past, expirationMillis: Date.UTC(2020, 10, 27) })
  expect((await get({}, past)).body).toMatchObject({ trading_state: 'closed' })
  expect(instrument.instrumentId).toBe(2)
  data.book({ state: 'expired' })
  expect((await get()).body).toMatchObject({ trading_state: 'expired' })
})
