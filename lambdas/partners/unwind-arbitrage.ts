import { accept } from '#domain/outcome.ts'
import { openLots, unwindLimitTicks } from '#domain/partners/arbitrage-execution.ts'
import { answerWithinMillis } from '../shell/send-once.ts'
import { serveTask } from '../shell/task.ts'
import { orderEnded, toldOrder } from '../trading/order-ended.ts'
import { arbitrageOrder } from './arbitrage-orders.ts'
import { arbitrageStep, orderLegOf, takeArbitrageStep } from './arbitrage-step.ts'

/** Trades back what a leg was filled with, because the other one failed: at once and within the slippage, as much as goes. */
export const handler = serveTask(arbitrageStep, async input =>
  accept(
    await takeArbitrageStep(input, {
      kind: 'unwind',
      decide: async (head, progress, leg) => {
        const order = orderLegOf(head, leg)
        const filled = progress.orders.find(each => each.leg === leg)
        if (filled === undefined) throw new Error(`nothing of the leg to ${leg} was filled`)
        return arbitrageOrder(head, order, {
          direction: leg === 'buy' ? 'sell' : 'buy',
          timeInForce: 'immediate_or_cancel',
          priceTicks: unwindLimitTicks(filled, head.unwindSlippagePpm, order.maxPriceTicks),
          quantityLots: openLots(progress, leg),
        })
      },
      perform: async (head, { command, leg, progress }, polls) => {
        if (command === undefined || leg === undefined) throw new Error('nothing trades the leg back')
        const order = await orderEnded(head.lane, command, answerWithinMillis(polls))
        if (order === undefined) return undefined
        const { filledLots: lots, filledTickLots: tickLots } = order
        return {
          progress: { ...progress, unwinds: [...progress.unwinds, { leg, lots, tickLots }] },
          result: toldOrder(order),
        }
      },
    }),
  ),
)
