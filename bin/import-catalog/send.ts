import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Provider } from '#domain/partners/catalogue.ts'
import type { Catalogue, CatalogueProduct, ScreenedPrice } from '#domain/partners/catalogue-file.ts'
import { listPricings } from '#domain/partners/price-history.ts'
import { decimalOfMicros } from '#domain/units.ts'
import type { Answer, ExchangeClient } from '../client.ts'

/** A request takes 64 KiB. */
const mostBytes = 56 * 1024
const mostPieces = 300
/** A product's prices in one piece: what the operation takes. */
const mostDays = 400
const attempts = 20
const longestPauseMillis = 2_000

export class ImportRefused extends Error {}

interface Batch {
  readonly products: unknown[]
  readonly screened: unknown[]
}

/** Sends all of it in pieces and completes it: only then is it in force. Says how much has come after each piece. */
export const sendCatalogue = async (
  exchange: ExchangeClient,
  provider: Provider,
  fileName: string,
  { products, screened }: Catalogue,
  progress: (part: number) => void,
): Promise<{ readonly importId: string; readonly batches: number }> => {
  const batches = batchesOf(products, screened)
  const base = '/api/v1/partners/catalogues'
  const begun = await patiently(() =>
    exchange.call(
      'POST',
      base,
      {
        provider,
        file_name: fileName,
        products: products.length,
        rows: products.reduce((sum, { rows }) => sum + rows, 0),
        screened: screened.length,
      },
      { 'idempotency-key': keys },
    ),
  )
  const importId = begun.body['import_id']
  if (begun.status !== 201 || typeof importId !== 'string') throw refused('beginning the import', begun)
  const own = `${base}/${provider}/${importId}`
  for (const [batch, piece] of batches.entries()) {
    const added = await patiently(() => exchange.call('POST', `${own}/products`, { batch, ...piece }))
    if (added.status !== 200) throw refused(`piece ${batch + 1} of ${batches.length}`, added)
    progress((batch + 1) / batches.length)
  }
  const completed = await patiently(() => exchange.call('POST', `${own}/completion`))
  if (completed.status !== 200) throw refused('completing the import', completed)
  return { importId, batches: batches.length }
}

/** One import a run: whatever is sent twice is the same. */
const keys = randomUUID()

const refused = (what: string, { status, body }: Answer): ImportRefused =>
  new ImportRefused(`${what}: ${status} ${JSON.stringify(body)}`)

/** Asks again where the exchange is busy or away for a moment. */
const patiently = async (ask: () => Promise<Answer>): Promise<Answer> => {
  for (let attempt = 1; ; attempt += 1) {
    const answer = await ask()
    const mayPass = answer.status === 429 || answer.status >= 500
    if (!mayPass || attempt >= attempts) return answer
    await sleep(Math.min(longestPauseMillis, 100 * attempt))
  }
}

const batchesOf = (products: readonly CatalogueProduct[], screened: readonly ScreenedPrice[]): readonly Batch[] => {
  const batches: Batch[] = []
  let current: Batch = { products: [], screened: [] }
  let bytes = 0
  const add = (kind: keyof Batch, piece: unknown): void => {
    const size = Buffer.byteLength(JSON.stringify(piece)) + 1
    if (bytes + size > mostBytes || current.products.length + current.screened.length >= mostPieces) {
      batches.push(current)
      current = { products: [], screened: [] }
      bytes = 0
    }
    current[kind].push(piece)
    bytes += size
  }
  for (const product of products) add('products', toldProduct(product))
  for (const price of screened) add('screened', toldScreened(price))
  if (current.products.length + current.screened.length > 0) batches.push(current)
  return batches
}

const toldProduct = ({ product, resourceClass, region, vector, rows, history }: CatalogueProduct) => {
  if (history.length > mostDays)
    throw new ImportRefused(`${product} in ${region} has prices of ${history.length} days, where ${mostDays} are taken`)
  return {
    product,
    resource_class: resourceClass,
    region,
    gpus: String(vector.gpus),
    vcpus: String(vector.vcpus),
    memory_gib: String(vector.memoryGib),
    storage_tib: String(vector.storageTib),
    rows,
    prices: history.map(({ fromMillis, micros }) => [
      new Date(fromMillis).toISOString().slice(0, 10),
      ...listPricings.map(pricing => {
        const price = micros[pricing]
        return price === null ? null : decimalOfMicros(price)
      }),
    ]),
  }
}

const toldScreened = ({ line, product, region, pricing, text, reason }: ScreenedPrice) => ({
  line,
  product,
  region,
  pricing,
  price: text.slice(0, 60),
  reason: reason.slice(0, 200),
})
