import type { BusEvent } from '#adapters/bus.ts'
import { tradeRowOf } from '#adapters/tables/trades.ts'
import { decimal, decimalOfMicros } from '#domain/units.ts'
import { instantOf, serveAnnouncements } from '../shell/announce.ts'
import type { ItemChange } from '../shell/stream.ts'

/** Once a trade: from the row of its taker as it appears; of an auction, where nobody takes, from the seller's. */
export const tradeExecutedOf = ({ now, before }: ItemChange): BusEvent | undefined => {
  if (now === undefined || before !== undefined) return undefined
  const row = tradeRowOf(now)
  if (row.liquidity === 'auction' ? row.direction === 'buy' : row.liquidity === 'maker') return undefined
  return {
    name: 'TradeExecuted.v1',
    detail: {
      event_id: row.eventId,
      lane: row.lane,
      sequence: row.outSeq,
      timestamp: instantOf(row.atMillis),
      trade_id: row.tradeId,
      instrument_name: row.instrumentName,
      price: decimal(row.priceTicks, row.tickSize),
      amount: decimal(row.quantityLots, row.minTradeAmount),
      direction: row.direction,
      is_auction: row.liquidity === 'auction',
      maker: {
        account_id: row.counterpartyAccountId,
        order_id: row.counterpartyOrderId,
        fee: decimalOfMicros(row.counterpartyFeeMicros),
      },
      taker: { account_id: row.accountId, order_id: row.orderId, fee: decimalOfMicros(row.feeMicros) },
    },
  }
}

export const handler = serveAnnouncements(tradeExecutedOf)
