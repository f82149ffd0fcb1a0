import { beforeEach, describe, expect, test } from '@jest/globals'
import { orderPut } from '#adapters/tables/orders.ts'
import { mockBus, tableChanges } from '#test/support/announced.ts'
import { lambdaContext } from '#test/support/http-requests.ts'
import { orderRow } from '#test/support/rows.ts'
import { idOf } from '#test/support/tape.ts'

const bus = mockBus()
const { handler } = await import('#lambdas/trading/announce-orders.ts')
beforeEach(() => bus.reset())

describe('order states on the bus', () => {
  test('new orders, fills and ends are announced; a new price is not a new state', async () => {
    const [open, repriced] = [orderRow('1'), orderRow('1', { priceTicks: 52, eventId: '1:2:0' })]
    const partly = { ...repriced, filledLots: 3, eventId: '1:3:0', outSeq: 3 }
    const cancelled = { ...partly, orderState: 'cancelled', cancelReason: 'user-request', eventId: '1:4:0' } as const
    const refused = orderRow('2', { orderState: 'rejected', rejectReason: 'no-liquidity', clientOrderId: 'mine' })
    const [a, b, c, d] = [open, repriced, partly, cancelled].map(orderPut)
    if (a === undefined || b === undefined || c === undefined || d === undefined) throw new Error('there are four')
    const changes = tableChanges(
      { now: a },
      { now: b, before: a },
      { now: c, before: b },
      { now: d, before: c },
      { now: orderPut(refused) },
      { before: d },
    )
    expect(await handler(changes, lambdaContext)).toEqual({ batchItemFailures: [] })
    expect(
      bus.announced.map(({ detail }) => [detail['event_id'], detail['order_state'], detail['filled_amount']]),
    ).toEqual([
      [`1:1:0:${idOf('1')}`, 'open', '0'],
      [`1:3:0:${idOf('1')}`, 'open', '0.3'],
      [`1:4:0:${idOf('1')}`, 'cancelled', '0.3'],
      [`1:1:0:${idOf('2')}`, 'rejected', '0'],
    ])
    expect(bus.announced.at(-1)?.detail).toMatchObject({
      lane: 1,
      client_order_id: 'mine',
      reject_reason: 'no-liquidity',
    })
  })
})
