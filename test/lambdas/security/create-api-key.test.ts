import { createHmac } from 'node:crypto'
import { beforeEach, describe, expect, test } from '@jest/globals'
import { securityOperations } from '#protocol/operations/security.ts'
import { permissionsOf } from '#protocol/permissions.ts'
import { requests } from '#test/support/http-requests.ts'
import { keyPair, openKeyOffice, pepper } from '#test/support/key-office.ts'

const office = openKeyOffice()
const { handler } = await import('#lambdas/security/http.ts')
const send = requests(handler, securityOperations)
beforeEach(() => office.tables.reset())

const create = (more: object = {}, given: object = {}) =>
  send('create-api-key', { body: { name: 'robot', scopes: ['orders:read'], ...more }, ...given })
const row = () => office.tables.items('apiKeys')[0] ?? {}
const dayMillis = 86_400_000

describe('a key with a secret', () => {
  test('tells its secret once and keeps a keyed hash of it', async () => {
    const { status, body } = await create({ allowed_addresses: ['10.0.0.0/8', '2001:db8::1'] })
    expect(status).toBe(201)
    expect(body).toMatchObject({
      name: 'robot',
      key_type: 'secret',
      key_state: 'active',
      scopes: ['orders:read'],
      allowed_addresses: ['10.0.0.0/8', '2001:db8::1'],
      last_used_at: null,
      previous_valid_until: null,
    })
    const [, keyId = '', secret = ''] = /^cxk_([0-9a-f]{24})_([A-Za-z0-9_-]{43})$/.exec(String(body['bearer'])) ?? []
    expect(body['key_id']).toBe(keyId)
    const hash = createHmac('sha256', pepper).update(`${keyId}:${secret}`).digest('hex')
    expect(row()).toMatchObject({ key_id: keyId, account: 'acme', role: 'trader', version: 1, verifier: hash })
    expect(JSON.stringify([row(), office.tables.items('apiKeyHolders')])).not.toContain(secret)
    const listed = await send('list-api-keys')
    expect(listed.text).not.toContain(secret)
    expect(listed.body['data']).toHaveLength(1)
  })

  test('lives for 90 days unless told, and a year at most', async () => {
    const { body } = await create()
    expect(Date.parse(String(body['expires_at'])) - Date.now()).toBeLessThan(90 * dayMillis + 1_000)
    expect(Date.parse(String(body['expires_at'])) - Date.now()).toBeGreaterThan(89 * dayMillis)
    for (const expires_at of [
      new Date(Date.now() + 400 * dayMillis).toISOString(),
      new Date(Date.now() - 1).toISOString(),
      '2027-02-29T00:00:00Z',
      'tomorrow',
    ])
      expect(await create({ name: 'other', expires_at })).toMatchObject({
        status: 400,
        body: { errors: [{ pointer: '#/expires_at' }] },
      })
  })
})

describe('a key whose requests are signed', () => {
  const { publicKey, pem, privateKey } = keyPair()

  test.each([
    ['base64', publicKey],
    ['PEM', pem],
  ])('keeps the public key, given as %s', async (_, public_key) => {
    const { status, body } = await create({ public_key })
    expect(status).toBe(201)
    expect(body).toMatchObject({ key_type: 'ed25519', bearer: `cxs_${body['key_id']}` })
    expect(row()).toMatchObject({ key_type: 'ed25519', verifier: publicKey })
  })

  test.each([
    ['no key', 'AAAA'],
    ['nothing', ''],
    ['a private key', privateKey.export({ format: 'pem', type: 'pkcs8' }).toString()],
    ['a key of another kind', 'MCowBQYDK2VuAyEAhSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo='],
    ['two keys', `${pem}${pem}`],
  ])('refuses %s', async (_, public_key) => {
    expect(await create({ public_key })).toMatchObject({
      status: 400,
      body: { code: 'invalid-request', errors: [{ pointer: '#/public_key' }] },
    })
    expect(office.tables.items('apiKeys')).toEqual([])
  })
})

