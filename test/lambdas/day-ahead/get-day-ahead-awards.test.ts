import { beforeEach, expect, test } from '@jest/globals'
import { dayAheadOperations } from '#protocol/operations/day-ahead.ts'
import { clearedDate, openDate, seedDayAhead } from '#test/support/day-ahead-desk.ts'
import { requests } from '#test/support/http-requests.ts'
import { openTradingFloor } from '#test/support/trading-floor.ts'

const floor = openTradingFloor()
const { handler } = await import('#lambdas/day-ahead/http.ts')
const send = requests(handler, dayAheadOperations)

beforeEach(() => {
  floor.reset()
  seedDayAhead(floor.tables)
})
const awards = (delivery_date: string, account = 'acme') =>
  send('get-day-ahead-awards', { as: { account, role: 'trader' }, path: { delivery_date } })

test('awards are the account’s own: positions, bids and blocks', async () => {
  expect((await awards(clearedDate)).body).toEqual({
    account: 'acme',
    delivery_date: clearedDate,
    auction_state: 'done',
    void_instruments: [],
    positions: [
      {
        market: 'H100.USE',
        hour: 18,
        instrument_name: 'H100.USE-01JAN46-H18',
        direction: 'buy',
        amount: '2',
        price: '2.5',
      },
    ],
    bids: [{ name: 'own', direction: 'buy', market: 'H100.USE', hour: 18, amount: '2', price: '2.5' }],
    blocks: [{ name: 'own', block: 'evening', decision: 'accepted', accepted_ratio: '0.5', surplus: '0.2' }],
  })
  expect((await awards(clearedDate, 'other')).body).toMatchObject({ positions: [], bids: [], blocks: [] })
})

test('before it is cleared there are none; an account that is not open has none', async () => {
  expect(await awards(openDate)).toMatchObject({ status: 404, body: { code: 'not-cleared' } })
  expect((await awards(clearedDate, 'nobody')).body['code']).toBe('account-not-open')
})
