import { beforeEach, describe, expect, test } from '@jest/globals'
import { ledgerOperations } from '#protocol/operations/ledger.ts'
import { requests } from '#test/support/http-requests.ts'
import { openLedgerOffice } from '#test/support/ledger-office.ts'

const office = openLedgerOffice()
const { handler } = await import('#lambdas/ledger/http.ts')
const send = requests(handler, ledgerOperations)

beforeEach(() => {
  office.reset()
  office.account('ann')
})

const as = { account: 'desk', role: 'market_operator' } as const
const get = (deposit_id: unknown, given: object = {}) =>
  send('get-deposit', { path: { deposit_id: String(deposit_id) }, as, ...given })

describe('a deposit', () => {
  test('is pending, then what the engine made of it', async () => {
    const { body } = await send('deposit-cash', {
      as,
      body: { account: 'ann', currency: 'USD', amount: '5' },
      headers: { 'idempotency-key': 'k1' },
    })
    const id = String(body['deposit_id'])
    expect(await get(id)).toMatchObject({ status: 200, body })
    office.outcome(id)
    expect(await get(id.toUpperCase())).toMatchObject({ status: 200, body: { ...body, deposit_state: 'completed' } })
    office.outcome(id, { accepted: false, code: 'amount-out-of-range' })
    expect(await get(id)).toMatchObject({
      status: 200,
      body: { deposit_state: 'rejected', reject_reason: 'amount-out-of-range' },
    })
    expect(await get(id, { as: { account: 'other', role: 'admin' } })).toMatchObject({ status: 404 })
  })

  test('is not there where nothing or something else has that id', async () => {
    expect(await get('01900000-0000-7000-8000-000000000009')).toMatchObject({
      status: 404,
      body: { code: 'not-found' },
    })
    expect(await get('nonsense')).toMatchObject({ status: 400 })
    expect(await get('01900000-0000-7000-8000-000000000009', { as: { role: 'trader' } })).toMatchObject({ status: 403 })
  })
})
