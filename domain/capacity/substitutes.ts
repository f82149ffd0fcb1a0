/** What a resource is compared by, per accelerator, or per virtual processor where it has none. */
export const substituteAspects = [
  'performance',
  'memory',
  'interconnect',
  'region_latency',
  'price',
  'reliability',
] as const
export type SubstituteAspect = (typeof substituteAspects)[number]

export interface ResourceTraits {
  /** Dense 16-bit floating point, 10^12 operations a second. */
  readonly performanceTflops: number
  readonly memoryGib: number
  /** Between the accelerators of a machine, or of the machine's network where it has none; 10^9 bytes a second. */
  readonly interconnectGbytesPerSecond: number
  readonly priceMicrosPerHour: number
  /** Part of the time that it can be had and kept, from 0 to below 1. */
  readonly reliability: number
}

export interface SubstituteProduct extends ResourceTraits {
  readonly productId: string
  readonly region: string
}

export type AspectWeights = Readonly<Record<SubstituteAspect, number>>

/** Products in columns side by side: five coordinates each, and the number of its region. */
export interface SubstituteIndex<Product extends SubstituteProduct> {
  readonly products: readonly Product[]
  readonly coordinates: Float64Array
  readonly regionNumbers: Uint16Array
  readonly regions: readonly string[]
}

/** One step is twice as much, a tenth of the failures, or as many milliseconds. */
export const latencyStepMillis = 50

const columns = 5
const coordinatesOf = (traits: ResourceTraits): readonly [number, number, number, number, number] => [
  doublings(traits.performanceTflops),
  doublings(traits.memoryGib),
  doublings(traits.interconnectGbytesPerSecond),
  doublings(traits.priceMicrosPerHour),
  -Math.log10(1 - Math.min(Math.max(traits.reliability, 0), highestReliability)),
]

const highestReliability = 1 - 1e-9
/** Nothing has fewer doublings than this: none at all is far from anything, and not infinitely. */
const leastQuantity = 2 ** -20
const doublings = (quantity: number): number => Math.log2(Math.max(quantity, leastQuantity))

export const mostRegions = 65_535

/** Throws a RangeError above `mostRegions` regions. */
export const substituteIndex = <Product extends SubstituteProduct>(
  products: readonly Product[],
): SubstituteIndex<Product> => {
  const numbers = new Map<string, number>()
  const coordinates = new Float64Array(columns * products.length)
  const regionNumbers = new Uint16Array(products.length)
  for (const [at, product] of products.entries()) {
    coordinates.set(coordinatesOf(product), columns * at)
    const number = numbers.get(product.region) ?? numbers.size
    if (number >= mostRegions) throw new RangeError(`more than ${mostRegions} regions`)
    numbers.set(product.region, number)
    regionNumbers[at] = number
  }
  return { products, coordinates, regionNumbers, regions: [...numbers.keys()] }
}

export interface SubstituteQuery {
  readonly target: ResourceTraits
  /** Of each aspect's squared difference; not negative. */
  readonly weights: AspectWeights
  /** From where it is needed to each region, milliseconds. */
  readonly latencyMillisTo: (region: string) => number
  /** What is better than the target in an aspect counts as equal to it, unless differences both ways are asked for. */
  readonly countsBetter: boolean
  readonly limit: number
}

export interface Substitute<Product extends SubstituteProduct> {
  readonly product: Product
  readonly latencyMillis: number
  /** Square root of the weighted sum of squared steps. */
  readonly distance: number
  /** The part of the squared distance that each aspect makes. */
  readonly parts: AspectWeights
}

/**
 * The nearest products, exactly: each of them is looked at, until its distance exceeds that of the last that would be
 * taken. Of products at the same distance the one that stands first in the index.
 */
export const nearestSubstitutes = <Product extends SubstituteProduct>(
  index: SubstituteIndex<Product>,
  query: SubstituteQuery,
): readonly Substitute<Product>[] => {
  const { coordinates, regionNumbers } = index
  const most = Math.min(query.limit, index.products.length)
  if (most <= 0) return []
  const { weights } = query
  const [performance, memory, interconnect, price, reliability] = coordinatesOf(query.target)
  const byRegion = regionParts(index, query)
  const best = new NearestHeap(most)
  const { countsBetter } = query
  for (let at = 0, row = 0; at < regionNumbers.length; at += 1, row += columns) {
    // The sum is made in one order everywhere, so that ties are ties.
    let sum = byRegion[regionNumbers[at] ?? 0] ?? 0
    if (sum > best.bound) continue
    const over = (coordinates[row] ?? 0) - performance
    if (countsBetter || over < 0) sum += weights.performance * over * over
    const memoryOver = (coordinates[row + 1] ?? 0) - memory
    if (countsBetter || memoryOver < 0) sum += weights.memory * memoryOver * memoryOver
    if (sum > best.bound) continue
    const interconnectOver = (coordinates[row + 2] ?? 0) - interconnect
    if (countsBetter || interconnectOver < 0) sum += weights.interconnect * interconnectOver * interconnectOver
    const priceOver = (coordinates[row + 3] ?? 0) - price
    if (countsBetter || priceOver > 0) sum += weights.price * priceOver * priceOver
    if (sum > best.bound) continue
    const reliabilityOver = (coordinates[row + 4] ?? 0) - reliability
    if (countsBetter || reliabilityOver < 0) sum += weights.reliability * reliabilityOver * reliabilityOver
    best.offer(sum, at)
  }
  return best.sorted().map(({ at, sum }) => substituteOf(index, query, at, sum))
}

