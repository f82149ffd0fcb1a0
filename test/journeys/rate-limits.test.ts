import { beforeAll, expect, test } from '@jest/globals'
import type { Answer } from '#bin/client.ts'
import { expiries } from '#bin/seed.ts'
import { eventually, type RunningExchange, runningExchange } from './running-exchange.ts'

/** A credential runs into its limit on the running local exchange, cancels all the same, and passes again. */

const instrument = `L40S.USE-${expiries(Date.now(), 2).at(-1)?.code}`
const wait = { prefer: 'wait=10' }

let exchange: RunningExchange

beforeAll(async () => {
  exchange = await runningExchange()
}, 180_000)

const standingOf = ({ headers }: Answer): readonly number[] =>
  ['ratelimit-limit', 'ratelimit-remaining', 'ratelimit-reset'].map(name => Number(headers[name]))

test('a flood is refused, stores nothing, may still cancel, and passes again when it was told to', async () => {
  const account = 'flooder'
  await exchange.trader(account)
  // Of all roles that may trade, the one with the smallest bucket.
  const flooder = await exchange.as(account, 'capacity_partner')
  const place = (name: string, more = {}, headers = {}): Promise<Answer> =>
    flooder.call(
      'POST',
      '/api/v1/orders',
      { instrument_name: instrument, direction: 'buy', amount: '1', price: '0.1', client_order_id: name, ...more },
      headers,
    )
  const resting = await place('resting', {}, wait)
  expect([resting.status, resting.body['order_state']]).toEqual([200, 'open'])
  const [limit = 0, remaining = 0, resetSeconds] = standingOf(resting)
  expect(remaining).toBeGreaterThan(0)
  expect(remaining).toBeLessThanOrEqual(limit)
  expect(resetSeconds).toBeGreaterThanOrEqual(0)

  const look = (): Promise<Answer> => flooder.call('GET', '/api/v1/orders')
  // At first some function still has what it has leased.
  const flood = await eventually(
    async () => (await Promise.all(Array.from({ length: 20 }, look))).filter(({ status }) => status === 429),
    ({ length }) => length >= 15,
  )
  const [refused] = flood
  expect(refused?.body).toMatchObject({ code: 'rate-limited', retry: true })
  expect(Number(refused?.headers['retry-after'])).toBeGreaterThan(0)
  const [, left] = refused === undefined ? [] : standingOf(refused)
  expect(left).toBeLessThan(limit / 10)

  const looks = Array.from({ length: 20 }, look)
  const orders = await Promise.all(Array.from({ length: 40 }, (_, index) => place(`flood-${index}`)))
  await Promise.all(looks)
  const namesOf = (status: number) =>
    orders.flatMap((answer, index) => (answer.status === status ? [`flood-${index}`] : []))
  expect(namesOf(429).length).toBeGreaterThan(0)
  expect(namesOf(429).length + namesOf(202).length).toBe(orders.length)
  const cancelled = await flooder.call('DELETE', `/api/v1/orders/${resting.body['order_id']}`, undefined, wait)
  expect([cancelled.status, cancelled.body['order_state']]).toEqual([200, 'cancelled'])

  const [oneRefused = ''] = namesOf(429)
  const seconds = orders.find(({ status }) => status === 429)?.headers['retry-after']
  await new Promise(resume => setTimeout(resume, Number(seconds) * 1_000))
  // A name that was refused is free: another body under it is no conflict.
  const again = await eventually(
    () => place(oneRefused, { amount: '2' }, wait),
    ({ status }) => status !== 429,
  )
  expect([again.status, again.body['amount'], again.body['order_state']]).toEqual([200, '2', 'open'])
}, 120_000)
