import * as z from 'zod'
import { hoursOfLot, type LotRow, lotsOfHolder } from '#adapters/tables/partner-inventory.ts'
import { hourMillis } from '#domain/partners/catalogue.ts'
import { type HourWindow, hoursIn, standingAt, sumOfHours } from '#domain/partners/inventory.ts'
import { decimalOfMicros } from '#domain/units.ts'
import type { inventoryLot, listPartnerInventory } from '#protocol/operations/partners.ts'
import { cursorScope, decodeCursor, encodeCursor } from '../shell/cursor.ts'
import type { Handle } from '../shell/http.ts'
import { instantOf, vectorView } from './partner-views.ts'

const defaultLimit = 50
const defaultHours = 24
const mostHours = 336

export const handle: Handle<typeof listPartnerInventory> = async ({ query, principal }) => {
  const nowMillis = Date.now()
  const fromMillis =
    query.starts_at === undefined ? Math.floor(nowMillis / hourMillis) * hourMillis : Date.parse(query.starts_at)
  const untilMillis = query.ends_at === undefined ? fromMillis + defaultHours * hourMillis : Date.parse(query.ends_at)
  const window = { fromMillis, untilMillis }
  if (untilMillis <= fromMillis || hoursIn(window) > mostHours)
    return {
      code: 'capacity-window-invalid',
      errors: [{ pointer: '#/query/ends_at', detail: `must be 1 to ${mostHours} hours after starts_at` }],
    }
  const scope = cursorScope('list-partner-inventory', principal.account, query)
  const after = query.cursor === undefined ? undefined : decodeCursor(scope, query.cursor, endsKey)
  if (query.cursor !== undefined && after === undefined) return { code: 'invalid-cursor' }
  const { rows, next } = await lotsOfHolder(principal.account, {
    limit: query.limit ?? defaultLimit,
    endsAfterMillis: fromMillis,
    ...(after === undefined ? {} : { after }),
  })
  return {
    status: 200,
    body: {
      data: await Promise.all(rows.map(lot => view(lot, window, nowMillis))),
      next_cursor: next === undefined ? null : encodeCursor(scope, next),
    },
  }
}

/** An instant and an id. */
const endsKey = z.string().regex(/^[0-9TZ:.-]{24}#[0-9a-f-]{36}$/)

const view = async (lot: LotRow, window: HourWindow, nowMillis: number): Promise<z.infer<typeof inventoryLot>> => {
  const hours = (await hoursOfLot(lot, window)).map(hour => standingAt(hour, nowMillis))
  const expiring = (await hasUnitsLeft(lot, nowMillis)) ? lot.expiring : undefined
  return {
    lot_id: lot.lotId,
    kind: lot.kind,
    reference: lot.reference,
    provider: lot.provider,
    resource_class: lot.resourceClass,
    region: lot.region,
    vector: vectorView(lot.vector),
    lane: lot.lane,
    units: lot.units,
    starts_at: instantOf(lot.fromMillis),
    ends_at: instantOf(lot.untilMillis),
    price: decimalOfMicros(lot.priceMicrosPerUnitHour),
    unit_hours: sumOfHours(hours),
    hours: hours.map(({ hourMillis: at, ...counts }) => ({ starts_at: instantOf(at), ...counts })),
    is_expiring: expiring !== undefined,
    offered_price: expiring === undefined ? null : decimalOfMicros(expiring.priceMicrosPerUnitHour),
  }
}

/** Of one that was offered since it ends soon: others may have bought all of it since. */
const hasUnitsLeft = async (lot: LotRow, nowMillis: number): Promise<boolean> => {
  if (lot.expiring === undefined) return false
  const hours = await hoursOfLot(lot, { ...lot, fromMillis: Math.floor(nowMillis / hourMillis) * hourMillis })
  return sumOfHours(hours.map(hour => standingAt(hour, nowMillis))).available > 0
}
