import { isRecord } from './aws-endpoint.ts'

/** EventBridge's event patterns, as rules and Lambda's filter criteria use them. An unknown operator is refused. */
export type EventPattern = (event: unknown) => boolean
type Scalar = string | number | boolean | null
type Test = (leaf: Scalar) => boolean

export function compileEventPattern(pattern: unknown): EventPattern {
  if (!isRecord(pattern) || Object.keys(pattern).length === 0) throw unknownPattern(pattern)
  const fields = Object.entries(pattern).map(([key, wanted]): ((event: Record<string, unknown>) => boolean) => {
    if (key === '$or') {
      if (!Array.isArray(wanted) || wanted.length < 2) throw unknownPattern(pattern)
      const choices = wanted.map(compileEventPattern)
      return event => choices.some(choice => choice(event))
    }
    if (Array.isArray(wanted)) {
      if (wanted.length === 0) throw unknownPattern(pattern)
      const alternatives = wanted.map(compileAlternative)
      return event => alternatives.some(matches => matches(leaves(event[key])))
    }
    const matches = compileEventPattern(wanted)
    return event => {
      const inner = event[key]
      // All fields must match within one and the same element of a list.
      return Array.isArray(inner) ? inner.some(matches) : matches(inner)
    }
  })
  return event => fields.every(field => field(isRecord(event) ? event : {}))
}

/** What a pattern's list is held against: a list in the event matches by any of its elements. */
function leaves(value: unknown): Scalar[] {
  if (Array.isArray(value)) return value.flatMap(leaves)
  return isScalar(value) ? [value] : []
}

function isScalar(value: unknown): value is Scalar {
  return value === null || ['string', 'number', 'boolean'].includes(typeof value)
}

function compileAlternative(wanted: unknown): (found: readonly Scalar[]) => boolean {
  if (isScalar(wanted)) return found => found.includes(wanted)
  const [operator, operand] = soleEntry(wanted)
  if (operator === 'exists' && typeof operand === 'boolean') return found => found.length > 0 === operand
  const test = compileOperator(operator, operand)
  return found => found.some(test)
}

function compileOperator(operator: string, operand: unknown): Test {
  switch (operator) {
    case 'prefix':
      return compileAffix(operand, (leaf, part) => leaf.startsWith(part))
    case 'suffix':
      return compileAffix(operand, (leaf, part) => leaf.endsWith(part))
    case 'equals-ignore-case':
      return compileAffix({ 'equals-ignore-case': operand }, (leaf, part) => leaf === part)
    case 'wildcard': {
      const source = textOf(operand).replaceAll(/\\([*\\])|\*|[^*]/gs, (part, escaped: string | undefined) =>
        part === '*' ? '.*' : (escaped ?? part).replace(/[.*+?^${}()|[\]\\]/, '\\$&'),
      )
      const expression = new RegExp(`^${source}$`, 's')
      return leaf => typeof leaf === 'string' && expression.test(leaf)
    }
    case 'numeric':
      return compileNumeric(operand)
    case 'anything-but': {
      const [inner, value] = isRecord(operand) ? soleEntry(operand) : [undefined, operand]
      if (inner !== undefined && !/^(prefix|suffix|equals-ignore-case|wildcard)$/.test(inner))
        throw unknownPattern(operand)
      const excluded = [value]
        .flat()
        .map(one => (inner === undefined ? compileEqual(one) : compileOperator(inner, one)))
      return leaf => !excluded.some(test => test(leaf))
    }
    default:
      throw unknownPattern({ [operator]: operand })
  }
}

function compileEqual(wanted: unknown): Test {
  if (!isScalar(wanted)) throw unknownPattern(wanted)
  return leaf => leaf === wanted
}

function compileAffix(operand: unknown, matches: (leaf: string, part: string) => boolean): Test {
  if (!isRecord(operand)) {
    const part = textOf(operand)
    return leaf => typeof leaf === 'string' && matches(leaf, part)
  }
  const [modifier, text] = soleEntry(operand)
  if (modifier !== 'equals-ignore-case') throw unknownPattern(operand)
  const part = textOf(text).toLowerCase()
  return leaf => typeof leaf === 'string' && matches(leaf.toLowerCase(), part)
}

const comparisons: Readonly<Record<string, (leaf: number, bound: number) => boolean>> = {
  '=': (leaf, bound) => leaf === bound,
  '<': (leaf, bound) => leaf < bound,
  '<=': (leaf, bound) => leaf <= bound,
  '>': (leaf, bound) => leaf > bound,
  '>=': (leaf, bound) => leaf >= bound,
}

function compileNumeric(operand: unknown): Test {
  const [sign, bound, ...more] = Array.isArray(operand) ? operand : []
  const compare = comparisons[String(sign)]
  if (compare === undefined || typeof bound !== 'number') throw unknownPattern(operand)
  const rest = more.length === 0 ? undefined : compileNumeric(more)
  return leaf => typeof leaf === 'number' && compare(leaf, bound) && rest?.(leaf) !== false
}

function soleEntry(pattern: unknown): [string, unknown] {
  const [entry, ...more] = isRecord(pattern) ? Object.entries(pattern) : []
  if (entry === undefined || more.length > 0) throw unknownPattern(pattern)
  return entry
}

function textOf(value: unknown): string {
  if (typeof value !== 'string') throw unknownPattern(value)
  return value
}

function unknownPattern(pattern: unknown): Error {
  return new Error(`the event pattern ${JSON.stringify(pattern)} is not supported`)
}
