import { SendTaskHeartbeatCommand, SendTaskSuccessCommand, SFNClient, TaskTimedOut } from '@aws-sdk/client-sfn'
import { beforeEach, describe, expect, test } from '@jest/globals'
import { mockClient } from 'aws-sdk-client-mock'
import { deliveryOperations } from '#protocol/operations/delivery.ts'
import { callbackToken, seedDelivery } from '#test/support/delivery-desk.ts'
import { requests } from '#test/support/http-requests.ts'
import { openTradingFloor } from '#test/support/trading-floor.ts'

const floor = openTradingFloor()
const sfn = mockClient(SFNClient)
const { handler } = await import('#lambdas/delivery/http.ts')
const send = requests(handler, deliveryOperations)

const id = '0190a6f2-5d3c-8b1e-9c57-3a1f0e6f9b51'
beforeEach(() => {
  floor.reset()
  sfn.reset()
  sfn.on(SendTaskSuccessCommand).resolves({})
  sfn.on(SendTaskHeartbeatCommand).resolves({})
  seedDelivery(floor.tables, id)
})

const answer = (body: object, role: 'service' | 'trader' = 'service', delivery_id = id) =>
  send('answer-provisioning', {
    as: { account: 'provisioning', role },
    path: { delivery_id },
    body: { step: 'provision', attempt: 1, callback_token: callbackToken, ...body },
  })
const request = () => floor.tables.items('deliveries').find(({ row }) => row === 'request#provision#0001')
const succeeded = { outcome: 'succeeded', amount: '3.5' }

describe('an answer of the provisioning service', () => {
  test('is stored, and the workflow goes on', async () => {
    expect(await answer(succeeded)).toMatchObject({
      status: 200,
      body: { request_id: `${id}#provision#1`, request_state: 'answered' },
    })
    expect(request()).toMatchObject({ request_state: 'answered', outcome: 'succeeded', answered_lots: 7 })
    expect(sfn.commandCalls(SendTaskSuccessCommand)).toHaveLength(1)
  })

  test('counts once: whatever comes after it is refused, and changes nothing', async () => {
    await answer(succeeded)
    const stored = request()
    expect(await answer(succeeded)).toMatchObject({ status: 409, body: { code: 'callback-repeated' } })
    expect((await answer({ outcome: 'failed', reason: 'other' })).body['code']).toBe('callback-repeated')
    expect((await answer({ outcome: 'heartbeat' })).body['code']).toBe('callback-repeated')
    expect(request()).toEqual(stored)
    expect(sfn.commandCalls(SendTaskSuccessCommand)).toHaveLength(1)
  })

  test('with a stale token, or for a request that is closed, is refused and stores nothing', async () => {
    const stored = request()
    expect(await answer({ ...succeeded, callback_token: 'another'.padEnd(43, '0') })).toMatchObject({
      status: 409,
      body: { code: 'callback-stale' },
    })
    expect(request()).toEqual(stored)
    floor.tables.seed('deliveries', { ...stored, request_state: 'closed' })
    expect((await answer(succeeded)).body['code']).toBe('callback-stale')
    expect(request()).toEqual({ ...stored, request_state: 'closed' })
    expect(sfn.calls()).toEqual([])
  })

  test('keeps what was told where nobody waits with the token any more: whoever closes the request finds it', async () => {
    sfn.on(SendTaskSuccessCommand).rejects(new TaskTimedOut({ message: 'late', $metadata: {} }))
    expect((await answer(succeeded)).status).toBe(200)
    expect(request()).toMatchObject({ request_state: 'answered' })
  })

  test('that says it is being worked on keeps the workflow waiting, and stores nothing', async () => {
    const stored = request()
    expect((await answer({ outcome: 'heartbeat' })).body['request_state']).toBe('requested')
    expect(sfn.commandCalls(SendTaskHeartbeatCommand)).toHaveLength(1)
    sfn.on(SendTaskHeartbeatCommand).rejects(new TaskTimedOut({ message: 'late', $metadata: {} }))
    expect((await answer({ outcome: 'heartbeat' })).body['code']).toBe('callback-stale')
    expect(request()).toEqual(stored)
  })

  test.each([
    [{ outcome: 'succeeded', amount: '4.5' }, 422, 'amount-out-of-range'],
    [{ outcome: 'succeeded', amount: '0.3' }, 422, 'amount-off-lot'],
    [{ outcome: 'succeeded', amount: '0' }, 400, 'invalid-request'],
    [{ outcome: 'succeeded' }, 400, 'invalid-request'],
    [{ outcome: 'metered', amount: '1' }, 400, 'invalid-request'],
    [{ outcome: 'released' }, 400, 'invalid-request'],
    [{ outcome: 'lost' }, 400, 'invalid-request'],
    [{ ...succeeded, attempt: 2 }, 404, 'not-found'],
    [{ ...succeeded, step: 'meter' }, 404, 'not-found'],
  ])('%j is refused', async (body, status, code) => {
    const stored = request()
    expect(await answer(body)).toMatchObject({ status, body: { code } })
    expect(request()).toEqual(stored)
    expect(sfn.calls()).toEqual([])
  })

  test('comes from the provisioning service only, about a delivery that there is', async () => {
    expect((await answer(succeeded, 'trader')).status).toBe(403)
    expect((await answer(succeeded, 'service', id.replace('51', '59'))).status).toBe(404)
  })
})
