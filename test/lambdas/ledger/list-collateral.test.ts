import { beforeEach, describe, expect, test } from '@jest/globals'
import { neverMillis } from '#domain/reference/contract-terms.ts'
import { ledgerOperations } from '#protocol/operations/ledger.ts'
import { requests } from '#test/support/http-requests.ts'
import { h100, openMarginFloor } from '#test/support/margin-floor.ts'
import { nextCommandId } from '#test/support/tape.ts'

const floor = await openMarginFloor()
const { handler } = await import('#lambdas/ledger/http.ts')
const send = requests(handler, ledgerOperations)

beforeEach(() => floor.reset())

const asset = 'COLL-TBILL3M'
const list = (query: Readonly<Record<string, string>> = {}, given: object = {}) =>
  send('list-collateral', { query, ...given })
const deposit = (account: 'acme' | 'acme.desk', quantityLots: number) =>
  floor.enter({
    type: 'deposit-collateral',
    commandId: nextCommandId(),
    accountId: floor.accountId(account),
    instrumentId: floor.instrument(asset).instrumentId,
    quantityLots,
  })

describe('collateral', () => {
  beforeEach(() =>
    floor.list({
      instrumentName: asset,
      kind: 'collateral',
      terms: '{}',
      underlying: 'TBILL3M',
      expirationMillis: neverMillis,
      maxPrice: '1000',
      tickSize: '0.01',
      makerCommissionPpm: 0,
      takerCommissionPpm: 0,
    }),
  )

  test('is told by asset, with what it counts for where an epoch tells it; contracts are not', async () => {
    await floor.trade('acme', h100, 3, 2_500)
    await deposit('acme', 12)
    expect(await list()).toMatchObject({
      status: 200,
      body: {
        data: [{ instrument_name: asset, asset: 'TBILL3M', amount: '12', haircut: null, value: null }],
        next_cursor: null,
      },
    })
    await floor.adoptEpoch()
    expect((await list()).body['data']).toMatchObject([{ amount: '12', haircut: '0.05', value: '1140' }])
    const positions = await send('list-positions', { query: {} })
    expect(positions.body['data']).toMatchObject([{ instrument_name: h100 }])
  })

  test('of a sub-account is for its owner, of another’s for an operator only', async () => {
    await deposit('acme.desk', 2)
    expect((await list({ account: 'acme.desk' })).body['data']).toMatchObject([{ amount: '2' }])
    expect((await list()).body['data']).toEqual([])
    const stranger = { as: { account: 'bob' } }
    expect(await list({ account: 'acme.desk' }, stranger)).toMatchObject({ status: 404, body: { code: 'not-found' } })
    expect(await list({}, { as: { account: 'nobody' } })).toMatchObject({ body: { code: 'account-not-open' } })
    expect(await list({ cursor: 'nonsense' })).toMatchObject({ body: { code: 'invalid-cursor' } })
  })
})
