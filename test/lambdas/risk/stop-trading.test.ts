import { beforeEach, expect, test } from '@jest/globals'
import { riskOperations } from '#protocol/operations/risk.ts'
import { requests } from '#test/support/http-requests.ts'
import { openQuotingFloor } from '#test/support/market-maker.ts'

const floor = openQuotingFloor()
const { handler } = await import('#lambdas/risk/http.ts')
const send = requests(handler, riskOperations)

beforeEach(() => floor.reset())

const stop = (body: object) => send('stop-trading', { as: { account: 'watch', role: 'risk_manager' }, body })

test('an account, a firm or a lane is stopped and released by the one command there is', async () => {
  expect((await stop({ scope: 'account', subject: 'acme' })).status).toBe(202)
  expect((await stop({ scope: 'firm', subject: 'acme', is_on: false })).status).toBe(202)
  expect((await stop({ scope: 'lane', subject: '1' })).status).toBe(202)
  expect(floor.put()).toMatchObject([
    { type: 'set-kill-switch', scope: 'account', accountId: 7, isOn: true, firm: '' },
    { type: 'set-kill-switch', scope: 'firm', accountId: 0, isOn: false, firm: 'acme' },
    { type: 'set-kill-switch', scope: 'lane', accountId: 0, isOn: true },
  ])
})

test('what is not there is refused by name', async () => {
  expect((await stop({ scope: 'account', subject: 'nobody' })).body).toMatchObject({
    code: 'unknown-account',
    errors: [{ pointer: '#/subject' }],
  })
  expect((await stop({ scope: 'account', subject: 'insurance-fund-1' })).body).toMatchObject({
    code: 'invalid-request',
    errors: [{ pointer: '#/subject', detail: expect.stringContaining('insurance fund') }],
  })
  expect((await stop({ scope: 'lane', subject: '9' })).body['code']).toBe('not-found')
  expect((await stop({ scope: 'account', subject: 'acme', lane: 1 })).body['code']).toBe('invalid-request')
})
