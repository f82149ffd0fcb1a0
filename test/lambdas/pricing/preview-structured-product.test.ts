import { beforeEach, describe, expect, jest, test } from '@jest/globals'
import { pricingOperations } from '#protocol/operations/pricing.ts'
import { requests } from '#test/support/http-requests.ts'
import { openPricingFloor } from '#test/support/pricing-floor.ts'

const floor = openPricingFloor()
const { handler } = await import('#lambdas/pricing/http.ts')
const send = requests(handler, pricingOperations)
const preview = (body: unknown) => send('preview-structured-product', { body })

const dayOf = (days: number): string => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10)
const index = 'H100.USE'
const observe = (days = 30) => ({ op: 'observe', index, date: dayOf(days) })
const constant = (value: number) => ({ op: 'constant', value })
const capped = { op: 'min', terms: [constant(4), observe()] }
const pay = (amount: unknown) => ({ op: 'pay', date: dayOf(30), amount })

beforeEach(() => {
  floor.reset()
  floor.index('2.5')
})

test('a payoff is bounded, and priced exactly where it can be', async () => {
  const payoff = pay(capped)
  expect(await preview({ payoff, volatilities: { [index]: '1' } })).toMatchObject({
    status: 200,
    body: {
      payoff,
      lowest: '0',
      max_price: '4',
      value: '2.5',
      standard_error: '0',
      method: 'quadrature',
      indices: [{ index, level: '2.5', iv: '1', is_default_iv: false }],
      payment_dates: [dayOf(30)],
    },
  })
})

test('by Monte Carlo with a standard error else, the same each time', async () => {
  const autocallable = {
    template: 'autocallable',
    terms: {
      index,
      initial_level: 2.5,
      dates: [dayOf(30), dayOf(60), dayOf(90)],
      autocall_level: 2.5,
      coupon_per_period: 0.03,
      knock_in_level: 1.75,
    },
  }
  // A second nearer to its end it is worth something else.
  const now = jest.spyOn(Date, 'now').mockReturnValue(Date.now())
  const first = await preview({ payoff: autocallable, paths: 4_000, levels: { [index]: '2.4' } })
  expect(first).toMatchObject({
    status: 200,
    body: { method: 'monte-carlo', paths: 4_000, max_price: '1.09', indices: [{ level: '2.4', is_default_iv: true }] },
  })
  expect(Number(first.body['standard_error'])).toBeGreaterThan(0)
  const again = await preview({ payoff: autocallable, paths: 4_000, levels: { [index]: '2.4' } })
  now.mockRestore()
  expect(again.body['value']).toBe(first.body['value'])
})

describe('what cannot be listed is refused with the node at fault and the reason', () => {
  test.each([
    ['without a bound', pay(observe()), '#/payoff', /without bound/],
    [
      'that may cost its holder',
      pay({ op: 'subtract', left: capped, right: constant(1) }),
      '#/payoff',
      /never pay less/,
    ],
    [
      'divided by an observation',
      pay({ op: 'divide', term: constant(1), by: observe() }),
      '#/payoff/amount/by',
      /number/,
    ],
    ['of 1e308', pay(constant(1e308)), '#/payoff/amount/value', /within 1e9/],
    ['of no known node', pay({ op: 'eval', code: 'process.exit()' }), '#/payoff/amount/op', /no node/],
    [
      'with a huge schedule',
      pay({ op: 'accrual', index, dates: Array.from({ length: 401 }, (_, i) => dayOf(i)), low: 1, high: 2 }),
      '#/payoff/amount/dates',
      /more than/,
    ],
    [
      'paid before it is known',
      { op: 'pay', date: dayOf(20), amount: capped },
      '#/payoff/date',
      /before what the payment depends on/,
    ],
    ['that never pays', { op: 'nothing' }, '#/payoff', /never pays/],
  ])('%s', async (_, payoff, pointer, detail) => {
    const { status, body } = await preview({ payoff })
    expect([status, body['code']]).toEqual([422, 'payoff-refused'])
    expect(body['errors']).toEqual([{ pointer, detail: expect.stringMatching(detail) }])
  })

  test('conditions within conditions, made to be slow, within seconds', async () => {
    const nested = (depth: number): object =>
      depth === 0
        ? { op: 'min', terms: Array.from({ length: 300 }, () => observe()) }
        : {
            op: 'if',
            condition: { op: 'above', left: nested(depth - 1), right: constant(1) },
            if_true: constant(1),
            if_false: constant(0),
          }
    const before = process.cpuUsage()
    await preview({ payoff: pay(nested(12)) })
    const { user, system } = process.cpuUsage(before)
    expect((user + system) / 1e6).toBeLessThan(5)
  })
})

describe('JSON that is made to break what reads it', () => {
  const nested = (levels: number): string =>
    `{"payoff":${'{"op":"not","condition":'.repeat(levels)}{}${'}'.repeat(levels)}}`

  test.each([33, 2_000])('%d levels are refused as such', async levels => {
    const { status, body } = await send('preview-structured-product', {
      body: nested(levels),
      headers: { 'content-type': 'application/json' },
    })
    expect([status, body['code']]).toEqual([400, 'malformed-json'])
  })

  test('10,000 levels overflow no stack', async () => {
    const text = `{"payoff":${'['.repeat(10_000)}${']'.repeat(10_000)}}`
    const { status, body } = await send('preview-structured-product', {
      body: text,
      headers: { 'content-type': 'application/json' },
    })
    expect([status, body['code']]).toEqual([400, 'malformed-json'])
    expect(floor.tables.writes()).toEqual([])
  })

  test.each(['NaN', '1e999', 'Infinity', '-0'])('%s is no number', async number => {
    const text = `{"payoff":{"op":"pay","date":"${dayOf(30)}","amount":{"op":"constant","value":${number}}}}`
    const { status } = await send('preview-structured-product', {
      body: text,
      headers: { 'content-type': 'application/json' },
    })
    expect([400, 422]).toContain(status)
  })
})

test('no payoff is no request; nor is a template of other terms, or a tick of more than six digits', async () => {
  expect(await preview({})).toMatchObject({ status: 400, body: { errors: [{ pointer: '#/payoff' }] } })
  const terms = { index, strike_level: 2.5, coupon: -1, date: dayOf(30) }
  expect(await preview({ payoff: { template: 'reverse_convertible', terms } })).toMatchObject({
    status: 400,
    body: { code: 'invalid-request', errors: [{ pointer: '#/payoff/terms/coupon' }] },
  })
  expect(await preview({ payoff: { template: 'pyramid', terms } })).toMatchObject({
    status: 400,
    body: { errors: [{ pointer: '#/payoff/template' }] },
  })
  expect(await preview({ payoff: pay(capped), tick_size: '0.0000001' })).toMatchObject({
    status: 400,
    body: { errors: [{ pointer: '#/tick_size' }] },
  })
})

test('an index that is none, or has no level, is named', async () => {
  const other = pay({ op: 'min', terms: [constant(1), { op: 'observe', index: 'A100.USE', date: dayOf(30) }] })
  expect(await preview({ payoff: other })).toMatchObject({ status: 404, body: { code: 'unknown-index' } })
  floor.index(undefined, 'A100.USE')
  expect(await preview({ payoff: other })).toMatchObject({ status: 503, body: { code: 'index-unavailable' } })
})
