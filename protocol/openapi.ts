import * as z from 'zod'
import { pascalCase } from './functions.ts'
import type { Json } from './json.ts'
import { exampleRequestId, examples } from './openapi-examples.ts'
import { type Operation, weightOf } from './operation.ts'
import { operations } from './operations/registry.ts'
import { type ProblemCode, problemDocument, problems, sharedCodes } from './problems.ts'
import { rateLimitHeaders } from './rate-limits.ts'
import { requestName } from './values.ts'

/** Grows with what callers can see; the number in the paths grows only when something they rely on goes. */
const apiVersion = '1.0.0'

type JsonObject = { readonly [key: string]: Json }

export interface Parameter {
  readonly name: string
  readonly in: 'path' | 'query' | 'header'
  readonly required: boolean
  readonly description?: string
  readonly schema: JsonObject
}

export interface ResponseObject {
  readonly description: string
  readonly headers?: JsonObject
  readonly content?: { readonly [mediaType: string]: JsonObject }
}

export interface OperationObject {
  readonly operationId: string
  readonly tags: readonly string[]
  readonly summary: string
  readonly description?: string
  readonly security: readonly JsonObject[]
  /** What it takes of the credential's rate; none where it is public. */
  readonly 'x-rate-limit-weight'?: number
  readonly parameters?: readonly Parameter[]
  readonly requestBody?: {
    readonly description: string
    readonly required: boolean
    readonly content: { readonly [mediaType: string]: JsonObject }
  }
  readonly responses: { readonly [status: string]: ResponseObject }
}

export interface OpenApiDocument {
  readonly openapi: '3.1.0'
  readonly info: JsonObject
  readonly servers: readonly JsonObject[]
  readonly tags: readonly { readonly name: string; readonly description: string }[]
  readonly paths: { readonly [path: string]: { readonly [method: string]: OperationObject } }
  readonly components: {
    readonly securitySchemes: JsonObject
    readonly schemas: { readonly [name: string]: JsonObject }
    readonly headers: JsonObject
  }
}

const tags = [
  { name: 'trading', description: 'Orders and fills of the account that the credential names' },
  { name: 'reference', description: 'The instruments and their contract specifications' },
  { name: 'ledger', description: 'Accounts, cash and positions' },
  { name: 'security', description: 'API keys for machines, and the record of what was done' },
  { name: 'market-making', description: 'Mass quotes, their protection, dead-man timers and quoting obligations' },
  { name: 'supervision', description: 'Trading states, price bands, kill switches and trade busts' },
  { name: 'indices', description: 'Indices, their quotes and fixings, and measured windows of services' },
  { name: 'pricing', description: 'Marks, volatility, curves and structured products' },
  { name: 'settlement', description: 'What contracts have settled at, and early exercise' },
  { name: 'risk', description: 'Scenarios, margin, limits, stress and liquidation' },
  { name: 'sla', description: 'What providers promise buyers: measurements, uptime, breaches, penalties' },
  { name: 'delivery', description: 'Physical delivery: what was provisioned, metered and settled' },
  { name: 'day-ahead', description: 'The day-ahead auction of compute by the hour: markets, bids, prices, awards' },
  { name: 'partners', description: 'Capacity of partners: contracts, catalogues, best price, purchases, inventory' },
  { name: 'capacity', description: 'Requests for capacity, their allocation, forecasts and substitutes' },
  { name: 'platform', description: 'Whether the exchange is up, its figures, and this document' },
]

/** Every code with which an operation may say no. */
export const codesOf = (operation: Operation): readonly ProblemCode[] => {
  const isPublic = operation.permission === 'public'
  const hasBody = operation.request.body !== undefined
  const shared = sharedCodes.filter(code => {
    if (code === 'unauthorized' || code === 'forbidden' || code === 'address-not-allowed' || code === 'rate-limited')
      return !isPublic
    if (code === 'malformed-json' || code === 'unsupported-media-type' || code === 'payload-too-large') return hasBody
    if (code === 'concurrent-change') return operation.method !== 'GET'
    return true
  })
  return [...new Set([...shared, ...operation.rejections])]
}

