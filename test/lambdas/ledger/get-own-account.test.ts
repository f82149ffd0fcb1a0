import { beforeEach, describe, expect, test } from '@jest/globals'
import { ledgerOperations } from '#protocol/operations/ledger.ts'
import { requests } from '#test/support/http-requests.ts'
import { h100, openMarginFloor, usdMicros } from '#test/support/margin-floor.ts'
import { nextCommandId } from '#test/support/tape.ts'

const floor = await openMarginFloor()
const { handler } = await import('#lambdas/ledger/http.ts')
const send = requests(handler, ledgerOperations)

beforeEach(() => floor.reset())

const read = (given: object = {}) => send('get-own-account', given)

describe('the account of the credential', () => {
  test('is told with cash, what is held, and the accounts of its firm', async () => {
    await floor.enter({
      type: 'place-hold',
      commandId: nextCommandId(),
      accountId: floor.accountId('acme'),
      amountMicros: 5 * usdMicros,
    })
    expect(await read()).toMatchObject({
      status: 200,
      body: {
        account: 'acme',
        account_state: 'open',
        firm: 'acme',
        balance: '1000',
        held: '5',
        equity: null,
        withdrawable: null,
        sub_accounts: [{ account: 'acme.desk', account_state: 'open', lane: 1 }],
      },
    })
    expect(await read({ as: { account: 'acme.desk' } })).toMatchObject({
      body: { account: 'acme.desk', firm: 'acme', sub_accounts: [] },
    })
  })

  test('has the equity that the engine has, once an epoch tells it', async () => {
    await floor.adoptEpoch()
    await floor.trade('acme', h100, 100, 2_400)
    const { body } = await read()
    const figures = floor.engine().marginOf(floor.accountId('acme'))
    expect(Math.round(Number(body['equity']) * usdMicros)).toBe(figures?.equityMicros)
    expect(Number(body['withdrawable'])).toBeGreaterThan(0)
  })

  test('may be a sub-account’s, for the owner of its firm', async () => {
    expect(await read({ query: { account: 'acme.desk' } })).toMatchObject({ body: { account: 'acme.desk' } })
    const foreign = { query: { account: 'acme' }, as: { account: 'acme.desk' } }
    expect(await read(foreign)).toMatchObject({ status: 404, body: { code: 'not-found' } })
    expect(await read({ query: { account: 'nobody' } })).toMatchObject({ status: 404 })
  })

  test('is none before it was asked for', async () => {
    expect(await read({ as: { account: 'nobody' } })).toMatchObject({ body: { code: 'account-not-open' } })
  })
})
