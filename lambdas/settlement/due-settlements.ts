import type { InstrumentRow } from '#adapters/tables/instruments.ts'
import { finalSettlement } from '#domain/settlement/settlement-name.ts'
import { dueLegs } from '#domain/settlement/settlement-schedule.ts'
import { beginSettlement } from './settlement-step.ts'

/** The legs of a swap that have ended and are not paid; each waits for the one before it. */
export const beginDueSettlements = async (market: InstrumentRow, nowMillis: number): Promise<void> => {
  const { instrument, closedAtMillis = nowMillis } = market
  if (instrument.terms.kind !== 'swap') return
  for (const { number, dueAtMillis } of dueLegs(instrument.terms, Math.min(closedAtMillis, nowMillis)))
    if (number > instrument.settledLegs) await beginSettlement({ market, kind: 'leg', number, dueAtMillis })
}

/** Of a contract that trades no more: as of its expiration, or of when it was taken from trading before. */
export const beginFinalSettlement = async (market: InstrumentRow): Promise<void> => {
  const { instrument, lifecycle, closedAtMillis } = market
  const { expirationMillis } = instrument.specification
  // What is delivered is settled by lambdas/delivery.
  if (instrument.specification.settlement === 'physical') return
  if (lifecycle !== 'expired' && lifecycle !== 'delisted') return
  const dueAtMillis =
    lifecycle === 'expired' ? expirationMillis : Math.min(closedAtMillis ?? expirationMillis, expirationMillis)
  await beginSettlement({ market, ...finalSettlement, dueAtMillis })
}
