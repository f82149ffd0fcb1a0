import { GetCommand } from '@aws-sdk/lib-dynamodb'
import { type Provider, providers } from '#domain/partners/catalogue.ts'
import { tables } from '#protocol/tables.ts'
import { dynamodb } from '../clients/dynamodb.ts'
import { required } from '../environment.ts'
import { type Item, integer, oneOf, optional, text } from '../items.ts'
import { type Page, page } from '../pages.ts'
import { store, transact } from '../writes.ts'

/** One import of a provider's catalogue. Its offers are nobody's until it is completed, all at once. */
export interface CatalogueRow {
  readonly provider: Provider
  readonly importId: string
  readonly state: CatalogueState
  readonly fileName: string
  readonly startedAtMillis: number
  readonly startedBy: string
  /** What whoever imports it has announced: it is complete when so many have come. */
  readonly expected: CatalogueCounts
  readonly bodyHash: string
  readonly completedAtMillis?: number
}

export interface CatalogueCounts {
  readonly products: number
  /** Rows of the file that they were made of. */
  readonly rows: number
  readonly screened: number
}

export const catalogueStates = ['open', 'completed'] as const
export type CatalogueState = (typeof catalogueStates)[number]

/** Which import's offers are a provider's. */
export interface CatalogueInForce {
  readonly importId: string
  readonly sinceMillis: number
}

const table = tables.partnerCatalogues
const inForceRow = 'in-force'
const importRow = (importId: string): string => `import#${importId}`

const read = async (provider: Provider, row: string): Promise<Item | undefined> => {
  const { Item } = await dynamodb().send(
    new GetCommand({ TableName: required(table.environmentVariable), Key: { provider, row }, ConsistentRead: true }),
  )
  return Item
}

/** Consistent. */
export const getCatalogueInForce = async (provider: Provider): Promise<CatalogueInForce | undefined> => {
  const item = await read(provider, inForceRow)
  return item === undefined
    ? undefined
    : { importId: text(item, 'import_id'), sinceMillis: integer(item, 'since_millis') }
}

/** Consistent. */
export const getCatalogue = async (provider: Provider, importId: string): Promise<CatalogueRow | undefined> => {
  const item = await read(provider, importRow(importId))
  return item === undefined ? undefined : catalogueOf(item)
}

/** The import that a request of that name has begun; consistent. */
export const catalogueOfRequest = async (
  provider: Provider,
  requestName: string,
): Promise<CatalogueRow | undefined> => {
  const item = await read(provider, requestRow(requestName))
  return item === undefined ? undefined : getCatalogue(provider, text(item, 'names'))
}

const requestRow = (requestName: string): string => `request#${requestName}`

/** What a request of that name began first stays: false where it did. */
export const putCatalogue = (row: CatalogueRow, requestName: string): Promise<boolean> =>
  transact([
    {
      kind: 'put',
      table,
      item: { provider: row.provider, row: requestRow(requestName), names: row.importId },
      onlyIf: { provider: undefined },
    },
    { kind: 'put', table, item: itemOf(row), onlyIf: { provider: undefined } },
  ])

/** From then on its offers are the provider's. False where it was completed before. */
export const completeCatalogue = (row: CatalogueRow, completedAtMillis: number): Promise<boolean> =>
  transact([
    {
      kind: 'put',
      table,
      item: itemOf({ ...row, state: 'completed', completedAtMillis }),
      onlyIf: { catalogue_state: 'open' },
    },
    {
      kind: 'put',
      table,
      item: {
        provider: row.provider,
        row: inForceRow,
        import_id: row.importId,
        since_millis: completedAtMillis,
      },
    },
  ])

/** Newest first: ids are ordered by time. */
export const listCatalogues = (
  provider: Provider,
  options: { readonly limit: number; readonly after?: string },
): Promise<Page<CatalogueRow>> =>
  page(
    {
      table,
      partition: { name: 'provider', value: provider },
      sortKeyName: 'row',
      between: [importRow(''), importRow('~')],
      newestFirst: true,
      limit: options.limit,
      ...(options.after === undefined ? {} : { after: { provider, row: options.after } }),
    },
    catalogueOf,
  )

/**
 * A piece of an import, by its number and the hash of what is in it: first that it comes, then, with what was counted, that it has
 * come. False: another piece has that number.
 */
export const putBatch = async (
  { provider, importId }: Pick<CatalogueRow, 'provider' | 'importId'>,
  { batch, hash }: { readonly batch: number; readonly hash: string },
  counts?: CatalogueCounts,
): Promise<boolean> => {
  const item = { provider, row: `${batchRow(importId)}${String(batch).padStart(6, '0')}`, hash }
  const none: CatalogueCounts = { products: 0, rows: 0, screened: 0 }
  if (counts !== undefined) return store({ kind: 'put', table, item: { ...item, ...counts }, onlyIf: { hash } })
  // Repeated, it may have come already: its counts stay.
  return (
    (await store({ kind: 'put', table, item: { ...item, ...none }, onlyIf: { hash: undefined } })) ||
    (await hashOf(provider, item.row)) === hash
  )
}

const hashOf = async (provider: string, row: string): Promise<unknown> => {
  const { Item } = await dynamodb().send(
    new GetCommand({ TableName: required(table.environmentVariable), Key: { provider, row }, ConsistentRead: true }),
  )
  return Item?.['hash']
}

const batchRow = (importId: string): string => `batch#${importId}#`
const batchesOfRead = 500

/** What has come of an import; consistent. */
export const countsOf = async ({
  provider,
  importId,
}: Pick<CatalogueRow, 'provider' | 'importId'>): Promise<CatalogueCounts> => {
  const sum = { products: 0, rows: 0, screened: 0 }
  for (let after: { readonly after?: Item } = {}; ; ) {
    const { rows, next } = await page(
      {
        table,
        partition: { name: 'provider', value: provider },
        sortKeyName: 'row',
        between: [batchRow(importId), `${batchRow(importId)}~`],
        limit: batchesOfRead,
        ...after,
      },
      item => item,
    )
    for (const item of rows) {
      sum.products += integer(item, 'products')
      sum.rows += integer(item, 'rows')
      sum.screened += integer(item, 'screened')
    }
    if (next === undefined) return sum
    after = { after: { provider, row: next } }
  }
}

const itemOf = (row: CatalogueRow): Item => ({
  provider: row.provider,
  row: importRow(row.importId),
  import_id: row.importId,
  catalogue_state: row.state,
  file_name: row.fileName,
  started_at_millis: row.startedAtMillis,
  started_by: row.startedBy,
  products: row.expected.products,
  rows: row.expected.rows,
  screened: row.expected.screened,
  body_hash: row.bodyHash,
  completed_at_millis: row.completedAtMillis,
})

const catalogueOf = (item: Item): CatalogueRow => ({
  provider: oneOf(item, 'provider', providers),
  importId: text(item, 'import_id'),
  state: oneOf(item, 'catalogue_state', catalogueStates),
  fileName: text(item, 'file_name'),
  startedAtMillis: integer(item, 'started_at_millis'),
  startedBy: text(item, 'started_by'),
  expected: {
    products: integer(item, 'products'),
    rows: integer(item, 'rows'),
    screened: integer(item, 'screened'),
  },
  bodyHash: text(item, 'body_hash'),
  ...optional('completedAtMillis', item, 'completed_at_millis', integer),
})
