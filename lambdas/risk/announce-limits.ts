import type { BusEvent } from '#adapters/bus.ts'
import { getInstrumentById } from '#adapters/tables/instruments.ts'
import { limitBreachOf } from '#adapters/tables/risk-limits.ts'
import { decimal, decimalOfMicros } from '#domain/units.ts'
import { instantOf, serveAnnouncements } from '../shell/announce.ts'
import type { ItemChange } from '../shell/stream.ts'

/** What has come to be beyond a limit, once for each breach. */
const limitEventOf = async ({ now }: ItemChange): Promise<BusEvent | undefined> => {
  const row = now === undefined ? undefined : limitBreachOf(now)
  if (row === undefined) return undefined
  const market = row.instrumentId === 0 ? undefined : await getInstrumentById(row.lane, row.instrumentId)
  if (row.instrumentId !== 0 && market === undefined)
    throw new Error(`the instrument ${row.instrumentId} of lane ${row.lane} has no row`)
  const specification = market?.instrument.specification
  const written = (amount: number): string =>
    specification === undefined ? decimalOfMicros(amount) : decimal(amount, specification.minTradeAmount)
  return {
    name: 'LimitBreached.v1',
    detail: {
      event_id: row.eventId,
      lane: row.lane,
      sequence: row.outSeq,
      timestamp: instantOf(row.atMillis),
      account_id: row.accountId === 0 ? null : row.accountId,
      firm: row.firm === '' ? null : row.firm,
      instrument_name: specification?.instrumentName ?? null,
      limit: row.limit,
      measured: written(row.measured),
      allowed: written(row.allowed),
    },
  }
}

export const handler = serveAnnouncements(limitEventOf)
