import { beforeEach, describe, expect, jest, test } from '@jest/globals'
import { securityOperations } from '#protocol/operations/security.ts'
import { requests } from '#test/support/http-requests.ts'
import { keyPair, openKeyOffice, type Pair, signatureOf } from '#test/support/key-office.ts'

const office = openKeyOffice()
const { handler } = await import('#lambdas/security/http.ts')
const send = requests(handler, securityOperations)
beforeEach(() => {
  office.tables.reset()
  jest.useRealTimers()
})

const create = async (more: object = {}) => {
  const { body } = await send('create-api-key', { body: { name: 'robot', scopes: ['api-keys:read'], ...more } })
  return { keyId: String(body['key_id']), bearer: String(body['bearer']) }
}
const rotate = (key_id: string, body: object = {}, given: object = {}) =>
  send('rotate-api-key', { path: { key_id }, body, ...given })
const use = (keyId: string, version: number) => send('list-api-keys', { key: { keyId, version } })

describe('a secret', () => {
  test('is replaced; the one before is taken for as long as was asked', async () => {
    const { keyId, bearer } = await create()
    const before = await rotate(keyId, { overlap_seconds: 60 })
    expect(before).toMatchObject({ status: 200, body: { key_id: keyId, key_type: 'secret' } })
    expect(before.body['bearer']).not.toBe(bearer)
    expect(before.body['previous_valid_until']).toEqual(expect.stringMatching(/^20/))
    expect((await use(keyId, 1)).status).toBe(200)
    expect((await use(keyId, 2)).status).toBe(200)
    expect((await use(keyId, 3)).status).toBe(401)
    jest.useFakeTimers({
      now: Date.now() + 61_000,
      doNotFake: ['nextTick', 'setImmediate', 'setTimeout', 'performance'],
    })
    expect((await use(keyId, 1)).status).toBe(401)
    expect((await use(keyId, 2)).status).toBe(200)
  })

  test('from before the last one ends, and without overlap the last one does', async () => {
    const { keyId } = await create()
    await rotate(keyId)
    await rotate(keyId)
    expect([(await use(keyId, 1)).status, (await use(keyId, 2)).status, (await use(keyId, 3)).status]).toEqual([
      401, 200, 200,
    ])
    await rotate(keyId, { overlap_seconds: 0 })
    expect([(await use(keyId, 3)).status, (await use(keyId, 4)).status]).toEqual([401, 200])
  })

  test('takes no public key', async () => {
    const { keyId } = await create()
    expect(await rotate(keyId, { public_key: keyPair().pem })).toMatchObject({
      status: 400,
      body: { errors: [{ pointer: '#/public_key' }] },
    })
  })
})

describe('a public key', () => {
  const signed = (keyId: string, { privateKey }: Pair) =>
    send('list-api-keys', {
      key: { keyId },
      headers: signatureOf(privateKey, { method: 'GET', path: '/api/v1/api-keys' }),
    })

  test('is replaced by another one, both being taken for a while', async () => {
    const [one, two] = [keyPair(), keyPair()]
    const { keyId } = await create({ public_key: one.pem })
    expect((await signed(keyId, two)).status).toBe(401)
    expect(await rotate(keyId, {})).toMatchObject({ status: 400 })
    expect(await rotate(keyId, { public_key: one.publicKey })).toMatchObject({ status: 400 })
    expect(await rotate(keyId, { public_key: two.publicKey })).toMatchObject({ status: 200 })
    expect([(await signed(keyId, one)).status, (await signed(keyId, two)).status]).toEqual([200, 200])
    await rotate(keyId, { public_key: one.publicKey, overlap_seconds: 0 })
    expect([(await signed(keyId, one)).status, (await signed(keyId, two)).status]).toEqual([200, 401])
  })
})

test('whose key it is not, whose may do more, and what is no key any more', async () => {
  const { keyId } = await create({ scopes: ['orders:write'] })
  expect(await rotate(keyId, {}, { as: { account: 'other' } })).toMatchObject({ status: 404 })
  // It would come to orders:write.
  expect(await rotate(keyId, {}, { as: { role: 'auditor' } })).toMatchObject({ status: 403 })
  await send('revoke-api-key', { path: { key_id: keyId } })
  expect(await rotate(keyId)).toMatchObject({ status: 404 })
})

test('a key rotates itself, but none that lives longer', async () => {
  const scopes = ['api-keys:write']
  const soon = await create({ scopes, name: 'soon', expires_at: new Date(Date.now() + 60_000).toISOString() })
  const late = await create({ scopes, name: 'late' })
  const key = { keyId: soon.keyId, version: 1 }
  expect(await rotate(late.keyId, {}, { key })).toMatchObject({ status: 403 })
  expect(await rotate(soon.keyId, {}, { key })).toMatchObject({ status: 200 })
})

test.each([-1, 1.5, 604_801, '60'])('an overlap of %j is refused', async overlap_seconds => {
  const { keyId } = await create()
  expect(await rotate(keyId, { overlap_seconds })).toMatchObject({
    status: 400,
    body: { errors: [{ pointer: '#/overlap_seconds' }] },
  })
})
