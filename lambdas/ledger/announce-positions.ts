import type { BusEvent } from '#adapters/bus.ts'
import { positionRowOf } from '#adapters/tables/positions.ts'
import { instantOf, serveAnnouncements } from '../shell/announce.ts'
import type { ItemChange } from '../shell/stream.ts'
import { positionDecimals } from './position-view.ts'

/** Each position that the table has held; what was passed through within one batch is not seen. */
export const positionChangedOf = ({ now }: ItemChange): BusEvent | undefined => {
  if (now === undefined) return undefined
  const row = positionRowOf(now)
  return {
    name: 'PositionChanged.v1',
    detail: {
      // A trade changes two positions: its own id would name both changes.
      event_id: `${row.eventId}:${row.accountId}`,
      lane: row.lane,
      sequence: row.outSeq,
      timestamp: instantOf(row.updatedAtMillis),
      account_id: row.accountId,
      instrument_name: row.instrumentName,
      ...positionDecimals(row),
    },
  }
}

export const handler = serveAnnouncements(positionChangedOf)
