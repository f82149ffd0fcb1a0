import { beforeEach, expect, test } from '@jest/globals'
import { type TimelineRow, timelinePut } from '#adapters/tables/deliveries.ts'
import type { Write } from '#adapters/writes.ts'
import { compileEventPattern } from '#local/event-pattern.ts'
import { tables } from '#protocol/tables.ts'
import { mockBus, tableChanges } from '#test/support/announced.ts'
import { lambdaContext } from '#test/support/http-requests.ts'

/** What services hear of deliveries; each event is held against its schema by the bus. */

const bus = mockBus()
const { handler } = await import('#lambdas/delivery/announce-deliveries.ts')
beforeEach(() => bus.reset())

const deliveryId = '01900000-0000-7000-8000-000000000001'
const change = (sequence: number, more: Partial<TimelineRow> = {}) =>
  timelinePut({
    deliveryId,
    sequence,
    state: 'nominated',
    attempt: 1,
    lots: 3,
    atMillis: Date.UTC(2026, 10, 27, 8),
    lane: 2,
    instrumentName: 'H100.USE-27NOV26-H08',
    minTradeAmount: '0.5',
    buyAccountId: 7,
    sellAccountId: 9,
    ...more,
  })

const row = (name: string): Write => ({
  kind: 'put',
  table: tables.deliveries,
  item: { delivery_id: deliveryId, row: name },
})

test('a change of state is told once, when it is in the timeline, and no other row is', async () => {
  await handler(
    tableChanges(
      { now: change(2) },
      { now: change(2), before: change(2) },
      { before: change(1) },
      { now: row('request#reserve#0001') },
      { now: row('head') },
      { now: change(3, { state: 'failed', reason: 'boot-failed' }) },
    ),
    lambdaContext,
  )
  expect(bus.announced).toEqual([
    {
      name: 'DeliveryStateChanged.v1',
      detail: {
        event_id: `${deliveryId}:2`,
        timestamp: '2026-11-27T08:00:00.000Z',
        delivery_id: deliveryId,
        lane: 2,
        instrument_name: 'H100.USE-27NOV26-H08',
        buyer_account_id: 7,
        seller_account_id: 9,
        sequence: 2,
        delivery_state: 'nominated',
        attempt: 1,
        amount: '1.5',
        reason: null,
      },
    },
    { name: 'DeliveryStateChanged.v1', detail: expect.objectContaining({ sequence: 3, reason: 'boot-failed' }) },
  ])
})

test('what the bus refuses is tried again, and nothing that it took before', async () => {
  bus.refuse(`${deliveryId}:3`)
  const { batchItemFailures } = await handler(tableChanges({ now: change(2) }, { now: change(3) }), lambdaContext)
  expect(batchItemFailures).toEqual([{ itemIdentifier: '2' }])
  expect(bus.announced.map(({ detail }) => detail['sequence'])).toEqual([2])
})

test('the pattern of docs/protocol/provisioning.md picks the ends that are paid in cash', async () => {
  await handler(
    tableChanges(
      { now: change(2) },
      { now: change(3, { state: 'settled' }) },
      { now: change(4, { state: 'cash_settled' }) },
      { now: change(5, { state: 'split' }) },
    ),
    lambdaContext,
  )
  const isPicked = compileEventPattern({
    source: ['compute-exchange'],
    'detail-type': ['DeliveryStateChanged.v1'],
    detail: { delivery_state: ['cash_settled', 'split'] },
  })
  const picked = bus.announced.map(({ name, detail }) =>
    isPicked({ source: 'compute-exchange', 'detail-type': name, detail }),
  )
  expect(picked).toEqual([false, false, true, true])
})
