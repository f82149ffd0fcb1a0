import type { BusEvent } from '#adapters/bus.ts'
import { lotOfChange } from '#adapters/tables/partner-inventory.ts'
import { decimalOfMicros } from '#domain/units.ts'
import { instantOf, serveAnnouncements } from '../shell/announce.ts'
import type { ItemChange } from '../shell/stream.ts'

/** Each lot that is flagged, once. */
const eventOf = ({ now, before }: ItemChange): BusEvent | undefined => {
  const lot = now === undefined ? undefined : lotOfChange(now)
  if (lot?.expiring === undefined || before?.['expiring_since_millis'] !== undefined) return undefined
  return {
    name: 'InventoryExpiring.v1',
    detail: {
      event_id: `${lot.lotId}:expiring`,
      lane: lot.lane,
      timestamp: instantOf(lot.expiring.sinceMillis),
      lot_id: lot.lotId,
      account_id: lot.accountId,
      provider: lot.provider,
      resource_class: lot.resourceClass,
      region: lot.region,
      units: lot.units,
      starts_at: instantOf(lot.fromMillis),
      ends_at: instantOf(lot.untilMillis),
      offered_price: decimalOfMicros(lot.expiring.priceMicrosPerUnitHour),
    },
  }
}

export const handler = serveAnnouncements(eventOf)
