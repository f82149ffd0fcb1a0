import { beforeEach, describe, expect, test } from '@jest/globals'
import { supervisionOperations } from '#protocol/operations/supervision.ts'
import { requests } from '#test/support/http-requests.ts'
import { openQuotingFloor } from '#test/support/market-maker.ts'
import { instrumentName } from '#test/support/trading-floor.ts'

const floor = openQuotingFloor()
const { handler } = await import('#lambdas/supervision/http.ts')
const send = requests(handler, supervisionOperations)
const as = { account: 'desk', role: 'market_operator' } as const

beforeEach(() => floor.reset())

const set = (body: object) => send('set-market-controls', { as, path: { instrument_name: instrumentName }, body })

describe('controls', () => {
  test('are set by a command, in millionths', async () => {
    const { status, body } = await set({
      price_band: '0.1',
      velocity: '0.05',
      velocity_interval_ms: 1_000,
      halt_ms: 2_000,
      auction_ms: 3_000,
    })
    expect(status).toBe(202)
    expect(floor.put()).toEqual([
      {
        type: 'set-market-controls',
        commandId: body['command_id'],
        instrumentId: 1,
        bandPpm: 100_000,
        velocityPpm: 50_000,
        velocityMillis: 1_000,
        haltMillis: 2_000,
        auctionMillis: 3_000,
      },
    ])
  })

  test('that are left out are off', async () => {
    await set({})
    expect(floor.put()).toMatchObject([
      { bandPpm: 0, velocityPpm: 0, velocityMillis: 0, haltMillis: 0, auctionMillis: 0 },
    ])
  })

  test.each([{ velocity: '0.1' }, { velocity_interval_ms: 1 }, { price_band: '0.0000001' }, { halt_ms: -1 }])(
    '%j are refused',
    async body => {
      expect((await set(body)).status).toBe(400)
      expect(floor.put()).toEqual([])
    },
  )
})
