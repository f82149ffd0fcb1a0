import { getOrder, isLive, type OrderRow } from '#adapters/tables/orders.ts'
import type { PlaceOrder } from '#domain/trading/commands.ts'
import { sendOnce } from '../shell/send-once.ts'

/** An order that does not stay in the book, sent once, as it ended; undefined while nobody can tell. */
export const orderEnded = (lane: number, command: PlaceOrder, withinMillis: number): Promise<OrderRow | undefined> =>
  sendOnce(
    lane,
    command,
    async () => {
      const row = await getOrder(command.accountId, command.orderId)
      return row === undefined || isLive(row.orderState) ? undefined : row
    },
    withinMillis,
  )

/** As it is told to people: what became of an order. */
export const toldOrder = ({ orderState, filledLots, rejectReason, cancelReason }: OrderRow): string =>
  [orderState, rejectReason ?? cancelReason, filledLots === 0 ? undefined : `${filledLots} lots`]
    .filter(each => each !== undefined)
    .join(', ')
