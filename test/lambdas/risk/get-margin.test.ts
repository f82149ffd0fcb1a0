import { beforeEach, describe, expect, test } from '@jest/globals'
import { riskOperations } from '#protocol/operations/risk.ts'
import { requests } from '#test/support/http-requests.ts'
import { a100, h100, h100Call, openMarginFloor, usdMicros } from '#test/support/margin-floor.ts'
import { nextCommandId } from '#test/support/tape.ts'

const floor = await openMarginFloor()
const { handler } = await import('#lambdas/risk/http.ts')
const send = requests(handler, riskOperations)
const read = (query: Readonly<Record<string, string>> = {}, given: object = {}) =>
  send('get-margin', { query, ...given })

beforeEach(() => floor.reset())

const micros = (text: unknown): number => Math.round(Number(text) * usdMicros)
const engineHas = () => floor.engine().marginOf(floor.accountId('acme'))

describe('margin', () => {
  test('before the first epoch is what everything may settle at, and says so', async () => {
    await floor.trade('acme', h100, 100, 2_500)
    await floor.place('acme', a100, -10, 1_500)
    const { body } = await read()
    expect(body).toMatchObject({
      account: 'acme',
      currency: 'USD',
      epoch_version: 0,
      covered_by_bounds: [a100, h100],
      as_of: { is_one_moment: true, positions_sequence: expect.any(Number) },
      worst_scenario: null,
      requirement_parts: { scan: '0', bounded: '85' },
    })
    expect(micros(body['equity'])).toBe(engineHas()?.equityMicros)
    expect(micros(body['requirement'])).toBe(engineHas()?.requirementMicros)
    // What is left is what could be withdrawn: cash less the whole price, and less what a short could cost.
    expect(body['excess']).toBe(body['withdrawable'])
  })

  test('is what the engine has, with the worst scenario by name and what drives it', async () => {
    await floor.adoptEpoch()
    await floor.trade('acme', h100, 100, 2_400)
    await floor.trade('acme', a100, -40, 1_500)
    await floor.place('acme', h100Call, 10, 150)
    await floor.enter({
      type: 'place-hold',
      commandId: nextCommandId(),
      accountId: floor.accountId('acme'),
      amountMicros: 5 * usdMicros,
    })
    const { body } = await read()
    const figures = engineHas()
    expect(micros(body['equity'])).toBe(figures?.equityMicros)
    expect(micros(body['requirement'])).toBe(figures?.requirementMicros)
    expect(micros(body['excess'])).toBe((figures?.equityMicros ?? 0) - (figures?.requirementMicros ?? 0))
    expect(body).toMatchObject({ epoch_version: 1, covered_by_bounds: [], held: '5' })
    expect(body['worst_scenario']).toMatch(/^(H100\.USE|family gpu|all|A100\.USE) /)
    const drivers = body['drivers'] as {
      instrument_name: string
      position_profit_loss: string
      orders_profit_loss: string
    }[]
    const lost = drivers.reduce(
      (sum, each) => sum + micros(each.position_profit_loss) + micros(each.orders_profit_loss),
      0,
    )
    expect(-lost).toBe(figures?.scanMicros)
    expect(drivers[0]).toMatchObject({ instrument_name: h100, basis: 'scenario' })
    // By themselves they need more than together.
    const underlyings = body['underlyings'] as { underlying: string; requirement: string }[]
    expect(underlyings.map(({ underlying }) => underlying)).toEqual(['A100.USE', 'H100.USE'])
    const apart = underlyings.reduce((sum, { requirement }) => sum + micros(requirement), 0)
    expect(apart).toBeGreaterThanOrEqual(figures?.requirementMicros ?? Infinity)
  })

  test('covers what was listed since the epoch by its bounds, and names it', async () => {
    await floor.adoptEpoch()
    await floor.list({ instrumentName: 'H100.USE-2' })
    await floor.trade('acme', 'H100.USE-2', 10, 2_000)
    expect((await read()).body).toMatchObject({ epoch_version: 1, covered_by_bounds: ['H100.USE-2'] })
    expect(micros((await read()).body['requirement'])).toBe(engineHas()?.requirementMicros)
    await floor.adoptEpoch()
    expect((await read()).body).toMatchObject({ epoch_version: 2, covered_by_bounds: [] })
    expect(micros((await read()).body['requirement'])).toBe(engineHas()?.requirementMicros)
  })

  test('says where projections are not of one moment', async () => {
    floor.tables.seed('lanes', { lane: '1', row: 'projector#project-orders', out_seq: 3 })
    expect((await read()).body).toMatchObject({ as_of: { orders_sequence: 3, is_one_moment: false } })
  })

  test('of another account is for the owner of its firm and for who answers for risk', async () => {
    const asked = { account: 'acme.desk' }
    expect(await read(asked)).toMatchObject({ status: 200, body: { account: 'acme.desk', cash: '1000' } })
    expect(await read(asked, { as: { account: 'rita', role: 'risk_manager' } })).toMatchObject({ status: 200 })
    expect(await read(asked, { as: { account: 'bob' } })).toMatchObject({ status: 404, body: { code: 'not-found' } })
    // Its owner's credential, and not the other way round.
    expect(await read({ account: 'acme' }, { as: { account: 'acme.desk' } })).toMatchObject({ status: 404 })
    expect(await read({ account: 'nobody' })).toMatchObject({ status: 404 })
    expect(await read({}, { as: { account: 'eve' } })).toMatchObject({
      status: 403,
      body: { code: 'account-not-open' },
    })
    expect(await read({ account: '../x' })).toMatchObject({ status: 400, body: { code: 'invalid-request' } })
    expect(await read({}, { as: null })).toMatchObject({ status: 401 })
  })
})
