import { beforeEach, describe, expect, test } from '@jest/globals'
import { activatedVersionPut } from '#adapters/tables/lane-events.ts'
import { limitsPut } from '#adapters/tables/risk-limits.ts'
import { noLimits } from '#domain/trading/limit-terms.ts'
import { forgetEngineVersions } from '#lambdas/reference/engine-version-needed.ts'
import { riskOperations } from '#protocol/operations/risk.ts'
import { requests } from '#test/support/http-requests.ts'
import { openQuotingFloor } from '#test/support/market-maker.ts'

const floor = openQuotingFloor()
const { handler } = await import('#lambdas/risk/http.ts')
const send = requests(handler, riskOperations)
const as = { account: 'watch', role: 'risk_manager' } as const

beforeEach(() => {
  floor.reset()
  forgetEngineVersions()
  floor.seed('lanes', activatedVersionPut(1, { version: 4, atMillis: 1 }))
})

const put = (limits: object, more: object = { scope: 'account', subject: 'acme' }) =>
  send('set-risk-limits', { as, body: { ...more, limits, reason: 'review' } })
const subject = { scope: 'account', accountId: 7, firm: '', instrumentId: 0 } as const

describe('limits', () => {
  test('that allow no more are set at once, unapproved', async () => {
    const { status, body } = await put({
      max_order_lots: 10,
      max_order_notional: '2.5',
      max_net_delta: '0.5',
      price_collar_ppm: 5,
    })
    expect([status, body]).toMatchObject([202, { command_state: 'pending', operation: 'set-risk-limits' }])
    expect(floor.put()).toMatchObject([
      {
        type: 'set-risk-limits',
        ...subject,
        isApproved: false,
        terms: {
          ...noLimits,
          maxOrderLots: 10,
          maxOrderNotionalMicros: 2_500_000,
          maxNetDelta: 500_000,
          collarPpm: 5,
        },
      },
    ])
  })

  test('that allow more wait for another person', async () => {
    floor.seed('riskLimits', limitsPut(1, { ...subject, terms: { ...noLimits, maxOrderLots: 10 }, setAtMillis: 1 }))
    expect((await put({ max_order_lots: 9, max_vega: '3' })).status).toBe(202)
    const { status, body } = await put({ max_order_lots: 11 })
    expect([status, body]).toMatchObject([
      201,
      {
        scope: 'account',
        subject: 'acme',
        limits: { max_order_lots: 11 },
        request_state: 'awaiting_approval',
        requested_by: 'watch',
        approved_by: null,
      },
    ])
    expect((await put({})).status).toBe(201)
    expect(floor.put()).toHaveLength(1)
    expect(floor.tables.items('limitRequests')).toHaveLength(2)
  })

  test('that contradict each other are refused with both by name', async () => {
    expect((await put({ max_order_lots: 11, max_position_lots: 10 })).body).toMatchObject({
      code: 'limits-contradict',
      errors: [{ pointer: '#/limits/max_order_lots' }, { pointer: '#/limits/max_position_lots' }],
    })
    const market = floor.instrument(1)
    const named = { scope: 'instrument', subject: market.instrument.specification.instrumentName }
    expect((await put({ max_daily_loss: '1' }, named)).body['code']).toBe('limit-not-of-scope')
    expect((await put({ max_daily_loss: '0.0000001' })).body['code']).toBe('invalid-request')
  })

  test('are of one subject that is there', async () => {
    expect((await put({}, {})).status).toBe(400)
    expect((await put({}, { scope: 'account', subject: 'acme', lane: 1 })).body['code']).toBe('invalid-request')
    expect((await put({}, { scope: 'account', subject: 'nobody' })).body['code']).toBe('not-found')
    expect((await put({}, { scope: 'instrument', subject: 'acme' })).body['code']).toBe('not-found')
    expect((await put({}, { scope: 'firm', subject: 'acme', lane: 9 })).body['code']).toBe('not-found')
    expect((await put({ max_open_orders: 3 }, { scope: 'firm', subject: 'acme' })).status).toBe(202)
    expect(floor.put()).toMatchObject([{ scope: 'firm', firm: 'acme', accountId: 0 }])
  })

  test('need the rules of version 4, and a risk manager', async () => {
    floor.reset()
    forgetEngineVersions()
    expect((await put({})).body['code']).toBe('engine-version-needed')
    const trader = { account: 'acme', role: 'trader' } as const
    expect((await send('set-risk-limits', { as: trader, body: {} })).status).toBe(403)
  })
})
