import { beforeEach, describe, expect, test } from '@jest/globals'
import { riskOperations } from '#protocol/operations/risk.ts'
import { requests } from '#test/support/http-requests.ts'
import { calledMillis, putLiquidation } from '#test/support/liquidation-rows.ts'
import { openQuotingFloor } from '#test/support/market-maker.ts'
import { idOf } from '#test/support/tape.ts'

const floor = openQuotingFloor()
const { handler } = await import('#lambdas/risk/http.ts')
const send = requests(handler, riskOperations)
const manager = { account: 'desk', role: 'risk_manager' } as const

beforeEach(() => floor.reset())

describe('liquidations', () => {
  test('are one’s own, newest first, in decimals', async () => {
    await putLiquidation()
    await putLiquidation({ liquidationId: idOf('b'), startedAtMillis: calledMillis + 1, state: 'recovered' })
    await putLiquidation({ liquidationId: idOf('c'), accountId: 8 })
    const { status, body } = await send('list-liquidations')
    expect([status, body['next_cursor']]).toEqual([200, null])
    expect(body['data']).toMatchObject([
      { liquidation_id: idOf('b'), liquidation_state: 'recovered' },
      {
        liquidation_id: idOf('a'),
        account: 'acme',
        lane: 1,
        liquidation_state: 'running',
        called_at: '2027-01-15T08:00:00.000Z',
        grace_ends_at: '2027-01-15T08:05:00.000Z',
        called_equity: '-1.5',
        called_requirement: '2',
        equity: '0.5',
        requirement: '0.4',
        ended_at: null,
        failure: null,
      },
    ])
    expect((await send('list-liquidations', { as: { account: 'nobody' } })).body['code']).toBe('account-not-open')
  })

  test('are all of a lane for who answers for risk, page by page', async () => {
    for (const [index, letter] of ['a', 'b', 'c'].entries())
      await putLiquidation({ liquidationId: idOf(letter), startedAtMillis: calledMillis + index, accountId: 7 })
    await putLiquidation({ liquidationId: idOf('d'), lane: 2 })
    const first = await send('list-liquidations', { as: manager, query: { limit: '2' } })
    const cursor = String(first.body['next_cursor'])
    const second = await send('list-liquidations', { as: manager, query: { limit: '2', cursor } })
    expect([first.body['data'], second.body]).toMatchObject([
      [{ liquidation_id: idOf('c') }, { liquidation_id: idOf('b') }],
      { data: [{ liquidation_id: idOf('a') }], next_cursor: null },
    ])
    expect((await send('list-liquidations', { as: manager, query: { lane: '9' } })).status).toBe(400)
    // A cursor is its own account's.
    expect((await send('list-liquidations', { query: { cursor } })).body['code']).toBe('invalid-cursor')
  })
})
