import { getAccount } from '#adapters/tables/accounts.ts'
import { insuranceFundEnvironmentVariable, insuranceFundOf } from '#protocol/liquidation.ts'
import { tenantLanes } from './lanes.ts'

export interface InsuranceFund {
  readonly account: string
  readonly accountId: number
}

const nameOf = (lane: number): string => {
  const name = process.env[insuranceFundEnvironmentVariable]
  if (name === undefined || name === '') throw new Error(`${insuranceFundEnvironmentVariable} is not set`)
  return insuranceFundOf(name, lane)
}

/** Of a lane; undefined where nobody has opened its account. */
export const insuranceFund = async (lane: number): Promise<InsuranceFund | undefined> => {
  const account = nameOf(lane)
  const row = await getAccount(account)
  if (row?.accountState !== 'open' || row.accountId === undefined || row.lane !== lane) return undefined
  return { account, accountId: row.accountId }
}

/** The lane whose insurance fund is called so, whether it is open yet or not. */
export const laneOfInsuranceFund = (account: string): number | undefined =>
  tenantLanes().find(lane => nameOf(lane) === account)
