import type { AllocationRow, AllocationShare, ShareBid } from '#adapters/tables/capacity-allocations.ts'
import { moveUnits } from '#adapters/tables/partner-inventory.ts'
import {
  getPurchase,
  type PurchaseRow,
  purchaseOfRequest,
  replacePurchase,
  waitsAtGate,
} from '#adapters/tables/partner-purchases.ts'
import { beginPurchase } from '../partners/purchase-intake.ts'
import { startPurchase } from '../partners/purchase-start.ts'
import { lotIdOf } from '../partners/purchase-step.ts'
import { movedUnitsOf, withdrawUnits } from './booked-units.ts'
import { boughtMicros, boughtShares, isToBeOrdered } from './bought-shares.ts'
import { changeAllocation, unplanned } from './change-allocation.ts'
import { bidFor } from './day-ahead-bids.ts'
import { buyFutures } from './future-shares.ts'

/** Booked, bid for, given up with all of it undone, or not yet known. */
type Booking = 'booked' | 'bid' | 'given up' | 'waiting'

/**
 * Goes on with booking what is planned for a request, as far as it gets now. First everything is reserved: units of lots, and
 * purchases that wait at their gates with their money held. Only once all of it is, the orders for futures go out, which
 * cannot be taken back; once they are filled, the gates are opened and the purchases are paid; then their units are
 * reserved, too. Where anything cannot be had before that, all that can be is given back and the request waits for the next plan;
 * what its orders were filled with stays its own, and only the rest is planned again. What is to be had by a bid has
 * nothing else beside it. Each act has a name of its own and is done once.
 */
export const bookAllocation = async (planned: AllocationRow): Promise<Booking> => {
  let row = planned
  const bidding = row.shares.find(each => each.bid !== undefined)
  if (bidding?.bid !== undefined) return placeBid(row, bidding, bidding.bid)
  const purchases = new Map<number, PurchaseRow>()
  for (const [index, share] of row.shares.entries()) {
    if (share.kind === 'inventory') {
      const moved = await movedUnitsOf(row, index, share)
      if (moved === undefined || (await moveUnits('reserve', moved)) === 'short')
        return giveUp(row, `the lot ${share.sourceId} has not so many units left`)
      continue
    }
    if (share.kind !== 'partner') continue
    const begun = await purchaseOf(row, index)
    if ('refused' in begun) return giveUp(row, begun.refused)
    purchases.set(index, begun)
  }
  const failed = [...purchases.values()].find(({ state }) => state === 'failed')
  if (failed !== undefined)
    return giveUp(row, `the purchase of ${failed.parts[0]?.offerId} failed: ${failed.failure ?? 'undone'}`)
  if ([...purchases.values()].some(each => !isReserved(each))) return 'waiting'
  if (row.shares.some(isToBeOrdered)) {
    const ordering = row.isOrdering ? row : await changeAllocation(row, { isOrdering: true })
    const bought = ordering === undefined ? undefined : await buyFutures(ordering)
    if (ordering === undefined || bought === undefined) return 'waiting'
    if (bought.short !== undefined) return giveUp(ordering, bought.short)
    row = { ...ordering, shares: bought.shares }
  }
  for (const purchase of purchases.values()) if (waitsAtGate(purchase)) await moveOn(purchase, { gate: 'open' })
  if ([...purchases.values()].some(({ state }) => state !== 'completed')) return 'waiting'
  const shares = row.shares.map((share, index) => {
    const purchase = purchases.get(index)
    return purchase === undefined ? share : { ...share, lotId: lotIdOf(purchase, 0) }
  })
  for (const index of purchases.keys()) {
    const share = shares[index]
    const moved = share === undefined ? undefined : await movedUnitsOf(row, index, share)
    if (moved === undefined || (await moveUnits('reserve', moved)) === 'short')
      return giveUp({ ...row, shares }, 'what was bought for it was taken from the inventory meanwhile')
  }
  const paidMicros = [...purchases.values()].reduce((sum, each) => sum + each.costMicros, 0)
  const booked = await changeAllocation(row, {
    state: 'reserved',
    shares,
    costMicros: paidMicros + boughtMicros(boughtShares(row)),
  })
  return booked === undefined ? 'waiting' : 'booked'
}

