import { Logger } from '@aws-lambda-powertools/logger'
import { JwtVerifier } from 'aws-jwt-verify'
import { FetchError, JwksValidationError, JwkValidationError } from 'aws-jwt-verify/error'
import { type Fetcher, SimpleFetcher } from 'aws-jwt-verify/https'
import { SimpleJwksCache } from 'aws-jwt-verify/jwk'
import { decomposeUnverifiedJwt } from 'aws-jwt-verify/jwt'
import type { APIGatewayAuthorizerResult, APIGatewayRequestAuthorizerEvent } from 'aws-lambda'
import * as z from 'zod'
import { keyCredentialOf, looksLikeKey } from '#protocol/api-key-credential.ts'
import { roles } from '#protocol/permissions.ts'
import { signatureAlgorithms } from '#protocol/token-issuers.ts'
import { accountName } from '#protocol/values.ts'
import { auditRefusedCredential } from '../shell/audit.ts'
import { keyCredentialPrefix } from '../shell/principal.ts'
import { limitFetches } from './issuer-keys.ts'

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
      /** Those that a token may be signed with, whatever its header says. */
      algorithms: z.array(z.enum(signatureAlgorithms)).min(1).default(['RS256']),
      /** Cognito names the audience of an access token `client_id`, and says in `token_use` which kind a token is. */
      cognito: z.boolean().default(false),
      /** Names of the claims that hold the account and the role. */
      accountClaim: z.string().min(1),
      roleClaim: z.string().min(1),
    }),
  )
  .min(1)
type TokenIssuer = z.infer<typeof tokenIssuers>[number]

const claimed = z.object({
  account: accountName,
  role: z.enum(roles),
  credential: z
    .string()
    .min(1)
    .max(256)
    .refine(subject => !subject.startsWith(keyCredentialPrefix), 'is what API keys are called'),
  /** The library takes a token without one to be valid for ever. */
  expiration: z.number(),
})

const logger = new Logger()

/** The library's own fetcher speaks https only; a local issuer is on plain http, on this very machine. */
const secure = new SimpleFetcher()
const fetcher: Fetcher = {
  fetch: limitFetches(uri => (isLoopback(new URL(uri)) ? fetchPlain(uri) : secure.fetch(uri))),
}

