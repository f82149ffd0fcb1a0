import { beforeEach, expect, test } from '@jest/globals'
import { referenceOperations } from '#protocol/operations/reference.ts'
import { requests } from '#test/support/http-requests.ts'
import { seedIndex } from '#test/support/index-desk.ts'
import { openTradingFloor } from '#test/support/trading-floor.ts'

const floor = openTradingFloor()
const { handler } = await import('#lambdas/reference/http.ts')
const send = requests(handler, referenceOperations)
const rule = {
  kind: 'option',
  underlying: 'H100.USE',
  expiries: [{ every: 'last_friday_of_month', next: 2 }],
  strikes: { step: '0.25', count: 3 },
  tick_size: '0.001',
  min_trade_amount: '1',
}
const set = (body: object, as: object = { account: 'operator', role: 'market_operator' }) =>
  send('set-listing-grid', { path: { grid: 'h100-options' }, body, as })
const versions = () => floor.tables.items('parameters').filter(({ kind }) => kind === 'grid')

beforeEach(() => {
  floor.reset()
  seedIndex(floor.tables)
})

test('is a version of its own from now on, or from later on', async () => {
  const first = await set({ rule })
  expect(first).toMatchObject({
    status: 200,
    body: { grid: 'h100-options', version: 1, set_by: 'operator', rule: { ...rule, position_limit: '0' } },
  })
  const later = '2046-01-01T00:00:00.000Z'
  const second = await set({ effective_from: later, rule: { ...rule, strikes: { step: '0.5', count: 1 } } })
  expect(second).toMatchObject({ status: 200, body: { version: 2, effective_from: later } })
  expect(versions()).toMatchObject([{ version: 1 }, { version: 2, value: { strikes: { step: '0.5', count: 1 } } }])
})

test('asked for again is the version that it is', async () => {
  const { body } = await set({ rule })
  expect((await set({ rule })).body).toEqual(body)
  expect(versions()).toHaveLength(1)
})

test.each<[object, unknown[]]>([
  [{ ...rule, strikes: undefined }, [400, 'invalid-request', '#/rule/strikes']],
  [{ ...rule, strikes: { step: '0.0000001', count: 1 } }, [422, 'invalid-specification', '#/rule/strikes/step']],
  [{ ...rule, strikes: { step: 'NaN', count: 1 } }, [400, 'invalid-request', '#/rule/strikes/step']],
  [{ ...rule, max_price: '12' }, [400, 'invalid-request', '#/rule/max_price']],
  [{ ...rule, tick_size: '0.0000001' }, [422, 'invalid-specification', '#/rule/tick_size']],
  [{ ...rule, taker_commission: '0.0000001' }, [422, 'invalid-specification', '#/rule/taker_commission']],
  [{ ...rule, position_limit: '0.5' }, [422, 'invalid-specification', '#/rule/position_limit']],
  [{ ...rule, index: 'NO.ONE' }, [404, 'unknown-index', '#/rule/index']],
  [{ ...rule, lane: 9 }, [400, 'invalid-request', '#/rule/lane']],
  [{ ...rule, expiries: [] }, [400, 'invalid-request', '#/rule/expiries']],
  [{ ...rule, expiries: [{ every: 'leap_year', next: 1 }] }, [400, 'invalid-request', '#/rule/expiries/0/every']],
  [{ ...rule, kind: 'future', strikes: undefined }, [400, 'invalid-request', '#/rule/max_price']],
  [{ ...rule, kind: 'future', max_price: '12' }, [400, 'invalid-request', '#/rule/strikes']],
  [{ ...rule, kind: 'lottery' }, [400, 'invalid-request', '#/rule/kind']],
])('%j is refused, and nothing is stored', async (wrong, answer) => {
  const { status, body } = await set({ rule: wrong })
  const errors = body['errors']
  expect([status, body['code'], Array.isArray(errors) ? errors[0]?.pointer : undefined]).toEqual(answer)
  expect(versions()).toEqual([])
})

test('is neither of the past nor by whoever may not', async () => {
  expect(await set({ rule, effective_from: '2020-01-01T00:00:00Z' })).toMatchObject({
    status: 400,
    body: { errors: [{ pointer: '#/effective_from' }] },
  })
  expect(await set({ rule }, { role: 'trader' })).toMatchObject({ status: 403 })
  expect(versions()).toEqual([])
})
