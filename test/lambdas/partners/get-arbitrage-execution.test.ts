import { beforeEach, expect, test } from '@jest/globals'
import { partnersOperations } from '#protocol/operations/partners.ts'
import { seedExecution, seedStep } from '#test/support/arbitrage-rows.ts'
import { requests } from '#test/support/http-requests.ts'
import { idOf } from '#test/support/tape.ts'
import { openTradingFloor } from '#test/support/trading-floor.ts'

const floor = openTradingFloor()
const { handler } = await import('#lambdas/partners/http.ts')
const send = requests(handler, partnersOperations)
beforeEach(() => floor.reset())

test('an execution is told with its steps in order; another’s is not there', async () => {
  await seedExecution({
    state: 'residual',
    residuals: [{ instrumentName: 'H100.USE-27NOV46', direction: 'buy', lots: 3, minTradeAmount: '0.1' }],
  })
  await seedStep({ step: 2, kind: 'end', result: 'residual' })
  await seedStep()
  const path = { execution_id: idOf('a') }
  const { status, body } = await send('get-arbitrage-execution', { path })
  expect(status).toBe(200)
  expect(body).toMatchObject({
    execution_state: 'residual',
    residuals: [{ instrument_name: 'H100.USE-27NOV46', direction: 'buy', amount: '0.3' }],
    steps: [
      { step: 1, step_kind: 'order', leg: 'buy', result: 'filled, 4 lots' },
      { step: 2, step_kind: 'end', result: 'residual' },
    ],
  })
  expect((await send('get-arbitrage-execution', { path, as: { account: 'other' } })).status).toBe(404)
})
