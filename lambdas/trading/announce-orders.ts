import type { BusEvent } from '#adapters/bus.ts'
import { type OrderRow, orderRowOf } from '#adapters/tables/orders.ts'
import { decimal } from '#domain/units.ts'
import { instantOf, serveAnnouncements } from '../shell/announce.ts'
import type { ItemChange } from '../shell/stream.ts'

/** Each state that the table has held, and each fill; states passed through within one batch are not seen. */
export const orderStateChangedOf = ({ now, before }: ItemChange): BusEvent | undefined => {
  if (now === undefined) return undefined
  const row = orderRowOf(now)
  if (before !== undefined && !differs(row, orderRowOf(before))) return undefined
  return {
    name: 'OrderStateChanged.v1',
    detail: {
      // A trade changes two orders: its own id would name both changes.
      event_id: `${row.eventId}:${row.orderId}`,
      lane: laneOf(row.eventId),
      sequence: row.outSeq,
      timestamp: instantOf(row.updatedAtMillis),
      account_id: row.accountId,
      order_id: row.orderId,
      client_order_id: row.clientOrderId === '' ? null : row.clientOrderId,
      instrument_name: row.instrumentName,
      order_state: row.orderState,
      filled_amount: decimal(row.filledLots, row.minTradeAmount),
      reject_reason: row.rejectReason ?? null,
    },
  }
}

export const handler = serveAnnouncements(orderStateChangedOf)

const differs = (now: OrderRow, before: OrderRow): boolean =>
  now.orderState !== before.orderState || now.filledLots !== before.filledLots

/** An event's id begins with its lane. */
const laneOf = (eventId: string): number => Number(eventId.slice(0, eventId.indexOf(':')))
