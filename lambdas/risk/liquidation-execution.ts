import { createHash } from 'node:crypto'
import type { LiquidationRow } from '#adapters/tables/liquidations.ts'
import { startWorkflow } from '#adapters/workflows.ts'

/** Once for each attempt: the execution is named by account, call and attempt. */
export const startLiquidation = (row: LiquidationRow): Promise<boolean> =>
  startWorkflow('collateral-liquidation', executionName(row), {
    liquidation_id: row.liquidationId,
    step: 0,
    polls: 0,
    grace_ends_at: new Date(row.graceEndsAtMillis).toISOString(),
  })

/** 40 of the 80 characters that a name may have. */
const executionName = ({ lane, accountId, callEventId, attempt }: LiquidationRow): string =>
  createHash('sha256')
    .update(JSON.stringify([lane, accountId, callEventId, attempt]))
    .digest('hex')
    .slice(0, 40)
