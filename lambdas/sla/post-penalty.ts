import { getMeasurement, type MeasurementRow, replaceMeasurement } from '#adapters/tables/measurements.ts'
import { assessmentPut } from '#adapters/tables/sla-assessments.ts'
import { entriesOfMonth, penaltyEntryPut } from '#adapters/tables/sla-penalties.ts'
import { transact } from '#adapters/writes.ts'
import { accept } from '#domain/outcome.ts'
import { penaltyEntries, standingPenaltyMicros } from '#domain/sla/penalty-ledger.ts'
import { windowMillis } from '#domain/sla/readings.ts'
import { contractMonth } from '#domain/sla/sla-contract.ts'
import { serveTask } from '../shell/task.ts'
import { advanced, type Enforcement, enforcementOf, enforcementStep } from './enforcement-step.ts'

const mostAttempts = 5

/** Adds the version's entries to the penalty ledger, all at once and once; then the month's last window tells the penalty. */
export const handler = serveTask(enforcementStep, async step => {
  const enforcement = await enforcementOf(step)
  if (enforcement.row.state === 'assessed') await post(enforcement)
  await tellPenalty(enforcement)
  return accept(step)
})

const post = async ({ contract, row }: Enforcement): Promise<void> => {
  const { contractId, month, version, due } = row
  if (due === undefined) throw new Error(`${contractId} ${month} is not assessed`)
  const before = await entriesOfMonth(contractId, month)
  const entries = penaltyEntries(contract, { month, version, penaltyMicros: due.penaltyMicros }, before)
  const posted = advanced(row, { state: 'posted', previousPenaltyMicros: standingPenaltyMicros(before, month) })
  const isPosted = await transact([
    ...entries.map(entry => penaltyEntryPut({ ...entry, contractId, postedAtMillis: posted.updatedAtMillis })),
    assessmentPut(posted, row),
  ])
  if (!isPosted) throw new Error(`assessment ${version} of ${month} of ${contractId} has changed meanwhile`)
}

/** A correction of the window at the same moment keeps the penalty, or is kept by it. */
const tellPenalty = async ({ contract, row }: Enforcement): Promise<void> => {
  const { penaltyMicros } = row.due ?? {}
  if (penaltyMicros === undefined) throw new Error(`${row.contractId} ${row.month} is not assessed`)
  const name = {
    series: contract.series,
    source: contract.contractId,
    windowStartMillis: contractMonth(contract, row.month).toMillis - windowMillis,
    windowEndMillis: contractMonth(contract, row.month).toMillis,
  }
  for (let attempt = 1; attempt <= mostAttempts; attempt++) {
    const read = await getMeasurement(name)
    if (read === undefined) throw new Error(`the last window of ${row.contractId} ${row.month} is not there`)
    if (read.penaltyMicros === penaltyMicros) return
    const told: MeasurementRow = {
      ...read,
      penaltyMicros,
      version: read.version + 1,
      recordedAtMillis: Math.max(Date.now(), read.recordedAtMillis),
    }
    if (await replaceMeasurement(told, read)) return
  }
  throw new Error(`the last window of ${row.contractId} ${row.month} kept changing`)
}
