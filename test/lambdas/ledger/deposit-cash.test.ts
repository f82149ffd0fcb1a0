import { beforeEach, describe, expect, test } from '@jest/globals'
import { ledgerOperations } from '#protocol/operations/ledger.ts'
import { requests } from '#test/support/http-requests.ts'
import { openLedgerOffice } from '#test/support/ledger-office.ts'

const office = openLedgerOffice()
const { handler } = await import('#lambdas/ledger/http.ts')
const send = requests(handler, ledgerOperations)

beforeEach(() => {
  office.reset()
  office.account('ann', { accountId: 9, lane: 2 })
})

const as = { account: 'desk', role: 'market_operator' } as const
const body = { account: 'ann', currency: 'USD', amount: '12.5' }
const deposit = (given: object = {}, more: Readonly<Record<string, string>> = {}) =>
  send('deposit-cash', { as, body, headers: { 'idempotency-key': 'k1', ...more }, ...given })

describe('a deposit', () => {
  test('is put into the account’s lane, in micros', async () => {
    const answer = await deposit()
    expect(answer).toMatchObject({
      status: 202,
      body: { account: 'ann', currency: 'USD', amount: '12.5', deposit_state: 'pending', reject_reason: null },
    })
    expect(answer.headers['location']).toBe(`/api/v1/deposits/${answer.body['deposit_id']}`)
    expect(office.streams.put).toEqual([
      {
        lane: 2,
        command: { type: 'deposit', commandId: answer.body['deposit_id'], accountId: 9, amountMicros: 12_500_000 },
      },
    ])
  })

  test('is completed, or rejected, for whoever waits', async () => {
    office.streams.onPut(command => {
      if (command.type === 'deposit') setTimeout(() => office.outcome(command.commandId), 20)
    })
    expect(await deposit({}, { prefer: 'wait=2' })).toMatchObject({ status: 200, body: { deposit_state: 'completed' } })
    office.streams.onPut(command => {
      if (command.type === 'deposit')
        office.outcome(command.commandId, { accepted: false, code: 'amount-out-of-range' })
    })
    expect(await deposit({}, { prefer: 'wait=2', 'idempotency-key': 'k2' })).toMatchObject({
      status: 200,
      body: { deposit_state: 'rejected', reject_reason: 'amount-out-of-range' },
    })
  })

  test('under the same name is the same deposit, and another one is a conflict', async () => {
    const first = await deposit()
    const again = await deposit()
    expect(again.body).toEqual(first.body)
    // Nobody can tell yet that it has arrived: it is put again, and the engine takes it once.
    expect(office.streams.put).toHaveLength(2)
    expect(office.streams.put[1]).toEqual(office.streams.put[0])
    office.outcome(String(first.body['deposit_id']))
    expect(await deposit()).toMatchObject({ status: 202, body: { ...first.body, deposit_state: 'completed' } })
    expect(await deposit({}, { prefer: 'wait=1' })).toMatchObject({ status: 200, body: { deposit_state: 'completed' } })
    expect(office.streams.put).toHaveLength(2)
    expect(await deposit({ body: { ...body, amount: '13' } })).toMatchObject({
      status: 409,
      body: { code: 'idempotency-conflict' },
    })
    expect(office.streams.put).toHaveLength(2)
  })
})

describe('nothing is put', () => {
  test('without a name, an open account, a whole number of micros or the permission', async () => {
    office.account('eve', { accountState: 'opening' })
    expect(await deposit({ headers: {} })).toMatchObject({ status: 400, body: { code: 'idempotency-key-required' } })
    for (const account of ['bob', 'eve'])
      expect(await deposit({ body: { ...body, account } })).toMatchObject({
        status: 422,
        body: { code: 'unknown-account', errors: [{ pointer: '#/account' }] },
      })
    for (const amount of ['0.0000001', '9007199254.740992'])
      expect(await deposit({ body: { ...body, amount } })).toMatchObject({
        status: 400,
        body: { code: 'invalid-request', errors: [{ pointer: '#/amount' }] },
      })
    expect(await deposit({ body: { ...body, amount: '0' } })).toMatchObject({ status: 400 })
    expect(await deposit({ as: { role: 'trader' } })).toMatchObject({ status: 403, body: { code: 'forbidden' } })
    expect(office.streams.put).toEqual([])
    expect(office.tables.items('commands')).toEqual([])
  })

  test('that is told as done where the stream has not acknowledged it', async () => {
    office.streams.fail(Object.assign(new Error('slow down'), { name: 'ProvisionedThroughputExceededException' }))
    expect(await deposit()).toMatchObject({ status: 503, body: { code: 'dependency-unavailable' } })
  })
})
