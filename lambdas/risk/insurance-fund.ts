import { getAccount } from '#adapters/tables/accounts.ts'
import { insuranceFundEnvironmentVariable, insuranceFundOf } from '#protocol/liquidation.ts'

export interface InsuranceFund {
  readonly account: string
  readonly accountId: number
}

/** Of a lane; undefined where nobody has opened its account. */
export const insuranceFund = async (lane: number): Promise<InsuranceFund | undefined> => {
  const name = process.env[insuranceFundEnvironmentVariable]
  if (name === undefined || name === '') throw new Error(`${insuranceFundEnvironmentVariable} is not set`)
  const account = insuranceFundOf(name, lane)
  const row = await getAccount(account)
  if (row?.accountState !== 'open' || row.accountId === undefined || row.lane !== lane) return undefined
  return { account, accountId: row.accountId }
}
