import * as z from 'zod'
import { type AuctionRow, getAuction, replaceAuction } from '#adapters/tables/day-ahead-auctions.ts'
import { lane } from '#protocol/values.ts'

/** What every step of the workflow is given; all else is in the auction's row. */
export const auctionStep = z.object({ lane, delivery_date: z.string(), attempt: z.int().min(1) })
export type AuctionStep = z.infer<typeof auctionStep>

/** Of a step that asks again and again. */
export const pollingStep = z.object({ ...auctionStep.shape, polls: z.int().min(0).default(0) })

/** Ends a step by a name that the workflow knows: see stepfunctions/day-ahead-auction.asl.json. */
export class AuctionError extends Error {
  constructor(
    name: 'AuctionReplaced' | 'GateRefused' | 'NotClearable' | 'ListingRefused' | 'AwardRefused' | 'ReleaseRefused',
    message: string,
  ) {
    super(message)
    this.name = name
  }
}

const isOver = ({ state }: AuctionRow): boolean => state === 'done' || state === 'cancelled'

/** Of this attempt, or of one that has come to the end. */
export const auctionOf = async ({ lane, delivery_date, attempt }: AuctionStep): Promise<AuctionRow> => {
  const row = await getAuction(lane, delivery_date)
  if (row === undefined) throw new Error(`the auction of ${delivery_date} was never opened`)
  if (!isOver(row) && (row.attempt !== attempt || row.state === 'failed'))
    throw new AuctionError('AuctionReplaced', `attempt ${attempt} of the auction of ${delivery_date} has ended`)
  return row
}

/** The row as it is from then on. */
export const advanceAuction = async (
  before: AuctionRow,
  change: Partial<Omit<AuctionRow, 'updatedAtMillis'>>,
): Promise<AuctionRow> => {
  const row = { ...before, ...change, updatedAtMillis: Math.max(Date.now(), before.updatedAtMillis + 1) }
  if (!(await replaceAuction(row, before)))
    throw new Error(`the auction of ${before.deliveryDate} has changed meanwhile`)
  return row
}

const longestPauseSeconds = 30

/** What the workflow is told: whether the step is done, and how long it waits before it asks again. */
export const progress = <Step extends AuctionStep>(step: Step, polls: number, isDone: boolean) => ({
  ...step,
  polls: isDone ? 0 : polls + 1,
  is_done: isDone,
  wait_seconds: Math.min(2 ** Math.min(polls, 10), longestPauseSeconds),
})
