import { createHmac } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import { GetSecretValueCommand } from '@aws-sdk/client-secrets-manager'
import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals'
import type { APIGatewayRequestAuthorizerEvent } from 'aws-lambda'
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT, UnsecuredJWT } from 'jose'
import { proxyEvent } from '#test/support/http-requests.ts'
import { openKeyOffice, pepper } from '#test/support/key-office.ts'

const office = openKeyOffice()

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
    if (request.url === '/own/keys' || /^\/(?:other|cognito)\/\.well-known\/jwks\.json$/.test(request.url ?? ''))
      response.end(JSON.stringify(jwks))
    else response.writeHead(404).end()
  }).listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  const address = server.address()
  if (typeof address !== 'object' || address === null) throw new Error('the issuer does not listen')
  issuer = `http://127.0.0.1:${address.port}/own`
  const plain = { audience, accountClaim: 'account', roleClaim: 'role' }
  process.env['TOKEN_ISSUERS'] = JSON.stringify([
    { ...plain, issuer, jwksUri: `${issuer}/keys`, algorithms: ['RS256', 'ES256'] },
    { ...plain, issuer: issuer.replace('/own', '/other'), accountClaim: 'custom:account', roleClaim: 'custom:role' },
    { ...plain, issuer: issuer.replace('/own', '/broken') },
    { ...plain, issuer: issuer.replace('/own', '/cognito'), cognito: true },
  ])
  authorize = (await import('#lambdas/platform/authorize.ts')).handler
})
afterAll(() => new Promise<void>(resolve => server.close(() => resolve())))

