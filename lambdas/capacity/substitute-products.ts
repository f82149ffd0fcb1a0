import { lastFixing } from '#adapters/tables/fixings.ts'
import { allParameters } from '#adapters/tables/parameters.ts'
import { getCatalogueInForce } from '#adapters/tables/partner-catalogues.ts'
import { contractsFor } from '#adapters/tables/partner-contracts.ts'
import { type ProductRow, productsIn, productsInPieces } from '#adapters/tables/partner-offers.ts'
import { knownRegions, reliabilityOfPricing, traitsOfClass } from '#domain/capacity/resource-traits.ts'
import type { SubstituteProduct } from '#domain/capacity/substitutes.ts'
import { type Pricing, providers, type ResourceVector } from '#domain/partners/catalogue.ts'
import { listPricings, priceInForce } from '#domain/partners/price-history.ts'
import { currentLevel } from '../shell/index-level.ts'

export interface ComparedProduct extends SubstituteProduct {
  readonly provider: string
  readonly resourceClass: string
  readonly pricing: Pricing | 'market'
}

export interface ComparedProducts {
  readonly products: readonly ComparedProduct[]
  /** Of classes that nobody has said the traits of. */
  readonly notComparable: number
}

interface Sold {
  readonly productId: string
  readonly provider: string
  readonly resourceClass: string
  readonly region: string
  readonly pricing: ComparedProduct['pricing']
  /** Of a whole unit. */
  readonly priceMicros: number
  readonly vector: ResourceVector
}

/** Everything that an account could have: catalogues in force, contracts, and what trades here. */
export const comparedProducts = async (account: string, nowMillis: number): Promise<ComparedProducts> => {
  const [listed, contracts, markets] = await Promise.all([
    cataloguesInForce(nowMillis),
    contractsFor(account, knownRegions),
    marketProducts(nowMillis),
  ])
  const open = contracts.filter(row => row.acceptUntilMillis > nowMillis && row.untilMillis > nowMillis)
  const sold: readonly Sold[] = [
    ...listed,
    ...open.map(
      (row): Sold => ({
        productId: `contract:${row.contractId}`,
        provider: row.provider,
        resourceClass: row.resourceClass,
        region: row.region,
        pricing: 'contract',
        priceMicros: row.priceMicrosPerUnitHour,
        vector: row.vector,
      }),
    ),
    ...markets,
  ]
  const products = sold.flatMap(comparable)
  return { products, notComparable: sold.length - products.length }
}

/** Per accelerator, or per virtual processor where there is none. */
const comparable = (sold: Sold): readonly ComparedProduct[] => {
  const { vector, priceMicros, ...rest } = sold
  const traits = traitsOfClass(vector.gpus > 0 ? sold.resourceClass : 'VCPU')
  const parts = vector.gpus > 0 ? vector.gpus : vector.vcpus
  if (traits === undefined || parts <= 0) return []
  return [
    {
      ...rest,
      ...traits,
      memoryGib: vector.gpus > 0 || vector.memoryGib === 0 ? traits.memoryGib : vector.memoryGib / parts,
      priceMicrosPerHour: priceMicros / parts,
      reliability: reliabilityOfPricing[sold.pricing],
    },
  ]
}

/** What trades here in one unit of what a name such as H100.USE says. */
const marketProducts = async (nowMillis: number): Promise<readonly Sold[]> => {
  const names = [...new Set((await allParameters('index')).map(({ name }) => name))]
  const levels = await Promise.all(
    names.map(async name => ({
      name,
      level: (await currentLevel(name, nowMillis))?.level ?? (await lastFixing(name, nowMillis))?.level,
    })),
  )
  return levels.flatMap(({ name, level }): readonly Sold[] => {
    const dot = name.lastIndexOf('.')
    const resourceClass = name.slice(0, dot)
    if (dot <= 0 || level === undefined || traitsOfClass(resourceClass) === undefined) return []
    const isProcessor = traitsOfClass(resourceClass) === traitsOfClass('VCPU')
    return [
      {
        productId: `market:${name}`,
        provider: 'market',
        resourceClass,
        region: name.slice(dot + 1),
        pricing: 'market',
        priceMicros: Math.round(Number(level) * 1_000_000),
        vector: { gpus: isProcessor ? 0 : 1, vcpus: isProcessor ? 1 : 0, memoryGib: 0, storageTib: 0 },
      },
    ]
  })
}

/** Of this process. An import never changes once it is in force, but prices of it may begin to hold. */
const remembered = new Map<string, { readonly day: number; readonly sold: readonly Sold[] }>()
const readsAtOnce = 16

const cataloguesInForce = async (nowMillis: number): Promise<readonly Sold[]> => {
  const day = Math.floor(nowMillis / 86_400_000)
  const all = await Promise.all(
    providers.map(async provider => {
      const inForce = await getCatalogueInForce(provider)
      if (inForce === undefined) {
        remembered.delete(provider)
        return []
      }
      const key = `${provider} ${inForce.importId}`
      const known = remembered.get(key)
      if (known?.day === day) return known.sold
      const sold = await productsOf(provider, inForce.importId, nowMillis)
      for (const other of remembered.keys()) if (other.startsWith(`${provider} `)) remembered.delete(other)
      remembered.set(key, { day, sold })
      return sold
    }),
  )
  return all.flat()
}

const productsOf = async (provider: string, importId: string, nowMillis: number): Promise<readonly Sold[]> => {
  const known = new Set(knownRegions)
  const rows = (await productsInPieces(importId)) ?? (await productsByRegion(importId))
  const found: Sold[] = []
  for (const { region, product, resourceClass, vector, history } of rows)
    for (const pricing of known.has(region) ? listPricings : []) {
      const price = priceInForce(history, pricing, nowMillis)
      if (price === undefined) continue
      const productId = `${provider}:${region}:${product}:${pricing}`
      found.push({ productId, provider, resourceClass, region, pricing, priceMicros: price.micros, vector })
    }
  return found.sort((a, b) => (a.productId < b.productId ? -1 : 1))
}

/** Of a catalogue of which nothing but its rows was kept. */
const productsByRegion = async (importId: string): Promise<readonly ProductRow[]> => {
  const rest = [...knownRegions]
  const found: ProductRow[] = []
  const work = async (): Promise<void> => {
    for (let region = rest.shift(); region !== undefined; region = rest.shift())
      found.push(...(await productsIn(importId, region)))
  }
  await Promise.all(Array.from({ length: readsAtOnce }, work))
  return found
}