describe('what is refused', () => {
  test('a scope that the credential does not have', async () => {
    const answer = await create({ scopes: ['orders:write', 'deposits:write'] })
    expect(answer).toMatchObject({ status: 403, body: { code: 'forbidden', errors: [{ pointer: '#/scopes/1' }] } })
    expect(await create({ scopes: permissionsOf.trader })).toMatchObject({ status: 201 })
  })

  test.each([
    [{ scopes: [] }, '#/scopes'],
    [{ scopes: ['orders:read', 'orders:read'] }, '#/scopes'],
    [{ scopes: ['everything'] }, '#/scopes/0'],
    [{ name: '' }, '#/name'],
    [{ name: 'a\nb' }, '#/name'],
    [{ allowed_addresses: ['10.0.0.0/33'] }, '#/allowed_addresses/0'],
    [{ allowed_addresses: ['example.com'] }, '#/allowed_addresses/0'],
    [{ allowed_addresses: Array.from({ length: 21 }, (_, n) => `10.0.0.${n}`) }, '#/allowed_addresses'],
    [{ secret: 'mine' }, '#/secret'],
  ])('%j', async (more, pointer) => {
    expect(await create(more)).toMatchObject({ status: 400, body: { errors: [{ pointer }] } })
  })

  test('a name that an active key has, so that a repeat makes no second key', async () => {
    await create()
    expect(await create()).toMatchObject({ status: 409, body: { code: 'key-name-taken' } })
    expect(await create({}, { as: { account: 'other' } })).toMatchObject({ status: 201 })
  })

  test('an eleventh key, unless one of the ten has expired or is revoked', async () => {
    const made = []
    for (let n = 0; n < 10; n++) made.push(await create({ name: `robot ${n}` }))
    expect(await create()).toMatchObject({ status: 409, body: { code: 'key-limit' } })
    await send('revoke-api-key', { path: { key_id: String(made[0]?.body['key_id']) } })
    expect(await create()).toMatchObject({ status: 201 })
    const [holder = {}] = office.tables.items('apiKeyHolders')
    const keys = Array.isArray(holder['keys']) ? holder['keys'] : []
    office.tables.seed('apiKeyHolders', {
      ...holder,
      keys: keys.map((key, index) => (index === 0 ? { ...key, expires_at_millis: 1 } : key)),
    })
    expect(await create({ name: 'after' })).toMatchObject({ status: 201 })
    expect(await create({ name: 'too many' })).toMatchObject({ status: 409 })
  })

  test('of many at once no more than ten come through', async () => {
    const answers = await Promise.all(Array.from({ length: 14 }, (_, n) => create({ name: `robot ${n}` })))
    const made = answers.filter(({ status }) => status === 201).length
    expect(made).toBeLessThanOrEqual(10)
    expect(office.tables.items('apiKeys')).toHaveLength(made)
  })
})

describe('a key made by a key', () => {
  const maker = async (more: object = {}) => {
    const { body } = await create({
      name: 'maker',
      scopes: ['api-keys:write', 'orders:read'],
      allowed_addresses: ['10.1.0.0/16'],
      expires_at: new Date(Date.now() + 10 * dayMillis).toISOString(),
      ...more,
    })
    return { key: { keyId: String(body['key_id']), version: 1 }, address: '10.1.2.3' }
  }
  const within = { allowed_addresses: ['10.1.2.0/24'] }

  test('reaches no further than the one that makes it', async () => {
    const given = await maker()
    const { status, body } = await create(within, given)
    expect(status).toBe(201)
    expect(Date.parse(String(body['expires_at'])) - Date.now()).toBeLessThan(10 * dayMillis)
    const pointerOf = async (more: object) => {
      const answer = await create({ name: 'wider', ...within, ...more }, given)
      expect(answer).toMatchObject({ status: 403, body: { code: 'forbidden' } })
      return answer.body['errors']
    }
    expect(await pointerOf({ scopes: ['orders:write'] })).toMatchObject([{ pointer: '#/scopes/0' }])
    expect(await pointerOf({ allowed_addresses: ['10.0.0.0/8'] })).toMatchObject([{ pointer: '#/allowed_addresses' }])
    expect(await pointerOf({ allowed_addresses: [] })).toMatchObject([{ pointer: '#/allowed_addresses' }])
    expect(await pointerOf({ allowed_addresses: ['2001:db8::/32'] })).toMatchObject([
      { pointer: '#/allowed_addresses' },
    ])
    const later = new Date(Date.now() + 11 * dayMillis).toISOString()
    expect(await pointerOf({ expires_at: later })).toMatchObject([{ pointer: '#/expires_at' }])
  })

  test('takes the permission to make keys among its scopes', async () => {
    const given = await maker({ scopes: ['orders:read'] })
    expect(await create(within, given)).toMatchObject({ status: 403, body: { code: 'forbidden' } })
  })
})
