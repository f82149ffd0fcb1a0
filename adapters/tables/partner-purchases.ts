import { GetCommand } from '@aws-sdk/lib-dynamodb'
import {
  type OfferSource,
  offerSources,
  type Pricing,
  type Provider,
  pricings,
  providers,
  type ResourceVector,
} from '#domain/partners/catalogue.ts'
import { tables } from '#protocol/tables.ts'
import { dynamodb } from '../clients/dynamodb.ts'
import { required } from '../environment.ts'
import { type Item, integer, itemsOf, oneOf, optional, text } from '../items.ts'
import { type Page, page } from '../pages.ts'
import { vectorOfText, vectorText } from '../resource-vector.ts'
import { store, transact, type Write } from '../writes.ts'

/** How far a purchase has come. What is about to be done is stored first, what was done after it. */
export const purchaseStates = [
  'requested',
  'holding',
  'held',
  'reserving',
  'reserved',
  'booking',
  'booked',
  'capturing',
  'captured',
  'completed',
  'undoing',
  'failed',
] as const
export type PurchaseState = (typeof purchaseStates)[number]

/** Of one offer, as it was when it was bought. */
export interface PurchasePart {
  readonly offerId: string
  readonly provider: Provider
  readonly resourceClass: string
  readonly region: string
  readonly vector: ResourceVector
  readonly pricing: Pricing
  readonly source: OfferSource
  readonly units: number
  readonly fromMillis: number
  /** Of a commitment the end of its last term. */
  readonly untilMillis: number
  readonly costMicros: number
  /** Of what is taken from the inventory: the lot, and whose it is where whoever has it is paid. */
  readonly lotId?: string
  readonly seller?: { readonly account: string; readonly accountId: number; readonly lane: number }
  /** What the partner calls its reservation. */
  readonly partnerReference?: string
}

export interface PurchaseRow {
  readonly purchaseId: string
  readonly account: string
  readonly accountId: number
  readonly lane: number
  readonly state: PurchaseState
  /** In which they are reserved; all of them are bought, or none. */
  readonly parts: readonly PurchasePart[]
  /** Of how many parts what its state says is done already. */
  readonly partsDone: number
  /** Of all parts. */
  readonly costMicros: number
  readonly bodyHash: string
  readonly createdAtMillis: number
  readonly updatedAtMillis: number
  /** How often its workflow was started. */
  readonly attempt: number
  /** Of what is bought together with something else: once reserved it waits, until that is done or not. */
  readonly gate?: PurchaseGate
  /** Why nothing was bought, and what was the last that was about to be done. */
  readonly failure?: string
  readonly undoneFrom?: PurchaseState
}

const purchaseGates = ['closed', 'open'] as const
export type PurchaseGate = (typeof purchaseGates)[number]

/** Its workflow has ended there, and is begun anew by whoever has the gate. */
export const waitsAtGate = ({ gate, state }: PurchaseRow): boolean => gate === 'closed' && state === 'reserved'

const table = tables.partnerPurchases
const underWay = 'yes'
const isOver = (state: PurchaseState): boolean => state === 'completed' || state === 'failed'

/** Consistent. */
export const getPurchase = async (account: string, purchaseId: string): Promise<PurchaseRow | undefined> => {
  const { Item } = await dynamodb().send(
    new GetCommand({
      TableName: required(table.environmentVariable),
      Key: { account, purchase_id: purchaseId },
      ConsistentRead: true,
    }),
  )
  return Item === undefined ? undefined : purchaseOf(Item)
}

/** What a request of that name has begun; consistent. */
export const purchaseOfRequest = async (account: string, requestName: string): Promise<PurchaseRow | undefined> => {
  const { Item } = await dynamodb().send(
    new GetCommand({
      TableName: required(table.environmentVariable),
      Key: { account, purchase_id: requestRow(requestName) },
      ConsistentRead: true,
    }),
  )
  return Item === undefined ? undefined : getPurchase(account, text(Item, 'names'))
}

/** After every id: those are of digits and the letters up to f. */
const requestRow = (requestName: string): string => `request#${requestName}`
const everyId = ['0', 'g'] as const

/** What a request of that name began first stays: false where it did. */
export const putPurchase = (row: PurchaseRow, requestName: string): Promise<boolean> =>
  transact([
    {
      kind: 'put',
      table,
      item: { account: row.account, purchase_id: requestRow(requestName), names: row.purchaseId },
      onlyIf: { purchase_id: undefined },
    },
    purchasePut(row),
  ])

export const purchasePut = (row: PurchaseRow): Write => ({
  kind: 'put',
  table,
  item: itemOf(row),
  onlyIf: { purchase_id: undefined },
})

