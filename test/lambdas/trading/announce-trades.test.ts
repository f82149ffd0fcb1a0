import { beforeEach, describe, expect, test } from '@jest/globals'
import { tradePut } from '#adapters/tables/trades.ts'
import { mockBus, tableChanges } from '#test/support/announced.ts'
import { lambdaContext } from '#test/support/http-requests.ts'
import { tradeRow } from '#test/support/rows.ts'
import { idOf } from '#test/support/tape.ts'

const bus = mockBus()
const { handler } = await import('#lambdas/trading/announce-trades.ts')
beforeEach(() => bus.reset())

describe('trades on the bus', () => {
  test('each is announced once, in decimals', async () => {
    const taker = tradeRow(5, {
      direction: 'sell',
      feeMicros: 1_500_000,
      counterpartyFeeMicros: 0,
      atMillis: 1_800_000_000_000,
    })
    const changes = tableChanges({ now: tradePut(tradeRow(5, { liquidity: 'maker' })) }, { now: tradePut(taker) })
    expect(await handler(changes, lambdaContext)).toEqual({ batchItemFailures: [] })
    expect(bus.announced).toEqual([
      {
        name: 'TradeExecuted.v1',
        detail: {
          event_id: '1:1:0',
          lane: 1,
          sequence: 5,
          timestamp: '2027-01-15T08:00:00.000Z',
          trade_id: '1-0000000000000005',
          instrument_name: 'A-B',
          price: '2.55',
          amount: '1',
          direction: 'sell',
          is_auction: false,
          maker: { account_id: 8, order_id: idOf('2'), fee: '0' },
          taker: { account_id: 7, order_id: idOf('1'), fee: '1.5' },
        },
      },
    ])
  })

  test('of an auction the seller stands as the taker', async () => {
    const [bought, sold] = (['buy', 'sell'] as const).map(direction =>
      tradePut(tradeRow(5, { liquidity: 'auction', direction })),
    )
    if (bought === undefined || sold === undefined) throw new Error('a trade has two sides')
    await handler(tableChanges({ now: bought }, { now: sold }), lambdaContext)
    expect(bus.announced).toMatchObject([{ detail: { direction: 'sell', is_auction: true } }])
  })

  test('what the bus refuses comes again, and what lies behind it', async () => {
    bus.refuse(':9:')
    const changes = [1, 9, 3].map(n => ({ now: tradePut(tradeRow(n, { eventId: `1:${n}:0` })) }))
    expect(await handler(tableChanges(...changes), lambdaContext)).toEqual({
      batchItemFailures: [{ itemIdentifier: '2' }],
    })
    expect(bus.announced.map(({ detail }) => detail['sequence'])).toEqual([1, 3])
  })

  test('a row that is put again or removed is no trade', async () => {
    const put = tradePut(tradeRow(5))
    expect(await handler(tableChanges({ now: put, before: put }, { before: put }), lambdaContext)).toEqual({
      batchItemFailures: [],
    })
    expect(bus.announced).toEqual([])
  })
})
