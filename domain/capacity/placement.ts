import type { RunPrices } from './capacity-prices.ts'
import type { OptionEntry, PlanningProblem, PlanOption } from './planning-problem.ts'

/** How a request is served: by which option, with how many units of each of its entries. */
export interface Placed {
  readonly option: number
  readonly units: readonly number[]
  readonly costMicros: number
}

const million = 1_000_000

/** What is placed so far, and what of the capacities is left. Whole units, exact. */
export class Placement {
  readonly placed: (Placed | undefined)[]
  private readonly left: readonly Float64Array[]
  private readonly problem: PlanningProblem

  constructor(problem: PlanningProblem) {
    this.problem = problem
    this.placed = new Array<Placed | undefined>(problem.requests.length).fill(undefined)
    this.left = problem.capacity.map(own => own.slice())
  }

  /** USD, of these requests: what it is worth less what it costs. */
  worth(members: readonly number[]): number {
    let sum = 0
    for (const request of members) sum += this.worthOf(request, this.placed[request])
    return sum
  }

  worthOf(request: number, placed: Placed | undefined): number {
    return placed === undefined ? 0 : (this.problem.worth[request] ?? 0) - placed.costMicros / million
  }

  leftOf(source: number, hour: number): number {
    return this.left[source]?.[hour] ?? 0
  }

  put(request: number, placed: Placed | undefined): void {
    this.take(this.placed[request], -1)
    this.placed[request] = placed
    this.take(placed, 1)
  }

  private take(placed: Placed | undefined, sign: 1 | -1): void {
    const option = placed === undefined ? undefined : this.problem.options[placed.option]
    if (option === undefined || placed === undefined) return
    for (const [index, { source }] of option.entries.entries()) {
      const units = (placed.units[index] ?? 0) * sign
      const own = this.left[source]
      if (units === 0 || own === undefined) continue
      for (let hour = option.start; hour < option.start + option.hours; hour++) own[hour] = (own[hour] ?? 0) - units
    }
  }

  /** Whether what is left has room for it: what is placed for its request counts as taken. */
  fits({ option: position, units, costMicros }: Placed): boolean {
    const option = this.problem.options[position]
    if (option === undefined || costMicros > option.budgetMicros) return false
    let places = 0
    for (const [index, entry] of option.entries.entries()) {
      const taken = units[index] ?? 0
      if (taken === 0) continue
      if (taken < entry.minimum || taken > this.most(option, entry)) return false
      places += taken * entry.places
    }
    return places >= option.needed
  }

  private most({ start, hours }: PlanOption, { source, most }: OptionEntry): number {
    const own = this.left[source]
    let least = most
    for (let hour = start; hour < start + hours && least > 0; hour++) least = Math.min(least, own?.[hour] ?? 0)
    return Math.max(0, least)
  }

  /** The best that what is left has room for, at its cost or at prices; of equals the earlier option. */
  best(request: number, prices?: RunPrices): Placed | undefined {
    let best: Placed | undefined
    let bestCost = this.problem.worth[request] ?? 0
    for (const position of this.problem.optionsOf[request] ?? []) {
      const option = this.problem.options[position]
      // The ones after it could cost no less.
      if ((this.problem.leastCost[position] ?? 0) >= bestCost) break
      if (option === undefined) continue
      const cost = this.fill(option, prices, bestCost)
      if (cost === undefined || cost >= bestCost) continue
      bestCost = cost
      best = this.filledWay(position, option)
    }
    return best
  }

