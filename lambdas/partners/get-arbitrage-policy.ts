import type { getArbitragePolicy } from '#protocol/operations/arbitrage.ts'
import type { Handle } from '../shell/http.ts'
import { arbitragePolicyView, tenantPolicyView } from './arbitrage-policy-view.ts'

/** What a tenant allows is no secret to whoever trades within it. */
export const handle: Handle<typeof getArbitragePolicy> = async ({ query, principal }) => ({
  status: 200,
  body: await (query.scope === 'tenant' ? tenantPolicyView() : arbitragePolicyView(principal.account)),
})
