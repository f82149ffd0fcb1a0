import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { plainInstructions } from '#domain/trading/commands.ts'
import type { Event } from '#domain/trading/events.ts'
import { ledgerOperations } from '#protocol/operations/ledger.ts'
import { riskOperations } from '#protocol/operations/risk.ts'
import { laneBudgetsEnvironmentVariable } from '#protocol/streams.ts'
import { requests } from '#test/support/http-requests.ts'
import { nextCommandId } from '#test/support/tape.ts'
import { futureIn, openTwoLanes, usdMicros } from '#test/support/two-lanes.ts'

const floor = await openTwoLanes()
const ledger = requests((await import('#lambdas/ledger/http.ts')).handler, ledgerOperations)
const risk = requests((await import('#lambdas/risk/http.ts')).handler, riskOperations)
const { rememberedEpochInForce } = await import('#lambdas/risk/epoch-in-force.ts')
const exposures = (query: Readonly<Record<string, string>> = {}, given: object = {}) =>
  risk('get-exposures', { query, ...given })
const manager = { as: { account: 'rita', role: 'risk_manager' } }

const accounts = { 1: { acme: 2, bob: 1 }, 2: { acme: 2 ** 20 + 2, bob: 2 ** 20 + 1 } } as const
const large = 'H100.USE-2-X10'
/** What the lane has above its need and its reserve goes home: tests that trade there need as much as it. */
const join = async (reserve = '100'): Promise<void> => {
  await ledger('join-lane', { body: { lane: 2, reserve }, headers: { prefer: 'wait=5' } })
  await floor.wait(2_000)
}

/** Positive lots: acme buys so many of bob. */
const trade = async (lane: 1 | 2, lots: number, instrumentId = 1): Promise<void> => {
  const told: Event[] = []
  for (const [accountId, own] of [
    [accounts[lane].bob, -lots],
    [accounts[lane].acme, lots],
  ] as const)
    told.push(
      ...(await floor.enter(lane, {
        type: 'place-order',
        orderId: nextCommandId(),
        accountId,
        instrumentId,
        specificationVersion: 1,
        direction: own > 0 ? 'buy' : 'sell',
        orderType: 'limit',
        timeInForce: 'good_til_cancelled',
        priceTicks: 2_500,
        quantityLots: Math.abs(own),
        clientOrderId: '',
        ...plainInstructions,
      })),
    )
  expect(told).toContainEqual(expect.objectContaining({ type: 'trade-executed' }))
  await floor.settle()
}
const deposit = (lane: 1 | 2, dollars: number) =>
  floor.enter(lane, {
    type: 'deposit',
    commandId: nextCommandId(),
    accountId: accounts[lane].acme,
    amountMicros: dollars * usdMicros,
  })
/** 100 lots at home, and 60 of them sold again abroad, where 100 USD are granted unless told. */
const hedge = async (reserve?: string): Promise<void> => {
  await join(reserve)
  await trade(1, 100)
  await trade(2, -60)
}
const delta = (net: number, gross: number) => ({
  underlying: 'H100.USE',
  net_delta: String(net),
  gross_delta: String(gross),
  net_vega: '0',
  gross_vega: '0',
  unvalued_positions: 0,
})

beforeEach(async () => {
  process.env[laneBudgetsEnvironmentVariable] = 'true'
  await floor.reset()
})
afterEach(async () => {
  await floor.settle()
  delete process.env[laneBudgetsEnvironmentVariable]
})

