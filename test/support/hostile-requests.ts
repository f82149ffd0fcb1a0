import { brotliCompressSync, constants, deflateSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import * as z from 'zod'
import { encodeCursor } from '#lambdas/shell/cursor.ts'
import type { Operation } from '#protocol/operation.ts'
import type { ProblemCode } from '#protocol/problems.ts'

/**
 * Requests that no operation may take, derived from what the operation declares: nothing here knows any one of them.
 * What must be refused is decided by the kind of a field, never by asking the schema under test. A schema of a kind that
 * is not known here throws, so that a new one cannot pass by unseen.
 */
export interface HostileRequest extends Parts {
  readonly name: string
  /** One of these. */
  readonly codes: readonly ProblemCode[]
  /** The field that the answer must point at, itself or within. */
  readonly pointer?: string
}

export interface Parts {
  readonly path?: Readonly<Record<string, string>>
  readonly query?: Readonly<Record<string, string | readonly string[]>>
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Buffer
}

type Place = 'path' | 'query' | 'body'
type Json = Readonly<Record<string, unknown>>

interface Field {
  readonly place: Place
  readonly steps: readonly string[]
  readonly schema: z.ZodType
  readonly kind: Kind
  readonly required: boolean
  readonly nullable: boolean
}

type Kind =
  | 'decimal'
  | 'instant'
  | 'date'
  | 'digits'
  | 'name'
  | 'words'
  | 'number'
  | 'boolean'
  | 'choice'
  | 'list'
  | 'object'

/** Values that make sense together, by the names of fields; a field that is not among them gets one from its schema. */
export type Known = Readonly<Record<string, unknown>>

/** In place of a value: a field that others do not go with. Bad values of it are sent beside them all the same. */
const leftOut = Symbol('left out')

/** A request that the operation's schemas take, with a value in every field that goes with the others. */
export const validRequest = (operation: Operation, known: Known): Parts => {
  const { path, query, body } = valuesOf(operation, known)
  return {
    ...(path === undefined ? {} : { path: asTexts(path) }),
    ...(query === undefined ? {} : { query: asTexts(query) }),
    ...(body === undefined ? {} : { body: json(body) }),
    headers: {
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(operation.idempotency === 'header' || operation.idempotency === 'client_order_id'
        ? { 'idempotency-key': 'a-good-name' }
        : {}),
    },
  }
}

interface Values {
  readonly path: Json | undefined
  readonly query: Json | undefined
  readonly body: Json | undefined
}

const valuesOf = ({ request }: Operation, known: Known): Values => {
  const sampled = (schema: z.ZodType | undefined): Json | undefined => {
    if (schema === undefined) return undefined
    const value = sample(schema, known)
    if (!isJson(value)) throw new Error('a request is made of objects')
    const parsed = schema.safeParse(value)
    if (!parsed.success) throw new Error(`no valid request was found: ${z.prettifyError(parsed.error)}`)
    return value
  }
  return { path: sampled(request.path), query: sampled(request.query), body: sampled(request.body) }
}

const isJson = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)

const asTexts = (values: Json): Record<string, string> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, String(value)]))

const unwrap = (schema: z.ZodType): z.ZodType => {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodNullable)
    return unwrap(asType(schema.unwrap()))
  if (schema instanceof z.ZodReadonly) return unwrap(asType(schema.unwrap()))
  if (schema instanceof z.ZodPipe) return unwrap(asType(schema.in))
  if (schema instanceof z.ZodUnion) return unwrap(asType(schema.options[0]))
  return schema
}

const asType = (schema: unknown): z.ZodType => {
  if (schema instanceof z.ZodType) return schema
  throw new Error('not a schema')
}

const takes = (schema: z.ZodType, value: unknown): boolean => schema.safeParse(value).success

const aTime = '2046-01-02T03:04:05.000Z'
const aDate = '2046-01-02'

