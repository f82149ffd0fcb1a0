import type { SolveProgramme } from '../integer-programme.ts'
import { findPrices } from './capacity-prices.ts'
import type { CapacityRequest } from './capacity-request.ts'
import type { CapacitySource } from './capacity-source.ts'
import { type AloneWays, exchange, improve, type Placed, Placement, placedAtPrices, waysAlone } from './placement.ts'
import { type BoundBy, explain } from './plan-explanation.ts'
import { planProgramme } from './plan-programme.ts'
import { ampleUnits, type PlanningProblem, planningProblem } from './planning-problem.ts'

interface PlannedShare {
  readonly source: CapacitySource
  readonly units: number
}

export interface PlanDecision {
  readonly allocationId: string
  readonly account: string
  /** Absent where it is not served. */
  readonly served?: {
    readonly startHour: number
    readonly endHour: number
    readonly costMicros: number
    readonly shares: readonly PlannedShare[]
  }
  readonly boundBy: BoundBy
  readonly explanation: string
}

/** Money in USD; the worth of serving is not money: docs/decisions/0017-capacity.md. */
export interface PlanCertificate {
  readonly objective: number
  /** No plan of these requests and sources is worth more. */
  readonly bound: number
  readonly gap: number
  readonly relativeGap: number
  readonly isOptimal: boolean
  readonly nodes: number
  readonly iterations: number
  /** Ways to serve requests that were looked at, and those that the programmes chose among. */
  readonly options: number
  readonly columns: number
  /** Parts that share no source and were decided apart. */
  readonly parts: number
}

export interface CapacityPlan {
  readonly decisions: readonly PlanDecision[]
  readonly costMicros: number
  readonly served: number
  readonly certificate: PlanCertificate
}

/** They count work, never seconds, so that the same requests and sources give the same plan on any machine. */
interface PlanLimits {
  /** Of the prices that bound the plan, for each part. */
  readonly priceRounds: number
  /** Of one programme. A part that needs more is decided neighbourhood by neighbourhood. */
  readonly mostColumns: number
  readonly mostNodes: number
  readonly mostIterations: number
  /** Of all parts together. */
  readonly mostNeighbourhoods: number
}

export const usualPlanLimits: PlanLimits = {
  priceRounds: 100,
  mostColumns: 800,
  mostNodes: 60,
  mostIterations: 1_500,
  mostNeighbourhoods: 6,
}

/** USD: what is that near to its bound is taken as optimal. */
const negligible = 1e-6

/**
 * Serves what is worth most at least cost: all requests against all sources at once. Parts that share no source are decided by
 * themselves. In each, prices for the capacities bound what any plan could reach and lead to a first plan; options
 * that are proved to be in no better one are left out, and the mixed-integer programme of what is left decides.
 */
export const planCapacity = (
  requests: readonly CapacityRequest[],
  sources: readonly CapacitySource[],
  nowHour: number,
  solve: SolveProgramme,
  limits: PlanLimits = usualPlanLimits,
): CapacityPlan => {
  if (requests.length === 0) return { decisions: [], costMicros: 0, served: 0, certificate: emptyCertificate }
  const problem = withoutHopeless(planningProblem(requests, sources, nowHour), solve, limits)
  const alone = waysAlone(problem)
  const whole = new Placement(problem)
  const parts = partsOf(problem)
  const tally = { bound: 0, nodes: 0, iterations: 0, columns: 0 }
  for (const members of parts) {
    const share = members.length / requests.length
    const part = planPart(problem, members, alone, solve, {
      ...limits,
      mostNeighbourhoods: Math.ceil(limits.mostNeighbourhoods * share),
    })
    for (const request of members) whole.put(request, part.placement.placed[request])
    tally.bound += part.bound
    tally.nodes += part.nodes
    tally.iterations += part.iterations
    tally.columns += part.columns
  }
  const objective = whole.worth(problem.requests.map((_, index) => index))
  const bound = Math.max(objective, tally.bound)
  const gap = bound - objective
  const isOptimal = gap <= negligible * Math.max(1, parts.length)
  return {
    ...decisionsOf(problem, whole, alone, isOptimal),
    certificate: {
      objective,
      bound,
      gap,
      relativeGap: objective === 0 ? 0 : gap / objective,
      isOptimal,
      nodes: tally.nodes,
      iterations: tally.iterations,
      options: problem.options.length,
      columns: tally.columns,
      parts: parts.length,
    },
  }
}

const emptyCertificate: PlanCertificate = {
  objective: 0,
  bound: 0,
  gap: 0,
  relativeGap: 0,
  isOptimal: true,
  nodes: 0,
  iterations: 0,
  options: 0,
  columns: 0,
  parts: 0,
}

