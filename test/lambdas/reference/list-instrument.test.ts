import { beforeEach, describe, expect, test } from '@jest/globals'
import { referenceOperations } from '#protocol/operations/reference.ts'
import { requests } from '#test/support/http-requests.ts'
import { instrumentName, openTradingFloor } from '#test/support/trading-floor.ts'

const floor = openTradingFloor()
const { handler } = await import('#lambdas/reference/http.ts')
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
    [{ kind: 'option' }, '#/kind'],
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