const kindOf = (schema: z.ZodType): Kind => {
  const inner = unwrap(schema)
  if (inner instanceof z.ZodObject || inner instanceof z.ZodRecord) return 'object'
  if (inner instanceof z.ZodArray || inner instanceof z.ZodTuple) return 'list'
  if (inner instanceof z.ZodEnum || inner instanceof z.ZodLiteral) return 'choice'
  if (inner instanceof z.ZodBoolean) return 'boolean'
  if (inner instanceof z.ZodNumber) return 'number'
  if (inner instanceof z.ZodString || inner instanceof z.ZodStringFormat) {
    if (takes(schema, 'two words')) return 'words'
    if (takes(schema, 'a') || takes(schema, 'A')) return 'name'
    if (takes(schema, aTime)) return 'instant'
    if (takes(schema, aDate)) return 'date'
    if (takes(schema, '2.5')) return 'decimal'
    return takes(schema, '2') ? 'digits' : 'name'
  }
  throw new Error(`requests against a ${inner.constructor.name} are not derived yet`)
}

const sample = (schema: z.ZodType, known: Known): unknown => {
  const inner = unwrap(schema)
  if (inner instanceof z.ZodObject) {
    const entries = Object.entries(inner.shape).flatMap(([name, field]): [string, unknown][] => {
      const type = asType(field)
      // Nobody can make up a cursor: that is among the hostile ones.
      if ((name === 'cursor' || known[name] === leftOut) && takes(type, undefined)) return []
      return [[name, known[name] !== undefined && takes(type, known[name]) ? known[name] : sample(type, known)]]
    })
    return Object.fromEntries(entries)
  }
  if (inner instanceof z.ZodArray) {
    const one = sample(asType(inner.element), known)
    if (takes(schema, [one])) return [one]
    if (takes(schema, [])) return []
  }
  const good = candidates(inner).find(candidate => takes(schema, candidate))
  if (good === undefined) throw new Error(`no value was found that a ${inner.constructor.name} takes`)
  return good
}

const candidates = (schema: z.ZodType): readonly unknown[] => {
  const examples = schema.meta()?.['examples']
  const patterns = schema instanceof z.ZodString || schema instanceof z.ZodStringFormat ? patternsOf(schema) : []
  return [
    ...(Array.isArray(examples) ? examples : []),
    ...(schema instanceof z.ZodEnum ? schema.options : []),
    ...(schema instanceof z.ZodLiteral ? [...schema.values] : []),
    '2',
    2,
    true,
    '0190a6f2-5d3c-7b1e-9c57-3a1f0e6f9b21',
    aTime,
    '2046-01-02T03:04:05Z',
    aDate,
    '192.0.2.1',
    'acme',
    'ACME',
    ...patterns.flatMap(textsMatching),
  ]
}

const patternsOf = (schema: z.ZodType): string[] => {
  const { pattern } = z.toJSONSchema(schema, { io: 'input' })
  return typeof pattern === 'string' ? [pattern] : []
}

/** Making them takes long, and many fields share a pattern. */
const madeOf = new Map<string, readonly string[]>()
const textsMatching = (pattern: string): readonly string[] => {
  const made = madeOf.get(pattern) ?? fc.sample(fc.stringMatching(new RegExp(pattern)), { numRuns: 20, seed: 7 })
  madeOf.set(pattern, made)
  return made
}

/** Every field, those within objects and lists too. */
const fieldsOf = ({ request }: Operation): readonly Field[] =>
  (['path', 'query', 'body'] as const).flatMap(place => {
    const schema = request[place]
    return schema === undefined ? [] : within(place, schema, [])
  })

const within = (place: Place, schema: z.ZodType, steps: readonly string[]): readonly Field[] => {
  const inner = unwrap(schema)
  if (inner instanceof z.ZodArray) return fieldAndWithin(place, asType(inner.element), [...steps, '0'])
  if (!(inner instanceof z.ZodObject)) return []
  return Object.entries(inner.shape).flatMap(([name, field]) => fieldAndWithin(place, asType(field), [...steps, name]))
}