  /** Those that use hours of sources which have too little left for it. */
  inTheWayOf({ option: position, units }: Placed, members: readonly number[]): readonly number[] {
    const option = this.problem.options[position]
    if (option === undefined) return []
    const short = new Map<number, { readonly from: number; readonly until: number }>()
    let [first, last] = [Infinity, 0]
    for (const [index, entry] of option.entries.entries()) {
      const wanted = units[index] ?? 0
      if (wanted === 0) continue
      const { start, hours } = option
      for (let hour = start; hour < start + hours; hour++) {
        if (this.leftOf(entry.source, hour) >= wanted) continue
        short.set(entry.source, { from: short.get(entry.source)?.from ?? hour, until: hour + 1 })
        first = Math.min(first, hour)
        last = Math.max(last, hour + 1)
      }
    }
    return members.filter(other => {
      const placed = this.placed[other]
      const way = placed === undefined ? undefined : this.problem.options[placed.option]
      if (placed === undefined || way === undefined || way.start >= last || way.start + way.hours <= first) return false
      for (const [index, { source }] of way.entries.entries()) {
        const hours = short.get(source)
        if (hours === undefined || (placed.units[index] ?? 0) === 0) continue
        if (way.start < hours.until && way.start + way.hours > hours.from) return true
      }
      return false
    })
  }

  private filledWay(position: number, { entries }: PlanOption): Placed {
    const units = Array.from({ length: entries.length }, (_, index) => counts[index] ?? 0)
    let costMicros = 0
    for (const [index, { costMicros: each }] of entries.entries()) costMicros += (units[index] ?? 0) * each
    return { option: position, units, costMicros }
  }

  /**
   * Cheapest place first, then whichever unit makes up the rest at least cost; the units go to `counts`. USD at the prices;
   * undefined where there is no room, or where it is sure to cost `limit` or more.
   */
  private fill(option: PlanOption, prices: RunPrices | undefined, limit: number): number | undefined {
    const { entries, start, hours, needed, budgetMicros } = option
    const count = Math.min(entries.length, counts.length)
    for (let index = 0; index < count; index++) {
      const entry = entries[index]
      if (entry === undefined) continue
      const unit = entry.costMicros / million + (prices?.of(entry.source, start, hours) ?? 0)
      const rank = unit / entry.places
      let at = index
      for (; at > 0 && (ranks[at - 1] ?? 0) > rank; at--) {
        ranks[at] = ranks[at - 1] ?? 0
        order[at] = order[at - 1] ?? 0
      }
      ranks[at] = rank
      order[at] = index
      unitCosts[index] = unit
      counts[index] = 0
    }
    if ((ranks[0] ?? 0) * needed >= limit) return undefined
    let left = needed
    let cost = 0
    let costMicros = 0
    for (let rank = 0; rank < count && left > 0; rank++) {
      const index = order[rank] ?? 0
      const entry = entries[index]
      if (entry === undefined) continue
      const wanted = Math.floor(left / entry.places)
      if (wanted < entry.minimum) continue
      const taken = Math.min(wanted, this.most(option, entry))
      if (taken < entry.minimum) continue
      counts[index] = taken
      left -= taken * entry.places
      cost += taken * (unitCosts[index] ?? 0)
      costMicros += taken * entry.costMicros
    }
    if (left > 0) {
      let rest = -1
      let restCost = Infinity
      for (let rank = 0; rank < count; rank++) {
        const index = order[rank] ?? 0
        const entry = entries[index]
        if (entry === undefined) continue
        const taken = counts[index] ?? 0
        const total = Math.max(entry.minimum, taken + Math.ceil(left / entry.places))
        const more = (total - taken) * (unitCosts[index] ?? 0)
        if (more >= restCost || total > this.most(option, entry)) continue
        rest = index
        restCost = more
      }
      const entry = entries[rest]
      if (entry === undefined) return undefined
      const taken = counts[rest] ?? 0
      const total = Math.max(entry.minimum, taken + Math.ceil(left / entry.places))
      counts[rest] = total
      cost += restCost
      costMicros += (total - taken) * entry.costMicros
    }
    if (costMicros <= budgetMicros) return cost
    return prices === undefined ? undefined : this.fill(option, undefined, limit)
  }
}

/** Room to work in, so that nothing is allocated for each option. */
const counts = new Float64Array(1_024)
const unitCosts = new Float64Array(1_024)
const ranks = new Float64Array(1_024)
const order = new Int32Array(1_024)

