import type { BusEvent } from '#adapters/bus.ts'
import { purchaseOfChange } from '#adapters/tables/partner-purchases.ts'
import { decimalOfMicros } from '#domain/units.ts'
import { instantOf, serveAnnouncements } from '../shell/announce.ts'
import type { ItemChange } from '../shell/stream.ts'
import { lotIdOf } from './purchase-step.ts'

/** What became of each purchase, once it is over. */
const eventOf = ({ now, before }: ItemChange): BusEvent | undefined => {
  const row = now === undefined ? undefined : purchaseOfChange(now)
  if (row === undefined || before?.['purchase_state'] === row.state) return undefined
  if (row.state !== 'completed' && row.state !== 'failed') return undefined
  const detail = {
    event_id: `${row.purchaseId}:${row.state}`,
    lane: row.lane,
    timestamp: instantOf(row.updatedAtMillis),
    purchase_id: row.purchaseId,
    account_id: row.accountId,
    offer_id: row.offerId,
    provider: row.provider,
    resource_class: row.resourceClass,
    region: row.region,
    pricing: row.pricing,
    units: row.units,
    starts_at: instantOf(row.fromMillis),
    ends_at: instantOf(row.untilMillis),
    cost: decimalOfMicros(row.costMicros),
  }
  return row.state === 'completed'
    ? { name: 'PartnerPurchaseCompleted.v1', detail: { ...detail, lot_id: lotIdOf(row) } }
    : { name: 'PartnerPurchaseFailed.v1', detail: { ...detail, reason: row.failure ?? 'undone' } }
}

export const handler = serveAnnouncements(eventOf)
