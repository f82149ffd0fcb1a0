import type { BusEvent } from '#adapters/bus.ts'
import { executionOf } from '#adapters/tables/arbitrage-executions.ts'
import { decimal, decimalOfMicros } from '#domain/units.ts'
import { instantOf, serveAnnouncements } from '../shell/announce.ts'
import type { ItemChange } from '../shell/stream.ts'

/** Each execution once, when it is over. */
const executedEventOf = ({ now, before }: ItemChange): readonly BusEvent[] => {
  const row = now === undefined ? undefined : executionOf(now)
  if (row === undefined) return []
  const { state, opportunity } = row
  if (state !== 'completed' && state !== 'missed' && state !== 'unwound' && state !== 'residual') return []
  if (before?.['execution_state'] === state) return []
  return [
    {
      name: 'ArbitrageExecuted.v1',
      detail: {
        event_id: `${row.executionId}:ended`,
        lane: row.lane,
        timestamp: instantOf(row.updatedAtMillis),
        execution_id: row.executionId,
        account_id: row.accountId,
        execution_state: state,
        origin: row.origin,
        opportunity_id: row.opportunityId,
        resource_class: opportunity.product.resourceClass,
        region: opportunity.product.region,
        starts_at: instantOf(opportunity.product.startMillis),
        ends_at: instantOf(opportunity.product.endMillis),
        unit_hours: decimalOfMicros(opportunity.microHours),
        expected_net: decimalOfMicros(opportunity.netMicros),
        realised_net: decimalOfMicros(row.realisedNetMicros ?? 0),
        residuals: row.residuals.map(({ instrumentName, direction, lots, minTradeAmount }) => ({
          instrument_name: instrumentName,
          direction,
          amount: decimal(lots, minTradeAmount),
        })),
      },
    },
  ]
}

export const handler = serveAnnouncements(executedEventOf)