describe('exposures', () => {
  test('of an account are those of all its lanes: what is hedged abroad is net of it, and gross as much more', async () => {
    await hedge()
    const { status, body } = await exposures()
    expect(status).toBe(200)
    expect(body).toMatchObject({
      scope: 'account',
      epoch_version: 1,
      lanes: [1, 2],
      lane_epochs: [
        { lane: 1, epoch_version: 1, epoch_timestamp: expect.any(String) },
        { lane: 2, epoch_version: 1, epoch_timestamp: expect.any(String) },
      ],
      parts: [],
    })
    expect(body['underlyings']).toEqual([delta(40, 160)])
    expect((await exposures({ subject: 'acme' }, manager)).body['underlyings']).toEqual([delta(40, 160)])
  })

  test('are of one lane where it is named, and of a satellite by its own name', async () => {
    await hedge()
    const oneLane = async (query: Readonly<Record<string, string>>) => {
      const { body } = await exposures(query)
      return [body['lanes'], body['underlyings']]
    }
    expect(await oneLane({ lane: '1' })).toEqual([[1], [delta(100, 100)]])
    expect(await oneLane({ lane: '2' })).toEqual([[2], [delta(-60, 60)]])
    expect(await oneLane({ subject: 'acme.lane-2' })).toEqual([[2], [delta(-60, 60)]])
    expect(await oneLane({ subject: 'acme.lane-2', lane: '2' })).toEqual([[2], [delta(-60, 60)]])
    expect(await exposures({ subject: 'acme.lane-2', lane: '1' })).toMatchObject({ status: 404 })
    expect(await exposures({ lane: '3' })).toMatchObject({ status: 404 })
    expect(await exposures({ subject: 'acme', lane: '2' }, { as: { account: 'bob-2' } })).toMatchObject({ status: 404 })
  })

  test('of a firm are those of all lanes, account by account', async () => {
    await hedge()
    const { body } = await exposures({ scope: 'firm' })
    expect(body).toMatchObject({ scope: 'firm', lanes: [1, 2], underlyings: [delta(40, 160)] })
    expect(body['parts']).toEqual([
      { name: 'acme', underlyings: [delta(100, 100)] },
      { name: 'acme.lane-2', underlyings: [delta(-60, 60)] },
    ])
    expect((await exposures({ scope: 'firm', lane: '2' })).body).toMatchObject({
      lanes: [2],
      parts: [{ name: 'acme.lane-2', underlyings: [delta(-60, 60)] }],
    })
    // Those of a lane stay its own: acme's there, and bob's opposite.
    expect((await exposures({ scope: 'lane', lane: '2' }, manager)).body).toMatchObject({
      lanes: [2],
      underlyings: [delta(0, 120)],
      parts: [{ name: 'acme' }, { name: 'bob-2' }],
    })
    expect((await exposures({ scope: 'lane' }, manager)).body).toMatchObject({ lanes: [1] })
  })

  test('are valued by the epoch of each lane', async () => {
    await floor.reset(10_000)
    await hedge('1000')
    await floor.list(2, { instrumentName: large, contractSize: '10' })
    await trade(2, 3, 2)
    // Before an epoch values it, it is counted by its number.
    expect((await exposures()).body['underlyings']).toEqual([{ ...delta(40, 160), unvalued_positions: 1 }])
    await floor.adoptEpoch(2, [2])
    const { body } = await exposures()
    // 100 − 60 + 3 of 10.
    expect(body['underlyings']).toEqual([delta(70, 190)])
    expect((await exposures({ scope: 'firm' })).body['underlyings']).toEqual([delta(70, 190)])
    expect(body).toMatchObject({
      epoch_version: 1,
      lane_epochs: [
        { lane: 1, epoch_version: 1 },
        { lane: 2, epoch_version: 2 },
      ],
    })
  })

  test('read an epoch that several lanes go by once for all of them', async () => {
    const [home, abroad] = await Promise.all([rememberedEpochInForce(1), rememberedEpochInForce(2)])
    expect(home?.made.version).toBe(1)
    expect(abroad?.made).toBe(home?.made)
    expect(abroad?.epoch.instruments).not.toEqual(home?.epoch.instruments)
    await floor.adoptEpoch(2, [2])
    expect((await rememberedEpochInForce(2))?.made.version).toBe(2)
    expect((await rememberedEpochInForce(1))?.made).toBe(home?.made)
  })

  test('are of the home lane alone before another one is joined, and where that is not switched on', async () => {
    await trade(1, 100)
    const atHome = { status: 200, body: { lanes: [1], underlyings: [delta(100, 100)] } }
    expect(await exposures()).toMatchObject(atHome)
    expect(await exposures({ lane: '2' })).toMatchObject({ status: 404 })
    await hedge()
    delete process.env[laneBudgetsEnvironmentVariable]
    expect(await exposures()).toMatchObject({ status: 200, body: { lanes: [1], underlyings: [delta(200, 200)] } })
    expect(await exposures({ lane: '2' })).toMatchObject({ status: 404 })
  })

  test.each([
    ['of another lane', 1, 'acme'],
    ['of another firm', 2, 'bob-2'],
  ] as const)('leave out an account %s that only has the name', async (_, lane, firm) => {
    await floor.enter(lane, { type: 'open-account', commandId: nextCommandId(), account: 'acme.lane-2', firm })
    await trade(1, 100)
    expect(await exposures()).toMatchObject({ status: 200, body: { lanes: [1], underlyings: [delta(100, 100)] } })
    expect(await exposures({ lane: '2' })).toMatchObject({ status: 404 })
  })

  test('say what of a lane before its first epoch is not valued', async () => {
    await floor.reset(10_000, [1])
    await join('1000')
    await deposit(2, 500)
    await trade(1, 20)
    await trade(2, -10)
    const { body } = await exposures()
    expect(body).toMatchObject({
      epoch_version: 0,
      lanes: [1, 2],
      lane_epochs: [
        { lane: 1, epoch_version: 1 },
        { lane: 2, epoch_version: 0, epoch_timestamp: null },
      ],
    })
    expect(body['underlyings']).toEqual([{ ...delta(20, 20), unvalued_positions: 1 }])
  })
})

