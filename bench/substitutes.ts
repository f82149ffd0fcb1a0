import {
  nearestSubstitutes,
  partsOf,
  type Substitute,
  type SubstituteProduct,
  type SubstituteQuery,
  substituteIndex,
} from '#domain/capacity/substitutes.ts'
import { cpuSecondsOf, type Spread, spreadOf } from './rounds.ts'

export interface SubstitutesBench {
  readonly sizes: readonly SizeBench[]
}

interface SizeBench {
  readonly products: number
  readonly queries: number
  readonly buildMillis: Spread
  readonly perCpuSecond: Spread
  readonly plainSortPerCpuSecond: Spread
  readonly ratio: Spread
}

const sizes = [20_000, 200_000]
const queriesOfRound = 40
/** The plain sort takes so much longer that it is asked less. */
const queriesOfSort = 4
const limit = 10
const regions = 40

/** The search beside a plain sort of all distances, interleaved; throws where they differ. */
export const benchSubstitutes = (options: {
  readonly rounds: number
  readonly progress: (line: string) => void
}): SubstitutesBench => ({
  sizes: sizes.map(count => {
    options.progress(`${count} products`)
    const products = catalogue(count)
    const queries = catalogue(queriesOfRound, 7).map(queryOf)
    const index = substituteIndex(products)
    for (const query of queries.slice(0, queriesOfSort)) {
      const ids = (found: readonly Substitute<SubstituteProduct>[]) =>
        found.map(({ product }) => product.productId).join()
      if (
        ids(nearestSubstitutes(index, query)) !==
        plainSort(products, query)
          .map(each => each.productId)
          .join()
      )
        throw new Error(`the search and a plain sort differ at ${count} products`)
    }
    const rounds = Array.from({ length: options.rounds }, () => ({
      build: cpuSecondsOf(() => void substituteIndex(products)),
      search: cpuSecondsOf(() => {
        for (const query of queries) nearestSubstitutes(index, query)
      }),
      sort: cpuSecondsOf(() => {
        for (const query of queries.slice(0, queriesOfSort)) plainSort(products, query)
      }),
    }))
    return {
      products: count,
      queries: queriesOfRound,
      buildMillis: spreadOf(rounds.map(({ build }) => 1000 * build)),
      perCpuSecond: spreadOf(rounds.map(({ search }) => queriesOfRound / search)),
      plainSortPerCpuSecond: spreadOf(rounds.map(({ sort }) => queriesOfSort / sort)),
      ratio: spreadOf(rounds.map(({ search, sort }) => queriesOfRound / search / (queriesOfSort / sort))),
    }
  }),
})

const plainSort = (products: readonly SubstituteProduct[], query: SubstituteQuery): readonly SubstituteProduct[] =>
  products
    .map((product, at) => {
      const parts = partsOf(product, query)
      const sum =
        parts.region_latency + parts.performance + parts.memory + parts.interconnect + parts.price + parts.reliability
      return { product, at, sum }
    })
    .sort((a, b) => a.sum - b.sum || a.at - b.at)
    .slice(0, limit)
    .map(({ product }) => product)

const queryOf = (target: SubstituteProduct): SubstituteQuery => ({
  target,
  weights: { performance: 2, memory: 1, interconnect: 1, region_latency: 1, price: 1, reliability: 0.5 },
  latencyMillisTo: region => 5 * Math.abs(Number(region.slice(1)) - Number(target.region.slice(1))),
  countsBetter: true,
  limit,
})

/** Products spread as those of catalogues are: over orders of magnitude. The same for the same seed. */
const catalogue = (count: number, seed = 1): readonly SubstituteProduct[] => {
  let state = seed
  const part = (): number => {
    state = (state * 48_271) % 2_147_483_647
    return state / 2_147_483_647
  }
  const between = (least: number, most: number): number => least * (most / least) ** part()
  return Array.from({ length: count }, (_, at) => ({
    productId: `p${at}`,
    region: `r${Math.floor(regions * part())}`,
    performanceTflops: between(1, 2_500),
    memoryGib: between(8, 288),
    interconnectGbytesPerSecond: between(12, 1_800),
    priceMicrosPerHour: Math.round(between(50_000, 20_000_000)),
    reliability: 1 - 10 ** -(1 + 4 * part()),
  }))
}
