import { createHash } from 'node:crypto'
import { type AssessmentRow, lastAssessments, replaceAssessment } from '#adapters/tables/sla-assessments.ts'
import { allMonths, getClosing } from '#adapters/tables/sla-months.ts'
import { startWorkflow } from '#adapters/workflows.ts'
import { watermarkMillis } from '#domain/sla/readings.ts'
import { contractMonths, type SlaContract } from '#domain/sla/sla-contract.ts'
import type { EnforcementStep } from './enforcement-step.ts'

/** An execution that is older has ended, whatever became of it: TimeoutSeconds of the workflow, and some more. */
const longestAttemptMillis = 3_600_000 + 300_000
/** What failed is tried again so much later, for as long as it fails. */
const pauseAfterFailureMillis = 15 * 60_000

/**
 * Has each month of the contract assessed whose windows are all closed, and again, as the next version, once corrections
 * of it have rested for as long as windows wait for readings. However often it is asked, a version is begun once.
 */
export const beginDueEnforcements = async (contract: SlaContract, nowMillis: number): Promise<void> => {
  const { contractId } = contract
  const closing = await getClosing(contractId)
  if (closing === undefined) return
  const over = contractMonths(contract, closing.closedMillis).filter(({ toMillis }) => toMillis <= closing.closedMillis)
  if (over.length === 0) return
  const [months, assessments] = await Promise.all([allMonths(contractId), lastAssessments(contractId)])
  for (const { month } of over) {
    const last = assessments.get(month)
    const sums = months.find(each => each.month === month)
    if (sums === undefined) throw new Error(`${contractId} has no windows in ${month}`)
    if (last === undefined) await begin(firstAttempt(contractId, month, 1, nowMillis), undefined)
    else if (last.state === 'done') {
      const isChanged = sums.revision !== last.collected?.monthRevision
      if (isChanged && nowMillis - sums.changedAtMillis >= watermarkMillis)
        await begin(firstAttempt(contractId, month, last.version + 1, nowMillis), undefined)
    } else if (isLost(last, nowMillis)) await begin(nextAttempt(last, nowMillis), last)
    // Its start may have been lost; a second one starts nothing.
    else if (last.state === 'collecting') await start(last)
  }
}

const isLost = (last: AssessmentRow, nowMillis: number): boolean =>
  last.state === 'failed'
    ? nowMillis - last.updatedAtMillis >= pauseAfterFailureMillis
    : nowMillis - last.startedAtMillis > longestAttemptMillis

const firstAttempt = (contractId: string, month: string, version: number, nowMillis: number): AssessmentRow => ({
  contractId,
  month,
  version,
  state: 'collecting',
  attempt: 1,
  startedAtMillis: nowMillis,
  updatedAtMillis: nowMillis,
})

/** Goes on from what was stored: that stays as it is. */
const nextAttempt = ({ failure: _, ...last }: AssessmentRow, nowMillis: number): AssessmentRow => ({
  ...last,
  state: reached(last),
  attempt: last.attempt + 1,
  startedAtMillis: nowMillis,
  updatedAtMillis: Math.max(nowMillis, last.updatedAtMillis + 1),
})

const reached = (row: AssessmentRow): AssessmentRow['state'] =>
  row.paymentState !== undefined
    ? 'credited'
    : row.previousPenaltyMicros !== undefined
      ? 'posted'
      : row.due !== undefined
        ? 'assessed'
        : row.collected !== undefined
          ? 'collected'
          : 'collecting'

const begin = async (row: AssessmentRow, read: AssessmentRow | undefined): Promise<void> => {
  // Whoever was faster has begun the same.
  if (await replaceAssessment(row, read)) await start(row)
}

const start = ({ contractId, month, version, attempt }: AssessmentRow): Promise<boolean> => {
  const step: EnforcementStep = { contract_id: contractId, month, version, attempt }
  return startWorkflow('sla-enforcement', executionName(step), step)
}

/** The same for each repeat, so that it is started once; 40 of the 80 characters that a name may have. */
const executionName = ({ contract_id, month, version, attempt }: EnforcementStep): string =>
  createHash('sha256')
    .update(JSON.stringify([contract_id, month, version, attempt]))
    .digest('hex')
    .slice(0, 40)
