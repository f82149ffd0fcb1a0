import { type AllocationRow, getAllocation, replaceAllocation } from '#adapters/tables/capacity-allocations.ts'
import { contractsFor } from '#adapters/tables/partner-contracts.ts'
import { readWindow, type WindowFault } from '#domain/capacity/capacity-request.ts'
import { type CapacityNeed, placesInUnit, type ResourceVector, unitOfClass } from '#domain/capacity/capacity-source.ts'
import { auctionedUnit } from '#domain/capacity/day-ahead-sources.ts'
import { hourMillis } from '#domain/partners/catalogue.ts'
import { micros } from '#domain/units.ts'
import type { CapacityRequestBody, requestCapacity } from '#protocol/operations/capacity.ts'
import { laneRules } from '../day-ahead/auction-rules.ts'
import type { Handle, Rejection } from '../shell/http.ts'
import { nameBasedUuid } from '../shell/name-based-uuid.ts'
import { bodyHash } from '../shell/named-request.ts'
import { type Trader, traderOf } from '../trading/trader.ts'
import { allocationView } from './allocation-view.ts'
import { capacitySources } from './capacity-sources.ts'
import { tradedFutures } from './traded-futures.ts'

export const handle: Handle<typeof requestCapacity> = async ({ body, principal, idempotencyKey }) => {
  const allocationId = nameBasedUuid(`capacity-request#${principal.account}#${idempotencyKey}`)
  const hash = bodyHash(body)
  const before = await getAllocation(allocationId)
  if (before !== undefined) return repeated(before, hash)
  const trader = await traderOf(principal)
  if (trader === undefined) return { code: 'account-not-open' }
  const row = await decide(body, trader, allocationId, hash)
  if ('code' in row) return row
  if (!(await replaceAllocation(row, undefined))) {
    const other = await getAllocation(allocationId)
    if (other === undefined) throw new Error(`the request ${allocationId} is gone`)
    return repeated(other, hash)
  }
  return accepted(row)
}

const repeated = (row: AllocationRow, hash: string) =>
  row.bodyHash === hash ? accepted(row) : { code: 'idempotency-conflict' as const }

const accepted = (row: AllocationRow) => ({
  status: 202 as const,
  body: allocationView(row),
  headers: { location: `/api/v1/capacity/allocation/${row.allocationId}` },
})

const decide = async (
  body: CapacityRequestBody,
  { account, accountId, lane }: Trader,
  allocationId: string,
  hash: string,
): Promise<AllocationRow | Rejection<'invalid-request' | 'capacity-window-invalid' | 'unknown-resource'>> => {
  const nowMillis = Date.now()
  const budgetMicros = micros(body.budget)
  if (budgetMicros === undefined) return invalid('#/budget', 'must be USD with at most 6 digits after the point')
  const window = readWindow(
    {
      earliestStartMillis: Date.parse(body.earliest_start),
      endMillis: Date.parse(body.window_end),
      durationHours: body.duration_hours,
      isFlexible: body.flexibility === 'start',
      ...(body.latest_start !== undefined && { latestStartMillis: Date.parse(body.latest_start) }),
    },
    nowMillis,
  )
  if (typeof window === 'string') {
    const [field, detail] = faults[window]
    return { code: 'capacity-window-invalid', errors: [{ pointer: `#/${field}`, detail }] }
  }
  const vector = vectorAsked(body)
  if (vector === undefined) return invalid('#/resources', 'must have something in it, or name a resource_class')
  const regions = [...new Set(body.regions)]
  const need: CapacityNeed = {
    places: body.units,
    vector,
    ...(body.resource_class !== undefined && { resourceClass: body.resource_class }),
  }
  const unknown = await unknownResource(need, regions, { account, lane }, window, nowMillis)
  if (unknown !== undefined) return unknown
  return {
    allocationId,
    account,
    accountId,
    lane,
    state: 'requested',
    service: body.service,
    ...(body.resource_class !== undefined && { resourceClass: body.resource_class }),
    resources: JSON.stringify(vector),
    units: body.units,
    regions,
    earliestStartMillis: window.earliestHour * hourMillis,
    latestStartMillis: window.latestHour * hourMillis,
    windowEndMillis: window.endHour * hourMillis,
    durationHours: body.duration_hours,
    flexibility: body.flexibility,
    priority: body.priority,
    budgetMicros,
    isPreemptible: body.preemptible,
    bodyHash: hash,
    requestedAtMillis: nowMillis,
    updatedAtMillis: nowMillis,
    plansMissed: 0,
    shares: [],
    isOrdering: false,
    avoidedSources: [],
    isReleasing: false,
    isLapsed: false,
  }
}

