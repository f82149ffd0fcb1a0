import { beforeEach, describe, expect, test } from '@jest/globals'
import { riskOperations } from '#protocol/operations/risk.ts'
import { requests } from '#test/support/http-requests.ts'
import { putLiquidation, putStep } from '#test/support/liquidation-rows.ts'
import { openQuotingFloor } from '#test/support/market-maker.ts'
import { idOf } from '#test/support/tape.ts'

const floor = openQuotingFloor()
const { handler } = await import('#lambdas/risk/http.ts')
const send = requests(handler, riskOperations)
const path = { liquidation_id: idOf('a') }

beforeEach(() => floor.reset())

describe('a liquidation', () => {
  test('is told with its trail: what justified each step, and what came of it', async () => {
    await putLiquidation()
    await putStep()
    await putStep({
      step: 2,
      kind: 'haircut',
      state: 'decided',
      numbers: {
        lossMicros: 7_000_000,
        gainsMicros: '75000000',
        winners: 2,
        certificate: { primal: '7/75', dual: '7/75' },
        shares: [{ accountId: 2, amountMicros: 1 }],
      },
    })
    const { status, body } = await send('get-liquidation', { path })
    expect(status).toBe(200)
    expect(body).toMatchObject({
      liquidation_id: idOf('a'),
      liquidation_state: 'running',
      next_cursor: null,
      steps: [
        {
          step: 1,
          step_kind: 'begin',
          step_state: 'done',
          done_at: '2027-01-15T08:05:00.100Z',
          command_id: idOf('a'),
          reject_reason: null,
          numbers: { equity: '-1.5', epoch_version: 3 },
          result: { requirement: '2', after_requirement: '1.9', cancelled_orders: 2 },
        },
        {
          step: 2,
          step_kind: 'haircut',
          step_state: 'decided',
          numbers: {
            loss: '7',
            gains: '75',
            winners: 2,
            certificate: { primal: '7/75', dual: '7/75' },
            shares: [{ account_id: 2, amount: '0.000001' }],
          },
        },
      ],
    })
  })

  test('has its steps in pages', async () => {
    await putLiquidation()
    for (const step of [1, 2, 3]) await putStep({ step })
    const first = await send('get-liquidation', { path, query: { limit: '2' } })
    const cursor = String(first.body['next_cursor'])
    const second = await send('get-liquidation', { path, query: { limit: '2', cursor } })
    expect([first.body['steps'], second.body]).toMatchObject([
      [{ step: 1 }, { step: 2 }],
      { steps: [{ step: 3 }], next_cursor: null },
    ])
    expect((await send('get-liquidation', { path, query: { cursor: 'x' } })).body['code']).toBe('invalid-cursor')
  })

  test('of another is not there, but for who answers for risk', async () => {
    await putLiquidation({ accountId: 8 })
    expect((await send('get-liquidation', { path })).status).toBe(404)
    expect((await send('get-liquidation', { path: { liquidation_id: idOf('b') } })).status).toBe(404)
    floor.tables.seed('accountNumbers', { account_number: '1#8', account: 'other', firm: 'other' })
    const as = { account: 'desk', role: 'risk_manager' } as const
    expect((await send('get-liquidation', { path, as })).body['account']).toBe('other')
  })
})
