import { type AccountRow, accountRowOf } from '#adapters/tables/accounts.ts'
import { completeTask, failTask } from '#adapters/workflows.ts'
import { type ItemChange, logger, RecordFailure, serveTableStream } from '../shell/stream.ts'
import { openedAccountOf } from './opened-account.ts'

/** Tells the workflow that waits what the engine has answered, as soon as the account's row says so. */
export const handler = serveTableStream(async changes => {
  for (const change of changes) {
    try {
      await resume(change)
    } catch (error) {
      throw new RecordFailure(change.sequenceNumber, error)
    }
  }
})

const resume = async ({ now, before }: ItemChange): Promise<void> => {
  if (now === undefined) return
  const row = accountRowOf(now)
  if (row.taskToken === undefined || row.accountState === 'opening') return
  if (before !== undefined && accountRowOf(before).accountState === row.accountState) return
  if (await answer(row, row.taskToken)) return
  // The step has timed out or was answered before: the workflow's own retry finds the row as it is.
  logger.warn('no step of a workflow waits for this account', { account: row.account, attempt: row.attempt })
}

const answer = (row: AccountRow, taskToken: string): Promise<boolean> => {
  const opened = openedAccountOf(row)
  if (opened !== undefined) return completeTask(taskToken, opened)
  const failure = row.failure ?? 'account-not-opened'
  return failTask(taskToken, failure, `the engine refused to open the account ${row.account}: ${failure}`)
}
