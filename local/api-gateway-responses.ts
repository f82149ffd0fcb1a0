/** The answers that API Gateway gives itself: its defaults, overlaid with the template's gateway responses. */
import * as z from 'zod'
import { compileTemplate, type Exchange, headerOf, requestParameter } from './api-gateway-exchange.ts'
import type { Resource } from './component.ts'
import { propertiesOf } from './resource-properties.ts'

const defaults = {
  ACCESS_DENIED: [403, 'User is not authorized to access this resource', 'AccessDeniedException'],
  AUTHORIZER_CONFIGURATION_ERROR: [500, 'Internal server error', 'AuthorizerConfigurationException'],
  AUTHORIZER_FAILURE: [500, 'Internal server error', 'AuthorizerConfigurationException'],
  // Documented as 504; for a Lambda proxy integration that fails, the service answers 502.
  INTEGRATION_FAILURE: [502, 'Internal server error', 'InternalServerErrorException'],
  INTEGRATION_TIMEOUT: [504, 'Endpoint request timed out', 'InternalServerErrorException'],
  MISSING_AUTHENTICATION_TOKEN: [403, 'Missing Authentication Token', 'MissingAuthenticationTokenException'],
  REQUEST_TOO_LARGE: [413, 'Request Too Long', 'RequestTooLargeException'],
  THROTTLED: [429, 'Too Many Requests', 'TooManyRequestsException'],
  UNAUTHORIZED: [401, 'Unauthorized', 'UnauthorizedException'],
  DEFAULT_4XX: [400, 'Bad Request', 'BadRequestException'],
  DEFAULT_5XX: [500, 'Internal server error', 'InternalServerErrorException'],
} as const satisfies Record<string, readonly [number, string, string]>

type GatewayError = keyof typeof defaults
export interface Failure {
  readonly failure: GatewayError
  readonly message?: string
}
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[]>>
  readonly body: Buffer
}

const responseProperties = z.object({
  ResponseType: z.string(),
  StatusCode: z.coerce.number().optional(),
  ResponseParameters: z.record(z.string().startsWith('gatewayresponse.header.'), z.string()).default({}),
  ResponseTemplates: z.record(z.string(), z.string()).default({}),
})
type Response = z.infer<typeof responseProperties>

/** Compiles each gateway response at its first use, so that a failure costs no more than an answer. */
export function gatewayResponses(resources: readonly Resource[]): (exchange: Exchange, failure: Failure) => Answer {
  const given = new Map(
    resources
      .filter(resource => resource.type === 'AWS::ApiGateway::GatewayResponse')
      .map(resource => propertiesOf(resource, responseProperties))
      .map(response => [response.ResponseType, response]),
  )
  const compiled = new Map<GatewayError, ReturnType<typeof compile>>()
  return (exchange, { failure, message }) => {
    const inherited = given.get(defaults[failure][0] < 500 ? 'DEFAULT_4XX' : 'DEFAULT_5XX')
    const render = compiled.get(failure) ?? compile(failure, given.get(failure) ?? inherited)
    compiled.set(failure, render)
    return render(exchange, message)
  }
}

function compile(type: GatewayError, response: Response | undefined) {
  const [defaultStatus, defaultMessage, errorType] = defaults[type]
  const bodies = Object.entries(response?.ResponseTemplates ?? {})
  if (bodies.length === 0) bodies.push(['application/json', '{"message":$context.error.messageString}'])
  const templates = new Map(bodies.map(([contentType, body]) => [contentType, compileTemplate(body, '')]))
  return (exchange: Exchange, message: string = defaultMessage): Answer => {
    exchange.variables.set('error.responseType', type)
    exchange.variables.set('error.message', message)
    exchange.variables.set('error.messageString', JSON.stringify(message))
    const wanted = [headerOf(exchange, 'Accept') ?? '', 'application/json', ...templates.keys()]
    const contentType = wanted.find(candidate => templates.has(candidate)) ?? ''
    const headers: Record<string, string> = { 'Content-Type': contentType, 'x-amzn-ErrorType': errorType }
    for (const [parameter, source] of Object.entries(response?.ResponseParameters ?? {})) {
      const name = parameter.slice('gatewayresponse.header.'.length)
      const value = /^'(.*)'$/.exec(source)?.[1] ?? requestParameter(exchange, source)
      if (value !== undefined) headers[name.toLowerCase() === 'content-type' ? 'Content-Type' : name] = value
    }
    const body = templates.get(contentType)?.(exchange) ?? ''
    return { status: response?.StatusCode ?? defaultStatus, headers, body: Buffer.from(body) }
  }
}
