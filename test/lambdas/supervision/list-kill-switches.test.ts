import { beforeEach, describe, expect, test } from '@jest/globals'
import { type KillSwitchRow, killSwitchPut } from '#adapters/tables/kill-switches.ts'
import { supervisionOperations } from '#protocol/operations/supervision.ts'
import { requests } from '#test/support/http-requests.ts'
import { openQuotingFloor } from '#test/support/market-maker.ts'

const floor = openQuotingFloor()
const { handler } = await import('#lambdas/supervision/http.ts')
const send = requests(handler, supervisionOperations)
const as = { account: 'desk', role: 'market_operator' } as const

beforeEach(() => floor.reset())

const seed = (more: Partial<KillSwitchRow>) =>
  floor.seed(
    'killSwitches',
    killSwitchPut({
      lane: 1,
      scope: 'lane',
      accountId: 0,
      firm: '',
      isOn: true,
      cancelledOrders: 2,
      changedAtMillis: 1_800_000_000_000,
      ...more,
    }),
  )

describe('kill switches', () => {
  test('are listed by scope and subject, by name', async () => {
    seed({})
    seed({ scope: 'firm', firm: 'desk', isOn: false })
    seed({ scope: 'account', accountId: 7 })
    seed({ lane: 2 })
    const { status, body } = await send('list-kill-switches', { as })
    expect(status).toBe(200)
    expect(body).toMatchObject({
      data: [
        { scope: 'account', subject: 'acme', lane: 1, is_on: true, cancelled_orders: 2 },
        { scope: 'firm', subject: 'desk', is_on: false },
        { scope: 'lane', subject: '1', changed_at: '2027-01-15T08:00:00.000Z' },
      ],
      next_cursor: null,
    })
    expect((await send('list-kill-switches', { as, query: { lane: '2' } })).body['data']).toHaveLength(1)
    expect((await send('list-kill-switches', { as, query: { lane: '3' } })).status).toBe(400)
  })

  test('come in pages of a lane', async () => {
    for (const firm of ['a', 'b', 'c']) seed({ scope: 'firm', firm })
    const first = await send('list-kill-switches', { as, query: { limit: '2' } })
    const cursor = String(first.body['next_cursor'])
    const second = await send('list-kill-switches', { as, query: { limit: '2', cursor } })
    expect([first.body['data'], second.body['data']]).toMatchObject([
      [{ subject: 'a' }, { subject: 'b' }],
      [{ subject: 'c' }],
    ])
    expect((await send('list-kill-switches', { as, query: { lane: '2', cursor } })).body['code']).toBe('invalid-cursor')
  })
})
