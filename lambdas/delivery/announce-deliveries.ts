import { timelineOfItem } from '#adapters/tables/deliveries.ts'
import { decimal } from '#domain/units.ts'
import { instantOf, serveAnnouncements } from '../shell/announce.ts'

/** Each change of a delivery's state, once it is in its timeline. */
export const handler = serveAnnouncements(({ now, before }) => {
  const row = now === undefined || before !== undefined ? undefined : timelineOfItem(now)
  if (row === undefined) return undefined
  return {
    name: 'DeliveryStateChanged.v1',
    detail: {
      event_id: `${row.deliveryId}:${row.sequence}`,
      timestamp: instantOf(row.atMillis),
      delivery_id: row.deliveryId,
      lane: row.lane,
      instrument_name: row.instrumentName,
      buyer_account_id: row.buyAccountId,
      seller_account_id: row.sellAccountId,
      sequence: row.sequence,
      delivery_state: row.state,
      attempt: row.attempt,
      amount: decimal(row.lots, row.minTradeAmount),
      reason: row.reason ?? null,
    },
  }
})
