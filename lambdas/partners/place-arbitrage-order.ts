import { accept } from '#domain/outcome.ts'
import { answerWithinMillis } from '../shell/send-once.ts'
import { serveTask } from '../shell/task.ts'
import { orderEnded, toldOrder } from '../trading/order-ended.ts'
import { arbitrageOrder } from './arbitrage-orders.ts'
import { arbitrageStep, orderLegOf, takeArbitrageStep } from './arbitrage-step.ts'

/** An order leg, whole or not at all, at the price that it was found at or better. */
export const handler = serveTask(arbitrageStep, async input =>
  accept(
    await takeArbitrageStep(input, {
      kind: 'order',
      decide: async (head, _, leg) => {
        const { lots, limitTicks } = orderLegOf(head, leg)
        return arbitrageOrder(head, orderLegOf(head, leg), {
          direction: leg,
          timeInForce: 'fill_or_kill',
          priceTicks: limitTicks,
          quantityLots: lots,
        })
      },
      perform: async (head, { command, leg, progress }, polls) => {
        if (command === undefined || leg === undefined) throw new Error('an order leg has no order')
        const order = await orderEnded(head.lane, command, answerWithinMillis(polls))
        if (order === undefined) return undefined
        const { filledLots, filledTickLots } = order
        const isFilled = filledLots === command.quantityLots
        return {
          progress: { ...progress, orders: [...progress.orders, { leg, isFilled, filledLots, filledTickLots }] },
          result: toldOrder(order),
        }
      },
    }),
  ),
)
