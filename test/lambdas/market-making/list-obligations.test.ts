import { beforeEach, describe, expect, test } from '@jest/globals'
import { laneTimePut } from '#adapters/tables/lane-times.ts'
import { quotingDayPut } from '#adapters/tables/quoting-days.ts'
import { marketMakingOperations } from '#protocol/operations/market-making.ts'
import { requests } from '#test/support/http-requests.ts'
import { openQuotingFloor } from '#test/support/market-maker.ts'
import { instrumentName } from '#test/support/trading-floor.ts'

const floor = openQuotingFloor()
const { handler } = await import('#lambdas/market-making/http.ts')
const send = requests(handler, marketMakingOperations)
const as = { role: 'market_maker' } as const

beforeEach(() => floor.reset())

const midnight = Date.parse('2026-07-21T00:00:00Z')
const hour = 60 * 60 * 1_000
const both = { bid: { orderId: 'b', priceTicks: 99, lots: 10 }, ask: { orderId: 'a', priceTicks: 101, lots: 10 } }

/** Since three in the morning acme quotes as it is obliged to, other does not. */
const seed = (laneMillis: number) => {
  floor.tables.seed('obligationTerms', {
    market: '1#1',
    version: 1,
    versions: [{ from_millis: 1, max_spread_ppm: 20_000, min_lots: 10, set_by: 'desk', set_at_millis: 0 }],
  })
  const day = {
    dayMillis: midnight,
    atMillis: midnight + 3 * hour,
    isContinuous: true,
    measuredMillis: hour,
    makers: [
      { accountId: 7, compliantMillis: 0, ...both },
      { accountId: 8, compliantMillis: 600_000, bid: both.bid },
    ],
  }
  floor.seed('quotingDays', quotingDayPut({ lane: 1, instrumentId: 1, day, outSeq: 1 }))
  floor.seed('lanes', laneTimePut('project-market-making', 1, laneMillis))
}
const list = (date: string, more: object = {}) =>
  send('list-obligations', { as, query: { instrument_name: instrumentName, date }, ...more })
const supervisor = { as: { account: 'desk', role: 'market_operator' } } as const

describe('obligations', () => {
  test('are measured to the time of the lane, or to the end of the day', async () => {
    seed(midnight + 4 * hour)
    expect(await list('2026-07-21')).toMatchObject({
      status: 200,
      body: {
        data: [
          {
            account: 'acme',
            instrument_name: instrumentName,
            date: '2026-07-21',
            measured_ms: 2 * hour,
            compliant_ms: hour,
            compliant_share: '0.5',
            measured_until: '2026-07-21T04:00:00.000Z',
          },
        ],
        next_cursor: null,
      },
    })
    seed(midnight + 60 * hour)
    expect(await list('2026-07-21')).toMatchObject({
      body: { data: [{ measured_ms: 22 * hour, compliant_ms: 21 * hour, measured_until: '2026-07-22T00:00:00.000Z' }] },
    })
  })

  test('go on over midnights on which nothing happened; a day that has not begun, or before the first quote, has none', async () => {
    seed(midnight + 60 * hour)
    expect(await list('2026-07-22')).toMatchObject({
      body: { data: [{ measured_ms: 24 * hour, compliant_share: '1' }] },
    })
    expect(await list('2026-07-23')).toMatchObject({
      body: { data: [{ measured_ms: 12 * hour, compliant_ms: 12 * hour }] },
    })
    expect(await list('2026-07-24')).toMatchObject({ body: { data: [] } })
    expect(await list('2026-07-20')).toMatchObject({ body: { data: [] } })
  })

  test('of every account are for supervisors, in pages', async () => {
    seed(midnight + 4 * hour)
    const query = { instrument_name: instrumentName, date: '2026-07-21', limit: '1' }
    const first = await send('list-obligations', { ...supervisor, query })
    const cursor = String(first.body['next_cursor'])
    const second = await send('list-obligations', { ...supervisor, query: { ...query, cursor } })
    expect([first.body['data'], second.body['data'], second.body['next_cursor']]).toMatchObject([
      [{ account: 'acme' }],
      [{ account: 'other', compliant_ms: 600_000 }],
      null,
    ])
    expect(await list('2026-07-21', { as: { ...as, account: 'other' } })).toMatchObject({
      body: { data: [{ account: 'other' }] },
    })
    // The same number in another lane is another account.
    expect(await list('2026-07-21', { as: { ...as, account: 'abroad' } })).toMatchObject({ body: { data: [] } })
  })

  test('of an instrument that is not listed, and after a made-up cursor, are refused', async () => {
    expect((await send('list-obligations', { as, query: { instrument_name: 'X-Y' } })).body['code']).toBe(
      'unknown-instrument',
    )
    const query = { instrument_name: instrumentName, cursor: 'x' }
    expect((await send('list-obligations', { as, query })).body['code']).toBe('invalid-cursor')
  })
})
