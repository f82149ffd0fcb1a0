import { beforeEach, describe, expect, test } from '@jest/globals'
import { ledgerOperations } from '#protocol/operations/ledger.ts'
import { requests } from '#test/support/http-requests.ts'
import { openLedgerOffice } from '#test/support/ledger-office.ts'

const office = openLedgerOffice()
const { handler } = await import('#lambdas/ledger/http.ts')
const send = requests(handler, ledgerOperations)
const get = (account: string, given: object = {}) => send('get-account', { path: { account }, ...given })

beforeEach(() => office.reset())

describe('an account', () => {
  test('is told with its cash', async () => {
    office.account('acme')
    expect(await get('acme')).toMatchObject({ status: 200, body: { account: 'acme', balance: '0' } })
    office.balance(7, -1)
    expect(await get('acme')).toMatchObject({
      status: 200,
      body: { account_state: 'open', balance: '-0.000001', creation_timestamp: '2027-01-15T08:00:00.000Z' },
    })
    office.account('acme', { accountState: 'failed' })
    expect(await get('acme')).toMatchObject({ status: 200, body: { account_state: 'failed' } })
  })

  test('is there for its own credential and for operators only', async () => {
    office.account('ann')
    for (const role of ['trader', 'auditor', 'risk_manager'])
      expect(await get('ann', { as: { role } })).toMatchObject({ status: 404, body: { code: 'not-found' } })
    expect(await get('ann', { as: { role: 'market_operator' } })).toMatchObject({
      status: 200,
      body: { account: 'ann' },
    })
    expect(await get('acme')).toMatchObject({ status: 404 })
    expect(await get('bob', { as: { role: 'admin' } })).toMatchObject({ status: 404 })
  })
})
