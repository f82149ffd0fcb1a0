import { type Priced, priced, type Refused, refused } from './priced.ts'

/**
 * A payoff written by a user: JSON in, a checked tree out. The language is total (no recursion, no names, no functions) and
 * bounded in depth, nodes and schedule length; it is walked, never evaluated as code. Three sorts of node:
 *
 * flow       pay {amount, date} · if {condition, if_true, if_false} · all {flows} · nothing
 * number     constant {value} · observe {index, date} · return {index, from, to} = level(to)/level(from) − 1 ·
 *            add {terms} · subtract {left, right} · multiply {term, by} · divide {term, by}, `by` a constant ·
 *            min {terms} · max {terms} · if {condition, if_true, if_false} · sum, average {dates, start, of}: `of` once for each
 *            date, where `each` and `previous` stand for a date · accrual {index, dates, low, high}: the share of dates
 *            with low ≤ level ≤ high
 * condition  above, at_or_above, below, at_or_below {left, right} · knocked {index, dates, barrier, direction} ·
 *            and, or {conditions} · not {condition}
 *
 * Schedules are unrolled while reading, so that what is left has no variables. A refusal's field is a JSON pointer.
 */
export type Flow =
  | { readonly op: 'pay'; readonly amount: Amount; readonly payment: number }
  | { readonly op: 'if'; readonly condition: Condition; readonly ifTrue: Flow; readonly ifFalse: Flow }
  | { readonly op: 'all'; readonly flows: readonly Flow[] }

export type Amount =
  | { readonly op: 'constant'; readonly value: number }
  | { readonly op: 'observe'; readonly slot: number }
  | { readonly op: 'return'; readonly from: number; readonly to: number }
  | { readonly op: 'add' | 'min' | 'max'; readonly terms: readonly Amount[] }
  | { readonly op: 'subtract'; readonly left: Amount; readonly right: Amount }
  | { readonly op: 'scale'; readonly term: Amount; readonly by: number }
  | { readonly op: 'accrual'; readonly slots: readonly number[]; readonly low: number; readonly high: number }
  | { readonly op: 'if'; readonly condition: Condition; readonly ifTrue: Amount; readonly ifFalse: Amount }

export type Relation = 'above' | 'at_or_above' | 'below' | 'at_or_below'

export type Condition =
  | { readonly op: Relation; readonly left: Amount; readonly right: Amount }
  | {
      readonly op: 'knocked'
      readonly slots: readonly number[]
      readonly barrier: number
      readonly direction: 'up' | 'down'
    }
  | { readonly op: 'and' | 'or'; readonly conditions: readonly Condition[] }
  | { readonly op: 'not'; readonly condition: Condition }

/** One level of one index at one date. */
export interface Observation {
  readonly index: string
  readonly date: string
}

export interface PayoffTree {
  readonly root: Flow
  /** Each node's slot is a position here. */
  readonly observations: readonly Observation[]
  /** Each `pay` names a position here. */
  readonly paymentDates: readonly string[]
}

/** `scheduled`: dates of all knock-ins and accruals together, each as often as it stands in an unrolled schedule. */
export const payoffLimits = {
  depth: 32,
  nodes: 5000,
  scheduleDates: 400,
  scheduled: 20_000,
  terms: 400,
  indexName: 64,
} as const
const largestConstant = 1e9

interface Scope {
  readonly each: string
  readonly previous: string | undefined
}

class Refusal extends Error {
  readonly refusal: Refused
  constructor(code: Refused['code'], field: string) {
    super(code)
    this.refusal = refused(code, field)
  }
}

const fail = (code: Refused['code'], field: string): never => {
  throw new Refusal(code, field)
}

type Json = Readonly<Record<string, unknown>>

const isRecord = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)

const datePattern = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])$/
const indexPattern = /^[A-Za-z0-9][A-Za-z0-9._-]*$/
const relations: readonly Relation[] = ['above', 'at_or_above', 'below', 'at_or_below']
const isRelation = (op: string): op is Relation => relations.some(relation => relation === op)

/** Reads one document. The latest observation on the way to a payment is carried down, for nobody can pay on what is not known. */
class Reader {
  readonly observations: Observation[] = []
  readonly paymentDates: string[] = []
  readonly #slots = new Map<string, number>()
  #nodes = 0
  #scheduled = 0

