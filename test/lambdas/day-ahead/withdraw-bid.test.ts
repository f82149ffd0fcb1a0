import { beforeEach, expect, test } from '@jest/globals'
import { dayAheadOperations } from '#protocol/operations/day-ahead.ts'
import { openDate, seedAnswer, seedAuction, seedBid, seedDayAhead } from '#test/support/day-ahead-desk.ts'
import { requests } from '#test/support/http-requests.ts'
import { openTradingFloor } from '#test/support/trading-floor.ts'

const floor = openTradingFloor()
const { handler } = await import('#lambdas/day-ahead/http.ts')
const send = requests(handler, dayAheadOperations)
const [own, theirs] = ['0190a6f2-5d3c-8b1e-9c57-3a1f0e6f9b81', '0190a6f2-5d3c-8b1e-9c57-3a1f0e6f9b83'] as const

beforeEach(() => {
  floor.reset()
  seedDayAhead(floor.tables)
  seedBid(floor.tables, 'acme', 7, own)
  seedBid(floor.tables, 'other', 8, theirs)
})
const withdraw = (bid_id: string) => send('withdraw-bid', { path: { bid_id } })
const sent = () => floor.put().flatMap(command => (command.type === 'withdraw-bid' ? [command] : []))

test('a bid is withdrawn by one command, however often it is asked', async () => {
  expect((await withdraw(own)).status).toBe(202)
  await withdraw(own)
  const [first, second] = sent()
  expect(first).toMatchObject({ accountId: 7, holdId: own })
  expect(second).toEqual(first)
  seedAnswer(floor.tables, first?.commandId ?? '')
  const done = await withdraw(own)
  expect([done.status, done.body['bid_state'], sent().length]).toEqual([200, 'withdrawn', 2])
})

test('after a refusal it is asked under another id', async () => {
  await withdraw(own)
  seedAnswer(floor.tables, sent()[0]?.commandId ?? '', 'unknown-hold')
  await withdraw(own)
  expect(new Set(sent().map(({ commandId }) => commandId)).size).toBe(2)
})

test('what no longer holds anything, and what is past the gate, stays', async () => {
  seedBid(floor.tables, 'acme', 7, own, { code: 'insufficient-funds' })
  expect(await withdraw(own)).toMatchObject({
    status: 409,
    body: { code: 'bid-not-open', detail: 'The bid was rejected.' },
  })
  seedBid(floor.tables, 'acme', 7, own)
  seedAuction(floor.tables, openDate, 'closed')
  expect(await withdraw(own)).toMatchObject({ status: 409, body: { code: 'gate-closed' } })
  expect(sent()).toEqual([])
})

test('another’s is as one that is not there', async () => {
  expect(await withdraw(theirs)).toMatchObject({ status: 404, body: { code: 'not-found' } })
  expect(floor.put()).toEqual([])
})
