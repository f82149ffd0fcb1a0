import { afterAll, afterEach, beforeEach, expect, test } from '@jest/globals'
import { openPartnerFloor } from '#test/support/partner-floor.ts'

const floor = await openPartnerFloor()
beforeEach(() => floor.reset())
afterEach(() => floor.end())
afterAll(() => floor.stop())

test('by lot and hour: what is bought of a contract is reserved there; what is over is delivered or has expired', async () => {
  const contractId = await floor.contract(10, {}, 'alice')
  await floor.buy('alice', `contract:${contractId}`, 3)
  await floor.settle()
  const [bought, contract] = await floor.inventory('alice')
  expect(bought).toMatchObject({ kind: 'purchase', units: 3, starts_at: floor.hour(1), ends_at: floor.hour(5) })
  expect(contract).toMatchObject({
    kind: 'contract',
    lot_id: contractId,
    unit_hours: { available: 240 - 12, reserved: 12, delivered: 0, expired: 0 },
  })
  expect(await floor.inventory('bob')).toEqual([])
  const window = { starts_at: floor.hour(0), ends_at: floor.hour(6) }
  floor.forward(3 * 3_600_000)
  const { body } = await floor.request('list-partner-inventory', { as: { account: 'alice' }, query: window })
  expect(body).toMatchObject({
    data: [
      { unit_hours: { available: 6, expired: 6 } },
      { unit_hours: { available: 24, reserved: 6, delivered: 6, expired: 24 } },
    ],
  })
  floor.forward(24 * 3_600_000)
  const later = await floor.request('list-partner-inventory', { as: { account: 'alice' }, query: window })
  expect(later.body).toMatchObject({
    data: [
      { unit_hours: { available: 0, expired: 12 } },
      { unit_hours: { available: 0, reserved: 0, delivered: 12, expired: 48 } },
    ],
  })
})

test('a lot that ends soon is no longer told as offered once nothing is left of it', async () => {
  const contractId = await floor.contract(10)
  await floor.buy('alice', `contract:${contractId}`, 3)
  await floor.settle()
  await floor.sweep()
  const [lot] = await floor.inventory('alice')
  expect(lot).toMatchObject({ is_expiring: true, offered_price: '1' })
  await floor.buy('bob', `lot:${lot?.['lot_id']}`, 3, { price: '1' })
  await floor.settle()
  expect(await floor.inventory('alice')).toMatchObject([{ is_expiring: false, offered_price: null }])
})

test('windows that are none are refused', async () => {
  for (const query of [
    { starts_at: floor.hour(5), ends_at: floor.hour(1) },
    { starts_at: floor.hour(0), ends_at: floor.hour(337) },
  ]) {
    const { body } = await floor.request('list-partner-inventory', { as: { account: 'alice' }, query })
    expect(body['code']).toBe('capacity-window-invalid')
  }
})
