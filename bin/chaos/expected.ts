/** What the tables hold once every event is projected: told again here, without a line of the projectors. */
import type { Event, OrderFields, TradeLeg } from '#domain/trading/events.ts'
import { eventId } from '#protocol/executions-frame.ts'
import type { Row, Tables } from './evidence.ts'
import type { Replayed } from './replay.ts'

type Expected = Map<string, Row>
export type ExpectedTables = Readonly<Record<Exclude<keyof Tables, 'commands'>, Expected>>

/** Of a row, by which it is found. */
export const keyOf: Readonly<Record<keyof ExpectedTables, (row: Row) => string>> = {
  orders: row => `${row['account_id']}/${row['order_id']}`,
  trades: row => `${row['account_id']}/${row['trade_id']}`,
  positions: row => `${row['account_id']}/${row['instrument_name']}`,
  balances: row => `${row['account_id']}`,
  outcomes: row => `${row['command_id']}`,
}

const orderCommands: readonly string[] = ['cancel-order', 'amend-order', 'cancel-orders']

export const expectedTables = (lane: number, records: readonly Replayed[]): ExpectedTables => {
  const expected: ExpectedTables = {
    orders: new Map(),
    trades: new Map(),
    positions: new Map(),
    balances: new Map(),
    outcomes: new Map(),
  }
  const instrumentNames = new Map<number, string>()

  const put = (table: keyof ExpectedTables, row: Row): void => void expected[table].set(keyOf[table](row), row)
  const change = (accountId: number, orderId: string, fields: Row): void => {
    const before = expected.orders.get(`${accountId}/${orderId}`)
    put('orders', { ...before, account_id: accountId, order_id: orderId, ...fields })
  }
  const settle = (command_id: string, accepted: boolean, code?: string): void =>
    put('outcomes', { command_id, accepted, ...(code === undefined ? {} : { code }) })

  const apply = (event: Event, outSeq: number, id: string): void => {
    const stamp = { event_id: id, out_seq: outSeq }
    const own = (account_id: number, { position, cashMicros }: TradeLeg, instrumentId: number): void => {
      const { sizeLots: size_lots, entryTickLots: entry_tick_lots, realisedMicros: realised_micros } = position
      const instrument_name = instrumentNames.get(instrumentId) ?? ''
      put('positions', { account_id, instrument_name, size_lots, entry_tick_lots, realised_micros, ...stamp })
      put('balances', { account_id, cash_micros: cashMicros, ...stamp })
    }
    switch (event.type) {
      case 'instrument-listed':
        instrumentNames.set(event.instrument.instrumentId, event.instrument.specification.instrumentName)
        break
      case 'account-opened':
        put('balances', { account_id: event.accountId, cash_micros: 0, ...stamp })
        break
      case 'deposited':
        put('balances', { account_id: event.accountId, cash_micros: event.cashMicros, ...stamp })
        break
      case 'order-accepted': {
        const isStop = event.orderType === 'stop_limit' || event.orderType === 'stop_market'
        put('orders', { ...placed(event), order_state: isStop ? 'untriggered' : 'open', ...stamp })
        break
      }
      case 'order-rejected':
        if (event.code === 'duplicate-order') break
        if (event.code === 'unknown-account' || event.code === 'unknown-instrument')
          settle(event.orderId, false, event.code)
        else put('orders', { ...placed(event), order_state: 'rejected', reject_reason: event.code, ...stamp })
        break
      case 'order-triggered':
        change(event.accountId, event.orderId, { order_state: 'open', price_ticks: event.priceTicks, ...stamp })
        break
      case 'order-amended':
        change(event.accountId, event.orderId, {
          ...(event.previousTicks === 0 ? {} : { order_state: 'open' }),
          price_ticks: event.priceTicks,
          quantity_lots: event.quantityLots,
          filled_lots: event.filledLots,
          ...stamp,
        })
        if (event.commandId !== event.orderId) settle(event.commandId, true)
        break
      case 'order-cancelled': {
        const { accountId, orderId, reason, filledLots } = event
        const order_state = 'cancelled'
        change(accountId, orderId, { order_state, cancel_reason: reason, filled_lots: filledLots, ...stamp })
        if (reason === 'user-request') settle(event.commandId, true)
        break
      }
      case 'orders-cancelled':
        settle(event.commandId, true)
        break
      case 'command-rejected':
        if (orderCommands.includes(event.commandType)) settle(event.commandId, false, event.code)
        break
      case 'trade-executed':
        for (const [leg, other] of [
          [event.maker, event.taker],
          [event.taker, event.maker],
        ] as const) {
          change(leg.accountId, leg.orderId, {
            order_state: leg.remainingLots === 0 ? 'filled' : 'open',
            quantity_lots: leg.filledLots + leg.remainingLots,
            filled_lots: leg.filledLots,
            filled_tick_lots: leg.filledTickLots,
            ...stamp,
          })
          put('trades', {
            account_id: leg.accountId,
            trade_id: `${lane}-${String(outSeq).padStart(16, '0')}-${leg.direction}`,
            order_id: leg.orderId,
            direction: leg.direction,
            instrument_name: instrumentNames.get(event.instrumentId) ?? '',
            price_ticks: event.priceTicks,
            quantity_lots: event.quantityLots,
            fee_micros: leg.feeMicros,
            counterparty_account_id: other.accountId,
            counterparty_order_id: other.orderId,
            ...stamp,
          })
          own(leg.accountId, leg, event.instrumentId)
        }
        break
      case 'trade-busted':
        for (const leg of [event.buyer, event.seller]) {
          own(leg.accountId, leg, event.instrumentId)
          const key = `${leg.accountId}/${event.tradeId}-${leg.direction}`
          const before = expected.trades.get(key)
          if (before !== undefined) expected.trades.set(key, { ...before, is_busted: true })
        }
        break
    }
  }

  for (const { sequence, events, firstOutSeq } of records)
    for (const [index, event] of events.entries()) apply(event, firstOutSeq + index, eventId(lane, sequence, index))
  return expected
}

const placed = (order: OrderFields): Row => ({
  account_id: order.accountId,
  order_id: order.orderId,
  client_order_id: order.clientOrderId,
  instrument_id: order.instrumentId,
  direction: order.direction,
  order_type: order.orderType,
  time_in_force: order.timeInForce,
  price_ticks: order.priceTicks,
  quantity_lots: order.quantityLots,
  filled_lots: 0,
  filled_tick_lots: 0,
})
