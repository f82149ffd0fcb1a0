import { normalDensity } from './normal.ts'
import { pathValue, paymentsDue } from './payoff-evaluation.ts'
import { type SimulationMarket, simulatePayoff } from './payoff-simulation.ts'
import type { Amount, Condition, Flow, PayoffTree } from './payoff-tree.ts'
import { type Priced, priced, type Refused, refused } from './priced.ts'
import { integrate } from './quadrature.ts'

const { exp, log, max, sqrt } = Math

export interface PayoffValue {
  /** Of a unit: what is still to be paid, discounted, whenever it was decided. */
  readonly value: number
  readonly standardError: number
  readonly method: 'constant' | 'quadrature' | 'monte-carlo'
  readonly paths: number
}

/**
 * Values a payoff. Where it is a sum of parts that each depend on a single level ahead, or on a single return between two,
 * every part is an integral over one normal variable and the value is exact to 1e-9 of the largest part; else by Monte Carlo
 * (payoff-simulation.ts), seeded, with its standard error: of fewer pairs where so many would be more work than allowed.
 */
export const payoffValue = (
  tree: PayoffTree,
  market: SimulationMarket,
  pairs: number,
  seed: number,
  mostWork = someSecondsOfWork,
): Priced<PayoffValue> => {
  const visits = payoffVisits(tree)
  // Taking apart looks at every node of every part twice or more: of what is very large only paths are drawn.
  const parts = visits > mostVisitsOfParts ? undefined : partsOf(tree, market)
  if (parts !== undefined && 'code' in parts) return parts
  const exact = parts === undefined ? undefined : sumOf(parts, mostWork / 5)
  if (exact !== undefined) {
    if (!Number.isFinite(exact)) return refused('not-representable', 'value')
    const isConstant = parts?.every(({ deviation }) => deviation === 0) === true
    return priced({ value: exact, standardError: 0, method: isConstant ? 'constant' : 'quadrature', paths: 0 })
  }
  // Two walks of the tree a pair, and a draw and a step for each index at each date.
  const dates = new Set(tree.observations.map(({ date }) => date)).size
  const work = 2 * visits + dates * market.indices.length * (8 + market.indices.length)
  const affordable = max(Math.floor(mostWork / work), 2)
  const simulated = simulatePayoff(tree, market, Math.min(pairs, affordable), seed)
  return simulated.priced ? priced({ ...simulated.value, method: 'monte-carlo' }) : simulated
}

/** Visits of nodes and levels. */
const someSecondsOfWork = 1e8
const mostVisitsOfParts = 50_000

const sumOf = (parts: readonly Part[], mostVisits: number): number | undefined => {
  const budget = { left: mostVisits }
  let value = 0
  for (const part of parts) {
    value += expectation(part, budget)
    if (budget.left < 0) return undefined
  }
  return value
}

/** How many nodes and levels one path of the payoff may have to look at. */
export const payoffVisits = (tree: PayoffTree): number => {
  const seen: Seen = { slots: new Set(), returns: new Map(), edges: [], visits: 0 }
  look(tree.root, seen)
  return seen.visits
}

/** Paid already, or due by a day that is over, out of the fixings there are: per unit, undiscounted. */
export const paidSoFar = (tree: PayoffTree, market: Pick<SimulationMarket, 'yearsTo' | 'fixingOf'>): Priced<number> => {
  const payments = paymentsDue(tree, (index, date) =>
    market.yearsTo(date) <= 0 ? market.fixingOf?.(index, date) : undefined,
  )
  if (!payments.priced) return payments
  let micros = 0
  for (const { date, amountMicros } of payments.value.due) if (market.yearsTo(date) < 0) micros += amountMicros
  return priced(micros / 1e6)
}

/** E[f(exp(mean + deviation × Z))], f being the part of the payoff by the one level (or return + 1) that it depends on. */
interface Part {
  readonly mean: number
  readonly deviation: number
  readonly at: (level: number) => number
  /** Levels at which f may have a kink or a jump. */
  readonly edges: readonly number[]
  /** What one evaluation looks at. */
  readonly visits: number
}

const reach = 9

