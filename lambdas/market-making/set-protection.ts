import { nameHash } from '#protocol/name-hash.ts'
import type { setProtection } from '#protocol/operations/market-making.ts'
import { takeCommand } from '../shell/command-intake.ts'
import type { Handle } from '../shell/http.ts'
import { traderOf } from '../trading/trader.ts'

export const handle: Handle<typeof setProtection> = async ({ path, body, principal, idempotencyKey, headers }) => {
  const trader = await traderOf(principal)
  if (trader === undefined) return { code: 'account-not-open' }
  const { lane, accountId } = trader
  return takeCommand({
    principal,
    operation: 'set-protection',
    asked: { ...path, ...body },
    idempotencyKey,
    headers,
    lane,
    accountId,
    command: commandId => ({
      type: 'set-market-maker-protection',
      commandId,
      accountId,
      groupHash: nameHash(path.group),
      name: path.group,
      intervalMillis: body.interval_ms,
      frozenMillis: body.frozen_ms,
      amountLimitLots: body.amount_limit_lots,
      deltaLimitLots: body.delta_limit_lots,
    }),
  })
}
