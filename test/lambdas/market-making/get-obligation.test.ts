import { beforeEach, describe, expect, test } from '@jest/globals'
import { marketMakingOperations } from '#protocol/operations/market-making.ts'
import { requests } from '#test/support/http-requests.ts'
import { openQuotingFloor } from '#test/support/market-maker.ts'
import { instrumentName } from '#test/support/trading-floor.ts'

const floor = openQuotingFloor()
const { handler } = await import('#lambdas/market-making/http.ts')
const send = requests(handler, marketMakingOperations)
const as = { role: 'market_maker' } as const

beforeEach(() => floor.reset())

const read = (instrument_name: string) => send('get-obligation', { as, path: { instrument_name } })

describe('terms', () => {
  test('are the newest version', async () => {
    expect(await read(instrumentName)).toMatchObject({ status: 404, body: { code: 'not-found' } })
    const version = {
      from_millis: 1_800_000_000_000,
      max_spread_ppm: 20_000,
      min_lots: 10,
      set_by: 'desk',
      set_at_millis: 1,
    }
    floor.tables.seed('obligationTerms', {
      market: '1#1',
      version: 2,
      versions: [version, { ...version, min_lots: 20 }],
    })
    expect(await read(instrumentName)).toMatchObject({
      status: 200,
      body: { version: 2, max_spread: '0.02', min_amount: '2', effective_from: '2027-01-15T08:00:00.000Z' },
    })
  })

  test('of an instrument that is not listed are refused', async () => {
    expect(await read('X-Y')).toMatchObject({ status: 422, body: { code: 'unknown-instrument' } })
  })
})
