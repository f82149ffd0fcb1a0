import * as z from 'zod'
import { putCommands } from '#adapters/streams/orders.ts'
import { getAccount, replaceAccount } from '#adapters/tables/accounts.ts'
import { completeTask, failTask } from '#adapters/workflows.ts'
import { accept } from '#domain/outcome.ts'
import { accountName, lane } from '#protocol/values.ts'
import { logger, serveTask } from '../shell/task.ts'
import { openedAccountOf } from './opened-account.ts'

const input = z.object({
  account: accountName,
  lane,
  firm: accountName.optional(),
  command_id: z.uuid(),
  task_token: z.string().min(1),
})

/**
 * Keeps the step's token in the account's row, then asks the engine; resume-account-opening hands the answer to the
 * token. Tried again after the answer, the step finds it in the row and answers its new token at once.
 */
export const handler = serveTask(input, async ({ account, lane, firm, command_id, task_token }) => {
  const row = await getAccount(account)
  if (row === undefined) throw new Error(`the account ${account} is not registered`)
  const opened = openedAccountOf(row)
  if (opened !== undefined) {
    if (!(await completeTask(task_token, opened))) logger.warn('the step has ended meanwhile', { account })
    return accept({ answered: true })
  }
  if (row.commandId !== command_id) throw new Error(`account ${account} is at another attempt: ${row.attempt}`)
  if (row.accountState === 'failed') {
    const failure = row.failure ?? 'account-not-opened'
    if (!(await failTask(task_token, failure, `the account ${account} could not be opened: ${failure}`)))
      logger.warn('the step has ended meanwhile', { account })
    return accept({ answered: true })
  }
  if (!(await replaceAccount({ ...row, taskToken: task_token }, row)))
    throw new Error(`the row of account ${account} has changed meanwhile`)
  await putCommands(lane, [{ type: 'open-account', commandId: command_id, account, firm: firm ?? account }])
  return accept({ answered: false })
})
