import * as z from 'zod'
import { getAccount, replaceAccount } from '#adapters/tables/accounts.ts'
import { accept } from '#domain/outcome.ts'
import { accountName, lane } from '#protocol/values.ts'
import { serveTask } from '../shell/task.ts'
import { caughtFailure } from '../shell/told-failure.ts'
import { openingCommandId } from './account-opening.ts'

const input = z.object({
  account: accountName,
  lane,
  attempt: z.number().int().min(1).default(1),
  failure: caughtFailure,
})

/** Ends the attempt in the account's row, so that the next request starts another one. An open account stays open. */
export const handler = serveTask(input, async ({ account, lane, attempt, failure }) => {
  const before = await getAccount(account)
  if (before !== undefined && (before.accountState !== 'opening' || before.attempt > attempt))
    return accept({ account, account_state: before.accountState })
  // Without its token: nobody waits with it any more.
  const { taskToken: _, ...row } = before ?? {
    account,
    lane,
    commandId: openingCommandId(account, attempt),
    createdAtMillis: Date.now(),
  }
  const failed = { ...row, accountState: 'failed', attempt, failure: failure.Error } as const
  if (!(await replaceAccount(failed, before))) throw new Error(`the row of account ${account} has changed meanwhile`)
  return accept({ account, account_state: failed.accountState })
})
