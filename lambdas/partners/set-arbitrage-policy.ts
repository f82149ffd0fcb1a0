import { getArbitragePolicy, putArbitragePolicy, wholeTenant } from '#adapters/tables/arbitrage-policies.ts'
import { arbitragePolicyTerms, type setArbitragePolicy } from '#protocol/operations/arbitrage.ts'
import { afterLoss, concurrentChange, mostAttempts } from '../shell/contention.ts'
import type { Handle } from '../shell/http.ts'
import { traderOf } from '../trading/trader.ts'
import { policyOfTerms, termsOfPolicy, usualArbitragePolicy } from './arbitrage-policies.ts'
import { arbitragePolicyView, tenantPolicyView } from './arbitrage-policy-view.ts'

export const handle: Handle<typeof setArbitragePolicy> = async ({ query, body, principal }) => {
  const isTenants = query.scope === 'tenant'
  if (isTenants && !principal.permissions.includes('partners:manage')) return { code: 'forbidden' }
  if (!isTenants && (await traderOf(principal)) === undefined) return { code: 'account-not-open' }
  const holder = isTenants ? wholeTenant : principal.account
  for (let attempt = 1; attempt <= mostAttempts; attempt += 1) {
    const row = await getArbitragePolicy(holder)
    const terms = arbitragePolicyTerms.parse({ ...termsOfPolicy(row?.policy ?? usualArbitragePolicy), ...body })
    const repeated = repeatedRegion(terms.regions.map(({ region }) => region))
    if (repeated !== undefined)
      return { code: 'invalid-request', errors: [{ pointer: '#/regions', detail: `names ${repeated} twice` }] }
    const next = {
      holder,
      version: (row?.version ?? 0) + 1,
      policy: policyOfTerms(terms),
      setAtMillis: Date.now(),
      setBy: principal.account,
    }
    if (await putArbitragePolicy(next))
      return { status: 200, body: await (isTenants ? tenantPolicyView() : arbitragePolicyView(holder)) }
    await afterLoss(attempt)
  }
  return concurrentChange
}

const repeatedRegion = (regions: readonly string[]): string | undefined =>
  regions.find((region, index) => regions.indexOf(region) !== index)
