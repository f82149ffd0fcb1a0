import { Logger } from '@aws-lambda-powertools/logger'
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics'
import middy, { type MiddlewareObj } from '@middy/core'
import type { APIGatewayProxyEvent, APIGatewayProxyResult, Context as LambdaContext } from 'aws-lambda'
import * as z from 'zod'
import type { RejectionCode } from '#domain/outcome.ts'
import type { Context, Operation } from '#protocol/operation.ts'
import {
  type ProblemCode,
  type ProblemDocument,
  problemDocument,
  problems,
  type SharedCode,
} from '#protocol/problems.ts'
import { requestName } from '#protocol/values.ts'
import { isContended, isUnavailable } from './availability.ts'
import type { door as guarded } from './door.ts'
import { parseJson } from './json.ts'
import type { Principal } from './principal.ts'

export type { Principal }

type Parsed<Request, Part extends string> = Request extends { readonly [Name in Part]: infer Schema extends z.ZodType }
  ? z.infer<Schema>
  : undefined

/** An operation's request, parsed by its schemas. */
export interface Request<Of extends Operation> {
  readonly path: Parsed<Of['request'], 'path'>
  readonly query: Parsed<Of['request'], 'query'>
  readonly body: Parsed<Of['request'], 'body'>
  readonly principal: Of['permission'] extends 'public' ? undefined : Principal
  /** Names in lower case; the values of a repeated one are joined by commas. */
  readonly headers: Readonly<Record<string, string | undefined>>
  /** The header of that name; always there where the operation asks for it. */
  readonly idempotencyKey: Of extends { readonly idempotency: 'header' } ? string : string | undefined
  readonly requestId: string
  /**
   * Whether the credential's rate admits it. Only an operation of `admission: 'handler'` has to ask, after its reads and
   * before it stores anything, and answers `rate-limited` where not; the others begin once it is known. One whose weight
   * is known from its body only tells here what it takes beside its operation's own.
   */
  readonly admitted: (moreWeight?: number) => Promise<boolean>
}

type Headers = Readonly<Record<string, string>>

type Body<Response> = Response extends { readonly schema: infer Schema extends z.ZodType }
  ? z.infer<Schema> | (Response extends { readonly mediaType: string } ? string : never)
  : string

/** One of the answers that the operation declares; text is of the declared media type. */
export type Answer<Of extends Operation> = {
  readonly [Status in keyof Of['responses']]: {
    readonly status: Status
    readonly body: Body<Of['responses'][Status]>
    readonly headers?: Headers
  }
}[keyof Of['responses']]

/** A no: rendered as the problem of that code. `RejectionCode`s are what the engine may answer to a command. */
export interface Rejection<Code extends ProblemCode = ProblemCode> {
  readonly code: Code
  readonly detail?: string
  readonly errors?: ProblemDocument['errors']
  readonly headers?: Headers
  /** Extension members of the problem document (RFC 9457, 3.2). */
  readonly members?: Readonly<Record<string, unknown>>
}

/** What `lambdas/<context>/<operation>.ts` exports as `handle`. */
export type Handle<Of extends Operation> = (
  request: Request<Of>,
) => Promise<Answer<Of> | Rejection<Of['rejections'][number] | SharedCode | RejectionCode>>

/** Each operation by its name: one without a handler does not compile. */
export type Handlers<Operations extends readonly Operation[]> = {
  readonly [Of in Operations[number] as Of['name']]: Handle<Of>
}

interface AnyRequest {
  readonly path: unknown
  readonly query: unknown
  readonly body: unknown
  readonly principal: Principal | undefined
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly idempotencyKey: string | undefined
  readonly requestId: string
  readonly admitted: (moreWeight?: number) => Promise<boolean>
}
interface AnyAnswer {
  readonly status: number
  readonly body: unknown
  readonly headers?: Headers
}

type AnyHandle = (request: AnyRequest) => Promise<AnyAnswer | Rejection>

export type HttpHandler = (event: APIGatewayProxyEvent, context: LambdaContext) => Promise<APIGatewayProxyResult>

/** What is public belongs to no credential. */
const anybody = async (): Promise<boolean> => true

/** Undefined where all operations are public: their function then carries nothing of it. */
type Door = typeof guarded

const logger = new Logger()
const metrics = new Metrics()

