import { beforeEach, expect, test } from '@jest/globals'
import { activatedVersionPut } from '#adapters/tables/lane-events.ts'
import { forgetEngineVersions } from '#lambdas/reference/engine-version-needed.ts'
import { dayAheadOperations } from '#protocol/operations/day-ahead.ts'
import { openDate, seedDayAhead } from '#test/support/day-ahead-desk.ts'
import { requests } from '#test/support/http-requests.ts'
import { openTradingFloor } from '#test/support/trading-floor.ts'

const floor = openTradingFloor()
const { handler } = await import('#lambdas/day-ahead/http.ts')
const send = requests(handler, dayAheadOperations)

beforeEach(() => {
  floor.reset()
  forgetEngineVersions()
  floor.seed('lanes', activatedVersionPut(1, { version: 5, atMillis: 1 }))
  seedDayAhead(floor.tables)
})

const offer = (steps: readonly object[]) =>
  send('submit-offer', {
    headers: { 'idempotency-key': 'own' },
    body: { delivery_date: openDate, curves: [{ market: 'H100.USE', hour: 18, steps }] },
  })

test('an offer puts by what is above its limit, and the commission', async () => {
  const { status, body } = await offer([{ price: '2.5', amount: '2' }])
  expect([status, body['direction'], body['held']]).toEqual([202, 'sell', '195.001'])
  expect(floor.put()).toMatchObject([{ type: 'hold-bid', accountId: 7, amountMicros: 195_001_000 }])
})

test('what is no offer is refused with nothing stored', async () => {
  const { body } = await offer([{ price: '2.5', amount: '0' }])
  expect([body['code'], floor.put(), floor.tables.items('dayAheadBids')]).toEqual(['amount-out-of-range', [], []])
})
