import { beforeEach, describe, expect, test } from '@jest/globals'
import { answeredCallPut, marginCallPut } from '#adapters/tables/margin-calls.ts'
import { tables as declared, type Table } from '#protocol/tables.ts'
import { mockBus, tableChanges } from '#test/support/announced.ts'
import { lambdaContext } from '#test/support/http-requests.ts'
import { putLiquidation, putStep } from '#test/support/liquidation-rows.ts'
import { mockTables } from '#test/support/mocked-tables.ts'
import { idOf } from '#test/support/tape.ts'

const tables = mockTables()
const bus = mockBus()
const { handler } = await import('#lambdas/risk/announce-liquidations.ts')
const { handler: calls } = await import('#lambdas/risk/announce-margin-calls.ts')
beforeEach(() => {
  tables.reset()
  bus.reset()
})

/** What the table holds, as its stream tells it. */
const images = () => {
  const table: Table = declared.liquidations
  return tables.items('liquidations').map(item => ({ kind: 'put' as const, table, item }))
}
const tell = (before?: object) =>
  handler(
    tableChanges(
      ...images().map(now => ({
        now,
        ...(before === undefined ? {} : { before: { ...now, item: { ...now.item, ...before } } }),
      })),
    ),
    lambdaContext,
  )

describe('a liquidation on the bus', () => {
  test('begins, goes on step by step, and ends', async () => {
    await putLiquidation()
    await putStep()
    await putStep({ step: 2, kind: 'plan', numbers: { move: 'end' }, result: {} })
    await putStep({ step: 3, kind: 'end', result: { equityMicros: 5, requirementMicros: 4 } })
    await putStep({ step: 4, kind: 'plan', state: 'decided' })
    expect(await tell({ step_state: 'decided' })).toEqual({ batchItemFailures: [] })
    expect(bus.announced.map(({ name, detail }) => [name, detail['event_id']])).toEqual([
      ['LiquidationStarted.v1', `${idOf('a')}:1:started`],
      ['LiquidationStep.v1', `${idOf('a')}:1`],
      ['LiquidationStep.v1', `${idOf('a')}:2`],
      ['LiquidationStep.v1', `${idOf('a')}:3`],
      ['LiquidationEnded.v1', `${idOf('a')}:3:ended`],
    ])
    expect(bus.announced[0]?.detail).toMatchObject({
      account_id: 7,
      cancelled_orders: 2,
      equity: '-1.5',
      requirement: '2',
      requirement_without_orders: '1.9',
    })
    expect(bus.announced[1]?.detail).toMatchObject({ step_kind: 'begin', numbers: { equity: '-1.5' } })
  })

  test('a step that was done before, one that was refused and what is no step begin and end nothing', async () => {
    await putLiquidation()
    await putStep({ code: 'not-under-margin-call', result: {} })
    await tell({ step_state: 'done' })
    expect(bus.announced).toEqual([])
    await tell({ step_state: 'decided' })
    expect(bus.announced).toMatchObject([
      { name: 'LiquidationStep.v1', detail: { reject_reason: 'not-under-margin-call' } },
    ])
    expect(bus.announced).toHaveLength(1)
  })
})

test('a margin call on the bus is told once it is there', async () => {
  const call = marginCallPut({
    lane: 1,
    accountId: 7,
    outSeq: 10,
    eventId: '1:10:0',
    epochVersion: 2,
    equityMicros: -5_000_000,
    requirementMicros: 9_000_000,
    calledAtMillis: 1_800_000_000_000,
  })
  const answered = answeredCallPut({ lane: 1, accountId: 7, liquidationId: 'x', isOver: false, overEventId: '' })
  await calls(
    tableChanges({ now: call }, { now: answered }, { now: call, before: call }, { before: call }),
    lambdaContext,
  )
  expect(bus.announced).toEqual([
    {
      name: 'MarginCalled.v1',
      detail: {
        event_id: '1:10:0:7',
        lane: 1,
        sequence: 10,
        timestamp: '2027-01-15T08:00:00.000Z',
        account_id: 7,
        epoch_version: 2,
        equity: '-5',
        requirement: '9',
      },
    },
  ])
})
