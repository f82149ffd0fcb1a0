import { beforeEach, describe, expect, test } from '@jest/globals'
import { deliveryOperations } from '#protocol/operations/delivery.ts'
import { seedDelivery } from '#test/support/delivery-desk.ts'
import { requests } from '#test/support/http-requests.ts'
import { openTradingFloor } from '#test/support/trading-floor.ts'

const floor = openTradingFloor()
const { handler } = await import('#lambdas/delivery/http.ts')
const send = requests(handler, deliveryOperations)

const idOf = (number: number): string => `0190a6f2-5d3c-8b1e-9c57-${String(number).padStart(12, '0')}`
/** As buyer of the odd ones, as seller of the even ones; and one of others. */
beforeEach(() => {
  floor.reset()
  for (let number = 1; number <= 6; number++) {
    const obligatedMillis = 1_800_000_000_000 + number * 1_000
    const sides = number % 2 === 1 ? { buyer: 7, seller: 9 } : { buyer: 9, seller: 7 }
    seedDelivery(floor.tables, idOf(number), { ...sides, obligatedMillis, state: number < 3 ? 'settled' : 'reserved' })
  }
  seedDelivery(floor.tables, idOf(9), { buyer: 8, seller: 9 })
})

const list = async (query: Record<string, string> = {}, account = 'acme') => {
  const { status, body } = await send('list-deliveries', { as: { account, role: 'trader' }, query })
  const data = Array.isArray(body['data']) ? body['data'] : []
  return {
    status,
    code: body['code'],
    next: body['next_cursor'],
    told: data.map(each => [Number(each.delivery_id.slice(-2)), each.side]),
  }
}

describe('deliveries', () => {
  test('of both sides are listed, the newest first', async () => {
    expect(await list()).toMatchObject({
      status: 200,
      next: null,
      told: [
        [6, 'seller'],
        [5, 'buyer'],
        [4, 'seller'],
        [3, 'buyer'],
        [2, 'seller'],
        [1, 'buyer'],
      ],
    })
  })

  test('page by page, none is missed and none told twice, whatever the filter', async () => {
    for (const filter of [{}, { side: 'seller' }, { delivery_state: 'reserved' }, { instrument_name: 'H100.USE-PHYS' }])
      for (const limit of ['1', '2', '4']) {
        const all = (await list(filter)).told
        const found: unknown[] = []
        for (let cursor: unknown = ''; cursor !== null; ) {
          const { told, next } = await list({ ...filter, limit, ...(cursor === '' ? {} : { cursor: String(cursor) }) })
          found.push(...told)
          cursor = next
        }
        expect(found).toEqual(all)
      }
    expect((await list({ delivery_state: 'settled' })).told).toEqual([
      [2, 'seller'],
      [1, 'buyer'],
    ])
    expect((await list({ instrument_name: 'OTHER.USE-PHYS' })).told).toEqual([])
  })

  test('need an account, and a cursor of this list', async () => {
    expect(await list({}, 'nobody')).toMatchObject({ status: 403, code: 'account-not-open' })
    const { next } = await list({ limit: '1' })
    expect(await list({ limit: '1', side: 'buyer', cursor: String(next) })).toMatchObject({ code: 'invalid-cursor' })
    expect((await list({ delivery_state: 'lost' })).status).toBe(400)
  })
})
