import { putCommands } from '#adapters/streams/orders.ts'
import type { InstrumentRow } from '#adapters/tables/instruments.ts'
import { getOutcome } from '#adapters/tables/outcomes.ts'
import { getSettlement, replaceSettlement, type SettlementRow } from '#adapters/tables/settlements.ts'
import { hourMillis } from '#domain/auction/day-ahead-market.ts'
import { exactTicks, toldPrice } from '#domain/settlement/exact-price.ts'
import { finalSettlement } from '#domain/settlement/settlement-name.ts'
import type { SettlementPrice } from '#domain/settlement/settlement-price.ts'
import { appraise } from '../settlement/settlement-inputs.ts'
import { advanceSettlement, SettlementChanged, settlementCommandId } from '../settlement/settlement-step.ts'
import { logger } from '../shell/task.ts'
import { dayAheadPrice } from './day-ahead-price.ts'

export const isDelivered = ({ instrument }: InstrumentRow): boolean =>
  instrument.specification.settlement === 'physical'

/** Trades no more, and has no price yet. */
export const isToBeObligated = (market: InstrumentRow): boolean =>
  isDelivered(market) && (market.lifecycle === 'expired' || market.lifecycle === 'delisted')

/**
 * Takes the final settlement of a future that is delivered as far as it gets now: the price, stored with all that it follows
 * from before anything is done with it and never computed again, then the command by which the engine settles all positions at it
 * and obligates buyers and sellers. Whoever asks again goes on where the last one was.
 */
export const obligateDeliveries = async (market: InstrumentRow, nowMillis: number): Promise<SettlementRow> => {
  try {
    const begun = await begunSettlement(market, nowMillis)
    const row = begun.priceTicks === undefined ? await pricedSettlement(begun, market, nowMillis) : begun
    if (row.state === 'settled' || row.state === 'failed' || row.priceTicks === undefined) return row
    return await postedSettlement(row, row.priceTicks)
  } catch (error) {
    if (!(error instanceof SettlementChanged)) throw error
    // Whoever was faster, the sweep or an operator, does what was to be done here.
    const row = await getSettlement(market.lane, market.instrument.instrumentId, finalSettlement)
    if (row === undefined) throw error
    return row
  }
}

/** What failed is tried again; a price that was computed stays the price. */
export const retriedSettlement = async (row: SettlementRow): Promise<SettlementRow> => {
  const { failure: _, waitingSinceMillis: __, ...kept } = row
  const attempt = row.attempt + 1
  const state = row.priceTicks === undefined ? 'collecting' : 'computed'
  const updatedAtMillis = Math.max(Date.now(), row.updatedAtMillis + 1)
  const again: SettlementRow = { ...kept, state, attempt, startedAtMillis: Date.now(), updatedAtMillis, missing: [] }
  if (await replaceSettlement(again, row)) return again
  return (await getSettlement(row.lane, row.instrumentId, finalSettlement)) ?? again
}

const begunSettlement = async (market: InstrumentRow, nowMillis: number): Promise<SettlementRow> => {
  const { lane, instrument, lifecycle, closedAtMillis } = market
  const { instrumentId, specification } = instrument
  const { expirationMillis } = specification
  const known = await getSettlement(lane, instrumentId, finalSettlement)
  if (known !== undefined) return known
  const fresh: SettlementRow = {
    ...finalSettlement,
    lane,
    instrumentId,
    instrumentName: specification.instrumentName,
    tickSize: specification.tickSize,
    state: 'collecting',
    attempt: 1,
    dueAtMillis:
      lifecycle === 'delisted' ? Math.min(closedAtMillis ?? expirationMillis, expirationMillis) : expirationMillis,
    startedAtMillis: nowMillis,
    updatedAtMillis: nowMillis,
    missing: [],
  }
  if (await replaceSettlement(fresh, undefined)) return fresh
  return (await getSettlement(lane, instrumentId, finalSettlement)) ?? fresh
}

const pricedSettlement = async (
  row: SettlementRow,
  market: InstrumentRow,
  nowMillis: number,
): Promise<SettlementRow> => {
  if (row.state !== 'collecting') return row
  const price = (await dayAheadSettlement(market)) ?? (await appraise(row, nowMillis)).price
  switch (price.state) {
    case 'priced':
      return advanceSettlement(row, {
        state: 'computed',
        missing: [],
        priceTicks: price.priceTicks,
        inputs: price.explanation,
      })
    case 'unpriceable':
      return failedSettlement(row, price.reason)
    case 'missing':
    case 'pending': {
      const waitingSinceMillis = row.waitingSinceMillis ?? nowMillis
      return price.missing.join() === row.missing.join()
        ? row
        : advanceSettlement(row, { missing: price.missing, waitingSinceMillis })
    }
  }
}

/** Of one hour: what the day-ahead auction has cleared it at, where it has; what is delivered for longer has no such price. */
const dayAheadSettlement = async ({ lane, instrument }: InstrumentRow): Promise<SettlementPrice | undefined> => {
  const { terms, specification, maxPriceTicks } = instrument
  if (terms.kind !== 'future' || terms.delivery === undefined) return undefined
  const { index, delivery } = terms
  if (delivery.endMillis - delivery.startMillis !== hourMillis) return undefined
  const price = await dayAheadPrice({ lane, index, ...delivery })
  if (price === undefined) return undefined
  const priceTicks = Math.min(Number(exactTicks(price, specification.tickSize)), maxPriceTicks)
  return {
    state: 'priced',
    priceTicks,
    explanation: {
      rule: 'day-ahead-price',
      market: index,
      delivery_start: new Date(delivery.startMillis).toISOString(),
      price: toldPrice(price),
      price_ticks: priceTicks,
      tick_size: specification.tickSize,
    },
  }
}

const postedSettlement = async (row: SettlementRow, settlementTicks: number): Promise<SettlementRow> => {
  const commandId = row.commandId ?? settlementCommandId(row)
  const outcome = row.state === 'posted' ? await getOutcome(commandId) : undefined
  if (outcome?.accepted === true || outcome?.code === 'instrument-settled')
    return advanceSettlement(row, { state: 'settled' })
  if (outcome !== undefined) return failedSettlement(row, outcome.code ?? 'rejected')
  // The engine remembers what it refused: another attempt is another command.
  const next =
    row.state === 'posted' ? commandId : settlementCommandId(row, row.attempt === 1 ? undefined : row.attempt)
  const posted = row.state === 'posted' ? row : await advanceSettlement(row, { state: 'posted', commandId: next })
  const { lane, instrumentId } = row
  await putCommands(lane, [{ type: 'obligate-deliveries', commandId: next, instrumentId, settlementTicks }])
  return posted
}

const failedSettlement = (row: SettlementRow, failure: string): Promise<SettlementRow> => {
  logger.error('a contract that is delivered could not be settled', { instrument_name: row.instrumentName, failure })
  return advanceSettlement(row, { state: 'failed', failure })
}
