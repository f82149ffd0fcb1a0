import { beforeEach, describe, expect, test } from '@jest/globals'
import { supervisionOperations } from '#protocol/operations/supervision.ts'
import { requests } from '#test/support/http-requests.ts'
import { openQuotingFloor } from '#test/support/market-maker.ts'

const floor = openQuotingFloor()
const { handler } = await import('#lambdas/supervision/http.ts')
const send = requests(handler, supervisionOperations)
const as = { account: 'desk', role: 'market_operator' } as const

beforeEach(() => floor.reset())

const set = (scope: string, subject: string, body: object = { is_on: true }) =>
  send('set-kill-switch', { as, path: { scope, subject }, body })
const switched = { type: 'set-kill-switch', accountId: 0, isOn: true, firm: '' }

describe('a kill switch', () => {
  test('of an account is put into its lane', async () => {
    expect((await set('account', 'abroad', { is_on: false })).status).toBe(202)
    expect(floor.streams.put).toMatchObject([
      { lane: 2, command: { ...switched, scope: 'account', accountId: 9, isOn: false } },
    ])
  })

  test('of a firm is put into the first lane, or the one that is named; of a lane into it', async () => {
    await set('firm', 'acme')
    await set('firm', 'acme', { is_on: true, lane: 2 })
    await set('lane', '2')
    expect(floor.streams.put).toMatchObject([
      { lane: 1, command: { ...switched, scope: 'firm', firm: 'acme' } },
      { lane: 2, command: { ...switched, scope: 'firm', firm: 'acme' } },
      { lane: 2, command: { ...switched, scope: 'lane' } },
    ])
  })

  test('of what the engine does not know is told to whoever waits', async () => {
    floor.streams.onPut(command => 'commandId' in command && floor.outcome(command.commandId, 'unknown-firm'))
    const path = { scope: 'firm', subject: 'none' }
    const headers = { prefer: 'wait=2' }
    expect(await send('set-kill-switch', { as, path, body: { is_on: true }, headers })).toMatchObject({
      status: 422,
      body: { code: 'unknown-firm' },
    })
  })

  test.each([
    ['account', 'nobody', {}, 422],
    ['account', 'acme', { lane: 1 }, 400],
    ['firm', 'acme', { lane: 3 }, 400],
    ['lane', '3', {}, 404],
    ['lane', 'x', {}, 404],
    ['planet', 'x', {}, 400],
  ])('of %s %s with %j is refused', async (scope, subject, more, status) => {
    expect((await set(scope, subject, { is_on: true, ...more })).status).toBe(status)
    expect(floor.put()).toEqual([])
  })
})
