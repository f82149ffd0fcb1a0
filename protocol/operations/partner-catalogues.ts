import * as z from 'zod'
import { providers } from '#domain/partners/catalogue.ts'
import { operation } from '../operation.ts'
import { commandId, decimalText, instant, pageOf, pageQuery, usdText } from '../values.ts'

const provider = z.enum(providers)

const count = z
  .number()
  .int()
  .min(0)
  .max(1_000_000)
  .meta({ examples: [50] })

const counts = {
  products: count.meta({ description: 'Products in regions, each with all its dated prices' }),
  rows: count.meta({ description: 'Rows of the file' }),
  screened: count.meta({ description: 'Prices of the file that are none, and were kept out' }),
}

export const partnerCatalogue = z
  .object({
    import_id: commandId,
    provider,
    catalogue_state: z.enum(['open', 'completed']),
    is_in_force: z.boolean().meta({ description: 'Its offers are the provider’s' }),
    file_name: z.string(),
    expected: z.object(counts),
    received: z.object(counts),
    started_at: instant,
    started_by: z.string(),
    completed_at: instant.nullable(),
  })
  .meta({ id: 'PartnerCatalogue' })

const importPath = z.strictObject({ provider, import_id: commandId })

export const beginCatalogueImport = operation({
  context: 'partners',
  name: 'begin-catalogue-import',
  method: 'POST',
  path: '/api/v1/partners/catalogues',
  permission: 'partners:manage',
  summary: 'Begin an import of a partner’s catalogue',
  description:
    'What comes after it is nobody’s offer until the import is completed: then all of it takes the place of the provider’s catalogue at once. npm run import-catalog does this from a file.',
  idempotency: 'header',
  request: {
    body: z.strictObject({
      provider,
      file_name: z
        .string()
        .regex(/^[A-Za-z0-9][A-Za-z0-9 ._()+-]{0,99}$/, 'must be the name of a file, without a path'),
      ...counts,
    }),
  },
  responses: { 201: { description: 'The import', schema: partnerCatalogue } },
  rejections: ['idempotency-key-required', 'idempotency-conflict'],
})

const price = usdText
  .refine(
    text => /[1-9]/.test(text) && Number(text) <= 10_000,
    'must be above 0 and at most 10000 USD for a unit and hour',
  )
  .nullable()

const amount = (most: number) =>
  decimalText.refine(
    text => Number(text) <= most && (text.split('.')[1] ?? '').length <= 4,
    `must be at most ${most}, with at most 4 digits after the point`,
  )

export const catalogueProduct = z.strictObject({
  product: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$/, 'must be 1 to 80 letters, digits and . _ -')
    .meta({ examples: ['a3-highgpu-8g'] }),
  resource_class: z.string().regex(/^[A-Z0-9][A-Z0-9._-]{0,39}$/, 'must be a resource class such as H100'),
  region: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$/, 'must be a region such as us-central1'),
  gpus: amount(1_024),
  vcpus: amount(10_000),
  memory_gib: amount(100_000),
  storage_tib: amount(100_000),
  rows: count.meta({ description: 'Of the file, of which its prices are' }),
  prices: z
    .array(z.tuple([z.iso.date(), price, price, price, price]))
    .min(1)
    .max(400)
    .refine(
      prices => prices.some(([, ...sold]) => sold.some(each => each !== null)),
      'must have a price: of what was never sold there is no product',
    )
    .meta({
      description:
        'From that day on, USD for a unit and hour: on demand, spot, committed for a year, for three years; null: it was not sold so',
    }),
})

const words = (most: number) =>
  z
    .string()
    .max(most)
    .regex(/^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/, 'must be of printable ASCII characters')

export const screenedPrice = z.strictObject({
  line: z.number().int().min(1).max(10_000_000).meta({ description: 'Of the file' }),
  product: words(120),
  region: words(80),
  pricing: z.enum(['on_demand', 'spot', 'commitment_1y', 'commitment_3y']),
  price: words(60).meta({ description: 'As the file has it' }),
  reason: words(200),
})

export const addCatalogueProducts = operation({
  context: 'partners',
  name: 'add-catalogue-products',
  method: 'POST',
  path: '/api/v1/partners/catalogues/{provider}/{import_id}/products',
  permission: 'partners:manage',
  summary: 'Add products to an import',
  weight: 5,
  idempotency: 'none',
  description: 'A piece of it, by its number: repeated, it takes the place of what it was.',
  request: {
    path: importPath,
    body: z.strictObject({
      batch: z.number().int().min(0).max(100_000),
      products: z.array(catalogueProduct).max(400),
      screened: z.array(screenedPrice).max(400),
    }),
  },
  responses: { 200: { description: 'The import', schema: partnerCatalogue } },
  rejections: ['not-found', 'catalogue-completed', 'idempotency-conflict'],
})

export const completeCatalogueImport = operation({
  context: 'partners',
  name: 'complete-catalogue-import',
  method: 'POST',
  path: '/api/v1/partners/catalogues/{provider}/{import_id}/completion',
  permission: 'partners:manage',
  summary: 'Complete an import: from then on its offers are the partner’s',
  idempotency: 'none',
  request: { path: importPath },
  responses: { 200: { description: 'The import', schema: partnerCatalogue } },
  rejections: ['not-found', 'catalogue-incomplete'],
})

export const listCatalogues = operation({
  context: 'partners',
  name: 'list-catalogues',
  method: 'GET',
  path: '/api/v1/partners/catalogues',
  permission: 'partners:read',
  summary: 'List the imports of a partner’s catalogue',
  request: { query: z.strictObject({ provider, ...pageQuery }) },
  responses: { 200: { description: 'Imports, the newest first', schema: pageOf(partnerCatalogue) } },
  rejections: ['invalid-cursor'],
})

export const listScreenedPrices = operation({
  context: 'partners',
  name: 'list-screened-prices',
  method: 'GET',
  path: '/api/v1/partners/catalogues/{provider}/{import_id}/screened',
  permission: 'partners:read',
  summary: 'List what an import has kept out of its prices, and why',
  request: { path: importPath, query: z.strictObject({ ...pageQuery }) },
  responses: { 200: { description: 'Prices that are none, in the order of the file', schema: pageOf(screenedPrice) } },
  rejections: ['invalid-cursor', 'not-found'],
})

export const catalogueOperations = [
  beginCatalogueImport,
  addCatalogueProducts,
  completeCatalogueImport,
  listCatalogues,
  listScreenedPrices,
] as const