describe('a stress', () => {
  const fall = { name: 'fall', shifts: [{ underlying: 'H100.USE', price_ppm: -200_000 }] }
  const stress = (body: object = {}, given: object = {}) =>
    risk('stress-risk', { body: { scenarios: [fall], ...body }, ...given })

  test('of an account is of all its lanes, without what they have granted each other', async () => {
    await hedge()
    const granted = await ledger('get-own-account')
    expect(granted.body['lanes']).toMatchObject([{ lane: 1 }, { lane: 2, granted_least: '100' }])
    const { status, body } = await stress()
    expect(status).toBe(200)
    // A fifth of 2.5 on 100 lots lost, on 60 gained; the cash is what was deposited.
    expect(body).toMatchObject({
      scope: 'account',
      epoch_version: 1,
      epoch_timestamp: expect.any(String),
      lanes: [1, 2],
      covered_by_bounds: [],
    })
    expect(body['scenarios']).toEqual([
      {
        name: 'fall',
        profit_loss: '-20',
        underlyings: [{ underlying: 'H100.USE', profit_loss: '-20' }],
        equity_after: '980',
        positions: [
          { lane: 1, instrument_name: futureIn(1), profit_loss: '-50' },
          { lane: 2, instrument_name: futureIn(2), profit_loss: '30' },
        ],
        accounts_short: null,
        shortfall: null,
        worst_accounts: [],
      },
    ])
  })

  test('revalues each lane by its own epoch', async () => {
    await hedge()
    await floor.adoptEpoch(2, [2], 2_000)
    // Abroad 60 lots were sold at 2.5 and stand at 2: 30 gained. A fifth of 2 is 0.4 a lot, which is 24.
    const { body } = await stress()
    expect(body).toMatchObject({
      epoch_version: 1,
      lane_epochs: [
        { lane: 1, epoch_version: 1 },
        { lane: 2, epoch_version: 2 },
      ],
      scenarios: [
        { profit_loss: '-26', equity_after: '1004', positions: [{ profit_loss: '-50' }, { profit_loss: '24' }] },
      ],
    })
    // The equities are those that the engines have, and so is their sum.
    const [home, abroad] = ([1, 2] as const).map(lane => floor.engine(lane).marginOf(accounts[lane].acme)?.equityMicros)
    expect([home, abroad]).toEqual([1_000 * usdMicros, 30 * usdMicros])
  })

  test('is of one lane where it is named, and of a satellite by its own name', async () => {
    await hedge()
    const [scenarios, abroad] = [[{ profit_loss: '30', equity_after: '30' }], { lanes: [2] }]
    expect((await stress({ lane: 2 })).body).toMatchObject({ ...abroad, scenarios })
    expect((await stress({ account: 'acme.lane-2' })).body).toMatchObject({ ...abroad, scenarios })
    expect((await stress({ lane: 1 })).body).toMatchObject({
      lanes: [1],
      scenarios: [{ profit_loss: '-50', equity_after: '950' }],
    })
    expect(await stress({ account: 'acme.lane-2', lane: 1 })).toMatchObject({ status: 404 })
    expect(await stress({ lane: 3 })).toMatchObject({ status: 404 })
    expect((await stress({ scope: 'lane', lane: 2 }, manager)).body).toMatchObject({
      lanes: [2],
      scenarios: [{ profit_loss: '0', worst_accounts: [{ account: 'acme.lane-2', equity_after: '30' }, {}] }],
    })
  })

  test('is of the home lane alone before another one is joined', async () => {
    await trade(1, 100)
    expect(await stress()).toMatchObject({
      status: 200,
      body: { lanes: [1], scenarios: [{ profit_loss: '-50', equity_after: '950' }] },
    })
    expect(await stress({ lane: 2 })).toMatchObject({ status: 404 })
  })

  test('takes what a lane before its first epoch has at its worse end', async () => {
    await floor.reset(10_000, [1])
    await floor.list(2, { instrumentName: 'A100.USE-2', underlying: 'A100.USE' })
    const other = { scenarios: [{ name: 'other', shifts: [{ underlying: 'A100.USE', price_ppm: -200_000 }] }] }
    expect(await stress(other)).toMatchObject({ status: 422, body: { code: 'unknown-underlying' } })
    await join('1000')
    await deposit(2, 500)
    await trade(1, 20)
    await trade(2, -10)
    const { body } = await stress()
    // 10,000 and, of what was sold at 2.5 and has no value, 525; 20 lots lose a half each, and 10 may come to cost 10.
    expect(body).toMatchObject({
      epoch_version: 0,
      epoch_timestamp: null,
      covered_by_bounds: [futureIn(2)],
      scenarios: [
        {
          profit_loss: '-110',
          equity_after: '10415',
          positions: [
            { lane: 2, profit_loss: '-100' },
            { lane: 1, profit_loss: '-10' },
          ],
        },
      ],
    })
    // What only that lane knows may be shifted, and moves nothing at home.
    expect((await stress(other)).body).toMatchObject({ scenarios: [{ profit_loss: '-100', equity_after: '10425' }] })
    const unknown = { scenarios: [{ name: 'none', shifts: [{ underlying: 'B200.USE', price_ppm: 1 }] }] }
    expect(await stress(unknown)).toMatchObject({ status: 422, body: { code: 'unknown-underlying' } })
  })

  test('is bounded by the contracts of all lanes together', async () => {
    await floor.reset(10_000)
    await join('1000')
    const scenarios = Array.from({ length: 100 }, (_, index) => ({ ...fall, name: `fall ${index}` }))
    for (const lane of [1, 2] as const) {
      await trade(lane, 1)
      for (let id = 2; id <= 100; id += 1) {
        await floor.list(lane, { instrumentName: `${futureIn(lane)}-${id}` })
        await trade(lane, 1, id)
      }
    }
    // 100 scenarios of 200 contracts are 20,000 values.
    expect(await stress({ scenarios })).toMatchObject({ status: 200 })
    await floor.list(2, { instrumentName: large })
    await trade(2, 1, 101)
    expect(await stress({ scenarios, lane: 2 })).toMatchObject({ status: 200 })
    expect(await stress({ scenarios })).toMatchObject({
      status: 422,
      body: { code: 'too-many-scenarios', errors: [{ pointer: '#/scenarios', detail: 'must not be more than 99' }] },
    })
  }, 60_000)
})
