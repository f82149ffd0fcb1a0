import * as z from 'zod'
import { type AccountRow, getAccount, replaceAccount } from '#adapters/tables/accounts.ts'
import { promise } from '#adapters/tables/commands.ts'
import { accept, reject } from '#domain/outcome.ts'
import { accountName, lane } from '#protocol/values.ts'
import { serveTask } from '../shell/task.ts'
import { openingCommandId, openingPromise } from './account-opening.ts'

const input = z.object({
  account: accountName,
  lane,
  attempt: z.number().int().min(1).default(1),
  firm: accountName.optional(),
})

/** Writes the account's row for this attempt, or finds it written: the step may run more than once. */
export const handler = serveTask(input, async ({ account, lane, attempt, firm }) => {
  const before = await getAccount(account)
  if (before?.accountState === 'open') return reject('account-exists')
  const row = registered({ account, lane, attempt, firm: firm ?? account }, before, Date.now())
  if (row !== before) {
    // First, whose account the command opens: once the row is there, nothing stops the command.
    await promise(openingPromise(row))
    if (!(await replaceAccount(row, before))) throw new Error(`the row of account ${account} has changed meanwhile`)
  }
  return accept({ account, lane: row.lane, attempt: row.attempt, command_id: row.commandId, firm: firm ?? account })
})

const registered = (
  wanted: { readonly account: string; readonly lane: number; readonly attempt: number; readonly firm: string },
  before: AccountRow | undefined,
  nowMillis: number,
): AccountRow => {
  const { account, attempt, firm } = wanted
  if (before !== undefined && before.attempt >= attempt && before.accountState === 'opening') return before
  if (before !== undefined && before.attempt >= attempt)
    throw new Error(`attempt ${attempt} of account ${account} has ended: its row is at ${before.attempt}`)
  return {
    account,
    accountState: 'opening',
    // Where an attempt has ended without the engine's answer, that lane may open the account yet: it stays in it.
    lane: before === undefined || before.failure === 'account-limit' ? wanted.lane : before.lane,
    commandId: openingCommandId(account, attempt),
    attempt,
    createdAtMillis: nowMillis,
    firm,
  }
}
