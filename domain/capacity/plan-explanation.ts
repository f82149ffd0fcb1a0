import { decimalOfMicros } from '../units.ts'
import { type CapacityRequest, hourMillis } from './capacity-request.ts'
import { type CapacitySource, placeOf, placesInUnit, unitCostMicros } from './capacity-source.ts'
import type { AloneWays, Placed, Placement } from './placement.ts'
import { type PlanningProblem, type PlanOption, serves } from './planning-problem.ts'

export type BoundBy = 'nothing' | 'budget' | 'capacity' | 'window' | 'priority' | 'limit'

interface PlanReason {
  readonly boundBy: BoundBy
  readonly explanation: string
}

/** What bound a decision, found by asking again: what would the request have if it were alone? */
export const explain = (
  problem: PlanningProblem,
  placement: Placement,
  ways: AloneWays,
  index: number,
  isOptimal: boolean,
): PlanReason => {
  const request = problem.requests[index]
  if (request === undefined) throw new RangeError(`there is no request ${index}`)
  const alone = ways[index]
  const placed = placement.placed[index]
  if (placed !== undefined) return served(problem, placement, placed, alone)
  if (alone !== undefined) return pushedOut(problem, placement, alone, isOptimal)
  return impossible(problem, request)
}

const served = (
  problem: PlanningProblem,
  placement: Placement,
  placed: Placed,
  alone: Placed | undefined,
): PlanReason => {
  const cost = decimalOfMicros(placed.costMicros)
  if (alone === undefined || placed.costMicros <= alone.costMicros)
    return { boundBy: 'nothing', explanation: `Served for ${cost} USD, the least that its window and sources allow.` }
  const short = shortage(problem, placement, alone)
  const least = decimalOfMicros(alone.costMicros)
  return {
    boundBy: 'capacity',
    explanation: `Served for ${cost} USD. Alone it would cost ${least} USD, but ${short ?? 'what it would take is taken by other requests'}.`,
  }
}

const pushedOut = (problem: PlanningProblem, placement: Placement, alone: Placed, isOptimal: boolean): PlanReason => {
  const short = shortage(problem, placement, alone) ?? 'what it would take is taken by other requests'
  return isOptimal
    ? { boundBy: 'priority', explanation: `Not served: ${short}, by requests that count for more.` }
    : {
        boundBy: 'limit',
        explanation: `Not served: ${short}. The search ended before it was proved that nothing better exists.`,
      }
}

/** The first source and hour that the way it would go by itself has too little left of. */
const shortage = (problem: PlanningProblem, placement: Placement, alone: Placed): string | undefined => {
  const option = problem.options[alone.option]
  if (option === undefined) return undefined
  for (const [at, entry] of option.entries.entries()) {
    const wanted = alone.units[at] ?? 0
    const source = problem.sources[entry.source]
    if (wanted === 0 || source === undefined) continue
    for (let hour = option.start; hour < option.start + option.hours; hour++) {
      const left = placement.leftOf(entry.source, hour)
      if (left < wanted)
        return `${nameOf(source)} has ${left} of ${wanted} units left at ${instantOf(problem.firstHour + hour)}`
    }
  }
  return undefined
}

const nameOf = ({ kind, sourceId }: { readonly kind: string; readonly sourceId: string }): string =>
  `${kind} ${sourceId}`

const instantOf = (hour: number): string => new Date(hour * hourMillis).toISOString()

/** Why it could not be served even alone: what would do if one thing about it were otherwise. */
const impossible = (problem: PlanningProblem, request: CapacityRequest): PlanReason => {
  const { need, regions, isPreemptible, latestHour, durationHours, budgetMicros } = request
  if (latestHour < problem.firstHour)
    return { boundBy: 'window', explanation: `Not served: its last start ${instantOf(latestHour)} has passed.` }
  const usable = problem.sources.flatMap((source, position) => {
    const places = placesInUnit(need, source)
    const isFor = places > 0 && regions.includes(source.region) && serves(source, request)
    return isFor ? [{ source, position, places }] : []
  })
  if (usable.length === 0)
    return {
      boundBy: 'capacity',
      explanation: isPreemptible
        ? 'Not served: no source has such units in its regions.'
        : 'Not served: no source has such units in its regions for a request that is not preemptible.',
    }
  const first = Math.max(request.earliestHour, problem.firstHour) - problem.firstHour
  let most = 0
  let scarce = ''
  let cheapest: number | undefined
  for (let start = first; start <= latestHour - problem.firstHour; start++) {
    const ways = usable.map(({ source, position, places }) => {
      const [least, hour] = leastOver(problem, position, start, durationHours)
      const units = Math.min(Math.ceil(need.places / places), least)
      return { source, places, units: units < source.minimumUnits ? 0 : units, hour }
    })
    const byMarket = Map.groupBy(ways, ({ source }) => placeOf(source))
    for (const market of byMarket.values()) {
      const there = market.reduce((sum, { units, places }) => sum + units * places, 0)
      if (there > most || scarce === '') {
        most = Math.max(most, there)
        const tightest = market.find(({ units, places }) => units * places < need.places) ?? market[0]
        if (tightest !== undefined)
          scarce = `${nameOf(tightest.source)} has no more than ${tightest.units} units at ${instantOf(problem.firstHour + tightest.hour)}`
      }
      if (there < need.places) continue
      const cost = costOf(market, need.places, durationHours)
      if (cheapest === undefined || cost < cheapest) cheapest = cost
    }
  }
  if (cheapest === undefined)
    return {
      boundBy: most === 0 ? 'window' : 'capacity',
      explanation:
        most === 0
          ? `Not served: no source has units through any ${durationHours} hours of its window; ${scarce}.`
          : `Not served: its sources have ${most} of ${need.places} places at most; ${scarce}.`,
    }
  return {
    boundBy: 'budget',
    explanation: `Not served: the least it could cost is ${decimalOfMicros(cheapest)} USD, and its budget ${decimalOfMicros(budgetMicros)} USD.`,
  }
}

const costOf = (
  ways: readonly {
    readonly source: CapacitySource
    readonly places: number
    readonly units: number
  }[],
  needed: number,
  hours: number,
): number => {
  let left = needed
  let cost = 0
  for (const { source, places, units } of ways.toSorted(
    (a, b) => unitCostMicros(a.source, hours) / a.places - unitCostMicros(b.source, hours) / b.places,
  )) {
    const taken = Math.min(units, Math.ceil(left / places))
    cost += taken * unitCostMicros(source, hours)
    left -= taken * places
    if (left <= 0) break
  }
  return cost
}

const leastOver = (
  problem: PlanningProblem,
  source: number,
  start: PlanOption['start'],
  hours: number,
): readonly [least: number, hour: number] => {
  let least = Infinity
  let at = start
  for (let hour = start; hour < start + hours; hour++) {
    const there = problem.capacity[source]?.[hour] ?? 0
    if (there < least) {
      least = there
      at = hour
    }
  }
  return [least, at]
}
