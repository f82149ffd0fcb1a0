import { beforeEach, describe, expect, test } from '@jest/globals'
import { positionPut } from '#adapters/tables/positions.ts'
import { ledgerOperations } from '#protocol/operations/ledger.ts'
import { requests } from '#test/support/http-requests.ts'
import { openLedgerOffice } from '#test/support/ledger-office.ts'
import { positionRow } from '#test/support/rows.ts'

const office = openLedgerOffice()
const { handler } = await import('#lambdas/ledger/http.ts')
const send = requests(handler, ledgerOperations)
const list = (query: Readonly<Record<string, string>> = {}, given: object = {}) =>
  send('list-positions', { query, ...given })

beforeEach(() => {
  office.reset()
  office.account('acme')
  office.account('ann', { accountId: 8 })
  office.seed(positionPut(positionRow('A-1')))
  office.seed(positionPut(positionRow('B-1', { sizeLots: 40, entryTickLots: 3_003, realisedMicros: 1_500_000 })))
  office.seed(positionPut(positionRow('C-1', { sizeLots: 0, entryTickLots: 0 })))
})

describe('positions', () => {
  test('are the account’s own, in decimals, by instrument', async () => {
    expect((await list()).body).toEqual({
      data: [
        {
          instrument_name: 'A-1',
          size: '-0.3',
          direction: 'sell',
          average_price: '2.55',
          realized_profit_loss: '-0.000001',
          last_update_timestamp: '1970-01-01T00:00:00.001Z',
        },
        expect.objectContaining({ size: '4', direction: 'buy', average_price: '3.75375', realized_profit_loss: '1.5' }),
        expect.objectContaining({ size: '0', direction: 'zero', average_price: null }),
      ],
      next_cursor: null,
    })
    expect((await list({}, { as: { account: 'ann' } })).body).toEqual({ data: [], next_cursor: null })
    expect((await list({ instrument_name: 'B-1' })).body['data']).toHaveLength(1)
  })

  test('come page by page, with a cursor of this list and account only', async () => {
    const first = await list({ limit: '2' })
    const cursor = String(first.body['next_cursor'])
    expect((await list({ limit: '2', cursor })).body).toMatchObject({
      data: [{ instrument_name: 'C-1' }],
      next_cursor: null,
    })
    expect(await list({ cursor }, { as: { account: 'ann' } })).toMatchObject({
      status: 400,
      body: { code: 'invalid-cursor' },
    })
    expect(await list({ cursor: 'x' })).toMatchObject({ status: 400, body: { code: 'invalid-cursor' } })
    expect(await list({ limit: '0' })).toMatchObject({ status: 400, body: { code: 'invalid-request' } })
  })

  test('are for an account that is open', async () => {
    office.account('acme', { accountState: 'opening' })
    expect(await list()).toMatchObject({ status: 403, body: { code: 'account-not-open' } })
    expect(await list({}, { as: { account: 'eve' } })).toMatchObject({ status: 403 })
    expect(await list({}, { as: { role: 'market_operator' } })).toMatchObject({
      status: 403,
      body: { code: 'forbidden' },
    })
  })
})
