import { type ValuedAccount, valueAccount } from '#domain/margin/account-risk.ts'
import { readAccountState } from './account-state.ts'
import { rememberedEpochInForce } from './epoch-in-force.ts'

/** As the tables have it, by the epoch in force in its lane; before the first one only cash and bounds count. */
export const valuedAccount = async (lane: number, accountId: number): Promise<ValuedAccount> => {
  const [{ rows }, epoch] = await Promise.all([readAccountState(lane, accountId), rememberedEpochInForce(lane)])
  return valueAccount(rows, epoch)
}
