import { beforeEach, describe, expect, test } from '@jest/globals'
import { riskOperations } from '#protocol/operations/risk.ts'
import { requests } from '#test/support/http-requests.ts'
import { a100, h100, h100Call, openMarginFloor } from '#test/support/margin-floor.ts'

const floor = await openMarginFloor()
const { handler } = await import('#lambdas/risk/http.ts')
const send = requests(handler, riskOperations)
const stress = (body: object, given: object = {}) => send('stress-risk', { body, ...given })
const manager = { as: { account: 'rita', role: 'risk_manager' } }
const scenario = (name: string, price: number, more: object = {}) => ({
  name,
  shifts: [{ underlying: 'H100.USE', price_ppm: price * 1_000_000, ...more }],
})

beforeEach(async () => {
  await floor.reset()
  await floor.adoptEpoch()
  await floor.trade('acme', h100, 100, 2_500)
  await floor.trade('acme', h100Call, -20, 200)
})

interface Stressed {
  readonly name: string
  readonly profit_loss: string
  readonly equity_after: string | null
  readonly positions: readonly { readonly instrument_name: string; readonly profit_loss: string }[]
}
const scenariosOf = (body: Readonly<Record<string, unknown>>) => body['scenarios'] as readonly Stressed[]

describe('a stress', () => {
  test('revalues each position in scenarios of one’s own', async () => {
    const { body } = await stress({
      scenarios: [
        scenario('nothing', 0),
        scenario('fall', -0.2),
        scenario('rise', 0.4),
        scenario('wild', 0, { volatility_ppm: 300_000 }),
        { name: 'other', shifts: [{ underlying: 'A100.USE', price_ppm: -900_000 }] },
      ],
    })
    expect(body).toMatchObject({ scope: 'account', epoch_version: 1, covered_by_bounds: [] })
    const [nothing, fall, rise, wild, other] = scenariosOf(body)
    expect(nothing).toMatchObject({ profit_loss: '0', accounts_short: null, shortfall: null, worst_accounts: [] })
    expect(other).toMatchObject({ profit_loss: '0' })
    expect(fall?.positions[0]).toEqual({ lane: 1, instrument_name: h100, profit_loss: '-50' })
    // A fifth of 2.5 on 100 lots, less what the sold call no longer costs.
    expect(Number(fall?.profit_loss)).toBeGreaterThan(-50)
    // Far in the money the call moves one to one with the future: by less than delta and gamma would say.
    expect(Number(rise?.profit_loss)).toBeGreaterThan(80)
    expect(Number(rise?.profit_loss)).toBeLessThan(100)
    expect(wild?.positions[0]).toMatchObject({ instrument_name: h100Call })
    expect(Number(wild?.profit_loss)).toBeLessThan(0)
    const equity = Number(nothing?.equity_after)
    expect(Number(fall?.equity_after)).toBeCloseTo(equity + Number(fall?.profit_loss), 6)
    expect(equity).toBeCloseTo((floor.engine().marginOf(1)?.equityMicros ?? 0) / 1e6, 6)
  })

  test('at the epoch’s own scenario is what the epoch has of it', async () => {
    const epochs = floor.engine().snapshot().margin?.book.epoch
    // All underlyings together, down by all of the scan range, volatility up.
    const gains = new Map(
      epochs?.instruments.map(({ instrumentName, risk }) => [
        instrumentName,
        risk.kind === 'array' ? (risk.arrayMicros[12] ?? 0) : 0,
      ]),
    )
    const shift = { price_ppm: -200_000, volatility_ppm: 150_000 }
    const { body } = await stress({
      days_ahead: 1,
      scenarios: [{ name: 'down', shifts: ['H100.USE', 'A100.USE'].map(underlying => ({ underlying, ...shift })) }],
    })
    const expected = 100 * (gains.get(h100) ?? 0) - 20 * (gains.get(h100Call) ?? 0)
    expect(Math.round(Number(scenariosOf(body)[0]?.profit_loss) * 1e6)).toBe(expected)
  })

  test('of the lane tells who would owe, for who answers for risk', async () => {
    await floor.trade('cid', h100, 1_500, 2_500)
    await floor.trade('acme.desk', a100, -5, 1_500)
    const { status, body } = await stress(
      { scope: 'lane', scenarios: [scenario('crash', -0.5), scenario('calm', 0)] },
      manager,
    )
    expect(status).toBe(200)
    // cid: 1,500 lots lose 1.25 each, of a thousand less its fee.
    expect(body).toMatchObject({
      scope: 'lane',
      scenarios: [
        {
          name: 'crash',
          profit_loss: '0',
          accounts_short: 1,
          equity_after: null,
          positions: [],
          worst_accounts: [{ account: 'cid', profit_loss: '-1875' }, { account: expect.any(String) }, {}, {}],
        },
        { name: 'calm', profit_loss: '0', accounts_short: 0, shortfall: '0' },
      ],
    })
    expect(await stress({ scope: 'lane', scenarios: [scenario('crash', -0.5)] })).toMatchObject({ status: 403 })
    expect(await stress({ scope: 'lane', lane: 9, scenarios: [scenario('crash', -0.5)] }, manager)).toMatchObject({
      status: 404,
    })
  })

  test('without an epoch is the worse end of what everything may settle at, and says so', async () => {
    await floor.reset()
    await floor.trade('acme', h100, 10, 2_000)
    const { body } = await stress({ scenarios: [scenario('rise', 0.1)] })
    expect(body).toMatchObject({
      epoch_version: 0,
      epoch_timestamp: null,
      covered_by_bounds: [h100],
      scenarios: [{ profit_loss: '0', equity_after: '979.99' }],
    })
  })

  test('names what is wrong with a scenario', async () => {
    const one = scenario('one', 0.1)
    const refused = async (body: object) => {
      const { status, body: problem } = await stress(body)
      const errors = problem['errors'] as { pointer: string }[] | undefined
      return [status, problem['code'], errors?.[0]?.pointer]
    }
    const shifts = (...given: object[]) => ({ scenarios: [{ name: 'one', shifts: given }] })
    expect(await refused(shifts({ underlying: 'B200.USE', price_ppm: 100_000 }))).toEqual([
      422,
      'unknown-underlying',
      '#/scenarios/0/shifts/0/underlying',
    ])
    const many = Array.from({ length: 101 }, (_, index) => scenario(`s${index}`, 0.1))
    expect(await refused({ scenarios: many })).toEqual([400, 'invalid-request', '#/scenarios'])
    expect(await refused({ scenarios: [] })).toEqual([422, 'scenario-refused', '#/scenarios'])
    expect(await refused({ scenarios: [one, one] })).toEqual([422, 'scenario-refused', '#/scenarios/1/name'])
    expect(await refused(shifts({ underlying: 'H100.USE', price_ppm: -1_500_000 }))).toEqual([
      400,
      'invalid-request',
      '#/scenarios/0/shifts/0/price_ppm',
    ])
    const twice = { underlying: 'H100.USE', price_ppm: 100_000 }
    expect(await refused(shifts(twice, twice))).toEqual([422, 'scenario-refused', '#/scenarios/0/shifts/1/underlying'])
    // JSON knows no infinity but by overflow.
    const overflow = '{"scenarios":[{"name":"one","shifts":[{"underlying":"H100.USE","price_ppm":1e999}]}]}'
    expect(
      await send('stress-risk', { body: overflow, headers: { 'content-type': 'application/json' } }),
    ).toMatchObject({
      status: 400,
      body: { code: 'invalid-request', errors: [{ pointer: '#/scenarios/0/shifts/0/price_ppm' }] },
    })
    expect(await refused(shifts({ underlying: 'H100.USE', price_ppm: '100000' }))).toEqual([
      400,
      'invalid-request',
      '#/scenarios/0/shifts/0/price_ppm',
    ])
    expect(await stress({ scenarios: [{ name: 'a  b', shifts: [] }] })).toMatchObject({ status: 400 })
    expect(await stress({ scenarios: [one], days_ahead: -1 })).toMatchObject({ status: 400 })
    expect(await stress({ scenarios: [one], account: 'bob' })).toMatchObject({ status: 404 })
    expect(await stress({ scenarios: [one], lane: 2 })).toMatchObject({ status: 404 })
    expect(await stress({ scope: 'lane', account: 'acme', scenarios: [one] }, manager)).toMatchObject({ status: 400 })
  })
})
