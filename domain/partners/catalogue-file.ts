import type { Provider, ResourceVector } from './catalogue.ts'
import { gcpMachine } from './gcp-machines.ts'
import type { DatedPrices, ListPricing } from './price-history.ts'
import { listPricings } from './price-history.ts'

/** A file of more rows is refused: no provider has so many, and whoever writes one has written something else. */
export const mostRows = 250_000

/** A row of a file as text, with the number of its line; the header is line 1. */
export interface FileRow {
  readonly line: number
  readonly cells: readonly string[]
}

/** Why a file is refused as a whole. */
export interface FileProblem {
  readonly line: number
  readonly problem: string
}

/** One price as a file has it. */
export interface ListedPrice {
  readonly line: number
  readonly product: string
  readonly resourceClass: string
  readonly region: string
  readonly vector: ResourceVector
  readonly dayMillis: number
  readonly pricing: ListPricing
  readonly text: string
  readonly micros: number
}

/** Where a provider's file has what; `hours`: by how many its price is to be divided. */
interface Format {
  readonly header: readonly string[]
  /** Undefined: the day of the import. */
  readonly day?: string
  readonly region: string
  readonly prices: Readonly<Partial<Record<ListPricing, { readonly column: string; readonly hours: number }>>>
  product(cell: (column: string) => string): string
  /** Or what is wrong with it. */
  unit(cell: (column: string) => string): { readonly resourceClass: string; readonly vector: ResourceVector } | string
}

/** In which GCP tells what a month of a machine costs. */
const monthHours = 730

const columnsOf = (columns: {
  readonly day: string
  readonly product: string
  readonly region: string
  readonly gpu: string
  readonly gpus: string
  readonly vcpus: string
  readonly memoryGib: string
  readonly storageTib: string
  readonly onDemand: string
  readonly spot: string
  readonly oneYear: string
  readonly threeYears: string
}): Format => ({
  header: Object.values(columns),
  day: columns.day,
  region: columns.region,
  prices: {
    on_demand: { column: columns.onDemand, hours: 1 },
    spot: { column: columns.spot, hours: 1 },
    commitment_1y: { column: columns.oneYear, hours: 1 },
    commitment_3y: { column: columns.threeYears, hours: 1 },
  },
  product: cell => cell(columns.product),
  unit: cell => measuredUnit(cell, columns),
})

/** Prices are of an hour unless told; every provider's own words. */
export const formats: Readonly<Record<Provider, Format>> = {
  gcp: {
    header: [
      'effective_date',
      'machine_type',
      'region',
      'hour_ondemand_usd',
      'hour_spot_usd',
      'month_usd',
      'month_1y_commit_usd',
      'month_3y_commit_usd',
    ],
    day: 'effective_date',
    region: 'region',
    prices: {
      on_demand: { column: 'hour_ondemand_usd', hours: 1 },
      spot: { column: 'hour_spot_usd', hours: 1 },
      commitment_1y: { column: 'month_1y_commit_usd', hours: monthHours },
      commitment_3y: { column: 'month_3y_commit_usd', hours: monthHours },
    },
    product: cell => cell('machine_type'),
    unit: cell =>
      gcpMachine(cell('machine_type')) ?? `${quoted(cell('machine_type'))} is no machine type that is known`,
  },
  generic: {
    header: ['provider', 'instance', 'gpu', 'gpus', 'vcpus', 'mem_gib', 'region', 'zone', 'price_hour', 'spot_hour'],
    region: 'region',
    prices: {
      on_demand: { column: 'price_hour', hours: 1 },
      spot: { column: 'spot_hour', hours: 1 },
    },
    // One name may stand for units with one and with eight GPUs.
    product: cell =>
      [cell('provider'), cell('instance'), cell('zone'), `x${cell('gpus')}`].filter(part => part !== '-').join('-'),
    unit: cell =>
      measuredUnit(cell, { gpu: 'gpu', gpus: 'gpus', vcpus: 'vcpus', memoryGib: 'mem_gib', storageTib: undefined }),
  },
  aws: columnsOf({
    day: 'EffectiveDate',
    product: 'Instance Type',
    region: 'Region Code',
    gpu: 'GPU Model',
    gpus: 'GPU',
    vcpus: 'vCPU',
    memoryGib: 'Memory GiB',
    storageTib: 'Storage TiB',
    onDemand: 'OnDemand',
    spot: 'Spot',
    oneYear: 'Reserved 1yr',
    threeYears: 'Reserved 3yr',
  }),
  azure: columnsOf({
    day: 'effectiveStartDate',
    product: 'armSkuName',
    region: 'armRegionName',
    gpu: 'gpuName',
    gpus: 'gpus',
    vcpus: 'vCPUs',
    memoryGib: 'memoryGiB',
    storageTib: 'storageTiB',
    onDemand: 'retailPrice',
    spot: 'spotPrice',
    oneYear: 'reservation1Year',
    threeYears: 'reservation3Years',
  }),
  rackspace: columnsOf({
    day: 'effective_date',
    product: 'flavor',
    region: 'region',
    gpu: 'gpu',
    gpus: 'gpus',
    vcpus: 'vcpus',
    memoryGib: 'ram_gib',
    storageTib: 'disk_tib',
    onDemand: 'hourly_usd',
    spot: 'spot_usd',
    oneYear: 'committed_1y_usd',
    threeYears: 'committed_3y_usd',
  }),
}

