import { type AuctionBidRow, getAuction, putBid } from '#adapters/tables/backstop-auctions.ts'
import { getInstrumentById } from '#adapters/tables/instruments.ts'
import { countLots, countTicks } from '#domain/trading/terms.ts'
import type { bidInBackstopAuction } from '#protocol/operations/liquidation.ts'
import type { Handle } from '../shell/http.ts'
import { traderOf } from '../trading/trader.ts'
import { backstopAuctionView } from './backstop-auction-view.ts'

export const handle: Handle<typeof bidInBackstopAuction> = async ({ path, body, principal }) => {
  const maker = await traderOf(principal)
  if (maker === undefined) return { code: 'account-not-open' }
  const auction = await getAuction(path.auction_id)
  if (auction === undefined || auction.lane !== maker.lane) return { code: 'not-found' }
  const bids: AuctionBidRow['bids'][number][] = []
  for (const [index, bid] of body.bids.entries()) {
    const lot = auction.lots.find(each => each.instrumentName === bid.instrument_name)
    const market = lot === undefined ? undefined : await getInstrumentById(auction.lane, lot.instrumentId)
    const at = `#/bids/${index}`
    if (lot === undefined || market === undefined || bids.some(each => each.instrumentId === lot.instrumentId))
      return {
        code: 'invalid-request',
        errors: [{ pointer: `${at}/instrument_name`, detail: 'must be one of the auction, each once' }],
      }
    const [ticks, lots] = [countTicks(bid.price, market.instrument), countLots(bid.amount, market.instrument)]
    if (!ticks.ok) return { code: ticks.code, errors: [{ pointer: `${at}/price`, detail: ticks.detail }] }
    if (!lots.ok) return { code: lots.code, errors: [{ pointer: `${at}/amount`, detail: lots.detail }] }
    const isWorse = lot.signedLots > 0 ? ticks.count < lot.reserveTicks : ticks.count > lot.reserveTicks
    if (isWorse)
      return { code: 'price-out-of-range', errors: [{ pointer: `${at}/price`, detail: 'is beyond the reserve price' }] }
    if (lots.count > Math.abs(lot.signedLots))
      return { code: 'amount-out-of-range', errors: [{ pointer: `${at}/amount`, detail: 'is more than is auctioned' }] }
    bids.push({ instrumentId: lot.instrumentId, priceTicks: ticks.count, lots: lots.count })
  }
  const nowMillis = Date.now()
  const row = { auctionId: auction.auctionId, accountId: maker.accountId, bidAtMillis: nowMillis, bids }
  if (nowMillis >= auction.deadlineMillis || !(await putBid(row))) return { code: 'auction-over' }
  return { status: 200, body: backstopAuctionView(auction, row, nowMillis) }
}
