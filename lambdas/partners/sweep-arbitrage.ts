import { MetricUnit } from '@aws-lambda-powertools/metrics'
import { getAccount } from '#adapters/tables/accounts.ts'
import { type ExecutionRow, executionsSince, putExecution } from '#adapters/tables/arbitrage-executions.ts'
import { type ArbitragePolicyRow, activeArbitragePolicies } from '#adapters/tables/arbitrage-policies.ts'
import { disjoint } from '#domain/partners/arbitrage.ts'
import {
  type ArbitragePolicy,
  type ArbitrageUsage,
  limitsOfPolicy,
  refusalsOf,
} from '#domain/partners/arbitrage-policy.ts'
import { nameBasedUuid } from '../shell/name-based-uuid.ts'
import { logger, metrics, serveSchedule } from '../shell/task.ts'
import type { Trader } from '../trading/trader.ts'
import { legsOf, startExecution } from './arbitrage-execution.ts'
import { policyOf } from './arbitrage-policies.ts'
import { type Found, type FoundOpportunity, opportunitiesOf } from './opportunities.ts'

const hourMillis = 3_600_000
const dayMillis = 24 * hourMillis
/** Of an account each minute: what is worse is looked at when these are done. */
const mostDecisions = 20

/**
 * Each minute, for each account whose policy is not off: what can be executed together, the best first, is held against the
 * policy's rules; every decision is stored, and what passes them is executed, or only said in a dry run.
 */
export const handler = serveSchedule(async () => {
  const failures: unknown[] = []
  for (const policy of await activeArbitragePolicies()) {
    try {
      await decideFor(policy)
    } catch (error) {
      logger.error('an arbitrage policy was not followed', {
        account: policy.holder,
        error: error instanceof Error ? error : new Error(String(error)),
      })
      failures.push(error)
    }
  }
  metrics.addMetric('ArbitrageSweeps', MetricUnit.Count, 1)
  if (failures.length > 0) throw new AggregateError(failures, `${failures.length} policies were not followed`)
})

const decideFor = async ({ holder }: ArbitragePolicyRow): Promise<void> => {
  const { effective } = await policyOf(holder)
  const { mode } = effective
  if (mode === 'off') return
  const account = await getAccount(holder)
  if (account?.accountState !== 'open' || account.accountId === undefined) return
  const trader: Trader = { account: holder, accountId: account.accountId, lane: account.lane }
  const nowMillis = Date.now()
  const rows = await executionsSince(holder, nowMillis - dayMillis)
  // What is under way may still fail, and would be executed twice over if books were read as if it were not. One whose
  // workflow nobody has started starts now; else nothing happens.
  const underWay = rows.filter(({ state }) => state === 'running')
  for (const row of underWay) await startExecution(row)
  if (underWay.length > 0) return
  let usage = usageOf(rows, mode)
  const found = await opportunitiesOf(trader, effective, cash => limitsOfPolicy(effective, cash))
  const taken = new Set(disjoint(found.opportunities.map(({ opportunity }) => opportunity)))
  const chosen = found.opportunities.filter(({ opportunity }) => taken.has(opportunity)).slice(0, mostDecisions)
  for (const each of chosen) {
    const row = decided(trader, each, found, effective, usage, nowMillis)
    if (!(await putExecution(row))) continue
    metrics.addMetric('ArbitrageDecisions', MetricUnit.Count, 1)
    if (row.refusals.length > 0) continue
    usage = {
      ...usage,
      outlayMicros: usage.outlayMicros + each.opportunity.outlayMicros,
      executions: usage.executions + 1,
    }
    if (row.state === 'running') await startExecution(row)
  }
}

/** One decision for each opportunity, mode and hour: the same is not decided again each minute. */
const decided = (
  trader: Trader,
  each: FoundOpportunity,
  found: Found,
  policy: ArbitragePolicy,
  usage: ArbitrageUsage,
  nowMillis: number,
): ExecutionRow => {
  const { mode, unwindSlippagePpm } = policy
  const refusals = refusalsOf(each.opportunity, policy, usage)
  const state = refusals.length > 0 ? 'refused' : mode === 'live' ? 'running' : 'dry_run'
  const hour = Math.floor(nowMillis / hourMillis)
  return {
    ...trader,
    ...each,
    ...legsOf(each, found),
    executionId: nameBasedUuid(
      `arbitrage-policy#${JSON.stringify([trader.account, each.opportunityId, mode, state, hour])}`,
    ),
    state,
    origin: 'policy',
    refusals,
    unwindSlippagePpm,
    attempt: state === 'running' ? 1 : 0,
    createdAtMillis: nowMillis,
    updatedAtMillis: nowMillis,
    residuals: [],
  }
}

/** What a dry run would have done counts as if it were done, so that it says what a live one would. */
const usageOf = (rows: readonly ExecutionRow[], mode: ArbitragePolicy['mode']): ArbitrageUsage => {
  const done = rows.filter(({ origin, state }) =>
    mode === 'dry_run' ? state === 'dry_run' : origin === 'policy' && state !== 'dry_run' && state !== 'refused',
  )
  return {
    executions: done.length,
    outlayMicros: done
      .filter(({ state }) => state !== 'missed')
      .reduce((sum, { opportunity }) => sum + opportunity.outlayMicros, 0),
    lossMicros: done.reduce((sum, { realisedNetMicros = 0 }) => sum + Math.max(0, -realisedNetMicros), 0),
  }
}
