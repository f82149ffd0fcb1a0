/** What the template says about the REST API: its stage, its methods with their authorizers and validators. */
import * as z from 'zod'
import type { Resource, Surroundings } from './component.ts'
import { propertiesOf } from './resource-properties.ts'

export interface Authorizer {
  readonly name: string
  readonly functionArn: string
  readonly identitySources: readonly string[]
  readonly cacheMillis: number
}

export interface Method {
  readonly resourcePath: string
  readonly resourceId: string
  readonly functionArn: string
  readonly timeoutMillis: number
  readonly authorizer: Authorizer | undefined
}

interface Route {
  readonly path: string
  readonly pattern: RegExp
  readonly parameterNames: readonly string[]
  readonly methods: Map<string, Method>
}

export type RestApi = ReturnType<typeof readRestApi>

const no = z.literal([false, 'false']).optional()
const texts = z.record(z.string(), z.string())

const resourceProperties = z.object({ ParentId: z.string(), PathPart: z.string() })
const methodProperties = z.object({
  ResourceId: z.string(),
  HttpMethod: z.string(),
  AuthorizationType: z.enum(['NONE', 'CUSTOM']),
  AuthorizerId: z.string().default(''),
  ApiKeyRequired: no,
  /** The functions parse for themselves. */
  RequestValidatorId: z.undefined('request validators are not supported').optional(),
  Integration: z.object({
    Type: z.literal('AWS_PROXY'),
    IntegrationHttpMethod: z.literal('POST'),
    Uri: z.string(),
    TimeoutInMillis: z.coerce.number().min(50).default(29_000),
    ResponseTransferMode: z.literal('BUFFERED').optional(),
  }),
})
const authorizerProperties = z.object({
  Name: z.string(),
  Type: z.literal('REQUEST'),
  AuthorizerUri: z.string(),
  IdentitySource: z.string().optional(),
  AuthorizerResultTtlInSeconds: z.coerce.number().min(0).max(3_600).default(300),
})
const methodSetting = z.object({
  HttpMethod: z.string(),
  ResourcePath: z.string(),
  ThrottlingRateLimit: z.coerce.number().min(0).optional(),
  ThrottlingBurstLimit: z.coerce.number().min(0).optional(),
  CachingEnabled: no,
})
const stageProperties = z.object({
  StageName: z.string(),
  DeploymentId: z.string().default('local'),
  Variables: texts.optional(),
  AccessLogSetting: z.object({ Format: z.string(), DestinationArn: z.string().optional() }).optional(),
  MethodSettings: z.array(methodSetting).default([]),
  CacheClusterEnabled: no,
})

export function readRestApi(s: Surroundings) {
  const api = theOnly(s, 'RestApi')
  const stage = propertiesOf(theOnly(s, 'Stage'), stageProperties)
  const functionArnOf = functionArns(s.resources)
  const authorizers = new Map(
    ofType(s, 'Authorizer').map(resource => {
      const properties = propertiesOf(resource, authorizerProperties)
      const authorizer: Authorizer = {
        name: properties.Name,
        functionArn: functionArnOf(properties.AuthorizerUri),
        identitySources: properties.IdentitySource?.split(',').map(source => source.trim()) ?? [],
        cacheMillis: properties.AuthorizerResultTtlInSeconds * 1_000,
      }
      return [resource.physicalId, authorizer]
    }),
  )
  const pathOf = resourcePaths(s)
  const routes = new Map<string, Route>()
  for (const resource of ofType(s, 'Method')) {
    const properties = propertiesOf(resource, methodProperties)
    const authorizer = authorizers.get(properties.AuthorizerId)
    const isAuthorized = properties.AuthorizationType === 'CUSTOM'
    if (isAuthorized && authorizer === undefined) throw new Error(`${resource.logicalId}: its authorizer is missing`)
    const resourcePath = pathOf(properties.ResourceId)
    const route = routes.get(resourcePath) ?? newRoute(resourcePath)
    routes.set(resourcePath, route)
    route.methods.set(properties.HttpMethod, {
      resourcePath,
      resourceId: properties.ResourceId,
      functionArn: functionArnOf(properties.Integration.Uri),
      timeoutMillis: properties.Integration.TimeoutInMillis,
      authorizer: isAuthorized ? authorizer : undefined,
    })
  }
  const inOrder = [...routes.values()].sort((one, other) => (precedence(one.path) < precedence(other.path) ? -1 : 1))
  const media = z.object({ BinaryMediaTypes: z.array(z.string().toLowerCase()).default([]) })
  return {
    id: api.physicalId,
    stage: stage.StageName,
    deploymentId: stage.DeploymentId,
    stageVariables: stage.Variables ?? null,
    accessLogFormat: stage.AccessLogSetting?.Format,
    accessLogGroup: stage.AccessLogSetting?.DestinationArn?.split(':').at(-1) ?? '',
    binaryMediaTypes: propertiesOf(api, media).BinaryMediaTypes,
    throttleOf: (httpMethod: string, resourcePath: string) =>
      throttleOf(stage.MethodSettings, httpMethod, resourcePath),
    /** An encoded slash stays within its parameter. */
    find(httpMethod: string, path: string) {
      if (isMalformed(path)) return { isMalformed: true, method: undefined, pathParameters: null }
      for (const { pattern, parameterNames, methods } of inOrder) {
        const values = pattern.exec(path)?.slice(1)
        if (values === undefined) continue
        const method = methods.get(httpMethod) ?? methods.get('ANY')
        const named = Object.fromEntries(parameterNames.map((name, at) => [name, decodeURIComponent(values[at] ?? '')]))
        return { isMalformed: false, method, pathParameters: parameterNames.length === 0 ? null : named }
      }
      return { isMalformed: false, method: undefined, pathParameters: null }
    },
  }
}

