import { v7 as uuidv7 } from 'uuid'
import { getInstrument } from '#adapters/tables/instruments.ts'
import { type Counted, countLots, countTicks } from '#domain/trading/terms.ts'
import type { amendOrder } from '#protocol/operations/trading.ts'
import type { Handle } from '../shell/http.ts'
import { changeOrder } from './change-order.ts'

export const handle: Handle<typeof amendOrder> = async ({ path, body, principal, idempotencyKey, headers, admitted }) =>
  changeOrder(
    'amend-order',
    { principal, orderId: path.order_id, body, idempotencyKey, headers, admitted },
    async ({ row, instrumentName }, trader) => {
      const listed = await getInstrument(trader.lane, instrumentName)
      if (listed === undefined) throw new Error(`lane ${trader.lane} has lost the instrument ${instrumentName}`)
      const ticks = body.price === undefined ? unchanged : countTicks(body.price, listed.instrument)
      if (!ticks.ok) return { code: ticks.code, errors: [{ pointer: '#/price', detail: ticks.detail }] }
      const lots = body.amount === undefined ? unchanged : countLots(body.amount, listed.instrument)
      if (!lots.ok) return { code: lots.code, errors: [{ pointer: '#/amount', detail: lots.detail }] }
      // What is filled only grows: there is no need to ask the engine.
      if (row !== undefined && body.amount !== undefined && lots.count <= row.filledLots)
        return { code: 'amount-below-filled', errors: [{ pointer: '#/amount', detail: 'is filled already' }] }
      return {
        type: 'amend-order',
        commandId: uuidv7(),
        accountId: trader.accountId,
        orderId: path.order_id,
        priceTicks: ticks.count,
        quantityLots: lots.count,
      }
    },
  )

/** 0 leaves it as it is. */
const unchanged: Counted = { ok: true, count: 0 }
