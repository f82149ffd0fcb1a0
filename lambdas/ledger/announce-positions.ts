import type { BusEvent } from '#adapters/bus.ts'
import { type PositionRow, positionRowOf } from '#adapters/tables/positions.ts'
import { decimal, decimalOfMicros } from '#domain/units.ts'
import { instantOf, serveAnnouncements } from '../shell/announce.ts'
import type { ItemChange } from '../shell/stream.ts'
import { positionDecimals } from './position-view.ts'

/** Each position that the table has held; what was passed through within one batch is not seen. */
const positionEventsOf = ({ now }: ItemChange): readonly BusEvent[] => {
  if (now === undefined) return []
  const row = positionRowOf(now)
  return [
    { name: 'PositionChanged.v1', detail: { ...envelopeOf(row, ''), ...positionDecimals(row) } },
    ...positionSettledOf(row),
  ]
}

export const handler = serveAnnouncements(positionEventsOf)

/** An event may change several positions: its own id would name all of these changes. */
const envelopeOf = (row: PositionRow, what: '' | ':settled') => ({
  event_id: `${row.eventId}:${row.accountId}${what}`,
  lane: row.lane,
  sequence: row.outSeq,
  timestamp: instantOf(row.updatedAtMillis),
  account_id: row.accountId,
  instrument_name: row.instrumentName,
})

const positionSettledOf = (row: PositionRow): readonly BusEvent[] => {
  const { payment } = row
  if (payment === undefined) return []
  const magnitude = decimal(Math.abs(payment.settledLots), row.minTradeAmount)
  return [
    {
      name: 'PositionSettled.v1',
      detail: {
        ...envelopeOf(row, ':settled'),
        settlement_kind: payment.kind,
        price: decimal(payment.priceTicks, row.tickSize),
        settled_amount: payment.settledLots < 0 ? `-${magnitude}` : magnitude,
        paid: decimalOfMicros(payment.paidMicros),
        command_id: payment.commandId,
      },
    },
  ]
}