/** Requests that share a source that could run out; in the order of their first. */
const partsOf = (problem: PlanningProblem): readonly (readonly number[])[] => {
  const head = problem.requests.map((_, index) => index)
  const find = (index: number): number => {
    let at = index
    while (head[at] !== at) {
      head[at] = head[head[at] ?? at] ?? at
      at = head[at] ?? at
    }
    return at
  }
  const firstOf = new Map<number, number>()
  for (const { request, entries } of problem.options)
    for (const { source } of entries) {
      if (problem.capacity[source]?.every(units => units >= ampleUnits)) continue
      const other = firstOf.get(source)
      if (other === undefined) firstOf.set(source, request)
      else {
        const [a, b] = [find(request), find(other)]
        head[Math.max(a, b)] = Math.min(a, b)
      }
    }
  return [...Map.groupBy(problem.requests.keys(), find).values()]
}

interface PlannedPart {
  readonly placement: Placement
  readonly bound: number
  readonly nodes: number
  readonly iterations: number
  readonly columns: number
}

const planPart = (
  problem: PlanningProblem,
  members: readonly number[],
  alone: AloneWays,
  solve: SolveProgramme,
  limits: PlanLimits,
): PlannedPart => {
  let best = placedAtPrices(problem, members, alone, undefined, 'by-worth')
  let reached = best.worth(members)
  const offer = (placement: Placement): void => {
    const worth = placement.worth(members)
    if (worth <= reached) return
    best = placement
    reached = worth
  }
  let visits = 0
  const prices = findPrices(problem, members, {
    rounds: limits.priceRounds,
    reached: () => reached,
    visited: each => offer(placedAtPrices(problem, members, alone, each, visits++ % 2 === 0 ? 'by-means' : 'by-worth')),
  })
  const surplus = prices.bound - reached
  if (surplus <= negligible) return { placement: best, bound: prices.bound, nodes: 0, iterations: 0, columns: 0 }
  const useful = prices.useful
    .filter(({ loss }) => loss <= surplus + negligible)
    .toSorted((a, b) => a.loss - b.loss || a.position - b.position)
    .map(({ position }) => position)
  const columns = useful.reduce((sum, position) => sum + columnsOf(problem, position), 0)
  if (columns > limits.mostColumns)
    return { bound: prices.bound, ...refined(problem, members, alone, best, useful, solve, limits) }
  const { programme, scale, read } = planProgramme(problem, members, inOrder(useful), programmeLimits(limits))
  const answer = solve(programme)
  if (answer.columns !== undefined) {
    const placement = new Placement(problem)
    putChecked(placement, members, read(answer.columns))
    offer(placement)
  }
  const bound = Number.isFinite(answer.bound)
    ? Math.min(prices.bound, Math.max(answer.bound / scale, reached))
    : prices.bound
  return { placement: best, bound, nodes: answer.nodes, iterations: answer.iterations, columns }
}

const inOrder = (positions: readonly number[]): readonly number[] => positions.toSorted((a, b) => a - b)

const programmeLimits = ({ mostNodes, mostIterations }: PlanLimits) => ({
  mostNodes,
  mostIterations,
  absoluteGap: negligible,
})

/** Requests that are decided anew together. */
const neighbours = 8
const optionsOfNeighbour = 5

/**
 * Decides some requests anew at a time, exactly, while the others stay where they are: those near each other in market and
 * time, the ones that cost most beyond what they would cost alone first.
 */