/**
 * The Lambda handler of a context's HTTP operations: who may, is it well-formed, then the operation's own handler.
 * Every answer that is not one of the operation's own is a problem document; a thrown error never shows its cause.
 */
export const serveThrough = <const Operations extends readonly Operation[]>(
  door: Door | undefined,
  context: Context,
  operations: Operations,
  handlers: Handlers<Operations>,
): HttpHandler => {
  // By name at run time; that each gets what its own operation's schemas have parsed, its type has seen to.
  const handles = new Map<string, AnyHandle>(Object.entries(handlers))
  const find = (event: APIGatewayProxyEvent): Operation | undefined =>
    operations.find(({ method, path }) => method === event.httpMethod && path === event.resource)

  const answer = async (event: APIGatewayProxyEvent): Promise<APIGatewayProxyResult> => {
    const operation = find(event)
    if (operation === undefined) {
      const allowed = operations.filter(({ path }) => path === event.resource).map(({ method }) => method)
      return problem(
        event,
        allowed.length === 0
          ? { code: 'not-found' }
          : { code: 'method-not-allowed', headers: { allow: allowed.join(', ') } },
      )
    }
    if (operation.permission === 'public') return answerTo(operation, event, undefined, anybody)
    if (door === undefined) throw new Error(`${operation.name} is not public, and ${context} has no door`)
    const identified = await door.identify(event)
    if ('code' in identified) return problem(event, identified)
    door.noteActor(event, identified.principal)
    const admission = door.admissionOf(event, operation, identified.principal)
    try {
      if (admission.first && !(await admission.admitted())) return problem(event, admission.refusal())
      const answered = await answerTo(operation, event, identified.principal, admission.admitted)
      return (await admission.admitted()) ? answered : problem(event, admission.refusal())
    } finally {
      // Lambda freezes the process once it has its answer: what runs beside must have ended by then.
      await Promise.all([identified.noted, admission.ended])
    }
  }

  const answerTo = async (
    operation: Operation,
    event: APIGatewayProxyEvent,
    principal: Principal | undefined,
    admitted: AnyRequest['admitted'],
  ): Promise<APIGatewayProxyResult> => {
    const request = read(operation, event, principal)
    if ('code' in request) return problem(event, request)
    const handle = handles.get(operation.name)
    if (handle === undefined) throw new Error(`the operation ${operation.name} has no handler`)
    const answered = await handle({ ...request, admitted })
    if ('code' in answered) return problem(event, answered)
    const { status, body, headers } = answered
    const declared = operation.responses[status]
    // Of one that is declared as both, what is no text is JSON.
    const isJson = declared?.mediaType === undefined || (declared.schema !== undefined && typeof body !== 'string')
    return {
      statusCode: status,
      headers: {
        ...commonHeaders(event),
        'content-type': isJson ? 'application/json' : declared.mediaType,
        ...headers,
      },
      body: isJson || typeof body !== 'string' ? JSON.stringify(body) : body,
    }
  }

  return middy<APIGatewayProxyEvent, APIGatewayProxyResult>()
    .use([observed(context, find, door), ...(door === undefined ? [] : [door.rateLimitTold]), answered])
    .handler(answer)
}

/** What went wrong that nobody foresaw: logged with its cause, told without. */
const answered: MiddlewareObj<APIGatewayProxyEvent, APIGatewayProxyResult> = {
  onError: request => {
    const { error, event } = request
    const failure =
      error instanceof Error ? error : new Error('something that is no error was thrown', { cause: error })
    logger.error('request failed', failure)
    // Set rather than returned: a returned answer would end the chain before the metrics.
    request.response = problem(event, { code: codeOfFailure(failure, event) })
  },
}

const codeOfFailure = (error: Error, { httpMethod }: APIGatewayProxyEvent): ProblemCode => {
  // Middy's own, a moment before Lambda would end the function.
  if (error.name === 'TimeoutError' && isObject(error.cause) && error.cause['package'] === '@middy/core')
    return 'upstream-timeout'
  // No operation that only reads declares it.
  if (httpMethod !== 'GET' && isContended(error)) return 'concurrent-change'
  return isUnavailable(error) ? 'dependency-unavailable' : 'internal-error'
}

