import type * as z from 'zod'
import { accountNamed } from '#adapters/tables/account-numbers.ts'
import type { OutcomeRow } from '#adapters/tables/outcomes.ts'
import type { TradeBustRow } from '#adapters/tables/trade-busts.ts'
import { decimal } from '#domain/units.ts'
import { bustWindowMillis, type tradeBust } from '#protocol/operations/supervision.ts'

type TradeBust = z.infer<typeof tradeBust>

export const approveBeforeMillis = ({ tradedAtMillis }: TradeBustRow): number => tradedAtMillis + bustWindowMillis

/** `outcome` is that of its command, once it is approved. */
export const stateOf = (
  row: TradeBustRow,
  outcome: OutcomeRow | undefined,
  nowMillis: number,
): TradeBust['bust_state'] => {
  if (row.approvedAtMillis === undefined) return nowMillis < approveBeforeMillis(row) ? 'awaiting_approval' : 'lapsed'
  if (outcome === undefined) return 'submitted'
  return outcome.accepted ? 'busted' : 'rejected'
}

export const tradeBustOf = async (
  row: TradeBustRow,
  outcome: OutcomeRow | undefined,
  nowMillis: number,
): Promise<TradeBust> => {
  const [buyer, seller] = await Promise.all([nameOf(row.lane, row.buyerId), nameOf(row.lane, row.sellerId)])
  return {
    bust_id: row.tradeId,
    instrument_name: row.instrumentName,
    price: decimal(row.priceTicks, row.tickSize),
    amount: decimal(row.quantityLots, row.minTradeAmount),
    buyer,
    seller,
    trade_timestamp: new Date(row.tradedAtMillis).toISOString(),
    reason: row.reason,
    bust_state: stateOf(row, outcome, nowMillis),
    reject_reason: outcome?.code ?? null,
    requested_by: row.requestedBy.account,
    requested_at: new Date(row.requestedAtMillis).toISOString(),
    approved_by: row.approvedBy?.account ?? null,
    approved_at: row.approvedAtMillis === undefined ? null : new Date(row.approvedAtMillis).toISOString(),
    approve_before: new Date(approveBeforeMillis(row)).toISOString(),
  }
}

const nameOf = async (lane: number, accountId: number): Promise<string> => {
  const account = await accountNamed(lane, accountId)
  if (account === undefined) throw new Error(`the account ${accountId} of lane ${lane} has no name`)
  return account
}
