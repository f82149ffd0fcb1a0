import { beforeEach, describe, expect, test } from '@jest/globals'
import { bidsOfAuction, moveAuction } from '#adapters/tables/backstop-auctions.ts'
import { riskOperations } from '#protocol/operations/risk.ts'
import { requests } from '#test/support/http-requests.ts'
import { putAuction } from '#test/support/liquidation-rows.ts'
import { openQuotingFloor } from '#test/support/market-maker.ts'
import { idOf } from '#test/support/tape.ts'
import { instrumentName } from '#test/support/trading-floor.ts'

const floor = openQuotingFloor()
const { handler } = await import('#lambdas/risk/http.ts')
const send = requests(handler, riskOperations)
const as = { role: 'market_maker' } as const
const path = { auction_id: idOf('c') }
const bid = (price: string, amount: string, name = instrumentName) =>
  send('bid-in-backstop-auction', { as, path, body: { bids: [{ instrument_name: name, price, amount }] } })

const lot = (signedLots: number, reserveTicks: number) => ({
  instrumentId: 1,
  instrumentName,
  tickSize: '0.05',
  minTradeAmount: '0.1',
  signedLots,
  markTicks: 50,
  reserveTicks,
})
beforeEach(() => floor.reset())

describe('a bid', () => {
  test('stands until another takes its place, or none does', async () => {
    await putAuction({ lots: [lot(100, 40)] })
    expect(await bid('2.25', '3')).toMatchObject({
      status: 200,
      body: {
        auction_state: 'open',
        lots: [
          { instrument_name: instrumentName, direction: 'buy', amount: '10', mark_price: '2.5', reserve_price: '2' },
        ],
        own_bids: [{ instrument_name: instrumentName, price: '2.25', amount: '3' }],
      },
    })
    await bid('2', '10')
    expect(await bidsOfAuction(idOf('c'))).toMatchObject([
      { accountId: 7, bids: [{ instrumentId: 1, priceTicks: 40, lots: 100 }] },
    ])
    await send('bid-in-backstop-auction', { as, path, body: { bids: [] } })
    expect(await bidsOfAuction(idOf('c'))).toMatchObject([{ accountId: 7, bids: [] }])
  })

  test('beyond the reserve, for more than there is, off the increments or for something else is refused', async () => {
    await putAuction({ lots: [lot(-100, 60)] })
    const codes = []
    for (const [price, amount, name] of [
      ['3.05', '1'],
      ['2.52', '1'],
      ['2.5', '10.1'],
      ['2.5', '0.05'],
      ['2.5', '1', 'A100.USE-27NOV46'],
    ] as const)
      codes.push((await bid(price, amount, name)).body['code'])
    expect(codes).toEqual([
      'price-out-of-range',
      'price-off-tick',
      'amount-out-of-range',
      'amount-off-lot',
      'invalid-request',
    ])
    expect((await bid('3', '10')).status).toBe(200)
    const twice = [1, 2].map(() => ({ instrument_name: instrumentName, price: '2.5', amount: '1' }))
    expect((await send('bid-in-backstop-auction', { as, path, body: { bids: twice } })).status).toBe(400)
  })

  test('comes in time, in one’s own lane, from a market maker', async () => {
    await putAuction({ lots: [lot(100, 40)] })
    await moveAuction(idOf('c'), 'open', 'closed')
    expect((await bid('2.5', '1')).body['code']).toBe('auction-over')
    const late = { auctionId: idOf('d'), lots: [lot(100, 40)], deadlineMillis: Date.now() }
    await putAuction(late)
    const body = { bids: [{ instrument_name: instrumentName, price: '2.5', amount: '1' }] }
    const send_ = (auction_id: string, who: object = as) =>
      send('bid-in-backstop-auction', { as: who, path: { auction_id }, body })
    expect((await send_(idOf('d'))).body['code']).toBe('auction-over')
    await putAuction({ auctionId: idOf('e'), lane: 2, lots: [lot(100, 40)] })
    expect((await send_(idOf('e'))).status).toBe(404)
    expect((await send_(idOf('f'))).status).toBe(404)
    expect((await send_(idOf('c'), { role: 'trader' })).status).toBe(403)
    expect((await send_(idOf('c'), { role: 'market_maker', account: 'nobody' })).body['code']).toBe('account-not-open')
  })
})
