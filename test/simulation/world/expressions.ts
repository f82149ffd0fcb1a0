/**
 * DynamoDB's condition, filter, key condition and update expressions, compiled to closures once for each text.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.html
 */
export type Item = Readonly<Record<string, unknown>>

export interface Bindings {
  readonly names: Readonly<Record<string, string>> | undefined
  readonly values: Readonly<Record<string, unknown>> | undefined
}

export type Condition = (item: Item | undefined, bindings: Bindings) => boolean
type Operand = (item: Item | undefined, bindings: Bindings) => unknown
type Path = (bindings: Bindings) => readonly (string | number)[]
/** Changes a copy, reading the item as it was. */
type Action = (
  copy: Record<string, unknown>,
  before: Item | undefined,
  bindings: Bindings,
  marshalled: (value: unknown, name: string) => unknown,
) => void

interface Compiled<What> {
  readonly run: What
  readonly names: ReadonlySet<string>
  readonly values: ReadonlySet<string>
}

/** What DynamoDB would answer with ValidationException. */
export class InvalidExpression extends Error {
  override readonly name = 'InvalidExpression'
}

const tokenPattern = /\s*(<>|<=|>=|[=<>(),+\-.[\]]|[#:]?\w+)/y

class Parser {
  readonly names = new Set<string>()
  readonly values = new Set<string>()
  private readonly text: string
  private readonly tokens: string[] = []
  private at = 0

  constructor(text: string) {
    this.text = text
    tokenPattern.lastIndex = 0
    let end = 0
    for (let found = tokenPattern.exec(text); found !== null; found = tokenPattern.exec(text)) {
      this.tokens.push(found[1] ?? '')
      end = tokenPattern.lastIndex
    }
    if (text.slice(end).trim() !== '') throw new InvalidExpression(`unreadable at ${end}: ${text}`)
  }

  get isAtEnd(): boolean {
    return this.at >= this.tokens.length
  }

  peek(offset = 0): string {
    return this.tokens[this.at + offset] ?? ''
  }

  next(): string {
    return this.tokens[this.at++] ?? ''
  }

  /** Keywords are of any case. */
  takes(...words: readonly string[]): boolean {
    for (const [index, word] of words.entries()) if (this.peek(index).toUpperCase() !== word) return false
    this.at += words.length
    return true
  }

  expect(token: string): void {
    if (!this.takes(token)) throw new InvalidExpression(`${token} expected before "${this.peek()}": ${this.text}`)
  }

  path(): Path {
    const parts: ((bindings: Bindings) => string | number)[] = [this.pathName()]
    for (;;) {
      if (this.takes('.')) parts.push(this.pathName())
      else if (this.takes('[')) {
        const index = Number(this.next())
        this.expect(']')
        parts.push(() => index)
      } else break
    }
    const [first] = parts
    return parts.length === 1 && first !== undefined
      ? bindings => [first(bindings)]
      : bindings => parts.map(part => part(bindings))
  }

  private pathName(): (bindings: Bindings) => string {
    const token = this.next()
    if (!token.startsWith('#')) {
      if (!/^[a-z_]\w*$/i.test(token))
        throw new InvalidExpression(`an attribute expected, not "${token}": ${this.text}`)
      return () => token
    }
    this.names.add(token)
    return ({ names }) => {
      const name = names?.[token]
      if (name === undefined) throw new InvalidExpression(`the name ${token} is not given: ${this.text}`)
      return name
    }
  }

  operand(): Operand {
    const token = this.peek()
    if (token.startsWith(':')) {
      this.next()
      this.values.add(token)
      return (_, { values }) => {
        const value = values?.[token]
        if (value === undefined) throw new InvalidExpression(`the value ${token} is not given: ${this.text}`)
        return value
      }
    }
    if (this.takes('SIZE', '(')) {
      const path = this.path()
      this.expect(')')
      return (item, bindings) => sizeOf(valueAt(item, path(bindings)))
    }
    if (this.peek(1) !== '.' && this.peek(1) !== '[') {
      // By far the most: an attribute of the item itself.
      const name = this.pathName()
      return (item, bindings) => item?.[name(bindings)]
    }
    const path = this.path()
    return (item, bindings) => valueAt(item, path(bindings))
  }

  condition(): Condition {
    let left = this.conjunction()
    while (this.takes('OR')) {
      const [one, other] = [left, this.conjunction()]
      left = (item, bindings) => one(item, bindings) || other(item, bindings)
    }
    return left
  }

  private conjunction(): Condition {
    let left = this.term()
    while (this.takes('AND')) {
      const [one, other] = [left, this.term()]
      left = (item, bindings) => one(item, bindings) && other(item, bindings)
    }
    return left
  }

  private term(): Condition {
    if (this.takes('NOT')) {
      const negated = this.term()
      return (item, bindings) => !negated(item, bindings)
    }
    if (this.takes('(')) {
      const inner = this.condition()
      this.expect(')')
      return inner
    }
    if (this.peek(1) === '(' && this.peek().toLowerCase() !== 'size') return this.predicate()
    return this.comparison()
  }

  private predicate(): Condition {
    const name = this.next().toLowerCase()
    this.expect('(')
    if (name === 'attribute_exists' || name === 'attribute_not_exists') {
      const path = this.path()
      this.expect(')')
      const wanted = name === 'attribute_exists'
      return (item, bindings) => (valueAt(item, path(bindings)) !== undefined) === wanted
    }
    const left = this.operand()
    this.expect(',')
    const right = this.operand()
    this.expect(')')
    switch (name) {
      case 'begins_with':
        return (item, bindings) => {
          const [text, start] = [left(item, bindings), right(item, bindings)]
          return typeof text === 'string' && typeof start === 'string' && text.startsWith(start)
        }
      case 'contains':
        return (item, bindings) => contains(left(item, bindings), right(item, bindings))
      case 'attribute_type':
        return (item, bindings) => typeOf(left(item, bindings)) === right(item, bindings)
      default:
        throw new InvalidExpression(`the function ${name} is not known: ${this.text}`)
    }
  }

  private comparison(): Condition {
    const left = this.operand()
    if (this.takes('BETWEEN')) {
      const least = this.operand()
      this.expect('AND')
      const most = this.operand()
      return (item, bindings) => {
        const value = left(item, bindings)
        return ordered(least(item, bindings), value) <= 0 && ordered(value, most(item, bindings)) <= 0
      }
    }
    if (this.takes('IN')) {
      this.expect('(')
      const choices: Operand[] = []
      do choices.push(this.operand())
      while (this.takes(','))
      this.expect(')')
      return (item, bindings) => {
        const value = left(item, bindings)
        return choices.some(choice => isEqual(value, choice(item, bindings)))
      }
    }
    const comparator = this.next()
    const right = this.operand()
    switch (comparator) {
      case '=':
        return (item, bindings) => isEqual(left(item, bindings), right(item, bindings))
      case '<>':
        return (item, bindings) => !isEqual(left(item, bindings), right(item, bindings))
      case '<':
        return (item, bindings) => ordered(left(item, bindings), right(item, bindings)) < 0
      case '<=':
        return (item, bindings) => ordered(left(item, bindings), right(item, bindings)) <= 0
      case '>':
        return (item, bindings) => ordered(left(item, bindings), right(item, bindings)) > 0
      case '>=':
        return (item, bindings) => ordered(left(item, bindings), right(item, bindings)) >= 0
      default:
        throw new InvalidExpression(`"${comparator}" is no comparator: ${this.text}`)
    }
  }

  update(): readonly Action[] {
    const actions: Action[] = []
    const clauses = new Set<string>()
    while (!this.isAtEnd) {
      const clause = this.next().toUpperCase()
      if (clauses.has(clause)) throw new InvalidExpression(`${clause} twice: ${this.text}`)
      clauses.add(clause)
      do actions.push(this.action(clause))
      while (this.takes(','))
    }
    if (actions.length === 0) throw new InvalidExpression('an update that changes nothing')
    return actions
  }

  private action(clause: string): Action {
    const path = this.path()
    switch (clause) {
      case 'SET': {
        this.expect('=')
        const value = this.sum()
        return (copy, before, bindings, marshalled) => {
          const given = present(value(before, bindings), this.text)
          // Numbers are looked at too: not all can be stored.
          const stored = typeof given === 'string' ? given : marshalled(given, this.text)
          setAt(copy, path(bindings), stored)
        }
      }
      case 'REMOVE':
        return (copy, _, bindings) => removeAt(copy, path(bindings))
      case 'ADD': {
        const value = this.operand()
        return (copy, before, bindings) =>
          setAt(copy, path(bindings), added(valueAt(before, path(bindings)), value(before, bindings)))
      }
      case 'DELETE': {
        const value = this.operand()
        return (copy, before, bindings) => {
          const [from, what] = [valueAt(before, path(bindings)), value(before, bindings)]
          if (!(what instanceof Set)) throw new InvalidExpression(`DELETE takes a set: ${this.text}`)
          if (!(from instanceof Set)) return
          const left = from.difference(what)
          if (left.size === 0) removeAt(copy, path(bindings))
          else setAt(copy, path(bindings), left)
        }
      }
      default:
        throw new InvalidExpression(`the clause ${clause} is not known: ${this.text}`)
    }
  }

  private sum(): Operand {
    const left = this.settable()
    const sign = this.peek()
    if (sign !== '+' && sign !== '-') return left
    this.next()
    const right = this.settable()
    return (item, bindings) => {
      const [one, other] = [left(item, bindings), right(item, bindings)]
      if (typeof one !== 'number' || typeof other !== 'number')
        throw new InvalidExpression(`an operand of ${sign} is no number: ${this.text}`)
      return sign === '+' ? one + other : one - other
    }
  }

  private settable(): Operand {
    if (this.takes('IF_NOT_EXISTS', '(')) {
      const path = this.path()
      this.expect(',')
      const otherwise = this.settable()
      this.expect(')')
      return (item, bindings) => valueAt(item, path(bindings)) ?? otherwise(item, bindings)
    }
    if (this.takes('LIST_APPEND', '(')) {
      const first = this.settable()
      this.expect(',')
      const second = this.settable()
      this.expect(')')
      return (item, bindings) => {
        const [one, other] = [first(item, bindings), second(item, bindings)]
        if (!Array.isArray(one) || !Array.isArray(other))
          throw new InvalidExpression(`list_append takes lists: ${this.text}`)
        return [...one, ...other]
      }
    }
    return this.operand()
  }
}

const present = (value: unknown, text: string): unknown => {
  if (value === undefined) throw new InvalidExpression(`an attribute that is set from is not in the item: ${text}`)
  return value
}

const isContainer = (value: unknown): value is Record<string | number, unknown> =>
  typeof value === 'object' && value !== null

const valueAt = (item: Item | undefined, path: readonly (string | number)[]): unknown => {
  let value: unknown = item
  for (const part of path) {
    if (!isContainer(value)) return undefined
    value = value[part]
  }
  return value
}

/** Nested ones are copied, since the item before holds the same. */
const setAt = (copy: Record<string | number, unknown>, path: readonly (string | number)[], value: unknown): void => {
  const [part, ...rest] = path
  if (part === undefined) return
  if (rest.length === 0) {
    copy[part] = value
    return
  }
  const inner = copy[part]
  if (!isContainer(inner)) throw new InvalidExpression(`the path ${path.join('.')} is not in the item`)
  const innerCopy = Array.isArray(inner) ? [...inner] : { ...inner }
  setAt(innerCopy as Record<string | number, unknown>, rest, value)
  copy[part] = innerCopy
}

const removeAt = (copy: Record<string | number, unknown>, path: readonly (string | number)[]): void => {
  const [part, ...rest] = path
  if (part === undefined) return
  if (rest.length === 0) {
    if (Array.isArray(copy)) copy.splice(Number(part), 1)
    else delete copy[part]
    return
  }
  const inner = copy[part]
  if (!isContainer(inner)) return
  const innerCopy = Array.isArray(inner) ? [...inner] : { ...inner }
  removeAt(innerCopy as Record<string | number, unknown>, rest)
  copy[part] = innerCopy
}

const added = (to: unknown, what: unknown): unknown => {
  if (typeof what === 'number' && (to === undefined || typeof to === 'number')) return (to ?? 0) + what
  if (what instanceof Set && (to === undefined || to instanceof Set)) return new Set([...(to ?? []), ...what])
  throw new InvalidExpression('ADD takes numbers and sets')
}

const sizeOf = (value: unknown): number | undefined => {
  if (typeof value === 'string') return Buffer.byteLength(value)
  if (value instanceof Uint8Array) return value.length
  if (value instanceof Set) return value.size
  if (Array.isArray(value)) return value.length
  return isContainer(value) ? Object.keys(value).length : undefined
}

const typeOf = (value: unknown): string | undefined => {
  if (value === null) return 'NULL'
  if (value instanceof Uint8Array) return 'B'
  if (Array.isArray(value)) return 'L'
  switch (typeof value) {
    case 'string':
      return 'S'
    case 'number':
      return 'N'
    case 'boolean':
      return 'BOOL'
    case 'object':
      return 'M'
    default:
      return undefined
  }
}

const contains = (whole: unknown, part: unknown): boolean => {
  if (typeof whole === 'string') return typeof part === 'string' && whole.includes(part)
  if (whole instanceof Set) return whole.has(part)
  return Array.isArray(whole) && whole.some(each => isEqual(each, part))
}

/** An attribute that is absent equals nothing. */
export const isEqual = (one: unknown, other: unknown): boolean => {
  if (one === other) return one !== undefined
  if (!isContainer(one) || !isContainer(other)) return false
  if (one instanceof Uint8Array || other instanceof Uint8Array)
    return one instanceof Uint8Array && other instanceof Uint8Array && Buffer.compare(one, other) === 0
  if (one instanceof Set || other instanceof Set)
    return one instanceof Set && other instanceof Set && one.size === other.size && one.isSubsetOf(other)
  if (Array.isArray(one) !== Array.isArray(other)) return false
  const names = Object.keys(one)
  return names.length === Object.keys(other).length && names.every(name => isEqual(one[name], other[name]))
}

/** NaN, which compares to nothing, where they are not of one ordered type. */
export const ordered = (one: unknown, other: unknown): number => {
  if (typeof one === 'number' && typeof other === 'number') return one - other
  if (typeof one === 'string' && typeof other === 'string') return one < other ? -1 : one > other ? 1 : 0
  if (one instanceof Uint8Array && other instanceof Uint8Array) return Buffer.compare(one, other)
  return Number.NaN
}

const conditions = new Map<string, Compiled<Condition>>()
const updates = new Map<string, Compiled<readonly Action[]>>()

const compiled = <What>(
  cache: Map<string, Compiled<What>>,
  text: string,
  parse: (parser: Parser) => What,
): Compiled<What> => {
  const known = cache.get(text)
  if (known !== undefined) return known
  const parser = new Parser(text)
  const run = parse(parser)
  if (!parser.isAtEnd) throw new InvalidExpression(`"${parser.peek()}" is too much: ${text}`)
  const made = { run, names: parser.names, values: parser.values }
  cache.set(text, made)
  return made
}

const conditionOf = (text: string) => compiled(conditions, text, parser => parser.condition())
const updateOf = (text: string) => compiled(updates, text, parser => parser.update())

export const holds = (text: string | undefined, item: Item | undefined, bindings: Bindings): boolean =>
  text === undefined || conditionOf(text).run(item, bindings)

/** The item after the update; keys are those of an item that is not there yet. */
export const updated = (
  text: string,
  item: Item | undefined,
  keys: Item,
  bindings: Bindings,
  marshalled: (value: unknown, name: string) => unknown,
): Item => {
  const copy: Record<string, unknown> = item === undefined ? { ...keys } : { ...item }
  for (const action of updateOf(text).run) action(copy, item, bindings, marshalled)
  return copy
}

/** By the texts of a request: how many names and values its expressions use. */
const usedCounts = new Map<string, Map<string, { readonly names: number; readonly values: number }>>()

const usedBy = (condition: string, update: string, filter: string) => {
  const second = filter === '' ? update : `${update}|${filter}`
  let byUpdate = usedCounts.get(condition)
  if (byUpdate === undefined) {
    byUpdate = new Map()
    usedCounts.set(condition, byUpdate)
  }
  const known = byUpdate.get(second)
  if (known !== undefined) return known
  const parsed = [
    ...(condition === '' ? [] : [conditionOf(condition)]),
    ...(filter === '' ? [] : [conditionOf(filter)]),
    ...(update === '' ? [] : [updateOf(update)]),
  ]
  const counts = {
    names: new Set(parsed.flatMap(({ names }) => [...names])).size,
    values: new Set(parsed.flatMap(({ values }) => [...values])).size,
  }
  byUpdate.set(second, counts)
  return counts
}

const sizeOfRecord = (record: object | undefined): number => {
  let size = 0
  for (const _ in record) size++
  return size
}

/** DynamoDB refuses names and values that no expression uses. Those that lack are found when they are looked for. */
export const checkUsed = ({ names, values }: Bindings, condition = '', update = '', filter = ''): void => {
  if (names === undefined && values === undefined) return
  const used = usedBy(condition, update, filter)
  if (sizeOfRecord(names) > used.names) throw new InvalidExpression(`a name is not used: ${Object.keys(names ?? {})}`)
  if (sizeOfRecord(values) > used.values)
    throw new InvalidExpression(`a value is not used: ${Object.keys(values ?? {})}`)
}
