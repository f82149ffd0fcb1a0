import { getLiquidation, type LiquidationRow } from '#adapters/tables/liquidations.ts'
import type { Principal } from '../shell/http.ts'
import { traderOf } from '../trading/trader.ts'

/** One's own, or any for who answers for risk; of another's nobody is told that it is there. */
export const knownLiquidation = async (
  liquidationId: string,
  principal: Principal,
): Promise<LiquidationRow | undefined> => {
  const row = await getLiquidation(liquidationId)
  if (row === undefined || principal.permissions.includes('risk:read-any')) return row
  const own = await traderOf(principal)
  return own?.lane === row.lane && own.accountId === row.accountId ? row : undefined
}