const regionParts = (index: SubstituteIndex<SubstituteProduct>, query: SubstituteQuery): Float64Array =>
  Float64Array.from(index.regions, region => {
    const steps = query.latencyMillisTo(region) / latencyStepMillis
    return query.weights.region_latency * steps * steps
  })

/** The least sums seen, the greatest of them on top; of equal ones those that came first. */
class NearestHeap {
  /** What exceeds it is not taken. */
  bound = Number.POSITIVE_INFINITY
  private readonly sums: Float64Array
  private readonly places: Uint32Array
  private size = 0

  constructor(most: number) {
    this.sums = new Float64Array(most)
    this.places = new Uint32Array(most)
  }

  offer(sum: number, at: number): void {
    const { sums, places } = this
    if (this.size < sums.length) {
      let child = this.size
      this.size += 1
      while (child > 0) {
        const parent = (child - 1) >> 1
        if (!isFarther(sum, at, sums[parent] ?? 0, places[parent] ?? 0)) break
        this.move(parent, child)
        child = parent
      }
      sums[child] = sum
      places[child] = at
    } else if (isFarther(sums[0] ?? 0, places[0] ?? 0, sum, at)) {
      this.replaceFarthest(sum, at)
    }
    if (this.size === sums.length) this.bound = sums[0] ?? 0
  }

  sorted(): readonly { readonly at: number; readonly sum: number }[] {
    return Array.from(this.sums.subarray(0, this.size), (sum, place) => ({ sum, at: this.places[place] ?? 0 })).sort(
      (a, b) => a.sum - b.sum || a.at - b.at,
    )
  }

  private replaceFarthest(sum: number, at: number): void {
    const { sums, places, size } = this
    let parent = 0
    for (;;) {
      let child = 2 * parent + 1
      if (child >= size) break
      const other = child + 1
      if (other < size && isFarther(sums[other] ?? 0, places[other] ?? 0, sums[child] ?? 0, places[child] ?? 0))
        child = other
      if (!isFarther(sums[child] ?? 0, places[child] ?? 0, sum, at)) break
      this.move(child, parent)
      parent = child
    }
    sums[parent] = sum
    places[parent] = at
  }

  private move(from: number, to: number): void {
    this.sums[to] = this.sums[from] ?? 0
    this.places[to] = this.places[from] ?? 0
  }
}

const isFarther = (sum: number, at: number, otherSum: number, otherAt: number): boolean =>
  sum > otherSum || (sum === otherSum && at > otherAt)

const substituteOf = <Product extends SubstituteProduct>(
  index: SubstituteIndex<Product>,
  query: SubstituteQuery,
  at: number,
  sum: number,
): Substitute<Product> => {
  const product = index.products[at]
  if (product === undefined) throw new RangeError(`the index has no product ${at}`)
  return {
    product,
    latencyMillis: query.latencyMillisTo(product.region),
    distance: Math.sqrt(sum),
    parts: partsOf(product, query),
  }
}

/** What each aspect adds to the squared distance of one product: the definition that the search is held to. */
export const partsOf = (product: SubstituteProduct, query: SubstituteQuery): AspectWeights => {
  const { weights, countsBetter } = query
  const [performance, memory, interconnect, price, reliability] = coordinatesOf(product)
  const target = coordinatesOf(query.target)
  /** `better` is 1 where more is better, -1 where less is. */
  const part = (weight: number, over: number, better: 1 | -1): number =>
    countsBetter || over * better < 0 ? weight * over * over : 0
  const steps = query.latencyMillisTo(product.region) / latencyStepMillis
  return {
    region_latency: weights.region_latency * steps * steps,
    performance: part(weights.performance, performance - target[0], 1),
    memory: part(weights.memory, memory - target[1], 1),
    interconnect: part(weights.interconnect, interconnect - target[2], 1),
    price: part(weights.price, price - target[3], -1),
    reliability: part(weights.reliability, reliability - target[4], 1),
  }
}
