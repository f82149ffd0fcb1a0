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

const body = { group: 'g', quotes: [{ instrument_name: instrumentName, bid: { price: '2.5', amount: '1' } }] }

describe('a mass quote', () => {
  test('is pending, then quoted or rejected', async () => {
    const { body: taken } = await send('put-quotes', { as, body })
    const read = () => send('get-quote-outcome', { as, path: { command_id: String(taken['command_id']) } })
    expect(await read()).toMatchObject({ status: 200, body: { quote_state: 'pending', timestamp: null } })
    // A side was refused; the end is not there yet.
    const begun = { command_id: taken['command_id'], buy_1: 'price-outside-band' }
    floor.tables.seed('quoteOutcomes', begun)
    expect(await read()).toMatchObject({ body: { quote_state: 'pending', rejected_sides: [] } })
    floor.tables.seed('quoteOutcomes', { ...begun, accepted_sides: 1, at_millis: 1_800_000_000_000 })
    expect(await read()).toMatchObject({
      body: {
        quote_state: 'quoted',
        accepted_sides: 1,
        rejected_sides: [{ instrument_name: instrumentName, direction: 'buy', code: 'price-outside-band' }],
        timestamp: '2027-01-15T08:00:00.000Z',
      },
    })
    floor.tables.seed('quoteOutcomes', { ...begun, accepted_sides: 0, code: 'kill-switch-on', at_millis: 1 })
    expect(await read()).toMatchObject({ body: { quote_state: 'rejected', reject_reason: 'kill-switch-on' } })
  })

  test('of another account, and any other command, is not there', async () => {
    const { body: taken } = await send('put-quotes', { as, body })
    const { body: other } = await send('set-dead-man', { body: { timeout_ms: 5_000 } })
    const read = (account: string, commandId: unknown) =>
      send('get-quote-outcome', { as: { ...as, account }, path: { command_id: String(commandId) } })
    expect((await read('other', taken['command_id'])).status).toBe(404)
    expect((await read('acme', other['command_id'])).status).toBe(404)
  })
})
