import { beforeEach, describe, expect, test } from '@jest/globals'
import { marketMakingOperations } from '#protocol/operations/market-making.ts'
import { requests } from '#test/support/http-requests.ts'
import { openQuotingFloor } from '#test/support/market-maker.ts'
import { instrumentName } from '#test/support/trading-floor.ts'

const floor = openQuotingFloor()
const { handler } = await import('#lambdas/market-making/http.ts')
const send = requests(handler, marketMakingOperations)

beforeEach(() => floor.reset())

const operator = { account: 'desk', role: 'market_operator' } as const
const path = { instrument_name: instrumentName }
const set = (max_spread: string, min_amount: string) =>
  send('set-obligation', { as: operator, path, body: { max_spread, min_amount } })

describe('terms', () => {
  test('hold some seconds later, each version after the one before', async () => {
    const before = Date.now()
    const first = await set('0.02', '1')
    expect(first).toMatchObject({
      status: 200,
      body: { instrument_name: instrumentName, version: 1, max_spread: '0.02', min_amount: '1' },
    })
    expect(Date.parse(String(first.body['effective_from']))).toBeGreaterThanOrEqual(before + 5_000)
    const second = await set('0.01', '1')
    expect(second.body).toMatchObject({ version: 2, max_spread: '0.01' })
    expect(Date.parse(String(second.body['effective_from']))).toBeGreaterThan(
      Date.parse(String(first.body['effective_from'])),
    )
    expect(floor.tables.items('obligationTerms')).toMatchObject([
      {
        market: '1#1',
        version: 2,
        versions: [
          { max_spread_ppm: 20_000, min_lots: 10 },
          { max_spread_ppm: 10_000, set_by: 'desk' },
        ],
      },
    ])
  })

  test('that hold already are no new version', async () => {
    const first = await set('0.02', '1')
    expect((await set('0.020', '1')).body).toEqual(first.body)
  })

  test.each([
    ['0', '1', 400],
    ['2', '1', 400],
    ['0.02', '0.25', 422],
    ['0.0000001', '1', 400],
  ])('of spread %s and amount %s are refused', async (spread, amount, status) => {
    expect((await set(spread, amount)).status).toBe(status)
    expect(floor.tables.items('obligationTerms')).toEqual([])
  })

  test('for an instrument that is not listed are refused', async () => {
    const answer = await send('set-obligation', {
      as: operator,
      path: { instrument_name: 'X-Y' },
      body: { max_spread: '0.02', min_amount: '1' },
    })
    expect(answer).toMatchObject({ status: 422, body: { code: 'unknown-instrument' } })
  })
})
