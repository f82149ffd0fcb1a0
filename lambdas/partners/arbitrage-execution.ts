import { createHash } from 'node:crypto'
import type { ExecutionRow, OrderLeg, PurchaseLeg } from '#adapters/tables/arbitrage-executions.ts'
import { startWorkflow } from '#adapters/workflows.ts'
import type { Leg } from '#domain/partners/arbitrage.ts'
import { nextExecutionStep, noProgress } from '#domain/partners/arbitrage-execution.ts'
import { planOf } from './arbitrage-step.ts'
import type { Found, FoundOpportunity } from './opportunities.ts'

/** Orders and the purchase that an opportunity comes to. */
export const legsOf = (
  { opportunity }: FoundOpportunity,
  { instruments, offers }: Found,
): { readonly orders: readonly OrderLeg[]; readonly purchase?: PurchaseLeg } => {
  const { buy, sell, product } = opportunity
  const orderOf = (leg: Leg): readonly OrderLeg[] => {
    const instrument = instruments.get(leg.source)?.instrument
    if (leg.venue !== 'futures' || instrument === undefined) return []
    const { specification, instrumentId, specificationVersion, microsPerTickLot, maxPriceTicks } = instrument
    return [
      {
        leg: leg.side,
        instrumentName: leg.source,
        instrumentId,
        specificationVersion,
        lots: leg.quanta,
        limitTicks: Math.round(leg.limitMicros / microsPerTickLot),
        tickSize: specification.tickSize,
        minTradeAmount: specification.minTradeAmount,
        microsPerTickLot,
        maxPriceTicks,
        takerCommissionPpm: specification.takerCommissionPpm,
      },
    ]
  }
  const offer = buy.venue === 'futures' ? undefined : offers.get(buy.source)
  return {
    orders: [...orderOf(buy), ...orderOf(sell)],
    ...(offer !== undefined && {
      purchase: {
        offerId: offer.offerId,
        units: buy.quanta,
        fromMillis: product.startMillis,
        untilMillis: product.endMillis,
        priceMicrosPerUnitHour: offer.priceMicrosPerUnitHour,
      },
    }),
  }
}

/** Once for each attempt. */
export const startExecution = (row: ExecutionRow): Promise<boolean> =>
  startWorkflow('arbitrage-execution', executionName(row), {
    execution_id: row.executionId,
    step: 0,
    polls: 0,
    next: nextExecutionStep(planOf(row), noProgress).kind,
    wait_seconds: 0,
  })

/** 40 of the 80 characters that a name may have. */
const executionName = ({ executionId, attempt }: ExecutionRow): string =>
  createHash('sha256')
    .update(JSON.stringify([executionId, attempt]))
    .digest('hex')
    .slice(0, 40)
