import * as marketMakers from '#adapters/tables/market-makers.ts'
import type { getDeadMan } from '#protocol/operations/market-making.ts'
import type { Handle } from '../shell/http.ts'
import { traderOf } from '../trading/trader.ts'

export const handle: Handle<typeof getDeadMan> = async ({ principal }) => {
  const trader = await traderOf(principal)
  if (trader === undefined) return { code: 'account-not-open' }
  const row = await marketMakers.getDeadMan(trader)
  const { expiresAtMillis = 0, firedAtMillis } = row ?? {}
  return {
    status: 200,
    body: {
      timeout_ms: row?.timeoutMillis ?? 0,
      expires_at: expiresAtMillis === 0 ? null : new Date(expiresAtMillis).toISOString(),
      last_fired_at: firedAtMillis === undefined ? null : new Date(firedAtMillis).toISOString(),
      cancelled_orders: row?.cancelledOrders ?? null,
    },
  }
}
