import { isRecord } from './aws-endpoint.ts'

/** EventBridge's event patterns, as rules and Lambda's filter criteria use them. An unknown operator is refused. */
export type EventPattern = (event: unknown) => boolean

type Scalar = string | number | boolean | null
type Test = (leaf: Scalar) => boolean

export function compileEventPattern(pattern: unknown): EventPattern {
  if (!isRecord(pattern) || Object.keys(pattern).length === 0) throw new Error('an event pattern is a non-empty object')
  return compileObject(pattern, '')
}

function compileObject(pattern: Record<string, unknown>, path: string): EventPattern {
  const fields = Object.entries(pattern).map(([key, wanted]): ((event: Record<string, unknown>) => boolean) => {
    const at = path === '' ? key : `${path}.${key}`
    if (key === '$or') {
      if (!Array.isArray(wanted) || wanted.length < 2) throw new Error(`${at} takes a list of at least two patterns`)
      const choices = wanted.map(choice => {
        if (!isRecord(choice)) throw new Error(`${at} takes patterns`)
        return compileObject(choice, path)
      })
      return event => choices.some(choice => choice(event))
    }
    if (Array.isArray(wanted)) {
      const matches = compileLeaf(wanted, at)
      return event => matches(leaves(event[key]))
    }
    if (!isRecord(wanted)) throw new Error(`${at} must be a list of values or an object`)
    const matches = compileObject(wanted, at)
    return event => {
      const inner = event[key]
      // All fields must match within one and the same element of a list.
      return Array.isArray(inner) ? inner.some(matches) : matches(inner)
    }
  })
  return event => {
    const given = isRecord(event) ? event : {}
    return fields.every(field => field(given))
  }
}

/** What a pattern's list is held against: a list in the event matches by any of its elements. */
function leaves(value: unknown): Scalar[] {
  if (Array.isArray(value)) return value.flatMap(leaves)
  return isScalar(value) ? [value] : []
}

function isScalar(value: unknown): value is Scalar {
  return value === null || ['string', 'number', 'boolean'].includes(typeof value)
}

function compileLeaf(wanted: readonly unknown[], at: string): (found: readonly Scalar[]) => boolean {
  if (wanted.length === 0) throw new Error(`${at} must not be empty`)
  const alternatives = wanted.map((one): ((found: readonly Scalar[]) => boolean) => {
    if (isScalar(one)) return found => found.includes(one)
    if (!isRecord(one)) throw new Error(`${at} holds a value that is no pattern`)
    const [operator, operand] = soleEntry(one, at)
    if (operator === 'exists') {
      if (typeof operand !== 'boolean') throw new Error(`${at}: exists takes true or false`)
      return found => found.length > 0 === operand
    }
    const test = compileOperator(operator, operand, at)
    return found => found.some(test)
  })
  return found => alternatives.some(alternative => alternative(found))
}

function compileOperator(operator: string, operand: unknown, at: string): Test {
  switch (operator) {
    case 'prefix':
      return compileAffix(operand, `${at}: prefix`, (leaf, affix) => leaf.startsWith(affix))
    case 'suffix':
      return compileAffix(operand, `${at}: suffix`, (leaf, affix) => leaf.endsWith(affix))
    case 'equals-ignore-case': {
      const lower = stringOf(operand, `${at}: ${operator}`).toLowerCase()
      return leaf => typeof leaf === 'string' && leaf.toLowerCase() === lower
    }
    case 'wildcard':
      return compileWildcard(stringOf(operand, `${at}: wildcard`))
    case 'numeric':
      return compileNumeric(operand, at)
    case 'anything-but':
      return compileAnythingBut(operand, at)
    default:
      throw new Error(`${at}: the operator ${operator} is not supported`)
  }
}

function compileAffix(operand: unknown, at: string, has: (leaf: string, affix: string) => boolean): Test {
  if (isRecord(operand)) {
    const [modifier, text] = soleEntry(operand, at)
    if (modifier !== 'equals-ignore-case') throw new Error(`${at}: ${modifier} is not supported`)
    const lower = stringOf(text, at).toLowerCase()
    return leaf => typeof leaf === 'string' && has(leaf.toLowerCase(), lower)
  }
  const affix = stringOf(operand, at)
  return leaf => typeof leaf === 'string' && has(leaf, affix)
}

function compileWildcard(wildcard: string): Test {
  const source = wildcard.replaceAll(/\\([*\\])|\*|[^*\\]+|\\/g, (part, escaped: string | undefined) =>
    part === '*' ? '.*' : (escaped ?? part).replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'),
  )
  const expression = new RegExp(`^${source}$`, 's')
  return leaf => typeof leaf === 'string' && expression.test(leaf)
}

const comparisons: Readonly<Record<string, (leaf: number, bound: number) => boolean>> = {
  '=': (leaf, bound) => leaf === bound,
  '<': (leaf, bound) => leaf < bound,
  '<=': (leaf, bound) => leaf <= bound,
  '>': (leaf, bound) => leaf > bound,
  '>=': (leaf, bound) => leaf >= bound,
}

function compileNumeric(operand: unknown, at: string): Test {
  if (!Array.isArray(operand) || ![2, 4].includes(operand.length)) throw new Error(`${at}: numeric takes comparisons`)
  const tests: ((leaf: number) => boolean)[] = []
  for (let index = 0; index < operand.length; index += 2) {
    const compare = comparisons[String(operand[index])]
    const bound: unknown = operand[index + 1]
    if (compare === undefined || typeof bound !== 'number') {
      throw new Error(`${at}: numeric does not know ${JSON.stringify(operand)}`)
    }
    tests.push(leaf => compare(leaf, bound))
  }
  return leaf => typeof leaf === 'number' && tests.every(test => test(leaf))
}

function compileAnythingBut(operand: unknown, at: string): Test {
  if (isRecord(operand)) {
    const [operator, inner] = soleEntry(operand, at)
    if (!['prefix', 'suffix', 'equals-ignore-case', 'wildcard'].includes(operator)) {
      throw new Error(`${at}: anything-but does not know ${operator}`)
    }
    const excluded = (Array.isArray(inner) ? inner : [inner]).map(one => compileOperator(operator, one, at))
    return leaf => !excluded.some(test => test(leaf))
  }
  const excluded: unknown[] = Array.isArray(operand) ? operand : [operand]
  if (excluded.length === 0 || !excluded.every(isScalar)) throw new Error(`${at}: anything-but takes values`)
  return leaf => !excluded.includes(leaf)
}

function soleEntry(pattern: Record<string, unknown>, at: string): [string, unknown] {
  const [entry, ...more] = Object.entries(pattern)
  if (entry === undefined || more.length > 0) throw new Error(`${at}: exactly one operator is wanted`)
  return entry
}

function stringOf(value: unknown, at: string): string {
  if (typeof value !== 'string') throw new Error(`${at} takes a string`)
  return value
}
