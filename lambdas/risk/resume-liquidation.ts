import { type LiquidationRow, replaceLiquidation } from '#adapters/tables/liquidations.ts'
import type { resumeLiquidation } from '#protocol/operations/liquidation.ts'
import type { Handle } from '../shell/http.ts'
import { knownLiquidation } from './known-liquidation.ts'
import { startLiquidation } from './liquidation-execution.ts'
import { liquidationView } from './liquidation-view.ts'

/** TimeoutSeconds of the workflow, and some more: one that has not moved for so long has no execution any more. */
const longestAttemptMillis = 172_800_000 + 300_000

export const handle: Handle<typeof resumeLiquidation> = async ({ path, principal }) => {
  const row = await knownLiquidation(path.liquidation_id, principal)
  if (row === undefined) return { code: 'not-found' }
  if (!canResume(row, Date.now())) return { code: 'liquidation-not-failed' }
  const { failure: _, ...kept } = row
  const next: LiquidationRow = {
    ...kept,
    state: row.begunAtMillis === undefined ? 'called' : 'running',
    attempt: row.attempt + 1,
    updatedAtMillis: Math.max(Date.now(), row.updatedAtMillis + 1),
  }
  // Somebody else has just done the same.
  if (!(await replaceLiquidation(next, row))) return { code: 'liquidation-not-failed' }
  await startLiquidation(next)
  return {
    status: 202,
    body: await liquidationView(next),
    headers: { location: `/api/v1/risk/liquidations/${row.liquidationId}` },
  }
}

const canResume = ({ state, updatedAtMillis }: LiquidationRow, nowMillis: number): boolean =>
  state === 'failed' ||
  ((state === 'called' || state === 'running') && nowMillis - updatedAtMillis > longestAttemptMillis)