/** A kink that is not cut at costs panels, not digits; very many cuts would cost more. */
const mostCuts = 40

const expectation = ({ mean, deviation, at, edges, visits }: Part, budget: { left: number }): number => {
  if (deviation === 0) return at(exp(mean))
  const cuts = [-reach, reach]
  for (const edge of new Set(edges.slice(0, mostCuts))) {
    const z = (log(edge) - mean) / deviation
    if (z > -reach && z < reach) cuts.push(z)
  }
  cuts.sort((a, b) => a - b)
  let sum = 0
  for (const [index, from] of cuts.entries()) {
    const to = cuts[index + 1]
    if (to === undefined || to <= from) continue
    const integrand = (z: number): number => {
      budget.left -= visits
      // Used up: the answer is thrown away, so that it may as well be smooth.
      return budget.left < 0 ? 0 : at(exp(mean + deviation * z)) * normalDensity(z)
    }
    sum += integrate(integrand, from, to, 1e-11, 2)
  }
  return sum
}

/** Undefined where some part depends on more than one thing. */
const partsOf = (tree: PayoffTree, market: SimulationMarket): readonly Part[] | Refused | undefined => {
  const years: number[] = []
  const levels = new Float64Array(tree.observations.length)
  const indices = tree.observations.map(({ index }) => market.indices.find(({ name }) => name === index))
  for (const [slot, { index, date }] of tree.observations.entries()) {
    if (indices[slot] === undefined) return refused('missing-observation', `indices/${index}`)
    const ahead = market.yearsTo(date)
    if (!Number.isFinite(ahead) || ahead > 100) return refused('out-of-range', 'yearsTo')
    years.push(ahead)
    if (ahead > 0) continue
    const fixing = market.fixingOf?.(index, date)
    if (fixing === undefined || !(fixing > 0)) return refused('missing-observation', `${index}@${date}`)
    levels[slot] = fixing
  }
  const discounts = Float64Array.from(tree.paymentDates, date => {
    const ahead = market.yearsTo(date)
    return ahead < 0 ? 0 : exp(-market.rate * ahead)
  })
  const terms: { readonly amount: Amount; readonly factor: number }[] = []
  const conditional: Flow[] = []
  const gather = (flow: Flow): void => {
    if (flow.op === 'all') for (const each of flow.flows) gather(each)
    else if (flow.op === 'pay') split(flow.amount, discounts[flow.payment] ?? 0)
    else conditional.push(flow)
  }
  const split = (amount: Amount, factor: number): void => {
    switch (amount.op) {
      case 'add':
        for (const term of amount.terms) split(term, factor)
        return
      case 'subtract':
        split(amount.left, factor)
        split(amount.right, -factor)
        return
      case 'scale':
        split(amount.term, factor * amount.by)
        return
      case 'accrual':
        for (const slot of amount.slots)
          terms.push({ amount: { ...amount, slots: [slot] }, factor: factor / amount.slots.length })
        return
      default:
        terms.push({ amount, factor })
    }
  }
  gather(tree.root)
  const parts: Part[] = []
  for (const flow of conditional) {
    const part = partOf(flow, (using, into) => pathValue({ ...tree, root: flow }, using, into))
    if (part === undefined) return undefined
    parts.push(part)
  }
  for (const { amount, factor } of terms) {
    if (factor === 0) continue
    const root: Flow = { op: 'pay', amount, payment: 0 }
    const only = { ...tree, root }
    const unit = Float64Array.of(1)
    const part = partOf(root, using => factor * pathValue(only, using, unit))
    if (part === undefined) return undefined
    parts.push(part)
  }
  return parts

  function partOf(node: Flow, evaluate: (levels: Float64Array, discounts: Float64Array) => number): Part | undefined {
    const seen: Seen = { slots: new Set(), returns: new Map(), edges: [], visits: 0 }
    look(node, seen)
    const { visits } = seen
    const isAhead = (slot: number): boolean => (years[slot] ?? 0) > 0
    const slots = [...seen.slots].filter(isAhead)
    const returns = [...seen.returns.values()].filter(({ from, to }) => isAhead(from) || isAhead(to))
    const path = levels.slice()
    const [only] = slots
    if (slots.length === 0 && returns.length === 0)
      return { mean: 0, deviation: 0, at: () => evaluate(path, discounts), edges: [], visits }
    if (slots.length === 1 && only !== undefined && returns.every(({ from, to }) => from === only || to === only)) {
      // The other end of such a return is fixed.
      if (returns.some(({ from, to }) => isAhead(from) && isAhead(to) && from !== to)) return undefined
      return levelPart(only, path, seen.edges, visits, evaluate)
    }
    if (slots.length > 0) return undefined
    const [one, ...others] = returns
    if (one === undefined || others.length > 0) return undefined
    if (!isAhead(one.from)) {
      const edges = returnEdges(seen.edges, levels[one.from] ?? 1)
      return levelPart(one.to, path, edges, visits, evaluate)
    }
    const index = indices[one.from]
    if (index === undefined) return undefined
    const length = (years[one.to] ?? 0) - (years[one.from] ?? 0)
    if (length < 0) return undefined
    const drift = (market.rate - index.yieldRate - index.volatility ** 2 / 2) * length
    return {
      mean: drift,
      deviation: index.volatility * sqrt(length),
      at: ratio => {
        path[one.from] = 1
        path[one.to] = ratio
        return evaluate(path, discounts)
      },
      edges: returnEdges(seen.edges, 1),
      visits,
    }
  }

  function levelPart(
    slot: number,
    path: Float64Array,
    edges: readonly number[],
    visits: number,
    evaluate: (levels: Float64Array, discounts: Float64Array) => number,
  ): Part | undefined {
    const index = indices[slot]
    const length = years[slot] ?? 0
    if (index === undefined) return undefined
    return {
      mean: log(index.spot) + (market.rate - index.yieldRate - index.volatility ** 2 / 2) * length,
      deviation: index.volatility * sqrt(length),
      at: level => {
        path[slot] = level
        return evaluate(path, discounts)
      },
      edges: edges.filter(edge => edge > 0),
      visits,
    }
  }
}

