import * as z from 'zod'
import type { AccountRow } from '#adapters/tables/accounts.ts'

/** What the workflow open-account knows once the engine has opened the account. */
export const openedAccount = z.object({
  account: z.string(),
  account_id: z.number().int(),
  lane: z.number().int(),
  opened_at_millis: z.number().int(),
})

/** Undefined where the account is not open. */
export const openedAccountOf = (row: AccountRow): z.infer<typeof openedAccount> | undefined =>
  row.accountState === 'open' && row.accountId !== undefined
    ? {
        account: row.account,
        account_id: row.accountId,
        lane: row.lane,
        opened_at_millis: row.openedAtMillis ?? row.createdAtMillis,
      }
    : undefined
