import { beforeEach, expect, test } from '@jest/globals'
import { pricingOperations } from '#protocol/operations/pricing.ts'
import { requests } from '#test/support/http-requests.ts'
import { openPricingFloor } from '#test/support/pricing-floor.ts'

const floor = openPricingFloor()
const { handler } = await import('#lambdas/pricing/http.ts')
const send = requests(handler, pricingOperations)
const create = (body: object, more: object = {}) =>
  send('create-structured-product', { body, as: { role: 'market_operator' }, ...more })

const day = new Date(Date.now() + 30 * 86_400_000).toISOString().slice(0, 10)
const index = 'H100.USE'
const note = { template: 'reverse_convertible', terms: { index, strike_level: 2.5, coupon: 0.08, date: day } }
const listing = {
  underlying: index,
  payoff: note,
  tick_size: '0.01',
  min_trade_amount: '1',
  expiration_timestamp: `${day}T16:00:00Z`,
}

beforeEach(() => {
  floor.reset()
  floor.activate(1)
  floor.index('2.5')
})

test('is priced, and listed by the same command as any other instrument', async () => {
  const answer = await create(listing)
  expect(answer).toMatchObject({ status: 202, body: { max_price: '1.08', standard_error: '0' } })
  expect(Number(answer.body['value'])).toBeGreaterThan(0.5)
  const name = String(answer.body['instrument_name'])
  expect(answer.headers['location']).toBe(`/api/v1/markets/${name}`)
  expect(name).toMatch(/^SP-H100\.USE-/)
  expect(floor.put()).toMatchObject([
    {
      type: 'list-instrument',
      specification: { instrumentName: name, kind: 'structured_product', maxPrice: '1.08', terms: expect.any(String) },
    },
  ])
})

test('a repeat is told the same and lists nothing else; other terms under the name are a conflict', async () => {
  const first = await create(listing)
  const again = await create(listing)
  expect(again.body['instrument_name']).toBe(first.body['instrument_name'])
  const [one, other] = floor.put().map(command => ('commandId' in command ? command.commandId : ''))
  expect(other).toBe(one)
  expect(await create({ ...listing, tick_size: '0.02' })).toMatchObject({
    status: 409,
    body: { code: 'idempotency-conflict' },
  })
})

test('what may cost its holder is refused, and nothing is stored or put', async () => {
  const short = { template: 'cliquet', terms: { index, start: day, dates: [day], floor: -0.1, cap: 0.1 } }
  const refused = await create({ ...listing, payoff: short })
  expect(refused).toMatchObject({ status: 422, body: { code: 'payoff-refused', errors: [{ pointer: '#/payoff' }] } })
  expect(floor.put()).toEqual([])
  expect(floor.tables.items('commands')).toEqual([])
})

test('a highest price below the largest payment is refused by its name', async () => {
  expect(await create({ ...listing, max_price: '1' })).toMatchObject({
    status: 422,
    body: { code: 'invalid-specification', errors: [{ pointer: '#/max_price' }] },
  })
})

test('a lane of older rules cannot list it', async () => {
  expect(await create({ ...listing, lane: 2 })).toMatchObject({ body: { code: 'engine-version-needed' } })
})