/** The whole HTTP API as an OpenAPI 3.1 document; the same object for the same source, so that builds can be compared. */
export const openapiDocument = (): OpenApiDocument => {
  const schemas = new Map<string, JsonObject>([['Problem', problemSchema]])
  const component = (schema: z.ZodType, io: 'input' | 'output', name?: string): JsonObject => {
    const { $schema: _, $defs, id, ...own } = jsonObject(toReferences(z.toJSONSchema(schema, { io })))
    const keep = (key: string, definition: Json): void => {
      const { id: __, ...kept } = jsonObject(definition)
      const known = schemas.get(key)
      if (known !== undefined && JSON.stringify(known) !== JSON.stringify(kept))
        throw new Error(`two different schemas are called ${key}`)
      schemas.set(key, kept)
    }
    for (const [key, definition] of Object.entries(jsonObject($defs ?? {}))) keep(key, definition)
    const key = typeof id === 'string' ? id : name
    if (key === undefined) return own
    keep(key, own)
    return { $ref: `#/components/schemas/${key}` }
  }
  const paths: Record<string, Record<string, OperationObject>> = {}
  for (const operation of operations) {
    const methods = paths[operation.path] ?? {}
    paths[operation.path] = methods
    methods[operation.method.toLowerCase()] = operationObject(operation, component)
  }
  for (const [name, schema] of schemas) {
    const example = examples[name]
    if (example !== undefined) schemas.set(name, { ...schema, examples: [example] })
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Compute Exchange',
      version: apiVersion,
      description:
        'Trading of compute capacity. Amounts, prices and money are decimals as text, times ISO 8601 in UTC. ' +
        'Every answer that is not a success is a problem document (RFC 9457) with a stable code; /docs explains each.',
    },
    servers: [{ url: '/' }],
    tags,
    paths,
    components: {
      securitySchemes: {
        bearer: {
          type: 'http',
          scheme: 'bearer',
          bearerFormat: 'JWT',
          description: 'A token of one of the tenant’s issuers, or an API key (docs/security.md)',
        },
      },
      schemas: Object.fromEntries([...schemas].sort(([one], [other]) => (one < other ? -1 : 1))),
      headers: standingHeaders,
    },
  }
}

type Component = (schema: z.ZodType, io: 'input' | 'output', name?: string) => JsonObject

const operationObject = (operation: Operation, component: Component): OperationObject => {
  const { context, name, summary, description, permission, request, responses } = operation
  const parameters: readonly Parameter[] = [
    ...(request.path === undefined ? [] : fields(request.path).map(field => ({ ...field, in: 'path' as const }))),
    ...(request.query === undefined ? [] : fields(request.query).map(field => ({ ...field, in: 'query' as const }))),
    ...headerParameters(operation),
  ]
  const weight = weightOf(operation)
  const needs =
    weight === undefined
      ? []
      : [
          `Needs the permission \`${permission}\`. Takes ${weight} of the credential\u2019s rate${operation.usesReserve === true ? ', and of a reserve where that is used up' : ''}.`,
        ]
  return {
    operationId: name,
    tags: [context],
    summary,
    description: [description ?? '', ...needs].join('\n\n').trim(),
    security: permission === 'public' ? [] : [{ bearer: [] }],
    ...(weight === undefined ? {} : { 'x-rate-limit-weight': weight }),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(request.body === undefined
      ? {}
      : {
          requestBody: {
            description: 'At most 64 KiB',
            required: !request.body.safeParse(undefined).success,
            content: {
              'application/json': { schema: component(request.body, 'input', `${pascalCase(name)}Request`) },
            },
          },
        }),
    responses: {
      ...Object.fromEntries(
        Object.entries(responses).map(([status, response]) => [
          status,
          answerObject(operation, status, response, component),
        ]),
      ),
      ...problemResponses(operation),
    },
  }
}

const answerObject = (
  operation: Operation,
  status: string,
  { description, schema, mediaType }: Operation['responses'][number],
  component: Component,
): ResponseObject => {
  // What went wrong is a problem document, and carries the declared members beside its own.
  const problem = Number(status) >= 400
  const content =
    schema === undefined
      ? {
          [mediaType ?? 'application/json']: {
            schema: mediaType === 'application/json' ? { type: 'object' } : { type: 'string' },
          },
        }
      : {
          [problem ? 'application/problem+json' : 'application/json']: {
            schema: problem
              ? { allOf: [{ $ref: '#/components/schemas/Problem' }, component(schema, 'input')] }
              : component(schema, 'input'),
          },
          ...(mediaType !== undefined && { [mediaType]: { schema: { type: 'string' } } }),
        }
  return { description, headers: answerHeaders(operation, status), content }
}

const header = (description: string): JsonObject => ({ description, schema: { type: 'integer' } })

/** How the credential stands, on every answer to one. */
const standingHeaders: JsonObject = {
  [rateLimitHeaders.limit]: header('What the credential may take at once, in requests of weight 1'),
  [rateLimitHeaders.remaining]: header('How much of it is left'),
  [rateLimitHeaders.reset]: header('In how many seconds all of it is there again'),
}

const answerHeaders = (operation: Operation, status: string): JsonObject => ({
  ...(weightOf(operation) === undefined
    ? {}
    : Object.fromEntries(Object.keys(standingHeaders).map(name => [name, { $ref: `#/components/headers/${name}` }]))),
  'x-request-id': { description: 'Names the request in our logs', schema: { type: 'string' } },
  ...(status === '202' ? { location: { description: 'Where to read it', schema: { type: 'string' } } } : {}),
  ...(status === '429' || status === '503'
    ? { 'retry-after': { description: 'Seconds to wait', schema: { type: 'integer' } } }
    : {}),
})

