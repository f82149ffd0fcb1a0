import { beforeEach, describe, expect, test } from '@jest/globals'
import { riskOperations } from '#protocol/operations/risk.ts'
import { requests } from '#test/support/http-requests.ts'
import { a100, h100, h100Call, openMarginFloor } from '#test/support/margin-floor.ts'

const floor = await openMarginFloor()
const { handler } = await import('#lambdas/risk/http.ts')
const send = requests(handler, riskOperations)
const read = (query: Readonly<Record<string, string>> = {}, given: object = {}) =>
  send('get-exposures', { query, ...given })
const manager = { as: { account: 'rita', role: 'risk_manager' } }

beforeEach(async () => {
  await floor.reset()
  await floor.adoptEpoch()
  await floor.trade('acme', h100, 100, 2_500)
  await floor.trade('acme.desk', h100, -40, 2_500)
  await floor.trade('acme', h100Call, -20, 200)
  await floor.trade('cid', a100, 7, 1_500)
})

interface Underlying {
  readonly underlying: string
  readonly net_delta: string
  readonly gross_delta: string
  readonly net_vega: string
  readonly unvalued_positions: number
}
const of = (body: Readonly<Record<string, unknown>>, name: string): Underlying | undefined =>
  (body['underlyings'] as Underlying[]).find(({ underlying }) => underlying === name)

describe('exposures', () => {
  test('of an account are deltas and vegas by underlying', async () => {
    const { body } = await read()
    const h100s = of(body, 'H100.USE')
    expect(body).toMatchObject({ scope: 'account', epoch_version: 1, parts: [] })
    // The future has a delta of one, the call between none and one.
    expect(Number(h100s?.gross_delta)).toBeGreaterThan(100)
    expect(Number(h100s?.gross_delta)).toBeLessThan(120)
    expect(Number(h100s?.net_delta) + Number(h100s?.gross_delta)).toBeCloseTo(200, 6)
    expect(Number(h100s?.net_vega)).toBeLessThan(0)
    expect(of(body, 'A100.USE')).toBeUndefined()
    expect(of((await read({ subject: 'acme.desk' })).body, 'H100.USE')).toMatchObject({
      net_delta: '-40',
      gross_delta: '40',
      net_vega: '0',
      unvalued_positions: 0,
    })
  })

  test('of a firm are those of its accounts, for its owner and who answers for risk', async () => {
    const { body } = await read({ scope: 'firm' })
    expect(body).toMatchObject({ scope: 'firm', parts: [{ name: 'acme' }, { name: 'acme.desk' }] })
    const apart = await Promise.all(
      ['acme', 'acme.desk'].map(async account => of((await read({ subject: account })).body, 'H100.USE')),
    )
    const sum = apart.reduce((total, each) => total + Number(each?.net_delta), 0)
    expect(Number(of(body, 'H100.USE')?.net_delta)).toBeCloseTo(sum, 6)
    expect((await read({ scope: 'firm', subject: 'acme' }, manager)).body).toEqual({
      ...body,
      timestamp: expect.any(String),
    })
    expect(await read({ scope: 'firm', subject: 'bob' })).toMatchObject({ status: 404 })
  })

  test('of the lane net to nothing, firm by firm, for who answers for risk', async () => {
    const { body } = await read({ scope: 'lane' }, manager)
    expect(body).toMatchObject({ parts: [{ name: 'acme' }, { name: 'bob' }, { name: 'cid' }] })
    expect(of(body, 'H100.USE')).toMatchObject({ net_delta: '0', net_vega: '0' })
    expect(of(body, 'A100.USE')).toMatchObject({ net_delta: '0', gross_delta: '14' })
    expect(await read({ scope: 'lane' })).toMatchObject({ status: 403, body: { code: 'forbidden' } })
    expect((await read({ scope: 'lane', lane: '2' }, manager)).body).toMatchObject({ underlyings: [], parts: [] })
    expect(await read({ scope: 'lane', lane: '9' }, manager)).toMatchObject({ status: 404 })
  })

  test('count what the epoch does not value by its number', async () => {
    await floor.list({ instrumentName: 'H100.USE-2' })
    await floor.trade('acme.desk', 'H100.USE-2', 5, 2_000)
    expect(of((await read({ subject: 'acme.desk' })).body, 'H100.USE')).toMatchObject({
      net_delta: '-40',
      unvalued_positions: 1,
    })
  })

  test('are asked for in words that go together', async () => {
    expect(await read({ scope: 'all' })).toMatchObject({ status: 400 })
    expect(await read({ scope: 'lane', subject: 'acme' }, manager)).toMatchObject({
      status: 400,
      body: { errors: [{ pointer: '#/query/subject' }] },
    })
    expect(await read({ firm: 'acme' })).toMatchObject({ status: 400 })
    expect(await read({ lane: '2' })).toMatchObject({ status: 404 })
    expect(await read({ scope: 'lane', lane: '1e3' }, manager)).toMatchObject({ status: 400 })
    expect(await read({}, { as: { account: 'eve' } })).toMatchObject({ status: 403 })
  })
})
