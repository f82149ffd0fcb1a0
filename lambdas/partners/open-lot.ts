import type { LotRow } from '#adapters/tables/partner-inventory.ts'

type Owner = Pick<LotRow, 'account' | 'accountId' | 'lane'>
type What = Pick<
  LotRow,
  'provider' | 'resourceClass' | 'region' | 'vector' | 'units' | 'fromMillis' | 'untilMillis' | 'priceMicrosPerUnitHour'
>

/** What a contract, or a part of a purchase, comes to in the inventory. */
export const openLot = (
  { account, accountId, lane }: Owner,
  { provider, resourceClass, region, vector, units, fromMillis, untilMillis, priceMicrosPerUnitHour }: What,
  origin: Pick<LotRow, 'lotId' | 'kind' | 'reference' | 'createdAtMillis'>,
): LotRow => ({
  state: 'open',
  account,
  accountId,
  lane,
  provider,
  resourceClass,
  region,
  vector,
  units,
  fromMillis,
  untilMillis,
  priceMicrosPerUnitHour,
  ...origin,
})
