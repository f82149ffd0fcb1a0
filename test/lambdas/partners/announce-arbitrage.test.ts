import { beforeEach, expect, test } from '@jest/globals'
import { tables as declared, type Table } from '#protocol/tables.ts'
import { mockBus, tableChanges } from '#test/support/announced.ts'
import { seedExecution, seedStep } from '#test/support/arbitrage-rows.ts'
import { lambdaContext } from '#test/support/http-requests.ts'
import { mockTables } from '#test/support/mocked-tables.ts'
import { idOf } from '#test/support/tape.ts'

const tables = mockTables()
const bus = mockBus()
const { handler } = await import('#lambdas/partners/announce-arbitrage.ts')
beforeEach(() => {
  tables.reset()
  bus.reset()
})

const tell = (before?: object) => {
  const table: Table = declared.arbitrageExecutions
  const images = tables.items('arbitrageExecutions').map(item => ({ kind: 'put' as const, table, item }))
  return handler(
    tableChanges(
      ...images.map(now => ({
        now,
        ...(before === undefined ? {} : { before: { ...now, item: { ...now.item, ...before } } }),
      })),
    ),
    lambdaContext,
  )
}

test('an execution is announced once it is over, and once; decisions and steps are not', async () => {
  await seedExecution({
    state: 'residual',
    realisedNetMicros: -1_250_000,
    residuals: [{ instrumentName: 'H100.USE-27NOV46', direction: 'sell', lots: 5, minTradeAmount: '0.1' }],
  })
  await seedExecution({ executionId: idOf('b'), state: 'dry_run', origin: 'policy' })
  await seedStep()
  expect(await tell({ execution_state: 'running' })).toEqual({ batchItemFailures: [] })
  expect(bus.announced).toMatchObject([
    {
      name: 'ArbitrageExecuted.v1',
      detail: {
        event_id: `${idOf('a')}:ended`,
        execution_state: 'residual',
        realised_net: '-1.25',
        expected_net: '1.992',
        residuals: [{ instrument_name: 'H100.USE-27NOV46', direction: 'sell', amount: '0.5' }],
      },
    },
  ])
  bus.reset()
  await tell({ execution_state: 'residual' })
  expect(bus.announced).toEqual([])
})
