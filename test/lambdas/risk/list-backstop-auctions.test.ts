import { beforeEach, describe, expect, test } from '@jest/globals'
import { putBid } from '#adapters/tables/backstop-auctions.ts'
import { riskOperations } from '#protocol/operations/risk.ts'
import { requests } from '#test/support/http-requests.ts'
import { putAuction } from '#test/support/liquidation-rows.ts'
import { openQuotingFloor } from '#test/support/market-maker.ts'
import { idOf } from '#test/support/tape.ts'

const floor = openQuotingFloor()
const { handler } = await import('#lambdas/risk/http.ts')
const send = requests(handler, riskOperations)
const as = { role: 'market_maker' } as const
beforeEach(() => floor.reset())

const lots = [
  {
    instrumentId: 1,
    instrumentName: 'A-B',
    tickSize: '0.05',
    minTradeAmount: '0.1',
    signedLots: -30,
    markTicks: 50,
    reserveTicks: 60,
  },
]

describe('backstop auctions', () => {
  test('of one’s lane, newest first, with one’s own bids only and without whose positions they are', async () => {
    const openedAtMillis = Date.now()
    await putAuction({ openedAtMillis, lots })
    await putAuction({ auctionId: idOf('d'), openedAtMillis: openedAtMillis + 1, deadlineMillis: 1 })
    await putAuction({ auctionId: idOf('e'), lane: 2 })
    for (const [accountId, priceTicks] of [
      [7, 55],
      [8, 51],
    ] as const)
      await putBid({
        auctionId: idOf('c'),
        accountId,
        bidAtMillis: 1,
        bids: [{ instrumentId: 1, priceTicks, lots: 10 }],
      })
    const { status, body } = await send('list-backstop-auctions', { as })
    expect(status).toBe(200)
    expect(body).toMatchObject({
      data: [
        { auction_id: idOf('d'), auction_state: 'closed', own_bids: [] },
        {
          auction_id: idOf('c'),
          auction_state: 'open',
          lots: [{ instrument_name: 'A-B', direction: 'sell', amount: '3', mark_price: '2.5', reserve_price: '3' }],
          own_bids: [{ instrument_name: 'A-B', price: '2.75', amount: '1' }],
        },
      ],
      next_cursor: null,
    })
    expect(JSON.stringify(body)).not.toContain(idOf('a'))
  })

  test('come in pages, to market makers', async () => {
    for (const [index, letter] of ['c', 'd', 'e'].entries())
      await putAuction({ auctionId: idOf(letter), openedAtMillis: 1_800_000_000_000 + index })
    const first = await send('list-backstop-auctions', { as, query: { limit: '2' } })
    const cursor = String(first.body['next_cursor'])
    const second = await send('list-backstop-auctions', { as, query: { limit: '2', cursor } })
    expect(second.body).toMatchObject({ data: [{ auction_id: idOf('c') }], next_cursor: null })
    expect((await send('list-backstop-auctions', { as, query: { cursor: 'x' } })).body['code']).toBe('invalid-cursor')
    expect((await send('list-backstop-auctions')).status).toBe(403)
    expect((await send('list-backstop-auctions', { as: { ...as, account: 'nobody' } })).body['code']).toBe(
      'account-not-open',
    )
  })
})
