import type { CapacityRequest } from './capacity-request.ts'
import { type CapacitySource, placeOf, placesInUnit, unitCostMicros } from './capacity-source.ts'

/**
 * One way to serve a request: in one market (resource class and region) from one hour on. Its units come from the
 * market's sources in any mix, each of which keeps its units for the whole run.
 */
export interface PlanOption {
  readonly request: number
  /** Counted from the problem's first hour. */
  readonly start: number
  readonly hours: number
  readonly needed: number
  readonly budgetMicros: number
  /** What may serve it. */
  readonly entries: readonly OptionEntry[]
}

export interface OptionEntry {
  /** Position of the source. */
  readonly source: number
  /** Of the request, in one unit. */
  readonly places: number
  /** Units that it has through all hours of the run; no more than are needed. */
  readonly most: number
  readonly minimum: number
  /** Of one unit through the run. */
  readonly costMicros: number
}

export interface PlanningProblem {
  readonly requests: readonly CapacityRequest[]
  readonly sources: readonly CapacitySource[]
  readonly firstHour: number
  readonly hours: number
  /** By source, then hour: what there is. */
  readonly capacity: readonly Float64Array[]
  readonly options: readonly PlanOption[]
  /** By option, in USD: no mix of its sources costs less. */
  readonly leastCost: Float64Array
  /** By request: positions of its options, those that could cost least first, of these the earliest start. */
  readonly optionsOf: readonly (readonly number[])[]
  /** By request, in USD: what serving it counts for. More than it may cost. */
  readonly worth: Float64Array
}

/** A request is tried at so many starts, evenly over those that it allows, the first and the last among them. */
const mostStarts = 64
/** A unit-hour of the next priority counts for so much more. */
const priorityFactor = 5
const mostPlansCounted = 10

/**
 * States what a plan decides. `nowHour`: nothing begins before it. Requests and sources are put in an order of their own,
 * so that the order in which they came decides nothing.
 */
