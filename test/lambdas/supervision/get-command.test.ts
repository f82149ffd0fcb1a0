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

const path = { instrument_name: instrumentName }
const read = (commandId: unknown, account = 'desk') =>
  send('get-command', { as: { ...as, account }, path: { command_id: String(commandId) } })

describe('a command', () => {
  test('is pending, then accepted or rejected', async () => {
    const { body } = await send('set-mark-price', { as, path, body: { price: '2.5' } })
    const told = { command_id: body['command_id'], operation: 'set-mark-price' }
    expect(await read(body['command_id'])).toMatchObject({ status: 200, body: { ...told, command_state: 'pending' } })
    floor.outcome(String(body['command_id']))
    expect(await read(body['command_id'])).toMatchObject({
      body: { ...told, command_state: 'accepted', reject_reason: null, timestamp: '2026-07-21T00:00:00.000Z' },
    })
    floor.outcome(String(body['command_id']), 'instrument-not-open')
    expect(await read(body['command_id'])).toMatchObject({
      body: { command_state: 'rejected', reject_reason: 'instrument-not-open' },
    })
  })

  test('of somebody else, and one that makes a thing of its own, is not there', async () => {
    const { body } = await send('set-mark-price', { as, path, body: { price: '2.5' } })
    expect((await read(body['command_id'], 'other')).status).toBe(404)
    const [row = {}] = floor.tables.items('commands')
    floor.tables.seed('commands', { ...row, operation: 'place-order' })
    expect((await read(body['command_id'])).status).toBe(404)
  })
})
