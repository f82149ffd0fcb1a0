import { beforeEach, describe, expect, test } from '@jest/globals'
import { newestEngineVersion, versionOfContracts } from '#domain/trading/engine-version.ts'
import { ledgerOperations } from '#protocol/operations/ledger.ts'
import { requests } from '#test/support/http-requests.ts'
import { openLedgerOffice } from '#test/support/ledger-office.ts'

const office = openLedgerOffice()
const { handler } = await import('#lambdas/ledger/http.ts')
const send = requests(handler, ledgerOperations)

beforeEach(() => {
  office.reset()
  office.version(1, newestEngineVersion)
  office.account('acme', { firm: 'acme' })
  office.account('acme.desk', { accountId: 8, firm: 'acme' })
  office.account('acme.far', { accountId: 1_048_577, lane: 2, firm: 'acme' })
  office.account('ann', { accountId: 9 })
})

const body = { to_account: 'acme.desk', currency: 'USD', amount: '2.5' }
const transfer = (given: object = {}, more: Readonly<Record<string, string>> = {}) =>
  send('transfer-cash', { body, headers: { 'idempotency-key': 'k1', ...more }, ...given })

describe('a transfer', () => {
  test('goes from the account of the credential to one of its firm, and back', async () => {
    const answer = await transfer()
    expect(answer).toMatchObject({ status: 202, body: { operation: 'transfer-cash', command_state: 'pending' } })
    const commandId = String(answer.body['command_id'])
    expect(answer.headers['location']).toBe(`/api/v1/commands/${commandId}`)
    const back = { ...body, from_account: 'acme.desk', to_account: 'acme' }
    expect(await transfer({ body: back }, { 'idempotency-key': 'k2' })).toMatchObject({ status: 202 })
    expect(office.streams.put).toMatchObject([
      { lane: 1, command: { type: 'transfer', commandId, accountId: 7, toAccountId: 8, amountMicros: 2_500_000 } },
      { lane: 1, command: { accountId: 8, toAccountId: 7 } },
    ])
  })

  test('is done, or refused by name, for whoever waits', async () => {
    office.streams.onPut(command => {
      if (command.type === 'transfer') office.outcome(command.commandId)
    })
    expect(await transfer({}, { prefer: 'wait=2' })).toMatchObject({ status: 200, body: { command_state: 'accepted' } })
    office.streams.onPut(command => {
      if (command.type === 'transfer')
        office.outcome(command.commandId, { accepted: false, code: 'insufficient-funds' })
    })
    expect(await transfer({}, { prefer: 'wait=2', 'idempotency-key': 'k2' })).toMatchObject({
      status: 422,
      body: { code: 'insufficient-funds' },
    })
  })
})

test('nothing is put where it is not one’s own, another’s, in another lane, or to itself', async () => {
  for (const [field, account] of [
    ['from_account', 'ann'],
    ['to_account', 'ann'],
    ['to_account', 'nobody'],
  ] as const)
    expect(await transfer({ body: { ...body, [field]: account } })).toMatchObject({
      status: 422,
      body: { code: 'unknown-account', errors: [{ pointer: `#/${field}` }] },
    })
  for (const to_account of ['acme', 'acme.far'])
    expect(await transfer({ body: { ...body, to_account } })).toMatchObject({
      status: 409,
      body: { code: 'transfer-not-allowed' },
    })
  // A sub-account's own credential takes nothing from the main account.
  expect(await transfer({ as: { account: 'acme.desk' }, body: { ...body, from_account: 'acme' } })).toMatchObject({
    status: 422,
    body: { code: 'unknown-account' },
  })
  expect(await transfer({ body: { ...body, amount: '0' } })).toMatchObject({ status: 400 })
  expect(await transfer({ body: { ...body, amount: '0.0000001' } })).toMatchObject({ status: 400 })
  expect(await transfer({ headers: {} })).toMatchObject({ status: 400 })
  expect(await transfer({ as: { role: 'auditor' } })).toMatchObject({ status: 403 })
  office.version(1, versionOfContracts)
  expect(await transfer()).toMatchObject({ status: 409, body: { code: 'engine-version-needed' } })
  expect(office.streams.put).toEqual([])
})