const invalid = (pointer: string, detail: string): Rejection<'invalid-request'> => ({
  code: 'invalid-request',
  errors: [{ pointer, detail }],
})

const faults: Readonly<Record<WindowFault, readonly [field: keyof CapacityRequestBody, detail: string]>> = {
  'earliest-not-an-hour': ['earliest_start', 'must be the beginning of an hour'],
  'latest-not-an-hour': ['latest_start', 'must be the beginning of an hour'],
  'end-not-an-hour': ['window_end', 'must be the end of an hour'],
  'earliest-past': ['earliest_start', 'has passed'],
  'end-before-start': ['window_end', 'must be after earliest_start'],
  'latest-before-earliest': ['latest_start', 'must not be before earliest_start'],
  'latest-not-flexible': ['latest_start', 'is for flexibility start'],
  'too-short': ['window_end', 'leaves less than duration_hours'],
  'latest-too-late': ['latest_start', 'leaves less than duration_hours before window_end'],
  'too-long': ['window_end', 'must be at most 60 days after earliest_start'],
}

/** A class alone: one GPU of it, or one processor of what has none. */
const vectorAsked = ({ resources, resource_class }: CapacityRequestBody): ResourceVector | undefined => {
  if (resources === undefined) return resource_class === undefined ? undefined : unitOfClass(resource_class)
  const { gpus = 0, vcpus = 0, memory_gib: memoryGib = 0, storage_tib: storageTib = 0 } = resources
  if (gpus + vcpus + memoryGib + storageTib > 0) return { gpus, vcpus, memoryGib, storageTib }
  return undefined
}

/** Whether anybody has such units there at all; whether there are enough is for the plan to find. */
const unknownResource = async (
  need: CapacityNeed,
  regions: readonly string[],
  { account, lane }: Pick<Trader, 'account' | 'lane'>,
  { earliestHour, endHour }: { readonly earliestHour: number; readonly endHour: number },
  nowMillis: number,
): Promise<Rejection<'unknown-resource'> | undefined> => {
  // What is sold out for now is known all the same.
  const hours = { firstHour: earliestHour, endHour }
  const [offered, contracts, futures, auctions] = await Promise.all([
    capacitySources([{ account, regions }], hours, nowMillis),
    contractsFor(account, regions),
    tradedFutures(lane, regions, hours, nowMillis),
    laneRules(lane, nowMillis),
  ])
  const auctioned = auctions.rules.flatMap(({ market, isActive }) => (isActive ? (auctionedUnit(market) ?? []) : []))
  const sources = [...offered, ...contracts, ...futures.map(({ unit }) => unit), ...auctioned]
  const unserved = regions.find(region => !sources.some(source => source.region === region))
  if (unserved !== undefined)
    return {
      code: 'unknown-resource',
      errors: [
        { pointer: `#/regions/${regions.indexOf(unserved)}`, detail: 'is no region in which anything is to be had' },
      ],
    }
  if (sources.some(source => placesInUnit(need, source) > 0)) return undefined
  return {
    code: 'unknown-resource',
    errors: [
      need.resourceClass === undefined
        ? { pointer: '#/resources', detail: 'is more than any unit has there' }
        : sources.some(({ resourceClass }) => resourceClass === need.resourceClass)
          ? { pointer: '#/resources', detail: 'is more than any unit of the class has there' }
          : { pointer: '#/resource_class', detail: 'is none that is to be had in these regions' },
    ],
  }
}
