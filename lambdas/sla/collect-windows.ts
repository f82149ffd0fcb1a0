import * as z from 'zod'
import { measurementsPage } from '#adapters/tables/measurements.ts'
import type { SlaContractRow } from '#adapters/tables/sla-contracts.ts'
import { getClosing, getMonth } from '#adapters/tables/sla-months.ts'
import { accept } from '#domain/outcome.ts'
import { type MonthTotals, noWindows, totalsWith } from '#domain/sla/assessment.ts'
import { contractMonth } from '#domain/sla/sla-contract.ts'
import { serveTask } from '../shell/task.ts'
import { advance, EnforcementError, enforcementOf, enforcementStep } from './enforcement-step.ts'
import { windowOf } from './recorded-window.ts'

const input = z.object({ ...enforcementStep.shape, polls: z.int().min(0).default(0) })

const longestPauseSeconds = 60
/** A megabyte, which is as much as a read answers. */
const windowsOfRead = 2_000

/**
 * Adds up the month's windows once the watermark has closed them all, by the very records that everybody else settles on;
 * waits while they are being corrected.
 */
export const handler = serveTask(input, async ({ polls, ...step }) => {
  const { contract, row } = await enforcementOf(step)
  const pause = (isDone: boolean) =>
    accept({
      ...step,
      polls: polls + 1,
      is_done: isDone,
      wait_seconds: Math.min(2 ** (polls + 1), longestPauseSeconds),
    })
  if (row.state !== 'collecting') return pause(true)
  const { contractId, month } = row
  const { toMillis } = contractMonth(contract, month)
  const [closing, before] = await Promise.all([getClosing(contractId), getMonth(contractId, month)])
  if (before === undefined || (closing?.closedMillis ?? 0) < toMillis) return pause(false)
  const totals = await recordedTotals(contract, month)
  const after = await getMonth(contractId, month)
  if (after?.revision !== before.revision) return pause(false)
  if (!isSame(totals, before))
    throw new EnforcementError('WindowsDiffer', `the windows of ${month} do not add up to what was recorded with them`)
  await advance(row, { state: 'collected', collected: { ...totals, monthRevision: before.revision } })
  return pause(true)
})

const recordedTotals = async (contract: SlaContractRow, month: string): Promise<MonthTotals> => {
  const { fromMillis, toMillis } = contractMonth(contract, month)
  let totals = noWindows
  let after: string | undefined
  do {
    const { rows, next } = await measurementsPage(contract.series, {
      fromMillis,
      toMillis,
      limit: windowsOfRead,
      after,
    })
    for (const row of rows)
      if (row.source === contract.contractId) totals = totalsWith(totals, windowOf(row), undefined)
    after = next
  } while (after !== undefined)
  return totals
}

const isSame = (one: MonthTotals, other: MonthTotals): boolean =>
  one.windows === other.windows &&
  one.upSeconds === other.upSeconds &&
  one.degradedSeconds === other.degradedSeconds &&
  one.downSeconds === other.downSeconds &&
  one.unknownSeconds === other.unknownSeconds