const fieldAndWithin = (place: Place, schema: z.ZodType, steps: readonly string[]): readonly Field[] => [
  {
    place,
    steps,
    schema,
    kind: kindOf(schema),
    required: !takes(schema, undefined),
    nullable: takes(schema, null),
  },
  ...within(place, schema, steps),
]

const pointerOf = ({ place, steps }: Field): string => `#${place === 'body' ? '' : `/${place}`}/${steps.join('/')}`

/** A token of JSON that is no value of JavaScript, or not the one that it would be written as. */
class Token {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

const json = (value: unknown): Buffer => {
  const tokens: Token[] = []
  const text = JSON.stringify(value, (_, inner: unknown) =>
    inner instanceof Token ? `@token-${tokens.push(inner) - 1}@` : inner,
  )
  return Buffer.from(text.replace(/"@token-([0-9]+)@"/g, (_, index: string) => tokens[Number(index)]?.text ?? ''))
}

/** The value with another at `steps`; without it where that is undefined. */
const replaced = (value: unknown, [step, ...rest]: readonly string[], other: unknown): unknown => {
  if (step === undefined) return other
  if (Array.isArray(value))
    return value.map((item, index) => (String(index) === step ? replaced(item, rest, other) : item))
  const object = isJson(value) ? value : {}
  const changed = replaced(object[step], rest, other)
  return Object.fromEntries(
    [...Object.entries(object).filter(([name]) => name !== step), [step, changed] as const].filter(
      ([, each]) => each !== undefined,
    ),
  )
}

const long = 'a'.repeat(10_000)

/** Text that no field takes, however free. */
const unprintable = (good: string): Readonly<Record<string, string>> => ({
  'a newline at the end': `${good}\n`,
  'a newline inside': `${good.slice(0, 1)}\n${good.slice(1)}`,
  'another header': `${good}\r\nx-own: 1`,
  NUL: `${good}\u0000`,
  'a control character': `${good}\u001b[2J`,
  DEL: `\u007f${good}`,
  'half a character': `${good}\ud800`,
  'text turned around': `\u202e${good}`,
  '10,000 characters': long,
})

/** Text that is no id, number, date or word of a list. */
const unnameable = (good: string): Readonly<Record<string, string>> => ({
  ...unprintable(good),
  nothing: '',
  'a blank before': ` ${good}`,
  'a blank after': `${good} `,
  'a tab after': `${good}\t`,
  'a character without width': `${good}\u200b`,
  'a way up': '../../etc/passwd',
  'a way up, encoded': '..%2f..%2fetc%2fpasswd',
  'a way up, backwards': '..\\..\\windows',
  'a dot': '.',
  'two dots': '..',
  'a reference to a prototype': '__proto__',
  'an expression': '{{7*7}}',
  'a query': "' OR 1=1 --",
  markup: '<script>alert(1)</script>',
  'wide digits': '１２',
  'arabic digits': '١٢',
  'an URL': '//other.example/',
})

const noNumbers = [
  'NaN',
  'Infinity',
  '-Infinity',
  '1e308',
  '1e2',
  '-0',
  '-1',
  '+1',
  '0x10',
  '0b1',
  '1_000',
  '1,5',
  '.5',
  '5.',
  '00',
  '01',
  '1.5.5',
  'null',
  '9'.repeat(400),
]
const noDecimals = [...noNumbers, `0.${'1'.repeat(400)}`]
/** Plain decimals, but finer and larger than any tick, lot, part or balance. */
const beyondDecimals = ['999999999999999', '0.000000000001', '1.000000000001', '999999999999999.999999999999']
const noTimes = [
  '2046-02-30T00:00:00Z',
  '2045-02-29T00:00:00Z',
  '2046-13-01T00:00:00Z',
  '2046-00-01T00:00:00Z',
  '2046-01-32T00:00:00Z',
  '2046-01-00T00:00:00Z',
  '2046-01-01T24:00:00Z',
  '2046-01-01T00:60:00Z',
  '2046-01-01T00:00:61Z',
  '2046-01-01',
  '2046-01-01T00:00:00',
  '2046-01-01 00:00:00Z',
  '2046-1-1T00:00:00Z',
  '2046-01-01T00:00:00+99:00',
  '+275761-01-01T00:00:00Z',
  '-000001-01-01T00:00:00Z',
  '2046-W01-1',
  'tomorrow',
  '2398291200000',
]
const noDates = [
  '2046-02-30',
  '2045-02-29',
  '2046-13-01',
  '2046-00-01',
  '2046-01-32',
  '2046-1-1',
  '20460101',
  '2046-01',
  '2046-01-01T00:00:00Z',
  '+275761-01-01',
  'today',
]
/** Where a number would stand in JSON, but JSON has none of them. */
const noJson = ['NaN', 'Infinity', '-Infinity', 'undefined', '0x10', '01', '.5', '5.', '+1', '1_000', "'a'", '１２']
const wrongJson: Readonly<Record<Kind, readonly Token[]>> = (() => {
  const tokens = (...texts: readonly string[]) => texts.map(text => new Token(text))
  const numbers = tokens('0', '-0', '1', '-1', '1.5', '1e308', '1e400', '9'.repeat(300), `0.${'0'.repeat(300)}1`)
  const others = tokens('true', 'false', '[]', '[[]]', '{}', '{"a":{"b":1}}', '["2"]')
  const texts = [...numbers, ...others]
  return {
    decimal: texts,
    instant: texts,
    date: texts,
    digits: texts,
    name: texts,
    words: texts,
    choice: texts,
    number: [...tokens('"1"', '"NaN"', '""', '1.5', '1e308', '1e400', '-1e400', '9'.repeat(300)), ...others],
    boolean: [...numbers, ...tokens('"true"', '"false"', '""', '[]', '{}')],
    list: [...numbers, ...tokens('true', '"a"', '{}', '{"0":"a","length":1}')],
    object: [...numbers, ...tokens('true', '"a"', '[]', '[{}]')],
  }
})()

/** Text that may be written in lines: a key in PEM. */
const ofSeveralLines: ReadonlySet<string> = new Set(['public_key'])

/** What a text field must refuse, by its kind. */
const wrongTexts = ({ kind, steps }: Field, good: string): readonly (readonly [name: string, text: string])[] => {
  const each = (texts: readonly string[]) => texts.map(text => [`"${text.slice(0, 40)}"`, text] as const)
  switch (kind) {
    case 'words':
      return [...Object.entries(unprintable(good)), ['nothing', ''] as const].filter(
        ([what]) => !(ofSeveralLines.has(steps.at(-1) ?? '') && what.startsWith('a newline')),
      )
    case 'name':
    case 'choice':
    case 'boolean':
      return [
        ...Object.entries(unnameable(good)),
        ...(kind === 'name' ? [] : each([`${good}x`, 'constructor', 'toString', 'NaN', '0'])),
      ]
    case 'decimal':
      return [...Object.entries(unnameable(good)), ...each([...noDecimals, ...beyondDecimals])]
    case 'digits':
    case 'number':
      return [...Object.entries(unnameable(good)), ...each([...noNumbers, '1.0', '0', '65536'])]
    case 'instant':
      return [
        ...Object.entries(unnameable(good)),
        ...each([
          ...noTimes,
          ...(/expir(?!ation_(?:from|to)$)/.test(steps.at(-1) ?? '') ? ['1970-01-01T00:00:00.000Z'] : []),
        ]),
      ]
    case 'date':
      return [...Object.entries(unnameable(good)), ...each(noDates)]
    case 'list':
    case 'object':
      return []
  }
}

const fieldRequests = (operation: Operation, known: Known): HostileRequest[] => {
  const values = valuesOf(operation, known)
  const valid = validRequest(operation, known)
  const requests: HostileRequest[] = []
  for (const field of fieldsOf(operation)) {
    const { place, steps, kind } = field
    const pointer = pointerOf(field)
    const goodValue = steps.reduce<unknown>(
      (value, step) => (Array.isArray(value) ? value[Number(step)] : isJson(value) ? value[step] : undefined),
      values[place],
    )
    const good = goodValue === undefined ? 'a' : String(goodValue)
    const isCursor = place === 'query' && steps[0] === 'cursor'
    const codes: readonly ProblemCode[] = isCursor
      ? ['invalid-cursor', 'invalid-request']
      : kind === 'decimal' || kind === 'instant'
        ? [
            'invalid-request',
            'invalid-specification',
            'price-off-tick',
            'price-out-of-range',
            'amount-off-lot',
            'amount-out-of-range',
          ]
        : ['invalid-request']
    const add = (name: string, parts: Parts, own: readonly ProblemCode[] = codes) =>
      requests.push({ name: `${pointer}: ${name}`, ...valid, ...parts, codes: own, pointer })

    if (place !== 'body') {
      const [name = ''] = steps
      const made = isCursor ? Object.entries(madeUpCursors(operation.name)) : []
      for (const [what, text] of [...wrongTexts(field, good), ...made])
        add(what, { [place]: { ...valid[place], [name]: text } })
      if (place === 'query') add('twice', { query: { ...valid.query, [name]: [good, good] } }, ['invalid-request'])
      continue
    }
    const put = (value: unknown): Parts => ({ body: json(replaced(values.body, steps, value)) })
    if (kind !== 'number') for (const [what, text] of wrongTexts(field, good)) add(what, put(text))
    for (const token of wrongJson[kind]) add(token.text.slice(0, 40), put(token))
    if (!field.nullable) add('null', put(new Token('null')))
    for (const text of noJson)
      requests.push({ name: `${pointer}: ${text}, bare`, ...valid, ...put(new Token(text)), codes: ['malformed-json'] })
    if (field.required && steps.at(-1) !== '0') add('left out', put(undefined))
    if (kind === 'list') add('10,000 items', put(Array.from({ length: 10_000 }, () => null)))
  }
  return requests
}

const base64url = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')

/** Cursors that nobody gave out: made up, of another list or account, altered, or with a key that is none. */
const madeUpCursors = (operation: string): Readonly<Record<string, string>> => {
  const own = { operation, account: 'acme', asked: [] }
  const foreign = encodeCursor({ ...own, account: 'other' }, '0190a6f2-5d3c-7b1e-9c57-3a1f0e6f9b31')
  return {
    'made up': 'x',
    'base64 of no JSON': Buffer.from('not json').toString('base64url'),
    'base64 of an object': base64url({ after: 'x' }),
    'base64 of a key alone': base64url([2, '', '"x"']),
    'of another version': base64url([1, 'aaaaaaaaaaaaaaaa', '"x"']),
    'of another account': foreign,
    'of another list': encodeCursor({ ...own, operation: 'list-nothing' }, 'x'),
    altered: `${foreign.slice(0, -2)}AA`,
    padded: `${foreign}==`,
    'with an object for a key': encodeCursor(own, { $ne: null }),
    'with nothing for a key': encodeCursor(own, null),
    'with a long key': encodeCursor(own, 'a'.repeat(600)),
  }
}

const bomb = Buffer.alloc(8 * 1024 * 1024, ' ')
const gzipped = gzipSync(bomb)
const compressed = {
  gzip: gzipped,
  'x-gzip': gzipped,
  deflate: deflateSync(bomb),
  br: brotliCompressSync(bomb, { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } }),
  zstd: Buffer.from('28b52ffd', 'hex'),
  'gzip, gzip': gzipSync(gzipped),
  compress: Buffer.from('1f9d90', 'hex'),
  unknown: Buffer.from('{}'),
}

