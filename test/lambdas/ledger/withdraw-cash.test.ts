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
  office.version(2, newestEngineVersion)
  office.account('acme', { firm: 'acme' })
  office.account('acme.desk', { accountId: 8, firm: 'acme' })
  office.account('ann', { accountId: 9, lane: 2 })
})

const operator = { account: 'desk', role: 'market_operator' } as const
const body = { currency: 'USD', amount: '12.5' }
const withdraw = (given: object = {}, more: Readonly<Record<string, string>> = {}) =>
  send('withdraw-cash', { body, headers: { 'idempotency-key': 'k1', ...more }, ...given })

describe('a withdrawal', () => {
  test('is of the account of the credential, and put into its lane, in micros', async () => {
    const answer = await withdraw()
    expect(answer).toMatchObject({
      status: 202,
      body: { account: 'acme', currency: 'USD', amount: '12.5', withdrawal_state: 'pending', reject_reason: null },
    })
    const id = String(answer.body['withdrawal_id'])
    expect(answer.headers['location']).toBe(`/api/v1/withdrawals/${id}`)
    expect(office.streams.put).toEqual([
      { lane: 1, command: { type: 'withdraw', commandId: id, accountId: 7, amountMicros: 12_500_000 } },
    ])
  })

  test('is of a sub-account for the owner of its firm, and of any account for an operator', async () => {
    expect(await withdraw({ body: { ...body, account: 'acme.desk' } })).toMatchObject({
      body: { account: 'acme.desk' },
    })
    expect(await withdraw({ as: operator, body: { ...body, account: 'ann' } })).toMatchObject({ status: 202 })
    expect(office.streams.put).toMatchObject([
      { lane: 1, command: { accountId: 8 } },
      { lane: 2, command: { accountId: 9 } },
    ])
  })

  test('is completed, or rejected by name, for whoever waits', async () => {
    office.streams.onPut(command => {
      if (command.type === 'withdraw') office.outcome(command.commandId)
    })
    expect(await withdraw({}, { prefer: 'wait=2' })).toMatchObject({
      status: 200,
      body: { withdrawal_state: 'completed' },
    })
    office.streams.onPut(command => {
      if (command.type === 'withdraw')
        office.outcome(command.commandId, { accepted: false, code: 'insufficient-margin' })
    })
    expect(await withdraw({}, { prefer: 'wait=2', 'idempotency-key': 'k2' })).toMatchObject({
      status: 200,
      body: { withdrawal_state: 'rejected', reject_reason: 'insufficient-margin' },
    })
  })

  test('under the same name is the same withdrawal, and another one is a conflict', async () => {
    const first = await withdraw()
    expect((await withdraw()).body).toEqual(first.body)
    expect(office.streams.put[1]).toEqual(office.streams.put[0])
    expect(await withdraw({ body: { ...body, amount: '13' } })).toMatchObject({
      status: 409,
      body: { code: 'idempotency-conflict' },
    })
  })
})

test('nothing is put without a name, an open account of one’s own, an amount, the rules or the permission', async () => {
  expect(await withdraw({ headers: {} })).toMatchObject({ status: 400, body: { code: 'idempotency-key-required' } })
  for (const account of ['ann', 'nobody'])
    expect(await withdraw({ body: { ...body, account } })).toMatchObject({
      status: 422,
      body: { code: 'unknown-account', errors: [{ pointer: '#/account' }] },
    })
  // Whose firm is another's: a name behind a dot is no sub-account by itself.
  office.account('acme.other', { accountId: 10 })
  expect(await withdraw({ body: { ...body, account: 'acme.other' } })).toMatchObject({ status: 422 })
  for (const amount of ['0.0000001', '0', '-1'])
    expect(await withdraw({ body: { ...body, amount } })).toMatchObject({ status: 400 })
  expect(await withdraw({ as: { role: 'auditor' } })).toMatchObject({ status: 403 })
  office.version(1, versionOfContracts)
  expect(await withdraw()).toMatchObject({ status: 409, body: { code: 'engine-version-needed' } })
  expect(office.streams.put).toEqual([])
  expect(office.tables.items('commands')).toEqual([])
})
