import { expect } from '@jest/globals'
import type { APIGatewayProxyEvent, APIGatewayProxyResult, Context } from 'aws-lambda'
import { rejectionCodes } from '#domain/outcome.ts'
import { codesOf } from '#protocol/openapi.ts'
import type { Operation } from '#protocol/operation.ts'
import type { Role } from '#protocol/permissions.ts'
import { problems } from '#protocol/problems.ts'
import { rateLimitsEnvironmentVariable } from '#protocol/rate-limits.ts'
import { generousRateLimits } from './rate-limits.ts'

/** Quiet, and without metric lines: set before the shell is loaded. */
process.env['POWERTOOLS_LOG_LEVEL'] ??= 'SILENT'
process.env['POWERTOOLS_METRICS_DISABLED'] ??= 'true'
process.env['POWERTOOLS_DEV'] ??= 'true'
process.env[rateLimitsEnvironmentVariable] ??= JSON.stringify(generousRateLimits)

export interface Given {
  readonly path?: Readonly<Record<string, string>>
  readonly query?: Readonly<Record<string, string | readonly string[]>>
  readonly headers?: Readonly<Record<string, string>>
  /** An object is sent as JSON with its content type, text as it is. */
  readonly body?: unknown
  readonly base64?: boolean
  /** Undefined: acme, a trader; null: nobody. */
  readonly as?: { readonly account?: string; readonly role?: Role; readonly credential?: string } | null
  /** An API key as the authorizer tells it, in the place of a token. */
  readonly key?: { readonly keyId: string; readonly version?: number }
  readonly address?: string
}

export interface Answered {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly text: string
  /** Empty where the answer is no JSON. */
  readonly body: Readonly<Record<string, unknown>>
}

export type HttpHandler = (event: APIGatewayProxyEvent, context: Context) => Promise<APIGatewayProxyResult>

/** Sends requests as API Gateway does, and holds every answer against what the operation declares. */
export const requests =
  (handler: HttpHandler, operations: readonly Operation[]) =>
  async (name: string, given: Given = {}): Promise<Answered> => {
    const operation = operations.find(declared => declared.name === name)
    if (operation === undefined) throw new Error(`there is no operation ${name}`)
    const answered = answerOf(await handler(proxyEvent(operation.method, operation.path, given), lambdaContext))
    expectDeclared(operation, answered)
    return answered
  }

export const answerOf = (result: APIGatewayProxyResult): Answered => {
  const headers = Object.fromEntries(Object.entries(result.headers ?? {}).map(([key, value]) => [key, String(value)]))
  const isJson = /json/.test(headers['content-type'] ?? '')
  return { status: result.statusCode, headers, text: result.body, body: isJson ? JSON.parse(result.body) : {} }
}

const expectDeclared = (operation: Operation, { status, headers, text, body }: Answered): void => {
  expect(headers['x-request-id']).toBe(requestId)
  expect(headers['strict-transport-security']).toMatch(/max-age=/)
  expect(headers['cache-control']).toBeDefined()
  const declared = operation.responses[status]
  const isJson = /json/.test(headers['content-type'] ?? '')
  if (declared?.schema !== undefined && (isJson || declared.mediaType === undefined)) {
    const problem = ['type', 'title', 'status', 'code', 'detail', 'request_id', 'retry']
    const own = Object.fromEntries(Object.entries(body).filter(([key]) => status < 400 || !problem.includes(key)))
    expect(declared.schema.parse(own)).toEqual(own)
  }
  if (declared?.mediaType !== undefined && (declared.schema === undefined || !isJson))
    expect(headers['content-type']).toContain(declared.mediaType)
  if (status < 400) {
    expect(declared).toBeDefined()
    expect(text).not.toBe('')
    return
  }
  expect(headers['content-type']).toBe('application/problem+json')
  const codes: readonly string[] = [...codesOf(operation), ...rejectionCodes]
  expect(codes).toContain(body['code'])
  expect(body).toMatchObject({
    type: `/docs#${String(body['code'])}`,
    status,
    request_id: requestId,
    title: Object.entries(problems).find(([code]) => code === body['code'])?.[1].title,
  })
}

export const requestId = '2c1d1f0e-1111-4222-8333-444455556666'

export const proxyEvent = (httpMethod: string, resource: string, given: Given): APIGatewayProxyEvent => {
  const query = Object.entries(given.query ?? {}).map(([name, values]): [string, string[]] => [
    name,
    typeof values === 'string' ? [values] : [...values],
  ])
  const text =
    given.body === undefined ? null : typeof given.body === 'string' ? given.body : JSON.stringify(given.body)
  const headers: Record<string, string> = {
    ...(text === null ? {} : { 'Content-Type': 'application/json' }),
    ...given.headers,
  }
  const path = resource.replace(/\{(\w+)\}/g, (_, name: string) => given.path?.[name] ?? '')
  return {
    resource,
    path,
    httpMethod,
    headers,
    multiValueHeaders: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value]])),
    queryStringParameters:
      query.length === 0 ? null : Object.fromEntries(query.map(([name, values]) => [name, values.at(-1)])),
    multiValueQueryStringParameters: query.length === 0 ? null : Object.fromEntries(query),
    pathParameters: given.path === undefined ? null : { ...given.path },
    stageVariables: null,
    body: text === null ? null : given.base64 === true ? Buffer.from(text).toString('base64') : text,
    isBase64Encoded: given.base64 === true,
    requestContext: {
      accountId: '111111111111',
      apiId: 'api',
      authorizer:
        given.key !== undefined
          ? {
              account: 'told',
              role: 'admin',
              credential: 'told',
              key_id: given.key.keyId,
              ...(given.key.version === undefined ? {} : { key_version: String(given.key.version) }),
            }
          : given.as === null
            ? undefined
            : {
                account: given.as?.account ?? 'acme',
                role: given.as?.role ?? 'trader',
                credential: given.as?.credential ?? 'acme',
              },
      protocol: 'HTTP/1.1',
      httpMethod,
      identity: {
        accessKey: null,
        accountId: null,
        apiKey: null,
        apiKeyId: null,
        caller: null,
        clientCert: null,
        cognitoAuthenticationProvider: null,
        cognitoAuthenticationType: null,
        cognitoIdentityId: null,
        cognitoIdentityPoolId: null,
        principalOrgId: null,
        sourceIp: given.address ?? '127.0.0.1',
        user: null,
        userAgent: null,
        userArn: null,
      },
      path,
      stage: 'v1',
      requestId,
      requestTimeEpoch: 0,
      resourceId: 'resource',
      resourcePath: resource,
    },
  }
}

const ends = (): void => undefined

export const lambdaContext: Context = {
  callbackWaitsForEmptyEventLoop: false,
  functionName: 'test',
  functionVersion: '1',
  invokedFunctionArn: 'arn:aws:lambda:eu-central-1:111111111111:function:test',
  memoryLimitInMB: '256',
  awsRequestId: requestId,
  logGroupName: 'test',
  logStreamName: 'test',
  getRemainingTimeInMillis: () => 20_000,
  done: ends,
  fail: ends,
  succeed: ends,
}
