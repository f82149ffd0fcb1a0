import type * as z from 'zod'
import { getCatalogue, putBatch } from '#adapters/tables/partner-catalogues.ts'
import { putPiece, putProduct, putScreenedPrice } from '#adapters/tables/partner-offers.ts'
import { micros } from '#domain/units.ts'
import type { addCatalogueProducts, catalogueProduct } from '#protocol/operations/partner-catalogues.ts'
import type { Handle } from '../shell/http.ts'
import { bodyHash } from '../shell/named-request.ts'
import { catalogueView } from './catalogue-view.ts'

const sideBySide = 16

/** The rows first, then how many they are: a piece that came half is none. */
export const handle: Handle<typeof addCatalogueProducts> = async ({ path, body }) => {
  const { provider, import_id: importId } = path
  const row = await getCatalogue(provider, importId)
  if (row === undefined) return { code: 'not-found' }
  if (row.state === 'completed') return { code: 'catalogue-completed' }
  const { batch, products, screened } = body
  const piece = { batch, hash: bodyHash(body) }
  if (!(await putBatch(row, piece))) return { code: 'idempotency-conflict' }
  const nowMillis = Date.now()
  const rows = products.map(product => productRow(importId, product))
  const writes = [
    ...rows.map(each => () => putProduct(each, nowMillis)),
    () => putPiece(importId, batch, rows, nowMillis),
    ...screened.map(price => () => putScreenedPrice({ importId, ...price }, nowMillis)),
  ]
  for (let at = 0; at < writes.length; at += sideBySide)
    await Promise.all(writes.slice(at, at + sideBySide).map(write => write()))
  await putBatch(row, piece, {
    products: products.length,
    rows: products.reduce((sum, product) => sum + product.rows, 0),
    screened: screened.length,
  })
  return { status: 200, body: await catalogueView(row) }
}

const productRow = (importId: string, product: z.infer<typeof catalogueProduct>) => ({
  importId,
  product: product.product,
  resourceClass: product.resource_class,
  region: product.region,
  vector: {
    gpus: Number(product.gpus),
    vcpus: Number(product.vcpus),
    memoryGib: Number(product.memory_gib),
    storageTib: Number(product.storage_tib),
  },
  history: product.prices.map(([day, onDemand, spot, oneYear, threeYears]) => ({
    fromMillis: Date.parse(day),
    micros: {
      on_demand: microsOf(onDemand),
      spot: microsOf(spot),
      commitment_1y: microsOf(oneYear),
      commitment_3y: microsOf(threeYears),
    },
  })),
})

const microsOf = (price: string | null): number | null => (price === null ? null : (micros(price) ?? null))