function isMalformed(path: string): boolean {
  try {
    return decodeURIComponent(path) === ''
  } catch {
    // URIError is all that it throws: a percent sign without its digits, or bytes that are no UTF-8.
    return true
  }
}

function ofType(s: Surroundings, type: string): Resource[] {
  return s.resources.filter(resource => resource.type === `AWS::ApiGateway::${type}`)
}

function theOnly(s: Surroundings, type: string): Resource {
  const [first, ...others] = ofType(s, type)
  if (first === undefined || others.length > 0) throw new Error(`the template must have one AWS::ApiGateway::${type}`)
  return first
}

/** The function's ARN out of arn:aws:apigateway:…:lambda:path/2015-03-31/functions/<arn>/invocations. */
function functionArns(resources: readonly Resource[]): (uri: string) => string {
  const functions = resources.filter(resource => resource.type === 'AWS::Lambda::Function')
  const names = new Set(functions.map(resource => resource.physicalId))
  return uri => {
    const arn = /\/functions\/(arn:[^/]+)\/invocations$/.exec(uri)?.[1]
    if (arn === undefined) throw new Error(`not an invocation of a Lambda function: ${uri}`)
    if (!names.has(arn.split(':')[6] ?? '')) throw new Error(`API Gateway invokes an unknown function: ${arn}`)
    return arn
  }
}

/** An id that is no Resource's is the root's: only the API itself knows that one. */
function resourcePaths(s: Surroundings): (resourceId: string) => string {
  const parts = new Map(ofType(s, 'Resource').map(part => [part.physicalId, propertiesOf(part, resourceProperties)]))
  const above = (resourceId: string): string => {
    const part = parts.get(resourceId)
    return part === undefined ? '' : `${above(part.ParentId)}/${part.PathPart}`
  }
  return resourceId => above(resourceId) || '/'
}

/** A last slash does not matter. */
function newRoute(path: string): Route {
  const parameterNames: string[] = []
  const parts = path
    .slice(1)
    .split('/')
    .map(part => {
      const [, name, greedy] = /^\{(.+?)(\+?)\}$/.exec(part) ?? []
      if (name === undefined) return part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
      parameterNames.push(name)
      return greedy === '+' ? '(.+?)' : '([^/]+)'
    })
  return { path, pattern: new RegExp(`^/${parts.join('/')}/?$`), parameterNames, methods: new Map() }
}

/** Part by part, a static one comes before {parameter}, and that before {proxy+}. */
function precedence(path: string): string {
  const rank = (part: string) => (part.endsWith('+}') ? '2' : part.startsWith('{') ? '1' : `0${part}`)
  return path.split('/').map(rank).join('/')
}

/** The settings of the method itself come before those of all methods of the stage. */
function throttleOf(settings: z.infer<typeof methodSetting>[], httpMethod: string, resourcePath: string) {
  const encodedPath = resourcePath === '/' ? '/' : `/${resourcePath.replaceAll('/', '~1')}`
  const order = [
    [encodedPath, httpMethod],
    [encodedPath, '*'],
    ['/*', httpMethod],
    ['/*', '*'],
  ]
  for (const [path, method] of order) {
    const setting = settings.find(({ ResourcePath, HttpMethod }) => ResourcePath === path && HttpMethod === method)
    const ratePerSecond = setting?.ThrottlingRateLimit
    if (ratePerSecond !== undefined) return { ratePerSecond, burst: setting?.ThrottlingBurstLimit ?? ratePerSecond }
  }
  return undefined
}
