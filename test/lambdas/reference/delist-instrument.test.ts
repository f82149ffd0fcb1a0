import { beforeEach, expect, test } from '@jest/globals'
import { activatedVersionPut } from '#adapters/tables/lane-events.ts'
import { referenceOperations } from '#protocol/operations/reference.ts'
import { requests } from '#test/support/http-requests.ts'
import { instrumentName, openTradingFloor } from '#test/support/trading-floor.ts'

const floor = openTradingFloor()
const { handler } = await import('#lambdas/reference/http.ts')
const { forgetEngineVersions } = await import('#lambdas/reference/engine-version-needed.ts')
const send = requests(handler, referenceOperations)
const operator = { account: 'operator', role: 'market_operator' } as const
const delist = (name = instrumentName, given: object = {}) =>
  send('delist-instrument', { path: { instrument_name: name }, as: operator, ...given })

beforeEach(() => {
  floor.reset()
  forgetEngineVersions()
  floor.seed('lanes', activatedVersionPut(1, { version: 3, atMillis: 1 }))
})

test('is a command of its lane, told by its id', async () => {
  const answer = await delist()
  expect(answer).toMatchObject({ status: 202, body: { operation: 'delist-instrument', command_state: 'pending' } })
  expect(answer.headers['location']).toBe(`/api/v1/commands/${answer.body['command_id']}`)
  expect(floor.streams.put).toMatchObject([
    { lane: 1, command: { type: 'delist-instrument', commandId: answer.body['command_id'], instrumentId: 1 } },
  ])
})

test('done, or refused by the engine, for whoever waits', async () => {
  const wait = { headers: { prefer: 'wait=2' } }
  floor.streams.onPut(command => {
    if (command.type === 'delist-instrument') floor.outcome(command.commandId)
  })
  expect(await delist(instrumentName, wait)).toMatchObject({ status: 200, body: { command_state: 'accepted' } })
  floor.streams.onPut(command => {
    if (command.type === 'delist-instrument') floor.outcome(command.commandId, 'instrument-not-open')
  })
  expect(await delist(instrumentName, wait)).toMatchObject({ status: 409, body: { code: 'instrument-not-open' } })
})

test('under one Idempotency-Key it is one command', async () => {
  const named = { headers: { 'idempotency-key': 'once' } }
  await delist(instrumentName, named)
  await delist(instrumentName, named)
  const [first, again] = floor.put()
  expect(again).toEqual(first)
})

test('nothing is put for what is not listed, by a lane of older rules, or for whoever may not', async () => {
  expect(await delist('NO.SUCH-27NOV46')).toMatchObject({ body: { code: 'unknown-instrument' } })
  expect(await delist(instrumentName, { as: { role: 'trader' } })).toMatchObject({ status: 403 })
  floor.seed('lanes', activatedVersionPut(1, { version: 2, atMillis: 1 }))
  expect(await delist()).toMatchObject({ status: 409, body: { code: 'engine-version-needed' } })
  expect(floor.put()).toEqual([])
})
