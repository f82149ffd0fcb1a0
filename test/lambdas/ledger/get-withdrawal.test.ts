import { beforeEach, describe, expect, test } from '@jest/globals'
import { newestEngineVersion } from '#domain/trading/engine-version.ts'
import { ledgerOperations } from '#protocol/operations/ledger.ts'
import { requests } from '#test/support/http-requests.ts'
import { openLedgerOffice } from '#test/support/ledger-office.ts'

const office = openLedgerOffice()
const { handler } = await import('#lambdas/ledger/http.ts')
const send = requests(handler, ledgerOperations)

beforeEach(() => {
  office.reset()
  office.version(1, newestEngineVersion)
  office.account('acme')
})

const get = (withdrawal_id: unknown, given: object = {}) =>
  send('get-withdrawal', { path: { withdrawal_id: String(withdrawal_id) }, ...given })

describe('a withdrawal', () => {
  test('is pending, then what the engine made of it', async () => {
    const { body } = await send('withdraw-cash', {
      body: { currency: 'USD', amount: '5' },
      headers: { 'idempotency-key': 'k1' },
    })
    const id = String(body['withdrawal_id'])
    expect(await get(id)).toMatchObject({ status: 200, body })
    office.outcome(id)
    expect(await get(id.toUpperCase())).toMatchObject({ status: 200, body: { ...body, withdrawal_state: 'completed' } })
    office.outcome(id, { accepted: false, code: 'insufficient-funds' })
    expect(await get(id)).toMatchObject({
      body: { withdrawal_state: 'rejected', reject_reason: 'insufficient-funds' },
    })
    expect(await get(id, { as: { account: 'other' } })).toMatchObject({ status: 404 })
  })

  test('is not there where nothing or something else has that id', async () => {
    const deposited = await send('deposit-cash', {
      as: { role: 'market_operator' },
      body: { account: 'acme', currency: 'USD', amount: '5' },
      headers: { 'idempotency-key': 'k1' },
    })
    for (const id of ['01900000-0000-7000-8000-000000000009', deposited.body['deposit_id']])
      expect(await get(id)).toMatchObject({ status: 404, body: { code: 'not-found' } })
    expect(await get('nonsense')).toMatchObject({ status: 400 })
  })
})
