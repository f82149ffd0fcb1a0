import { type ValuedAccount, valueAccount, withdrawableMicros } from '#domain/margin/account-risk.ts'
import { readAccountState } from './account-state.ts'
import { rememberedEpochInForce } from './epoch-in-force.ts'

interface InLane {
  readonly lane: number
  readonly accountId: number
}

/** Of an account by itself, by the epoch in force in its lane; undefined before the first one. */
export const valuedInForce = async ({ lane, accountId }: InLane): Promise<ValuedAccount | undefined> => {
  const inForce = await rememberedEpochInForce(lane)
  return inForce === undefined ? undefined : valueAccount((await readAccountState(lane, accountId)).rows, inForce)
}

/** What the account could withdraw, as far as the tables have come; before the first epoch nothing counts but cash and bounds. */
export const withdrawableOf = async ({ lane, accountId }: InLane): Promise<number> => {
  const [{ rows }, inForce] = await Promise.all([readAccountState(lane, accountId), rememberedEpochInForce(lane)])
  return withdrawableMicros(valueAccount(rows, inForce))
}
