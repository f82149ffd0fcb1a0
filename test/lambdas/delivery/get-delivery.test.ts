import { beforeEach, describe, expect, test } from '@jest/globals'
import { deliveryPaymentPut } from '#adapters/tables/deliveries.ts'
import { deliveryOperations } from '#protocol/operations/delivery.ts'
import { seedDelivery } from '#test/support/delivery-desk.ts'
import { requests } from '#test/support/http-requests.ts'
import { openTradingFloor } from '#test/support/trading-floor.ts'

const floor = openTradingFloor()
const { handler } = await import('#lambdas/delivery/http.ts')
const send = requests(handler, deliveryOperations)

const [own, foreign] = ['0190a6f2-5d3c-8b1e-9c57-3a1f0e6f9b51', '0190a6f2-5d3c-8b1e-9c57-3a1f0e6f9b52']
beforeEach(() => {
  floor.reset()
  floor.account('seller', 9, 1)
  seedDelivery(floor.tables, own)
  seedDelivery(floor.tables, foreign, { buyer: 8 })
})

const get = (delivery_id: string, account = 'acme') =>
  send('get-delivery', { as: { account, role: 'trader' }, path: { delivery_id } })

describe('a delivery', () => {
  test('is read by either side, with timeline and payments', async () => {
    const payment = { deliveryId: own, commandId: foreign, lots: 8, compensationMicros: 0, atMillis: 1_800_000_000_009 }
    floor.seed('deliveries', deliveryPaymentPut({ ...payment, outcome: 'delivered', invoiceMicros: 8_000_000 }))
    const { status, body } = await get(own)
    expect([status, body]).toMatchObject([
      200,
      {
        delivery_id: own,
        side: 'buyer',
        amount: '4',
        price: '2',
        invoice: '8',
        delivery_state: 'provisioning',
        children: [],
        imbalance: null,
        payments: [{ command_id: foreign, outcome: 'delivered', amount: '4', invoice: '8', compensation: '0' }],
        timeline: [
          { sequence: 1, delivery_state: 'matched', attempt: 0 },
          { sequence: 2, delivery_state: 'provisioning', attempt: 1 },
        ],
      },
    ])
    expect((await get(own, 'seller')).body).toEqual({ ...body, side: 'seller' })
  })

  test('of others is as one that is not there', async () => {
    expect(await get(foreign)).toMatchObject({ status: 404, body: { code: 'not-found' } })
    expect((await get('0190a6f2-5d3c-8b1e-9c57-3a1f0e6f9b59')).status).toBe(404)
    expect((await get(own, 'nobody')).status).toBe(404)
    expect((await get('x')).status).toBe(400)
  })
})
