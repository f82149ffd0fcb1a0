import { beforeEach, describe, expect, test } from '@jest/globals'
import * as z from 'zod'
import type { Handle, Request } from '#lambdas/shell/http.ts'
import { type Operation, operation } from '#protocol/operation.ts'
import { answerOf, lambdaContext, proxyEvent, requests } from '#test/support/http-requests.ts'
import { keyPair, openKeyOffice, type Pair, signatureOf } from '#test/support/key-office.ts'

const office = openKeyOffice()
const { serve } = await import('#lambdas/shell/serve.ts')

const change = operation({
  context: 'security',
  name: 'change-thing',
  method: 'POST',
  path: '/things/{thing}',
  permission: 'orders:write',
  summary: 'Change a thing',
  request: {
    path: z.strictObject({ thing: z.string() }),
    query: z.strictObject({ b: z.string().optional(), a: z.string().optional() }),
    body: z.strictObject({ size: z.number() }),
  },
  responses: { 200: { description: 'Changed', schema: z.object({ account: z.string() }) } },
  rejections: [],
})
let seen: Request<typeof change>['principal'] | undefined
const handle: Handle<typeof change> = async ({ principal }) => {
  seen = principal
  return { status: 200, body: { account: principal.account } }
}
const operations: readonly Operation[] = [change]
const handler = serve('security', [change], { 'change-thing': handle })
const send = requests(handler, operations)

const keyId = 'a1'.repeat(12)
const pair = keyPair()
const keyRow = (more: object = {}) => ({
  key_id: keyId,
  account: 'acme',
  role: 'trader',
  name: 'robot',
  key_type: 'secret',
  scopes: ['orders:write', 'orders:read', 'deposits:write'],
  allowed_addresses: [],
  version: 2,
  verifier: 'hash',
  created_at_millis: 1,
  expires_at_millis: Date.now() + 60_000,
  last_used_at_millis: Date.now(),
  ...more,
})
const store = (more: object = {}) => office.tables.seed('apiKeys', keyRow(more))

const keyWrites = () => office.tables.writes().filter(write => !write.endsWith(' rate-limits'))

beforeEach(() => {
  office.tables.reset()
  seen = undefined
})

const text = '{"size":1}'
const request = { path: { thing: 'hammer' }, body: text }

describe('a key with a secret', () => {
  const use = (version = 2, given: object = {}) =>
    send('change-thing', { ...request, key: { keyId, version }, address: '10.1.2.3', ...given })

  test('is who its row says, whatever an authorizer’s answer of five minutes ago said', async () => {
    store()
    expect(await use()).toMatchObject({ status: 200, body: { account: 'acme' } })
    expect(seen).toEqual({
      account: 'acme',
      role: 'trader',
      credential: `key:${keyId}`,
      // What its role does not permit, a scope does not either.
      permissions: ['orders:write', 'orders:read'],
      address: '10.1.2.3',
    })
    expect(office.tables.count('get')).toBe(1)
    expect(keyWrites()).toEqual([])
  })

  test('may do what its scopes say', async () => {
    store({ scopes: ['orders:read'] })
    expect(await use()).toMatchObject({ status: 403, body: { code: 'forbidden' } })
  })

  test.each([
    ['revoked', { revoked_at_millis: 5 }],
    ['expired', { expires_at_millis: Date.now() - 1 }],
    ['of the other kind', { key_type: 'ed25519' }],
    ['rotated twice since', { version: 4, previous_verifier: 'x', previous_until_millis: Date.now() + 60_000 }],
    ['rotated, and the overlap is over', { version: 3, previous_verifier: 'x', previous_until_millis: Date.now() - 1 }],
  ])('is refused at once where it is %s', async (_, more) => {
    store(more)
    expect(await use()).toMatchObject({ status: 401, body: { code: 'unauthorized' } })
    expect(seen).toBeUndefined()
  })

  test('is refused where there is none', async () => {
    expect(await use()).toMatchObject({ status: 401 })
  })

  test.each([
    [['10.0.0.0/8'], '10.1.2.3', 200],
    [['10.1.2.3'], '10.1.2.3', 200],
    [['10.1.2.3'], '::ffff:10.1.2.3', 200],
    [['192.168.0.0/16', '2001:db8::/32'], '2001:db8:1::9', 200],
    [['10.0.0.0/8'], '11.1.2.3', 403],
    [['10.0.0.0/8'], '2001:db8::1', 403],
    [['2001:db8::/32'], '10.1.2.3', 403],
  ])('for the addresses %j from %s', async (allowed_addresses, address, status) => {
    store({ allowed_addresses })
    const answer = await use(2, { address })
    expect(answer.status).toBe(status)
    if (status === 403) expect(answer.body['code']).toBe('address-not-allowed')
  })

  test('notes its use once a minute, and the note never fails the request', async () => {
    store({ last_used_at_millis: Date.now() - 61_000 })
    expect(await use()).toMatchObject({ status: 200 })
    const noted = Number(office.tables.items('apiKeys')[0]?.['last_used_at_millis'])
    expect(Date.now() - noted).toBeLessThan(5_000)
    expect(await use()).toMatchObject({ status: 200 })
    expect(keyWrites()).toEqual(['UpdateCommand api-keys'])
  })
})

