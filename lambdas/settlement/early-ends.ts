import { putCommands } from '#adapters/streams/orders.ts'
import type { InstrumentRow } from '#adapters/tables/instruments.ts'
import type { OptionTerms } from '#domain/reference/contract-terms.ts'
import { isKnockedOut } from '#domain/settlement/settlement-schedule.ts'
import { nameBasedUuid } from '../shell/name-based-uuid.ts'
import { logger } from '../shell/task.ts'
import { fixingsOfSpan } from './settlement-inputs.ts'

/** By market: up to when this process has seen that no barrier was reached. Fixings up to there are decided. */
const seenUntil = new Map<string, number>()
const mostRemembered = 10_000

/** For tests, whose markets come and go. */
export const forgetBarriers = (): void => seenUntil.clear()

/** An option that is knocked out has nothing left but its rebate: it is taken from trading, and settled then. */
export const delistDecided = async (market: InstrumentRow, terms: OptionTerms, nowMillis: number): Promise<void> => {
  const { lane, instrument, listedAtMillis } = market
  if (terms.barrier?.direction.endsWith('out') !== true) return
  const key = `${lane}#${instrument.instrumentId}#${instrument.specification.instrumentName}`
  const toMillis = Math.min(nowMillis, instrument.specification.expirationMillis)
  const fromMillis = Math.max(listedAtMillis, seenUntil.get(key) ?? 0)
  const { fixings, decidedMillis } = await fixingsOfSpan({ index: terms.index, fromMillis, toMillis })
  if (isKnockedOut(terms, fixings)) return delist(market, nowMillis)
  if (seenUntil.size >= mostRemembered) seenUntil.clear()
  seenUntil.set(key, Math.min(decidedMillis, nowMillis))
}

/** One id for each minute: a repeat is a duplicate, and one that was refused does not stand in the way of the next. */
export const delist = async ({ lane, instrument }: InstrumentRow, nowMillis: number): Promise<void> => {
  const { instrumentId, specification } = instrument
  const { instrumentName } = specification
  logger.info('a contract has decided itself before its end', { lane, instrument_name: instrumentName })
  const commandId = nameBasedUuid(['delist', lane, instrumentName, Math.floor(nowMillis / 60_000)].join('#'))
  await putCommands(lane, [{ type: 'delist-instrument', commandId, instrumentId }])
}
