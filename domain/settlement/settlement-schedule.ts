import { paymentsDue } from '../pricing/payoff-evaluation.ts'
import { readPayoff } from '../pricing/payoff-tree.ts'
import type { OptionTerms, StructuredProductTerms, SwapTerms } from '../reference/contract-terms.ts'
import { exactMicros, exactTicks } from './exact-price.ts'
import { dayMillis } from './settlement-needs.ts'
import { type FixingsOfIndex, knockedOutBy, levelsByDay, type SettlementFixing } from './settlement-price.ts'

/** Time of day (UTC) at which positions are settled at the mark. */
export const variationTimeMillis = 8 * 60 * 60 * 1_000

/** The last daily settlement that is due: its number is that of its day since 1970. */
export const variationDue = (nowMillis: number): { readonly number: number; readonly dueAtMillis: number } => {
  const number = Math.floor((nowMillis - variationTimeMillis) / dayMillis)
  return { number, dueAtMillis: number * dayMillis + variationTimeMillis }
}

export interface DueLeg {
  readonly number: number
  readonly dueAtMillis: number
}

/** The legs of a swap that have ended, in order; the last one is paid by the final settlement. */
export const dueLegs = ({ boundariesMillis }: SwapTerms, asOfMillis: number): readonly DueLeg[] =>
  boundariesMillis
    .slice(1, -1)
    .map((dueAtMillis, position) => ({ number: position + 1, dueAtMillis }))
    .filter(({ dueAtMillis }) => dueAtMillis <= asOfMillis)

export interface StructuredState {
  /** When the days of all payments that are due were over: what the next distribution pays, where that is anything. */
  readonly distributionDueMillis?: number
  /** Nothing is left to be decided or to be waited for: it is redeemed early. */
  readonly isRedeemed: boolean
}

/** How a structured product stands before its end. A payment is made once its day (UTC) is over. */
export const structuredState = (
  { payoff }: StructuredProductTerms,
  fixings: readonly FixingsOfIndex[],
  product: { readonly tickSize: string; readonly distributedTicks: number; readonly nowMillis: number },
): StructuredState => {
  const tree = readPayoff(payoff)
  if (!tree.priced) return { isRedeemed: false }
  const levels = levelsByDay(fixings)
  const payments = paymentsDue(tree.value, (index, date) => {
    const fixing = levels.get(`${index}@${date}`)
    // Later on the same day there may be another fixing, which then is the level of the day.
    const isOver = Date.parse(date) + dayMillis <= product.nowMillis
    return fixing === undefined || !isOver ? undefined : Number(fixing.level)
  })
  if (!payments.priced) return { isRedeemed: false }
  const { due, awaiting } = payments.value
  const ended = due.map(payment => ({ ...payment, endMillis: Date.parse(payment.date) + dayMillis }))
  const over = ended.filter(({ endMillis }) => endMillis <= product.nowMillis)
  if (awaiting.length === 0 && over.length === ended.length) return { isRedeemed: true }
  const total = over.reduce((sum, { amountMicros }) => sum + BigInt(amountMicros), 0n)
  const isMore = total > 0n && exactTicks(exactMicros(total), product.tickSize) > BigInt(product.distributedTicks)
  return {
    isRedeemed: false,
    ...(isMore && { distributionDueMillis: Math.max(...over.map(({ endMillis }) => endMillis)) }),
  }
}

/** Whether nothing but its rebate is left of a barrier option. */
export const isKnockedOut = (terms: OptionTerms, fixings: readonly SettlementFixing[]): boolean =>
  knockedOutBy(terms, fixings) !== undefined
