import { execFile } from 'node:child_process'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { JwtVerifier } from 'aws-jwt-verify'
import { SimpleJwksCache } from 'aws-jwt-verify/jwk'
import { createClock } from '#local/clock.ts'
import { createOidcIssuer, localIssuerPath } from '#local/oidc-issuer.ts'

const clock = createClock()
const server = createServer()
let url: string
let issuer: string
let jwksUri: string

beforeAll(async () => {
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  url = `http://127.0.0.1:${port}`
  issuer = `${url}${localIssuerPath}`
  const created = await createOidcIssuer({ issuerUrl: issuer, clock })
  jwksUri = created.jwksUri
  server.on('request', (asked, response) => {
    if (!created.route(asked, response)) response.writeHead(404).end()
  })
})
afterAll(() => {
  server.closeAllConnections()
  server.close()
})

const post = (body: string, contentType: string) =>
  fetch(`${issuer}/token`, { method: 'POST', headers: { 'Content-Type': contentType }, body })
const json = 'application/json'
const verifier = () =>
  JwtVerifier.create(
    { issuer, audience: 'compute-exchange', jwksUri },
    { jwksCache: new SimpleJwksCache({ fetcher: { fetch: async uri => (await fetch(uri)).arrayBuffer() } }) },
  )
const tokenOf = async (response: Response): Promise<string> => {
  const { access_token: token } = (await response.json()) as Record<string, unknown>
  return String(token)
}

describe('a token', () => {
  test('is verified by aws-jwt-verify and says who asks', async () => {
    const response = await post('{"account":"alice","role":"trader","expires_in":60}', json)
    const answered = (await response.json()) as Record<string, unknown>
    expect(answered).toEqual({ access_token: expect.any(String), token_type: 'Bearer', expires_in: 60 })
    const claims = await verifier().verify(String(answered['access_token']))
    const now = Math.floor(clock.now() / 1_000)
    expect(claims).toMatchObject({
      iss: issuer,
      aud: 'compute-exchange',
      sub: 'alice',
      account: 'alice',
      role: 'trader',
    })
    expect(Math.abs(Number(claims.iat) - now)).toBeLessThanOrEqual(1)
    expect(claims.exp).toBe(Number(claims.iat) + 60)
    expect(claims).toMatchObject({ nbf: claims.iat, jti: expect.any(String) })
  })

  test('is given for a form too', async () => {
    const form = 'grant_type=client_credentials&account=bob&role=market-operator'
    const token = await tokenOf(await post(form, 'application/x-www-form-urlencoded'))
    expect(await verifier().verify(token)).toMatchObject({ sub: 'bob', role: 'market-operator' })
  })

  test('is dated by the clock', async () => {
    clock.forward(86_400_000)
    const token = await tokenOf(await post('{"account":"alice","role":"trader"}', json))
    await expect(verifier().verify(token)).rejects.toThrow(/before/)
  })

  test.each([
    ['no account', '{"role":"trader"}'],
    ['another grant', '{"grant_type":"password","account":"a","role":"b"}'],
    ['no JSON', '{'],
    ['far too much', `{"account":"${'a'.repeat(20_000)}","role":"b"}`],
  ])('is refused for %s', async (_what, body) => {
    const response = await post(body, json)
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ error: 'invalid_request' })
  })
})

describe('the issuer', () => {
  test('describes itself', async () => {
    const described = (await (await fetch(`${issuer}/.well-known/openid-configuration`)).json()) as object
    expect(described).toMatchObject({ issuer, jwks_uri: jwksUri, token_endpoint: `${issuer}/token` })
    const keys = JSON.stringify(await (await fetch(jwksUri)).json())
    expect(keys).toContain('"alg":"RS256"')
    expect(keys).not.toContain('"d":')
  })

  test('leaves other paths and methods alone', async () => {
    expect((await fetch(`${url}/api/v1/orders`)).status).toBe(404)
    expect((await fetch(`${issuer}/token`)).status).toBe(405)
  })

  test('answers to a loopback name only', async () => {
    const status = await new Promise(resolve => {
      request(jwksUri, { headers: { Host: 'evil.example' } }, response => resolve(response.statusCode)).end()
    })
    expect(status).toBe(403)
    await expect(createOidcIssuer({ issuerUrl: 'https://issuer.example', clock })).rejects.toThrow('loopback')
  })
})

describe('npm run token', () => {
  const run = async (args: string[], environment: Record<string, string> = { EXCHANGE_URL: url }) => {
    const script = join(import.meta.dirname, '../../bin/token.ts')
    const env = { PATH: process.env['PATH'] ?? '', ...environment }
    try {
      return { code: 0, ...(await promisify(execFile)(process.execPath, [script, ...args], { env })) }
    } catch (error) {
      return error as { code: number; stdout: string; stderr: string }
    }
  }

  test('prints the token and nothing else', async () => {
    const { stdout } = await run(['--account', 'alice', '--role', 'trader', '--expires-in', '90'])
    expect(stdout).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+\n$/)
  })

  test('says in a line what is missing', async () => {
    const outcomes = await Promise.all([
      run(['--account', 'alice']),
      run(['--account', 'alice', '--role', 'trader'], { EXCHANGE_URL: 'http://127.0.0.1:1' }),
    ])
    expect(outcomes.map(({ code }) => code)).toEqual([1, 1])
    expect(outcomes[0]?.stderr).toMatch(/^usage: .*\n$/)
    expect(outcomes[1]?.stderr).toMatch(/^no exchange answers at http:\/\/127.0.0.1:1: .*\n$/)
  })
})
