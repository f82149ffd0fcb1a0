import * as marketMakers from '#adapters/tables/market-makers.ts'
import { nameHash } from '#protocol/name-hash.ts'
import type { resetProtection } from '#protocol/operations/market-making.ts'
import { takeCommand } from '../shell/command-intake.ts'
import type { Handle } from '../shell/http.ts'
import { traderOf } from '../trading/trader.ts'

export const handle: Handle<typeof resetProtection> = async ({ path, principal, idempotencyKey, headers }) => {
  const trader = await traderOf(principal)
  if (trader === undefined) return { code: 'account-not-open' }
  const { lane, accountId } = trader
  const groupHash = nameHash(path.group)
  if ((await marketMakers.getProtection(trader, groupHash)) === undefined) return { code: 'unknown-protection' }
  return takeCommand({
    principal,
    operation: 'reset-protection',
    asked: path,
    idempotencyKey,
    headers,
    lane,
    accountId,
    command: commandId => ({ type: 'reset-market-maker-protection', commandId, accountId, groupHash }),
  })
}
