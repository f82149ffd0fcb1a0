import { beforeEach, describe, expect, test } from '@jest/globals'
import { positionPut } from '#adapters/tables/positions.ts'
import { store } from '#adapters/writes.ts'
import { valueAccount } from '#domain/margin/account-risk.ts'
import { ledgerOperations } from '#protocol/operations/ledger.ts'
import { requests } from '#test/support/http-requests.ts'
import { a100, h100, h100Call, openMarginFloor } from '#test/support/margin-floor.ts'
import { positionRow } from '#test/support/rows.ts'

const floor = await openMarginFloor()
const { handler } = await import('#lambdas/ledger/http.ts')
const { readAccountState } = await import('#lambdas/risk/account-state.ts')
const { rememberedEpochInForce } = await import('#lambdas/risk/epoch-in-force.ts')
const send = requests(handler, ledgerOperations)
const list = (query: Readonly<Record<string, string>> = {}, given: object = {}) =>
  send('list-positions', { query, ...given })

beforeEach(async () => {
  await floor.reset()
  await floor.trade('acme', h100, 40, 2_500)
  await floor.trade('acme', a100, -3, 1_500)
  await floor.trade('acme', a100, -6, 1_503)
  await floor.trade('acme', h100Call, 2, 200)
  await floor.trade('acme', h100Call, -2, 210)
})

interface Listed {
  readonly instrument_name: string
  readonly margin_contribution: string
}
const dataOf = (body: Readonly<Record<string, unknown>>) => body['data'] as readonly Listed[]

describe('positions', () => {
  test('are the account’s own, in decimals, by instrument', async () => {
    expect((await list()).body).toEqual({
      data: [
        {
          instrument_name: a100,
          size: '-9',
          direction: 'sell',
          average_price: '1.502',
          realized_profit_loss: '0',
          mark_price: null,
          unrealized_profit_loss: null,
          greeks: null,
          margin_contribution: '90',
          last_update_timestamp: expect.any(String),
        },
        // Before the first epoch what is paid is paid: its mark is nothing, and so is what it needs.
        expect.objectContaining({ size: '40', direction: 'buy', average_price: '2.5', margin_contribution: '0' }),
        expect.objectContaining({ size: '0', direction: 'zero', average_price: null, realized_profit_loss: '0.02' }),
      ],
      next_cursor: null,
    })
    expect((await list({}, { as: { account: 'cid' } })).body).toEqual({ data: [], next_cursor: null })
    expect(dataOf((await list({ instrument_name: h100 })).body)).toHaveLength(1)
  })

  test('have a mark, what they gained, greeks, and what they add to the requirement', async () => {
    await floor.adoptEpoch()
    await floor.mark(h100, 2_600, { delta: '0.98' })
    await floor.place('acme', h100, 30, 2_400)
    await floor.trade('acme', h100Call, -5, 210)
    const { body } = await list()
    expect(dataOf(body)[1]).toMatchObject({
      instrument_name: h100,
      mark_price: '2.6',
      unrealized_profit_loss: '4',
      greeks: { delta: '0.98', gamma: '0.5', vega: '0.01', theta: '-0.02' },
    })
    expect(dataOf(body)[2]).toMatchObject({ mark_price: null, greeks: null })
    const { rows } = await readAccountState(1, floor.accountId('acme'))
    const epoch = await rememberedEpochInForce(1)
    const requirement = (positions: typeof rows.positions) =>
      valueAccount({ ...rows, positions }, epoch).figures.requirementMicros
    for (const position of rows.positions) {
      const without = rows.positions.filter(each => each !== position)
      const name = position.instrument.specification.instrumentName
      const told = dataOf(body).find(each => each.instrument_name === name)
      expect(Math.round(Number(told?.margin_contribution) * 1e6)).toBe(
        requirement(rows.positions) - requirement(without),
      )
    }
    // Where the future falls the sold call gains.
    expect(Number(dataOf(body)[2]?.margin_contribution)).toBeLessThan(0)
  })

  test('fall back to the mark that an operator has set', async () => {
    const { instrumentId } = floor.instrument(a100)
    await floor.enter({
      type: 'set-mark-price',
      commandId: '01900000-0000-7000-8000-00000000abcd',
      instrumentId,
      markTicks: 1_402,
    })
    expect(dataOf((await list()).body)[0]).toMatchObject({ mark_price: '1.402', unrealized_profit_loss: '0.9' })
  })

  test('come page by page, with a cursor of this list and account only', async () => {
    const first = await list({ limit: '2' })
    const cursor = String(first.body['next_cursor'])
    expect((await list({ limit: '2', cursor })).body).toMatchObject({
      data: [{ instrument_name: h100Call }],
      next_cursor: null,
    })
    expect(await list({ cursor }, { as: { account: 'cid' } })).toMatchObject({
      status: 400,
      body: { code: 'invalid-cursor' },
    })
    expect(await list({ cursor: 'x' })).toMatchObject({ status: 400, body: { code: 'invalid-cursor' } })
    expect(await list({ limit: '0' })).toMatchObject({ status: 400, body: { code: 'invalid-request' } })
  })

  test('that are closed need no instrument any more', async () => {
    const accountId = floor.accountId('cid')
    await store(positionPut(positionRow('GONE-1', { accountId, instrumentId: 99, sizeLots: 0, entryTickLots: 0 })))
    expect((await list({}, { as: { account: 'cid' } })).body).toMatchObject({ data: [{ size: '0' }] })
  })

  test('are for an account that is open', async () => {
    expect(await list({}, { as: { account: 'eve' } })).toMatchObject({
      status: 403,
      body: { code: 'account-not-open' },
    })
    expect(await list({}, { as: { role: 'market_operator' } })).toMatchObject({
      status: 403,
      body: { code: 'forbidden' },
    })
  })
})
