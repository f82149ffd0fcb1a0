import type { Amount, Condition, Flow, PayoffTree } from './payoff-tree.ts'
import { type Priced, priced, refused } from './priced.ts'

const { max, min } = Math

/** Levels by slot; NaN where there is no fixing, which `missing` then remembers. */
interface Levels {
  readonly values: Float64Array
  missing: number
}

const levelAt = (levels: Levels, slot: number): number => {
  const level = levels.values[slot] ?? Number.NaN
  if (!(level > 0)) levels.missing = slot
  return level
}

const amountOf = (amount: Amount, levels: Levels): number => {
  switch (amount.op) {
    case 'constant':
      return amount.value
    case 'observe':
      return levelAt(levels, amount.slot)
    case 'return':
      return levelAt(levels, amount.to) / levelAt(levels, amount.from) - 1
    case 'add': {
      let sum = 0
      for (const term of amount.terms) sum += amountOf(term, levels)
      return sum
    }
    case 'min': {
      let least = Infinity
      for (const term of amount.terms) least = min(least, amountOf(term, levels))
      return least
    }
    case 'max': {
      let most = -Infinity
      for (const term of amount.terms) most = max(most, amountOf(term, levels))
      return most
    }
    case 'subtract':
      return amountOf(amount.left, levels) - amountOf(amount.right, levels)
    case 'scale':
      return amountOf(amount.term, levels) * amount.by
    case 'accrual': {
      let inside = 0
      for (const slot of amount.slots) {
        const level = levelAt(levels, slot)
        if (level >= amount.low && level <= amount.high) inside += 1
      }
      return inside / amount.slots.length
    }
    case 'if':
      return amountOf(holds(amount.condition, levels) ? amount.ifTrue : amount.ifFalse, levels)
  }
}

const holds = (condition: Condition, levels: Levels): boolean => {
  switch (condition.op) {
    case 'above':
      return amountOf(condition.left, levels) > amountOf(condition.right, levels)
    case 'at_or_above':
      return amountOf(condition.left, levels) >= amountOf(condition.right, levels)
    case 'below':
      return amountOf(condition.left, levels) < amountOf(condition.right, levels)
    case 'at_or_below':
      return amountOf(condition.left, levels) <= amountOf(condition.right, levels)
    case 'knocked':
      for (const slot of condition.slots) {
        const level = levelAt(levels, slot)
        if (condition.direction === 'up' ? level >= condition.barrier : level <= condition.barrier) return true
      }
      return false
    case 'and':
      return condition.conditions.every(each => holds(each, levels))
    case 'or':
      return condition.conditions.some(each => holds(each, levels))
    case 'not':
      return !holds(condition.condition, levels)
  }
}

/** Sum of the payments, each times the weight of its date. */
const flowValue = (flow: Flow, levels: Levels, weights: Float64Array): number => {
  switch (flow.op) {
    case 'pay':
      return amountOf(flow.amount, levels) * (weights[flow.payment] ?? 0)
    case 'if':
      return flowValue(holds(flow.condition, levels) ? flow.ifTrue : flow.ifFalse, levels, weights)
    case 'all': {
      let sum = 0
      for (const each of flow.flows) sum += flowValue(each, levels, weights)
      return sum
    }
  }
}

/** Discounted value of one path: `levels` by slot, all positive; `discountFactors` by payment. Unchecked, for simulations. */
export const pathValue = (tree: PayoffTree, levels: Float64Array, discountFactors: Float64Array): number =>
  flowValue(tree.root, { values: levels, missing: -1 }, discountFactors)

export interface Payment {
  readonly date: string
  readonly amountMicros: number
}

export interface PaymentsDue {
  /** What the fixings so far decide, per unit, in micros, halves away from zero. */
  readonly due: readonly Payment[]
  /** The observations that the undecided rest waits for next, as `index@date`. */
  readonly awaiting: readonly string[]
}

/**
 * What a unit pays by the fixings that exist: `levelOf` answers the level of an index at a date, or undefined where it is
 * not fixed yet. Parts of the payoff that stand side by side are decided one by one.
 */
export const paymentsDue = (
  tree: PayoffTree,
  levelOf: (index: string, date: string) => number | undefined,
): Priced<PaymentsDue> => {
  const values = Float64Array.from(tree.observations, ({ index, date }) => levelOf(index, date) ?? Number.NaN)
  for (const value of values) if (value <= 0 || value === Infinity) return refused('not-positive', 'levelOf')
  const due: Payment[] = []
  const awaiting = new Set<string>()
  const decide = (flow: Flow): void => {
    const levels: Levels = { values, missing: -1 }
    if (flow.op === 'all') {
      for (const each of flow.flows) decide(each)
      return
    }
    if (flow.op === 'if') {
      const branch = holds(flow.condition, levels) ? flow.ifTrue : flow.ifFalse
      if (levels.missing < 0) decide(branch)
      else wait(levels.missing)
      return
    }
    const amount = amountOf(flow.amount, levels)
    if (levels.missing >= 0) {
      wait(levels.missing)
      return
    }
    const micros = Math.sign(amount) * Math.round(Math.abs(amount) * 1e6)
    due.push({ date: tree.paymentDates[flow.payment] ?? '', amountMicros: micros === 0 ? 0 : micros })
  }
  const wait = (slot: number): void => {
    const { index, date } = tree.observations[slot] ?? { index: '', date: '' }
    awaiting.add(`${index}@${date}`)
  }
  decide(tree.root)
  if (due.some(({ amountMicros }) => !Number.isSafeInteger(amountMicros))) return refused('not-representable', 'value')
  return priced({ due, awaiting: [...awaiting] })
}