const problemResponses = (operation: Operation): Record<string, ResponseObject> => {
  const byStatus = Map.groupBy(codesOf(operation), code => problems[code].status)
  const answers = [...byStatus].filter(([status]) => operation.responses[status] === undefined)
  return Object.fromEntries(
    answers.map(([status, codes]) => [
      String(status),
      {
        description: codes.map(code => `\`${code}\`: ${problems[code].title}.`).join('\n\n'),
        headers: answerHeaders(operation, String(status)),
        content: {
          'application/problem+json': {
            schema: {
              allOf: [
                { $ref: '#/components/schemas/Problem' },
                { type: 'object', properties: { code: { type: 'string', enum: [...codes] } } },
              ],
            },
            examples: Object.fromEntries(codes.map(code => [code, { value: jsonObject(plain(problemExample(code))) }])),
          },
        },
      },
    ]),
  )
}

const problemExample = (code: ProblemCode) =>
  problemDocument(
    code,
    exampleRequestId,
    code === 'invalid-request' ? { errors: [{ pointer: '#/amount', detail: 'must be greater than zero' }] } : {},
  )

const headerParameters = (operation: Operation): readonly Parameter[] => {
  if (operation.method === 'GET' || operation.idempotency === 'none') return []
  const named: Parameter = {
    name: 'Idempotency-Key',
    in: 'header',
    required: operation.idempotency === 'header',
    description:
      operation.idempotency === 'client_order_id'
        ? 'Names the request where client_order_id does not; one of the two is required.'
        : 'Names the request, so that repeating it is safe: the same name with the same body gives the same answer.',
    schema: plainSchema(requestName),
  }
  const prefer: Parameter = {
    name: 'Prefer',
    in: 'header',
    required: false,
    description:
      '`wait=<seconds>` (RFC 7240), at most 10: wait so long for the outcome. Followed, it is answered in Preference-Applied.',
    schema: { type: 'string', examples: ['wait=2'] },
  }
  return [200, 202].every(status => operation.responses[status] !== undefined) ? [named, prefer] : [named]
}

/** The fields of a strict object, as parameters. */
const fields = (schema: z.ZodType): readonly Omit<Parameter, 'in'>[] => {
  const { properties } = plainSchema(schema)
  // What has a default is there once it is read, and need not be sent.
  const { required } = plainSchema(schema, 'input')
  const names = Array.isArray(required) ? required : []
  return Object.entries(jsonObject(properties ?? {})).map(([name, property]) => {
    const { description, ...rest } = jsonObject(property)
    return {
      name,
      required: names.includes(name),
      ...(typeof description === 'string' ? { description } : {}),
      schema: rest,
    }
  })
}

const plainSchema = (schema: z.ZodType, io: 'input' | 'output' = 'output'): JsonObject => {
  const { $schema: _, ...own } = jsonObject(plain(z.toJSONSchema(schema, { io })))
  return own
}

/** Only what JSON can say. */
const plain = (value: unknown): Json => JSON.parse(JSON.stringify(value))

/** zod keeps named schemas beside the one that uses them; a document keeps them all in one place. */
const toReferences = (value: unknown): Json =>
  JSON.parse(
    JSON.stringify(value, (key, inner) =>
      key === '$ref' && typeof inner === 'string' ? inner.replace('#/$defs/', '#/components/schemas/') : inner,
    ),
  )

const isJsonObject = (value: Json): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const jsonObject = (value: Json): JsonObject => {
  if (!isJsonObject(value)) throw new Error('a schema is an object')
  return value
}

const problemSchema: JsonObject = {
  type: 'object',
  description: 'RFC 9457',
  properties: {
    type: { type: 'string', description: 'Where the code is explained' },
    title: { type: 'string' },
    status: { type: 'integer' },
    code: { type: 'string', description: 'Stable; what a program should look at', enum: Object.keys(problems).sort() },
    detail: { type: 'string' },
    request_id: { type: 'string', description: 'Names the request in our logs' },
    retry: { type: 'boolean', description: 'Whether the very same request may succeed later' },
    errors: {
      type: 'array',
      description: 'One entry for each field at fault',
      items: {
        type: 'object',
        properties: {
          pointer: {
            type: 'string',
            description: 'JSON pointer into the body, or #/query/<name>, #/path/<name>, #/header/<name>',
          },
          detail: { type: 'string' },
        },
        required: ['pointer', 'detail'],
      },
    },
  },
  required: ['type', 'title', 'status', 'code', 'request_id', 'retry'],
}
