import { beforeEach, expect, test } from '@jest/globals'
import { securityOperations } from '#protocol/operations/security.ts'
import { requests } from '#test/support/http-requests.ts'
import { openKeyOffice } from '#test/support/key-office.ts'

const office = openKeyOffice()
const { handler } = await import('#lambdas/security/http.ts')
const send = requests(handler, securityOperations)
beforeEach(() => office.tables.reset())

const create = (name: string, account = 'acme') =>
  send('create-api-key', { body: { name, scopes: ['api-keys:read'] }, as: { account } })
const names = async (given: object = {}) => {
  const { body } = await send('list-api-keys', given)
  const data = Array.isArray(body['data']) ? body['data'] : []
  return data.map((key: { name: string; key_state: string }) => `${key.name} ${key.key_state}`)
}

test('the account’s keys, without those that are revoked and those of others', async () => {
  expect(await names()).toEqual([])
  await create('one')
  const two = await create('two')
  await create('three', 'other')
  expect(await names()).toEqual(['one active', 'two active'])
  await send('revoke-api-key', { path: { key_id: String(two.body['key_id']) } })
  expect(await names()).toEqual(['one active'])
})

test('when a key was last used, to the minute and by one write a minute', async () => {
  const { body } = await create('one')
  const key = { keyId: String(body['key_id']), version: 1 }
  expect(await names({ key })).toEqual(['one active'])
  const listed = await send('list-api-keys', { key })
  expect(listed.body['data']).toMatchObject([{ last_used_at: expect.stringMatching(/^20/) }])
  const used = office.tables.items('apiKeys')[0]?.['last_used_at_millis']
  await send('list-api-keys', { key })
  expect(office.tables.items('apiKeys')[0]?.['last_used_at_millis']).toBe(used)
})
