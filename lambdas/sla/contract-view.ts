import type * as z from 'zod'
import { getSlaContract, type SlaContractRow } from '#adapters/tables/sla-contracts.ts'
import { decimalOfMicros } from '#domain/units.ts'
import type { slaContract } from '#protocol/operations/sla.ts'
import type { Principal } from '../shell/principal.ts'

export const contractOf = (row: SlaContractRow): z.infer<typeof slaContract> => ({
  contract_id: row.contractId,
  series: row.series,
  quantity: row.quantity,
  fee: decimalOfMicros(row.feeMicros),
  provider_account: row.providerAccount,
  buyer_account: row.buyerAccount,
  tiers: row.tiers.map(({ belowUptimePpm, creditPpm }) => ({
    below_uptime: decimalOfMicros(belowUptimePpm),
    credit: decimalOfMicros(creditPpm),
  })),
  degraded_weight: decimalOfMicros(row.degradedWeightPpm),
  period_start: new Date(row.periodStartMillis).toISOString(),
  period_end: new Date(row.periodEndMillis).toISOString(),
  created_by: row.createdBy,
  created_at: new Date(row.createdAtMillis).toISOString(),
})

export const seesAllContracts = ({ permissions }: Principal): boolean => permissions.includes('sla:read-any')

/** Another's contract is as one that is not there. */
export const visibleContract = async (
  contractId: string,
  principal: Principal,
): Promise<SlaContractRow | undefined> => {
  const row = await getSlaContract(contractId)
  if (row === undefined || seesAllContracts(principal)) return row
  return [row.providerAccount, row.buyerAccount].includes(principal.account) ? row : undefined
}