const amountPattern = /^(?:0|[1-9][0-9]{0,5})(?:\.[0-9]{1,4})?$/

const measuredUnit = (
  cell: (column: string) => string,
  columns: {
    readonly gpu: string
    readonly gpus: string
    readonly vcpus: string
    readonly memoryGib: string
    readonly storageTib: string | undefined
  },
): { readonly resourceClass: string; readonly vector: ResourceVector } | string => {
  for (const column of [columns.gpus, columns.vcpus, columns.memoryGib, columns.storageTib])
    if (column !== undefined && cell(column) !== '' && !amountPattern.test(cell(column)))
      return `${column} ${quoted(cell(column))} is no amount`
  const amount = (column: string | undefined): number => (column === undefined ? 0 : Number(cell(column)))
  const vector = {
    gpus: amount(columns.gpus),
    vcpus: amount(columns.vcpus),
    memoryGib: amount(columns.memoryGib),
    storageTib: amount(columns.storageTib),
  }
  const resourceClass = vector.gpus === 0 ? 'CPU' : cell(columns.gpu).toUpperCase().replaceAll(' ', '-')
  if (!/^[A-Z0-9][A-Z0-9._-]{0,39}$/.test(resourceClass))
    return `${columns.gpu} ${quoted(cell(columns.gpu))} names no GPU`
  if (vector.gpus + vector.vcpus + vector.memoryGib === 0) return 'has no resources'
  return { resourceClass, vector }
}

const quoted = (text: string): string => JSON.stringify(text.slice(0, 40))

/** What is wrong with a header; undefined where it is the provider's. */
export const headerProblem = (provider: Provider, header: readonly string[]): FileProblem | undefined => {
  const { header: expected } = formats[provider]
  const cleaned = header.map(each => each.trim())
  if (cleaned.length === expected.length && cleaned.every((each, at) => each === expected[at])) return undefined
  const missing = expected.filter(each => !cleaned.includes(each))
  const strange = cleaned.filter(each => !expected.includes(each))
  const told = [
    ...(missing.length > 0 ? [`it lacks ${missing.join(', ')}`] : []),
    ...(strange.length > 0 ? [`nobody knows ${strange.slice(0, 12).map(quoted).join(', ')}`] : []),
    ...(missing.length + strange.length === 0 ? ['its columns are in another order'] : []),
  ]
  return {
    line: 1,
    problem: `this is no catalogue of ${provider}: ${told.join('; ')}. Expected: ${expected.join(',')}`,
  }
}

