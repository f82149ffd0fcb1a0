import type { Amount, Condition, Flow, PayoffTree } from './payoff-tree.ts'
import { type Priced, priced, refused } from './priced.ts'

const { max, min } = Math

/** Least and most that one unit can ever pay its holder in all, undiscounted; what the holder gains the other side loses. */
export interface PayoffBounds {
  readonly lowest: number
  readonly highest: number
}

type Interval = readonly [low: number, high: number]

/** What is known of each observed level on a branch: by itself a level is anything from 0 up. */
interface Known {
  readonly levels: ReadonlyMap<number, Interval>
  readonly work: Work
}

const anyLevel: Interval = [0, Infinity]

const levelOf = ({ levels }: Known, slot: number): Interval => levels.get(slot) ?? anyLevel

/**
 * A condition is looked at once for each of its outcomes, so that conditions within the amounts of conditions double the
 * work with each level: a proof that would take seconds is given up.
 */
interface Work {
  left: number
}
const mostWork = 3_000_000

class TooMuchWork extends Error {}

const spend = (work: Work, steps: number): void => {
  work.left -= steps
  if (work.left < 0) throw new TooMuchWork()
}

/**
 * Proved by interval arithmetic over the tree: each branch is taken with what its condition says of the levels, a branch
 * that no levels can reach is left out. The bounds hold for all levels; they need not be attained, because one level that
 * occurs twice is treated as two. Widened by 1e-9 of themselves for the rounding of an evaluation.
 */
export const provePayoffBounds = (tree: PayoffTree): Priced<PayoffBounds> => {
  const bounds = boundsOf(tree)
  if (bounds === undefined) return refused('too-many', 'payoff')
  const [low, high] = bounds
  if (!(low > -Infinity)) return refused('unbounded-loss', 'payoff')
  if (!(high < Infinity)) return refused('unbounded-gain', 'payoff')
  const slack = 1e-9 * max(Math.abs(low), Math.abs(high))
  return priced({ lowest: low === 0 ? 0 : low - slack, highest: high === 0 ? 0 : high + slack })
}

const boundsOf = (tree: PayoffTree): Interval | undefined => {
  try {
    return boundFlow(tree.root, { levels: new Map(), work: { left: mostWork } })
  } catch (error) {
    if (error instanceof TooMuchWork) return undefined
    throw error
  }
}

const hull = (a: Interval | undefined, b: Interval | undefined): Interval => {
  if (a === undefined || b === undefined) return a ?? b ?? [0, 0]
  return [min(a[0], b[0]), max(a[1], b[1])]
}

const plus = (a: Interval, b: Interval): Interval => [a[0] + b[0], a[1] + b[1]]

const scaled = ([low, high]: Interval, by: number): Interval =>
  by === 0 ? [0, 0] : by > 0 ? [low * by, high * by] : [high * by, low * by]

const boundFlow = (flow: Flow, known: Known): Interval => {
  switch (flow.op) {
    case 'pay':
      return boundAmount(flow.amount, known)
    case 'all':
      return flow.flows.reduce<Interval>((sum, each) => plus(sum, boundFlow(each, known)), [0, 0])
    case 'if':
      return branches(flow.condition, known, flow.ifTrue, flow.ifFalse, boundFlow)
  }
}

const branches = <Node>(
  condition: Condition,
  known: Known,
  whenTrue: Node,
  whenFalse: Node,
  bound: (node: Node, known: Known) => Interval,
): Interval => {
  const [ifTrue, ifFalse] = [assume(condition, true, known), assume(condition, false, known)]
  return hull(
    ifTrue === undefined ? undefined : bound(whenTrue, ifTrue),
    ifFalse === undefined ? undefined : bound(whenFalse, ifFalse),
  )
}

const boundAmount = (amount: Amount, known: Known): Interval => {
  spend(known.work, 1)
  switch (amount.op) {
    case 'constant':
      return [amount.value, amount.value]
    case 'observe':
      return levelOf(known, amount.slot)
    case 'return': {
      if (amount.from === amount.to) return [0, 0]
      const [from, to] = [levelOf(known, amount.from), levelOf(known, amount.to)]
      return [to[0] === 0 ? -1 : to[0] / from[1] - 1, from[0] === 0 ? Infinity : to[1] / from[0] - 1]
    }
    case 'add':
      return amount.terms.reduce<Interval>((sum, term) => plus(sum, boundAmount(term, known)), [0, 0])
    case 'min':
    case 'max': {
      const pick = amount.op === 'min' ? min : max
      const bounds = amount.terms.map(term => boundAmount(term, known))
      return [pick(...bounds.map(([low]) => low)), pick(...bounds.map(([, high]) => high))]
    }
    case 'subtract':
      return plus(boundAmount(amount.left, known), scaled(boundAmount(amount.right, known), -1))
    case 'scale':
      return scaled(boundAmount(amount.term, known), amount.by)
    case 'accrual':
      return [0, 1]
    case 'if':
      return branches(amount.condition, known, amount.ifTrue, amount.ifFalse, boundAmount)
  }
}

/** What is known once the condition is taken to be `truth`; undefined where that cannot be. */
const assume = (condition: Condition, truth: boolean, known: Known): Known | undefined => {
  spend(known.work, 1)
  switch (condition.op) {
    case 'not':
      return assume(condition.condition, !truth, known)
    case 'and':
    case 'or':
      // All of an `and` hold, none of an `or` does; the other way round only one is known to, and which is not.
      if ((condition.op === 'and') !== truth) {
        return condition.conditions.some(each => assume(each, truth, known) !== undefined) ? known : undefined
      }
      return condition.conditions.reduce<Known | undefined>(
        (soFar, each) => (soFar === undefined ? undefined : assume(each, truth, soFar)),
        known,
      )
    case 'knocked': {
      const up = condition.direction === 'up'
      spend(known.work, condition.slots.length)
      if (truth) {
        const reachable = condition.slots.some(slot => {
          const [low, high] = levelOf(known, slot)
          return up ? high >= condition.barrier : low <= condition.barrier
        })
        const [only] = condition.slots
        if (!reachable) return undefined
        return condition.slots.length === 1 && only !== undefined ? clip(known, [only], condition.barrier, up) : known
      }
      return clip(known, condition.slots, condition.barrier, !up)
    }
    default:
      return compare(condition.op, condition.left, condition.right, truth, known)
  }
}

/** Levels that are all at or above (or below) a bound; strictness is given away. */
const clip = (known: Known, slots: readonly number[], bound: number, above: boolean): Known | undefined => {
  const { work } = known
  spend(work, known.levels.size + slots.length)
  const levels = new Map(known.levels)
  for (const slot of slots) {
    const [low, high] = levelOf(known, slot)
    const next: Interval = above ? [max(low, bound), high] : [low, min(high, bound)]
    if (next[0] > next[1]) return undefined
    levels.set(slot, next)
  }
  return { levels, work }
}

const compare = (
  op: 'above' | 'at_or_above' | 'below' | 'at_or_below',
  left: Amount,
  right: Amount,
  truth: boolean,
  known: Known,
): Known | undefined => {
  const above = (op === 'above' || op === 'at_or_above') === truth
  const [a, b] = [boundAmount(left, known), boundAmount(right, known)]
  if (above ? a[1] < b[0] : a[0] > b[1]) return undefined
  let result: Known | undefined = known
  if (left.op === 'observe') result = clip(result, [left.slot], above ? b[0] : b[1], above)
  if (right.op === 'observe' && result !== undefined) result = clip(result, [right.slot], above ? a[1] : a[0], !above)
  return result
}
