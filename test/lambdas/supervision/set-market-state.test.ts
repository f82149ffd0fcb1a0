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

const set = (body: object, instrument_name = instrumentName) =>
  send('set-market-state', { as, path: { instrument_name }, body })
const soon = new Date(Date.now() + 60_000).toISOString()

describe('a trading state', () => {
  test('is set by a command, until told or for a while', async () => {
    const { status, body } = await set({ state: 'halted', until: soon })
    expect(status).toBe(202)
    expect(floor.put()).toEqual([
      {
        type: 'set-trading-state',
        commandId: body['command_id'],
        instrumentId: 1,
        state: 'halted',
        untilMillis: Date.parse(soon),
      },
    ])
    await set({ state: 'continuous' })
    expect(floor.put()[1]).toMatchObject({ state: 'continuous', untilMillis: 0 })
  })

  test.each([
    [{ state: 'continuous', until: soon }, 400],
    [{ state: 'auction', until: '2020-01-01T00:00:00Z' }, 400],
    [{ state: 'expired' }, 400],
  ])('%j is refused', async (body, status) => {
    expect((await set(body)).status).toBe(status)
    expect(floor.put()).toEqual([])
  })

  test('of an instrument that is not listed is refused', async () => {
    expect(await set({ state: 'halted' }, 'X-Y')).toMatchObject({ status: 422, body: { code: 'unknown-instrument' } })
  })
})
