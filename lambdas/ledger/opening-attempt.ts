import { type AccountRow, getAccount } from '#adapters/tables/accounts.ts'

/** The workflow ends long before, one way or the other: a row that is still opening then has lost its workflow. */
const longestOpeningMillis = 15 * 60 * 1_000

/** A failed attempt is followed by another; one that is under way is joined. */
export const attemptAfter = (row: AccountRow | undefined, nowMillis: number): number => {
  if (row === undefined) return 1
  const isUnderWay = row.accountState === 'opening' && nowMillis - row.createdAtMillis < longestOpeningMillis
  return isUnderWay ? row.attempt : row.attempt + 1
}

export const endedAttempt = async (account: string, attempt: number): Promise<AccountRow | undefined> => {
  const row = await getAccount(account)
  if (row === undefined || row.accountState === 'opening') return undefined
  return row.accountState === 'open' || row.attempt >= attempt ? row : undefined
}