/** In which order requests take their places: those that count most for what they need, or those with least to spend first. */
type PlacingOrder = 'by-worth' | 'by-means'

/** Each request once at the prices; then each again at its own cost. */
export const placedAtPrices = (
  problem: PlanningProblem,
  members: readonly number[],
  alone: AloneWays,
  prices: RunPrices | undefined,
  by: PlacingOrder,
): Placement => {
  const placement = new Placement(problem)
  const rank = new Map(members.map(request => [request, rankOf(problem, request, by)]))
  const inOrder = members.toSorted((a, b) => (rank.get(b) ?? 0) - (rank.get(a) ?? 0) || a - b)
  for (const request of inOrder) placement.put(request, placement.best(request, prices))
  improve(placement, inOrder)
  exchange(placement, inOrder, alone)
  return placement
}

const rankOf = (problem: PlanningProblem, request: number, by: PlacingOrder): number => {
  const { need, durationHours, budgetMicros } = problem.requests[request] ?? {}
  const size = (need?.places ?? 1) * (durationHours ?? 1)
  const density = (problem.worth[request] ?? 0) / size
  return by === 'by-worth' ? density : -(budgetMicros ?? 0) / size
}

const mostPasses = 4

/** Takes each request out and puts it back where it is best now, until none gains. */
export const improve = (placement: Placement, members: readonly number[]): void => {
  for (let pass = 0; pass < mostPasses; pass++) {
    let hasGained = false
    for (const request of members) {
      const before = placement.placed[request]
      placement.put(request, undefined)
      const found = placement.best(request)
      const isBetter = placement.worthOf(request, found) > placement.worthOf(request, before)
      placement.put(request, isBetter ? found : before)
      hasGained ||= isBetter
    }
    if (!hasGained) return
  }
}

/** By request: the best that it would have if nothing else were placed. */
export type AloneWays = readonly (Placed | undefined)[]

export const waysAlone = (problem: PlanningProblem): AloneWays => {
  const empty = new Placement(problem)
  return problem.requests.map((_, request) => empty.best(request))
}

/**
 * Gives each request in turn, those that lose most by the others first, what it would have alone, and moves those in its way
 * elsewhere; kept where that is worth more in all.
 */
export const exchange = (placement: Placement, members: readonly number[], alone: AloneWays): void => {
  const regret = (request: number): number =>
    placement.worthOf(request, alone[request]) - placement.worthOf(request, placement.placed[request])
  for (let pass = 0; pass < mostPasses; pass++) {
    let hasGained = false
    const losers = members
      .map(request => ({ request, loss: regret(request) }))
      .filter(({ loss }) => loss > 0)
      .toSorted((a, b) => b.loss - a.loss || a.request - b.request)
    for (const { request } of losers) {
      const way = alone[request]
      if (way !== undefined && regret(request) > 0) hasGained = pushIn(placement, request, way, members) || hasGained
    }
    if (!hasGained) return
  }
}

const pushIn = (placement: Placement, request: number, way: Placed, members: readonly number[]): boolean => {
  const before = new Map([[request, placement.placed[request]]])
  placement.put(request, undefined)
  const moved = placement.inTheWayOf(way, members)
  let worthBefore = placement.worthOf(request, before.get(request))
  for (const other of moved) {
    before.set(other, placement.placed[other])
    worthBefore += placement.worthOf(other, placement.placed[other])
    placement.put(other, undefined)
  }
  if (placement.fits(way)) placement.put(request, way)
  for (const other of moved) placement.put(other, placement.best(other))
  if (placement.placed[request] === undefined) placement.put(request, placement.best(request))
  if (placement.worth([...before.keys()]) > worthBefore + 1e-9) return true
  for (const other of before.keys()) placement.put(other, undefined)
  for (const [other, placed] of before) placement.put(other, placed)
  return false
}