interface Forged {
  readonly claims?: JWTPayload
  readonly without?: readonly string[]
  readonly header?: Readonly<Record<string, unknown>>
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

describe('a token of Cognito', () => {
  const cognito = (claims: JWTPayload, without: readonly string[] = []) =>
    token({ claims: { iss: issuer.replace('/own', '/cognito'), ...claims }, without })

  test('names its audience aud as an id token and client_id as an access token', async () => {
    expect(await ask(cognito({ token_use: 'id' }))).toMatchObject({ principalId: 'acme' })
    const access = cognito({ token_use: 'access', client_id: audience }, ['aud'])
    expect(await ask(access)).toMatchObject({ principalId: 'acme' })
  })

  test.each<[string, JWTPayload, readonly string[]]>([
    ['an id token for another client', { token_use: 'id', aud: 'other' }, []],
    ['an id token with a client_id of ours', { token_use: 'id', client_id: audience }, ['aud']],
    ['an access token of another client', { token_use: 'access', client_id: 'other' }, []],
    ['an access token without one', { token_use: 'access' }, []],
    ['a token of another use', { token_use: 'refresh', client_id: audience }, []],
    ['a token of no use', {}, []],
  ])('is refused: %s', async (_, claims, without) => {
    await refused(cognito(claims, without))
  })
})

describe('an API key', () => {
  const secret = 's'.repeat(43)
  const previous = 'p'.repeat(43)
  const keyId = 'a1'.repeat(12)
  const hash = (of: string) => createHmac('sha256', pepper).update(`${keyId}:${of}`).digest('hex')
  const row = {
    key_id: keyId,
    account: 'acme',
    role: 'trader',
    name: 'robot',
    key_type: 'secret',
    scopes: ['orders:read'],
    allowed_addresses: [],
    version: 7,
    verifier: hash(secret),
    previous_verifier: hash(previous),
    previous_until_millis: Date.now() + 60_000,
    created_at_millis: 1,
    expires_at_millis: Date.now() + 60_000,
  }
  const store = (more: object = {}) => office.tables.seed('apiKeys', { ...row, ...more })
  beforeEach(() => office.tables.reset())

  test('with its secret is who it is, and says by which secret', async () => {
    store()
    const said = { account: 'acme', role: 'trader', credential: `key:${keyId}`, key_id: keyId }
    expect(await ask(`cxk_${keyId}_${secret}`)).toMatchObject({
      principalId: 'acme',
      context: { ...said, key_version: '7' },
    })
    expect((await ask(`cxk_${keyId}_${previous}`)).context).toEqual({ ...said, key_version: '6' })
    store({ key_type: 'ed25519' })
    expect((await ask(`cxs_${keyId}`)).context).toEqual(said)
  })

  test('needs the pepper once a process, and for secrets only', async () => {
    store()
    await ask(`cxk_${keyId}_${secret}`)
    await ask(`cxk_${keyId}_${previous}`)
    expect(office.secrets.commandCalls(GetSecretValueCommand)).toHaveLength(1)
  })

  test.each<[string, object, string]>([
    ['another secret', {}, `cxk_${keyId}_${'x'.repeat(43)}`],
    ['another key', {}, `cxk_${'b2'.repeat(12)}_${secret}`],
    ['the secret of before, after the overlap', { previous_until_millis: 1 }, `cxk_${keyId}_${previous}`],
    ['a revoked key', { revoked_at_millis: 1 }, `cxk_${keyId}_${secret}`],
    ['an expired key', { expires_at_millis: 1 }, `cxk_${keyId}_${secret}`],
    ['a secret key without its secret', {}, `cxs_${keyId}`],
    ['a signing key with its public key for a secret', { key_type: 'ed25519' }, `cxk_${keyId}_${secret}`],
    ['a shorter secret', {}, `cxk_${keyId}_${secret.slice(1)}`],
    ['no secret', {}, `cxk_${keyId}`],
    ['no key', {}, 'cxk_'],
  ])('is refused: %s', async (_, more, bearer) => {
    store(more)
    await refused(bearer)
  })

  test('that cannot be read is our failure, not the caller’s', async () => {
    office.tables.fail(new Error('no table'))
    await expect(ask(`cxk_${keyId}_${secret}`)).rejects.toThrow('no table')
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
    ['a subject that reads as an API key', { claims: { sub: 'key:a1' } }],
    ['no kid', { header: { kid: undefined } }],
    ['the right algorithm on a key of another', { header: { kid: 'k2' } }],
    ['a header that says where keys are', { header: { jku: 'https://evil.example/keys' } }],
    ['a header that brings a key', { header: { jwk: { kty: 'RSA', n: 'AQAB', e: 'AQAB' } } }],
    ['a header that brings a certificate', { header: { x5c: ['MIIB'] } }],
    ['a header that says where certificates are', { header: { x5u: 'https://evil.example/keys' } }],
    ['a shared secret', { header: { alg: 'HS256' }, key: new TextEncoder().encode('k1'.repeat(32)) }],
  ])('for %s', async (_, forged) => {
    await refused(token(forged))
  })

  test('for an algorithm that is not the issuer’s, though its keys would verify it', async () => {
    const claims = { iss: issuer.replace('/own', '/other'), 'custom:account': 'blue', 'custom:role': 'trader' }
    await refused(token({ claims, header: { alg: 'ES256', kid: 'k2' }, key: curve.privateKey }))
    expect(await ask(token({ claims }))).toMatchObject({ principalId: 'blue' })
  })

  test('for a token with a critical extension', async () => {
    const seconds = Math.floor(Date.now() / 1_000)
    const claims = { iss: issuer, aud: audience, sub: 'user-1', exp: seconds + 300, account: 'acme', role: 'trader' }
    await refused(
      new SignJWT(claims)
        .setProtectedHeader({ alg: 'RS256', kid: 'k1', crit: ['own'], own: 1 })
        .sign(keys.privateKey, { crit: { own: true } }),
    )
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

test('whoever makes up names of keys makes us fetch once a minute and issuer', async () => {
  await ask(token())
  const before = fetches
  jest.spyOn(performance, 'now').mockReturnValue(performance.now() + 61_000)
  for (const kid of ['a', 'b', 'c', 'd', 'e']) await refused(token({ header: { kid } }))
  await Promise.all(['f', 'g', 'h'].map(kid => refused(token({ header: { kid } }))))
  expect(fetches - before).toBe(1)
  // The known ones go on as before.
  expect(await ask(token())).toMatchObject({ principalId: 'acme' })
  jest.spyOn(performance, 'now').mockReturnValue(performance.now() + 61_000)
  await refused(token({ header: { kid: 'i' } }))
  expect(fetches - before).toBe(2)
  jest.restoreAllMocks()
})

test('keys that cannot be fetched are not the caller’s fault', async () => {
  const claims = { iss: issuer.replace('/own', '/broken') }
  await expect(ask(token({ claims }))).rejects.toThrow(/Failed to fetch/)
})
