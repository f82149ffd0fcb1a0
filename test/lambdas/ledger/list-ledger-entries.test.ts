import { beforeEach, describe, expect, test } from '@jest/globals'
import { ledgerOperations } from '#protocol/operations/ledger.ts'
import { requests } from '#test/support/http-requests.ts'
import { h100, openMarginFloor, usdMicros } from '#test/support/margin-floor.ts'
import { nextCommandId } from '#test/support/tape.ts'

const floor = await openMarginFloor()
const { handler } = await import('#lambdas/ledger/http.ts')
const send = requests(handler, ledgerOperations)

beforeEach(() => floor.reset())

const list = (query: Readonly<Record<string, string>> = {}, given: object = {}) =>
  send('list-ledger-entries', { query, ...given })
const csv = { headers: { accept: 'text/csv' } }

interface Entry {
  readonly [field: string]: string | null
}
const entriesOf = ({ body }: { readonly body: Readonly<Record<string, unknown>> }) => body['data'] as readonly Entry[]

beforeEach(async () => {
  await floor.trade('acme', h100, 100, 2_400)
  await floor.trade('acme', h100, -100, 2_500)
  await floor.enter({
    type: 'transfer',
    commandId: nextCommandId(),
    accountId: floor.accountId('acme'),
    toAccountId: floor.accountId('acme.desk'),
    amountMicros: 7 * usdMicros,
  })
})

describe('the ledger of an account', () => {
  test('has every movement of its cash, newest first, and adds up to the micro', async () => {
    const entries = entriesOf(await list())
    expect(entries.map(({ kind, amount, fee }) => [kind, amount, fee])).toEqual([
      ['transfer', '-7', '0'],
      ['trade', '9.875', '0.125'],
      ['trade', '-0.12', '0.12'],
      ['deposit', '1000', '0'],
    ])
    expect(entries[0]).toMatchObject({ counter_account: 'acme.desk', balance: '1002.755', instrument_name: null })
    expect(entries[1]).toMatchObject({ instrument_name: h100, reference: expect.stringMatching(/^1-[0-9]{16}$/) })
    let sum = 0
    for (const { amount, balance } of entries.toReversed()) {
      sum += Math.round(Number(amount) * usdMicros)
      expect(Math.round(Number(balance) * usdMicros)).toBe(sum)
    }
  })

  test('goes page by page, as JSON or as CSV', async () => {
    const whole = entriesOf(await list())
    const first = await list({ limit: '3' })
    expect(entriesOf(first)).toEqual(whole.slice(0, 3))
    const rest = await list({ limit: '3', cursor: String(first.body['next_cursor']) })
    expect(rest.body).toEqual({ data: whole.slice(3), next_cursor: null })
    const page = await list({ limit: '3' }, csv)
    expect(page.headers['content-type']).toBe('text/csv')
    expect(page.headers['link']).toBe(
      `</api/v1/account/ledger?cursor=${encodeURIComponent(String(first.body['next_cursor']))}&limit=3>; rel="next"`,
    )
    const [head = '', ...lines] = page.text.trimEnd().split('\r\n')
    const columns = head.split(',')
    const read = lines.map(line =>
      Object.fromEntries(line.split(',').map((field, index) => [columns[index], field === '' ? null : field])),
    )
    expect(read).toEqual(whole.slice(0, 3))
    expect((await list({}, csv)).headers['link']).toBeUndefined()
    for (const accept of ['*/*', 'application/json, text/csv'])
      expect((await list({}, { headers: { accept } })).headers['content-type']).toBe('application/json')
  })

  test('of a sub-account is for its owner, of another’s for an operator only', async () => {
    expect(entriesOf(await list({ account: 'acme.desk' }))).toMatchObject([
      { kind: 'transfer', amount: '7', counter_account: 'acme' },
      { kind: 'deposit' },
    ])
    expect(await list({ account: 'acme' }, { as: { account: 'bob' } })).toMatchObject({ status: 404 })
    const operator = { as: { account: 'desk', role: 'market_operator' } }
    expect(entriesOf(await list({ account: 'acme' }, operator))).toHaveLength(4)
    expect(await list({}, { as: { account: 'nobody' } })).toMatchObject({ body: { code: 'account-not-open' } })
    expect(await list({ cursor: 'nonsense' })).toMatchObject({ body: { code: 'invalid-cursor' } })
  })
})