/** The request's id on every line of log, and one metric line for each request. */
const observed = (
  context: Context,
  find: (event: APIGatewayProxyEvent) => Operation | undefined,
  door: Door | undefined,
): MiddlewareObj<APIGatewayProxyEvent, APIGatewayProxyResult> => {
  const startedMillis = new WeakMap<APIGatewayProxyEvent, number>()
  const finish = (event: APIGatewayProxyEvent, response: APIGatewayProxyResult): void => {
    const code = refusals.get(response)
    // A line of its own: only codes that were said cost a figure.
    if (code !== undefined)
      metrics.singleMetric().addDimensions({ context, code }).addMetric('Problems', MetricUnit.Count, 1)
    metrics
      .addDimensions({ context, operation: find(event)?.name ?? 'none' })
      .addMetadata('request_id', event.requestContext.requestId)
      .addMetadata('status', String(response.statusCode))
      .addMetadata('outcome', code ?? 'answered')
    metrics.addMetric(
      'Latency',
      MetricUnit.Milliseconds,
      performance.now() - (startedMillis.get(event) ?? performance.now()),
    )
    metrics.addMetric('Refused', MetricUnit.Count, response.statusCode >= 400 && response.statusCode < 500 ? 1 : 0)
    metrics.addMetric('Failed', MetricUnit.Count, response.statusCode >= 500 ? 1 : 0)
    metrics.publishStoredMetrics()
    door?.auditAnswer(event, find(event), { status: response.statusCode, code })
    logger.resetKeys()
  }
  return {
    before: ({ event }) => {
      startedMillis.set(event, performance.now())
      logger.appendKeys({ request_id: event.requestContext.requestId, method: event.httpMethod, path: event.path })
    },
    after: ({ event, response }) => {
      if (response !== undefined && response !== null) finish(event, response)
    },
    onError: ({ event, response }) => {
      if (response !== undefined && response !== null) finish(event, response)
    },
  }
}

/** With which code an answer says no, for the metric line. */
const refusals = new WeakMap<APIGatewayProxyResult, ProblemCode>()

const commonHeaders = (event: APIGatewayProxyEvent): Headers => ({
  'x-request-id': event.requestContext.requestId,
  'cache-control': 'no-store',
  'strict-transport-security': 'max-age=31536000; includeSubDomains',
})

const headersOfStatus: Readonly<Record<number, Headers>> = {
  401: { 'www-authenticate': 'Bearer' },
  429: { 'retry-after': '1' },
  503: { 'retry-after': '1' },
}

/** Codes that are about one field, whoever says them. */
const fieldOf: Partial<Record<ProblemCode, FieldErrors[number]>> = {
  'invalid-cursor': { pointer: '#/query/cursor', detail: 'is not next_cursor of a page of this list' },
  'idempotency-key-required': { pointer: '#/header/Idempotency-Key', detail: 'is missing' },
}

const problem = (
  event: APIGatewayProxyEvent,
  { code, members, headers, ...told }: Rejection,
): APIGatewayProxyResult => {
  const { status } = problems[code]
  const field = fieldOf[code]
  const more = told.errors === undefined && field !== undefined ? { ...told, errors: [field] } : told
  if (status < 500) logger.info('request refused', { code, ...more })
  const answer: APIGatewayProxyResult = {
    statusCode: status,
    headers: {
      ...commonHeaders(event),
      ...headersOfStatus[status],
      ...headers,
      'content-type': 'application/problem+json',
    },
    body: JSON.stringify({ ...problemDocument(code, event.requestContext.requestId, more), ...members }),
  }
  refusals.set(answer, code)
  return answer
}

