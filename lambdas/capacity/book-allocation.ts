import type { AllocationRow } from '#adapters/tables/capacity-allocations.ts'
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
import { changeAllocation, unplanned } from './change-allocation.ts'

/** Booked, given up with all of it undone, or not yet known. */
type Booking = 'booked' | 'given up' | 'waiting'

/**
 * Goes on with booking what is planned for a request, as far as it gets now. First everything is reserved: units of lots, and
 * purchases that wait at their gates with their money held. Only once all of it is, the gates are opened and the purchases
 * are paid; then their units are reserved, too. Where anything cannot be had before that, all is given back and the request waits
 * for the next plan. Each act has a name of its own and is done once.
 */
export const bookAllocation = async (row: AllocationRow): Promise<Booking> => {
  const purchases = new Map<number, PurchaseRow>()
  for (const [index, share] of row.shares.entries()) {
    if (share.kind === 'inventory') {
      const moved = await movedUnitsOf(row, index, share)
      if (moved === undefined || (await moveUnits('reserve', moved)) === 'short')
        return giveUp(row, `the lot ${share.sourceId} has not so many units left`)
      continue
    }
    const begun = await purchaseOf(row, index)
    if ('refused' in begun) return giveUp(row, begun.refused)
    purchases.set(index, begun)
  }
  const failed = [...purchases.values()].find(({ state }) => state === 'failed')
  if (failed !== undefined)
    return giveUp(row, `the purchase of ${failed.parts[0]?.offerId} failed: ${failed.failure ?? 'undone'}`)
  if ([...purchases.values()].some(each => !isReserved(each))) return 'waiting'
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
  const costMicros = [...purchases.values()].reduce((sum, each) => sum + each.costMicros, 0)
  const booked = await changeAllocation(row, { state: 'reserved', shares, costMicros })
  return booked === undefined ? 'waiting' : 'booked'
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
 * was paid for stays bought, in the inventory of the account.
 */
const giveUp = async (row: AllocationRow, reason: string): Promise<Booking> => {
  let isWaiting = false
  for (const [index, share] of row.shares.entries()) {
    if (share.kind === 'inventory') continue
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
  await withdrawUnits(row)
  const freed = await changeAllocation(unplanned(row), {
    state: 'requested',
    explanation: `Planned, and not booked: ${reason.replace(/\.$/, '')}.`.slice(0, 500),
  })
  return freed === undefined ? 'waiting' : 'given up'
}
