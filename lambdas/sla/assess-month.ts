import { type AssessmentRow, getAssessment } from '#adapters/tables/sla-assessments.ts'
import { accept } from '#domain/outcome.ts'
import { assess } from '#domain/sla/assessment.ts'
import { serveTask } from '../shell/task.ts'
import { advance, EnforcementError, enforcementOf, enforcementStep } from './enforcement-step.ts'

/** Stores what the month's windows make due, and whether it is a breach. Once it is stored it is never computed again. */
export const handler = serveTask(enforcementStep, async step => {
  const { contract, row } = await enforcementOf(step)
  if (row.due !== undefined) return accept(step)
  if (row.collected === undefined) throw new Error(`the windows of ${row.contractId} ${row.month} are not collected`)
  const assessed = assess(contract, row.collected)
  if (!assessed.priced) throw new EnforcementError('NotAssessable', `${assessed.field}: ${assessed.code}`)
  const { uptime, creditPpm, penaltyMicros, isBreached } = assessed.value
  const breach = isBreached ? 'breached' : (await wasBreached(row)) ? 'withdrawn' : undefined
  await advance(row, {
    state: 'assessed',
    due: { uptimeUp: uptime.up, uptimeTotal: uptime.total, creditPpm, penaltyMicros },
    ...(breach === undefined ? {} : { breach }),
  })
  return accept(step)
})

const wasBreached = async ({ contractId, month, version }: AssessmentRow): Promise<boolean> =>
  version > 1 && (await getAssessment(contractId, month, version - 1))?.breach === 'breached'
