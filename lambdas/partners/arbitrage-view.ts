import type * as z from 'zod'
import type { ExecutionRow, ExecutionStepRow } from '#adapters/tables/arbitrage-executions.ts'
import type { InstrumentRow } from '#adapters/tables/instruments.ts'
import type { Leg, Opportunity } from '#domain/partners/arbitrage.ts'
import { decimal, decimalOfMicros } from '#domain/units.ts'
import type { arbitrageExecution, arbitrageOpportunity, getArbitrageExecution } from '#protocol/operations/arbitrage.ts'

type OpportunityView = z.infer<typeof arbitrageOpportunity>
type ExecutionView = z.infer<typeof arbitrageExecution>
type StepView = z.infer<(typeof getArbitrageExecution)['responses'][200]['schema']>['steps'][number]

/** What amounts and prices of a leg are told in. */
export interface ToldIn {
  readonly minTradeAmount: string
  readonly tickSize: string
  readonly microsPerTickLot: number
}

export const toldInOf =
  (instruments: ReadonlyMap<string, InstrumentRow>) =>
  (source: string): ToldIn | undefined => {
    const instrument = instruments.get(source)?.instrument
    if (instrument === undefined) return undefined
    const { microsPerTickLot, specification } = instrument
    const { minTradeAmount, tickSize } = specification
    return { microsPerTickLot, minTradeAmount, tickSize }
  }

const instantOf = (millis: number): string => new Date(millis).toISOString()

/** `toldIn`: the contract of an instrument; undefined of an offer, which is told in units. */
export const opportunityView = (
  opportunityId: string,
  opportunity: Opportunity,
  toldIn: (source: string) => ToldIn | undefined,
): OpportunityView => {
  const { product, buy, sell, netMicros, outlayMicros } = opportunity
  return {
    opportunity_id: opportunityId,
    resource_class: product.resourceClass,
    region: product.region,
    starts_at: instantOf(product.startMillis),
    ends_at: instantOf(product.endMillis),
    unit_hours: decimalOfMicros(opportunity.microHours),
    legs: [buy, sell].map(leg => legView(leg, opportunity, toldIn(leg.source))),
    gross: decimalOfMicros(opportunity.grossMicros),
    net: decimalOfMicros(netMicros),
    outlay: decimalOfMicros(outlayMicros),
    return: outlayMicros === 0 ? 0 : Number((netMicros / outlayMicros).toFixed(6)),
    is_executable: opportunity.isExecutable,
    valid_until: instantOf(opportunity.validUntilMillis),
  }
}

const hourMillis = 3_600_000

const legView = (leg: Leg, { product }: Opportunity, contract: ToldIn | undefined): OpportunityView['legs'][number] => {
  const isFuture = leg.venue === 'futures' && contract !== undefined
  const hours = (product.endMillis - product.startMillis) / hourMillis
  return {
    direction: leg.side,
    venue: leg.venue,
    instrument_name: isFuture ? leg.source : null,
    offer_id: isFuture || leg.venue === 'day_ahead' ? null : leg.source,
    provider: leg.provider ?? null,
    amount: isFuture ? decimal(leg.quanta, contract.minTradeAmount) : String(leg.quanta),
    limit_price: isFuture
      ? decimal(Math.round(leg.limitMicros / contract.microsPerTickLot), contract.tickSize)
      : decimalOfMicros(Math.round(leg.limitMicros / hours)),
    notional: decimalOfMicros(leg.notionalMicros),
    fee: decimalOfMicros(leg.feeMicros),
    lock_in: decimalOfMicros(leg.lockInMicros),
    preemption: decimalOfMicros(leg.preemptionMicros),
    funding: decimalOfMicros(leg.fundingMicros),
    tied_up: decimalOfMicros(leg.tiedUpMicros),
  }
}

export const executionView = (row: ExecutionRow): ExecutionView => ({
  execution_id: row.executionId,
  execution_state: row.state,
  origin: row.origin,
  opportunity: opportunityView(row.opportunityId, row.opportunity, source =>
    row.orders.find(({ instrumentName }) => instrumentName === source),
  ),
  refusals: [...row.refusals],
  purchase_id: row.purchaseId ?? null,
  realised_net: row.realisedNetMicros === undefined ? null : decimalOfMicros(row.realisedNetMicros),
  residuals: row.residuals.map(({ instrumentName, direction, lots, minTradeAmount }) => ({
    instrument_name: instrumentName,
    direction,
    amount: decimal(lots, minTradeAmount),
  })),
  failure: row.failure ?? null,
  attempt: row.attempt,
  created_at: instantOf(row.createdAtMillis),
  updated_at: instantOf(row.updatedAtMillis),
})

export const stepView = (row: ExecutionStepRow, { purchaseId }: ExecutionRow): StepView => ({
  step: row.step,
  step_kind: row.kind,
  step_state: row.state,
  leg: row.leg ?? null,
  order_id: row.command?.orderId ?? null,
  purchase_id: row.kind === 'reserve' || row.kind === 'capture' || row.kind === 'release' ? (purchaseId ?? null) : null,
  decided_at: instantOf(row.decidedAtMillis),
  done_at: row.doneAtMillis === undefined ? null : instantOf(row.doneAtMillis),
  result: row.result ?? null,
})
