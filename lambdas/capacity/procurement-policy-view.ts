import type * as z from 'zod'
import type { ProcurementPolicyRow } from '#adapters/tables/procurement-policies.ts'
import { decimalOfMicros } from '#domain/units.ts'
import type { procurementPolicy } from '#protocol/operations/capacity-forecasts.ts'

const instantOf = (millis: number): string => new Date(millis).toISOString()

export const procurementPolicyView = (row: ProcurementPolicyRow): z.infer<typeof procurementPolicy> => {
  const { lastRun } = row
  return {
    market: row.market,
    mode: row.mode,
    budget: decimalOfMicros(row.budgetMicros),
    max_price: row.mostPriceMicros === undefined ? null : decimalOfMicros(row.mostPriceMicros),
    covered_units: row.coveredUnits,
    max_units: row.mostUnits ?? null,
    version: row.version,
    set_at: instantOf(row.setAtMillis),
    last_run:
      lastRun === undefined
        ? null
        : {
            delivery_date: lastRun.deliveryDate,
            result: lastRun.result,
            bid_id: lastRun.bidId ?? null,
            cost: decimalOfMicros(lastRun.costMicros),
            units: lastRun.units,
            reason: lastRun.reason ?? null,
            at: instantOf(lastRun.atMillis),
          },
  }
}
