import { v7 as uuidv7 } from 'uuid'
import type { ExecutionRow, OrderLeg } from '#adapters/tables/arbitrage-executions.ts'
import { type PlaceOrder, plainInstructions, type TimeInForce } from '#domain/trading/commands.ts'

/** A limit order of an execution, under an id of its own; it never trades against the account itself. */
export const arbitrageOrder = (
  { accountId }: ExecutionRow,
  { instrumentId, specificationVersion }: OrderLeg,
  order: {
    readonly direction: 'buy' | 'sell'
    readonly timeInForce: Extract<TimeInForce, 'fill_or_kill' | 'immediate_or_cancel'>
    readonly priceTicks: number
    readonly quantityLots: number
  },
): PlaceOrder => ({
  ...plainInstructions,
  ...order,
  type: 'place-order',
  orderId: uuidv7(),
  accountId,
  instrumentId,
  specificationVersion,
  orderType: 'limit',
  clientOrderId: '',
  selfTradePrevention: 'cancel_newest',
})