/** False where it has changed since it was read. */
export const replacePurchase = (row: PurchaseRow, read: PurchaseRow): Promise<boolean> =>
  store({
    kind: 'put',
    table,
    item: itemOf(row),
    onlyIf: { purchase_state: read.state, updated_at_millis: read.updatedAtMillis, attempt: read.attempt },
  })

/** Newest first: ids are ordered by time. */
export const listPurchases = (
  account: string,
  options: { readonly limit: number; readonly after?: string },
): Promise<Page<PurchaseRow>> =>
  page(
    {
      table,
      partition: { name: 'account', value: account },
      sortKeyName: 'purchase_id',
      between: everyId,
      newestFirst: true,
      limit: options.limit,
      ...(options.after === undefined ? {} : { after: { account, purchase_id: options.after } }),
    },
    purchaseOf,
  )

/** Those that are neither completed nor failed, the oldest first; from an index that lags a little. */
export const purchasesUnderWay = async (limit: number): Promise<readonly PurchaseRow[]> =>
  (
    await page(
      {
        table,
        index: 'by-progress',
        partition: { name: 'open', value: underWay },
        sortKeyName: 'purchase_id',
        limit,
      },
      purchaseOf,
    )
  ).rows

const itemOf = (row: PurchaseRow): Item => ({
  account: row.account,
  purchase_id: row.purchaseId,
  ...(!isOver(row.state) && { open: underWay }),
  account_id: row.accountId,
  lane: row.lane,
  purchase_state: row.state,
  parts: row.parts.map(itemOfPart),
  parts_done: row.partsDone,
  cost_micros: row.costMicros,
  body_hash: row.bodyHash,
  created_at_millis: row.createdAtMillis,
  updated_at_millis: row.updatedAtMillis,
  attempt: row.attempt,
  gate: row.gate,
  failure: row.failure,
  undone_from: row.undoneFrom,
})

const itemOfPart = (part: PurchasePart): Item => ({
  offer_id: part.offerId,
  provider: part.provider,
  resource_class: part.resourceClass,
  region: part.region,
  vector: vectorText(part.vector),
  pricing: part.pricing,
  source: part.source,
  units: part.units,
  from_millis: part.fromMillis,
  until_millis: part.untilMillis,
  cost_micros: part.costMicros,
  lot_id: part.lotId,
  ...(part.seller !== undefined && {
    seller: part.seller.account,
    seller_id: part.seller.accountId,
    seller_lane: part.seller.lane,
  }),
  partner_reference: part.partnerReference,
})

/** Undefined where the item is no purchase. */
export const purchaseOfChange = (item: Item): PurchaseRow | undefined =>
  item['purchase_state'] === undefined ? undefined : purchaseOf(item)

const purchaseOf = (item: Item): PurchaseRow => ({
  purchaseId: text(item, 'purchase_id'),
  account: text(item, 'account'),
  accountId: integer(item, 'account_id'),
  lane: integer(item, 'lane'),
  state: oneOf(item, 'purchase_state', purchaseStates),
  parts: itemsOf(item, 'parts').map(partOf),
  partsDone: integer(item, 'parts_done'),
  costMicros: integer(item, 'cost_micros'),
  bodyHash: text(item, 'body_hash'),
  createdAtMillis: integer(item, 'created_at_millis'),
  updatedAtMillis: integer(item, 'updated_at_millis'),
  attempt: integer(item, 'attempt'),
  ...optional('gate', item, 'gate', (from, name) => oneOf(from, name, purchaseGates)),
  ...optional('failure', item, 'failure', text),
  ...optional('undoneFrom', item, 'undone_from', (from, name) => oneOf(from, name, purchaseStates)),
})

const partOf = (item: Item): PurchasePart => {
  const seller = optional('account', item, 'seller', text)
  return {
    offerId: text(item, 'offer_id'),
    provider: oneOf(item, 'provider', providers),
    resourceClass: text(item, 'resource_class'),
    region: text(item, 'region'),
    vector: vectorOfText(text(item, 'vector')),
    pricing: oneOf(item, 'pricing', pricings),
    source: oneOf(item, 'source', offerSources),
    units: integer(item, 'units'),
    fromMillis: integer(item, 'from_millis'),
    untilMillis: integer(item, 'until_millis'),
    costMicros: integer(item, 'cost_micros'),
    ...optional('lotId', item, 'lot_id', text),
    ...(seller.account !== undefined && {
      seller: {
        account: seller.account,
        accountId: integer(item, 'seller_id'),
        lane: integer(item, 'seller_lane'),
      },
    }),
    ...optional('partnerReference', item, 'partner_reference', text),
  }
}
