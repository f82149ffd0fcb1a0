import { beforeEach, expect, test } from '@jest/globals'
import { securityOperations } from '#protocol/operations/security.ts'
import { requests } from '#test/support/http-requests.ts'
import { openKeyOffice } from '#test/support/key-office.ts'

const office = openKeyOffice()
const { handler } = await import('#lambdas/security/http.ts')
const send = requests(handler, securityOperations)
beforeEach(() => office.tables.reset())

const create = async (name: string, scopes: readonly string[] = ['api-keys:read']) => {
  const { body } = await send('create-api-key', { body: { name, scopes } })
  return String(body['key_id'])
}
const revoke = (key_id: string, given: object = {}) => send('revoke-api-key', { path: { key_id }, ...given })

test('ends a key at once, and again is the same', async () => {
  const keyId = await create('one')
  const key = { keyId, version: 1 }
  expect(await send('list-api-keys', { key })).toMatchObject({ status: 200 })
  expect(await revoke(keyId)).toMatchObject({ status: 200, body: { key_id: keyId, key_state: 'revoked' } })
  expect(await send('list-api-keys', { key })).toMatchObject({ status: 401, body: { code: 'unauthorized' } })
  expect(await revoke(keyId)).toMatchObject({ status: 200, body: { key_state: 'revoked' } })
})

test('another account’s key is not there', async () => {
  const keyId = await create('one')
  expect(await revoke(keyId, { as: { account: 'other' } })).toMatchObject({ status: 404, body: { code: 'not-found' } })
  expect(await revoke('0'.repeat(24))).toMatchObject({ status: 404 })
  expect(await revoke('nonsense')).toMatchObject({ status: 400 })
  expect(await send('list-api-keys', { key: { keyId, version: 1 } })).toMatchObject({ status: 200 })
})

test('what may do more is not for the weaker to end', async () => {
  const strong = await create('strong', ['orders:write', 'api-keys:write'])
  const weak = await create('weak', ['api-keys:write'])
  expect(await revoke(strong, { key: { keyId: weak, version: 1 } })).toMatchObject({ status: 403 })
  expect(await revoke(strong, { as: { role: 'auditor' } })).toMatchObject({ status: 403 })
  expect(await revoke(weak, { key: { keyId: strong, version: 1 } })).toMatchObject({ status: 200 })
})
