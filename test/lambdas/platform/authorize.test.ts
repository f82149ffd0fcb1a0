import { createServer, type Server } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { APIGatewayRequestAuthorizerEvent } from 'aws-lambda'
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT, UnsecuredJWT } from 'jose'
import { proxyEvent } from '#test/support/http-requests.ts'

const audience = 'compute-exchange'
const keys = await generateKeyPair('RS256', { extractable: true })
const curve = await generateKeyPair('ES256', { extractable: true })
const strange = await generateKeyPair('RS256', { extractable: true })

let server: Server
let issuer = ''
let fetches = 0
let authorize: typeof import('#lambdas/platform/authorize.ts').handler

beforeAll(async () => {
  const jwks = {
    keys: [
      { ...(await exportJWK(keys.publicKey)), kid: 'k1', alg: 'RS256', use: 'sig' },
      { ...(await exportJWK(curve.publicKey)), kid: 'k2', alg: 'ES256', use: 'sig' },
    ],
  }
  server = createServer((request, response) => {
    fetches++
    if (request.url === '/own/keys' || request.url === '/other/.well-known/jwks.json')
      response.end(JSON.stringify(jwks))
    else response.writeHead(404).end()
  }).listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  const address = server.address()
  if (typeof address !== 'object' || address === null) throw new Error('the issuer does not listen')
  issuer = `http://127.0.0.1:${address.port}/own`
  const plain = { audience, accountClaim: 'account', roleClaim: 'role' }
  process.env['TOKEN_ISSUERS'] = JSON.stringify([
    { ...plain, issuer, jwksUri: `${issuer}/keys` },
    { ...plain, issuer: issuer.replace('/own', '/other'), accountClaim: 'custom:account', roleClaim: 'custom:role' },
    { ...plain, issuer: issuer.replace('/own', '/broken') },
  ])
  authorize = (await import('#lambdas/platform/authorize.ts')).handler
})
afterAll(() => new Promise<void>(resolve => server.close(() => resolve())))

interface Forged {
  readonly claims?: JWTPayload
  readonly without?: readonly string[]
  readonly header?: Record<string, string>
  readonly key?: Parameters<SignJWT['sign']>[0]
}

const token = ({ claims = {}, without = [], header = {}, key = keys.privateKey }: Forged = {}): Promise<string> => {
  const seconds = Math.floor(Date.now() / 1_000)
  const all = {
    iss: issuer,
    aud: audience,
    sub: 'user-1',
    exp: seconds + 300,
    account: 'acme',
    role: 'trader',
    ...claims,
  }
  const kept = Object.fromEntries(Object.entries(all).filter(([name]) => !without.includes(name)))
  return new SignJWT(kept).setProtectedHeader({ alg: 'RS256', kid: 'k1', ...header }).sign(key)
}

const event = (headers: Record<string, string>): APIGatewayRequestAuthorizerEvent => {
  const { requestContext, ...request } = proxyEvent('GET', '/api/v1/orders', { headers })
  return {
    ...request,
    type: 'REQUEST',
    methodArn: 'arn:aws:execute-api:eu-central-1:111111111111:api/v1/GET/api/v1/orders',
    requestContext: { ...requestContext, authorizer: undefined },
  }
}
const ask = async (bearer: string | Promise<string>) => authorize(event({ authorization: `Bearer ${await bearer}` }))
const refused = (bearer: string | Promise<string>) => expect(ask(bearer)).rejects.toThrow(/^Unauthorized$/)

describe('a valid token', () => {
  test('opens the whole stage, and says who it is', async () => {
    expect(await ask(token())).toEqual({
      principalId: 'acme',
      policyDocument: {
        Version: '2012-10-17',
        Statement: [
          {
            Action: 'execute-api:Invoke',
            Effect: 'Allow',
            Resource: 'arn:aws:execute-api:eu-central-1:111111111111:api/v1/*',
          },
        ],
      },
      context: { account: 'acme', role: 'trader', credential: 'user-1' },
    })
  })

  test('may be signed with an elliptic curve', async () => {
    expect(await ask(token({ header: { alg: 'ES256', kid: 'k2' }, key: curve.privateKey }))).toMatchObject({
      principalId: 'acme',
    })
  })

  test('of each issuer is read by that issuer’s names', async () => {
    const claims = {
      iss: issuer.replace('/own', '/other'),
      'custom:account': 'blue',
      'custom:role': 'market_maker',
    }
    expect((await ask(token({ claims }))).context).toEqual({
      account: 'blue',
      role: 'market_maker',
      credential: 'user-1',
    })
    await refused(token({ claims, without: ['custom:role'] }))
  })

  test('costs no fetch once the keys are known', async () => {
    await ask(token())
    const before = fetches
    await ask(token())
    expect(fetches).toBe(before)
  })

  test('is found however the header is spelled', async () => {
    const bearer = await token()
    expect(await authorize(event({ AUTHORIZATION: `bearer ${bearer}` }))).toMatchObject({ principalId: 'acme' })
  })
})

describe('401', () => {
  const past = Math.floor(Date.now() / 1_000) - 60

  test.each<[string, Forged]>([
    ['an expired token', { claims: { exp: past } }],
    ['a token that never expires', { without: ['exp'] }],
    ['a token of tomorrow', { claims: { nbf: past + 3_600 } }],
    ['another audience', { claims: { aud: 'other' } }],
    ['no audience', { without: ['aud'] }],
    ['another issuer', { claims: { iss: 'https://other.example' } }],
    ['no issuer', { without: ['iss'] }],
    ['a role that we do not know', { claims: { role: 'emperor' } }],
    ['several roles', { claims: { role: ['trader', 'admin'] } }],
    ['no role', { without: ['role'] }],
    ['no account', { without: ['account'] }],
    ['an account that is no name', { claims: { account: 'a b' } }],
    ['an account that is a number', { claims: { account: 7 } }],
    ['no subject', { without: ['sub'] }],
    ['an unknown key', { header: { kid: 'k9' } }],
    ['a key of somebody else', { key: strange.privateKey }],
    ['a shared secret', { header: { alg: 'HS256' }, key: new TextEncoder().encode('k1'.repeat(32)) }],
  ])('for %s', async (_, forged) => {
    await refused(token(forged))
  })

  test('for a token without a signature, or a changed one', async () => {
    const bearer = await token()
    const [header, payload, signature = ''] = bearer.split('.')
    await refused(new UnsecuredJWT({ iss: issuer, aud: audience, sub: 'x', account: 'acme', role: 'admin' }).encode())
    await refused(`${header}.${payload}.`)
    await refused(`${header}.${payload}.${signature.slice(0, -4)}AAAA`)
    const admin = Buffer.from(JSON.stringify({ iss: issuer, aud: audience, account: 'acme', role: 'admin' }))
    await refused(`${header}.${admin.toString('base64url')}.${signature}`)
  })

  test.each([
    '',
    'Bearer',
    'Bearer ',
    'Basic YTpi',
    'Bearer a b',
    'Bearer x',
    'Bearer a.b.c',
    `Bearer ${'a'.repeat(9_000)}`,
  ])('for the header %.30j', async authorization => {
    await expect(authorize(event({ authorization }))).rejects.toThrow(/^Unauthorized$/)
  })

  test('for no header', async () => {
    await expect(authorize(event({}))).rejects.toThrow(/^Unauthorized$/)
  })
})

test('keys that cannot be fetched are not the caller’s fault', async () => {
  const claims = { iss: issuer.replace('/own', '/broken') }
  await expect(ask(token({ claims }))).rejects.toThrow(/Failed to fetch/)
})
