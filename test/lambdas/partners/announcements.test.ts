import { beforeEach, expect, test } from '@jest/globals'
import { type LotRow, lotPut } from '#adapters/tables/partner-inventory.ts'
import { type PurchasePart, type PurchaseRow, purchasePut } from '#adapters/tables/partner-purchases.ts'
import { mockBus, tableChanges } from '#test/support/announced.ts'
import { lambdaContext } from '#test/support/http-requests.ts'

/** What services hear of purchases and of lots that end soon; each event is held against its schema by the bus. */

const bus = mockBus()
const { handler: announcePurchases } = await import('#lambdas/partners/announce-purchases.ts')
const { handler: announceInventory } = await import('#lambdas/partners/announce-inventory.ts')
beforeEach(() => bus.reset())

const what = {
  account: 'alice',
  accountId: 1,
  lane: 1,
  provider: 'aws' as const,
  resourceClass: 'H100',
  region: 'USE',
  vector: { gpus: 1, vcpus: 8, memoryGib: 64, storageTib: 0 },
  units: 4,
  fromMillis: Date.UTC(2026, 10, 27, 8),
  untilMillis: Date.UTC(2026, 10, 27, 12),
  createdAtMillis: 1,
}
const part: PurchasePart = {
  ...what,
  offerId: 'contract:01900000-0000-7000-8000-000000000002',
  pricing: 'contract',
  source: 'contract',
  costMicros: 16_000_000,
}
const purchase = (state: PurchaseRow['state'], more: Partial<PurchaseRow> = {}) =>
  purchasePut({
    ...what,
    purchaseId: '01900000-0000-7000-8000-000000000001',
    state,
    parts: [part, { ...part, units: 1 }],
    partsDone: 0,
    costMicros: 32_000_000,
    bodyHash: 'x',
    updatedAtMillis: 2,
    attempt: 1,
    ...more,
  })
const lot = (more: Partial<LotRow> = {}) =>
  lotPut({
    ...what,
    lotId: '01900000-0000-7000-8000-000000000003',
    kind: 'purchase',
    state: 'open',
    priceMicrosPerUnitHour: 2_000_000,
    reference: '01900000-0000-7000-8000-000000000001',
    ...more,
  })
const told = () =>
  bus.announced.map(({ name, detail }) => [name, detail['units'], detail['reason'] ?? detail['offered_price']])

test('each part of a purchase is told once it is over, and nothing before', async () => {
  await announcePurchases(
    tableChanges(
      { now: purchase('requested') },
      { now: purchase('capturing'), before: purchase('booked') },
      { now: purchase('completed'), before: purchase('capturing') },
      { now: purchase('completed'), before: purchase('completed') },
      { now: purchase('failed', { failure: 'insufficient-funds' }), before: purchase('undoing') },
    ),
    lambdaContext,
  )
  expect(told()).toEqual([
    ['PartnerPurchaseCompleted.v1', 4, undefined],
    ['PartnerPurchaseCompleted.v1', 1, undefined],
    ['PartnerPurchaseFailed.v1', 4, 'insufficient-funds'],
    ['PartnerPurchaseFailed.v1', 1, 'insufficient-funds'],
  ])
  const ids = bus.announced.map(({ detail }) => detail['event_id'])
  expect(new Set(ids).size).toBe(4)
  expect(bus.announced[0]?.detail).toMatchObject({
    parts: 2,
    event_id: `${bus.announced[0]?.detail['lot_id']}:completed`,
  })
})

test('a lot that ends soon is told when it is flagged, and no other change of it', async () => {
  const expiring = { sinceMillis: 5, priceMicrosPerUnitHour: 1_000_000 }
  await announceInventory(
    tableChanges(
      { now: lot() },
      { now: lot({ expiring }), before: lot() },
      { now: lot({ expiring }), before: lot({ expiring }) },
      { now: { ...lot(), kind: 'put', item: { lot_id: 'l', row: 'day#2026-11-27', a08: 4 } } },
    ),
    lambdaContext,
  )
  expect(told()).toEqual([['InventoryExpiring.v1', 4, '1']])
})
