import * as orders from '#adapters/tables/orders.ts'
import { decimal } from '#domain/units.ts'
import type { listQuotes } from '#protocol/operations/market-making.ts'
import { orderId } from '#protocol/values.ts'
import { cursorScope, decodeCursor, encodeCursor } from '../shell/cursor.ts'
import type { Handle } from '../shell/http.ts'
import { traderOf } from '../trading/trader.ts'

const defaultLimit = 100

export const handle: Handle<typeof listQuotes> = async ({ query, principal }) => {
  const trader = await traderOf(principal)
  if (trader === undefined) return { code: 'account-not-open' }
  const scope = cursorScope('list-quotes', trader.account, query)
  const after = query.cursor === undefined ? undefined : decodeCursor(scope, query.cursor, orderId)
  if (query.cursor !== undefined && after === undefined) return { code: 'invalid-cursor' }
  const { rows, next } = await orders.listOrders(trader.accountId, {
    limit: query.limit ?? defaultLimit,
    orderState: 'open',
    isQuote: true,
    ...(after === undefined ? {} : { after }),
    ...(query.instrument_name === undefined ? {} : { instrumentName: query.instrument_name }),
  })
  return {
    status: 200,
    body: {
      data: rows.map(row => ({
        order_id: row.orderId,
        group: groupOf(row),
        instrument_name: row.instrumentName,
        direction: row.direction,
        price: decimal(row.priceTicks, row.tickSize),
        amount: decimal(row.quantityLots - row.filledLots, row.minTradeAmount),
        creation_timestamp: new Date(row.createdAtMillis).toISOString(),
        last_update_timestamp: new Date(row.updatedAtMillis).toISOString(),
      })),
      next_cursor: next === undefined ? null : encodeCursor(scope, next),
    },
  }
}

const groupOf = ({ orderId, quoteGroup }: orders.OrderRow): string => {
  if (quoteGroup === undefined) throw new Error(`the quote ${orderId} is of no group`)
  return quoteGroup
}
