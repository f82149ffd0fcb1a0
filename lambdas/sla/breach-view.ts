import type * as z from 'zod'
import type { AssessmentRow } from '#adapters/tables/sla-assessments.ts'
import { breachId, breachMetric, uptimePercent } from '#domain/sla/assessment.ts'
import type { SlaContract } from '#domain/sla/sla-contract.ts'
import { decimal, decimalOfMicros } from '#domain/units.ts'
import type { slaBreach } from '#protocol/operations/sla.ts'

/** Of an assessment that found a breach, or that there was none after all. */
export const breachOf = (contract: SlaContract, row: AssessmentRow): z.infer<typeof slaBreach> => {
  const { contractId, month, version, breach, collected, due } = row
  if (breach === undefined || collected === undefined || due === undefined)
    throw new Error(`${contractId} ${month} ${version} tells of no breach`)
  return {
    breach_id: breachId(contractId, month, version),
    contract_id: contractId,
    month,
    metric: breachMetric,
    version,
    breach_state: breach,
    up_s: collected.upSeconds,
    degraded_s: collected.degradedSeconds,
    down_s: collected.downSeconds,
    unknown_s: collected.unknownSeconds,
    uptime_percent: uptimePercent({ up: due.uptimeUp, total: due.uptimeTotal }),
    promised_percent: decimal(contract.tiers[0]?.belowUptimePpm ?? 0, '0.0001'),
    credit: decimalOfMicros(due.creditPpm),
    penalty: decimalOfMicros(due.penaltyMicros),
    timestamp: new Date(row.updatedAtMillis).toISOString(),
  }
}
