import * as riskLimits from '#adapters/tables/risk-limits.ts'
import { decimalOfMicros } from '#domain/units.ts'
import type { getQuoteBudget } from '#protocol/operations/market-making.ts'
import type { Handle } from '../shell/http.ts'
import { traderOf } from '../trading/trader.ts'

export const handle: Handle<typeof getQuoteBudget> = async ({ principal }) => {
  const trader = await traderOf(principal)
  if (trader === undefined) return { code: 'account-not-open' }
  const budget = await riskLimits.getQuoteBudget(trader.lane, trader.accountId)
  if (budget === undefined) return { status: 200, body: { terms: null, reserved: '0' } }
  const { lots, largestQuoteLots, lotLossMicros, lotCapMicros } = budget
  return {
    status: 200,
    body: {
      terms: {
        lots,
        largest_quote_lots: largestQuoteLots,
        lot_loss: decimalOfMicros(lotLossMicros),
        lot_cap: decimalOfMicros(lotCapMicros),
      },
      reserved: decimalOfMicros(BigInt(lots) * BigInt(lotLossMicros)),
    },
  }
}
