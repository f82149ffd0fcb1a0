import { latencyMillisBetween, reliabilityOfPricing, traitsOfClass } from '#domain/capacity/resource-traits.ts'
import { nearestSubstitutes, substituteIndex } from '#domain/capacity/substitutes.ts'
import { decimalOfMicros, micros } from '#domain/units.ts'
import type { listSubstitutes } from '#protocol/operations/capacity-forecasts.ts'
import type { Handle } from '../shell/http.ts'
import { type ComparedProduct, comparedProducts } from './substitute-products.ts'

const defaultLimit = 10

export const handle: Handle<typeof listSubstitutes> = async ({ query, principal }) => {
  const { resource_class: resourceClass, region } = query
  const traits = traitsOfClass(resourceClass)
  if (traits === undefined) return { code: 'unknown-resource', detail: `Nobody has said what ${resourceClass} can do.` }
  const { products, notComparable } = await comparedProducts(principal.account, Date.now())
  const priceMicros =
    query.price === undefined ? usualPriceMicros(products, resourceClass, region) : micros(query.price)
  if (priceMicros === undefined)
    return {
      code: 'unknown-resource',
      detail: `Nothing says what ${resourceClass} costs.`,
      errors: [{ pointer: '#/price', detail: 'is needed where nobody offers it' }],
    }
  const found = nearestSubstitutes(substituteIndex(products), {
    target: {
      ...traits,
      priceMicrosPerHour: priceMicros,
      reliability: query.reliability === undefined ? reliabilityOfPricing.on_demand : Number(query.reliability),
    },
    weights: {
      performance: Number(query.weight_performance ?? 1),
      memory: Number(query.weight_memory ?? 1),
      interconnect: Number(query.weight_interconnect ?? 1),
      region_latency: Number(query.weight_region_latency ?? 1),
      price: Number(query.weight_price ?? 1),
      reliability: Number(query.weight_reliability ?? 1),
    },
    latencyMillisTo: to => latencyMillisBetween(region, to),
    countsBetter: query.differences !== 'worse',
    limit: query.limit ?? defaultLimit,
  })
  return {
    status: 200,
    body: {
      resource_class: resourceClass,
      region,
      price: decimalOfMicros(Math.round(priceMicros)),
      searched: products.length,
      not_comparable: notComparable,
      data: found.map(({ product, distance, parts, latencyMillis }) => ({
        product_id: product.productId,
        provider: product.provider,
        resource_class: product.resourceClass,
        region: product.region,
        pricing: product.pricing,
        distance: rounded(distance),
        parts: {
          performance: rounded(parts.performance),
          memory: rounded(parts.memory),
          interconnect: rounded(parts.interconnect),
          region_latency: rounded(parts.region_latency),
          price: rounded(parts.price),
          reliability: rounded(parts.reliability),
        },
        performance_tflops: product.performanceTflops,
        memory_gib: product.memoryGib,
        interconnect_gbytes_per_s: product.interconnectGbytesPerSecond,
        region_latency_ms: latencyMillis,
        price: decimalOfMicros(Math.round(product.priceMicrosPerHour)),
        reliability: product.reliability,
      })),
    },
  }
}

const rounded = (value: number): number => Math.round(value * 1e6) / 1e6

/** What it costs where it is asked for, else anywhere: as traded here, else the median on demand, else of all. */
const usualPriceMicros = (
  products: readonly ComparedProduct[],
  resourceClass: string,
  region: string,
): number | undefined => {
  const same = products.filter(product => product.resourceClass === resourceClass)
  const here = same.filter(product => product.region === region)
  const prices = (of: readonly ComparedProduct[], pricing?: string): readonly number[] =>
    of.filter(each => pricing === undefined || each.pricing === pricing).map(each => each.priceMicrosPerHour)
  for (const some of [prices(here, 'market'), prices(here, 'on_demand'), prices(same, 'on_demand'), prices(same)])
    if (some.length > 0) return some.toSorted((a, b) => a - b)[some.length >> 1]
  return undefined
}
