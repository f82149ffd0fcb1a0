import * as z from 'zod'
import * as trades from '#adapters/tables/trades.ts'
import { decimal, decimalOfMicros } from '#domain/units.ts'
import type { listTrades } from '#protocol/operations/trading.ts'
import { cursorScope, decodeCursor, encodeCursor } from '../shell/cursor.ts'
import type { Handle } from '../shell/http.ts'
import { traderIn } from './trader.ts'

const defaultLimit = 100

/** The sort key of the trades table. */
const tradeKey = z.string().regex(/^[0-9]{1,5}-[0-9]{16}-(?:buy|sell)$/)

export const handle: Handle<typeof listTrades> = async ({ query, principal }) => {
  const lane = query.lane === undefined ? undefined : Number(query.lane)
  const trader = await traderIn(principal, lane, '#/query/lane')
  if ('code' in trader) return trader
  const scope = cursorScope('list-trades', trader.account, query)
  const after = query.cursor === undefined ? undefined : decodeCursor(scope, query.cursor, tradeKey)
  if (query.cursor !== undefined && after === undefined) return { code: 'invalid-cursor' }
  const { rows, next } = await trades.listTrades(trader.accountId, {
    limit: query.limit ?? defaultLimit,
    ...(after === undefined ? {} : { after }),
    ...(query.instrument_name === undefined ? {} : { instrumentName: query.instrument_name }),
    ...(query.order_id === undefined ? {} : { orderId: query.order_id }),
  })
  return {
    status: 200,
    body: {
      data: rows.map(row => ({
        trade_id: row.tradeId,
        order_id: row.orderId,
        instrument_name: row.instrumentName,
        direction: row.direction,
        price: decimal(row.priceTicks, row.tickSize),
        amount: decimal(row.quantityLots, row.minTradeAmount),
        fee: decimalOfMicros(row.feeMicros),
        fee_currency: 'USD',
        liquidity: row.liquidity,
        is_busted: row.isBusted ?? false,
        timestamp: new Date(row.atMillis).toISOString(),
      })),
      next_cursor: next === undefined ? null : encodeCursor(scope, next),
    },
  }
}
