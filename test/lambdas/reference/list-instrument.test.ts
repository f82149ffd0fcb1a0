import { beforeEach, describe, expect, test } from '@jest/globals'
import { activatedVersionPut } from '#adapters/tables/lane-events.ts'
import { referenceOperations } from '#protocol/operations/reference.ts'
import { requests } from '#test/support/http-requests.ts'
import { seedIndex } from '#test/support/index-desk.ts'
import { instrumentName, openTradingFloor } from '#test/support/trading-floor.ts'

const floor = openTradingFloor()
const { handler } = await import('#lambdas/reference/http.ts')
const { forgetEngineVersions } = await import('#lambdas/reference/engine-version-needed.ts')
const { forgetInstruments } = await import('#adapters/tables/instruments.ts')
const send = requests(handler, referenceOperations)

const name = 'L40S.EUW-29JAN47'
const contract = {
  instrument_name: name,
  underlying: 'L40S.EUW',
  tick_size: '0.001',
  min_trade_amount: '1',
  max_price: '20',
  maker_commission: '0.0001',
  taker_commission: '0.000501',
  expiration_timestamp: '2047-01-29T16:00:00Z',
}
const list = (change: object = {}, given: object = {}) =>
  send('list-instrument', {
    body: { ...contract, ...change },
    as: { account: 'operator', role: 'market_operator' },
    ...given,
  })

beforeEach(() => {
  floor.reset()
})

describe('a contract', () => {
  test('is promised, put to the home lane, and answered with 202', async () => {
    const answer = await list()
    expect(answer).toMatchObject({ status: 202, body: { instrument_name: name } })
    expect(answer.headers['location']).toBe(`/api/v1/markets/${name}`)
    expect(floor.streams.put).toEqual([
      {
        lane: 1,
        command: {
          type: 'list-instrument',
          commandId: expect.any(String),
          specification: {
            instrumentName: name,
            kind: 'future',
            underlying: 'L40S.EUW',
            quoteCurrency: 'USD',
            tickSize: '0.001',
            minTradeAmount: '1',
            contractSize: '1',
            maxPrice: '20',
            expirationMillis: Date.UTC(2047, 0, 29, 16),
            makerCommissionPpm: 100,
            takerCommissionPpm: 501,
            settlement: 'cash',
            positionLimit: '0',
            terms: '',
          },
        },
      },
    ])
    expect(floor.tables.items('commands')).toMatchObject([
      { principal: 'operator', request_name: `list-instrument#${name}`, operation: 'list-instrument', lane: 1 },
    ])
  })

  test('may name its lane', async () => {
    await list({ lane: 2 })
    expect(floor.streams.put).toMatchObject([{ lane: 2 }])
    expect(await list({ instrument_name: 'X.Y-Z', lane: 3 })).toMatchObject({
      status: 400,
      body: { code: 'invalid-request', errors: [{ pointer: '#/lane' }] },
    })
  })

  test('is answered as the market that it became, to whoever waits', async () => {
    floor.streams.onPut((command, lane) => {
      if (command.type !== 'list-instrument') return
      setTimeout(() => floor.outcome(command.commandId), 20)
      setTimeout(() => floor.instrument(lane, command.specification), 80)
    })
    const answer = await list({}, { headers: { prefer: 'wait=2' } })
    expect(answer).toMatchObject({
      status: 200,
      body: { instrument_name: name, tick_size: '0.001', taker_commission: '0.000501', is_active: true },
    })
    expect(answer.headers['preference-applied']).toBe('wait=2')
  })

  test('that the engine refuses is refused, to whoever waits', async () => {
    floor.streams.onPut(command => {
      if (command.type === 'list-instrument') floor.outcome(command.commandId, 'instrument-limit')
    })
    expect(await list({}, { headers: { prefer: 'wait=2' } })).toMatchObject({
      status: 409,
      body: { code: 'instrument-limit' },
    })
  })

  test('listed again with the same terms is the same command, with others a conflict', async () => {
    await list()
    await list()
    const [first, again] = floor.put()
    expect(again).toEqual(first)
    expect(await list({ tick_size: '0.01' })).toMatchObject({ status: 409, body: { code: 'idempotency-conflict' } })
    expect(await list({ lane: 2 })).toMatchObject({ status: 409, body: { code: 'idempotency-conflict' } })
    if (first?.type !== 'list-instrument') throw new Error('nothing was listed')
    floor.outcome(first.commandId)
    floor.instrument(1, first.specification)
    expect(await list()).toMatchObject({ status: 200, body: { instrument_name: name } })
    expect(floor.put()).toHaveLength(2)
  })
})