/** The limit of fetches holds for keys that are found, too. */
const noPenalty = {
  wait: async () => undefined,
  registerFailedAttempt: () => undefined,
  registerSuccessfulAttempt: () => undefined,
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

interface Verified {
  readonly claims: Readonly<Record<string, unknown>>
  readonly issuer: TokenIssuer
}

/** A token that one of the tenant's issuers has signed for us and that is valid now; throws for any other. */
type Verification = (token: string) => Promise<Verified>

const makeVerification = (): Verification => {
  const issuers = tokenIssuers.parse(JSON.parse(process.env['TOKEN_ISSUERS'] ?? '[]'))
  const verifier = JwtVerifier.create(
    issuers.map(({ issuer, jwksUri, audience, cognito }) => ({
      issuer,
      audience: cognito ? null : audience,
      ...(jwksUri === undefined ? {} : { jwksUri }),
    })),
    { jwksCache: new SimpleJwksCache({ fetcher, penaltyBox: noPenalty }) },
  )
  return async token => {
    const { header, payload } = decomposeUnverifiedJwt(token)
    const issuer = issuers.find(known => known.issuer === payload.iss)
    if (issuer === undefined) throw new Error('the issuer is none of the tenant')
    refuseHeader(header, issuer)
    const claims = { ...(await verifier.verify(token)) }
    if (issuer.cognito) refuseOtherAudience(claims, issuer)
    return { claims, issuer }
  }
}

/** Keys come from the issuer's own set and by its kid: a token never brings one, nor says where one is. */
const keyHints = ['jku', 'jwk', 'x5u', 'x5c', 'x5t', 'x5t#S256', 'crit']

const refuseHeader = (header: object, { algorithms }: TokenIssuer): void => {
  const { alg, kid }: Partial<Record<string, unknown>> = { ...header }
  if (!algorithms.some(algorithm => algorithm === alg)) throw new Error('the algorithm is not one of the issuer')
  if (typeof kid !== 'string' || kid === '') throw new Error('the header names no key')
  const hint = keyHints.find(name => Object.hasOwn(header, name))
  if (hint !== undefined) throw new Error(`the header has ${hint}`)
}

const refuseOtherAudience = (claims: Verified['claims'], { audience }: TokenIssuer): void => {
  const named = claims['token_use'] === 'access' ? claims['client_id'] : claims['aud']
  const isKnownUse = claims['token_use'] === 'access' || claims['token_use'] === 'id'
  if (!isKnownUse || named !== audience) throw new Error('the audience is another')
}

let verification: Verification | undefined

/**
 * API Gateway's REQUEST authorizer: who is it? Whether they may is for the shell to say, by operation; so the policy
 * covers the whole stage, and may be kept with the token.
 */
export const handler = async (event: APIGatewayRequestAuthorizerEvent): Promise<APIGatewayAuthorizerResult> => {
  try {
    return await authorize(event)
  } catch (error) {
    if (error instanceof Error && error.message === refusal) auditRefusedCredential(event)
    throw error
  }
}

/** Exactly this message makes API Gateway answer 401. */
const refusal = 'Unauthorized'

const authorize = async (event: APIGatewayRequestAuthorizerEvent): Promise<APIGatewayAuthorizerResult> => {
  const { requestId } = event.requestContext
  const bearer = bearerOf(event.headers)
  if (bearer === undefined) throw unauthorized(requestId, 'no bearer token')
  const context = looksLikeKey(bearer) ? await ofKey(bearer, requestId) : await ofToken(bearer, requestId)
  return {
    principalId: context.account,
    policyDocument: {
      Version: '2012-10-17',
      Statement: [{ Action: 'execute-api:Invoke', Effect: 'Allow', Resource: wholeStage(event.methodArn) }],
    },
    context,
  }
}

const ofToken = async (token: string, requestId: string) => {
  verification ??= makeVerification()
  const { claims, issuer } = await verification(token).catch((error: unknown) => {
    // An issuer that cannot be reached, or whose keys cannot be read, says nothing about the token.
    if (error instanceof FetchError || error instanceof JwksValidationError || error instanceof JwkValidationError) {
      logger.error('the keys of an issuer could not be read', { request_id: requestId, error })
      throw error
    }
    throw unauthorized(requestId, error)
  })
  const principal = claimed.safeParse({
    account: claims[issuer.accountClaim],
    role: claims[issuer.roleClaim],
    credential: claims['sub'],
    expiration: claims['exp'],
  })
  if (!principal.success) throw unauthorized(requestId, principal.error)
  const { account, role, credential } = principal.data
  return { account, role, credential }
}

const ofKey = async (bearer: string, requestId: string) => {
  const credential = keyCredentialOf(bearer)
  if (credential === undefined) throw unauthorized(requestId, 'the form of an API key is another')
  // Loaded for the first key only: a token's cold start goes without the clients of the stores.
  const { keyHolderOf } = await import('./key-holder.ts')
  const said = await keyHolderOf(credential)
  if (said === undefined)
    throw unauthorized(requestId, `the API key ${credential.keyId} is not one, or not shown its secret`)
  return { ...said }
}

/** The reason is for our log only. */
const unauthorized = (requestId: string, reason: unknown): Error => {
  logger.info('credential refused', {
    request_id: requestId,
    reason: reason instanceof Error ? reason.message : reason,
  })
  return new Error(refusal)
}

const bearerOf = (headers: APIGatewayRequestAuthorizerEvent['headers']): string | undefined => {
  const given = Object.entries(headers ?? {}).filter(([name]) => name.toLowerCase() === 'authorization')
  const [, token] = /^Bearer +([A-Za-z0-9._~+/=-]{1,8192})$/i.exec(given[0]?.[1] ?? '') ?? []
  return given.length === 1 ? token : undefined
}

/** `arn:aws:execute-api:region:account:api/stage/GET/path` covers one method of one path only. */
const wholeStage = (methodArn: string): string => `${methodArn.split('/', 2).join('/')}/*`
