import { getProcurementPolicy, putProcurementPolicy } from '#adapters/tables/procurement-policies.ts'
import { micros } from '#domain/units.ts'
import type { setProcurementPolicy } from '#protocol/operations/capacity-forecasts.ts'
import { laneRules } from '../day-ahead/auction-rules.ts'
import { afterLoss, concurrentChange, mostAttempts } from '../shell/contention.ts'
import type { Handle } from '../shell/http.ts'
import { traderOf } from '../trading/trader.ts'
import { procurementPolicyView } from './procurement-policy-view.ts'

/** For markets of the account's lane; what it came to before stays told. */
export const handle: Handle<typeof setProcurementPolicy> = async ({ path: { market }, body, principal }) => {
  const trader = await traderOf(principal)
  if (trader === undefined) return { code: 'account-not-open' }
  const { rules } = await laneRules(trader.lane, Date.now())
  if (!rules.some(rule => rule.market.market === market)) return { code: 'not-found' }
  const mostPriceMicros = body.max_price === undefined ? undefined : micros(body.max_price)
  for (let attempt = 1; attempt <= mostAttempts; attempt += 1) {
    const row = await getProcurementPolicy(principal.account, market)
    const next = {
      account: principal.account,
      market,
      version: (row?.version ?? 0) + 1,
      revision: (row?.revision ?? 0) + 1,
      mode: body.mode,
      budgetMicros: micros(body.budget) ?? 0,
      ...(mostPriceMicros !== undefined && { mostPriceMicros }),
      coveredUnits: body.covered_units ?? 0,
      ...(body.max_units !== undefined && { mostUnits: body.max_units }),
      setAtMillis: Date.now(),
      setBy: principal.account,
      ...(row?.lastRun !== undefined && { lastRun: row.lastRun }),
    }
    if (await putProcurementPolicy(next)) return { status: 200, body: procurementPolicyView(next) }
    await afterLoss(attempt)
  }
  return concurrentChange
}
