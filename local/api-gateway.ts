/** Serves the template's REST API over HTTP, as API Gateway does in front of Lambda proxy integrations. */
import { createWriteStream } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { createServer, IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import * as z from 'zod'
import { createAuthorizers, within } from './api-gateway-authorizer.ts'
import { compileTemplate, type Exchange, headerOf, openExchange } from './api-gateway-exchange.ts'
import { type Answer, type Failure, gatewayResponses } from './api-gateway-responses.ts'
import { type Method, type RestApi, readRestApi } from './api-gateway-template.ts'
import type { Component, Invoke, Surroundings } from './component.ts'

const largestBodyBytes = 10 * 1024 * 1024
const drainMillis = 1_000
const stopGraceMillis = 250
const server = {
  maxHeaderSize: 10_240,
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  // None is announced, so that clients drop idle connections by themselves before we do (60 s, below): a request must not
  // meet one that is being closed.
  keepAliveTimeout: 0,
  connectionsCheckingInterval: 2_000,
  // Answered by ourselves, so that it is a problem document too.
  requireHostHeader: false,
}

/** Numbers and flags count as header values, digits as a status; anything else is malformed. */
const headerValue = z.union([z.string(), z.number(), z.boolean()]).transform(String)
const lambdaAnswer = z.object({
  statusCode: z.coerce.number().int().min(200).max(599),
  headers: z.record(z.string(), headerValue).nullish(),
  multiValueHeaders: z.record(z.string(), z.array(headerValue)).nullish(),
  body: z.string().nullish(),
  isBase64Encoded: z.boolean().nullish(),
})

export async function startApiGateway(
  s: Surroundings,
  invoke: Invoke,
  options: { port: number; extraRoutes: readonly ((request: IncomingMessage, response: ServerResponse) => boolean)[] },
): Promise<Component & { url: string }> {
  const api = readRestApi(s)
  const gatewayResponse = gatewayResponses(s.resources)
  const authorize = createAuthorizers(s, invoke)
  const isThrottled = createThrottles(api)
  const accessLog = await openAccessLog(s, api)

  const integrate = async (exchange: Exchange, method: Method, body: Buffer): Promise<Answer | Failure> => {
    const { event, variables } = exchange
    if (method.authorizer !== undefined) {
      const stageArn = `arn:aws:execute-api:${s.region}:${s.account}:${api.id}/${api.stage}`
      const sinceMillis = performance.now()
      const decision = await authorize(method.authorizer, exchange, `${stageArn}/${event.httpMethod}${event.path}`)
      const status = 'failure' in decision ? decision.failure : 'ALLOWED'
      variables.set('authorizer.status', { ALLOWED: 200, UNAUTHORIZED: 401, ACCESS_DENIED: 403 }[String(status)] ?? 500)
      if ('failure' in decision) return decision
      const integrationLatency = Math.round(performance.now() - sinceMillis)
      event.requestContext['authorizer'] = { ...decision.context, integrationLatency }
    }
    const isBase64Encoded = body.length > 0 && isBinary(api, headerOf(exchange, 'Content-Type'))
    const sentBody = body.length === 0 ? null : body.toString(isBase64Encoded ? 'base64' : 'utf8')
    const sinceMillis = performance.now()
    try {
      const invoked = invoke(method.functionArn, { ...event, body: sentBody, isBase64Encoded })
      const invocation = await within(invoked, method.timeoutMillis)
      // The status of the Lambda service, which answers 200 also where the function has failed.
      variables.set('integrationStatus', 200)
      if (invocation.ok) {
        const read = lambdaAnswer.safeParse(invocation.payload)
        if (read.success) return renderLambdaAnswer(api, exchange, read.data)
        throw new Error(`malformed Lambda proxy response: ${z.prettifyError(read.error)}`)
      }
      variables.set('integrationErrorMessage', invocation.error.errorMessage)
      const tooLarge = invocation.error.errorType === 'RequestTooLargeException'
      return { failure: tooLarge ? 'REQUEST_TOO_LARGE' : 'INTEGRATION_FAILURE' }
    } catch (error) {
      if (error instanceof Error && error.name === 'TimeoutError') return { failure: 'INTEGRATION_TIMEOUT' }
      s.complain(`${event.httpMethod} ${event.path}`, error)
      variables.set('integrationErrorMessage', String(error))
      return { failure: 'INTEGRATION_FAILURE' }
    } finally {
      variables.set('integrationLatency', Math.round(performance.now() - sinceMillis))
    }
  }

  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    const { path, query } = splitUrl(request.url ?? '/')
    const httpMethod = request.method ?? 'GET'
    const { isMalformed, method, pathParameters } = api.find(httpMethod, path)
    const exchange = openExchange(s, api, request, { path, query, method, pathParameters })
    const answer = async (): Promise<Answer | Failure> => {
      if (isMalformed || request.headers.host === undefined) return { failure: 'DEFAULT_4XX' }
      if (method === undefined) return { failure: 'MISSING_AUTHENTICATION_TOKEN' }
      if (isThrottled(httpMethod, method)) return { failure: 'THROTTLED' }
      const body = await readBody(request)
      return body === undefined ? { failure: 'REQUEST_TOO_LARGE' } : await integrate(exchange, method, body)
    }
    const send = (result: Answer | Failure) => {
      const ready = 'failure' in result ? gatewayResponse(exchange, result) : result
      writeAnswer(response, exchange, ready)
      if ('failure' in result && result.failure === 'REQUEST_TOO_LARGE') hangUp(request, response)
    }
    try {
      send(await answer())
    } catch (error) {
      // The client left in the middle of its request: nobody is left to be answered.
      if (request.destroyed && !request.complete) return
      // The other way to come here is a header that HTTP does not allow: the whole Lambda answer is malformed.
      s.complain(`${httpMethod} ${path}`, error)
      send({ failure: 'INTEGRATION_FAILURE' })
    }
    accessLog.write(exchange)
  }

  const http = createServer({ ...server, noDelay: true }, (request, response) => {
    const fail = (error: unknown) => {
      s.complain(`${request.method} ${request.url}`, error)
      response.destroy()
    }
    request.on('error', () => request.destroy())
    response.on('error', fail)
    try {
      if (!options.extraRoutes.some(route => route(request, response))) handle(request, response).catch(fail)
    } catch (error) {
      fail(error)
    }
  })
  // A client that takes its answer so slowly that nothing moves is cut off.
  http.setTimeout(60_000)
  http.maxConnections = 4_096
  /** What is no HTTP has no request that could be answered: by hand, as the template has it for bad requests. */
  const refuse = (socket: Socket) => {
    const target = { path: '', query: '', method: undefined, pathParameters: null }
    const exchange = openExchange(s, api, new IncomingMessage(socket), target)
    const { status, headers, body } = gatewayResponse(exchange, { failure: 'DEFAULT_4XX' })
    const lines = Object.entries({ ...headers, 'Content-Length': body.length, Connection: 'close' })
    const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')
    socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${head}\r\n${body}`)
    exchange.variables.set('status', status)
    accessLog.write(exchange)
  }
  http.on('clientError', (error: Error & { code?: string }, socket: Socket) => {
    if (!socket.writable || error.code === 'ECONNRESET') socket.destroy()
    else refuse(socket)
  })
  http.on('connect', (_, socket: Socket) => refuse(socket))
  http.on('checkExpectation', (request, response) => http.emit('request', request, response))
  const port = await new Promise<number>((resolve, reject) => {
    http.once('error', error => {
      const isTaken = 'code' in error && error.code === 'EADDRINUSE'
      reject(isTaken ? new Error(`port ${options.port} is taken`, { cause: error }) : error)
    })
    http.listen(options.port, '127.0.0.1', () => {
      const address = http.address()
      resolve(typeof address === 'object' && address !== null ? address.port : options.port)
    })
  })
  http.on('error', error => s.complain('API Gateway', error))

  return {
    url: `http://127.0.0.1:${port}`,
    async stop() {
      const closed = new Promise(resolve => http.close(resolve))
      http.closeIdleConnections()
      const force = setTimeout(() => http.closeAllConnections(), stopGraceMillis)
      await closed
      clearTimeout(force)
      await accessLog.close()
    },
  }
}

