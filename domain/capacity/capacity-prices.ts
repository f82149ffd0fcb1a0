import type { PlanningProblem, PlanOption } from './planning-problem.ts'

/**
 * What an hour of a unit of each source is worth beyond its price: Lagrange multipliers of the capacities. For any such
 * prices, what every request would gain by itself at them, and what the capacities cost at them, together bound all plans;
 * the subgradient method lowers that bound. No solver is needed, and whoever has the prices can add it up again.
 */
interface CapacityPrices {
  /** By source, then hour: USD a unit, 0 or more. */
  readonly extra: readonly Float64Array[]
  /** USD: no plan is worth more. */
  readonly bound: number
  /**
   * Options that may be in a better plan than the best that was known, with what taking it lowers the bound by: one whose
   * loss is more than the bound is above that plan is in none.
   */
  readonly useful: readonly { readonly position: number; readonly loss: number }[]
  readonly rounds: number
}

const million = 1_000_000
const mostTightenings = 12

/** Reads prices of whole runs: sums over hours by the difference of two running sums. */
export class RunPrices {
  private readonly sums: readonly Float64Array[]

  constructor(extra: readonly Float64Array[]) {
    this.sums = extra.map(own => {
      const sums = new Float64Array(own.length + 1)
      for (let hour = 0; hour < own.length; hour++) sums[hour + 1] = (sums[hour] ?? 0) + (own[hour] ?? 0)
      return sums
    })
  }

  /** Of a unit through the run, beyond its cost. */
  of(source: number, start: number, hours: number): number {
    const sums = this.sums[source]
    return (sums?.[start + hours] ?? 0) - (sums?.[start] ?? 0)
  }
}

/** Room to work in, so that nothing is allocated for each option. */
const order = new Int32Array(1_024)
const ranks = new Float64Array(1_024)

/**
 * The least that an option costs at these prices, in USD, in fractions of units and without minimums: what of which entry goes to
 * `units`. Where that breaks the budget, the budget gets a multiplier of its own, which bounds from below as well.
 */
const relaxedCost = (option: PlanOption, prices: RunPrices, units: Float64Array): number => {
  const free = filled(option, prices, 0, units)
  const budget = option.budgetMicros / million
  if (free.paid <= budget) return free.cost
  let [low, high] = [0, 1]
  let best = free.cost
  let at = 0
  for (let step = 0; step < mostTightenings; step++) {
    const weight = step < 4 && low === 0 ? high : (low + high) / 2
    const tried = filled(option, prices, weight, units)
    if (tried.cost > best) {
      best = tried.cost
      at = weight
    }
    if (tried.paid > budget) {
      low = weight
      if (weight >= high) high *= 8
    } else high = weight
  }
  filled(option, prices, at, units)
  return best
}

const filling = { cost: 0, paid: 0 }

const filled = (option: PlanOption, prices: RunPrices, weight: number, units: Float64Array): typeof filling => {
  const { entries, start, hours } = option
  const count = Math.min(entries.length, order.length)
  for (let index = 0; index < count; index++) {
    const entry = entries[index]
    if (entry === undefined) continue
    const { costMicros, places, source } = entry
    const price = ((costMicros / million) * (1 + weight) + prices.of(source, start, hours)) / places
    let at = index
    for (; at > 0 && (ranks[at - 1] ?? 0) > price; at--) {
      ranks[at] = ranks[at - 1] ?? 0
      order[at] = order[at - 1] ?? 0
    }
    ranks[at] = price
    order[at] = index
    units[index] = 0
  }
  let left = option.needed
  let cost = 0
  let paid = 0
  for (let rank = 0; rank < count && left > 0; rank++) {
    const index = order[rank] ?? 0
    const entry = entries[index]
    if (entry === undefined) continue
    const places = Math.min(left, entry.most * entry.places)
    units[index] = places / entry.places
    cost += places * (ranks[rank] ?? 0)
    paid += ((places / entry.places) * entry.costMicros) / million
    left -= places
  }
  filling.cost = cost - (weight * option.budgetMicros) / million
  filling.paid = paid
  return filling
}

interface Round {
  readonly bound: number
  readonly gains: Float64Array
  /** By member: the option that it would take, or -1. */
  readonly chosen: Int32Array
}

/** The options that are still looked at, by member. */
type Looked = readonly (readonly number[])[]

/** What each request would do by itself at the prices; what it would gain by each option goes to `optionGains`. */
const respond = (
  problem: PlanningProblem,
  members: readonly number[],
  looked: Looked,
  extra: readonly Float64Array[],
  optionGains: Float64Array,
): Round => {
  const prices = new RunPrices(extra)
  const gains = new Float64Array(members.length)
  const chosen = new Int32Array(members.length).fill(-1)
  const units = new Float64Array(order.length)
  let bound = 0
  for (const [source, own] of extra.entries()) {
    const capacity = problem.capacity[source]
    for (let hour = 0; hour < own.length; hour++) {
      const price = own[hour] ?? 0
      if (price > 0) bound += price * (capacity?.[hour] ?? 0)
    }
  }
  for (const [member, request] of members.entries()) {
    const worth = problem.worth[request] ?? 0
    let best = 0
    for (const position of looked[member] ?? []) {
      const option = problem.options[position]
      if (option === undefined) continue
      const gain = worth - relaxedCost(option, prices, units)
      optionGains[position] = gain
      if (gain > best) {
        best = gain
        chosen[member] = position
      }
    }
    gains[member] = best
    bound += best
  }
  return { bound, gains, chosen }
}

