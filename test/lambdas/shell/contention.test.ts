import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { PutCommand } from '@aws-sdk/lib-dynamodb'
import { afterAll, beforeEach, expect, test } from '@jest/globals'
import { mockClient } from 'aws-sdk-client-mock'
import { dynamodb } from '#adapters/clients/dynamodb.ts'
import { apiKeyPepperEnvironmentVariable } from '#protocol/api-key-credential.ts'
import { dayAheadOperations } from '#protocol/operations/day-ahead.ts'
import { riskOperations } from '#protocol/operations/risk.ts'
import { securityOperations } from '#protocol/operations/security.ts'
import { lanesEnvironmentVariable } from '#protocol/streams.ts'
import { type TableName, tables } from '#protocol/tables.ts'
import { seedAnswer, seedBid, seedDayAhead } from '#test/support/day-ahead-desk.ts'
import { type Item, startTables } from '#test/support/dynamodb-local.ts'
import { type Answered, requests } from '#test/support/http-requests.ts'
import { pepper } from '#test/support/key-office.ts'
import { mockStreams } from '#test/support/mocked-streams.ts'

/** Against DynamoDB Local: requests that change one thing at the same moment, none of which finds a store that is away. */
const stored = await startTables()
process.env[lanesEnvironmentVariable] = '1'
process.env[apiKeyPepperEnvironmentVariable] = 'arn:aws:secretsmanager:eu-central-1:111111111111:secret:pepper'
mockClient(SecretsManagerClient).on(GetSecretValueCommand).resolves({ SecretString: pepper })
const streams = mockStreams([1])
const [security, risk, dayAhead] = await Promise.all([
  import('#lambdas/security/http.ts'),
  import('#lambdas/risk/http.ts'),
  import('#lambdas/day-ahead/http.ts'),
])
const ofSecurity = requests(security.handler, securityOperations)
const ofRisk = requests(risk.handler, riskOperations)
const ofDayAhead = requests(dayAhead.handler, dayAheadOperations)

beforeEach(async () => {
  await stored.renew()
  streams.reset()
})
afterAll(() => stored.stop())

const atOnce = (count: number, send: (n: number) => Promise<Answered>): Promise<Answered[]> =>
  Promise.all(Array.from({ length: count }, (_, n) => send(n)))
const outcomes = (answers: readonly Answered[]): ReadonlySet<string> =>
  new Set(answers.map(({ status, body }) => `${status} ${String(body['code'] ?? '')}`))

const createKey = async (n = 0): Promise<string> => {
  const made = await ofSecurity('create-api-key', { body: { name: `robot ${n}`, scopes: ['api-keys:read'] } })
  return String(made.body['key_id'])
}

test('of many rotations of a key each has a version of its own, or is told that it lost', async () => {
  const key_id = await createKey()
  const answers = await atOnce(20, () =>
    ofSecurity('rotate-api-key', { path: { key_id }, body: { overlap_seconds: 0 } }),
  )
  expect([...outcomes(answers)].sort()).toEqual(['200 ', '409 concurrent-change'])
  const done = answers.filter(({ status }) => status === 200)
  expect(await stored.items('apiKeys')).toMatchObject([{ version: 1 + done.length }])
  expect(answers.find(({ status }) => status === 409)?.body).toMatchObject({ retry: true })
})

test('a rotation that loses against a revocation finds no key', async () => {
  const key_id = await createKey()
  const [revoked, ...rotated] = await Promise.all([
    ofSecurity('revoke-api-key', { path: { key_id } }),
    ...Array.from({ length: 10 }, () => ofSecurity('rotate-api-key', { path: { key_id }, body: {} })),
  ])
  expect(revoked?.status).toBe(200)
  for (const outcome of outcomes(rotated)) expect(['200 ', '409 concurrent-change', '404 not-found']).toContain(outcome)
  expect(outcomes([await ofSecurity('rotate-api-key', { path: { key_id }, body: {} })])).toEqual(
    new Set(['404 not-found']),
  )
})

test('keys of one account are all made, up to its limit, and all revoked', async () => {
  const answers = await atOnce(14, n =>
    ofSecurity('create-api-key', { body: { name: `robot ${n}`, scopes: ['api-keys:read'] } }),
  )
  expect(outcomes(answers)).toEqual(new Set(['201 ', '409 key-limit']))
  const made = answers.filter(({ status }) => status === 201)
  expect(made).toHaveLength(10)
  const revoked = await Promise.all(
    made.map(({ body }) => ofSecurity('revoke-api-key', { path: { key_id: String(body['key_id']) } })),
  )
  expect(outcomes(revoked)).toEqual(new Set(['200 ']))
})

test('parameters that many set at once have a version each', async () => {
  const as = { account: 'desk', role: 'risk_manager' } as const
  const answers = await atOnce(20, n =>
    ofRisk('set-liquidation-parameters', { as, body: { grace_ms: 60_000 + n * 1_000 } }),
  )
  for (const outcome of outcomes(answers)) expect(['200 ', '409 concurrent-change']).toContain(outcome)
  const versions = answers.flatMap(({ status, body }) => (status === 200 ? [Number(body['version'])] : []))
  expect(versions.length).toBeGreaterThan(10)
  expect(versions.sort((one, other) => one - other)).toEqual(versions.map((_, at) => at + 1))
})

test('a bid that many withdraw at once is withdrawn by one command, which is the answer to all', async () => {
  const rows: [TableName, Item][] = []
  const seeding = {
    seed: (table: TableName, ...items: readonly Item[]) => {
      for (const item of items) rows.push([table, item])
    },
  }
  const bidId = '0190a6f2-5d3c-8b1e-9c57-3a1f0e6f9b81'
  seedDayAhead(seeding)
  seedBid(seeding, 'acme', 7, bidId)
  const put = async () => {
    for (const [table, item] of rows.splice(0))
      await dynamodb().send(
        new PutCommand({ TableName: process.env[tables[table].environmentVariable], Item: { ...item } }),
      )
  }
  await put()
  const withdraw = () => ofDayAhead('withdraw-bid', { path: { bid_id: bidId } })
  expect(outcomes(await atOnce(20, withdraw))).toEqual(new Set(['202 ']))
  const commandIds = new Set(streams.put.map(({ command }) => command.type === 'withdraw-bid' && command.commandId))
  expect(commandIds.size).toBe(1)
  for (const commandId of commandIds) seedAnswer(seeding, String(commandId))
  await put()
  const after = await atOnce(20, withdraw)
  expect(after.map(({ status, body }) => [status, body['bid_state']])).toEqual(after.map(() => [200, 'withdrawn']))
})