/** The prices of a row, or what is wrong with it. An empty cell is a price that there is none of. */
export const pricesOfRow = (
  provider: Provider,
  { line, cells }: FileRow,
  importDayMillis: number,
): readonly ListedPrice[] | FileProblem => {
  const format = formats[provider]
  const wrong = (problem: string): FileProblem => ({ line, problem })
  if (cells.length !== format.header.length)
    return wrong(`has ${cells.length} cells, where the header has ${format.header.length}`)
  const cell = (column: string): string => (cells[format.header.indexOf(column)] ?? '').trim()
  const product = productName(format.product(cell))
  if (product === '') return wrong('names no product')
  const region = cell(format.region)
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$/.test(region)) return wrong(`region ${quoted(region)} is none`)
  const day = format.day === undefined ? importDayMillis : dayOf(cell(format.day))
  if (day === undefined) return wrong(`${format.day} ${quoted(cell(format.day ?? ''))} is no date such as 2026-11-27`)
  const unit = format.unit(cell)
  if (typeof unit === 'string') return wrong(unit)
  const prices: ListedPrice[] = []
  for (const pricing of listPricings) {
    const place = format.prices[pricing]
    const text = place === undefined ? '' : cell(place.column)
    if (place === undefined || text === '') continue
    const micros = microsOfPrice(text, place.hours)
    if (micros === undefined) return wrong(`${place.column} ${quoted(text)} is no price`)
    prices.push({ line, product, region, ...unit, dayMillis: day, pricing, text, micros })
  }
  return prices
}

/** In letters, digits and . _ -, so that it can be a part of an offer's id. */
const productName = (text: string): string =>
  text
    .normalize('NFKD')
    .replace(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, 80)

const dayOf = (text: string): number | undefined => {
  const date = /^[0-9]{4}-[0-9]{2}-[0-9]{2}$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN
  if (Number.isNaN(date)) return undefined
  // 30 February is a date to Date.parse in no engine of ours, but to none in others.
  return new Date(date).toISOString().startsWith(text) ? date : undefined
}

const scaleDigits = 15
const microDigits = 6

/** USD as text, divided by hours, to the nearest micro, half up; undefined where it is no plain decimal. */
export const microsOfPrice = (text: string, hours: number): number | undefined => {
  const [, whole = '', fraction = ''] = /^([0-9]{1,9})(?:\.([0-9]{1,30}))?$/.exec(text) ?? []
  if (whole === '') return undefined
  const scaled = BigInt(whole + fraction.slice(0, scaleDigits).padEnd(scaleDigits, '0'))
  const divisor = BigInt(hours) * 10n ** BigInt(scaleDigits - microDigits)
  return Number((scaled * 2n + divisor) / (divisor * 2n))
}

/** A price that was kept out of all others, and why. */
export interface ScreenedPrice extends ListedPrice {
  readonly reason: string
}

/** What a catalogue comes to. */
export interface Catalogue {
  readonly products: readonly CatalogueProduct[]
  readonly screened: readonly ScreenedPrice[]
}

export interface CatalogueProduct {
  readonly product: string
  readonly resourceClass: string
  readonly region: string
  readonly vector: ResourceVector
  /** How many rows of the file have a price of it that was kept. */
  readonly rows: number
  readonly history: readonly DatedPrices[]
}

/** How many times a price may be above or below the median of its peers. List prices differ by region, spot also by time. */
const mostTimes: Readonly<Record<ListPricing, number>> = {
  on_demand: 2,
  commitment_1y: 2.5,
  commitment_3y: 2.5,
  spot: 5,
}
/** Beside other products of a class, by GPU, they differ more. */
const mostTimesOfClass = 4
const fewestPeers = 5
const mostMicros = 10_000_000_000

/**
 * Keeps out what is no price: nothing, more than 10,000 USD, far from the median of what the same product costs elsewhere and at other
 * times (of fewer than five such prices: what others of its class cost for each GPU, or each vCPU), a second one for the same day,
 * spot above on demand; and where the price on demand is one of these, the row's others with it: then its machine is another one than it says.
 */
