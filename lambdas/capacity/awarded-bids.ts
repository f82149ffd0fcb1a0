import type { AllocationRow, AllocationShare, ShareBid } from '#adapters/tables/capacity-allocations.ts'
import { type AuctionRow, getAuction } from '#adapters/tables/day-ahead-auctions.ts'
import { getAccountAwards, getClearedPrices } from '#adapters/tables/day-ahead-results.ts'
import { hourlySpecification, marketUnits } from '#domain/auction/day-ahead-market.ts'
import { decimalOfMicros } from '#domain/units.ts'
import { boughtMicros, boughtShares } from './bought-shares.ts'
import { changeAllocation, unplanned } from './change-allocation.ts'
import { bidNameOf, blockName, hoursOf } from './run-bid.ts'

/** Once the awards of its auction are booked: its units are reserved, or it waits for the next plan. */
export const takeAward = async (row: AllocationRow): Promise<void> => {
  const share = row.shares.find(each => each.bid !== undefined)
  if (row.state !== 'bidding' || share?.bid === undefined) return
  const auction = await getAuction(row.lane, share.bid.deliveryDate)
  if (auction === undefined) throw new Error(`the auction of ${share.bid.deliveryDate} is gone`)
  const what = `Its bid for ${share.units} units of ${share.bid.market} on ${share.bid.deliveryDate}`
  switch (auction.state) {
    case 'cancelling':
    case 'cancelled':
      await lose(row, `${what} is void: the auction was cancelled.`)
      return
    case 'awarded':
    case 'released':
    case 'done': {
      const paidMicros = await awarded(row, share, share.bid, auction)
      if (paidMicros === undefined) await lose(row, `${what} was not accepted.`)
      else await win(row, share, paidMicros)
      return
    }
    default:
  }
}

const lose = async (row: AllocationRow, explanation: string): Promise<void> => {
  await changeAllocation(unplanned(row), { state: 'requested', explanation })
}

const win = async (row: AllocationRow, share: AllocationShare, paidMicros: number): Promise<void> => {
  const unitHours = share.units * hoursOf(row).length
  const paid = { ...share, priceMicrosPerUnitHour: Math.ceil(paidMicros / unitHours) }
  await changeAllocation(row, {
    state: 'reserved',
    shares: row.shares.map(each => (each === share ? paid : each)),
    costMicros: boughtMicros(boughtShares(row)) + paidMicros,
    explanation: `Awarded in the day-ahead auction for ${decimalOfMicros(paidMicros)} USD.`,
  })
}

/** What its block cost at the prices of its hours, commission included; undefined where it was not accepted, or came too late to be held. */
const awarded = async (
  row: AllocationRow,
  { units }: AllocationShare,
  { deliveryDate, market: name, lotsOfUnit }: ShareBid,
  auction: AuctionRow,
): Promise<number | undefined> => {
  const { lane, accountId } = row
  const own = await getAccountAwards(lane, deliveryDate, accountId)
  const block = own?.blocks.find(each => each.name === bidNameOf(row) && each.block === blockName)
  if (block?.decision !== 'accepted') return undefined
  const market = auction.markets.find(each => each.market === name)
  const prices = await getClearedPrices(lane, deliveryDate)
  const traded = market === undefined ? undefined : marketUnits(market)
  if (market === undefined || prices === undefined || traded?.accepted !== true)
    throw new Error(`the award of ${row.allocationId} has no prices`)
  let paid = 0n
  for (const hour of hoursOf(row)) {
    const cleared = prices.hours.find(each => each.market === name && each.hour === hour)
    if (cleared === undefined || cleared.priceTicks === null) throw new Error(`${name} has no price in hour ${hour}`)
    // An hour that could not be listed in time is one whose awards are void.
    if (auction.voidInstruments?.includes(hourlySpecification(market, deliveryDate, hour).instrumentName))
      return undefined
    const notional = BigInt(cleared.priceTicks) * BigInt(units * lotsOfUnit) * BigInt(traded.value.microsPerTickLot)
    paid += notional + (notional * BigInt(market.makerCommissionPpm)) / 1_000_000n
  }
  return Number(paid)
}
