import type { InstrumentRow } from '#adapters/tables/instruments.ts'
import { settlementsOfKind } from '#adapters/tables/settlements.ts'
import { finalSettlement } from '#domain/settlement/settlement-name.ts'
import { dayMillis, settlementNeeds } from '#domain/settlement/settlement-needs.ts'
import { structuredState } from '#domain/settlement/settlement-schedule.ts'
import { delist } from './early-ends.ts'
import { distributedTicks, fixingsOfSpan } from './settlement-inputs.ts'
import { beginSettlement } from './settlement-step.ts'

/** By market: the day until whose beginning this process knows that nothing more is to be paid. */
const paidUntil = new Map<string, number>()
const mostRemembered = 10_000

/** For tests, whose markets come and go. */
export const forgetPayments = (): void => paidUntil.clear()

/** What the days that are over have decided of a product: a payment before its end, or that this is its end. */
export const beginDistribution = async (market: InstrumentRow, nowMillis: number): Promise<void> => {
  const { lane, instrument, listedAtMillis } = market
  const { terms, instrumentId, specification } = instrument
  if (terms.kind !== 'structured_product' || specification.expirationMillis <= nowMillis) return
  const today = Math.floor(nowMillis / dayMillis) * dayMillis
  const key = `${lane}#${instrumentId}#${specification.instrumentName}`
  if (paidUntil.get(key) === today) return
  const distributions = await settlementsOfKind(lane, instrumentId, 'distribution')
  const last = distributions.at(-1)
  if (last !== undefined && last.state !== 'settled') {
    // Under way, or lost: the next one counts on it.
    await beginSettlement({ market, kind: last.kind, number: last.number, dueAtMillis: last.dueAtMillis })
    return
  }
  const { fixings: spans } = settlementNeeds({
    ...finalSettlement,
    instrument,
    listedAtMillis,
    asOfMillis: today - 1,
    isDelisted: false,
    distributedTicks: 0,
  })
  const fixings = await Promise.all(spans.map(fixingsOfSpan))
  const { isRedeemed, distributionDueMillis } = structuredState(terms, fixings, {
    tickSize: specification.tickSize,
    distributedTicks: await distributedTicks(lane, instrumentId),
    nowMillis,
  })
  if (isRedeemed) return delist(market, nowMillis)
  if (distributionDueMillis !== undefined) {
    const number = (last?.number ?? 0) + 1
    await beginSettlement({ market, kind: 'distribution', number, dueAtMillis: distributionDueMillis })
    return
  }
  // A fixing of yesterday may still come.
  const isDecided = fixings.every(({ decidedMillis, expectedMillis }) => decidedMillis >= (expectedMillis.at(-1) ?? 0))
  if (!isDecided) return
  if (paidUntil.size >= mostRemembered) paidUntil.clear()
  paidUntil.set(key, today)
}
