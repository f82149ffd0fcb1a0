import type { ExecutionRow } from '#adapters/tables/arbitrage-executions.ts'
import { waitsAtGate } from '#adapters/tables/partner-purchases.ts'
import { isOver, standing } from './arbitrage-purchase.ts'
import { beginPurchase } from './purchase-intake.ts'

export type Reserved =
  | { readonly isReserved: true; readonly purchaseId: string; readonly costMicros: number }
  | { readonly isReserved: false; readonly purchaseId?: string; readonly reason: string }

/** Holds its money and reserves its units, and leaves it there; under the execution's name, so that it is done once. */
export const reservePurchase = async (head: ExecutionRow, polls: number): Promise<Reserved | undefined> => {
  const { purchase, executionId } = head
  if (purchase === undefined) throw new Error(`${executionId} buys nothing`)
  const begun = await beginPurchase(
    head,
    {
      parts: [
        {
          offerId: purchase.offerId,
          units: purchase.units,
          window: purchase,
          priceMicrosPerUnitHour: purchase.priceMicrosPerUnitHour,
        },
      ],
      gate: 'closed',
    },
    `arbitrage:${executionId}`,
  )
  if ('code' in begun) return { isReserved: false, reason: begun.code }
  const { purchaseId } = begun.purchase
  const row = await standing(head, purchaseId, polls, each => waitsAtGate(each) || isOver(each))
  if (row === undefined) return undefined
  return row.state === 'failed'
    ? { isReserved: false, purchaseId, reason: row.failure ?? 'failed' }
    : { isReserved: true, purchaseId, costMicros: row.costMicros }
}