  flow(json: unknown, at: string, depth: number, known: string): Flow {
    const [op, node] = this.#node(json, at, depth)
    switch (op) {
      case 'pay': {
        this.#fields(node, at, ['amount', 'date'])
        const date = this.#date(node['date'], `${at}/date`, undefined)
        const [amount, latest] = this.#observing(() =>
          this.amount(node['amount'], `${at}/amount`, depth + 1, undefined),
        )
        if (later(known, latest) > date) return fail('observed-after-payment', `${at}/date`)
        return { op: 'pay', amount, payment: this.#payment(date) }
      }
      case 'if': {
        this.#fields(node, at, ['condition', 'if_true', 'if_false'])
        const [condition, latest] = this.#observing(() =>
          this.condition(node['condition'], `${at}/condition`, depth + 1, undefined),
        )
        const decided = later(known, latest)
        const ifTrue = this.flow(node['if_true'], `${at}/if_true`, depth + 1, decided)
        return {
          op: 'if',
          condition,
          ifTrue,
          ifFalse: this.flow(node['if_false'], `${at}/if_false`, depth + 1, decided),
        }
      }
      case 'all':
        this.#fields(node, at, ['flows'])
        return {
          op: 'all',
          flows: this.#list(node['flows'], `${at}/flows`, (item, where) => this.flow(item, where, depth + 1, known)),
        }
      case 'nothing':
        this.#fields(node, at, [])
        return { op: 'all', flows: [] }
      default:
        return fail('unknown-choice', `${at}/op`)
    }
  }

  amount(json: unknown, at: string, depth: number, scope: Scope | undefined): Amount {
    const [op, node] = this.#node(json, at, depth)
    const amountAt = (name: string): Amount => this.amount(node[name], `${at}/${name}`, depth + 1, scope)
    switch (op) {
      case 'constant':
        this.#fields(node, at, ['value'])
        return { op: 'constant', value: this.#number(node['value'], `${at}/value`) }
      case 'observe':
        this.#fields(node, at, ['index', 'date'])
        return { op: 'observe', slot: this.#slot(node['index'], node['date'], at, 'date', scope) }
      case 'return':
        this.#fields(node, at, ['index', 'from', 'to'])
        return {
          op: 'return',
          from: this.#slot(node['index'], node['from'], at, 'from', scope),
          to: this.#slot(node['index'], node['to'], at, 'to', scope),
        }
      case 'add':
      case 'min':
      case 'max':
        this.#fields(node, at, ['terms'])
        return {
          op,
          terms: this.#list(node['terms'], `${at}/terms`, (item, where) => this.amount(item, where, depth + 1, scope)),
        }
      case 'subtract':
        this.#fields(node, at, ['left', 'right'])
        return { op: 'subtract', left: amountAt('left'), right: amountAt('right') }
      case 'multiply':
      case 'divide': {
        this.#fields(node, at, ['term', 'by'])
        if (typeof node['by'] !== 'number') return fail('not-a-constant', `${at}/by`)
        const by = this.#number(node['by'], `${at}/by`)
        if (op === 'divide' && Math.abs(by) < 1 / largestConstant) return fail('out-of-range', `${at}/by`)
        return { op: 'scale', term: amountAt('term'), by: op === 'multiply' ? by : 1 / by }
      }
      case 'if': {
        this.#fields(node, at, ['condition', 'if_true', 'if_false'])
        const condition = this.condition(node['condition'], `${at}/condition`, depth + 1, scope)
        return { op: 'if', condition, ifTrue: amountAt('if_true'), ifFalse: amountAt('if_false') }
      }
      case 'sum':
      case 'average':
        return this.#schedule(op, node, at, depth, scope)
      case 'accrual': {
        this.#fields(node, at, ['index', 'dates', 'low', 'high'])
        const [low, high] = [this.#number(node['low'], `${at}/low`), this.#number(node['high'], `${at}/high`)]
        if (low > high) return fail('not-ascending', `${at}/high`)
        return { op: 'accrual', slots: this.#scheduleSlots(node, at), low, high }
      }
      default:
        return fail('unknown-choice', `${at}/op`)
    }
  }

  condition(json: unknown, at: string, depth: number, scope: Scope | undefined): Condition {
    const [op, node] = this.#node(json, at, depth)
    if (isRelation(op)) {
      this.#fields(node, at, ['left', 'right'])
      const left = this.amount(node['left'], `${at}/left`, depth + 1, scope)
      return { op, left, right: this.amount(node['right'], `${at}/right`, depth + 1, scope) }
    }
    switch (op) {
      case 'knocked': {
        this.#fields(node, at, ['index', 'dates', 'barrier', 'direction'])
        const direction = node['direction']
        if (direction !== 'up' && direction !== 'down') return fail('unknown-choice', `${at}/direction`)
        const barrier = this.#number(node['barrier'], `${at}/barrier`)
        return { op: 'knocked', slots: this.#scheduleSlots(node, at), barrier, direction }
      }
      case 'and':
      case 'or':
        this.#fields(node, at, ['conditions'])
        return {
          op,
          conditions: this.#list(node['conditions'], `${at}/conditions`, (item, where) =>
            this.condition(item, where, depth + 1, scope),
          ),
        }
      case 'not':
        this.#fields(node, at, ['condition'])
        return { op: 'not', condition: this.condition(node['condition'], `${at}/condition`, depth + 1, scope) }
      default:
        return fail('unknown-choice', `${at}/op`)
    }
  }

  #schedule(op: 'sum' | 'average', node: Json, at: string, depth: number, scope: Scope | undefined): Amount {
    if (scope !== undefined) return fail('nested-schedule', at)
    this.#fields(node, at, ['dates', 'start', 'of'])
    const dates = this.#dates(node['dates'], `${at}/dates`)
    const start = node['start'] === undefined ? undefined : this.#date(node['start'], `${at}/start`, undefined)
    if (start !== undefined && start >= (dates[0] ?? '')) return fail('not-ascending', `${at}/start`)
    const terms = dates.map((each, index) =>
      this.amount(node['of'], `${at}/of`, depth + 1, { each, previous: index === 0 ? start : dates[index - 1] }),
    )
    const sum: Amount = { op: 'add', terms }
    return op === 'sum' ? sum : { op: 'scale', term: sum, by: 1 / dates.length }
  }

  #node(json: unknown, at: string, depth: number): readonly [op: string, node: Json] {
    if (depth > payoffLimits.depth) return fail('too-deep', at)
    this.#nodes += 1
    if (this.#nodes > payoffLimits.nodes) return fail('too-many', at)
    if (!isRecord(json)) return fail('malformed', at)
    const op = json['op']
    return typeof op === 'string' ? [op, json] : fail('malformed', `${at}/op`)
  }

  #fields(node: Json, at: string, names: readonly string[]): void {
    for (const name of Object.keys(node)) {
      if (name !== 'op' && !names.includes(name)) fail('malformed', `${at}/${name}`)
    }
  }

  #list<Item>(json: unknown, at: string, read: (item: unknown, at: string) => Item): readonly Item[] {
    if (!Array.isArray(json)) return fail('malformed', at)
    if (json.length === 0) return fail('too-few', at)
    if (json.length > payoffLimits.terms) return fail('too-many', at)
    return json.map((item: unknown, index) => read(item, `${at}/${index}`))
  }

  #number(json: unknown, at: string): number {
    if (typeof json !== 'number') return fail('malformed', at)
    if (!Number.isFinite(json)) return fail('not-finite', at)
    return Math.abs(json) > largestConstant || Object.is(json, -0) ? fail('out-of-range', at) : json
  }

  #date(json: unknown, at: string, scope: Scope | undefined): string {
    if (json === 'each' && scope !== undefined) return scope.each
    if (json === 'previous' && scope !== undefined) return scope.previous ?? fail('missing-observation', at)
    return typeof json === 'string' && datePattern.test(json) ? json : fail('malformed', at)
  }

  #dates(json: unknown, at: string): readonly string[] {
    if (!Array.isArray(json)) return fail('malformed', at)
    if (json.length === 0) return fail('too-few', at)
    if (json.length > payoffLimits.scheduleDates) return fail('too-many', at)
    const dates = json.map((item: unknown, index) => this.#date(item, `${at}/${index}`, undefined))
    for (const [index, date] of dates.entries()) {
      if (index > 0 && date <= (dates[index - 1] ?? '')) return fail('not-ascending', `${at}/${index}`)
    }
    return dates
  }

  #scheduleSlots(node: Json, at: string): readonly number[] {
    const dates = this.#dates(node['dates'], `${at}/dates`)
    this.#scheduled += dates.length
    if (this.#scheduled > payoffLimits.scheduled) return fail('too-many', `${at}/dates`)
    return dates.map(date => this.#slot(node['index'], date, at, 'dates', undefined))
  }

  #slot(index: unknown, date: unknown, at: string, dateField: string, scope: Scope | undefined): number {
    if (typeof index !== 'string' || index.length > payoffLimits.indexName || !indexPattern.test(index))
      return fail('malformed', `${at}/index`)
    const day = this.#date(date, `${at}/${dateField}`, scope)
    this.#latest = later(this.#latest, day)
    const key = `${index}@${day}`
    const known = this.#slots.get(key)
    if (known !== undefined) return known
    const slot = this.observations.push({ index, date: day }) - 1
    this.#slots.set(key, slot)
    return slot
  }

  #payment(date: string): number {
    const known = this.paymentDates.indexOf(date)
    return known >= 0 ? known : this.paymentDates.push(date) - 1
  }

  #latest = ''

  /** What `read` answers, and the latest date that it observes. */
  #observing<Node>(read: () => Node): readonly [Node, latest: string] {
    const before = this.#latest
    this.#latest = ''
    const node = read()
    const latest = this.#latest
    this.#latest = before
    return [node, latest]
  }
}

const later = (a: string, b: string): string => (a > b ? a : b)

/** The checked tree of a payoff document, or what is wrong with it and where. */
export const readPayoff = (json: unknown): Priced<PayoffTree> => {
  const reader = new Reader()
  try {
    const root = reader.flow(json, '', 0, '')
    return priced({ root, observations: reader.observations, paymentDates: reader.paymentDates })
  } catch (error) {
    if (error instanceof Refusal) return error.refusal
    throw error
  }
}
