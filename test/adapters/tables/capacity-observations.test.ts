import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals'
import { type AllocationRow, capacityWanted, replaceAllocation } from '#adapters/tables/capacity-allocations.ts'
import { listObservations, putObservations } from '#adapters/tables/capacity-observations.ts'
import { type LocalTables, startTables } from '#test/support/dynamodb-local.ts'

let tables: LocalTables
beforeAll(async () => {
  tables = await startTables()
})
afterAll(() => tables.stop())
beforeEach(() => tables.renew('capacityObservations', 'capacityAllocations'))

const hour = 3_600_000
const start = Date.parse('2026-11-19T22:00:00Z')
const series = { measure: 'price', resourceClass: 'H100', region: 'USE' }

test('hours come back as they were told last, by series, from an instant on and before another', async () => {
  await putObservations(series, start, [1, 2, null, 4])
  await putObservations({ ...series, region: 'USW' }, start, [9])
  expect(await listObservations(series, 0, start + 24 * hour)).toEqual(
    new Map([
      [start, 1],
      [start + hour, 2],
      [start + 3 * hour, 4],
    ]),
  )
  await putObservations(series, start + hour, [null, 3])
  expect(await listObservations(series, start + hour, start + 3 * hour)).toEqual(new Map([[start + 2 * hour, 3]]))
  expect(await listObservations(series, start, start)).toEqual(new Map())
})

test('a day of which nothing is known yet may be told to have nothing', async () => {
  await putObservations(series, start, [null])
  expect(await listObservations(series, 0, start + hour)).toEqual(new Map())
})

const allocation = (at: number, change: Partial<AllocationRow> = {}): AllocationRow => ({
  allocationId: `0190a6f2-5d3c-7b1e-9c57-3a1f0e6f9${String(at).padStart(3, '0')}`,
  account: 'acme',
  accountId: 7,
  lane: 1,
  state: 'requested',
  service: 'mlops',
  resourceClass: 'H100',
  resources: '{}',
  units: at,
  regions: ['USE', 'USW'],
  earliestStartMillis: start + at * hour,
  latestStartMillis: start + at * hour,
  windowEndMillis: start + (at + 2) * hour,
  durationHours: 2,
  flexibility: 'none',
  priority: 3,
  budgetMicros: 1,
  isPreemptible: false,
  bodyHash: 'x',
  requestedAtMillis: start,
  updatedAtMillis: start,
  plansMissed: 0,
  shares: [],
  isOrdering: false,
  avoidedSources: [],
  isReleasing: false,
  isLapsed: false,
  ...change,
})

test('what was asked for of a class comes back by when it would begin, of the first region only', async () => {
  const { resourceClass: _, ...classless } = allocation(250)
  for (const row of [...Array.from({ length: 230 }, (_each, at) => allocation(at)), classless])
    expect(await replaceAllocation(row, undefined)).toBe(true)
  const wanted = await capacityWanted('H100', 'USE', start + 5 * hour, start + 300 * hour)
  expect(wanted).toEqual(
    Array.from({ length: 225 }, (_each, at) => ({
      earliestStartMillis: start + (at + 5) * hour,
      durationHours: 2,
      units: at + 5,
    })),
  )
  expect(await capacityWanted('H100', 'USE', start, start + 2 * hour)).toHaveLength(2)
  expect(await capacityWanted('H100', 'USW', 0, start + 300 * hour)).toEqual([])
})
