import * as z from 'zod'
import { type AssessmentRow, getAssessment, replaceAssessment } from '#adapters/tables/sla-assessments.ts'
import { getSlaContract, type SlaContractRow } from '#adapters/tables/sla-contracts.ts'

/** What every step of the workflow is given; all else is in the assessment's row. */
export const enforcementStep = z.object({
  contract_id: z.string(),
  month: z.string(),
  version: z.int().min(1),
  attempt: z.int().min(1),
})
export type EnforcementStep = z.infer<typeof enforcementStep>

/** Ends a step by a name that the workflow knows: see stepfunctions/sla-enforcement.asl.json. */
export class EnforcementError extends Error {
  constructor(
    name:
      | 'EnforcementReplaced'
      | 'WindowsDiffer'
      | 'NotAssessable'
      | 'PaymentUncovered'
      | 'PaymentRejected'
      | 'PaymentUnanswered',
    message: string,
  ) {
    super(message)
    this.name = name
  }
}

export interface Enforcement {
  readonly contract: SlaContractRow
  readonly row: AssessmentRow
}

/** Of this attempt, or of one that has come to the end. */
export const enforcementOf = async ({
  contract_id,
  month,
  version,
  attempt,
}: EnforcementStep): Promise<Enforcement> => {
  const [contract, row] = await Promise.all([getSlaContract(contract_id), getAssessment(contract_id, month, version)])
  if (contract === undefined || row === undefined)
    throw new Error(`assessment ${version} of ${month} of ${contract_id} was never begun`)
  if (row.state === 'done') return { contract, row }
  if (row.attempt !== attempt || row.state === 'failed')
    throw new EnforcementError('EnforcementReplaced', `attempt ${attempt} of ${contract_id} ${month} has ended`)
  return { contract, row }
}

export const advanced = (
  before: AssessmentRow,
  change: Partial<Omit<AssessmentRow, 'updatedAtMillis'>>,
): AssessmentRow => ({
  ...before,
  ...change,
  updatedAtMillis: Math.max(Date.now(), before.updatedAtMillis + 1),
})

/** The row as it is from then on. */
export const advance = async (
  before: AssessmentRow,
  change: Partial<Omit<AssessmentRow, 'updatedAtMillis'>>,
): Promise<AssessmentRow> => {
  const row = advanced(before, change)
  if (!(await replaceAssessment(row, before)))
    throw new Error(`assessment ${before.version} of ${before.month} of ${before.contractId} has changed meanwhile`)
  return row
}
