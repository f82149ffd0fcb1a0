import type * as z from 'zod'
import type { AccountRow } from '#adapters/tables/accounts.ts'
import { getBalance } from '#adapters/tables/balances.ts'
import { decimalOfMicros } from '#domain/units.ts'
import type { account } from '#protocol/operations/ledger.ts'

export type Account = z.infer<typeof account>

/** A firm of its own unless told. */
export const firmOf = ({ firm, account }: AccountRow): string => firm ?? account

export const accountOf = async (row: AccountRow): Promise<Account> => {
  const balance = row.accountId === undefined ? undefined : await getBalance(row.accountId, 'USD')
  return {
    account: row.account,
    lane: row.lane,
    account_state: row.accountState,
    currency: 'USD',
    balance: decimalOfMicros(balance?.cashMicros ?? 0),
    held: decimalOfMicros(balance?.heldMicros ?? 0),
    firm: firmOf(row),
    creation_timestamp: new Date(row.createdAtMillis).toISOString(),
  }
}
