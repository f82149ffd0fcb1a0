import { createServer, type Server } from 'node:http'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { APIGatewayRequestAuthorizerEvent } from 'aws-lambda'
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT, UnsecuredJWT } from 'jose'
import type { Operation } from '#protocol/operation.ts'
import { operations } from '#protocol/operations/registry.ts'
import { validRequest } from '#test/support/hostile-requests.ts'
import { proxyEvent } from '#test/support/http-requests.ts'
import { openWholeApi } from '#test/support/whole-api.ts'

/** Every operation that needs a credential, asked for with each that is none, through the real authorizer. */

const api = openWholeApi()
const audience = 'compute-exchange'
const keys = await generateKeyPair('RS256')
const strange = await generateKeyPair('RS256')
const guarded = operations.filter(({ permission }) => permission !== 'public')

let server: Server
let issuer = ''
let authorize: typeof import('#lambdas/platform/authorize.ts').handler

beforeAll(async () => {
  const jwks = { keys: [{ ...(await exportJWK(keys.publicKey)), kid: 'k1', alg: 'RS256', use: 'sig' }] }
  server = createServer((_, response) => response.end(JSON.stringify(jwks))).listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  const address = server.address()
  if (typeof address !== 'object' || address === null) throw new Error('the issuer does not listen')
  issuer = `http://127.0.0.1:${address.port}/oidc`
  process.env['TOKEN_ISSUERS'] = JSON.stringify([
    { issuer, jwksUri: `${issuer}/jwks.json`, audience, accountClaim: 'account', roleClaim: 'role' },
  ])
  authorize = (await import('#lambdas/platform/authorize.ts')).handler
  api.reset()
})
afterAll(() => new Promise<void>(resolve => server.close(() => resolve())))

const eventFor = (operation: Operation, authorization: string | undefined): APIGatewayRequestAuthorizerEvent => {
  const { body: _, headers, ...given } = validRequest(operation, api.knownTo(operation))
  const { requestContext, ...request } = proxyEvent(operation.method, operation.path, {
    ...given,
    headers: { ...headers, ...(authorization === undefined ? {} : { authorization }) },
  })
  return {
    ...request,
    type: 'REQUEST',
    methodArn: `arn:aws:execute-api:eu-central-1:111111111111:api/live/${operation.method}${operation.path}`,
    requestContext: { ...requestContext, authorizer: undefined },
  }
}

const nowSeconds = Math.floor(Date.now() / 1_000)
const claims = (): JWTPayload => ({
  iss: issuer,
  aud: audience,
  sub: 'user-1',
  exp: nowSeconds + 600,
  account: 'acme',
  role: 'admin',
})
const signed = (more: JWTPayload = {}, header: object = {}, key = keys.privateKey, without = ''): Promise<string> => {
  const kept = Object.entries({ ...claims(), ...more }).filter(([name]) => name !== without)
  return new SignJWT(Object.fromEntries(kept)).setProtectedHeader({ alg: 'RS256', kid: 'k1', ...header }).sign(key)
}
const encoded = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')

const wrongTokens = async (): Promise<Readonly<Record<string, string | undefined>>> => {
  const good = await signed()
  const [header = '', payload = '', signature = ''] = good.split('.')
  const bearer = async (token: string | Promise<string>) => `Bearer ${await token}`
  return {
    missing: undefined,
    empty: '',
    'no scheme': good,
    'another scheme': `Basic ${good}`,
    'two tokens': `Bearer ${good}, Bearer ${good}`,
    'no token at all': await bearer('x'),
    expired: await bearer(signed({ exp: nowSeconds - 60 })),
    'never expiring': await bearer(signed({}, {}, keys.privateKey, 'exp')),
    'not valid yet': await bearer(signed({ nbf: nowSeconds + 3_600 })),
    'no algorithm': await bearer(new UnsecuredJWT(claims()).encode()),
    'no signature': await bearer(`${header}.${payload}.`),
    'an algorithm changed to none': await bearer(`${encoded({ alg: 'none', kid: 'k1' })}.${payload}.`),
    'an algorithm changed to HS256': await bearer(`${encoded({ alg: 'HS256', kid: 'k1' })}.${payload}.${signature}`),
    'claims changed': await bearer(`${header}.${encoded({ ...claims(), account: 'other' })}.${signature}`),
    'a stranger’s signature': await bearer(signed({}, {}, strange.privateKey)),
    'a foreign issuer': await bearer(signed({ iss: 'https://issuer.example' })),
    'an issuer spelled otherwise': await bearer(signed({ iss: `${issuer}/` })),
    'another audience': await bearer(signed({ aud: 'somebody else' })),
    'no audience': await bearer(signed({}, {}, keys.privateKey, 'aud')),
    'another kid': await bearer(signed({}, { kid: 'k2' })),
    'no kid': await bearer(signed({}, { kid: undefined })),
    'a key of its own': await bearer(signed({}, { jwk: await exportJWK(strange.publicKey) }, strange.privateKey)),
    'a key from elsewhere': await bearer(signed({}, { jku: 'http://127.0.0.1:1/jwks.json' })),
    'an account that is no name': await bearer(signed({ account: 'acme\nother' })),
    'a role that there is not': await bearer(signed({ role: 'emperor' })),
    'an unknown API key': await bearer(`cxk_${'0'.repeat(24)}_${'a'.repeat(43)}`),
  }
}

test('a good token is taken, for every operation', async () => {
  const authorization = `Bearer ${await signed()}`
  for (const operation of guarded)
    expect(await authorize(eventFor(operation, authorization))).toMatchObject({ principalId: 'acme' })
})

test('a bad one is not, for any', async () => {
  const tokens = Object.entries(await wrongTokens())
  const taken: string[] = []
  let tried = 0
  for (const operation of guarded)
    for (const [what, authorization] of tokens) {
      tried += 1
      const refusal = await authorize(eventFor(operation, authorization)).then(
        () => 'taken',
        (error: unknown) => (error instanceof Error ? error.message : String(error)),
      )
      // Exactly this makes API Gateway answer 401.
      if (refusal !== 'Unauthorized') taken.push(`${operation.name}, ${what}: ${refusal}`)
    }
  expect(taken).toEqual([])
  expect(tried).toBe(guarded.length * tokens.length)
  expect(api.traces()).toEqual([])
})