const placeBid = async (row: AllocationRow, share: AllocationShare, bid: ShareBid): Promise<Booking> => {
  const placed = await bidFor(row, share, bid)
  if (placed === undefined) return 'waiting'
  if ('refused' in placed)
    return giveUp({ ...row, avoidedSources: [...row.avoidedSources, share.sourceId] }, placed.refused)
  const shares = row.shares.map(each => (each === share ? { ...share, bid: { ...bid, bidId: placed.bidId } } : each))
  return (await changeAllocation(row, { state: 'bidding', shares })) === undefined ? 'waiting' : 'bid'
}

/** Its units are promised, or were: the partner has them ready, whatever else is to be done. */
const isReserved = (row: PurchaseRow): boolean =>
  waitsAtGate(row) ||
  (row.gate === 'open' && ['reserved', 'booking', 'booked', 'capturing', 'captured', 'completed'].includes(row.state))

const requestNameOf = ({ allocationId, planId }: AllocationRow, share: number): string =>
  `capacity:${allocationId}:${planId}:${share}`

const purchaseOf = async (row: AllocationRow, index: number): Promise<PurchaseRow | { readonly refused: string }> => {
  const share = row.shares[index]
  if (share === undefined || row.startMillis === undefined || row.endMillis === undefined)
    throw new Error(`${row.allocationId} has no share ${index} to buy`)
  const begun = await beginPurchase(
    row,
    {
      parts: [
        {
          offerId: share.sourceId,
          units: share.units,
          window: { fromMillis: row.startMillis, untilMillis: row.endMillis },
          priceMicrosPerUnitHour: share.priceMicrosPerUnitHour,
        },
      ],
      gate: 'closed',
    },
    requestNameOf(row, index),
  )
  if (!('code' in begun)) return begun.purchase
  return { refused: `${share.sourceId}: ${begun.code}${begun.detail === undefined ? '' : `, ${begun.detail}`}` }
}

/** Only where it still waits at its gate: else it goes on already. */
const moveOn = async (purchase: PurchaseRow, changes: Partial<PurchaseRow>): Promise<void> => {
  const moved = {
    ...purchase,
    ...changes,
    attempt: purchase.attempt + 1,
    updatedAtMillis: Math.max(Date.now(), purchase.updatedAtMillis + 1),
  }
  if (await replacePurchase(moved, purchase)) await startPurchase(moved)
}

/**
 * Gives back what was reserved. A purchase that has not come to its gate is waited for, so that none is left alone; one that
 * was paid for stays bought, in the inventory of the account, and so does what was bought in a book.
 */
const giveUp = async (row: AllocationRow, reason: string): Promise<Booking> => {
  let isWaiting = false
  for (const [index, share] of row.shares.entries()) {
    if (share.kind !== 'partner') continue
    const known = await purchaseOfRequest(row.account, requestNameOf(row, index))
    const purchase = known === undefined ? undefined : await getPurchase(row.account, known.purchaseId)
    if (purchase === undefined || purchase.state === 'failed' || purchase.state === 'completed') continue
    if (waitsAtGate(purchase))
      await moveOn(purchase, {
        gate: 'open',
        state: 'undoing',
        undoneFrom: 'reserved',
        failure: 'the rest of the request was not to be had',
      })
    isWaiting = true
  }
  if (isWaiting) return 'waiting'
  // An order that may be on its way is one that may be filled.
  const bought = row.isOrdering ? await buyFutures(row) : { shares: row.shares, short: undefined, refusedBy: [] }
  if (bought === undefined) return 'waiting'
  const told = bought.short ?? reason
  await withdrawUnits(row)
  const freed = await changeAllocation(unplanned({ ...row, shares: bought.shares }), {
    state: 'requested',
    avoidedSources: [...new Set([...row.avoidedSources, ...bought.refusedBy])],
    explanation: `Planned, and not booked: ${told.replace(/\.$/, '')}.`.slice(0, 500),
  })
  return freed === undefined ? 'waiting' : 'given up'
}