const bodyRequests = (operation: Operation, known: Known): HostileRequest[] => {
  const values = valuesOf(operation, known)
  const valid = validRequest(operation, known)
  const requests: HostileRequest[] = []
  const add = (
    name: string,
    body: Buffer | string | undefined,
    codes: readonly ProblemCode[],
    more: { readonly pointer?: string; readonly headers?: Readonly<Record<string, string>> } = {},
  ) => {
    const { body: _, ...rest } = valid
    const takesNone = operation.request.body === undefined
    const pointer = takesNone ? '#' : more.pointer
    requests.push({
      name: `body: ${name}`,
      ...rest,
      ...(body === undefined ? {} : { body: Buffer.from(body) }),
      headers: { ...valid.headers, 'content-type': 'application/json', ...more.headers },
      codes: takesNone ? ['invalid-request'] : codes,
      ...(pointer === undefined ? {} : { pointer }),
    })
  }
  const text = JSON.stringify(values.body ?? {})
  const inside = text.slice(1, -1)
  const and = (member: string) => `{${inside}${inside === '' ? '' : ','}${member}}`
  const [firstName] = Object.keys(values.body ?? {})

  for (const [name, broken] of Object.entries({
    'half of one': text.slice(0, -1),
    'only a brace': '{',
    'a comma too many': and('').replace(/,?\}$/, ',}'),
    'no quotes': '{a:1}',
    'single quotes': "{'a':1}",
    'a comment': `/* */${text}`,
    'two documents': `${text}${text}`,
    'something after': `${text}x`,
    'a mark of byte order': `\ufeff${text}`,
    'NUL after': `${text}\u0000`,
    'a form': 'a=1&b=2',
    XML: '<a/>',
    blanks: '   ',
    'a bare word': 'null null',
    'a raw newline in text': and('"a":"\n"'),
    'a bad escape': and('"a":"\\x41"'),
    'half an escape': and('"a":"\\u12"'),
  }))
    add(name, broken, ['malformed-json'])
  add('UTF-16', Buffer.from(text, 'utf16le'), ['malformed-json'])
  add('bytes that are no UTF-8', Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xff, 0xfe]), Buffer.from('"}')]), [
    'malformed-json',
  ])
  add('UTF-8 of too many bytes', Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xc0, 0xaf]), Buffer.from('"}')]), [
    'malformed-json',
  ])
  for (const [name, levels] of [
    ['33', 33],
    ['10,000', 10_000],
    ['30,000', 30_000],
  ] as const) {
    add(`lists nested ${name} deep`, `${'['.repeat(levels)}${']'.repeat(levels)}`, ['malformed-json'])
    if (levels < 10_000)
      add(`objects nested ${name} deep`, and(`"a":${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`), ['malformed-json'])
  }
  add('brackets left open 60,000 times', '['.repeat(60_000), ['malformed-json'])
  add('a key twice', and('"a":1,"a":1'), ['malformed-json'])
  add('a key twice, one escaped', and('"a":1,"\\u0061":1'), ['malformed-json'])
  add('a key twice, further in', and('"a":{"b":[{"c":1,"c":1}]}'), ['malformed-json'])
  if (firstName !== undefined)
    add('its first key twice', and(JSON.stringify(firstName).concat(':1')), ['malformed-json'])
  add('__proto__', and('"__proto__":{"role":"admin"}'), ['malformed-json'])
  add('__proto__, escaped', and('"\\u005f_proto__":{"role":"admin"}'), ['malformed-json'])
  add('__proto__, further in', and('"a":[{"__proto__":1}]'), ['malformed-json'])

  for (const name of ['surprise', 'constructor', 'prototype', 'toString', 'a/b~c', 'account_id', 'principal', ''])
    add(`the unknown field "${name}"`, and(`${JSON.stringify(name)}:1`), ['invalid-request'], {
      pointer: `#/${encodeURIComponent(name.replaceAll('~', '~0').replaceAll('/', '~1'))}`,
    })
  for (const [name, other] of Object.entries({
    null: 'null',
    'a list': '[]',
    'a list of it': `[${text}]`,
    text: '"a"',
    'itself as text': JSON.stringify(text),
    'a number': '1',
    'a number beyond all': '1e400',
    true: 'true',
  }))
    add(name, other, ['invalid-request'], { pointer: '#' })
  if (operation.request.body !== undefined && !takes(operation.request.body, undefined)) {
    add('none at all', undefined, ['invalid-request'], { pointer: '#' })
    if (!takes(operation.request.body, {})) add('an empty object', '{}', ['invalid-request'], { pointer: '#' })
  }

  add('one byte over 64 KiB', text.padEnd(64 * 1024 + 1, ' '), ['payload-too-large'])
  add('64 KiB of one name', `{"a":"${long.repeat(7)}"}`, ['payload-too-large'])
  add('1 MB', ' '.repeat(1024 * 1024), ['payload-too-large'])
  add('65,000 bytes of unknown fields', `{${Array.from({ length: 5_000 }, (_, at) => `"k${at}":1`).join(',')}}`, [
    'invalid-request',
  ])
  for (const type of [
    '',
    'text/plain',
    'text/json',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/xml',
    'application/jsonp',
    'application/json5',
    'application/problem+json',
    'application/merge-patch+json',
    'application/octet-stream',
    'application/json; charset=utf-16',
    'application/json; charset=utf-8; charset=latin1',
    'application/json, text/plain',
    'application/json; x=\u0001',
    '*/*',
    long.slice(0, 4_000),
  ])
    add(`the type "${type.slice(0, 40)}"`, text, ['unsupported-media-type'], { headers: { 'content-type': type } })
  for (const [encoding, bytes] of Object.entries(compressed))
    add(`encoded as ${encoding}`, bytes, ['unsupported-media-type', 'payload-too-large'], {
      headers: { 'content-encoding': encoding },
    })
  return requests
}