describe('a key whose requests are signed', () => {
  const use = (headers: Readonly<Record<string, string>>, given: object = {}) =>
    send('change-thing', { ...request, key: { keyId }, headers, ...given })
  const signed = (
    more: Parameters<typeof signatureOf>[2] & object = {},
    { privateKey }: Pair = pair,
    over: { method?: string; path?: string; body?: string } = {},
  ) => signatureOf(privateKey, { method: 'POST', path: '/things/hammer', body: text, ...over }, more)
  beforeEach(() => store({ key_type: 'ed25519', verifier: pair.publicKey, version: 1 }))
  const refused = async (headers: Readonly<Record<string, string>>, given: object = {}) => {
    const answer = await use(headers, given)
    expect(answer).toMatchObject({ status: 401, body: { code: 'unauthorized' } })
    expect(seen).toBeUndefined()
    return String(answer.body['detail'])
  }

  test('is taken once', async () => {
    const headers = signed()
    expect(await use(headers)).toMatchObject({ status: 200, body: { account: 'acme' } })
    expect(office.tables.items('nonces')).toHaveLength(1)
    seen = undefined
    expect(await refused(headers)).toContain('nonce')
    // The same nonce by another signature, and another key of the same pair.
    expect(await refused(signed({ nonce: headers['X-Nonce'] ?? '' }))).toContain('nonce')
    const other = 'b2'.repeat(12)
    office.tables.seed('apiKeys', keyRow({ key_id: other, key_type: 'ed25519', verifier: pair.publicKey, version: 1 }))
    expect(await refused(headers, { key: { keyId: other } })).toContain('nonce')
  })

  test('covers the query in whatever order it comes, and bytes that came as base64', async () => {
    const over = { path: '/things/hammer?a=x%20y&b=%C3%BC%2B' }
    const query = { b: 'ü+', a: 'x y' }
    expect(await use(signed({}, pair, over), { query })).toMatchObject({ status: 200 })
    expect(await use(signed({}, pair, over), { query, base64: true })).toMatchObject({ status: 200 })
    seen = undefined
    await refused(signed({}, pair, over), { query: { ...query, a: 'x' } })
    await refused(signed({}, pair, over))
  })

  test('does not cover another method, path, body or time, or another key', async () => {
    await refused(signed({}, pair, { method: 'PUT' }))
    await refused(signed({}, pair, { path: '/things/saw' }))
    await refused(signed({}, pair, { body: '{"size":2}' }))
    await refused({ ...signed(), 'X-Timestamp': String(Date.now() + 1) })
    await refused(signed({}, keyPair()))
    // Nobody but the key's owner takes a nonce.
    expect(office.tables.items('nonces')).toEqual([])
  })

  test.each([
    [-31_000, 401],
    [-29_000, 200],
    [29_000, 200],
    [31_000, 401],
  ])('%d ms from now is answered %d', async (offMillis, status) => {
    expect((await use(signed({ timestamp: String(Date.now() + offMillis) }))).status).toBe(status)
  })

  test('without a signature, or with half of one, is nobody’s, and nothing is read', async () => {
    const whole = signed()
    await refused({})
    for (const name of Object.keys(whole))
      await refused(Object.fromEntries(Object.entries(whole).filter(([given]) => given !== name)))
    await refused({ ...whole, 'X-Signature': `${whole['X-Signature']}=` })
    await refused({ ...whole, 'X-Signature': 'AAAA' })
    await refused({ ...whole, 'X-Timestamp': `${whole['X-Timestamp']}.0` })
    await refused({ ...whole, 'X-Nonce': 'short' })
    expect(office.tables.count('get')).toBe(0)
    const event = proxyEvent('POST', '/things/{thing}', { ...request, key: { keyId }, headers: whole })
    const twice = { ...event.multiValueHeaders, 'x-nonce': ['another-nonce-1234'] }
    expect(answerOf(await handler({ ...event, multiValueHeaders: twice }, lambdaContext)).status).toBe(401)
  })

  test('is refused where it is not of that kind, revoked, or elsewhere', async () => {
    store({ key_type: 'ed25519', verifier: pair.publicKey, version: 1, allowed_addresses: ['10.0.0.0/8'] })
    expect(await use(signed())).toMatchObject({ status: 403, body: { code: 'address-not-allowed' } })
    store({ key_type: 'ed25519', verifier: pair.publicKey, version: 1, revoked_at_millis: 5 })
    await refused(signed())
    store()
    await refused(signed())
  })
})

test('a token costs no read', async () => {
  expect(await send('change-thing', request)).toMatchObject({ status: 200 })
  expect(office.tables.count('get')).toBe(0)
})
