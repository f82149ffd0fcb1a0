import { v7 as uuidv7 } from 'uuid'
import { type ContractRow, contractOfRequest, putContract } from '#adapters/tables/partner-contracts.ts'
import { type LotRow, lotPut } from '#adapters/tables/partner-inventory.ts'
import { hourMillis } from '#domain/partners/catalogue.ts'
import { hoursIn } from '#domain/partners/inventory.ts'
import { micros } from '#domain/units.ts'
import type { createPartnerContract } from '#protocol/operations/partners.ts'
import type { Handle, Rejection, Request } from '../shell/http.ts'
import { bodyHash } from '../shell/named-request.ts'
import { type Trader, traderOf } from '../trading/trader.ts'
import { openLot } from './open-lot.ts'
import { contractView } from './partner-views.ts'

const mostTermHours = 3 * 366 * 24

export const handle: Handle<typeof createPartnerContract> = async ({ body, principal, idempotencyKey = '' }) => {
  if (body.is_shared === true && !principal.permissions.includes('partners:manage'))
    return { code: 'forbidden', detail: 'The credential lacks the permission partners:manage.' }
  const trader = await traderOf(principal)
  if (trader === undefined) return { code: 'account-not-open' }
  const before = await contractOfRequest(trader.account, idempotencyKey)
  if (before !== undefined) return repeated(before, bodyHash(body))
  const decided = decide(body, trader, Date.now())
  if ('code' in decided) return decided
  if (!(await putContract(decided, idempotencyKey, lotPut(lotOf(decided))))) {
    const other = await contractOfRequest(trader.account, idempotencyKey)
    if (other === undefined) throw new Error(`the contract that ${idempotencyKey} has made is gone`)
    return repeated(other, bodyHash(body))
  }
  return made(decided)
}

type Body = Request<typeof createPartnerContract>['body']

const made = (row: ContractRow) => ({
  status: 201 as const,
  body: contractView(row),
  headers: { location: `/api/v1/partners/contracts/${row.contractId}` },
})

const repeated = (row: ContractRow, hash: string) =>
  row.bodyHash === hash ? made(row) : { code: 'idempotency-conflict' as const }

const decide = (
  body: Body,
  { account, accountId, lane }: Trader,
  nowMillis: number,
): ContractRow | Rejection<'capacity-window-invalid' | 'contract-terms-invalid'> => {
  const window = { fromMillis: Date.parse(body.starts_at), untilMillis: Date.parse(body.ends_at) }
  const badWindow = (detail: string, pointer = '#/ends_at'): Rejection<'capacity-window-invalid'> => ({
    code: 'capacity-window-invalid',
    errors: [{ pointer, detail }],
  })
  if (window.untilMillis <= window.fromMillis) return badWindow('must be after starts_at')
  // A term may have begun before.
  if (window.untilMillis <= nowMillis) return badWindow('is over')
  if (window.fromMillis < nowMillis - mostTermHours * hourMillis)
    return badWindow(`must be at most ${mostTermHours} hours before now`, '#/starts_at')
  const fromMillis = Math.max(window.fromMillis, nowMillis)
  if (hoursIn({ ...window, fromMillis }) > mostTermHours)
    return badWindow(`must be at most ${mostTermHours} hours after starts_at, or after now`)
  const contradicts = (pointer: string, detail: string): Rejection<'contract-terms-invalid'> => ({
    code: 'contract-terms-invalid',
    errors: [{ pointer, detail }],
  })
  const priceMicrosPerUnitHour = micros(body.price) ?? 0
  if (priceMicrosPerUnitHour === 0) return contradicts('#/price', 'must be more than nothing')
  const minimumUnits = body.minimum_units ?? 1
  if (minimumUnits > body.units) return contradicts('#/minimum_units', 'must not be more than units')
  const [gpus, vcpus] = [Number(body.vector.gpus), Number(body.vector.vcpus)]
  const [memoryGib, storageTib] = [Number(body.vector.memory_gib), Number(body.vector.storage_tib)]
  if (gpus + vcpus + memoryGib + storageTib === 0) return contradicts('#/vector', 'has nothing')
  const tiers = (body.tiers ?? []).map(tier => ({
    fromUnits: tier.from_units,
    priceMicrosPerUnitHour: micros(tier.price) ?? 0,
  }))
  for (const [index, tier] of tiers.entries()) {
    const last = tiers[index - 1] ?? { fromUnits: 0, priceMicrosPerUnitHour }
    if (tier.fromUnits <= last.fromUnits)
      return contradicts(`#/tiers/${index}/from_units`, 'must be more than those of the tier before')
    if (tier.priceMicrosPerUnitHour === 0) return contradicts(`#/tiers/${index}/price`, 'must be more than nothing')
    if (tier.priceMicrosPerUnitHour >= last.priceMicrosPerUnitHour)
      return contradicts(`#/tiers/${index}/price`, 'must be less than the tier before')
  }
  const acceptUntilMillis = body.accept_until === undefined ? window.untilMillis : Date.parse(body.accept_until)
  if (acceptUntilMillis > window.untilMillis) return contradicts('#/accept_until', 'must not be after ends_at')
  if (acceptUntilMillis <= nowMillis) return contradicts('#/accept_until', 'is over')
  return {
    contractId: uuidv7(),
    account,
    accountId,
    lane,
    isShared: body.is_shared ?? false,
    provider: body.provider,
    resourceClass: body.resource_class,
    region: body.region,
    vector: { gpus, vcpus, memoryGib, storageTib },
    units: body.units,
    minimumUnits,
    priceMicrosPerUnitHour,
    tiers,
    ...window,
    acceptUntilMillis,
    bodyHash: bodyHash(body),
    createdAtMillis: nowMillis,
  }
}

/** What can be bought from it. */
const lotOf = (row: ContractRow): LotRow => {
  const { contractId, createdAtMillis } = row
  return openLot(row, row, { lotId: contractId, kind: 'contract', reference: contractId, createdAtMillis })
}
