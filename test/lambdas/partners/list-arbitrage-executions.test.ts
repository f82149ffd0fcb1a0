import { beforeEach, expect, test } from '@jest/globals'
import { partnersOperations } from '#protocol/operations/partners.ts'
import { seedExecution } from '#test/support/arbitrage-rows.ts'
import { requests } from '#test/support/http-requests.ts'
import { idOf } from '#test/support/tape.ts'
import { openTradingFloor } from '#test/support/trading-floor.ts'

const floor = openTradingFloor()
const { handler } = await import('#lambdas/partners/http.ts')
const send = requests(handler, partnersOperations)
beforeEach(() => floor.reset())

const states = ({ body }: { readonly body: Readonly<Record<string, unknown>> }): readonly unknown[] =>
  Array.isArray(body['data']) ? body['data'].map(each => each.execution_state) : []

test('the account’s own executions and decisions come newest first, page by page', async () => {
  await seedExecution({ state: 'completed', realisedNetMicros: 1_500_000 })
  await seedExecution({
    executionId: idOf('b'),
    state: 'refused',
    refusals: ['net-below-minimum'],
    createdAtMillis: Date.UTC(2026, 6, 22),
  })
  await seedExecution({ executionId: idOf('c'), account: 'other', accountId: 8 })
  const first = await send('list-arbitrage-executions', { query: { limit: '1' } })
  expect(states(first)).toEqual(['refused'])
  const cursor = String(first.body['next_cursor'])
  const second = await send('list-arbitrage-executions', { query: { limit: '1', cursor } })
  expect(second.body['data']).toMatchObject([{ execution_state: 'completed', realised_net: '1.5' }])
  expect(second.body['next_cursor']).toBeNull()
  expect(states(await send('list-arbitrage-executions', { query: { execution_state: 'completed' } }))).toEqual([
    'completed',
  ])
  expect((await send('list-arbitrage-executions', { query: { cursor: `${cursor}x` } })).body['code']).toBe(
    'invalid-cursor',
  )
})
