import { v7 as uuidv7 } from 'uuid'
import { putCommands } from '#adapters/streams/orders.ts'
import type { ExecutionRow, OrderLeg } from '#adapters/tables/arbitrage-executions.ts'
import { getOrder, isLive, type OrderRow } from '#adapters/tables/orders.ts'
import { type PlaceOrder, plainInstructions, type TimeInForce } from '#domain/trading/commands.ts'
import { pollUntil } from '../shell/wait.ts'

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

const firstAnswerWithinMillis = 5_000
const laterAnswerWithinMillis = 250

/** The order as it ended; undefined while nobody can tell. The engine takes an order once, however often it is sent. */
export const orderEnded = async (
  { lane, accountId }: ExecutionRow,
  command: PlaceOrder,
  polls: number,
): Promise<OrderRow | undefined> => {
  const ended = async (): Promise<OrderRow | undefined> => {
    const row = await getOrder(accountId, command.orderId)
    return row === undefined || isLive(row.orderState) ? undefined : row
  }
  const known = await ended()
  if (known !== undefined) return known
  await putCommands(lane, [command])
  return pollUntil(ended, performance.now() + (polls === 0 ? firstAnswerWithinMillis : laterAnswerWithinMillis))
}

/** As it is told to people: what became of an order. */
export const toldOrder = ({ orderState, filledLots, rejectReason, cancelReason }: OrderRow): string =>
  [orderState, rejectReason ?? cancelReason, filledLots === 0 ? undefined : `${filledLots} lots`]
    .filter(each => each !== undefined)
    .join(', ')
