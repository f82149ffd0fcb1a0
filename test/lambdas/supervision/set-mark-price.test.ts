import { beforeEach, describe, expect, test } from '@jest/globals'
import { supervisionOperations } from '#protocol/operations/supervision.ts'
import { requests } from '#test/support/http-requests.ts'
import { openQuotingFloor } from '#test/support/market-maker.ts'
import { instrumentName } from '#test/support/trading-floor.ts'

const floor = openQuotingFloor()
const { handler } = await import('#lambdas/supervision/http.ts')
const send = requests(handler, supervisionOperations)

beforeEach(() => floor.reset())

const set = (price: string, role: 'market_operator' | 'service' | 'trader' = 'service') =>
  send('set-mark-price', { as: { role }, path: { instrument_name: instrumentName }, body: { price } })

describe('a mark price', () => {
  test('is set by a command, in ticks', async () => {
    const { status, body } = await set('2.55')
    expect(status).toBe(202)
    expect(floor.put()).toEqual([
      { type: 'set-mark-price', commandId: body['command_id'], instrumentId: 1, markTicks: 51 },
    ])
  })

  test('is refused off the tick, beyond the highest, and by who trades', async () => {
    expect((await set('2.56')).body['code']).toBe('price-off-tick')
    expect((await set('100.05')).body['code']).toBe('price-out-of-range')
    expect((await set('2.55', 'trader')).status).toBe(403)
    expect(floor.put()).toEqual([])
  })
})