describe('nothing is put', () => {
  const refused = async (change: object, given: object = {}) => {
    const answer = await list(change, given)
    expect(floor.put()).toEqual([])
    expect(floor.tables.items('commands')).toEqual([])
    const errors = answer.body['errors']
    return [
      answer.status,
      answer.body['code'],
      ...(Array.isArray(errors) ? errors.map((error: { pointer: string }) => error.pointer) : []),
    ]
  }

  test('where another operator listed the name, in whichever lane', async () => {
    expect(await refused({ instrument_name: instrumentName })).toEqual([409, 'instrument-exists', '#/instrument_name'])
    expect(await refused({ instrument_name: instrumentName, lane: 2 })).toEqual([
      409,
      'instrument-exists',
      '#/instrument_name',
    ])
  })

  test.each([
    [{ expiration_timestamp: '2020-01-29T16:00:00Z' }, '#/expiration_timestamp'],
    [{ tick_size: '0.0000001' }, '#/tick_size'],
    [{ min_trade_amount: '0.0000001' }, '#/min_trade_amount'],
    [{ contract_size: '0.0000001' }, '#/contract_size'],
    [{ tick_size: '0.001', min_trade_amount: '0.0001' }, '#/tick_size'],
    [{ tick_size: '100000', min_trade_amount: '100000', max_price: '100000' }, '#/tick_size'],
    [{ max_price: '20.0005' }, '#/max_price'],
    [{ max_price: '0.0001' }, '#/max_price'],
    [{ max_price: '999999999999999' }, '#/max_price'],
    [{ maker_commission: '0.0000001' }, '#/maker_commission'],
    [{ taker_commission: '1' }, '#/taker_commission'],
    [{ instrument_name: 'NODASH' }, '#/instrument_name'],
    [{ instrument_name: 'L40S.EUW-29JAN47-2.50-C' }, '#/instrument_name'],
    [{ position_limit: '0.5' }, '#/position_limit'],
    [{ terms: { averaging_start: '2047-02-01T00:00:00Z' } }, '#/terms/averaging_start'],
  ])('for a contract with %j', async (change, pointer) => {
    expect(await refused(change)).toEqual([422, 'invalid-specification', pointer])
  })

  test.each([
    [{ tick_size: '0' }, '#/tick_size'],
    [{ tick_size: '-0' }, '#/tick_size'],
    [{ max_price: 'NaN' }, '#/max_price'],
    [{ max_price: 1e308 }, '#/max_price'],
    [{ min_trade_amount: '0x10' }, '#/min_trade_amount'],
    [{ contract_size: '１２' }, '#/contract_size'],
    [{ taker_commission: '-0.1' }, '#/taker_commission'],
    [{ expiration_timestamp: 'tomorrow' }, '#/expiration_timestamp'],
    [{ expiration_timestamp: 2 ** 53 }, '#/expiration_timestamp'],
    [{ lane: 1.5 }, '#/lane'],
    [{ lane: 1e308 }, '#/lane'],
    [{ lane: 0 }, '#/lane'],
    [{ kind: 'lottery' }, '#/kind'],
    [{ kind: 'option' }, '#/terms'],
    [{ position_limit: '-1' }, '#/position_limit'],
    [{ terms: { index: 'l40s' } }, '#/terms/index'],
    [{ terms: { strike: '2' } }, '#/terms/strike'],
    [{ underlying: 'l40s' }, '#/underlying'],
    [{ colour: 'red' }, '#/colour'],
  ])('for a body with %j', async (change, pointer) => {
    expect(await refused(change)).toEqual([400, 'invalid-request', pointer])
  })

  test('by whoever is no operator', async () => {
    expect(await refused({}, { as: { role: 'trader' } })).toEqual([403, 'forbidden'])
    expect(await refused({}, { as: null })).toEqual([401, 'unauthorized'])
  })
})

