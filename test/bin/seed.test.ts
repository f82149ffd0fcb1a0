import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { seed } from '#bin/seed.ts'

/** What a fresh exchange would be sent: each answer is that of one that has done it at once. */
const sent: { readonly method: string; readonly path: string; readonly body: Record<string, unknown> }[] = []
const server = createServer((request, response) => {
  const parts: Buffer[] = []
  request.on('data', part => parts.push(part))
  request.on('end', () => {
    const text = Buffer.concat(parts).toString()
    sent.push({ method: request.method ?? '', path: request.url ?? '', body: text === '' ? {} : JSON.parse(text) })
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ access_token: 'token', deposit_state: 'completed' }))
  })
})
let url = ''
beforeAll(async () => {
  await new Promise<void>(listening => server.listen(0, '127.0.0.1', listening))
  const { port } = server.address() as AddressInfo
  url = `http://127.0.0.1:${port}`
})
afterAll(() => new Promise(closed => server.close(closed)))

test('each lane of the tenant gets its rules, and an insurance fund of the tenant’s name that has money', async () => {
  await seed(url, Date.UTC(2026, 10, 1), { lanes: [1, 2], insuranceFund: 'mutual' })
  const to = (path: string) => sent.filter(each => each.path === path).map(({ body }) => body)
  expect(sent.flatMap(({ path }) => /^\/api\/v1\/lanes\/(\d+)\/engine-version$/.exec(path)?.[1] ?? []).sort()).toEqual([
    '1',
    '2',
  ])
  const accounts = ['alice', 'bob', 'mutual-1', 'mutual-2']
  expect(
    to('/api/v1/accounts')
      .map(({ account }) => account)
      .sort(),
  ).toEqual(accounts)
  expect(
    to('/api/v1/deposits')
      .map(({ account }) => account)
      .sort(),
  ).toEqual(accounts)
  expect(to('/api/v1/deposits')).toEqual(
    accounts.map(() => expect.objectContaining({ currency: 'USD', amount: '100000' })),
  )
})
