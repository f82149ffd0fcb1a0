import { afterAll, afterEach, beforeEach, expect, test } from '@jest/globals'
import { openPartnerFloor } from '#test/support/partner-floor.ts'

const floor = await openPartnerFloor()
beforeEach(() => floor.reset())
afterEach(() => floor.end())
afterAll(() => floor.stop())

const ask = (query: object = {}) =>
  floor.request('find-best-price', {
    as: { account: 'alice' },
    query: {
      quantity: '12',
      region: 'USE,us-central1',
      starts_at: floor.hour(1),
      ends_at: floor.hour(5),
      gpus: '1',
      ...query,
    },
  })
const today = () => new Date(floor.now()).toISOString().slice(0, 10)

test('splits over a contract, a quote, and the catalogue in force; says who was asked', async () => {
  await floor.catalogue('gcp', [[today(), '4', '3', null, null]])
  floor.partner.quotes = [floor.quote({ available_units: 2, price: '2.5' })]
  const contractId = await floor.contract(7)
  const { body } = await ask()
  expect(body).toMatchObject({
    is_covered: true,
    cost: String(4 * (7 * 2 + 2 * 2.5 + 3 * 3)),
    uncovered: [],
    legs: [
      { units: 7, offer: { offer_id: `contract:${contractId}`, pricing: 'contract' } },
      { units: 2, offer: { offer_id: 'gcp:quote:q1', source: 'quote' } },
      { units: 3, offer: { offer_id: 'gcp:us-central1:a3-highgpu-1g:spot', source: 'catalogue' } },
    ],
  })
  expect(body['sources']).toContainEqual({ source: 'gcp: quotes', offers: 1, problem: null })
  expect(Number(body['confidence'])).toBeLessThan(1)
  // What was screened out is no offer.
  expect(JSON.stringify(body)).not.toContain('0.69')
})

test('a partner that fails is told as such, and the others are taken; what is not covered is said', async () => {
  await floor.contract(7)
  floor.partner.behaviour = 'fail'
  const { body } = await ask()
  expect(body).toMatchObject({
    is_covered: false,
    uncovered: [{ quantity: 5, starts_at: floor.hour(1), ends_at: floor.hour(5) }],
  })
  expect(body['sources']).toContainEqual(
    expect.objectContaining({ source: 'gcp: quotes', offers: 0, problem: expect.any(String) }),
  )
})

test('only of the pricings that are asked for; nobody’s private contract', async () => {
  await floor.catalogue('gcp', [[today(), '4', '3', null, null]])
  await floor.contract(12, { is_shared: false }, 'bob')
  expect((await ask({ pricing: 'on_demand' })).body).toMatchObject({
    legs: [{ units: 12, offer: { pricing: 'on_demand' } }],
  })
  expect((await ask({ pricing: 'contract' })).body).toMatchObject({ legs: [], is_covered: false, price: null })
})

test('what is no question is refused', async () => {
  for (const query of [
    { quantity: '0' },
    { quantity: '10001' },
    { quantity: '1.5' },
    { gpus: 'NaN' },
    { gpus: '-1' },
    { region: 'a b' },
    { region: '' },
    { pricing: 'free' },
    { starts_at: '2026-11-27T08:30:00Z' },
  ])
    expect((await ask(query)).body['code']).toBe('invalid-request')
  expect((await ask({ ends_at: floor.hour(0) })).body['code']).toBe('capacity-window-invalid')
})