const queryRequests = (operation: Operation, known: Known): HostileRequest[] => {
  const valid = validRequest(operation, known)
  const ask = (name: string, query: Readonly<Record<string, string | readonly string[]>>, pointer: string) => ({
    name: `query: ${name}`,
    ...valid,
    query: { ...valid.query, ...query },
    codes: ['invalid-request'] as const,
    pointer,
  })
  return [
    ...['surprise', 'constructor', 'a[b]', 'account', 'Limit', ' limit', '$where', '']
      .filter(name => valid.query?.[name] === undefined)
      .map(name => ask(`the unknown parameter "${name}"`, { [name]: '1' }, `#/query/${encodeURIComponent(name)}`)),
    // Set by name, as a table of parameters without a prototype has it.
    ask('__proto__', Object.fromEntries([['__proto__', '1']]), '#/query/__proto__'),
    ask('an unknown one twice', { surprise: ['1', '2'] }, '#/query/surprise'),
    ask(
      'a thousand unknown ones',
      Object.fromEntries(Array.from({ length: 1_000 }, (_, at) => [`k${at}`, '1'])),
      '#/query',
    ),
    ask('10,000 characters of name', { [long]: '1' }, '#/query'),
  ]
}

const headerRequests = (operation: Operation, known: Known): HostileRequest[] => {
  const valid = validRequest(operation, known)
  const wrong = Object.entries(unnameable('name')).map(([name, text]) => ({
    name: `Idempotency-Key: ${name}`,
    ...valid,
    headers: { ...valid.headers, 'idempotency-key': text },
    codes: ['invalid-request'] as const,
    pointer: '#/header/Idempotency-Key',
  }))
  if (operation.idempotency !== 'header') return wrong
  const { 'idempotency-key': _, ...unnamed } = valid.headers ?? {}
  return [
    ...wrong,
    {
      name: 'Idempotency-Key: left out',
      ...valid,
      headers: unnamed,
      codes: ['idempotency-key-required'],
      pointer: '#/header/Idempotency-Key',
    },
  ]
}

