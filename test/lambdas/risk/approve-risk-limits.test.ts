import { beforeEach, expect, test } from '@jest/globals'
import { type LimitRequestRow, limitRequestIdOf, replaceLimitRequest } from '#adapters/tables/limit-requests.ts'
import { noLimits } from '#domain/trading/limit-terms.ts'
import { riskOperations } from '#protocol/operations/risk.ts'
import { requests } from '#test/support/http-requests.ts'
import { openQuotingFloor } from '#test/support/market-maker.ts'
import { idOf } from '#test/support/tape.ts'

const floor = openQuotingFloor()
const { handler } = await import('#lambdas/risk/http.ts')
const send = requests(handler, riskOperations)

beforeEach(() => floor.reset())

const requestId = limitRequestIdOf(1, idOf('a1'))
const request = (more: Partial<LimitRequestRow> = {}) =>
  replaceLimitRequest(
    {
      scope: 'account',
      accountId: 7,
      firm: '',
      instrumentId: 0,
      lane: 1,
      requestId,
      commandId: idOf('c1'),
      terms: { ...noLimits, maxOrderLots: 11 },
      baseTerms: noLimits,
      reason: 'review',
      requestedBy: { account: 'watch', credential: 'w' },
      requestedAtMillis: Date.now(),
      ...more,
    },
    undefined,
  )
const approve = (account: string) =>
  send('approve-risk-limits', { as: { account, role: 'risk_manager' }, path: { request_id: requestId } })

test('another person has them set, once', async () => {
  await request()
  expect((await approve('watch')).body['code']).toBe('second-person-required')
  expect(floor.put()).toEqual([])
  expect(await approve('chief')).toMatchObject({
    status: 202,
    body: { request_state: 'submitted', approved_by: 'chief', subject: 'acme', limits: { max_order_lots: 11 } },
  })
  expect(floor.put()).toMatchObject([
    { type: 'set-risk-limits', commandId: idOf('c1'), accountId: 7, isApproved: true, terms: { maxOrderLots: 11 } },
  ])
  floor.outcome(idOf('c1'))
  expect((await approve('chief')).body['request_state']).toBe('in_force')
  expect(floor.put()).toHaveLength(1)
})

test('a request lapses after a day, is approved by one other person, and is not where it was never made', async () => {
  expect((await approve('chief')).body['code']).toBe('not-found')
  await request({ requestedAtMillis: Date.now() - 86_400_001 })
  expect((await approve('chief')).body['code']).toBe('limit-request-over')
  floor.reset()
  await request({ approvedBy: { account: 'third', credential: 't' }, approvedAtMillis: Date.now() })
  expect((await approve('chief')).body['code']).toBe('limit-request-over')
  expect(floor.put()).toEqual([])
})

test('what was asked for before the limits were set otherwise is not approved any more', async () => {
  await request({ baseTerms: { ...noLimits, maxOrderLots: 10 } })
  expect(await approve('chief')).toMatchObject({ status: 409, body: { code: 'limits-changed' } })
  expect(floor.put()).toEqual([])
})
