/** What the tables hold once every event is projected: told again here, without a line of the projectors. */
import type { AwardLeg, Event, OrderFields, PositionSettled, TradeLeg, TransferLeg } from '#domain/trading/events.ts'
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
  ledgerEntries: row => `${row['account_id']}/${row['entry_id']}`,
  outcomes: row => `${row['command_id']}`,
}

const orderCommands = ['cancel-order', 'amend-order', 'cancel-orders'] as const
const cashCommands = [
  'deposit',
  'withdraw',
  'place-hold',
  'capture-hold',
  'release-hold',
  'transfer',
  'deposit-collateral',
  'withdraw-collateral',
  'set-gate',
  'hold-bid',
  'withdraw-bid',
  'award-lots',
  'post-payment',
  'settle-delivery',
  'send-cash',
] as const
const liquidationCommands = [
  'begin-liquidation',
  'join-liquidation',
  'liquidate-position',
  'transfer-position',
  'cover-loss',
  'haircut-gains',
  'end-liquidation',
] as const
const settledCommands: readonly string[] = [...orderCommands, ...cashCommands, ...liquidationCommands]

export const expectedTables = (lane: number, records: readonly Replayed[]): ExpectedTables => {
  const expected: ExpectedTables = {
    orders: new Map(),
    trades: new Map(),
    positions: new Map(),
    balances: new Map(),
    ledgerEntries: new Map(),
    outcomes: new Map(),
  }
  const instrumentNames = new Map<number, string>()

  const put = (table: keyof ExpectedTables, row: Row): void => void expected[table].set(keyOf[table](row), row)
  const balance = (account_id: number, fields: Row): void =>
    put('balances', { ...expected.balances.get(`${account_id}`), account_id, ...fields })
  /** What the cash was before is the row as it is. */
  const enter = (
    account_id: number,
    cash_micros: number,
    outSeq: number,
    entry: Row & { fee_micros?: number },
  ): void => {
    const amount_micros = cash_micros - Number(expected.balances.get(`${account_id}`)?.['cash_micros'] ?? 0)
    if (amount_micros === 0 && (entry.fee_micros ?? 0) === 0) return
    const { leg = 0 } = entry
    const entry_id = `${lane}-${String(outSeq).padStart(16, '0')}-${leg}`
    put('ledgerEntries', { account_id, entry_id, fee_micros: 0, ...entry, amount_micros, balance_micros: cash_micros })
  }
  const change = (accountId: number, orderId: string, fields: Row): void => {
    const before = expected.orders.get(`${accountId}/${orderId}`)
    put('orders', { ...before, account_id: accountId, order_id: orderId, ...fields })
  }
  const settle = (command_id: string, accepted: boolean, code?: string): void =>
    put('outcomes', { command_id, accepted, ...(code === undefined ? {} : { code }) })

  const apply = (event: Event, outSeq: number, id: string): void => {
    const stamp = { event_id: id, out_seq: outSeq }
    const own = (
      account_id: number,
      { position, cashMicros }: TradeLeg | AwardLeg | PositionSettled | TransferLeg,
      instrumentId: number,
      entry: Row & { fee_micros?: number },
    ): void => {
      const { sizeLots: size_lots, entryTickLots: entry_tick_lots, realisedMicros: realised_micros } = position
      const instrument_name = instrumentNames.get(instrumentId) ?? ''
      put('positions', { account_id, instrument_name, size_lots, entry_tick_lots, realised_micros, ...stamp })
      enter(account_id, cashMicros, outSeq, { instrument_name, ...entry })
      balance(account_id, { cash_micros: cashMicros, ...stamp })
    }
    switch (event.type) {
      case 'instrument-listed':
        instrumentNames.set(event.instrument.instrumentId, event.instrument.specification.instrumentName)
        break
      case 'account-opened':
        balance(event.accountId, { cash_micros: 0, held_micros: 0, ...stamp })
        break
      case 'deposited':
      case 'withdrawn':
        enter(event.accountId, event.cashMicros, outSeq, {
          kind: event.type === 'deposited' ? 'deposit' : 'withdrawal',
          reference: event.commandId,
        })
        balance(event.accountId, { cash_micros: event.cashMicros, ...stamp })
        settle(event.commandId, true)
        break
      case 'hold-placed':
      case 'bid-held':
      case 'hold-released':
        balance(event.accountId, { held_micros: event.heldMicros, ...stamp })
        settle(event.commandId, true)
        break
      case 'hold-captured':
        enter(event.accountId, event.cashMicros, outSeq, { kind: 'hold-capture', reference: event.commandId })
        balance(event.accountId, { cash_micros: event.cashMicros, held_micros: event.heldMicros, ...stamp })
        settle(event.commandId, true)
        break
      case 'transferred':
      case 'payment-posted': {
        const caused = { kind: event.type === 'transferred' ? 'transfer' : 'payment', reference: event.commandId }
        enter(event.accountId, event.cashMicros, outSeq, caused)
        balance(event.accountId, { cash_micros: event.cashMicros, ...stamp })
        enter(event.toAccountId, event.toCashMicros, outSeq, { ...caused, leg: 1 })
        balance(event.toAccountId, { cash_micros: event.toCashMicros, ...stamp })
        settle(event.commandId, true)
        break
      }
      case 'gate-set':
        settle(event.commandId, true)
        break
      case 'lots-awarded':
        for (const [leg, side] of [event.buy, event.sell].entries()) {
          const caused = { kind: 'award', reference: event.commandId, fee_micros: side.feeMicros, leg }
          own(side.accountId, side, event.instrumentId, caused)
        }
        settle(event.commandId, true)
        break
      case 'delivery-obligated':
        balance(event.buyAccountId, { held_micros: event.buyHeldMicros, ...stamp })
        balance(event.sellAccountId, { held_micros: event.sellHeldMicros, ...stamp })
        break
      case 'delivery-settled': {
        const instrument_name = instrumentNames.get(event.instrumentId) ?? ''
        const caused = { kind: 'delivery', reference: event.commandId, instrument_name }
        for (const [leg, id, cash_micros, held_micros] of [
          [0, event.buyAccountId, event.buyCashMicros, event.buyHeldMicros],
          [1, event.sellAccountId, event.sellCashMicros, event.sellHeldMicros],
        ] as const) {
          enter(id, cash_micros, outSeq, { ...caused, leg })
          balance(id, { cash_micros, held_micros, ...stamp })
        }
        settle(event.commandId, true)
        break
      }
      case 'collateral-deposited':
      case 'collateral-withdrawn': {
        const instrument_name = instrumentNames.get(event.instrumentId) ?? ''
        const nothing = { entry_tick_lots: 0, realised_micros: 0, is_collateral: true }
        const { accountId: account_id, sizeLots: size_lots } = event
        put('positions', { account_id, instrument_name, size_lots, ...nothing, ...stamp })
        settle(event.commandId, true)
        break
      }
      case 'position-settled':
        own(event.accountId, event, event.instrumentId, { kind: event.settlementKind, reference: event.commandId })
        break
      case 'position-transferred': {
        const caused = { kind: 'position-transfer', reference: event.commandId }
        own(event.accountId, event.from, event.instrumentId, { ...caused, leg: 0 })
        own(event.toAccountId, event.to, event.instrumentId, { ...caused, leg: 1 })
        settle(event.commandId, true)
        break
      }
      case 'loss-covered':
      case 'gains-haircut': {
        const isFund = event.type === 'loss-covered'
        const caused = { kind: isFund ? 'loss-cover' : 'gain-haircut', reference: event.commandId }
        const payers = isFund ? [{ accountId: event.fundAccountId, cashMicros: event.fundCashMicros }] : event.shares
        for (const [leg, { accountId, cashMicros }] of [
          [0, event] as const,
          ...payers.map(each => [1, each] as const),
        ]) {
          enter(accountId, cashMicros, outSeq, { ...caused, leg })
          balance(accountId, { cash_micros: cashMicros, ...stamp })
        }
        settle(event.commandId, true)
        break
      }
      case 'cash-sent':
      case 'cash-received': {
        const movedMicros = event.type === 'cash-sent' ? event.debitedMicros : event.creditedMicros
        if (movedMicros === 0) break
        enter(event.accountId, event.cashMicros, outSeq, { kind: 'lane-transfer', reference: event.commandId })
        balance(event.accountId, { cash_micros: event.cashMicros, ...stamp })
        if (event.type === 'cash-sent') settle(event.commandId, true)
        break
      }
      case 'liquidation-begun':
      case 'liquidation-joined':
      case 'liquidation-tranche':
      case 'liquidation-ended':
        settle(event.commandId, true)
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
        if (settledCommands.includes(event.commandType)) settle(event.commandId, false, event.code)
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
          own(leg.accountId, leg, event.instrumentId, {
            kind: 'trade',
            reference: `${lane}-${String(outSeq).padStart(16, '0')}`,
            leg: leg === event.maker ? 0 : 1,
            fee_micros: leg.feeMicros,
          })
        }
        break
      case 'trade-busted':
        for (const leg of [event.buyer, event.seller]) {
          const numbered = { leg: leg === event.buyer ? 0 : 1, fee_micros: leg.feeMicros }
          own(leg.accountId, leg, event.instrumentId, { kind: 'trade-bust', reference: event.tradeId, ...numbered })
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
