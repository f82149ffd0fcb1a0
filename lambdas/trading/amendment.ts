import { v7 as uuidv7 } from 'uuid'
import { getInstrument } from '#adapters/tables/instruments.ts'
import type { AmendOrder } from '#domain/trading/commands.ts'
import { type Counted, countLots, countTicks } from '#domain/trading/terms.ts'
import type { Rejection } from '../shell/http.ts'
import type { KnownOrder } from './order-view.ts'
import type { Trader } from './trader.ts'

interface Terms {
  readonly price?: string | undefined
  readonly amount?: string | undefined
}

type Refusal = Rejection<Extract<Counted, { ok: false }>['code'] | 'amount-below-filled' | 'invalid-request'>

/** The command that other terms for an order ask for, or the first reason why not. */
export const amendmentOf = async (
  { lane, accountId }: Trader,
  { orderId, row, order, instrumentName }: KnownOrder,
  { price, amount }: Terms,
): Promise<AmendOrder | Refusal> => {
  const listed = await getInstrument(lane, instrumentName)
  if (listed === undefined) throw new Error(`lane ${lane} has lost the instrument ${instrumentName}`)
  if (price !== undefined && order.price === null)
    return { code: 'invalid-request', errors: [{ pointer: '#/price', detail: `a ${order.order_type} order has none` }] }
  const ticks = price === undefined ? unchanged : countTicks(price, listed.instrument)
  if (!ticks.ok) return { code: ticks.code, errors: [{ pointer: '#/price', detail: ticks.detail }] }
  const lots = amount === undefined ? unchanged : countLots(amount, listed.instrument)
  if (!lots.ok) return { code: lots.code, errors: [{ pointer: '#/amount', detail: lots.detail }] }
  // What is filled only grows: there is no need to ask the engine.
  if (row !== undefined && amount !== undefined && lots.count <= row.filledLots)
    return { code: 'amount-below-filled', errors: [{ pointer: '#/amount', detail: 'is filled already' }] }
  return {
    type: 'amend-order',
    commandId: uuidv7(),
    accountId,
    orderId,
    priceTicks: ticks.count,
    quantityLots: lots.count,
  }
}

/** 0 leaves it as it is. */
const unchanged: Counted = { ok: true, count: 0 }
