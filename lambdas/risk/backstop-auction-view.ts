import type * as z from 'zod'
import type { AuctionBidRow, AuctionRow } from '#adapters/tables/backstop-auctions.ts'
import { decimal } from '#domain/units.ts'
import type { backstopAuction } from '#protocol/operations/liquidation.ts'

/** Whose positions they are is nobody's to know, nor what others have bid. */
export const backstopAuctionView = (
  { auctionId, lane, state, openedAtMillis, deadlineMillis, lots }: AuctionRow,
  own: AuctionBidRow | undefined,
  nowMillis: number,
): z.infer<typeof backstopAuction> => ({
  auction_id: auctionId,
  lane,
  auction_state: stateOf(state, nowMillis >= deadlineMillis),
  opened_at: new Date(openedAtMillis).toISOString(),
  deadline: new Date(deadlineMillis).toISOString(),
  lots: lots.map(each => ({
    instrument_name: each.instrumentName,
    direction: each.signedLots > 0 ? ('buy' as const) : ('sell' as const),
    amount: decimal(Math.abs(each.signedLots), each.minTradeAmount),
    mark_price: decimal(each.markTicks, each.tickSize),
    reserve_price: decimal(each.reserveTicks, each.tickSize),
  })),
  own_bids: (own?.bids ?? []).flatMap(bid => {
    const lot = lots.find(each => each.instrumentId === bid.instrumentId)
    if (lot === undefined) return []
    return [
      {
        instrument_name: lot.instrumentName,
        price: decimal(bid.priceTicks, lot.tickSize),
        amount: decimal(bid.lots, lot.minTradeAmount),
      },
    ]
  }),
})

const stateOf = (state: AuctionRow['state'], isPastDeadline: boolean) => {
  if (state === 'awarded') return 'ended' as const
  return state === 'closed' || isPastDeadline ? ('closed' as const) : ('open' as const)
}
