import * as orders from '#adapters/tables/orders.ts'
import type { listOrders } from '#protocol/operations/trading.ts'
import { orderId } from '#protocol/values.ts'
import { cursorScope, decodeCursor, encodeCursor } from '../shell/cursor.ts'
import type { Handle } from '../shell/http.ts'
import { orderOf } from './order-view.ts'
import { traderIn } from './trader.ts'

const defaultLimit = 100

export const handle: Handle<typeof listOrders> = async ({ query, principal }) => {
  const lane = query.lane === undefined ? undefined : Number(query.lane)
  const trader = await traderIn(principal, lane, '#/query/lane')
  if ('code' in trader) return trader
  const scope = cursorScope('list-orders', trader.account, query)
  const after = query.cursor === undefined ? undefined : decodeCursor(scope, query.cursor, orderId)
  if (query.cursor !== undefined && after === undefined) return { code: 'invalid-cursor' }
  const { rows, next } = await orders.listOrders(trader.accountId, {
    limit: query.limit ?? defaultLimit,
    ...(after === undefined ? {} : { after }),
    ...(query.instrument_name === undefined ? {} : { instrumentName: query.instrument_name }),
    ...(query.order_state === undefined ? {} : { orderState: query.order_state }),
    ...(query.direction === undefined ? {} : { direction: query.direction }),
    ...(query.label === undefined ? {} : { label: query.label }),
  })
  return {
    status: 200,
    body: { data: rows.map(orderOf), next_cursor: next === undefined ? null : encodeCursor(scope, next) },
  }
}
