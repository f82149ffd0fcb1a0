import { beforeEach, expect, test } from '@jest/globals'
import { cursorScope, encodeCursor } from '#lambdas/shell/cursor.ts'
import { referenceOperations } from '#protocol/operations/reference.ts'
import { type Given, requests } from '#test/support/http-requests.ts'
import { instrumentName, openTradingFloor } from '#test/support/trading-floor.ts'

const floor = openTradingFloor()
const { handler } = await import('#lambdas/reference/http.ts')
const send = requests(handler, referenceOperations)

beforeEach(() => {
  floor.reset()
  floor.instrument(2, { instrumentName: 'VCPU.EUW-31DEC46', underlying: 'VCPU.EUW' })
  floor.instrument(2, { instrumentName: 'A100.EUW-31DEC46', underlying: 'A100.EUW' }, false)
  floor.instrument(1, {
    instrumentName: 'B200.USE-31DEC20',
    underlying: 'B200.USE',
    expirationMillis: Date.UTC(2020, 11, 31),
  })
})

const list = async (query: Given['query'] = {}, as?: Given['as']) => {
  const { status, body } = await send('list-markets', { query, ...(as === undefined ? {} : { as }) })
  const data = Array.isArray(body['data']) ? body['data'] : []
  return {
    status,
    code: body['code'],
    names: data.map((each: { instrument_name: string }) => each.instrument_name),
    data,
    next: typeof body['next_cursor'] === 'string' ? body['next_cursor'] : undefined,
  }
}

test('all lanes’, by name', async () => {
  expect(await list()).toMatchObject({
    status: 200,
    names: ['A100.EUW-31DEC46', 'B200.USE-31DEC20', instrumentName, 'VCPU.EUW-31DEC46'],
    next: undefined,
  })
})

test('in decimals and instants', async () => {
  const { data } = await list({ underlying: 'H100.USE' })
  expect(data).toEqual([
    {
      instrument_name: instrumentName,
      lane: 1,
      kind: 'future',
      underlying: 'H100.USE',
      quote_currency: 'USD',
      settlement: 'cash',
      tick_size: '0.05',
      min_trade_amount: '0.1',
      contract_size: '10',
      max_price: '100',
      maker_commission: '0',
      taker_commission: '0.0005',
      position_limit: null,
      terms: { index: 'H100.USE', averaging_start: '2046-11-01T00:00:00.000Z' },
      underlying_index: 'H100.USE',
      specification_version: 1,
      lifecycle: 'active',
      closed_timestamp: null,
      settled_timestamp: null,
      expiration_timestamp: '2046-11-27T16:00:00.000Z',
      creation_timestamp: '2026-07-01T00:00:00.000Z',
      is_active: true,
    },
  ])
})

test('of those that trade, or no longer do', async () => {
  expect((await list({ is_active: 'true' })).names).toEqual([instrumentName, 'VCPU.EUW-31DEC46'])
  expect((await list({ is_active: 'false' })).names).toEqual(['A100.EUW-31DEC46', 'B200.USE-31DEC20'])
})

test('by kind, index, type of option and expiration', async () => {
  const option = (strike: string, optionType: 'call' | 'put') =>
    floor.instrument(1, {
      instrumentName: `${instrumentName}-${strike}0-${optionType === 'call' ? 'C' : 'P'}`,
      kind: 'option',
      terms: JSON.stringify({ option_type: optionType, strike, underlying_instrument: instrumentName }),
    })
  option('2.5', 'call')
  option('2.5', 'put')
  expect((await list({ kind: 'option' })).names).toEqual([`${instrumentName}-2.50-C`, `${instrumentName}-2.50-P`])
  const puts = await list({ kind: 'option', option_type: 'put', index: 'H100.USE' })
  expect(puts.names).toEqual([`${instrumentName}-2.50-P`])
  expect(puts.data[0]).toMatchObject({
    strike: '2.5',
    option_type: 'put',
    exercise_style: 'european',
    underlying_instrument: instrumentName,
    underlying_index: 'H100.USE',
  })
  expect((await list({ kind: 'swap' })).names).toEqual([])
  expect((await list({ index: 'VCPU.EUW' })).names).toEqual(['VCPU.EUW-31DEC46'])
  const late = { expiration_from: '2046-11-27T16:00:00Z' }
  expect((await list({ ...late, kind: 'future', underlying: 'H100.USE' })).names).toEqual([instrumentName])
  expect((await list({ expiration_to: '2046-11-27T16:00:00Z' })).names).toEqual(['B200.USE-31DEC20'])
  expect((await list({ lifecycle: 'expired' })).names).toEqual(['A100.EUW-31DEC46'])
  expect(await list({ kind: 'lottery' })).toMatchObject({ status: 400, code: 'invalid-request' })
  expect(await list({ expiration_from: 'now' })).toMatchObject({ status: 400, code: 'invalid-request' })
})

test('page by page, each once', async () => {
  const first = await list({ limit: '3' })
  expect(first.names).toHaveLength(3)
  expect(await list({ limit: '3', cursor: first.next ?? '' })).toMatchObject({
    names: ['VCPU.EUW-31DEC46'],
    next: undefined,
  })
  const exact = await list({ limit: '4' })
  expect(exact.next).toBeUndefined()
})

test('a cursor that is not ours, or a bad query, is refused', async () => {
  const odd = encodeCursor(cursorScope('list-markets', 'acme', {}), ['x', 'y'])
  expect(await list({ cursor: odd })).toMatchObject({ status: 400, code: 'invalid-cursor' })
  const { next = '' } = await list({ limit: '1' })
  expect(await list({ cursor: next }, { account: 'other' })).toMatchObject({ status: 400, code: 'invalid-cursor' })
  expect(await list({ is_active: 'yes' })).toMatchObject({ status: 400, code: 'invalid-request' })
  expect(await list({ lane: '1' })).toMatchObject({ status: 400, code: 'invalid-request' })
})
