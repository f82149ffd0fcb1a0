import * as marketMakers from '#adapters/tables/market-makers.ts'
import { nameHash } from '#protocol/name-hash.ts'
import type { getProtection } from '#protocol/operations/market-making.ts'
import type { Handle } from '../shell/http.ts'
import { traderOf } from '../trading/trader.ts'

export const handle: Handle<typeof getProtection> = async ({ path, principal }) => {
  const trader = await traderOf(principal)
  if (trader === undefined) return { code: 'account-not-open' }
  const row = await marketMakers.getProtection(trader, nameHash(path.group))
  if (row === undefined) return { code: 'unknown-protection' }
  // It thaws by itself, without an event.
  const isFrozen = row.isFrozen && (row.frozenUntilMillis === 0 || row.frozenUntilMillis > Date.now())
  return {
    status: 200,
    body: {
      group: row.name,
      interval_ms: row.intervalMillis,
      frozen_ms: row.frozenMillis,
      amount_limit_lots: row.amountLimitLots,
      delta_limit_lots: row.deltaLimitLots,
      is_frozen: isFrozen,
      frozen_until: isFrozen && row.frozenUntilMillis > 0 ? new Date(row.frozenUntilMillis).toISOString() : null,
      last_triggered_at: row.triggeredAtMillis === undefined ? null : new Date(row.triggeredAtMillis).toISOString(),
    },
  }
}