const refined = (
  problem: PlanningProblem,
  members: readonly number[],
  alone: AloneWays,
  given: Placement,
  /** The least loss first. */
  useful: readonly number[],
  solve: SolveProgramme,
  limits: PlanLimits,
): Omit<PlannedPart, 'bound'> => {
  const placement = given
  const tally = { nodes: 0, iterations: 0, columns: 0 }
  const ofRequest = Map.groupBy(useful, position => problem.options[position]?.request ?? -1)
  const regret = new Map(
    members.map(request => {
      return [
        request,
        placement.worthOf(request, alone[request]) - placement.worthOf(request, placement.placed[request]),
      ]
    }),
  )
  const seeds = members.toSorted((a, b) => (regret.get(b) ?? 0) - (regret.get(a) ?? 0) || a - b)
  const decided = new Set<number>()
  let count = 0
  for (const seed of seeds) {
    if (count >= limits.mostNeighbourhoods) break
    if (decided.has(seed)) continue
    count++
    const group = neighbourhood(problem, placement, members, seed)
    for (const request of group) decided.add(request)
    const before = group.map(request => placement.placed[request])
    const worthBefore = placement.worth(group)
    const kept = group.flatMap(request => {
      const own = placement.placed[request]?.option
      return [...new Set([...(own === undefined ? [] : [own]), ...(ofRequest.get(request) ?? [])])].slice(
        0,
        optionsOfNeighbour,
      )
    })
    for (const request of group) placement.put(request, undefined)
    const { programme, read } = planProgramme(problem, group, inOrder(kept), programmeLimits(limits), (source, hour) =>
      placement.leftOf(source, hour),
    )
    const answer = solve(programme)
    tally.nodes += answer.nodes
    tally.iterations += answer.iterations
    tally.columns += programme.costs.length
    if (answer.columns !== undefined) putChecked(placement, group, read(answer.columns))
    if (placement.worth(group) > worthBefore) continue
    for (const request of group) placement.put(request, undefined)
    for (const [index, request] of group.entries()) placement.put(request, before[index])
  }
  exchange(placement, members, alone)
  return { placement, ...tally }
}

/** Itself and those that use the same sources at nearly the same time, the nearest first. */
const neighbourhood = (
  problem: PlanningProblem,
  placement: Placement,
  members: readonly number[],
  seed: number,
): readonly number[] => {
  const mine = new Set(
    (problem.optionsOf[seed] ?? []).flatMap(at => problem.options[at]?.entries.map(e => e.source) ?? []),
  )
  const middle = (request: number): number => {
    const option = problem.options[placement.placed[request]?.option ?? problem.optionsOf[request]?.[0] ?? -1]
    return option === undefined ? 0 : option.start + option.hours / 2
  }
  const at = middle(seed)
  const near = members
    .filter(request => {
      const placed = placement.placed[request]
      const option = problem.options[placed?.option ?? problem.optionsOf[request]?.[0] ?? -1]
      return request !== seed && option?.entries.some(({ source }) => mine.has(source))
    })
    .toSorted((a, b) => Math.abs(middle(a) - at) - Math.abs(middle(b) - at) || a - b)
  return [seed, ...near.slice(0, neighbours - 1)].toSorted((a, b) => a - b)
}

/** A request that no number of whole units serves within its budget, even alone, counts in no bound. */
const withoutHopeless = (problem: PlanningProblem, solve: SolveProgramme, limits: PlanLimits): PlanningProblem => {
  const empty = new Placement(problem)
  const isHopeless = (request: number): boolean => {
    const own = problem.optionsOf[request] ?? []
    if (own.length === 0 || empty.best(request) !== undefined) return false
    const answer = solve(planProgramme(problem, [request], own, programmeLimits(limits)).programme)
    return answer.status === 'optimal' && answer.bound <= negligible
  }
  return {
    ...problem,
    optionsOf: problem.optionsOf.map((own, request) => (isHopeless(request) ? [] : own)),
  }
}

const columnsOf = (problem: PlanningProblem, position: number): number =>
  1 + (problem.options[position]?.entries.length ?? 0)

/** What the solver says is put into place again exactly: what does not fit after all is placed anew. */
const putChecked = (
  placement: Placement,
  members: readonly number[],
  said: readonly { readonly request: number; readonly placed: Placed }[],
): void => {
  for (const { request, placed } of said) if (placement.fits(placed)) placement.put(request, placed)
  improve(placement, members)
}

const decisionsOf = (
  problem: PlanningProblem,
  placement: Placement,
  alone: AloneWays,
  isOptimal: boolean,
): Pick<CapacityPlan, 'decisions' | 'costMicros' | 'served'> => {
  let costMicros = 0
  let served = 0
  const decisions = problem.requests.map((request, index): PlanDecision => {
    const { allocationId, account } = request
    const placed = placement.placed[index]
    const option = placed === undefined ? undefined : problem.options[placed.option]
    const reason = explain(problem, placement, alone, index, isOptimal)
    if (placed === undefined || option === undefined) return { allocationId, account, ...reason }
    costMicros += placed.costMicros
    served++
    const startHour = problem.firstHour + option.start
    const shares = option.entries.flatMap((entry, at): PlannedShare[] => {
      const source = problem.sources[entry.source]
      const units = placed.units[at] ?? 0
      return source === undefined || units === 0 ? [] : [{ source, units }]
    })
    return {
      allocationId,
      account,
      served: { startHour, endHour: startHour + option.hours, costMicros: placed.costMicros, shares },
      ...reason,
    }
  })
  return { decisions, costMicros, served }
}
