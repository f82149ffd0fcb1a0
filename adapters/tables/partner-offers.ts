import { gunzipSync, gzipSync } from 'node:zlib'
import { GetCommand } from '@aws-sdk/lib-dynamodb'
import type { ResourceVector } from '#domain/partners/catalogue.ts'
import { type DatedPrices, type ListPricing, listPricings } from '#domain/partners/price-history.ts'
import { tables } from '#protocol/tables.ts'
import { dynamodb } from '../clients/dynamodb.ts'
import { required } from '../environment.ts'
import { bytes, type Item, integer, listOf, oneOf, text } from '../items.ts'
import { type Page, page } from '../pages.ts'
import { vectorOfText, vectorText } from '../resource-vector.ts'
import { store } from '../writes.ts'

/** A product of a catalogue in a region, with every price that it ever had there. */
export interface ProductRow {
  readonly importId: string
  /** The provider's own name of it, in letters, digits and . _ -. */
  readonly product: string
  readonly resourceClass: string
  readonly region: string
  readonly vector: ResourceVector
  readonly history: readonly DatedPrices[]
}

/** A price of a file that is no price: kept out of all others, and told. */
export interface ScreenedPriceRow {
  readonly importId: string
  readonly line: number
  readonly product: string
  readonly region: string
  readonly pricing: ListPricing
  /** As the file has it. */
  readonly price: string
  readonly reason: string
}

const table = tables.partnerOffers
const shelfOf = (importId: string, region: string): string => `${importId}#${region}`
/** No region has such a name. */
const pieceShelf = (importId: string): string => `${importId}#~pieces`
const screenedShelf = (importId: string): string => `${importId}#~screened`

/** A catalogue that nobody renews is out of date by then, and its rows are dropped a week later. */
export const catalogueDays = 90
const keptSeconds = (catalogueDays + 7) * 86_400

/** Again: the same. */
export const putProduct = async (row: ProductRow, nowMillis: number): Promise<void> => {
  await store({
    kind: 'put',
    table,
    item: {
      shelf: shelfOf(row.importId, row.region),
      product: row.product,
      import_id: row.importId,
      resource_class: row.resourceClass,
      region: row.region,
      vector: vectorText(row.vector),
      history: row.history.map(({ fromMillis, micros }) => [fromMillis, ...listPricings.map(each => micros[each])]),
      expires_at: Math.floor(nowMillis / 1_000) + keptSeconds,
    },
  })
}

export const putScreenedPrice = async (row: ScreenedPriceRow, nowMillis: number): Promise<void> => {
  await store({
    kind: 'put',
    table,
    item: {
      shelf: screenedShelf(row.importId),
      product: `${String(row.line).padStart(9, '0')}#${row.pricing}`,
      import_id: row.importId,
      line: row.line,
      product_name: row.product,
      region: row.region,
      pricing: row.pricing,
      price: row.price,
      reason: row.reason,
      expires_at: Math.floor(nowMillis / 1_000) + keptSeconds,
    },
  })
}

/** Consistent. */
export const getProduct = async (
  importId: string,
  region: string,
  product: string,
): Promise<ProductRow | undefined> => {
  const { Item } = await dynamodb().send(
    new GetCommand({
      TableName: required(table.environmentVariable),
      Key: { shelf: shelfOf(importId, region), product },
      ConsistentRead: true,
    }),
  )
  return Item === undefined ? undefined : productOf(Item)
}

/** What came in one piece of an import, for whoever wants all of a catalogue: a few small items in place of all its rows. */
export const putPiece = async (
  importId: string,
  batch: number,
  rows: readonly ProductRow[],
  nowMillis: number,
): Promise<void> => {
  await store({
    kind: 'put',
    table,
    item: {
      shelf: pieceShelf(importId),
      product: String(batch).padStart(9, '0'),
      import_id: importId,
      body: gzipSync(JSON.stringify(rows)),
      expires_at: Math.floor(nowMillis / 1_000) + keptSeconds,
    },
  })
}

const piecesOfRead = 500

/** All of a catalogue, in the order in which it came; undefined of one that was imported before pieces were kept. Consistent. */
export const productsInPieces = async (importId: string): Promise<readonly ProductRow[] | undefined> => {
  const found: ProductRow[] = []
  const shelf = pieceShelf(importId)
  let isKept = false
  for (let after: { readonly after?: Item } = {}; ; ) {
    const { rows, next } = await page(
      { table, partition: { name: 'shelf', value: shelf }, sortKeyName: 'product', limit: piecesOfRead, ...after },
      pieceOf,
    )
    for (const piece of rows) {
      isKept = true
      found.push(...piece)
    }
    if (next === undefined) return isKept ? found : undefined
    after = { after: { shelf, product: next } }
  }
}

const pieceOf = (item: Item): readonly ProductRow[] =>
  JSON.parse(new TextDecoder().decode(gunzipSync(bytes(item, 'body'))))

const productsOfRead = 200

/** All of a catalogue in a region; consistent. */
export const productsIn = async (importId: string, region: string): Promise<readonly ProductRow[]> => {
  const found: ProductRow[] = []
  const shelf = shelfOf(importId, region)
  for (let after: { readonly after?: Item } = {}; ; ) {
    const { rows, next } = await page(
      {
        table,
        partition: { name: 'shelf', value: shelf },
        sortKeyName: 'product',
        limit: productsOfRead,
        ...after,
      },
      productOf,
    )
    found.push(...rows)
    if (next === undefined) return found
    after = { after: { shelf, product: next } }
  }
}

/** In the order of the file. */
export const listScreenedPrices = (
  importId: string,
  options: { readonly limit: number; readonly after?: string },
): Promise<Page<ScreenedPriceRow>> =>
  page(
    {
      table,
      partition: { name: 'shelf', value: screenedShelf(importId) },
      sortKeyName: 'product',
      limit: options.limit,
      ...(options.after === undefined ? {} : { after: { shelf: screenedShelf(importId), product: options.after } }),
    },
    screenedOf,
  )

const productOf = (item: Item): ProductRow => ({
  importId: text(item, 'import_id'),
  product: text(item, 'product'),
  resourceClass: text(item, 'resource_class'),
  region: text(item, 'region'),
  vector: vectorOfText(text(item, 'vector')),
  history: listOf(item, 'history').map(pricesOf),
})

const pricesOf = (written: unknown): DatedPrices => {
  if (!Array.isArray(written)) throw new Error('a price history holds something that is no list')
  const [fromMillis, ...prices]: readonly unknown[] = written
  if (typeof fromMillis !== 'number') throw new Error('prices of a history have no day')
  const micros = (index: number): number | null => {
    const price = prices[index]
    if (price !== null && (typeof price !== 'number' || !Number.isSafeInteger(price)))
      throw new Error('a price of a history is no whole number of micros')
    return price
  }
  return {
    fromMillis,
    micros: { on_demand: micros(0), spot: micros(1), commitment_1y: micros(2), commitment_3y: micros(3) },
  }
}

const screenedOf = (item: Item): ScreenedPriceRow => ({
  importId: text(item, 'import_id'),
  line: integer(item, 'line'),
  product: text(item, 'product_name'),
  region: text(item, 'region'),
  pricing: oneOf(item, 'pricing', listPricings),
  price: text(item, 'price'),
  reason: text(item, 'reason'),
})