/** All of them, for one operation. */
export const hostileRequests = (operation: Operation, known: Known): readonly HostileRequest[] => [
  ...fieldRequests(operation, known),
  ...bodyRequests(operation, known),
  ...queryRequests(operation, known),
  ...headerRequests(operation, known),
]

/** Fields that have to fit one another, by operation: orders in which every field has its place, and the like. */
export const consistentValues = (instrumentName: string, expiresAt: string): Readonly<Record<string, Known>> => {
  const instructed = {
    order_type: 'stop_limit',
    time_in_force: 'good_til_date',
    trigger_price: '2.6',
    display_amount: '1',
    post_only: false,
    reject_post_only: false,
    expires_at: expiresAt,
  }
  const order = {
    ...instructed,
    instrument_name: instrumentName,
    direction: 'buy',
    amount: '2',
    price: '2.55',
    trigger: 'mark_price',
    reduce_only: true,
    label: 'hedges',
    self_trade_prevention: 'cancel_newest',
    self_trade_group: 'desk',
    client_order_id: 'another',
  }
  const quote = {
    instrument_name: instrumentName,
    bid: { price: '2.5', amount: '2' },
    ask: { price: '2.6', amount: '2' },
  }
  const h100 = { resource_class: 'H100', region: 'USE' }
  return {
    'place-order': instructed,
    'create-sla-contract': {
      provider_account: 'other',
      buyer_account: 'acme',
      fee: '1000',
      period_start: '2046-01-01T00:00:00Z',
      period_end: '2047-01-01T00:00:00Z',
    },
    'find-best-price': {
      ...h100,
      starts_at: '2046-01-02T03:00:00.000Z',
      ends_at: '2046-01-02T05:00:00.000Z',
      pricing: 'contract',
    },
    'add-catalogue-products': { provider: 'gcp', prices: [['2026-11-01', '4', null, null, null]] },
    'record-capacity-observations': { ...h100, start: '2026-01-01T00:00:00.000Z' },
    'submit-batch': { requests: [{ action: 'place', ...order }], lane: 1 },
    'cancel-orders': { lane: 1 },
    'list-orders': { lane: '1' },
    'list-trades': { lane: '1' },
    'join-lane': { lane: 2, reserve: '100' },
    'preview-margin': { orders: [order] },
    'put-quotes': { quotes: [quote] },
    'set-kill-switch': { scope: 'firm', subject: 'acme' },
    'stop-trading': { scope: 'firm', subject: 'acme' },
    'get-risk-limits': { scope: 'firm', subject: 'acme', lane: '1' },
    'set-risk-limits': {
      scope: 'firm',
      subject: 'acme',
      max_order_lots: 5,
      max_position_lots: 50,
      concentration_from_lots: 5,
      max_net_delta: '5',
      max_gross_delta: '50',
    },
    // What epochs are made by is set for all underlyings only.
    'set-risk-parameters': { underlying: leftOut },
    'list-liquidations': { lane: '1' },
    'set-limit-scaling': { floor_ppm: 200_000, ceiling_ppm: 1_000_000 },
    'set-quote-budget': { lots: 100, largest_quote_lots: 10 },
    'list-kill-switches': { lane: '1' },
    'list-trade-busts': { lane: '1' },
    'set-market-state': { state: 'auction', until: expiresAt },
    'set-obligation': { min_amount: '1' },
    'set-market-controls': { price_band: '0.1', velocity: '0.05' },
    'put-measurements': { start: '2026-01-01T00:00:00.000Z', end: '2026-01-01T01:00:00.000Z' },
  }
}