/** Also the absolute form, which proxies use. */
function splitUrl(url: string): { path: string; query: string } {
  const relative = url.replace(/^[a-z]+:\/\/[^/?]*/i, '')
  const at = relative.indexOf('?')
  const path = at < 0 ? relative : relative.slice(0, at)
  return { path: path || '/', query: at < 0 ? '' : relative.slice(at + 1) }
}

/** undefined if there is more than the gateway takes. */
function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let lengthBytes = 0
    if (Number(request.headers['content-length'] ?? 0) > largestBodyBytes) resolve(undefined)
    request.on('data', (chunk: Buffer) => {
      lengthBytes += chunk.length
      if (lengthBytes > largestBodyBytes) resolve(undefined)
      else chunks.push(chunk)
    })
    request.on('end', () => resolve(Buffer.concat(chunks)))
    request.on('close', () => reject(new Error('the client closed the connection')))
  })
}

function isBinary(api: RestApi, mediaTypes: string | undefined): boolean {
  const type = mediaTypes?.split(/[;,]/)[0]?.trim().toLowerCase() ?? ''
  return api.binaryMediaTypes.some(
    binary => binary === '*/*' || binary === type || (binary.endsWith('/*') && type.startsWith(binary.slice(0, -1))),
  )
}

/** The gateway sets these headers itself. Where both forms name a header, the list of values counts. */
function renderLambdaAnswer(api: RestApi, exchange: Exchange, answer: z.infer<typeof lambdaAnswer>): Answer {
  const byLowerName = new Map<string, [string, string | string[]]>([
    ['content-type', ['Content-Type', 'application/json']],
  ])
  for (const [name, value] of Object.entries({ ...answer.headers, ...answer.multiValueHeaders })) {
    const lower = name.toLowerCase()
    if (/^(content-length|connection|transfer-encoding|keep-alive|upgrade)$/.test(lower)) continue
    byLowerName.set(lower, [lower === 'date' ? 'x-amzn-Remapped-date' : name, value])
  }
  const contentType = String(byLowerName.get('content-type')?.[1])
  const takesBinary = isBinary(api, headerOf(exchange, 'Accept')) || isBinary(api, contentType)
  const encoding = answer.isBase64Encoded && takesBinary ? 'base64' : 'utf8'
  const headers = Object.fromEntries(byLowerName.values())
  return { status: answer.statusCode, headers, body: Buffer.from(answer.body ?? '', encoding) }
}

