import type { BusEvent } from '#adapters/bus.ts'
import { purchaseOfChange } from '#adapters/tables/partner-purchases.ts'
import { instantOf, serveAnnouncements } from '../shell/announce.ts'
import type { ItemChange } from '../shell/stream.ts'
import { purchasePartView } from './purchase-part-view.ts'
import { lotIdOf } from './purchase-step.ts'

/** What became of each part of a purchase, once the purchase is over. */
const eventsOf = ({ now, before }: ItemChange): readonly BusEvent[] => {
  const row = now === undefined ? undefined : purchaseOfChange(now)
  if (row === undefined || before?.['purchase_state'] === row.state) return []
  const { state, failure = 'undone' } = row
  if (state !== 'completed' && state !== 'failed') return []
  return row.parts.map((part, index): BusEvent => {
    const lot_id = lotIdOf(row, index)
    const detail = {
      event_id: `${lot_id}:${state}`,
      lane: row.lane,
      timestamp: instantOf(row.updatedAtMillis),
      purchase_id: row.purchaseId,
      account_id: row.accountId,
      parts: row.parts.length,
      ...purchasePartView(part),
    }
    return state === 'completed'
      ? { name: 'PartnerPurchaseCompleted.v1', detail: { ...detail, lot_id } }
      : { name: 'PartnerPurchaseFailed.v1', detail: { ...detail, reason: failure } }
  })
}

export const handler = serveAnnouncements(eventsOf)
