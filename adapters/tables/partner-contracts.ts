import { GetCommand } from '@aws-sdk/lib-dynamodb'
import { type Provider, providers, type ResourceVector, type Tier } from '#domain/partners/catalogue.ts'
import { tables } from '#protocol/tables.ts'
import { dynamodb } from '../clients/dynamodb.ts'
import { required } from '../environment.ts'
import { type Item, integer, itemsOf, oneOf, text, truth } from '../items.ts'
import { type Page, page } from '../pages.ts'
import { vectorOfText, vectorText } from '../resource-vector.ts'
import { transact, type Write } from '../writes.ts'

/** What a partner has promised at a price; its units are a lot of the inventory with the contract's id. */
export interface ContractRow {
  readonly contractId: string
  readonly account: string
  readonly accountId: number
  readonly lane: number
  /** Every account may buy from it. */
  readonly isShared: boolean
  readonly provider: Provider
  readonly resourceClass: string
  readonly region: string
  readonly vector: ResourceVector
  readonly units: number
  readonly minimumUnits: number
  readonly priceMicrosPerUnitHour: number
  readonly tiers: readonly Tier[]
  readonly fromMillis: number
  readonly untilMillis: number
  /** Until when it can be bought from. */
  readonly acceptUntilMillis: number
  readonly bodyHash: string
  readonly createdAtMillis: number
}

const table = tables.partnerContracts
/** No account has such a name. */
const everybody = '*'
const contractsOfRead = 100

/** Consistent; of its own account, or open to all. */
export const getContract = async (account: string, contractId: string): Promise<ContractRow | undefined> => {
  const [own, shared] = await Promise.all([read(account, contractId), read(everybody, contractId)])
  return own ?? shared
}

const read = async (holder: string, contractId: string): Promise<ContractRow | undefined> => {
  const { Item } = await dynamodb().send(
    new GetCommand({
      TableName: required(table.environmentVariable),
      Key: { holder, contract_id: contractId },
      ConsistentRead: true,
    }),
  )
  return Item === undefined ? undefined : contractOf(Item)
}

/** What a request of that name has made; consistent. */
export const contractOfRequest = async (account: string, requestName: string): Promise<ContractRow | undefined> => {
  const { Item } = await dynamodb().send(
    new GetCommand({
      TableName: required(table.environmentVariable),
      Key: { holder: account, contract_id: requestRow(requestName) },
      ConsistentRead: true,
    }),
  )
  return Item === undefined ? undefined : getContract(account, text(Item, 'names'))
}

/** After every id: those are of digits and the letters up to f. */
const requestRow = (requestName: string): string => `request#${requestName}`
const everyId = ['0', 'g'] as const

/** With its lot, all at once. What a request of that name made first stays: false where it did. */
export const putContract = (row: ContractRow, requestName: string, lot: Write): Promise<boolean> =>
  transact([
    {
      kind: 'put',
      table,
      item: { holder: row.account, contract_id: requestRow(requestName), names: row.contractId },
      onlyIf: { contract_id: undefined },
    },
    contractPut(row),
    lot,
  ])

export const contractPut = (row: ContractRow): Write => ({
  kind: 'put',
  table,
  item: {
    holder: row.isShared ? everybody : row.account,
    contract_id: row.contractId,
    account: row.account,
    account_id: row.accountId,
    lane: row.lane,
    is_shared: row.isShared,
    provider: row.provider,
    resource_class: row.resourceClass,
    region: row.region,
    vector: vectorText(row.vector),
    units: row.units,
    minimum_units: row.minimumUnits,
    price_micros: row.priceMicrosPerUnitHour,
    tiers: row.tiers.map(tier => ({ from_units: tier.fromUnits, price_micros: tier.priceMicrosPerUnitHour })),
    from_millis: row.fromMillis,
    until_millis: row.untilMillis,
    accept_until_millis: row.acceptUntilMillis,
    body_hash: row.bodyHash,
    created_at_millis: row.createdAtMillis,
  },
  onlyIf: { contract_id: undefined },
})

/** Newest first: ids are ordered by time. `shared`: those that are open to everybody. */
export const listContracts = (
  holder: { readonly account: string } | 'shared',
  options: { readonly limit: number; readonly after?: string },
): Promise<Page<ContractRow>> => {
  const name = holder === 'shared' ? everybody : holder.account
  return page(
    {
      table,
      partition: { name: 'holder', value: name },
      sortKeyName: 'contract_id',
      between: everyId,
      newestFirst: true,
      limit: options.limit,
      ...(options.after === undefined ? {} : { after: { holder: name, contract_id: options.after } }),
    },
    contractOf,
  )
}

/** All that an account may buy from in a region. */
export const contractsFor = async (account: string, regions: readonly string[]): Promise<readonly ContractRow[]> => {
  const found: ContractRow[] = []
  for (const holder of [{ account }, 'shared'] as const)
    for (let after: { readonly after?: string } = {}; ; ) {
      const { rows, next } = await listContracts(holder, { limit: contractsOfRead, ...after })
      found.push(...rows.filter(({ region }) => regions.includes(region)))
      if (next === undefined) break
      after = { after: next }
    }
  return found
}

const contractOf = (item: Item): ContractRow => ({
  contractId: text(item, 'contract_id'),
  account: text(item, 'account'),
  accountId: integer(item, 'account_id'),
  lane: integer(item, 'lane'),
  isShared: truth(item, 'is_shared'),
  provider: oneOf(item, 'provider', providers),
  resourceClass: text(item, 'resource_class'),
  region: text(item, 'region'),
  vector: vectorOfText(text(item, 'vector')),
  units: integer(item, 'units'),
  minimumUnits: integer(item, 'minimum_units'),
  priceMicrosPerUnitHour: integer(item, 'price_micros'),
  tiers: itemsOf(item, 'tiers').map(tier => ({
    fromUnits: integer(tier, 'from_units'),
    priceMicrosPerUnitHour: integer(tier, 'price_micros'),
  })),
  fromMillis: integer(item, 'from_millis'),
  untilMillis: integer(item, 'until_millis'),
  acceptUntilMillis: integer(item, 'accept_until_millis'),
  bodyHash: text(item, 'body_hash'),
  createdAtMillis: integer(item, 'created_at_millis'),
})
