import { beforeEach, describe, expect, test } from '@jest/globals'
import { tradeIdOf } from '#adapters/market-keys.ts'
import { replaceTradeBust, type TradeBustRow } from '#adapters/tables/trade-busts.ts'
import { supervisionOperations } from '#protocol/operations/supervision.ts'
import { requests } from '#test/support/http-requests.ts'
import { openQuotingFloor } from '#test/support/market-maker.ts'

const floor = openQuotingFloor()
const { handler } = await import('#lambdas/supervision/http.ts')
const send = requests(handler, supervisionOperations)

beforeEach(() => floor.reset())

const bustId = tradeIdOf(1, 41)
const person = (account: string) => ({ account, role: 'risk_manager' }) as const
const approve = (account: string, headers: Readonly<Record<string, string>> = {}) =>
  send('approve-trade-bust', { as: person(account), path: { bust_id: bustId }, headers })

const ask = (change: Partial<TradeBustRow> = {}) =>
  replaceTradeBust(
    {
      lane: 1,
      tradeId: bustId,
      attempt: 1,
      commandId: '0190a6f2-5d3c-8b1e-9c57-3a1f0e6f9b21',
      instrumentId: 1,
      instrumentName: 'A-B',
      tickSize: '0.05',
      minTradeAmount: '0.1',
      priceTicks: 51,
      quantityLots: 10,
      buyerId: 7,
      sellerId: 8,
      buyerFeeMicros: 3,
      sellerFeeMicros: 2,
      tradedAtMillis: Date.now() - 60_000,
      reason: 'fat finger',
      requestedBy: { account: 'desk', credential: 'desk-1' },
      requestedAtMillis: Date.now(),
      ...change,
    },
    undefined,
  )

describe('an approval', () => {
  test('puts one command, whose id follows from the request, however often it is repeated', async () => {
    await ask()
    expect(await approve('risk')).toMatchObject({
      status: 202,
      body: { bust_state: 'submitted', requested_by: 'desk', approved_by: 'risk' },
    })
    expect(floor.put()).toEqual([
      {
        type: 'bust-trade',
        commandId: '0190a6f2-5d3c-8b1e-9c57-3a1f0e6f9b21',
        instrumentId: 1,
        priceTicks: 51,
        quantityLots: 10,
        buyerId: 7,
        sellerId: 8,
        tradeId: bustId,
        buyerFeeMicros: 3,
        sellerFeeMicros: 2,
        tradedAtMillis: expect.any(Number),
      },
    ])
    expect((await approve('risk')).status).toBe(202)
    expect(floor.put()[1]).toEqual(floor.put()[0])
    floor.outcome('0190a6f2-5d3c-8b1e-9c57-3a1f0e6f9b21')
    expect(await approve('risk', { prefer: 'wait=1' })).toMatchObject({ status: 200, body: { bust_state: 'busted' } })
    expect(floor.put()).toHaveLength(2)
  })

  test('of two people at once is that of one', async () => {
    await ask()
    const answers = await Promise.all(['risk', 'other-risk'].map(account => approve(account)))
    // Both have read the row before either writes: one write holds.
    expect(answers.map(({ status }) => status).sort()).toEqual([202, 409])
    expect(floor.put()).toHaveLength(1)
  })

  test('takes another account and another credential', async () => {
    await ask()
    expect(await approve('desk')).toMatchObject({ status: 409, body: { code: 'second-person-required' } })
    floor.tables.reset()
    await ask({ requestedBy: { account: 'elsewhere', credential: 'acme' } })
    expect(await approve('risk')).toMatchObject({ status: 409, body: { code: 'second-person-required' } })
    expect(floor.put()).toEqual([])
  })

  test('comes too late, or after another one’s, or for nothing', async () => {
    expect((await approve('risk')).status).toBe(404)
    await ask({ tradedAtMillis: Date.now() - 60 * 60 * 1_000 })
    expect(await approve('risk')).toMatchObject({ status: 409, body: { code: 'bust-window-over' } })
    expect(floor.put()).toEqual([])
  })

  test('tells whoever waits that the engine refused', async () => {
    await ask()
    floor.streams.onPut(command => 'commandId' in command && floor.outcome(command.commandId, 'insufficient-funds'))
    expect(await approve('risk', { prefer: 'wait=2' })).toMatchObject({
      status: 200,
      body: { bust_state: 'rejected', reject_reason: 'insufficient-funds' },
    })
  })
})
