import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals'
import * as z from 'zod'
import type { TakeFromBucket } from '#adapters/tables/rate-limits.ts'
import type { Request } from '#lambdas/shell/http.ts'
import { type Operation, operation } from '#protocol/operation.ts'
import { rateLimitsEnvironmentVariable } from '#protocol/rate-limits.ts'
import { requests } from '#test/support/http-requests.ts'
import { sameRateLimits, takeInMemory } from '#test/support/rate-limits.ts'

/** The table: its buckets, who asked it, and what it waits for before it answers. */
const buckets = new Map<string, number>()
const takes: TakeFromBucket[] = []
let tableAnswers: Promise<void> = Promise.resolve()
jest.unstable_mockModule('#adapters/tables/rate-limits.ts', () => ({
  takeFromBucket: async (take: TakeFromBucket) => {
    takes.push(take)
    await tableAnswers
    const answer = takeInMemory(buckets.get(take.credential), take)
    if (answer.taken) buckets.set(take.credential, answer.spentUntilMicros)
    return answer
  },
}))
const { serve } = await import('#lambdas/shell/serve.ts')
const { forgetAllowances } = await import('#lambdas/shell/rate-limit.ts')

const thing = z.object({ done: z.literal(true) })
const declared = {
  context: 'trading',
  permission: 'orders:write',
  summary: 'Do a thing',
  request: {},
  responses: { 200: { description: 'Done', schema: thing } },
  rejections: ['order-closed'],
} as const
const order = operation({ ...declared, name: 'order', method: 'POST', path: '/orders', admission: 'handler' })
const deposit = operation({ ...declared, name: 'deposit', method: 'POST', path: '/deposits', weight: 5 })
const cancel = operation({
  ...declared,
  name: 'cancel',
  method: 'DELETE',
  path: '/orders',
  weight: 0.1,
  usesReserve: true,
  admission: 'handler',
})
const list = operation({ ...declared, name: 'list', method: 'GET', path: '/orders', weight: 2 })
const many = operation({
  ...declared,
  name: 'many',
  method: 'POST',
  path: '/many',
  weight: 0.1,
  admission: 'handler',
  request: { body: z.strictObject({ weight: z.number() }) },
})
const look = operation({ ...declared, name: 'look', method: 'GET', path: '/look', permission: 'public' })
const operations: readonly Operation[] = [order, deposit, cancel, list, many, look]

/** What handlers did, in order. */
let done: string[] = []
let failure: Error | undefined
type Did = { readonly status: 200; readonly body: { readonly done: true } } | { readonly code: 'rate-limited' }
const doing =
  (name: string) =>
  async ({ admitted }: { readonly admitted: () => Promise<boolean> }): Promise<Did> => {
    done.push(`${name} begins`)
    if (failure !== undefined) throw failure
    if (!(await admitted())) return { code: 'rate-limited' }
    done.push(`${name} stores`)
    return { status: 200, body: { done: true } }
  }
const plainly = (name: string) => async (): Promise<Did> => {
  done.push(name)
  if (failure !== undefined) throw failure
  return { status: 200, body: { done: true } }
}
const send = requests(
  serve('trading', [order, deposit, cancel, list, many, look], {
    order: doing('order'),
    deposit: plainly('deposit'),
    cancel: doing('cancel'),
    list: plainly('list'),
    async many({ body, admitted }: Pick<Request<typeof many>, 'body' | 'admitted'>): Promise<Did> {
      if (!(await admitted(body.weight))) return { code: 'rate-limited' }
      done.push('many')
      return { status: 200, body: { done: true } }
    },
    look: async (): Promise<Did> => ({ status: 200, body: { done: true } }),
  }),
  operations,
)
const standingOf = ({ headers }: { readonly headers: Readonly<Record<string, string>> }) =>
  ['ratelimit-limit', 'ratelimit-remaining', 'ratelimit-reset'].map(name => Number(headers[name]))

let now = 1_800_000_000_000
beforeEach(() => {
  jest.spyOn(Date, 'now').mockImplementation(() => now)
  process.env[rateLimitsEnvironmentVariable] = JSON.stringify(sameRateLimits(10, 100))
  buckets.clear()
  takes.length = 0
  tableAnswers = Promise.resolve()
  forgetAllowances()
  done = []
  failure = undefined
})
afterEach(() => {
  jest.restoreAllMocks()
})

test('every answer to a credential tells how it stands, and no other', async () => {
  expect(standingOf(await send('order'))).toEqual([100, 99, 1])
  expect(standingOf(await send('deposit'))).toEqual([100, 94, 1])
  expect(standingOf(await send('list'))).toEqual([100, 92, 1])
  const invalid = await send('order', { body: { a: 1 } })
  expect([invalid.status, ...standingOf(invalid)]).toEqual([400, 100, 91, 1])
  const forbidden = await send('order', { as: { role: 'auditor' } })
  expect([forbidden.status, ...standingOf(forbidden)]).toEqual([403, 100, 90, 1])
  failure = new Error('ours')
  const failed = await send('list')
  expect([failed.status, ...standingOf(failed)]).toEqual([500, 100, 88, 2])
  for (const answer of [await send('order', { as: null }), await send('look')])
    expect(Object.keys(answer.headers).filter(name => name.startsWith('ratelimit'))).toEqual([])
})

