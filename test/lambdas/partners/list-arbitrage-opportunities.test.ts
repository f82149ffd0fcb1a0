import { beforeEach, expect, test } from '@jest/globals'
import { bookPut } from '#adapters/tables/books.ts'
import { newMarket } from '#domain/trading/market-data.ts'
import { partnersOperations } from '#protocol/operations/partners.ts'
import { otherName, seedTwoBooks } from '#test/support/arbitrage-rows.ts'
import { clearedDate, seedResult } from '#test/support/day-ahead-desk.ts'
import { requests } from '#test/support/http-requests.ts'
import { sideOf } from '#test/support/market-data.ts'
import { instrumentName, openTradingFloor } from '#test/support/trading-floor.ts'

const floor = openTradingFloor()
const { handler } = await import('#lambdas/partners/http.ts')
const send = requests(handler, partnersOperations)
beforeEach(() => floor.reset())

const found = async (query: Readonly<Record<string, string>> = {}) => {
  const { status, body } = await send('list-arbitrage-opportunities', { query })
  return { status, body, data: Array.isArray(body['data']) ? body['data'] : [] }
}

test('two books on the same hours, one below the other, are an opportunity of what both have', async () => {
  await seedTwoBooks(floor)
  const { data, body } = await found()
  expect(body['next_cursor']).toBeNull()
  expect(data).toMatchObject([
    {
      resource_class: 'H100',
      region: 'USE',
      unit_hours: '20',
      gross: '10',
      is_executable: true,
      legs: [
        { direction: 'buy', venue: 'futures', instrument_name: instrumentName, amount: '2', limit_price: '2' },
        { direction: 'sell', venue: 'futures', instrument_name: otherName, amount: '2', limit_price: '2.5' },
      ],
    },
  ])
})

test('there is none where nothing is left after costs, or where a market does not trade', async () => {
  await seedTwoBooks(floor, 40)
  expect((await found()).data).toEqual([])
  floor.reset()
  expect((await found()).data).toEqual([])
})

test('filters leave out what is not asked for, and pages go on where they ended', async () => {
  await seedTwoBooks(floor)
  for (const query of [
    { region: 'EUW' },
    { resource_class: 'A100' },
    { venue: 'spot' },
    { instrument_name: 'H100.USE-1DEC46' },
    { minimum_net: '11' },
  ])
    expect((await found(query)).data).toEqual([])
  expect((await found({ region: 'USE', venue: 'futures', minimum_net: '1', limit: '1' })).data).toHaveLength(1)
  expect((await found({ cursor: 'made-up' })).body['code']).toBe('invalid-cursor')
  expect((await found({ minimum_net: '-1' })).status).toBe(400)
})

test('an account that was never opened finds nothing', async () => {
  const { body } = await send('list-arbitrage-opportunities', { as: { account: 'nobody' } })
  expect(body['code']).toBe('account-not-open')
})

test('an hour that is delivered is held against the day-ahead auction, which is over: it cannot be executed', async () => {
  await seedTwoBooks(floor, 40)
  seedResult(floor.tables)
  const start = Date.parse(`${clearedDate}T18:00:00Z`)
  const { instrument } = floor.instrument(1, {
    instrumentName: 'H100.USE-1JAN46-H18',
    contractSize: '1',
    settlement: 'physical',
    expirationMillis: start - 900_000,
    terms: JSON.stringify({
      index: 'H100.USE',
      averaging_start: `${clearedDate}T17:00:00.000Z`,
      delivery: { start: `${clearedDate}T18:00:00.000Z`, end: `${clearedDate}T19:00:00.000Z`, penalty_ppm: 0 },
    }),
  })
  const { instrumentId } = instrument
  const market = { ...newMarket, state: 'continuous' as const, asks: sideOf(true, [40, 30]) }
  floor.seed('books', bookPut({ lane: 1, instrumentId, market, updatedAtMillis: 1, outSeq: 42 }))
  // Cleared at 2.50, two units of it.
  expect((await found()).data).toMatchObject([
    {
      unit_hours: '2',
      gross: '1',
      is_executable: false,
      legs: [
        { direction: 'buy', venue: 'futures', instrument_name: 'H100.USE-1JAN46-H18', limit_price: '2' },
        { direction: 'sell', venue: 'day_ahead' },
      ],
    },
  ])
})
