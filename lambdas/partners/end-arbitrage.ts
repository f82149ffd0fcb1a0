import type { ExecutionRow, OrderLeg } from '#adapters/tables/arbitrage-executions.ts'
import { feeMicros } from '#domain/ledger/fees.ts'
import { accept } from '#domain/outcome.ts'
import {
  type ExecutionProgress,
  endOfExecution,
  openLots,
  unwindLossTickLots,
} from '#domain/partners/arbitrage-execution.ts'
import { serveTask } from '../shell/task.ts'
import { arbitrageStep, planOf, takeArbitrageStep } from './arbitrage-step.ts'

/** Says how it has ended, and what it came to. */
export const handler = serveTask(arbitrageStep, async input =>
  accept(
    await takeArbitrageStep(input, {
      kind: 'end',
      perform: async (head, { progress }) => {
        const state = endOfExecution(planOf(head), progress)
        const residuals = head.orders.flatMap(({ leg, instrumentName, minTradeAmount }) => {
          const lots = state === 'completed' ? 0 : openLots(progress, leg)
          return lots === 0 ? [] : [{ instrumentName, direction: leg, lots, minTradeAmount }]
        })
        const realisedNetMicros = state === 'completed' ? earned(head, progress) : -lost(head, progress)
        return { progress, result: state, head: { state, residuals, realisedNetMicros } }
      },
    }),
  ),
)

/** What came in less what went out, and less what was expected to be lost until the product's end. */
const earned = ({ opportunity, orders }: ExecutionRow, progress: ExecutionProgress): number => {
  let net = 0
  for (const leg of [opportunity.buy, opportunity.sell]) {
    const order = orders.find(each => each.leg === leg.side)
    const [notional, fee] =
      order === undefined ? [leg.notionalMicros, leg.feeMicros] : paidFor(order, filledTickLots(progress, leg.side))
    net += (leg.side === 'buy' ? -notional : notional) - fee
    net -= leg.lockInMicros + leg.preemptionMicros + leg.fundingMicros
  }
  return net
}

/** What trading back cost, with the fees of both ways; of what is left over only the fee is lost yet. */
const lost = ({ orders }: ExecutionRow, progress: ExecutionProgress): number =>
  orders.reduce((sum, order) => {
    const back = progress.unwinds
      .filter(({ leg }) => leg === order.leg)
      .reduce((all, { tickLots }) => all + tickLots, 0)
    const [, feeIn] = paidFor(order, filledTickLots(progress, order.leg))
    const [, feeOut] = paidFor(order, back)
    return sum + unwindLossTickLots(progress, order.leg) * order.microsPerTickLot + feeIn + feeOut
  }, 0)

const filledTickLots = ({ orders }: ExecutionProgress, leg: 'buy' | 'sell'): number =>
  orders.filter(each => each.leg === leg).reduce((sum, each) => sum + each.filledTickLots, 0)

const paidFor = (
  { microsPerTickLot, takerCommissionPpm }: OrderLeg,
  tickLots: number,
): readonly [notional: number, fee: number] => {
  const notional = tickLots * microsPerTickLot
  return [notional, feeMicros(takerCommissionPpm, notional)]
}