function writeAnswer(response: ServerResponse, exchange: Exchange, answer: Answer): void {
  const { requestId, extendedRequestId } = exchange.event.requestContext
  const ids = { 'x-amzn-RequestId': String(requestId), 'x-amz-apigw-id': String(extendedRequestId) }
  const isBodiless = answer.status === 204 || answer.status === 304
  const length = isBodiless ? {} : { 'Content-Length': answer.body.length }
  exchange.variables.set('status', answer.status)
  exchange.variables.set('responseLength', isBodiless ? 0 : answer.body.length)
  exchange.variables.set('responseLatency', Math.round(performance.now() - exchange.startedMillis))
  response.writeHead(answer.status, { ...ids, ...answer.headers, ...length })
  response.end(isBodiless ? undefined : answer.body)
}

/** The rest of a body that is too large is taken in for a moment, so that the client reads its answer; then no more. */
function hangUp(request: IncomingMessage, response: ServerResponse): void {
  request.resume()
  response.once('finish', () => setTimeout(() => request.socket.destroy(), drainMillis).unref())
}

/** A token bucket for each method of each resource, as the stage's settings say. */
function createThrottles(api: RestApi): (httpMethod: string, method: Method) => boolean {
  const buckets = new Map<string, { tokens: number; atMillis: number }>()
  return (httpMethod, { resourcePath }) => {
    const limit = api.throttleOf(httpMethod, resourcePath)
    if (limit === undefined) return false
    const nowMillis = performance.now()
    const key = `${httpMethod} ${resourcePath}`
    const { tokens, atMillis } = buckets.get(key) ?? { tokens: limit.burst, atMillis: nowMillis }
    const filled = Math.min(limit.burst, tokens + ((nowMillis - atMillis) * limit.ratePerSecond) / 1_000)
    buckets.set(key, { tokens: filled < 1 ? filled : filled - 1, atMillis: nowMillis })
    return filled < 1
  }
}

async function openAccessLog(s: Surroundings, api: RestApi) {
  const render = compileTemplate(api.accessLogFormat ?? '', '-')
  await mkdir(join(s.dataDir, 'logs'), { recursive: true })
  const file = createWriteStream(join(s.dataDir, 'logs', 'access.log'), { flags: 'a' })
  file.on('error', error => s.complain('access log', error))
  return {
    write(exchange: Exchange) {
      if (api.accessLogFormat === undefined) return
      const line = render(exchange).trim()
      file.write(`${line}\n`)
      s.logged?.(api.accessLogGroup, api.stage, line)
    },
    close: () => new Promise(resolve => file.end(resolve)),
  }
}
