/** One request on its way through the gateway: what the proxy event, the log line and the error bodies are made of. */
import { randomBytes, randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Method, RestApi } from './api-gateway-template.ts'
import type { Surroundings } from './component.ts'

export type Exchange = ReturnType<typeof openExchange>

/** They concern the connection to the gateway only, or are written by the gateway. */
const notForwarded = new Set(
  `connection keep-alive proxy-connection te trailer transfer-encoding upgrade
  x-amzn-trace-id x-forwarded-for x-forwarded-port x-forwarded-proto`.split(/\s+/),
)
const noIdentity: Readonly<Record<string, null>> = Object.fromEntries(
  `accessKey accountId caller cognitoAuthenticationProvider cognitoAuthenticationType cognitoIdentityId
  cognitoIdentityPoolId principalOrgId user userArn`
    .split(/\s+/)
    .map(name => [name, null]),
)

export function openExchange(
  s: Surroundings,
  api: RestApi,
  request: IncomingMessage,
  target: { path: string; query: string; method: Method | undefined; pathParameters: Record<string, string> | null },
) {
  const { path, query, method, pathParameters } = target
  const httpMethod = request.method ?? 'GET'
  const nowMillis = s.clock.now()
  const sourceIp = (request.socket.remoteAddress ?? '').replace(/^::ffff:/, '')
  const host = request.headers.host ?? ''
  const forwardedFor = request.headers['x-forwarded-for']
  const headers = collect([
    ...pairs(request.rawHeaders).filter(([name]) => !notForwarded.has(name.toLowerCase())),
    ['X-Amzn-Trace-Id', `Root=1-${Math.floor(nowMillis / 1_000).toString(16)}-${randomBytes(12).toString('hex')}`],
    ['X-Forwarded-For', forwardedFor === undefined ? sourceIp : `${String(forwardedFor)}, ${sourceIp}`],
    ['X-Forwarded-Port', String(request.socket.localPort ?? '')],
    ['X-Forwarded-Proto', 'http'],
  ])
  const parameters = query === '' ? undefined : collect(new URLSearchParams(query))
  const resourcePath = method?.resourcePath ?? ''
  const requestContext: Record<string, unknown> = {
    accountId: s.account,
    apiId: api.id,
    deploymentId: api.deploymentId,
    domainName: host.replace(/:\d+$/, ''),
    domainPrefix: host.split(/[.:]/)[0] ?? '',
    extendedRequestId: randomBytes(11).toString('base64'),
    httpMethod,
    identity: { ...noIdentity, sourceIp, userAgent: request.headers['user-agent'] ?? null },
    path,
    protocol: `HTTP/${request.httpVersion}`,
    requestId: randomUUID(),
    // Out of `Tue, 21 Jul 2026 09:05:07 GMT`.
    requestTime: new Date(nowMillis).toUTCString().replace(/^\w+, (\d+) (\w+) (\d+) (.+) GMT$/, '$1/$2/$3:$4 +0000'),
    requestTimeEpoch: Math.floor(nowMillis),
    resourceId: method?.resourceId ?? '',
    resourcePath,
    stage: api.stage,
  }
  return {
    startedMillis: performance.now(),
    /** `$context` variables beyond those of the request context, as they become known. */
    variables: new Map<string, string | number>(),
    event: {
      resource: resourcePath,
      path,
      httpMethod,
      headers: headers.last,
      multiValueHeaders: headers.all,
      queryStringParameters: parameters?.last ?? null,
      multiValueQueryStringParameters: parameters?.all ?? null,
      pathParameters,
      stageVariables: api.stageVariables,
      requestContext,
    },
  }
}

function pairs(rawHeaders: readonly string[]): [string, string][] {
  return rawHeaders.flatMap((name, at) => (at % 2 === 0 ? [[name, rawHeaders[at + 1] ?? '']] : []))
}

/** Of several values of one name the last one counts where only one is told. */
function collect(entries: Iterable<[string, string]>) {
  const last: Record<string, string> = Object.create(null)
  const all: Record<string, string[]> = Object.create(null)
  for (const [name, value] of entries) {
    last[name] = value
    const known = all[name]
    if (known === undefined) all[name] = [value]
    else known.push(value)
  }
  return { last, all }
}

/** `method.request.header.X` and its like, as identity sources and gateway responses name them. */
export function requestParameter(exchange: Exchange, name: string): string | undefined {
  const { event } = exchange
  if (name.startsWith('context.')) return contextVariable(exchange, name.slice('context.'.length))
  if (name.startsWith('stageVariables.')) return event.stageVariables?.[name.slice('stageVariables.'.length)]
  const [, place, key = ''] = /^method\.request\.(header|querystring|path)\.(.+)$/.exec(name) ?? []
  if (place === 'querystring') return event.queryStringParameters?.[key]
  if (place === 'path') return event.pathParameters?.[key]
  return place === 'header' ? headerOf(exchange, key) : undefined
}

export function headerOf(exchange: Exchange, name: string): string | undefined {
  const lower = name.toLowerCase()
  const spelled = Object.keys(exchange.event.headers).find(header => header.toLowerCase() === lower)
  return spelled === undefined ? undefined : exchange.event.headers[spelled]
}

function contextVariable(exchange: Exchange, name: string): string | undefined {
  let value: unknown = exchange.variables.get(name)
  if (value !== undefined) return String(value)
  value = exchange.event.requestContext
  for (const step of name.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined
    value = Reflect.get(value, step)
  }
  return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined
}

/**
 * A format of `$context.…`, `$method.request.…` and `$stageVariables.…`; these templates know no more than variables.
 * Values are escaped for the JSON strings that they stand in, except the message string, which brings its own quotes.
 */
export function compileTemplate(template: string, missing: string): (exchange: Exchange) => string {
  const parts = template.split(/\$((?:context|stageVariables|method\.request)(?:\.[A-Za-z0-9_-]+)+)/)
  const render = (exchange: Exchange, part: string, index: number) => {
    if (index % 2 === 0) return part
    const value = requestParameter(exchange, part)
    return part === 'context.error.messageString' ? (value ?? 'null') : JSON.stringify(value ?? missing).slice(1, -1)
  }
  return exchange => parts.map((part, index) => render(exchange, part, index)).join('')
}
