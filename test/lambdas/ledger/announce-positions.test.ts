import { beforeEach, describe, expect, test } from '@jest/globals'
import { positionPut } from '#adapters/tables/positions.ts'
import { mockBus, tableChanges } from '#test/support/announced.ts'
import { lambdaContext } from '#test/support/http-requests.ts'
import { positionRow } from '#test/support/rows.ts'
import { idOf } from '#test/support/tape.ts'

const bus = mockBus()
const { handler } = await import('#lambdas/ledger/announce-positions.ts')
beforeEach(() => bus.reset())

describe('positions on the bus', () => {
  test('each is told signed and in decimals; those of one trade have different ids', async () => {
    const short = positionRow('A-B', { realisedMicros: -2_500_000 })
    const flat = positionRow('A-B', { accountId: 8, sizeLots: 0, entryTickLots: 0 })
    const changes = tableChanges({ now: positionPut(short) }, { now: positionPut(flat), before: positionPut(short) })
    expect(await handler(changes, lambdaContext)).toEqual({ batchItemFailures: [] })
    expect(bus.announced).toMatchObject([
      {
        name: 'PositionChanged.v1',
        detail: { event_id: '1:1:0:7', size: '-0.3', average_price: '2.55', realized_profit_loss: '-2.5', sequence: 1 },
      },
      { detail: { event_id: '1:1:0:8', size: '0', average_price: null, realized_profit_loss: '-0.000001' } },
    ])
  })

  test('what a settlement paid is told beside it, with an id of its own', async () => {
    const settled = positionRow('A-B', {
      sizeLots: 0,
      entryTickLots: 0,
      payment: { kind: 'final', commandId: idOf('c'), priceTicks: 60, settledLots: -3, paidMicros: -1_350_000 },
    })
    await handler(tableChanges({ now: positionPut(settled), before: positionPut(positionRow('A-B')) }), lambdaContext)
    expect(bus.announced.map(({ name }) => name)).toEqual(['PositionChanged.v1', 'PositionSettled.v1'])
    expect(bus.announced[1]?.detail).toMatchObject({
      event_id: '1:1:0:7:settled',
      account_id: 7,
      settlement_kind: 'final',
      price: '3',
      settled_amount: '-0.3',
      paid: '-1.35',
      command_id: idOf('c'),
    })
  })
})
