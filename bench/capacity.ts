import type { CapacityRequest } from '#domain/capacity/capacity-request.ts'
import { type Placed, Placement } from '#domain/capacity/placement.ts'
import { type CapacityPlan, type PlanCertificate, planCapacity } from '#domain/capacity/plan-capacity.ts'
import { type PlanningProblem, planningProblem } from '#domain/capacity/planning-problem.ts'
import type { SolveProgramme } from '#domain/integer-programme.ts'
import { type CapacityInstance, capacityInstance } from './capacity-instance.ts'
import { cpuSecondsOf, type Spread, spreadOf } from './rounds.ts'

interface CapacityBench {
  readonly requests: number
  /** What all requests cost by the plan, of what they cost in the order of arrival; the unserved get theirs at list price. */
  readonly costRatio: Readonly<Record<QueueRule, Spread>>
  readonly cpuSeconds: Spread
  readonly wallSeconds: Spread
  readonly plans: readonly MeasuredPlan[]
}

const queueRules = ['soonest', 'cheapest'] as const
type QueueRule = (typeof queueRules)[number]

interface MeasuredPlan {
  readonly seed: number
  readonly plan: ServedRequests
  readonly inOrderOfArrival: Readonly<Record<QueueRule, ServedRequests>>
  readonly cpuSeconds: number
  readonly wallSeconds: number
  readonly certificate: PlanCertificate
}

interface ServedRequests {
  readonly served: number
  readonly costMicros: number
  readonly unitHours: number
  readonly withUnservedMicros: number
}

/**
 * The rules that the plan is measured against. Each request, in the order of arrival, takes the cheapest sources of what is left:
 * `soonest` at the first start that has room for it, as a queue does; `cheapest` over all its starts and regions, which
 * is as much as can be had without looking at who comes after.
 */
export const firstComeFirstServed = (
  { requests, sources }: CapacityInstance,
  rule: QueueRule = 'cheapest',
): ServedRequests => {
  const whole = planningProblem(requests, sources, 0)
  const starts = whole.optionsOf.map(own =>
    rule === 'cheapest'
      ? [own]
      : [...Map.groupBy(own, position => whole.options[position]?.start ?? 0)]
          .toSorted(([a], [b]) => a - b)
          .map(([, each]) => each),
  )
  const tried = { ...whole, optionsOf: whole.optionsOf.map((): readonly number[] => []) }
  const problem: PlanningProblem = tried
  const placement = new Placement(problem)
  const inOrder = problem.requests
    .map((request, index) => ({ request, index }))
    .toSorted((a, b) => a.request.requestedAtMillis - b.request.requestedAtMillis)
  const costs = new Map<string, number>()
  for (const { request, index } of inOrder) {
    let placed: Placed | undefined
    for (const own of starts[index] ?? []) {
      tried.optionsOf[index] = own
      placed = placement.best(index)
      if (placed !== undefined) break
    }
    placement.put(index, placed)
    if (placed !== undefined) costs.set(request.allocationId, placed.costMicros)
  }
  return servedOf(requests, costs, sources)
}

const servedOf = (
  requests: readonly CapacityRequest[],
  costs: ReadonlyMap<string, number>,
  sources: CapacityInstance['sources'],
): ServedRequests => {
  let [costMicros, unitHours, unserved] = [0, 0, 0]
  for (const { allocationId, need, durationHours } of requests) {
    const cost = costs.get(allocationId)
    const hours = need.places * durationHours
    if (cost !== undefined) {
      costMicros += cost
      unitHours += hours
      continue
    }
    const list = Math.max(
      ...sources.filter(each => each.resourceClass === need.resourceClass).map(each => each.priceMicrosPerUnitHour),
    )
    unserved += hours * list
  }
  return { served: costs.size, costMicros, unitHours, withUnservedMicros: costMicros + unserved }
}

/** A seed a round: a week of 1,000 requests unless told. */
export const benchCapacity = ({
  solve,
  rounds,
  requests,
  progress,
}: {
  readonly solve: SolveProgramme
  readonly rounds: number
  readonly requests: number
  readonly progress: (line: string) => void
}): CapacityBench => {
  const plans = Array.from({ length: rounds }, (_, round): MeasuredPlan => {
    const seed = round + 1
    progress(`${requests} requests, seed ${seed}`)
    const instance = capacityInstance({ seed, requests })
    let made: CapacityPlan | undefined
    const started = performance.now()
    const cpuSeconds = cpuSecondsOf(() => {
      made = planCapacity(instance.requests, instance.sources, 0, solve)
    })
    const wallSeconds = (performance.now() - started) / 1_000
    if (made === undefined) throw new Error('no plan was made')
    const costs = new Map(
      made.decisions.flatMap(({ allocationId, served }) =>
        served === undefined ? [] : [[allocationId, served.costMicros] as const],
      ),
    )
    return {
      seed,
      plan: servedOf(instance.requests, costs, instance.sources),
      inOrderOfArrival: {
        soonest: firstComeFirstServed(instance, 'soonest'),
        cheapest: firstComeFirstServed(instance, 'cheapest'),
      },
      cpuSeconds,
      wallSeconds,
      certificate: made.certificate,
    }
  })
  const against = (rule: QueueRule): Spread =>
    spreadOf(
      plans.map(({ plan, inOrderOfArrival }) => plan.withUnservedMicros / inOrderOfArrival[rule].withUnservedMicros),
    )
  return {
    requests,
    costRatio: { soonest: against('soonest'), cheapest: against('cheapest') },
    cpuSeconds: spreadOf(plans.map(each => each.cpuSeconds)),
    wallSeconds: spreadOf(plans.map(each => each.wallSeconds)),
    plans,
  }
}
