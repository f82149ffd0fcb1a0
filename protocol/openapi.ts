import * as z from 'zod'
import { pascalCase } from './functions.ts'
import { type Operation, weightOf } from './operation.ts'
import { operations } from './operations/registry.ts'
import { type ProblemCode, problemDocument, problems, sharedCodes } from './problems.ts'
import { rateLimitHeaders } from './rate-limits.ts'
import { requestName } from './values.ts'

/** Grows with what callers can see; the number in the paths grows only when something they rely on goes. */
const apiVersion = '1.0.0'

export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json }
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
  readonly requestBody?: { readonly required: boolean; readonly content: { readonly [mediaType: string]: JsonObject } }
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

const exampleRequestId = '6ba7b810-9dad-41d1-80b4-00c04fd430c8'

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
  const { properties, required } = plainSchema(schema)
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

const plainSchema = (schema: z.ZodType): JsonObject => {
  const { $schema: _, ...own } = jsonObject(plain(z.toJSONSchema(schema, { io: 'output' })))
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

const orderExample = {
  order_id: '0190a6f2-5d3c-7b1e-9c57-3a1f0e6f9b21',
  client_order_id: 'hedge-0042',
  instrument_name: 'H100.USE-27NOV26',
  direction: 'buy',
  amount: '25',
  price: '2.55',
  order_type: 'limit',
  time_in_force: 'good_til_cancelled',
  expires_at: null,
  order_state: 'open',
  filled_amount: '10',
  average_price: '2.54',
  display_amount: null,
  trigger: null,
  trigger_price: null,
  triggered_at: null,
  post_only: false,
  reject_post_only: false,
  reduce_only: false,
  label: 'hedges',
  self_trade_prevention: 'none',
  reject_reason: null,
  cancel_reason: null,
  creation_timestamp: '2026-07-21T09:05:07.120Z',
  last_update_timestamp: '2026-07-21T09:05:07.164Z',
}

const apiKeyExample = {
  key_id: '5f0e7a529d3c4b1ea0c2d4e6',
  name: 'hedger',
  key_type: 'ed25519',
  key_state: 'active',
  scopes: ['orders:read', 'orders:write'],
  allowed_addresses: ['203.0.113.0/24', '2001:db8::/48'],
  created_at: '2026-07-21T09:05:07.120Z',
  expires_at: '2026-12-31T00:00:00.000Z',
  last_used_at: null,
  previous_valid_until: null,
}
const publicKeyExample = 'MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo='

const marketStatusExample = {
  trading_state: 'continuous',
  trading_state_until: null,
  mark_price: '2.55',
  controls: {
    price_band: '0.05',
    velocity: '0.1',
    velocity_interval_ms: 5_000,
    halt_ms: 60_000,
    auction_ms: 30_000,
  },
}

/** By the name of the schema; `test/protocol/openapi.test.ts` holds each against it. */
const examples: Readonly<Record<string, Json>> = {
  CreatePartnerContractRequest: {
    provider: 'aws',
    resource_class: 'H100',
    region: 'us-central1',
    vector: { gpus: '1', vcpus: '26', memory_gib: '234', storage_tib: '0' },
    units: 10,
    price: '1.9',
    tiers: [{ from_units: 5, price: '1.7' }],
    starts_at: '2026-11-27T08:00:00.000Z',
    ends_at: '2026-12-27T08:00:00.000Z',
  },
  PurchaseCapacityRequest: {
    parts: [
      {
        offer_id: 'contract:0190a6f2-5d3c-7b1e-9c57-3a1f0e6f9b51',
        units: 8,
        starts_at: '2026-11-27T08:00:00.000Z',
        ends_at: '2026-11-27T12:00:00.000Z',
        price: '1.9',
      },
    ],
  },
  BeginCatalogueImportRequest: { provider: 'gcp', file_name: 'prices.csv', products: 1190, rows: 21100, screened: 764 },
  AddCatalogueProductsRequest: {
    batch: 0,
    products: [
      {
        product: 'a3-highgpu-1g',
        resource_class: 'H100',
        region: 'us-central1',
        gpus: '1',
        vcpus: '26',
        memory_gib: '234',
        storage_tib: '0',
        rows: 2,
        prices: [
          ['2026-06-01', '11.06', '2.25', '7.7', '4.86'],
          ['2026-11-01', '11.06', '2.1', null, null],
        ],
      },
    ],
    screened: [
      {
        line: 21,
        product: 'a2-highgpu-1g',
        region: 'northamerica-northeast2',
        pricing: 'on_demand',
        price: '0.688136',
        reason: 'is 6.3 times below the median of others of a2-highgpu-1g, where 2 are allowed',
      },
    ],
  },
  PlaceOrderRequest: {
    instrument_name: 'H100.USE-27NOV26',
    direction: 'buy',
    amount: '25',
    order_type: 'limit',
    price: '2.55',
    label: 'hedges',
    client_order_id: 'hedge-0042',
  },
  AmendOrderRequest: { amount: '20' },
  AmendOrderByClientOrderIdRequest: { price: '2.56' },
  CancelOrdersRequest: { label: 'hedges' },
  SubmitBatchRequest: {
    requests: [
      { action: 'cancel', client_order_id: 'hedge-0042' },
      {
        action: 'place',
        instrument_name: 'H100.USE-27NOV26',
        direction: 'sell',
        amount: '25',
        order_type: 'stop_limit',
        price: '2.4',
        trigger_price: '2.45',
        client_order_id: 'hedge-0043',
      },
      { action: 'amend', client_order_id: 'hedge-0041', amount: '5' },
    ],
  },
  Cancellation: {
    command_id: '0190a6f2-5d3c-7b1e-9c57-3a1f0e6f9b23',
    instrument_name: null,
    label: 'hedges',
    command_state: 'completed',
    cancelled_orders: 2,
    reject_reason: null,
  },
  PutQuotesRequest: {
    group: 'futures',
    quotes: [
      {
        instrument_name: orderExample.instrument_name,
        bid: { price: '2.54', amount: '50' },
        ask: { price: '2.56', amount: '50' },
      },
      { instrument_name: 'A100.USE-27NOV26', bid: { price: '1.3', amount: '20' } },
    ],
  },
  QuoteOutcome: {
    command_id: '0190a6f2-5d3c-7b1e-9c57-3a1f0e6f9b24',
    quote_state: 'quoted',
    accepted_sides: 3,
    rejected_sides: [{ instrument_name: orderExample.instrument_name, direction: 'sell', code: 'insufficient-funds' }],
    reject_reason: null,
    timestamp: '2026-07-21T09:05:07.150Z',
  },
  StandingQuote: {
    order_id: orderExample.order_id,
    group: 'futures',
    instrument_name: orderExample.instrument_name,
    direction: 'buy',
    price: '2.54',
    amount: '35',
    creation_timestamp: '2026-07-21T09:05:07.120Z',
    last_update_timestamp: '2026-07-21T09:05:07.150Z',
  },
  SetQuoteBudgetRequest: { terms: { lots: 5_000, largest_quote_lots: 500, lot_loss: '0.5', lot_cap: '1000' } },
  PreemptCapacityAllocationRequest: { reason: 'the provider reclaimed its spot instances' },
  RecordCapacityObservationsRequest: {
    resource_class: 'H100',
    region: 'USE',
    measure: 'demand',
    start: '2026-11-20T00:00:00Z',
    values: ['96', '88.5', null, '104'],
  },
  PreviewProcurementRequest: { resource_class: 'H100', region: 'USE', budget: '5000', max_price: '4' },
  SetProcurementPolicyRequest: { mode: 'live', budget: '2000', max_price: '4', max_units: 64 },
  RequestCapacityRequest: {
    service: 'mlops',
    resource_class: 'H100',
    units: 64,
    regions: ['us-central1', 'us-east4'],
    earliest_start: '2026-11-27T00:00:00Z',
    window_end: '2026-11-29T00:00:00Z',
    duration_hours: 12,
    flexibility: 'start',
    priority: 3,
    budget: '2500',
    preemptible: true,
  },
  SetRiskLimitsRequest: {
    scope: 'account',
    subject: 'acme-corp',
    limits: { max_order_lots: 500, max_position_lots: 5_000, max_daily_loss: '25000', price_collar_ppm: 50_000 },
    reason: 'review of March',
  },
  StopTradingRequest: { scope: 'account', subject: 'acme-corp', is_on: true },
  SetLimitScalingRequest: { floor_ppm: 200_000, reference_volatility_ppm: 800_000, reference_depth: '5000' },
  SetProtectionRequest: { interval_ms: 1_000, frozen_ms: 5_000, amount_limit_lots: 500, delta_limit_lots: 200 },
  MarketMakerProtection: {
    group: 'futures',
    interval_ms: 1_000,
    frozen_ms: 5_000,
    amount_limit_lots: 500,
    delta_limit_lots: 200,
    is_frozen: true,
    frozen_until: '2026-07-21T09:05:12.150Z',
    last_triggered_at: '2026-07-21T09:05:07.150Z',
  },
  SetDeadManRequest: { timeout_ms: 5_000 },
  DeadMan: {
    timeout_ms: 5_000,
    expires_at: '2026-07-21T09:05:12.150Z',
    last_fired_at: null,
    cancelled_orders: null,
  },
  SetObligationRequest: { max_spread: '0.02', min_amount: '25' },
  QuotingObligationTerms: {
    instrument_name: orderExample.instrument_name,
    version: 2,
    max_spread: '0.02',
    min_amount: '25',
    effective_from: '2026-07-21T09:05:12.150Z',
  },
  QuotingObligation: {
    account: 'acme',
    instrument_name: orderExample.instrument_name,
    date: '2026-07-21',
    measured_ms: 32_700_000,
    compliant_ms: 31_392_000,
    compliant_share: '0.96',
    measured_until: '2026-07-21T09:05:07.000Z',
  },
  CommandOutcome: {
    command_id: '0190a6f2-5d3c-7b1e-9c57-3a1f0e6f9b25',
    operation: 'set-market-state',
    command_state: 'accepted',
    reject_reason: null,
    timestamp: '2026-07-21T09:05:07.150Z',
  },
  KillOwnAccountRequest: { is_on: true },
  SetKillSwitchRequest: { is_on: false },
  KillSwitch: {
    scope: 'firm',
    subject: 'acme',
    lane: 1,
    is_on: true,
    cancelled_orders: 12,
    changed_at: '2026-07-21T09:05:07.150Z',
  },
  SetMarketStateRequest: { state: 'halted', until: '2026-07-21T09:10:00Z' },
  SetMarketControlsRequest: {
    price_band: '0.1',
    velocity: '0.05',
    velocity_interval_ms: 10_000,
    halt_ms: 60_000,
    auction_ms: 30_000,
  },
  SetMarkPriceRequest: { price: '2.55' },
  ActivateEngineVersionRequest: { version: 2 },
  LaneReopening: {
    reopening_id: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b',
    reopening_state: 'reopened',
    requested_by: 'desk',
    started_at: '2026-07-21T09:05:07.150Z',
    updated_at: '2026-07-21T09:05:19.420Z',
    failure: null,
    auctions_end_at: '2026-07-21T09:06:19.420Z',
  },
  Lane: {
    lane: 1,
    epoch: 4,
    leader: 'ip-10-0-1-17/1/1d2c3b4a-0f1e-4d2c-8b3a-4f5e6d7c8b9a/0',
    halted: null,
    behind_ms: 12,
    last_written_at: '2026-07-21T09:05:20.010Z',
    engine_version: 2,
    engine_version_since: '2026-07-20T07:00:00.000Z',
    started_epoch: {
      epoch: 4,
      state_hash: '2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824',
      timestamp: '2026-07-21T09:05:11.300Z',
    },
    replicas: [
      {
        owner: 'ip-10-0-1-17/1/1d2c3b4a-0f1e-4d2c-8b3a-4f5e6d7c8b9a/0',
        role: 'leader',
        engine_versions: [1, 2],
        is_verified: true,
        out_seq: 184_220,
        chain: 'b5bb9d8014a0f9b1d61e21e796d78dccdf1352f23cd32812f4850b878ae4944c',
        behind_ms: 12,
        spoken_at: '2026-07-21T09:05:18.000Z',
      },
    ],
    reopening: null,
  },
  RequestTradeBustRequest: { trade_id: '1-0000000000004711', account: 'acme', reason: 'fat finger' },
  TradeBust: {
    bust_id: '1-0000000000004711',
    instrument_name: orderExample.instrument_name,
    price: '2.54',
    amount: '10',
    buyer: 'acme',
    seller: 'globex',
    trade_timestamp: '2026-07-21T09:05:07.150Z',
    reason: 'fat finger',
    bust_state: 'awaiting_approval',
    reject_reason: null,
    requested_by: 'desk',
    requested_at: '2026-07-21T09:12:00.000Z',
    approved_by: null,
    approved_at: null,
    approve_before: '2026-07-21T10:05:07.150Z',
  },
  ListInstrumentRequest: {
    instrument_name: 'H100.USE-27NOV26',
    underlying: 'H100.USE',
    tick_size: '0.01',
    min_trade_amount: '1',
    max_price: '100',
    expiration_timestamp: '2026-11-27T16:00:00Z',
    terms: { averaging_start: '2026-11-01T00:00:00Z' },
  },
  SetListingGridRequest: {
    rule: {
      kind: 'option',
      underlying: 'H100.USE',
      expiries: [{ every: 'last_friday_of_month', next: 2 }],
      strikes: { step: '0.25', count: 5 },
      tick_size: '0.001',
      min_trade_amount: '1',
    },
  },
  SetIndexRequest: {
    unit: 'USD per GPU-hour',
    description: 'H100 by the hour, on demand, US East',
    sources: [
      { source: 'desk-a', weight: '2' },
      { source: 'desk-b', weight: '1' },
      { source: 'desk-c', weight: '1' },
    ],
    fixing_interval_ms: 3_600_000,
    stale_after_ms: 300_000,
    outlier: '0.1',
    trim: '0.1',
    least_sources: 2,
    decimals: 4,
    fallback: 'previous-fixing',
    fallback_after_ms: 120_000,
    fallback_max_age_ms: 604_800_000,
  },
  PutIndexQuotesRequest: {
    quotes: [
      { source: 'desk-a', level: '2.55', timestamp: '2026-07-21T09:05:07Z' },
      { source: 'desk-b', level: '2.56', timestamp: '2026-07-21T09:05:06Z' },
    ],
  },
  PutMeasurementsRequest: {
    windows: [
      {
        source: 'probe-1',
        start: '2026-07-21T09:00:00Z',
        end: '2026-07-21T10:00:00Z',
        latency: { upper_ns: [5_000_000, 10_000_000, 50_000_000], counts: [9_000, 900, 100] },
        availability: { up_s: 3_570, degraded_s: 20, down_s: 10, unknown_s: 0 },
      },
    ],
  },
  SetMarkingParametersRequest: { underlying: 'H100.USE', rate: '0.04', default_volatility: '65' },
  PreviewMarginRequest: {
    orders: [
      { instrument_name: orderExample.instrument_name, direction: 'buy', amount: '10', price: '2.55' },
      { instrument_name: 'A100.USE-27NOV26', direction: 'sell', amount: '15', price: '1.7' },
    ],
  },
  StressRiskRequest: {
    days_ahead: 1,
    scenarios: [
      { name: 'crash', shifts: [{ underlying: 'H100.USE', price_ppm: -400_000, volatility_ppm: 300_000 }] },
      { name: 'calm', shifts: [{ underlying: 'H100.USE', volatility_ppm: -100_000 }] },
    ],
  },
  PreviewStructuredProductRequest: {
    payoff: {
      template: 'compute_cost_cap',
      terms: { index: 'H100.USE', dates: ['2026-11-26', '2026-11-27'], cap_level: 2.5, most_paid: 5 },
    },
  },
  CreateStructuredProductRequest: {
    underlying: 'H100.USE',
    payoff: {
      template: 'compute_cost_cap',
      terms: { index: 'H100.USE', dates: ['2026-11-26', '2026-11-27'], cap_level: 2.5, most_paid: 5 },
    },
    tick_size: '0.001',
    min_trade_amount: '1',
    expiration_timestamp: '2026-11-27T16:00:00Z',
  },
  SetRiskParametersRequest: { underlying: 'H100.USE', price_scan_ppm: 250_000, volatility_scan: '20' },
  SetLiquidationParametersRequest: { grace_ms: 60_000, most_auctions: 3 },
  BidInBackstopAuctionRequest: { bids: [{ instrument_name: 'H100.USE-27NOV26', price: '2.5', amount: '400' }] },
  InitiateSettlementRequest: { instrument_name: 'H100.USE-27NOV26-H05' },
  SetArbitragePolicyRequest: { mode: 'dry_run', max_outlay: '10000', minimum_net: '10' },
  AnswerProvisioningRequest: {
    step: 'provision',
    attempt: 1,
    callback_token: 'q0wJ3b6mQnH8rT5vXyZ1aBcDeFgHiJkLmNoPqRsTuVw',
    outcome: 'succeeded',
    amount: '8',
  },
  StartSettlementRequest: { settlement_kind: 'final' },
  CreateSlaContractRequest: {
    series: 'UP-TRAIN.USE',
    quantity: 8,
    fee: '12000',
    provider_account: 'northern-compute',
    buyer_account: 'acme',
    tiers: [
      { below_uptime: '0.9999', credit: '0.1' },
      { below_uptime: '0.99', credit: '0.3' },
      { below_uptime: '0.95', credit: '1' },
    ],
    degraded_weight: '0.5',
    period_start: '2026-12-01T00:00:00.000Z',
    period_end: '2027-12-01T00:00:00.000Z',
  },
  PutSlaMeasurementsRequest: {
    measurements: [
      {
        series: 'UP-TRAIN.USE',
        probe: 'probe-1',
        at: '2026-12-01T00:01:00.000Z',
        available: 7,
        degraded: 1,
        holds_s: 60,
        latency_ns: [2_300_000, 4_100_000],
      },
    ],
  },
  ExerciseOptionRequest: { amount: '5' },
  OpenAccountRequest: {},
  JoinLaneRequest: { lane: 2, reserve: '1000' },
  DepositCashRequest: { account: 'acme', currency: 'USD', amount: '100000' },
  WithdrawCashRequest: { currency: 'USD', amount: '250' },
  TransferCashRequest: { to_account: 'acme.desk', currency: 'USD', amount: '5000' },
  MoveCollateralRequest: { account: 'acme', instrument_name: 'COLL-TBILL3M', action: 'deposit', amount: '12' },
  CreateApiKeyRequest: {
    name: apiKeyExample.name,
    scopes: apiKeyExample.scopes,
    expires_at: '2026-12-31T00:00:00Z',
    allowed_addresses: apiKeyExample.allowed_addresses,
    public_key: publicKeyExample,
  },
  RotateApiKeyRequest: { overlap_seconds: 3_600, public_key: publicKeyExample },
  ApiKey: apiKeyExample,
  CreatedApiKey: { ...apiKeyExample, bearer: `cxs_${apiKeyExample.key_id}` },
  Order: orderExample,
  Trade: {
    trade_id: '1-0000000000004711',
    order_id: orderExample.order_id,
    instrument_name: orderExample.instrument_name,
    direction: 'buy',
    price: '2.54',
    amount: '10',
    fee: '0.0127',
    fee_currency: 'USD',
    liquidity: 'taker',
    is_busted: false,
    timestamp: '2026-07-21T09:05:07.150Z',
  },
  Market: {
    instrument_name: orderExample.instrument_name,
    lane: 1,
    kind: 'future',
    underlying: 'H100.USE',
    quote_currency: 'USD',
    settlement: 'cash',
    tick_size: '0.01',
    min_trade_amount: '1',
    contract_size: '1',
    max_price: '100',
    position_limit: null,
    maker_commission: '0',
    taker_commission: '0.0005',
    terms: { index: 'H100.USE', averaging_start: '2026-11-01T00:00:00.000Z' },
    underlying_index: 'H100.USE',
    specification_version: 1,
    expiration_timestamp: '2026-11-27T16:00:00.000Z',
    creation_timestamp: '2026-07-01T08:00:00.000Z',
    lifecycle: 'active',
    closed_timestamp: null,
    settled_timestamp: null,
    is_active: true,
  },
  SetComputeMarketRequest: {
    tick_size: '0.001',
    min_trade_amount: '1',
    max_price: '12',
    maker_commission: '0.0002',
    taker_commission: '0.0005',
    penalty_ppm: 100_000,
    expires_before_ms: 900_000,
    gate_opens_before_ms: 259_200_000,
    gate_closes_before_ms: 43_200_000,
  },
  SetDayAheadGateRequest: { gate_state: 'closed' },
  SubmitBidRequest: {
    delivery_date: '2026-11-25',
    curves: [
      {
        market: 'H100.USE',
        hour: 18,
        steps: [
          { price: '2.6', amount: '10' },
          { price: '2.4', amount: '20' },
        ],
      },
    ],
    blocks: [
      {
        block: 'night',
        market: 'H100.USE',
        price: '2.1',
        hours: [
          { hour: 1, amount: '8' },
          { hour: 2, amount: '8' },
        ],
        minimum_acceptance_ratio: '0.5',
        exclusive_group: 'either',
      },
      {
        block: 'morning',
        market: 'H100.USE',
        price: '2.2',
        hours: [
          { hour: 7, amount: '8' },
          { hour: 8, amount: '8' },
        ],
        exclusive_group: 'either',
      },
    ],
  },
  SubmitOfferRequest: {
    delivery_date: '2026-11-25',
    curves: [{ market: 'H100.USE', hour: 18, steps: [{ price: '2.5', amount: '12' }] }],
  },
  ComputeMarket: {
    market: 'H100.USE',
    resource_class: 'H100',
    region: 'USE',
    lane: 1,
    currency: 'USD',
    tick_size: '0.001',
    min_trade_amount: '1',
    max_price: '12',
    maker_commission: '0.0002',
    taker_commission: '0.0005',
    penalty_ppm: 100_000,
    expires_before_ms: 900_000,
    gate_opens_before_ms: 259_200_000,
    gate_closes_before_ms: 43_200_000,
    is_active: true,
    version: 1,
    auctions: [
      {
        delivery_date: '2026-11-25',
        auction_state: 'open',
        gate_opens: '2026-11-22T00:00:00.000Z',
        gate_closes: '2026-11-24T12:00:00.000Z',
      },
    ],
  },
  DayAheadAuction: {
    lane: 1,
    delivery_date: '2026-11-25',
    auction_state: 'open',
    gate_opens: '2026-11-22T00:00:00.000Z',
    gate_closes: '2026-11-24T12:00:00.000Z',
    markets: ['H100.USE'],
    failure: null,
  },
  DayAheadBid: {
    bid_id: '0190a6f2-5d3c-8b1e-9c57-3a1f0e6f9b81',
    name: 'evening-1',
    delivery_date: '2026-11-25',
    direction: 'buy',
    bid_state: 'accepted',
    reject_reason: null,
    held: '25.005',
    replaces: null,
    curves: [{ market: 'H100.USE', hour: 18, steps: [{ price: '2.5', amount: '10' }] }],
    blocks: [],
    creation_timestamp: '2026-11-23T13:00:00.000Z',
  },
  DayAheadPrices: {
    lane: 1,
    delivery_date: '2026-11-25',
    auction_state: 'done',
    cleared_timestamp: '2026-11-24T12:00:04.000Z',
    prices: [
      {
        market: 'H100.USE',
        hour: 18,
        price: '2.5',
        bought: '10',
        sold: '10',
        instrument_name: 'H100.USE-25NOV26-H18',
      },
    ],
    certificates: [
      {
        markets: ['H100.USE'],
        welfare: '8',
        steps_welfare: '8',
        bound: '8',
        gap_ppm: 0,
        witness_bound: '8',
        witness_gap_ppm: 0,
        witness_prices: [{ market: 'H100.USE', hour: 18, price: '2.5' }],
        components: { welfare: 0, repaired: 0, exact: 0 },
        is_limit_hit: false,
        nodes: 0,
        iterations: 0,
        step_orders: 3,
        blocks_accepted: 0,
        blocks_partially_accepted: 0,
        blocks_rejected: 0,
        blocks_paradoxically_rejected: 0,
      },
    ],
  },
  DayAheadAwards: {
    account: 'acme',
    delivery_date: '2026-11-25',
    auction_state: 'done',
    positions: [
      {
        market: 'H100.USE',
        hour: 18,
        instrument_name: 'H100.USE-25NOV26-H18',
        direction: 'buy',
        amount: '10',
        price: '2.5',
      },
    ],
    bids: [{ name: 'evening-1', direction: 'buy', market: 'H100.USE', hour: 18, amount: '10', price: '2.5' }],
    blocks: [],
  },
  Book: {
    instrument_name: orderExample.instrument_name,
    trading_state: 'continuous',
    bids: [
      ['2.54', '10'],
      ['2.53', '25'],
    ],
    asks: [['2.56', '40']],
    bids_known_to: null,
    asks_known_to: null,
    sequence: 4711,
    timestamp: '2026-07-21T09:05:07.150Z',
  },
  MarketTrade: {
    trade_id: '1-0000000000004711',
    price: '2.54',
    amount: '10',
    direction: 'buy',
    is_auction: false,
    is_busted: false,
    timestamp: '2026-07-21T09:05:07.150Z',
  },
  Ticker: {
    instrument_name: orderExample.instrument_name,
    ...marketStatusExample,
    best_bid_price: '2.54',
    best_bid_amount: '10',
    best_ask_price: '2.56',
    best_ask_amount: '40',
    last_price: '2.54',
    last_trade_timestamp: '2026-07-21T09:05:07.150Z',
    high_24h: '2.6',
    low_24h: '2.48',
    change_24h: '-0.02',
    volume_24h: '1850',
    turnover_24h: '4688.25',
    trades_24h: 96,
    open_interest: '12400',
    mark_iv: null,
    greeks: null,
    index_price: '2.55',
    mark_timestamp: '2026-07-21T09:05:00.000Z',
    sequence: 4711,
    timestamp: '2026-07-21T09:05:07.150Z',
  },
  Candle: {
    start: '2026-07-21T09:05:00.000Z',
    open: '2.55',
    high: '2.55',
    low: '2.54',
    close: '2.54',
    volume: '30',
    turnover: '76.4',
    trades: 3,
  },
  MarketWindow: {
    start: '2026-07-21T09:00:00.000Z',
    end: '2026-07-21T10:00:00.000Z',
    state: 'closed',
    version: 1,
    trades: 3,
    volume: '30',
    buyer_volume: '20',
    seller_volume: '10',
    turnover: '76.4',
    open: '2.55',
    close: '2.54',
    realised_variance: '0.0000154386',
    annualised_variance: '0.135242136',
  },
  Account: {
    account: 'acme',
    lane: 1,
    account_state: 'open',
    currency: 'USD',
    balance: '99999.9873',
    held: '0',
    firm: 'acme',
    creation_timestamp: '2026-07-01T08:00:00.000Z',
  },
  AccountSummary: {
    account: 'acme',
    lane: 1,
    account_state: 'open',
    currency: 'USD',
    balance: '99999.9873',
    held: '250',
    firm: 'acme',
    creation_timestamp: '2026-07-01T08:00:00.000Z',
    equity: '100412.7373',
    withdrawable: '98107.2373',
    lanes: [
      {
        lane: 1,
        account: 'acme',
        lane_role: 'home',
        lane_state: 'joined',
        granted_least: null,
        granted_most: null,
        used: null,
      },
    ],
    sub_accounts: [{ account: 'acme.desk', account_state: 'open', lane: 1 }],
  },
  LedgerEntry: {
    entry_id: '1-0000000000000041-1',
    timestamp: '2026-07-21T09:05:07.164Z',
    kind: 'trade',
    reference: '1-0000000000000041',
    instrument_name: orderExample.instrument_name,
    counter_account: null,
    amount: '-0.0127',
    fee: '0.0127',
    balance: '99999.9873',
  },
  Withdrawal: {
    withdrawal_id: '0190a6f2-5d3c-7b1e-9c57-3a1f0e6f9b26',
    account: 'acme',
    currency: 'USD',
    amount: '250',
    withdrawal_state: 'completed',
    reject_reason: null,
  },
  CollateralHolding: {
    instrument_name: 'COLL-TBILL3M',
    asset: 'TBILL3M',
    amount: '12',
    haircut: '0.05',
    value: '1140',
    last_update_timestamp: '2026-07-21T09:05:07.164Z',
  },
  Deposit: {
    deposit_id: '0190a6f2-5d3c-7b1e-9c57-3a1f0e6f9b22',
    account: 'acme',
    currency: 'USD',
    amount: '100000',
    deposit_state: 'completed',
    reject_reason: null,
  },
  Position: {
    instrument_name: orderExample.instrument_name,
    size: '10',
    direction: 'buy',
    average_price: '2.54',
    realized_profit_loss: '0',
    mark_price: '2.58',
    unrealized_profit_loss: '0.4',
    greeks: null,
    margin_contribution: '5.1',
    last_update_timestamp: '2026-07-21T09:05:07.164Z',
  },
  Problem: {
    type: '/docs#price-off-tick',
    title: problems['price-off-tick'].title,
    status: 422,
    code: 'price-off-tick',
    request_id: exampleRequestId,
    retry: false,
    errors: [{ pointer: '#/price', detail: 'must be a multiple of 0.01' }],
  },
}
