import { beforeEach, expect, test } from '@jest/globals'
import { quoteBudgetPut } from '#adapters/tables/risk-limits.ts'
import { marketMakingOperations } from '#protocol/operations/market-making.ts'
import { requests } from '#test/support/http-requests.ts'
import { openQuotingFloor } from '#test/support/market-maker.ts'

const floor = openQuotingFloor()
const { handler } = await import('#lambdas/market-making/http.ts')
const send = requests(handler, marketMakingOperations)
const as = { account: 'acme', role: 'market_maker' } as const

beforeEach(() => floor.reset())

test('tells the terms and what they put by, or that there are none', async () => {
  expect(await send('get-quote-budget', { as })).toMatchObject({ status: 200, body: { terms: null, reserved: '0' } })
  const terms = { lots: 100, largestQuoteLots: 10, lotLossMicros: 2_500_000, lotCapMicros: 1_000_000_000 }
  floor.seed('riskLimits', quoteBudgetPut(1, 7, terms))
  expect((await send('get-quote-budget', { as })).body).toEqual({
    terms: { lots: 100, largest_quote_lots: 10, lot_loss: '2.5', lot_cap: '1000' },
    reserved: '250',
  })
})
