import { beforeEach, expect, test } from '@jest/globals'
import { newestEngineVersion } from '#domain/trading/engine-version.ts'
import { ledgerOperations } from '#protocol/operations/ledger.ts'
import { requests } from '#test/support/http-requests.ts'
import { openLedgerOffice } from '#test/support/ledger-office.ts'

const office = openLedgerOffice()
const { handler } = await import('#lambdas/ledger/http.ts')
const send = requests(handler, ledgerOperations)
const as = { account: 'olga', role: 'market_operator' } as const

beforeEach(() => {
  office.reset()
  for (const lane of [1, 2]) {
    office.version(lane, newestEngineVersion)
    office.account(`insurance-fund-${lane}`, { accountId: 6 + lane, lane })
  }
})

test('what is to leave the fund of each lane is listed with its state, and nothing of other accounts', async () => {
  const list = async () => (await send('list-fund-withdrawals', { as })).body['requests']
  expect(await list()).toEqual([])
  office.account('acme', { accountId: 12 })
  for (const [account, amount] of [
    ['insurance-fund-1', '1'],
    ['acme', '2'],
    ['insurance-fund-2', '3'],
  ] as const) {
    const body = { account, currency: 'USD', amount }
    await send('withdraw-cash', { as, body, headers: { 'idempotency-key': account } })
  }
  const requests = await list()
  expect(requests).toHaveLength(2)
  expect(requests).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ account: 'insurance-fund-1', lane: 1, amount: '1', requested_by: 'olga' }),
      expect.objectContaining({
        account: 'insurance-fund-2',
        lane: 2,
        amount: '3',
        request_state: 'awaiting_approval',
      }),
    ]),
  )
})
