import { getAccount } from '#adapters/tables/accounts.ts'
import { addSlaContract, getSlaContract, type SlaContractRow } from '#adapters/tables/sla-contracts.ts'
import { defaultTiers, type PromisedTier, tierOutOfOrder } from '#domain/sla/sla-contract.ts'
import { micros } from '#domain/units.ts'
import type { createSlaContract } from '#protocol/operations/sla.ts'
import type { Handle, Request } from '../shell/http.ts'
import { nameBasedUuid } from '../shell/name-based-uuid.ts'
import { bodyHash } from '../shell/named-request.ts'
import { contractOf } from './contract-view.ts'

/** What lies farther back was measured by nobody here, and each of its minutes would be recorded as unknown. */
const longestPastMillis = 31 * 86_400_000

export const handle: Handle<typeof createSlaContract> = async ({ body, principal, idempotencyKey }) => {
  const contractId = nameBasedUuid(['sla-contract', principal.account, idempotencyKey].join('#'))
  const requestHash = bodyHash(body)
  const known = await getSlaContract(contractId)
  if (known !== undefined) return answerOf(known, requestHash)
  const nowMillis = Date.now()
  const row = contractRow(body, { contractId, requestHash, createdBy: principal.account, createdAtMillis: nowMillis })
  const unfit = tierOutOfOrder(row.tiers)
  if (unfit !== undefined)
    return {
      code: 'invalid-request',
      errors: [
        { pointer: `#/tiers/${unfit}`, detail: 'must be for less uptime than the one before it, with more credit' },
      ],
    }
  if (row.periodStartMillis < nowMillis - longestPastMillis)
    return {
      code: 'invalid-request',
      errors: [{ pointer: '#/period_start', detail: 'must be at most 31 days before now' }],
    }
  const accounts = await Promise.all([row.providerAccount, row.buyerAccount].map(getAccount))
  const errors = (['provider_account', 'buyer_account'] as const)
    .filter((_, at) => accounts[at]?.accountState !== 'open')
    .map(name => ({ pointer: `#/${name}`, detail: 'is not open' }))
  if (errors.length > 0) return { code: 'unknown-account', errors }
  if (accounts[0]?.lane !== accounts[1]?.lane)
    return {
      code: 'invalid-request',
      errors: [
        { pointer: '#/buyer_account', detail: 'must be of the lane of provider_account: penalties are paid in it' },
      ],
    }
  if (await addSlaContract(row)) return answerOf(row, requestHash)
  const first = await getSlaContract(contractId)
  return first === undefined ? { code: 'dependency-unavailable' } : answerOf(first, requestHash)
}

const answerOf = (row: SlaContractRow, requestHash: string) =>
  row.requestHash === requestHash
    ? ({
        status: 201,
        body: contractOf(row),
        headers: { location: `/api/v1/sla/contracts/${row.contractId}` },
      } as const)
    : ({ code: 'idempotency-conflict' } as const)

const contractRow = (
  body: Request<typeof createSlaContract>['body'],
  made: Pick<SlaContractRow, 'contractId' | 'requestHash' | 'createdBy' | 'createdAtMillis'>,
): SlaContractRow => ({
  ...made,
  series: body.series,
  quantity: body.quantity,
  feeMicros: millionths(body.fee),
  tiers:
    body.tiers?.map(
      (tier): PromisedTier => ({
        belowUptimePpm: millionths(tier.below_uptime),
        creditPpm: millionths(tier.credit),
      }),
    ) ?? defaultTiers,
  degradedWeightPpm: body.degraded_weight === undefined ? 0 : millionths(body.degraded_weight),
  periodStartMillis: Date.parse(body.period_start),
  periodEndMillis: Date.parse(body.period_end),
  providerAccount: body.provider_account,
  buyerAccount: body.buyer_account,
})

const millionths = (decimal: string): number => {
  const count = micros(decimal)
  if (count === undefined) throw new Error(`the schema has let ${decimal} pass`)
  return count
}
