import { getExecution, listExecutionSteps } from '#adapters/tables/arbitrage-executions.ts'
import type { getArbitrageExecution } from '#protocol/operations/arbitrage.ts'
import type { Handle } from '../shell/http.ts'
import { executionView, stepView } from './arbitrage-view.ts'

export const handle: Handle<typeof getArbitrageExecution> = async ({ path, principal }) => {
  const row = await getExecution(path.execution_id)
  if (row?.account !== principal.account) return { code: 'not-found' }
  const steps = await listExecutionSteps(row.executionId)
  return { status: 200, body: { ...executionView(row), steps: steps.map(step => stepView(step, row)) } }
}
