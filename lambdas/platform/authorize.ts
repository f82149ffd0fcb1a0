import { Logger } from '@aws-lambda-powertools/logger'
import { JwtVerifier } from 'aws-jwt-verify'
import { FetchError, JwksValidationError, JwkValidationError } from 'aws-jwt-verify/error'
import { type Fetcher, SimpleFetcher } from 'aws-jwt-verify/https'
import { SimpleJwksCache } from 'aws-jwt-verify/jwk'
import type { APIGatewayAuthorizerResult, APIGatewayRequestAuthorizerEvent } from 'aws-lambda'
import * as z from 'zod'
import { roles } from '#protocol/permissions.ts'
import { accountName } from '#protocol/values.ts'

const isLoopback = ({ protocol, hostname }: URL): boolean =>
  protocol === 'http:' &&
  (hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.[0-9]{1,3}){3}$/.test(hostname))

const issuerUrl = z.url().refine(text => {
  const url = new URL(text)
  return url.protocol === 'https:' || isLoopback(url)
}, 'must be https (plain http only on the loopback address)')

/** The tenant's issuers of credentials, as synthesis writes them into TOKEN_ISSUERS. */
const tokenIssuers = z
  .array(
    z.strictObject({
      issuer: issuerUrl,
      jwksUri: issuerUrl.optional(),
      audience: z.string().min(1),
      /** Names of the claims that hold the account and the role. */
      accountClaim: z.string().min(1),
      roleClaim: z.string().min(1),
    }),
  )
  .min(1)

const claimed = z.object({
  account: accountName,
  role: z.enum(roles),
  credential: z.string().min(1).max(256),
  /** The library takes a token without one to be valid for ever. */
  expiration: z.number(),
})

const logger = new Logger()

/** The library's own fetcher speaks https only; a local issuer is on plain http, on this very machine. */
const secure = new SimpleFetcher()
const fetcher: Fetcher = {
  fetch: uri => (isLoopback(new URL(uri)) ? fetchPlain(uri) : secure.fetch(uri)),
}

const fetchPlain = async (uri: string): Promise<ArrayBuffer> => {
  try {
    const response = await fetch(uri, { signal: AbortSignal.timeout(3_000), redirect: 'error' })
    if (response.ok) return await response.arrayBuffer()
    throw new Error(`status code is ${response.status}, expected 200`)
  } catch (error) {
    throw new FetchError(uri, error)
  }
}

interface Verification {
  /** The claims of a token that one of the tenant's issuers has signed for us and that is valid now. */
  readonly verify: (token: string) => Promise<Readonly<Record<string, unknown>>>
  readonly claimsOf: (issuer: unknown) => { readonly accountClaim: string; readonly roleClaim: string } | undefined
}

const makeVerification = (): Verification => {
  const issuers = tokenIssuers.parse(JSON.parse(process.env['TOKEN_ISSUERS'] ?? '[]'))
  const verifier = JwtVerifier.create(
    issuers.map(({ issuer, jwksUri, audience }) => ({
      issuer,
      audience,
      ...(jwksUri === undefined ? {} : { jwksUri }),
    })),
    { jwksCache: new SimpleJwksCache({ fetcher }) },
  )
  return {
    verify: async token => ({ ...(await verifier.verify(token)) }),
    claimsOf: issuer => issuers.find(known => known.issuer === issuer),
  }
}

let verification: Verification | undefined

/**
 * API Gateway's REQUEST authorizer: who is it? Whether they may is for the shell to say, by operation; so the policy
 * covers the whole stage, and may be kept with the token.
 */
export const handler = async (event: APIGatewayRequestAuthorizerEvent): Promise<APIGatewayAuthorizerResult> => {
  verification ??= makeVerification()
  const { requestId } = event.requestContext
  const token = bearerToken(event.headers)
  if (token === undefined) throw unauthorized(requestId, 'no bearer token')
  const claims = await verification.verify(token).catch((error: unknown) => {
    // An issuer that cannot be reached, or whose keys cannot be read, says nothing about the token.
    if (error instanceof FetchError || error instanceof JwksValidationError || error instanceof JwkValidationError) {
      logger.error('the keys of an issuer could not be read', { request_id: requestId, error })
      throw error
    }
    throw unauthorized(requestId, error)
  })
  const names = verification.claimsOf(claims['iss'])
  const principal = claimed.safeParse({
    account: names && claims[names.accountClaim],
    role: names && claims[names.roleClaim],
    credential: claims['sub'],
    expiration: claims['exp'],
  })
  if (!principal.success) throw unauthorized(requestId, principal.error)
  const { account, role, credential } = principal.data
  return {
    principalId: account,
    policyDocument: {
      Version: '2012-10-17',
      Statement: [{ Action: 'execute-api:Invoke', Effect: 'Allow', Resource: wholeStage(event.methodArn) }],
    },
    context: { account, role, credential },
  }
}

/** Exactly this message makes API Gateway answer 401. The reason is for our log only. */
const unauthorized = (requestId: string, reason: unknown): Error => {
  logger.info('credential refused', {
    request_id: requestId,
    reason: reason instanceof Error ? reason.message : reason,
  })
  return new Error('Unauthorized')
}

const bearerToken = (headers: APIGatewayRequestAuthorizerEvent['headers']): string | undefined => {
  const given = Object.entries(headers ?? {}).filter(([name]) => name.toLowerCase() === 'authorization')
  const [, token] = /^Bearer +([A-Za-z0-9._~+/=-]{1,8192})$/i.exec(given[0]?.[1] ?? '') ?? []
  return given.length === 1 ? token : undefined
}

/** `arn:aws:execute-api:region:account:api/stage/GET/path` covers one method of one path only. */
const wholeStage = (methodArn: string): string => `${methodArn.split('/', 2).join('/')}/*`
