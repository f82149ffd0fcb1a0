import { putCommands } from '#adapters/streams/orders.ts'
import { getBook } from '#adapters/tables/books.ts'
import type { InstrumentRow } from '#adapters/tables/instruments.ts'
import { getOutcome } from '#adapters/tables/outcomes.ts'
import {
  getSettlement,
  getVariationDay,
  putVariationDay,
  replaceSettlement,
  type SettlementRow,
} from '#adapters/tables/settlements.ts'
import { variationDue } from '#domain/settlement/settlement-schedule.ts'
import type { SettleInstrument } from '#domain/trading/commands.ts'
import { logger } from '../shell/task.ts'
import { advanceSettlement, settlementCommandId } from './settlement-step.ts'

const mostCommandsOfFrame = 500
const sideBySide = 16

/**
 * Pays what each position has gained or lost since the last time, at the mark, once a day at 08:00 UTC. A day that was
 * missed is not made up for: the next one pays the sum. The mark is stored before it is paid, and is the only one of that
 * day; commands go out again until the engine has answered each.
 */
export const settleDay = async (lane: number, markets: readonly InstrumentRow[], nowMillis: number): Promise<void> => {
  const { number, dueAtMillis } = variationDue(nowMillis)
  if ((await getVariationDay(lane)) >= number) return
  const held = markets.filter(
    ({ isActive, listedAtMillis, instrument }) =>
      isActive && listedAtMillis < dueAtMillis && instrument.specification.expirationMillis > nowMillis,
  )
  const commands: SettleInstrument[] = []
  for (let at = 0; at < held.length; at += sideBySide) {
    const few = held.slice(at, at + sideBySide)
    const unanswered = await Promise.all(few.map(market => unansweredOf(market, number, dueAtMillis, nowMillis)))
    commands.push(...unanswered.flatMap(row => (row === undefined ? [] : [commandOf(row)])))
  }
  for (let at = 0; at < commands.length; at += mostCommandsOfFrame)
    await putCommands(lane, commands.slice(at, at + mostCommandsOfFrame))
  if (commands.length === 0) await putVariationDay(lane, number)
  else logger.info('positions are settled at the mark', { lane, day: number, instruments: commands.length })
}

/** The day's settlement where the engine has not answered it; undefined: it has, or there is nothing to settle. */
const unansweredOf = async (
  { lane, instrument }: InstrumentRow,
  number: number,
  dueAtMillis: number,
  nowMillis: number,
): Promise<SettlementRow | undefined> => {
  const { instrumentId, specification } = instrument
  const known = await getSettlement(lane, instrumentId, { kind: 'variation', number })
  if (known !== undefined) return answeredBy(known)
  const market = (await getBook(lane, instrumentId))?.market
  if (market === undefined || market.markTicks === 0 || market.openInterestLots === 0) return undefined
  const fresh: SettlementRow = {
    kind: 'variation',
    number,
    lane,
    instrumentId,
    instrumentName: specification.instrumentName,
    tickSize: specification.tickSize,
    state: 'posted',
    attempt: 1,
    dueAtMillis,
    startedAtMillis: nowMillis,
    updatedAtMillis: nowMillis,
    missing: [],
    priceTicks: market.markTicks,
    inputs: { rule: 'daily-mark', price_ticks: market.markTicks, tick_size: specification.tickSize },
  }
  const row = { ...fresh, commandId: settlementCommandId(fresh) }
  if (await replaceSettlement(row, undefined)) return row
  return getSettlement(lane, instrumentId, { kind: 'variation', number })
}

const answeredBy = async (row: SettlementRow): Promise<SettlementRow | undefined> => {
  if (row.state !== 'posted' || row.commandId === undefined) return undefined
  const outcome = await getOutcome(row.commandId)
  if (outcome === undefined) return row
  if (!outcome.accepted)
    logger.warn('a variation was refused', { instrument_name: row.instrumentName, code: outcome.code })
  await advanceSettlement(
    row,
    outcome.accepted ? { state: 'settled' } : { state: 'failed', failure: outcome.code ?? 'rejected' },
  )
  return undefined
}

const commandOf = ({ instrumentId, number, priceTicks = 0, commandId = '' }: SettlementRow): SettleInstrument => ({
  type: 'settle-instrument',
  commandId,
  instrumentId,
  settlementKind: 'variation',
  number,
  priceTicks,
})
