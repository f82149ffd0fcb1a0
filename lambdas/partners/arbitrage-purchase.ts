import type { ExecutionRow } from '#adapters/tables/arbitrage-executions.ts'
import { getPurchase, type PurchaseRow, replacePurchase, waitsAtGate } from '#adapters/tables/partner-purchases.ts'
import { pollUntil } from '../shell/wait.ts'
import { startPurchase } from './purchase-start.ts'

const firstAnswerWithinMillis = 5_000
const laterAnswerWithinMillis = 250

/** Reads until it has come to a stand: over, or waiting at its gate. */
export const standing = (
  { account }: ExecutionRow,
  purchaseId: string,
  polls: number,
  isStanding: (row: PurchaseRow) => boolean,
): Promise<PurchaseRow | undefined> => {
  const read = async (): Promise<PurchaseRow | undefined> => {
    const row = await getPurchase(account, purchaseId)
    if (row === undefined) throw new Error(`the purchase ${purchaseId} is gone`)
    return isStanding(row) ? row : undefined
  }
  return pollUntil(read, performance.now() + (polls === 0 ? firstAnswerWithinMillis : laterAnswerWithinMillis))
}

export const isOver = ({ state }: PurchaseRow): boolean => state === 'completed' || state === 'failed'

/** Lets it go on to its end: completed, or failed with all of it undone. */
export const completePurchase = (head: ExecutionRow, polls: number): Promise<PurchaseRow | undefined> =>
  moveOn(head, polls, row => ({ ...row, gate: 'open' }))

/** Undoes what it has reserved and held. */
export const abandonPurchase = (head: ExecutionRow, polls: number): Promise<PurchaseRow | undefined> =>
  moveOn(head, polls, row => ({
    ...row,
    gate: 'open',
    state: 'undoing',
    undoneFrom: 'reserved',
    failure: 'the other leg of the arbitrage was not to be had',
  }))

const moveOn = async (
  head: ExecutionRow,
  polls: number,
  change: (row: PurchaseRow) => PurchaseRow,
): Promise<PurchaseRow | undefined> => {
  const { account, purchaseId = '' } = head
  const row = await getPurchase(account, purchaseId)
  if (row === undefined) throw new Error(`${head.executionId} has reserved no purchase`)
  if (waitsAtGate(row)) {
    const moved = {
      ...change(row),
      attempt: row.attempt + 1,
      updatedAtMillis: Math.max(Date.now(), row.updatedAtMillis + 1),
    }
    if (!(await replacePurchase(moved, row))) throw new Error(`${purchaseId} was moved on by somebody else`)
    await startPurchase(moved)
    // One whose gate is open and whose workflow nobody has started, or has ended, goes on here too: once for each attempt.
  } else if (!isOver(row)) await startPurchase(row)
  return standing(head, purchaseId, polls, isOver)
}
