import type { AllocationRow, AllocationShare, ShareBid } from '#adapters/tables/capacity-allocations.ts'
import { getAuction } from '#adapters/tables/day-ahead-auctions.ts'
import { decimal } from '#domain/units.ts'
import { takeBid } from '../day-ahead/bid-intake.ts'
import { bidNameOf, blockName, hoursOf, waits } from './run-bid.ts'

/** For all hours of the run or for none, as the account would place it. Undefined while nobody can tell what came of it. */
export const bidFor = async (
  row: AllocationRow,
  { units }: AllocationShare,
  { deliveryDate, market: name, limitTicks, lotsOfUnit }: ShareBid,
): Promise<{ readonly bidId: string } | { readonly refused: string } | undefined> => {
  const auction = await getAuction(row.lane, deliveryDate)
  const market = auction?.markets.find(each => each.market === name)
  if (market === undefined) return { refused: `there is no auction of ${name} for ${deliveryDate}` }
  const answer = await takeBid('buy', {
    principal: row,
    headers: waits,
    idempotencyKey: bidNameOf(row),
    body: {
      delivery_date: deliveryDate,
      blocks: [
        {
          block: blockName,
          market: name,
          price: decimal(limitTicks, market.tickSize),
          hours: hoursOf(row).map(hour => ({ hour, amount: decimal(units * lotsOfUnit, market.minTradeAmount) })),
          minimum_acceptance_ratio: '1',
        },
      ],
    },
  })
  if ('code' in answer)
    return { refused: `the bid for ${name} on ${deliveryDate} was refused: ${answer.detail ?? answer.code}` }
  return answer.body.bid_state === 'accepted' ? { bidId: answer.body.bid_id } : undefined
}
