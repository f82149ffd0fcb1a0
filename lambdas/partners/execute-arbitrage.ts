import { type ExecutionRow, getExecution, putExecution } from '#adapters/tables/arbitrage-executions.ts'
import { limitsOfCash } from '#domain/partners/arbitrage-policy.ts'
import { versionOfMargin } from '#domain/trading/engine-version.ts'
import type { executeArbitrage } from '#protocol/operations/arbitrage.ts'
import { engineVersionMissing } from '../reference/engine-version-needed.ts'
import type { Handle, Request } from '../shell/http.ts'
import { nameBasedUuid } from '../shell/name-based-uuid.ts'
import { pollUntil, preferWait } from '../shell/wait.ts'
import { traderOf } from '../trading/trader.ts'
import { legsOf, startExecution } from './arbitrage-execution.ts'
import { policyOf } from './arbitrage-policies.ts'
import { executionView } from './arbitrage-view.ts'
import { opportunitiesOf, wasNamedHere } from './opportunities.ts'

/** What was begun under a name stays begun; else it is looked for again, and begun only as it was seen. */
export const handle: Handle<typeof executeArbitrage> = async request => {
  const row = await begun(request)
  if ('code' in row) return row
  const wait = preferWait(request.headers)
  const { executionId } = row
  const ended =
    wait &&
    (await pollUntil(async () => {
      const read = await getExecution(executionId)
      return read?.state === 'running' ? undefined : read
    }, wait.untilMillis))
  return {
    status: ended === undefined ? 202 : 200,
    body: executionView(ended ?? row),
    headers: { location: `/api/v1/partners/arbitrage/executions/${executionId}`, ...wait?.headers },
  }
}

const begun = async ({ path, principal, idempotencyKey }: Request<typeof executeArbitrage>) => {
  const trader = await traderOf(principal)
  if (trader === undefined) return { code: 'account-not-open' } as const
  const executionId = nameBasedUuid(`arbitrage#${JSON.stringify([trader.account, idempotencyKey])}`)
  const before = await getExecution(executionId)
  if (before !== undefined) return repeated(before, path.opportunity_id)
  const { own } = await policyOf(trader.account)
  const found = await opportunitiesOf(trader, own, limitsOfCash)
  const wanted = found.opportunities.find(({ opportunityId }) => opportunityId === path.opportunity_id)
  if (wanted === undefined)
    return { code: wasNamedHere(trader.lane, path.opportunity_id) ? 'stale-opportunity' : 'not-found' } as const
  if (!wanted.opportunity.isExecutable) return { code: 'opportunity-not-executable' } as const
  const legs = legsOf(wanted, found)
  const missing = legs.purchase === undefined ? undefined : await engineVersionMissing(trader.lane, versionOfMargin)
  if (missing !== undefined) return missing
  const nowMillis = Date.now()
  const row: ExecutionRow = {
    ...trader,
    ...wanted,
    ...legs,
    executionId,
    state: 'running',
    origin: 'request',
    refusals: [],
    unwindSlippagePpm: own.unwindSlippagePpm,
    attempt: 1,
    createdAtMillis: nowMillis,
    updatedAtMillis: nowMillis,
    residuals: [],
  }
  if (!(await putExecution(row))) {
    const other = await getExecution(executionId)
    if (other === undefined) throw new Error(`the execution ${executionId} is gone`)
    return repeated(other, path.opportunity_id)
  }
  await startExecution(row)
  return row
}

const repeated = async (row: ExecutionRow, opportunityId: string) => {
  if (row.opportunityId !== opportunityId) return { code: 'idempotency-conflict' as const }
  // Where it was stored and nothing else, it begins now; else nothing happens.
  if (row.state === 'running') await startExecution(row)
  return row
}
