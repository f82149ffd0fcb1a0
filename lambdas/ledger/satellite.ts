import { getAccount } from '#adapters/tables/accounts.ts'
import { accountInLane } from '#protocol/account-lanes.ts'
import { type OpenAccount, openAccountOf } from './named-account.ts'

/** A main account's in another lane, once it is open there. One of that name may be another firm's, or of another lane. */
export const satelliteIn = async (main: string, lane: number): Promise<OpenAccount | undefined> => {
  const row = await getAccount(accountInLane(main, lane))
  const satellite = row && openAccountOf(row)
  return satellite?.lane === lane && satellite.firm === main ? satellite : undefined
}
