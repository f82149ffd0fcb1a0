import { type ExecutionRow, getExecution, replaceExecution } from '#adapters/tables/arbitrage-executions.ts'
import type { resumeArbitrageExecution } from '#protocol/operations/arbitrage.ts'
import type { Handle } from '../shell/http.ts'
import { startExecution } from './arbitrage-execution.ts'
import { executionView } from './arbitrage-view.ts'

/** Longer than its workflow may take: one that has not moved since has run out of time. */
const workflowMillis = 65 * 60_000

export const handle: Handle<typeof resumeArbitrageExecution> = async ({ path, principal }) => {
  const row = await getExecution(path.execution_id)
  if (row?.account !== principal.account) return { code: 'not-found' }
  const isStuck = row.state === 'running' && row.updatedAtMillis + workflowMillis < Date.now()
  if (row.state !== 'failed' && !isStuck) return { code: 'execution-not-failed' }
  const { failure: _, ...rest } = row
  const resumed: ExecutionRow = {
    ...rest,
    state: 'running',
    attempt: row.attempt + 1,
    updatedAtMillis: Math.max(Date.now(), row.updatedAtMillis + 1),
  }
  if (!(await replaceExecution(resumed, row))) return { code: 'execution-not-failed' }
  await startExecution(resumed)
  return { status: 202, body: executionView(resumed) }
}