export const planningProblem = (
  given: readonly CapacityRequest[],
  offered: readonly CapacitySource[],
  nowHour: number,
): PlanningProblem => {
  const requests = given.toSorted((a, b) => compare(a.allocationId, b.allocationId))
  const sources = offered
    .filter(source => source.units.some(units => units > 0))
    .toSorted((a, b) => a.priceMicrosPerUnitHour - b.priceMicrosPerUnitHour || compare(a.sourceId, b.sourceId))
  const firstHour = Math.max(nowHour, Math.min(...requests.map(each => each.earliestHour)))
  const hours = Math.max(1, ...requests.map(each => each.latestHour + each.durationHours - firstHour))
  const capacity = sources.map(source => {
    const units = new Float64Array(hours)
    for (let hour = 0; hour < hours; hour++) units[hour] = source.units[firstHour + hour - source.firstHour] ?? 0
    return units
  })
  const markets = marketsOf(sources)
  const options: PlanOption[] = []
  const optionsOf: number[][] = []
  for (const [position, request] of requests.entries()) {
    const own: number[] = []
    optionsOf.push(own)
    for (const start of startsOf(request, firstHour))
      for (const market of markets) {
        const option = optionIn(market, request, position, start, sources, capacity)
        if (option === undefined) continue
        own.push(options.length)
        options.push(option)
      }
  }
  const leastCost = Float64Array.from(options, option => leastCostMicros(option) / 1_000_000)
  return {
    requests,
    sources,
    firstHour,
    hours,
    capacity,
    options,
    leastCost,
    optionsOf: optionsOf.map(own => own.toSorted((a, b) => (leastCost[a] ?? 0) - (leastCost[b] ?? 0) || a - b)),
    worth: worthOf(requests, markets, sources),
  }
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

interface Market {
  readonly region: string
  readonly sources: readonly number[]
}

const marketsOf = (sources: readonly CapacitySource[]): readonly Market[] => {
  const markets = new Map<string, { region: string; sources: number[] }>()
  for (const [position, source] of sources.entries()) {
    const key = placeOf(source)
    const market = markets.get(key) ?? { region: source.region, sources: [] }
    market.sources.push(position)
    markets.set(key, market)
  }
  return [...markets].toSorted(([a], [b]) => compare(a, b)).map(([, market]) => market)
}

const startsOf = ({ earliestHour, latestHour }: CapacityRequest, firstHour: number): readonly number[] => {
  const first = Math.max(earliestHour, firstHour) - firstHour
  const last = latestHour - firstHour
  if (last < first) return []
  const count = last - first + 1
  if (count <= mostStarts) return Array.from({ length: count }, (_, index) => first + index)
  return Array.from({ length: mostStarts }, (_, index) => first + Math.round((index * (count - 1)) / (mostStarts - 1)))
}

/** Whether a source may serve a request at all, whenever. */
export const serves = (source: CapacitySource, request: CapacityRequest): boolean =>
  (source.accounts === undefined || source.accounts.includes(request.account)) &&
  request.avoidedSources?.includes(source.sourceId) !== true &&
  (request.isPreemptible || !source.isPreemptible)

const optionIn = (
  market: Market,
  request: CapacityRequest,
  position: number,
  start: number,
  sources: readonly CapacitySource[],
  capacity: readonly Float64Array[],
): PlanOption | undefined => {
  if (!request.regions.includes(market.region)) return undefined
  const { durationHours: hours, need, budgetMicros } = request
  const entries: OptionEntry[] = []
  let there = 0
  for (const index of market.sources) {
    const source = sources[index]
    if (source === undefined || !serves(source, request)) continue
    const places = placesInUnit(need, source)
    if (places === 0) continue
    const most = Math.min(Math.ceil(need.places / places), leastOver(capacity[index], start, hours))
    if (most < Math.max(1, source.minimumUnits)) continue
    const costMicros = unitCostMicros(source, hours)
    entries.push({ source: index, places, most, minimum: Math.max(1, source.minimumUnits), costMicros })
    there += most * places
  }
  if (there < need.places) return undefined
  const option = {
    request: position,
    start,
    hours,
    needed: need.places,
    budgetMicros,
    entries: needful(entries, capacity),
  }
  return leastCostMicros(option) > budgetMicros ? undefined : option
}

/**
 * Without those that another one replaces whatever is taken of them: one that there is enough of for everybody, had one by one,
 * whose places divide theirs, and cost no more each.
 */
const needful = (entries: readonly OptionEntry[], capacity: readonly Float64Array[]): readonly OptionEntry[] => {
  const ample = entries.filter(({ source, minimum }) => minimum === 1 && isAmple(capacity[source]))
  return entries.filter(
    (entry, index) =>
      !ample.some(other => {
        if (other === entry || entry.places % other.places !== 0) return false
        const replaced = (other.costMicros * entry.places) / other.places
        return replaced < entry.costMicros || (replaced === entry.costMicros && entries.indexOf(other) < index)
      }),
  )
}

/** No mix of its sources costs less. Rounded down. */
const leastCostMicros = ({ entries, needed }: Pick<PlanOption, 'entries' | 'needed'>): number => {
  let left = needed
  let cost = 0
  for (const { most, places, costMicros } of entries.toSorted(
    (a, b) => a.costMicros / a.places - b.costMicros / b.places,
  )) {
    const taken = Math.min(left, most * places)
    cost += (taken / places) * costMicros
    left -= taken
  }
  return Math.floor(cost)
}

const leastOver = (capacity: Float64Array | undefined, start: number, hours: number): number => {
  let least = Infinity
  for (let hour = start; hour < start + hours; hour++) least = Math.min(least, capacity?.[hour] ?? 0)
  return least
}

/** From so many on a source is taken as endless. */
export const ampleUnits = 1_000_000_000

const isAmple = (capacity: Float64Array | undefined): boolean => capacity?.every(units => units >= ampleUnits) ?? false

/**
 * What serving counts for, in USD: unit-hours at the dearest price that the request could meet anywhere, times 5 to the
 * priority, times 1 to 2 for accounts that ask for little of all that is asked for, times 1 to 2 for how often it was left
 * out. So it is always worth more than it costs, and a unit-hour of the next priority always counts for more.
 */
const worthOf = (
  requests: readonly CapacityRequest[],
  markets: readonly Market[],
  sources: readonly CapacitySource[],
): Float64Array => {
  const asked = requests.map(request => {
    let most = 0
    for (const market of markets) {
      if (!request.regions.includes(market.region)) continue
      for (const index of market.sources) {
        const source = sources[index]
        if (source === undefined || !serves(source, request)) continue
        const places = placesInUnit(request.need, source)
        if (places === 0) continue
        const units = Math.ceil(request.need.places / places)
        // What is paid for already counts for something, too.
        const costMicros = Math.max(unitCostMicros(source, request.durationHours), request.durationHours * 10_000)
        most = Math.max(most, units * costMicros)
      }
    }
    return most / 1_000_000
  })
  const byAccount = new Map<string, number>()
  let all = 0
  for (const [index, { account }] of requests.entries()) {
    const own = asked[index] ?? 0
    all += own
    byAccount.set(account, (byAccount.get(account) ?? 0) + own)
  }
  return Float64Array.from(requests, ({ account, priority, plansMissed }, index) => {
    const share = all === 0 ? 0 : (byAccount.get(account) ?? 0) / all
    const patience = 1 + Math.min(plansMissed, mostPlansCounted) / mostPlansCounted
    return (asked[index] ?? 0) * priorityFactor ** priority * (2 - share) * patience
  })
}
