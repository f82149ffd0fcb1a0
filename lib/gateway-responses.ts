import { type GatewayResponseOptions, ResponseType } from 'aws-cdk-lib/aws-apigateway'
import { type ProblemCode, problemDocument } from '#protocol/problems.ts'

/** What API Gateway answers by itself, before any function is asked: the same problem documents as everything else. */
const codes: readonly (readonly [ResponseType, ProblemCode])[] = [
  [ResponseType.ACCESS_DENIED, 'forbidden'],
  [ResponseType.API_CONFIGURATION_ERROR, 'internal-error'],
  [ResponseType.AUTHORIZER_CONFIGURATION_ERROR, 'internal-error'],
  [ResponseType.AUTHORIZER_FAILURE, 'internal-error'],
  [ResponseType.BAD_REQUEST_BODY, 'invalid-request'],
  [ResponseType.BAD_REQUEST_PARAMETERS, 'invalid-request'],
  [ResponseType.EXPIRED_TOKEN, 'unauthorized'],
  [ResponseType.INTEGRATION_FAILURE, 'internal-error'],
  [ResponseType.INTEGRATION_TIMEOUT, 'upstream-timeout'],
  [ResponseType.INVALID_API_KEY, 'forbidden'],
  [ResponseType.INVALID_SIGNATURE, 'unauthorized'],
  // API Gateway's answer to a path or method that does not exist.
  [ResponseType.MISSING_AUTHENTICATION_TOKEN, 'not-found'],
  [ResponseType.QUOTA_EXCEEDED, 'too-many-requests'],
  [ResponseType.REQUEST_TOO_LARGE, 'payload-too-large'],
  [ResponseType.RESOURCE_NOT_FOUND, 'not-found'],
  [ResponseType.THROTTLED, 'too-many-requests'],
  [ResponseType.UNAUTHORIZED, 'unauthorized'],
  [ResponseType.UNSUPPORTED_MEDIA_TYPE, 'unsupported-media-type'],
  // The web ACL refuses for one reason: too many requests from one address.
  [ResponseType.WAF_FILTERED, 'too-many-requests'],
  [ResponseType.DEFAULT_4XX, 'invalid-request'],
  [ResponseType.DEFAULT_5XX, 'internal-error'],
]

/** The bucket of the stage refills within a second; the web ACL counts over a minute. */
const retryAfterSeconds = (type: ResponseType): number => (type === ResponseType.WAF_FILTERED ? 60 : 1)

/** What no function is there to say; why a credential is refused is for our log only. */
const details: ReadonlyMap<ResponseType, string> = new Map([
  [
    ResponseType.UNAUTHORIZED,
    'The credential is missing, malformed, expired, or not one that this exchange has reason to trust.',
  ],
  [ResponseType.MISSING_AUTHENTICATION_TOKEN, 'No operation has this path: /openapi.json lists them all.'],
  [ResponseType.REQUEST_TOO_LARGE, 'The gateway itself takes no more than 10 MB.'],
  [
    ResponseType.DEFAULT_4XX,
    'It is not HTTP as it should be: a bad method, header, percent-encoding or framing, or more than 10,240 bytes of headers.',
  ],
])

export const gatewayResponses: readonly GatewayResponseOptions[] = codes.map(([type, code]) => {
  const detail = details.get(type)
  const problem = problemDocument(code, '$context.requestId', detail === undefined ? {} : { detail })
  return {
    type,
    statusCode: String(problem.status),
    responseHeaders: {
      // The template's own media type would be chosen by the caller's Accept.
      'Content-Type': "'application/problem+json'",
      'Cache-Control': "'no-store'",
      'Strict-Transport-Security': "'max-age=31536000; includeSubDomains'",
      'X-Request-Id': 'context.requestId',
      ...(code === 'unauthorized' && { 'WWW-Authenticate': "'Bearer'" }),
      ...(code === 'too-many-requests' && { 'Retry-After': `'${retryAfterSeconds(type)}'` }),
    },
    templates: { 'application/json': JSON.stringify(problem) },
  }
})
