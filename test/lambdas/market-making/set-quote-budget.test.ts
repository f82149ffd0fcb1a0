import { beforeEach, expect, test } from '@jest/globals'
import { activatedVersionPut } from '#adapters/tables/lane-events.ts'
import { forgetEngineVersions } from '#lambdas/reference/engine-version-needed.ts'
import { marketMakingOperations } from '#protocol/operations/market-making.ts'
import { requests } from '#test/support/http-requests.ts'
import { openQuotingFloor } from '#test/support/market-maker.ts'

const floor = openQuotingFloor()
const { handler } = await import('#lambdas/market-making/http.ts')
const send = requests(handler, marketMakingOperations)
const as = { account: 'acme', role: 'market_maker' } as const

beforeEach(() => {
  floor.reset()
  forgetEngineVersions()
  floor.seed('lanes', activatedVersionPut(1, { version: 4, atMillis: 1 }))
})

const terms = { lots: 100, largest_quote_lots: 10, lot_loss: '2.5', lot_cap: '1000' }
const set = (given: object | null) => send('set-quote-budget', { as, body: { terms: given } })

test('a budget is put as a command, and released by one without terms', async () => {
  expect((await set(terms)).status).toBe(202)
  expect((await set(null)).status).toBe(202)
  const budget = { lots: 100, largestQuoteLots: 10, lotLossMicros: 2_500_000, lotCapMicros: 1_000_000_000 }
  const none = { lots: 0, largestQuoteLots: 0, lotLossMicros: 0, lotCapMicros: 0 }
  expect(floor.put()).toMatchObject([
    { type: 'set-quote-budget', accountId: 7, ...budget },
    { type: 'set-quote-budget', accountId: 7, ...none },
  ])
})

test('what is no budget is refused, and so is one before version 4', async () => {
  expect((await set({ ...terms, lots: 0 })).status).toBe(400)
  expect((await set({ ...terms, lot_loss: '0.0000001' })).body).toMatchObject({
    code: 'invalid-request',
    errors: [{ pointer: '#/terms/lot_loss' }],
  })
  floor.seed('lanes', activatedVersionPut(1, { version: 3, atMillis: 1 }))
  forgetEngineVersions()
  expect((await set(terms)).body['code']).toBe('engine-version-needed')
  expect(floor.put()).toEqual([])
})
