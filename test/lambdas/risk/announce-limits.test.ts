import { beforeEach, expect, test } from '@jest/globals'
import { type LimitBreachRow, limitBreachPut, limitsPut } from '#adapters/tables/risk-limits.ts'
import { noLimits } from '#domain/trading/limit-terms.ts'
import { mockBus, tableChanges } from '#test/support/announced.ts'
import { lambdaContext } from '#test/support/http-requests.ts'
import { openQuotingFloor } from '#test/support/market-maker.ts'

const floor = openQuotingFloor()
const bus = mockBus()
const { handler } = await import('#lambdas/risk/announce-limits.ts')
beforeEach(() => {
  floor.reset()
  bus.reset()
})

const breach = (more: Partial<LimitBreachRow> = {}) =>
  limitBreachPut({
    lane: 1,
    outSeq: 5,
    eventId: '1:9:0',
    accountId: 7,
    firm: '',
    instrumentId: 0,
    limit: 'daily-loss',
    measured: 2_500_000,
    allowed: 2_000_000,
    atMillis: 1_000,
    ...more,
  })

test('what is beyond a limit is told in decimals; what limits are is not', async () => {
  const { instrument } = floor.instrument(1)
  const { instrumentId, specification } = instrument
  const position = { outSeq: 6, limit: 'position', accountId: 0, firm: 'acme', measured: 15, allowed: 10 } as const
  const terms = { scope: 'account', accountId: 7, firm: '', instrumentId: 0, terms: noLimits, setAtMillis: 1 } as const
  const changes = tableChanges(
    { now: breach() },
    { now: breach({ ...position, instrumentId }) },
    { now: limitsPut(1, terms) },
  )
  expect(await handler(changes, lambdaContext)).toEqual({ batchItemFailures: [] })
  expect(bus.announced).toEqual([
    {
      name: 'LimitBreached.v1',
      detail: {
        event_id: '1:9:0',
        lane: 1,
        sequence: 5,
        timestamp: '1970-01-01T00:00:01.000Z',
        account_id: 7,
        firm: null,
        instrument_name: null,
        limit: 'daily-loss',
        measured: '2.5',
        allowed: '2',
      },
    },
    expect.objectContaining({
      detail: expect.objectContaining({
        account_id: null,
        firm: 'acme',
        instrument_name: specification.instrumentName,
        measured: '1.5',
        allowed: '1',
      }),
    }),
  ])
})
