import type * as z from 'zod'
import type { ArbitragePolicyRow } from '#adapters/tables/arbitrage-policies.ts'
import type { arbitragePolicy } from '#protocol/operations/arbitrage.ts'
import { policyOf, policyOfTenant, termsOfPolicy } from './arbitrage-policies.ts'

type PolicyView = z.infer<typeof arbitragePolicy>

export const tenantPolicyView = async (): Promise<PolicyView> => {
  const { row, policy } = await policyOfTenant()
  return { scope: 'tenant', effective_mode: policy.mode, ...termsOfPolicy(policy), ...setting(row) }
}

export const arbitragePolicyView = async (account: string): Promise<PolicyView> => {
  const { row, own, effective } = await policyOf(account)
  return { scope: 'account', effective_mode: effective.mode, ...termsOfPolicy(own), ...setting(row) }
}

const setting = (row: ArbitragePolicyRow | undefined) => ({
  version: row?.version ?? 0,
  set_at: row === undefined ? null : new Date(row.setAtMillis).toISOString(),
  set_by: row?.setBy ?? null,
})
