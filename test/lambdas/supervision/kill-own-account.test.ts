import { beforeEach, describe, expect, test } from '@jest/globals'
import { supervisionOperations } from '#protocol/operations/supervision.ts'
import { requests } from '#test/support/http-requests.ts'
import { openQuotingFloor } from '#test/support/market-maker.ts'

const floor = openQuotingFloor()
const { handler } = await import('#lambdas/supervision/http.ts')
const send = requests(handler, supervisionOperations)
const as = { account: 'desk', role: 'market_operator' } as const

beforeEach(() => floor.reset())

const own = { account: 'acme', role: 'trader' } as const

describe('one’s own account', () => {
  test('is stopped by a command', async () => {
    const { status, body } = await send('kill-own-account', { as: own, body: { is_on: true } })
    expect(status).toBe(202)
    expect(floor.put()).toEqual([
      { type: 'set-kill-switch', commandId: body['command_id'], scope: 'account', accountId: 7, isOn: true, firm: '' },
    ])
  })

  test('is not released by its owner, and who runs the market has none to stop', async () => {
    expect((await send('kill-own-account', { as: own, body: { is_on: false } })).status).toBe(400)
    expect((await send('kill-own-account', { as, body: { is_on: true } })).status).toBe(403)
    const nobody = { account: 'nobody', role: 'trader' } as const
    expect(await send('kill-own-account', { as: nobody, body: { is_on: true } })).toMatchObject({
      body: { code: 'account-not-open' },
    })
    expect(floor.put()).toEqual([])
  })
})
