import { beforeEach, describe, expect, jest, test } from '@jest/globals'
import { newestEngineVersion } from '#domain/trading/engine-version.ts'
import { ledgerOperations } from '#protocol/operations/ledger.ts'
import { requests } from '#test/support/http-requests.ts'
import { openLedgerOffice } from '#test/support/ledger-office.ts'

const office = openLedgerOffice()
const { handler } = await import('#lambdas/ledger/http.ts')
const send = requests(handler, ledgerOperations)
const fund = 'insurance-fund-1'
const operator = (account: string) => ({ account, role: 'market_operator', credential: `of ${account}` }) as const

beforeEach(() => {
  office.reset()
  office.version(1, newestEngineVersion)
  office.account(fund)
  office.assets(1)
})

const headers = (key: string) => ({ 'idempotency-key': key })
const withdraw = (amount = '100.5', key = 'k1') =>
  send('withdraw-cash', {
    as: operator('olga'),
    body: { account: fund, currency: 'USD', amount },
    headers: headers(key),
  })
const approve = (requestId: unknown, account = 'otto', more: Readonly<Record<string, string>> = {}) =>
  send('approve-fund-withdrawal', { as: operator(account), path: { request_id: String(requestId) }, headers: more })
const list = async () => (await send('list-fund-withdrawals', { as: operator('otto') })).body['requests']

describe('what leaves an insurance fund', () => {
  test('is asked for by one person and approved by another, and then a withdrawal', async () => {
    const { status, body } = await withdraw()
    expect(status).toBe(201)
    expect(body).toMatchObject({ account: fund, asset: 'USD', amount: '100.5', request_state: 'awaiting_approval' })
    expect(office.streams.put).toEqual([])
    expect(await list()).toEqual([body])
    const id = body['request_id']
    expect(await approve(id, 'olga')).toMatchObject({ status: 409, body: { code: 'second-person-required' } })
    expect(office.streams.put).toEqual([])
    expect(await approve(id)).toMatchObject({ status: 202, body: { request_state: 'submitted', approved_by: 'otto' } })
    expect(office.streams.put).toMatchObject([
      { lane: 1, command: { type: 'withdraw', accountId: 7, amountMicros: 100_500_000 } },
    ])
    // A repeat puts the same command again, until it was answered.
    await approve(id)
    expect(office.streams.put[1]).toEqual(office.streams.put[0])
    const { command } = office.streams.put[0] ?? {}
    if (command?.type !== 'withdraw') throw new Error('a withdrawal was put')
    office.outcome(command.commandId, { accepted: false, code: 'insufficient-margin' })
    expect(await approve(id, 'otto', { prefer: 'wait=1' })).toMatchObject({
      status: 200,
      body: { request_state: 'rejected', reject_reason: 'insufficient-margin' },
    })
    expect(office.streams.put).toHaveLength(2)
    expect(await approve(id, 'wim')).toMatchObject({ status: 409, body: { code: 'limit-request-over' } })
    expect(await list()).toMatchObject([{ request_state: 'rejected' }])
  })

  test('under the same name is the same request, and another one is a conflict', async () => {
    const first = await withdraw()
    expect(await withdraw()).toEqual(expect.objectContaining({ status: 201, body: first.body }))
    expect(await withdraw('101')).toMatchObject({ status: 409, body: { code: 'idempotency-conflict' } })
    expect(await list()).toHaveLength(1)
  })

  test('is collateral too, and no transfer', async () => {
    const move = (action: string) =>
      send('move-collateral', {
        as: operator('olga'),
        body: { account: fund, instrument_name: 'COLL-TBILL3M', action, amount: '1.5' },
        headers: headers(action),
      })
    expect(await move('deposit')).toMatchObject({ status: 202 })
    const { status, body } = await move('withdraw')
    expect(status).toBe(201)
    expect(body).toMatchObject({ asset: 'COLL-TBILL3M', amount: '1.5' })
    expect(office.streams.put).toMatchObject([{ command: { type: 'deposit-collateral' } }])
    await approve(body['request_id'])
    expect(office.streams.put[1]).toMatchObject({
      lane: 1,
      command: { type: 'withdraw-collateral', accountId: 7, instrumentId: 1, quantityLots: 3 },
    })
    office.account('insurance-fund-1.out', { accountId: 8, firm: fund })
    expect(
      await send('transfer-cash', {
        as: operator('olga'),
        body: { from_account: fund, to_account: 'insurance-fund-1.out', currency: 'USD', amount: '1' },
        headers: headers('t'),
      }),
    ).toMatchObject({ status: 409, body: { code: 'transfer-not-allowed' } })
  })

  test('lapses after a day, and is nobody’s but the operators’', async () => {
    const { body } = await withdraw()
    const now = jest.spyOn(Date, 'now').mockReturnValue(Date.now() + 86_400_001)
    try {
      expect(await list()).toMatchObject([{ request_state: 'lapsed' }])
      expect(await approve(body['request_id'])).toMatchObject({ status: 409, body: { code: 'limit-request-over' } })
    } finally {
      now.mockRestore()
    }
    expect(office.streams.put).toEqual([])
    expect(await approve('01900000-0000-8000-8000-000000000001')).toMatchObject({ status: 404 })
    expect(await send('list-fund-withdrawals', {})).toMatchObject({ status: 403 })
    expect(
      await send('withdraw-cash', { body: { account: fund, currency: 'USD', amount: '1' }, headers: headers('x') }),
    ).toMatchObject({ status: 422, body: { code: 'unknown-account' } })
  })
})