describe('contracts of every kind', () => {
  const index = 'H100.USE'
  const future = 'H100.USE-27NOV46'
  const expiration_timestamp = '2046-11-27T16:00:00Z'
  const terms = { option_type: 'call', strike: '2.5', underlying_instrument: future }
  const common = { underlying: index, tick_size: '0.01', min_trade_amount: '1', expiration_timestamp }
  const option = { ...common, kind: 'option', terms }
  const measured = { period_start: '2046-11-01T00:00:00Z' }
  const payoff = {
    op: 'pay',
    date: '2046-11-27',
    amount: {
      op: 'min',
      terms: [
        { op: 'observe', index, date: '2046-11-26' },
        { op: 'constant', value: 12 },
      ],
    },
  }

  beforeEach(() => {
    forgetEngineVersions()
    floor.seed('lanes', activatedVersionPut(1, { version: 3, atMillis: 1 }))
    seedIndex(floor.tables, { name: index })
  })

  const ask = (body: object) => send('list-instrument', { body, as: { account: 'operator', role: 'market_operator' } })
  const listed = async (body: object) => {
    const answer = await ask(body)
    expect([answer.status, answer.text]).toEqual([202, expect.stringContaining('instrument_name')])
    const command = floor.put().at(-1)
    if (command?.type !== 'list-instrument') throw new Error('nothing was listed')
    expect(answer.body['instrument_name']).toBe(command.specification.instrumentName)
    return command.specification
  }
  const refused = async (body: object) => {
    const { status, body: problem } = await ask(body)
    expect(floor.put()).toEqual([])
    const errors = problem['errors']
    const [first] = Array.isArray(errors) ? errors : []
    return [status, problem['code'], first?.pointer]
  }

  test.each<[object, string, object]>([
    [
      { ...common, kind: 'future', max_price: '12', terms: {} },
      'H100.USE-27NOV46',
      { terms: '{"index":"H100.USE","averaging_start":"2046-11-01T00:00:00.000Z"}' },
    ],
    [option, 'H100.USE-27NOV46-2.50-C', { maxPrice: '97.5' }],
    [
      { ...common, kind: 'option', terms: { ...terms, option_type: 'put', strike: '3.00' } },
      'H100.USE-27NOV46-3.00-P',
      { maxPrice: '3', terms: expect.stringContaining('"strike":"3"') },
    ],
    [
      {
        ...common,
        kind: 'swap',
        expiration_timestamp: '2046-12-01T00:00:00Z',
        max_price: '12',
        terms: { first_month: '2046-10' },
      },
      'H100.USE-SWAP-OCT46-NOV46',
      { maxPrice: '12' },
    ],
    [
      {
        ...common,
        kind: 'variance_swap',
        tick_size: '1',
        max_price: '40000',
        terms: { observation_start: '2046-10-01T00:00:00Z', strike_volatility: '80', vega_notional: '100' },
      },
      'H100.USE-27NOV46-VAR',
      { contractSize: '0.625' },
    ],
    [
      {
        ...common,
        underlying: 'INFER.USE',
        kind: 'latency_future',
        max_price: '5000',
        terms: { ...measured, percentile_ppm: 950_000 },
      },
      'LAT-INFER.USE-27NOV46-P95',
      { maxPrice: '5000' },
    ],
    [
      { ...common, underlying: 'INFER.USE', kind: 'uptime_swap', terms: measured },
      'UP-INFER.USE-27NOV46',
      { maxPrice: '100' },
    ],
    [
      { ...common, underlying: 'INFER.USE', kind: 'performance_bond', max_price: '50', terms: measured },
      'BOND-INFER.USE-27NOV46',
      {},
    ],
    [
      { ...common, underlying: 'CFD.USE', kind: 'accuracy_contract', terms: { ...measured, quorum: 3 } },
      'ACC-CFD.USE-27NOV46',
      {},
    ],
    [
      {
        ...common,
        underlying: 'TRAIN7',
        kind: 'job_contract',
        max_price: '20',
        terms: { ...measured, unit_price: '2' },
      },
      'JOB-TRAIN7-27NOV46',
      {},
    ],
    [
      { ...common, kind: 'structured_product', instrument_name: 'SP-H100.USE-27NOV46-CAPPED', terms: { payoff } },
      'SP-H100.USE-27NOV46-CAPPED',
      { maxPrice: '12' },
    ],
  ])('%j is called %s', async (body, name, more) => {
    floor.tables.reset()
    forgetInstruments()
    floor.seed('lanes', activatedVersionPut(1, { version: 3, atMillis: 1 }))
    seedIndex(floor.tables, { name: index })
    if (name !== future) floor.instrument(1)
    expect(await listed(body)).toMatchObject({ instrumentName: name, settlement: 'cash', ...more })
  })

  test.each<[object, unknown[]]>([
    [{ ...option, terms: { ...terms, strike: '-0' } }, [400, 'invalid-request', '#/terms/strike']],
    [{ ...option, terms: { ...terms, strike: 'NaN' } }, [400, 'invalid-request', '#/terms/strike']],
    [{ ...option, terms: { ...terms, strike: 1e308 } }, [400, 'invalid-request', '#/terms/strike']],
    [{ ...option, terms: { ...terms, strike: '0.0000001' } }, [422, 'invalid-specification', '#/terms/strike']],
    [{ ...option, terms: { ...terms, strike: '100' } }, [422, 'invalid-specification', '#/terms/strike']],
    [{ ...option, terms: { ...terms, surprise: 1 } }, [400, 'invalid-request', '#/terms/surprise']],
    [{ ...option, terms: { ...terms, index: 'A100.USE' } }, [404, 'unknown-index', '#/terms/index']],
    [
      { ...option, terms: { ...terms, exercise: 'american', cash: '1' } },
      [422, 'invalid-specification', '#/terms/exercise'],
    ],
    [
      { ...option, terms: { ...terms, underlying_instrument: 'A100.USE-27NOV46' } },
      [422, 'invalid-specification', '#/terms/underlying_instrument'],
    ],
    [
      { ...option, terms: { option_type: 'call', strike: '2' } },
      [422, 'invalid-specification', '#/terms/underlying_instrument'],
    ],
    [
      { ...option, expiration_timestamp: '2046-12-27T16:00:00Z' },
      [422, 'invalid-specification', '#/expiration_timestamp'],
    ],
    [
      { ...option, expiration_timestamp: '2020-11-27T16:00:00Z' },
      [422, 'invalid-specification', '#/expiration_timestamp'],
    ],
    [{ ...option, underlying: 'A100.USE', terms: { ...terms, index } }, [422, 'invalid-specification', '#/underlying']],
    [{ ...option, max_price: '1' }, [422, 'invalid-specification', '#/max_price']],
    [{ ...option, instrument_name: 'H100.USE-27NOV46-2.50-P' }, [422, 'invalid-specification', '#/instrument_name']],
    [
      {
        ...common,
        kind: 'structured_product',
        terms: { payoff: { ...payoff, amount: { op: 'constant', value: -1 } } },
      },
      [422, 'payoff-refused', '#/terms/payoff'],
    ],
    [
      {
        ...common,
        kind: 'structured_product',
        terms: { payoff: { ...payoff, amount: { op: 'observe', index, date: '2046-11-26' } } },
      },
      [422, 'payoff-refused', '#/terms/payoff'],
    ],
    [
      {
        ...common,
        kind: 'structured_product',
        terms: { payoff: { ...payoff, amount: { op: 'add', terms: [{ op: 'divide', term: 1, by: 0 }] } } },
      },
      [422, 'payoff-refused', '#/terms/payoff/amount/terms/0/by'],
    ],
    [
      {
        ...common,
        kind: 'structured_product',
        terms: {
          payoff: {
            ...payoff,
            amount: {
              op: 'min',
              terms: [
                { op: 'observe', index: 'NO.ONE', date: '2046-11-26' },
                { op: 'constant', value: 1 },
              ],
            },
          },
        },
      },
      [404, 'unknown-index', '#/terms/payoff'],
    ],
    [
      { ...common, kind: 'structured_product', expiration_timestamp: '2046-11-28T16:00:00Z', terms: { payoff } },
      [422, 'invalid-specification', '#/expiration_timestamp'],
    ],
  ])('%j is refused', async (body, answer) => {
    expect(await refused(body)).toEqual(answer)
  })

  test('-0 in a payoff is seen, though JSON would write it as 0', async () => {
    const body = JSON.stringify({ ...common, kind: 'structured_product', terms: { payoff } }).replace('12}', '-0}')
    const { body: problem } = await send('list-instrument', {
      body,
      headers: { 'content-type': 'application/json' },
      as: { role: 'market_operator' },
    })
    expect(problem).toMatchObject({
      code: 'payoff-refused',
      errors: [{ pointer: '#/terms/payoff/amount/terms/1/value' }],
    })
  })

  test('and assets that secure others: they never expire, and cost and pay nothing', async () => {
    const { expiration_timestamp: _, ...never } = common
    const asset = { ...never, kind: 'collateral', underlying: 'TBILL3M', terms: {}, max_price: '200' }
    expect(await refused(asset)).toEqual([409, 'engine-version-needed', undefined])
    forgetEngineVersions()
    floor.seed('lanes', activatedVersionPut(1, { version: 4, atMillis: 1 }))
    expect(await listed(asset)).toMatchObject({
      instrumentName: 'COLL-TBILL3M',
      kind: 'collateral',
      terms: '{}',
      expirationMillis: Date.parse('9999-12-31T23:59:59.999Z'),
      makerCommissionPpm: 0,
      takerCommissionPpm: 0,
      positionLimit: '0',
    })
    for (const change of [{ expiration_timestamp }, { taker_commission: '0.1' }, { terms: { asset: 'GOLD' } }])
      expect((await ask({ ...asset, ...change })).status).toBe(400)
  })

  test('and futures that are delivered, from the version on that delivers them', async () => {
    const delivery = { start: '2046-11-28T05:00:00Z', end: '2046-11-28T06:00:00Z', penalty_ppm: 100_000 }
    const delivered = { ...common, kind: 'future', max_price: '12', terms: { delivery } }
    expect(await refused(delivered)).toEqual([409, 'engine-version-needed', undefined])
    forgetEngineVersions()
    floor.seed('lanes', activatedVersionPut(1, { version: 5, atMillis: 1 }))
    expect(await listed(delivered)).toMatchObject({
      instrumentName: 'H100.USE-28NOV46-H05',
      settlement: 'physical',
      terms: expect.stringContaining('"penalty_ppm":100000'),
    })
    for (const [change, pointer] of [
      [{ start: '2046-11-27T05:00:00Z' }, 'start'],
      [{ end: '2046-11-28T05:00:00Z' }, 'end'],
      [{ end: '2046-11-28T05:30:00Z' }, 'end'],
    ] as const) {
      const { body: problem } = await ask({ ...delivered, terms: { delivery: { ...delivery, ...change } } })
      expect(problem).toMatchObject({
        code: 'invalid-specification',
        errors: [{ pointer: `#/terms/delivery/${pointer}`, detail: expect.stringContaining('on the hour') }],
      })
    }
  })

  test('and not for longer than five years', async () => {
    floor.seed('lanes', activatedVersionPut(1, { version: 5, atMillis: 1 }))
    const delivery = { start: '2046-11-28T05:00:00Z', end: '2052-11-28T05:00:00Z' }
    const { body: problem } = await ask({ ...common, kind: 'future', max_price: '12', terms: { delivery } })
    expect(problem).toMatchObject({ code: 'invalid-specification', errors: [{ pointer: '#/terms/delivery/end' }] })
  })

  test('only where the lane follows rules that know them; a plain future always', async () => {
    floor.seed('lanes', activatedVersionPut(1, { version: 2, atMillis: 1 }))
    expect(await refused(option)).toEqual([409, 'engine-version-needed', undefined])
    expect(await ask({ ...contract })).toMatchObject({ status: 202 })
  })
})
