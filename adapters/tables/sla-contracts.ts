import { GetCommand } from '@aws-sdk/lib-dynamodb'
import type { SlaContract } from '#domain/sla/sla-contract.ts'
import { tables } from '#protocol/tables.ts'
import { dynamodb } from '../clients/dynamodb.ts'
import { required } from '../environment.ts'
import { type Item, integer, itemsOf, text } from '../items.ts'
import { type Page, page } from '../pages.ts'
import { transact } from '../writes.ts'

export interface SlaContractRow extends SlaContract {
  readonly createdBy: string
  readonly createdAtMillis: number
  /** The hash of what was asked, under the name that contractId follows from. */
  readonly requestHash: string
}

/** Where contracts are looked for: among all, or among those of an account or a series. */
export type SlaContracts = { readonly account: string } | { readonly series: string } | 'all'

const table = tables.slaContracts
const rowsOfRead = 200

const collectionOf = (of: SlaContracts): string =>
  of === 'all' ? of : 'account' in of ? `account#${of.account}` : `series#${of.series}`

/** False where there is one of this id. It is never changed, so its copies never differ. */
export const addSlaContract = (row: SlaContractRow): Promise<boolean> => {
  const { series, providerAccount, buyerAccount } = row
  const collections: readonly SlaContracts[] = [
    'all',
    { series },
    { account: providerAccount },
    { account: buyerAccount },
  ]
  return transact(
    collections.map(of => ({
      kind: 'put',
      table,
      item: itemOf(collectionOf(of), row),
      onlyIf: { contract_id: undefined },
    })),
  )
}

export const getSlaContract = async (contractId: string): Promise<SlaContractRow | undefined> => {
  const { Item } = await dynamodb().send(
    new GetCommand({
      TableName: required(table.environmentVariable),
      Key: { collection: collectionOf('all'), contract_id: contractId },
      ConsistentRead: true,
    }),
  )
  return Item === undefined ? undefined : rowOf(Item)
}

/** By id. */
export const slaContractsPage = (
  of: SlaContracts,
  options: { readonly limit: number; readonly after?: string },
): Promise<Page<SlaContractRow>> => {
  const collection = collectionOf(of)
  return page(
    {
      table,
      partition: { name: 'collection', value: collection },
      sortKeyName: 'contract_id',
      limit: options.limit,
      ...(options.after === undefined ? {} : { after: { collection, contract_id: options.after } }),
    },
    rowOf,
  )
}

export const allSlaContracts = async (of: SlaContracts): Promise<readonly SlaContractRow[]> => {
  const found: SlaContractRow[] = []
  let after: string | undefined
  do {
    const { rows, next }: Page<SlaContractRow> = await slaContractsPage(of, {
      limit: rowsOfRead,
      ...(after === undefined ? {} : { after }),
    })
    found.push(...rows)
    after = next
  } while (after !== undefined)
  return found
}

/** Whether any contract is measured by it. */
export const isSlaSeries = async (series: string): Promise<boolean> =>
  (await slaContractsPage({ series }, { limit: 1 })).rows.length > 0

const itemOf = (collection: string, row: SlaContractRow): Item => ({
  collection,
  contract_id: row.contractId,
  series: row.series,
  quantity: row.quantity,
  fee_micros: row.feeMicros,
  tiers: row.tiers.map(tier => ({ below_uptime_ppm: tier.belowUptimePpm, credit_ppm: tier.creditPpm })),
  degraded_weight_ppm: row.degradedWeightPpm,
  period_start_millis: row.periodStartMillis,
  period_end_millis: row.periodEndMillis,
  provider_account: row.providerAccount,
  buyer_account: row.buyerAccount,
  created_by: row.createdBy,
  created_at_millis: row.createdAtMillis,
  request_hash: row.requestHash,
})

const rowOf = (item: Item): SlaContractRow => ({
  contractId: text(item, 'contract_id'),
  series: text(item, 'series'),
  quantity: integer(item, 'quantity'),
  feeMicros: integer(item, 'fee_micros'),
  tiers: itemsOf(item, 'tiers').map(tier => ({
    belowUptimePpm: integer(tier, 'below_uptime_ppm'),
    creditPpm: integer(tier, 'credit_ppm'),
  })),
  degradedWeightPpm: integer(item, 'degraded_weight_ppm'),
  periodStartMillis: integer(item, 'period_start_millis'),
  periodEndMillis: integer(item, 'period_end_millis'),
  providerAccount: text(item, 'provider_account'),
  buyerAccount: text(item, 'buyer_account'),
  createdBy: text(item, 'created_by'),
  createdAtMillis: integer(item, 'created_at_millis'),
  requestHash: text(item, 'request_hash'),
})