/** A return r is a level of base × (1 + r). */
const returnEdges = (edges: readonly number[], base: number): readonly number[] =>
  edges.flatMap(edge => (edge > -1 ? [base * (1 + edge)] : []))

interface Seen {
  readonly slots: Set<number>
  readonly returns: Map<string, { readonly from: number; readonly to: number }>
  /** Constants that anything may be compared with: where a kink may be. */
  readonly edges: number[]
  visits: number
}

const look = (node: Flow | Amount | Condition, seen: Seen): void => {
  seen.visits += 'slots' in node ? 1 + node.slots.length : 1
  switch (node.op) {
    case 'pay':
      look(node.amount, seen)
      return
    case 'all':
      for (const each of node.flows) look(each, seen)
      return
    case 'constant':
      seen.edges.push(node.value)
      return
    case 'observe':
      seen.slots.add(node.slot)
      return
    case 'return':
      seen.returns.set(`${node.from}-${node.to}`, { from: node.from, to: node.to })
      return
    case 'add':
    case 'min':
    case 'max':
      for (const term of node.terms) look(term, seen)
      return
    case 'scale':
      lookScaled(node, seen)
      return
    case 'accrual':
      for (const slot of node.slots) seen.slots.add(slot)
      seen.edges.push(node.low, node.high)
      return
    case 'knocked':
      for (const slot of node.slots) seen.slots.add(slot)
      seen.edges.push(node.barrier)
      return
    case 'and':
    case 'or':
      for (const each of node.conditions) look(each, seen)
      return
    case 'not':
      look(node.condition, seen)
      return
    case 'if':
      look(node.condition, seen)
      look(node.ifTrue, seen)
      look(node.ifFalse, seen)
      return
    default:
      look(node.left, seen)
      look(node.right, seen)
  }
}

/** level × by = constant at level = constant / by: the scaled constants are candidates as well. */
const lookScaled = (node: Extract<Amount, { readonly op: 'scale' }>, seen: Seen): void => {
  look(node.term, seen)
  const scale = max(Math.abs(node.by), 1e-12)
  seen.edges.push(...seen.edges.slice(-8).map(edge => edge / scale), 1 / scale)
}