test('what a request takes beside its operation’s weight is known once it is read', async () => {
  const weighing = (weight: number) => send('many', { body: { weight } })
  expect(standingOf(await weighing(60))).toEqual([100, 39, 7])
  const refused = await weighing(50.2)
  expect([refused.status, refused.body['detail']]).toEqual([
    429,
    'It takes 50.3 of a rate of 10 a second, 100 at once.',
  ])
  expect(Number(refused.headers['retry-after'])).toBeGreaterThanOrEqual(1)
  expect(done).toEqual(['many'])
  now += 5_000
  expect((await weighing(50.2)).status).toBe(200)
})

describe('within the rate', () => {
  test('most requests ask nobody; the next portion is taken beside one of them', async () => {
    for (let each = 0; each < 30; each++) expect((await send('deposit')).status).toBe(each < 20 ? 200 : 429)
    expect(takes.length).toBeLessThan(20)
    takes.length = 0
    now += 20_000
    for (let each = 0; each < 10; each++) {
      await send('order')
      now += 100
    }
    expect(takes.length).toBeLessThan(5)
  })

  test('what is not leased is asked for beside the handler, which waits before it stores anything', async () => {
    let answer = (): void => undefined
    tableAnswers = new Promise(resolve => {
      answer = resolve
    })
    const sent = send('order')
    await new Promise(resolve => setImmediate(resolve))
    expect(done).toEqual(['order begins'])
    answer()
    expect((await sent).status).toBe(200)
    expect(done).toEqual(['order begins', 'order stores'])
  })

  test('a handler that does not ask by itself begins only then; what stores nothing begins at once', async () => {
    let answer = (): void => undefined
    tableAnswers = new Promise(resolve => {
      answer = resolve
    })
    const sent = [send('deposit'), send('list', { as: { account: 'other' } })]
    await new Promise(resolve => setImmediate(resolve))
    expect(done).toEqual(['list'])
    answer()
    expect((await Promise.all(sent)).map(({ status }) => status)).toEqual([200, 200])
  })
})

describe('beyond the rate', () => {
  beforeEach(async () => {
    for (let each = 0; each < 20; each++) await send('deposit')
    done = []
    takes.length = 0
  })

  test('a request is refused before anything begins, without asking, and told when it fits', async () => {
    for (const [name, seconds] of [
      ['order', '1'],
      ['list', '1'],
      ['deposit', '1'],
    ] as const) {
      const answer = await send(name)
      expect(answer).toMatchObject({ status: 429, body: { code: 'rate-limited', retry: true } })
      expect(answer.headers['retry-after']).toBe(seconds)
      expect(standingOf(answer)).toEqual([100, 0, 10])
    }
    expect([done, takes]).toEqual([[], []])
    now += 400
    expect((await send('deposit')).status).toBe(429)
    now += 100
    expect((await send('deposit')).status).toBe(200)
    expect((await send('order')).status).toBe(429)
  })

  test('where the process does not know, the handler has read at most', async () => {
    forgetAllowances()
    expect(await send('order')).toMatchObject({ status: 429, body: { code: 'rate-limited' } })
    forgetAllowances()
    expect(await send('deposit')).toMatchObject({ status: 429, body: { code: 'rate-limited' } })
    forgetAllowances()
    expect(await send('list')).toMatchObject({ status: 429, body: { code: 'rate-limited' } })
    expect(done).toEqual(['order begins', 'list'])
  })

  test('cancels pass, for as long as their reserve does', async () => {
    for (let each = 0; each < 100; each++) expect((await send('cancel')).status).toBe(200)
    expect(takes.length).toBeLessThan(15)
    expect((await send('cancel')).status).toBe(429)
    now += 10
    expect((await send('cancel')).status).toBe(200)
    expect((await send('order')).status).toBe(429)
  })
})

describe('while the limit cannot be asked', () => {
  const away = () => {
    tableAnswers = Promise.reject(Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }))
    tableAnswers.catch(() => undefined)
  }

  test('what is leased is spent; then nothing but cancels is taken', async () => {
    await send('order')
    away()
    const answers = []
    for (let each = 0; each < 12; each++) answers.push((await send('order')).status)
    expect(answers).toEqual([...Array.from({ length: 10 }, () => 200), 503, 503])
    // One to renew, then a pause; one by each that finds nothing left.
    expect(takes).toHaveLength(1 + 1 + 2)
    for (const name of ['deposit', 'list'])
      expect(await send(name)).toMatchObject({ status: 503, body: { code: 'dependency-unavailable' } })
    expect(done).not.toContain('deposit')
    expect((await send('cancel')).status).toBe(200)
    tableAnswers = Promise.resolve()
    expect((await send('deposit')).status).toBe(200)
  })
})