/**
 * Lowers the bound towards `reached`, what the best plan so far is worth, in at most so many rounds. Polyak's step, halved where
 * the bound has not fallen for some rounds. `visited` hears of the prices now and then.
 */
export const findPrices = (
  problem: PlanningProblem,
  members: readonly number[],
  options: {
    readonly rounds: number
    readonly reached: () => number
    readonly visited: (prices: RunPrices) => void
  },
): CapacityPrices => {
  const touched = new Set<number>()
  let looked: Looked = members.map(request => problem.optionsOf[request] ?? [])
  for (const own of looked)
    for (const position of own) for (const { source } of problem.options[position]?.entries ?? []) touched.add(source)
  const empty = new Float64Array(0)
  let extra: readonly Float64Array[] = problem.capacity.map((own, source) =>
    touched.has(source) ? new Float64Array(own.length) : empty,
  )
  const scratch = new Float64Array(problem.options.length)
  const optionGains = new Float64Array(problem.options.length)
  let round = respond(problem, members, looked, extra, scratch)
  let best = { extra, round }
  optionGains.set(scratch)
  let direction: readonly Float64Array[] = extra.map(own => new Float64Array(own.length))
  let [ambition, idle, rounds] = [1, 0, 0]
  for (; rounds < options.rounds; rounds++) {
    if (rounds % visitEvery === visitEvery - 1) options.visited(new RunPrices(best.extra))
    const surplus = best.round.bound - options.reached()
    if (surplus <= Math.max(1e-9, Math.abs(best.round.bound) * 1e-12)) break
    // Part of the way that was gone before is kept: alone, the excess of one round leads to and fro.
    const over = excess(problem, round, extra)
    direction = direction.map((own, source) => {
      const now = over[source]
      return own.map((before, hour) => memory * before + (1 - memory) * (now?.[hour] ?? 0))
    })
    let norm = 0
    for (const own of direction) for (const each of own) norm += each * each
    if (norm === 0) break
    const step = (ambition * Math.max(surplus, round.bound - options.reached())) / norm
    extra = extra.map((own, source) => {
      const change = direction[source]
      return own.map((price, hour) => Math.max(0, price + step * (change?.[hour] ?? 0)))
    })
    round = respond(problem, members, looked, extra, scratch)
    if (round.bound < best.round.bound) {
      if (round.bound < best.round.bound - surplus * 0.002) idle = 0
      best = { extra, round }
      optionGains.set(scratch)
      // An option that is in no better plan than the best so far need not be looked at again.
      const spare = round.bound - options.reached()
      looked = looked.map((own, member) =>
        own.filter(position => (round.gains[member] ?? 0) - (scratch[position] ?? 0) <= spare + 1e-6),
      )
    }
    if (++idle >= patience) {
      idle = 0
      ambition *= 0.5
      ;({ extra, round } = best)
      direction = extra.map(own => new Float64Array(own.length))
      if (ambition < 1e-3) break
    }
  }
  options.visited(new RunPrices(best.extra))
  return {
    extra: best.extra,
    bound: best.round.bound,
    useful: members.flatMap((_, member) =>
      (looked[member] ?? []).map(position => ({
        position,
        loss: (best.round.gains[member] ?? 0) - (optionGains[position] ?? 0),
      })),
    ),
    rounds,
  }
}

const visitEvery = 20
const memory = 0.7
const patience = 12

/** By source, then hour: what the requests would use beyond what there is; 0 where that would move nothing. */
const excess = (
  problem: PlanningProblem,
  { chosen }: Round,
  extra: readonly Float64Array[],
): readonly Float64Array[] => {
  const prices = new RunPrices(extra)
  const used = extra.map(own => new Float64Array(own.length))
  const units = new Float64Array(order.length)
  for (const position of chosen) {
    const option = problem.options[position]
    if (option === undefined) continue
    relaxedCost(option, prices, units)
    for (const [index, { source }] of option.entries.entries()) {
      const count = units[index] ?? 0
      const own = used[source]
      if (count === 0 || own === undefined) continue
      for (let hour = option.start; hour < option.start + option.hours; hour++) own[hour] = (own[hour] ?? 0) + count
    }
  }
  for (const [source, own] of used.entries()) {
    const capacity = problem.capacity[source]
    for (let hour = 0; hour < own.length; hour++) {
      const over = (own[hour] ?? 0) - (capacity?.[hour] ?? 0)
      own[hour] = over > 0 || (extra[source]?.[hour] ?? 0) > 0 ? over : 0
    }
  }
  return used
}