export const screenPrices = (prices: readonly ListedPrice[]): Catalogue => {
  const ofProduct = medians(
    prices,
    ({ product, pricing }) => `${product} ${pricing}`,
    ({ micros }) => micros,
  )
  const ofClass = medians(prices, ({ resourceClass, pricing }) => `${resourceClass} ${pricing}`, perPart)
  const reasons = new Map<ListedPrice, string>()
  for (const price of prices) {
    const reason = outlierReason(price, ofProduct, ofClass)
    if (reason !== undefined) reasons.set(price, reason)
  }
  for (const row of Map.groupBy(prices, ({ line }) => line).values()) {
    const onDemand = row.find(({ pricing }) => pricing === 'on_demand')
    if (onDemand === undefined) continue
    for (const price of row)
      if (!reasons.has(price) && reasons.has(onDemand)) reasons.set(price, 'comes with a price on demand that is none')
      else if (!reasons.has(price) && price.pricing === 'spot' && price.micros > onDemand.micros)
        reasons.set(price, `is above the price on demand, ${onDemand.text}`)
  }
  const seen = new Set<string>()
  for (const price of prices) {
    const key = `${price.product} ${price.region} ${price.dayMillis} ${price.pricing}`
    if (!reasons.has(price) && seen.has(key)) reasons.set(price, 'is a second price for the same day')
    if (!reasons.has(price)) seen.add(key)
  }
  const kept = prices.filter(price => !reasons.has(price))
  return {
    products: productsOf(kept),
    screened: prices.flatMap(price => {
      const reason = reasons.get(price)
      return reason === undefined ? [] : [{ ...price, reason }]
    }),
  }
}

interface Peers {
  readonly count: number
  readonly median: number
}

const medians = (
  prices: readonly ListedPrice[],
  keyOf: (price: ListedPrice) => string,
  sizeOf: (price: ListedPrice) => number,
): ((price: ListedPrice) => Peers) => {
  const groups = new Map(
    [
      ...Map.groupBy(
        prices.filter(({ micros }) => micros > 0),
        keyOf,
      ),
    ].map(([key, group]) => {
      const values = Float64Array.from(group, sizeOf).sort()
      return [key, { count: values.length, median: values[values.length >> 1] ?? 0 }]
    }),
  )
  return price => groups.get(keyOf(price)) ?? { count: 0, median: 0 }
}

const perPart = ({ micros, vector }: ListedPrice): number =>
  micros / (vector.gpus > 0 ? vector.gpus : vector.vcpus || 1)

const outlierReason = (
  price: ListedPrice,
  ofProduct: (price: ListedPrice) => Peers,
  ofClass: (price: ListedPrice) => Peers,
): string | undefined => {
  if (price.micros <= 0) return 'is no more than nothing'
  if (price.micros > mostMicros) return 'is more than 10000 USD for an hour'
  const own = ofProduct(price)
  if (own.count >= fewestPeers)
    return farFrom(price.micros, own.median, mostTimes[price.pricing], `others of ${price.product}`)
  const others = ofClass(price)
  return others.count >= fewestPeers
    ? farFrom(perPart(price), others.median, mostTimesOfClass, `others of ${price.resourceClass}, for each part`)
    : undefined
}

const farFrom = (value: number, median: number, times: number, peers: string): string | undefined => {
  if (value <= median * times && value * times >= median) return undefined
  const ratio = value > median ? value / median : median / value
  return `is ${ratio.toFixed(1)} times ${value > median ? 'above' : 'below'} the median of ${peers}, where ${times} are allowed`
}

const productsOf = (kept: readonly ListedPrice[]): readonly CatalogueProduct[] =>
  [...Map.groupBy(kept, ({ product, region }) => `${product} ${region}`).values()].flatMap(prices => {
    const [first] = prices
    if (first === undefined) return []
    const days = [...Map.groupBy(prices, ({ dayMillis }) => dayMillis)].sort(([one], [other]) => one - other)
    const of = (group: readonly ListedPrice[], pricing: ListPricing): number | null =>
      group.find(price => price.pricing === pricing)?.micros ?? null
    return [
      {
        product: first.product,
        resourceClass: first.resourceClass,
        region: first.region,
        vector: first.vector,
        rows: new Set(prices.map(({ line }) => line)).size,
        history: days.map(([fromMillis, group]) => ({
          fromMillis,
          micros: {
            on_demand: of(group, 'on_demand'),
            spot: of(group, 'spot'),
            commitment_1y: of(group, 'commitment_1y'),
            commitment_3y: of(group, 'commitment_3y'),
          },
        })),
      },
    ]
  })
