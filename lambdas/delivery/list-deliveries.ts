import * as z from 'zod'
import { deliveriesOfAccount, obligatedKeyOfDelivery } from '#adapters/tables/deliveries.ts'
import type { listDeliveries } from '#protocol/operations/delivery.ts'
import { cursorScope, decodeCursor, encodeCursor } from '../shell/cursor.ts'
import type { Handle } from '../shell/http.ts'
import { traderOf } from '../trading/trader.ts'
import { deliveryOf } from './delivery-view.ts'

const defaultLimit = 100
const obligatedKey = z.string().regex(/^[0-9TZ:.-]{24}#[0-9a-f-]{36}$/)

/** Both sides are read up to the same place, newest first: an account is never on both sides of a delivery. */
export const handle: Handle<typeof listDeliveries> = async ({ query, principal }) => {
  const trader = await traderOf(principal)
  if (trader === undefined) return { code: 'account-not-open' }
  const scope = cursorScope('list-deliveries', principal.account, query)
  const after = query.cursor === undefined ? undefined : decodeCursor(scope, query.cursor, obligatedKey)
  if (query.cursor !== undefined && after === undefined) return { code: 'invalid-cursor' }
  const limit = query.limit ?? defaultLimit
  const filter = { instrumentName: query.instrument_name, state: query.delivery_state }
  const sides = (['buyer', 'seller'] as const).filter(side => query.side === undefined || query.side === side)
  const pages = await Promise.all(
    sides.map(async side => {
      const { rows, next } = await deliveriesOfAccount(side, trader, filter, { limit, after })
      return { next, told: rows.map(row => ({ key: obligatedKeyOfDelivery(row), delivery: deliveryOf(row, side) })) }
    }),
  )
  // Beyond where one of them ended the other may have older ones only.
  const readTo = pages.flatMap(({ next }) => (next === undefined ? [] : [next])).reduce(newer, '')
  const all = pages
    .flatMap(({ told }) => told)
    .filter(({ key }) => key >= readTo)
    .sort((one, other) => (one.key > other.key ? -1 : 1))
  const told = all.slice(0, limit)
  const next = all.length > limit ? told.at(-1)?.key : readTo === '' ? undefined : readTo
  return {
    status: 200,
    body: {
      data: told.map(({ delivery }) => delivery),
      next_cursor: next === undefined ? null : encodeCursor(scope, next),
    },
  }
}

const newer = (one: string, other: string): string => (one > other ? one : other)