/** The ladder of refusals that every request climbs, cheapest first. */
const read = (
  operation: Operation,
  event: APIGatewayProxyEvent,
  principal: Principal | undefined,
): Omit<AnyRequest, 'admitted'> | Rejection => {
  const { permission } = operation
  if (permission !== 'public' && principal?.permissions.includes(permission) !== true)
    return { code: 'forbidden', detail: `The credential lacks the permission ${permission}.` }
  const headers = headersOf(event)
  const bytes = bodyBytes(event)
  if (bytes !== undefined && operation.request.body === undefined)
    return invalid([{ pointer: '#', detail: 'this operation takes no body' }])
  if (bytes !== undefined && bytes.byteLength > mostBodyBytes) return { code: 'payload-too-large' }
  if (bytes !== undefined && !jsonContent(headers)) return { code: 'unsupported-media-type' }
  const idempotencyKey = headers['idempotency-key']
  if (idempotencyKey === undefined) {
    if (operation.idempotency === 'header') return { code: 'idempotency-key-required' }
  } else {
    const named = requestName.safeParse(idempotencyKey)
    if (!named.success) return invalid(issues(named.error, '/header/Idempotency-Key'))
  }
  const json = bytes === undefined ? undefined : bodyJson(bytes, event.isBase64Encoded)
  if (json?.ok === false) return { code: 'malformed-json', detail: json.detail }

  const { request } = operation
  const repeated = Object.entries(event.multiValueQueryStringParameters ?? {})
    .filter(([, values]) => (values?.length ?? 0) > 1)
    .map(([name]) => ({ pointer: pointer('/query', [name]), detail: 'must not be repeated' }))
  const path = (request.path ?? nothing).safeParse(event.pathParameters ?? {})
  const query = (request.query ?? nothing).safeParse(event.queryStringParameters ?? {})
  const body = (request.body ?? noBody).safeParse(json?.value)
  const errors = [
    ...repeated,
    ...(path.success ? [] : issues(path.error, '/path')),
    ...(query.success ? [] : issues(query.error, '/query')),
    ...(body.success ? [] : issues(body.error, '')),
  ]
  if (errors.length > 0) return invalid(errors)
  return {
    path: path.data,
    query: query.data,
    body: body.data,
    principal,
    headers,
    idempotencyKey,
    requestId: event.requestContext.requestId,
  }
}

const nothing = z.strictObject({})
const noBody = z.undefined()
const mostBodyBytes = 64 * 1024
const mostErrors = 20

const headersOf = (event: APIGatewayProxyEvent): Readonly<Record<string, string | undefined>> => {
  const headers: Record<string, string> = {}
  for (const [name, values] of Object.entries(event.multiValueHeaders ?? {}))
    if (values !== undefined) headers[name.toLowerCase()] = values.join(', ')
  return headers
}

const bodyBytes = (event: APIGatewayProxyEvent): Buffer | undefined =>
  event.body === null || event.body === ''
    ? undefined
    : Buffer.from(event.body, event.isBase64Encoded ? 'base64' : 'utf8')

const jsonContent = (headers: Readonly<Record<string, string | undefined>>): boolean =>
  /^application\/json\s*(?:;\s*charset\s*=\s*(?:utf-8|"utf-8")\s*)?$/i.test(headers['content-type'] ?? '') &&
  (headers['content-encoding'] ?? 'identity').toLowerCase() === 'identity'

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

const replacement = '\ufffd'

/** What the gateway decodes has a replacement character where bytes were no UTF-8; nobody could tell it from one that was sent. */
const bodyJson = (bytes: Buffer, isAsSent: boolean): ReturnType<typeof parseJson> => {
  let text: string
  try {
    text = utf8.decode(bytes)
  } catch (error) {
    if (!isObject(error) || error['code'] !== 'ERR_ENCODING_INVALID_ENCODED_DATA') throw error
    return { ok: false, detail: 'The body is not UTF-8.' }
  }
  if (!isAsSent && text.includes(replacement))
    return { ok: false, detail: 'The body is not UTF-8, or has U+FFFD itself: write that as \\ufffd.' }
  return parseJson(text)
}

type FieldErrors = NonNullable<ProblemDocument['errors']>

/** One fault a field is enough. */
const invalid = (errors: FieldErrors): Rejection => {
  const byPointer = Map.groupBy(errors, error => error.pointer)
  return {
    code: 'invalid-request',
    errors: [...byPointer.values()].flatMap(([first]) => first ?? []).slice(0, mostErrors),
  }
}

const issues = (error: z.ZodError, place: string): FieldErrors =>
  error.issues
    .slice(0, mostErrors)
    .flatMap(issue =>
      issue.code === 'unrecognized_keys'
        ? issue.keys
            .slice(0, mostErrors)
            .map(key => ({ pointer: pointer(place, [...issue.path, key]), detail: 'is not known' }))
        : [{ pointer: pointer(place, issue.path), detail: issue.message }],
    )

/** RFC 6901 as a URI fragment; a stranger's own key names are cut short. */
const pointer = (place: string, path: readonly PropertyKey[]): string =>
  `#${place}${path
    .map(
      step =>
        `/${encodeURIComponent(String(step).slice(0, 64).toWellFormed().replaceAll('~', '~0').replaceAll('/', '~1'))}`,
    )
    .join('')}`

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null
