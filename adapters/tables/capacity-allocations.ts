import { GetCommand } from '@aws-sdk/lib-dynamodb'
import { type AllocationState, allocationStates, isBooked, isOpen } from '#domain/capacity/allocation.ts'
import { capacitySourceKinds } from '#protocol/capacity.ts'
import { tables } from '#protocol/tables.ts'
import { dynamodb } from '../clients/dynamodb.ts'
import { required } from '../environment.ts'
import { type Item, integer, itemsOf, listOf, oneOf, optional, text, truth } from '../items.ts'
import { type Page, page } from '../pages.ts'
import { store } from '../writes.ts'

/** A request for capacity, and what became of it. */
export interface AllocationRow {
  readonly allocationId: string
  readonly account: string
  readonly accountId: number
  readonly lane: number
  readonly state: AllocationState
  readonly service: string
  readonly resourceClass?: string
  /** JSON: gpus, vcpus, memoryGib, storageTib of one unit. */
  readonly resources: string
  readonly units: number
  readonly regions: readonly string[]
  readonly earliestStartMillis: number
  readonly latestStartMillis: number
  readonly windowEndMillis: number
  readonly durationHours: number
  readonly flexibility: 'none' | 'start'
  readonly priority: number
  readonly budgetMicros: number
  readonly isPreemptible: boolean
  readonly bodyHash: string
  readonly requestedAtMillis: number
  readonly updatedAtMillis: number
  readonly plansMissed: number
  /** Of the last plan that has decided on it. */
  readonly planId?: string
  readonly plannedAtMillis?: number
  readonly explanation?: string
  readonly startMillis?: number
  readonly endMillis?: number
  readonly costMicros?: number
  readonly shares: readonly AllocationShare[]
  /** Its orders may have gone out: whatever comes of the rest, what they are filled with is its own. */
  readonly isOrdering: boolean
  /** What refused it, by source: later plans leave them out for it. */
  readonly avoidedSources: readonly string[]
  /** Its units are being given back. */
  readonly isReleasing: boolean
  /** Nothing more will become of it, though its state could change. */
  readonly isLapsed: boolean
}

/** What of it comes from one source. What is to be booked is here before it is booked. */
export interface AllocationShare {
  readonly kind: (typeof capacitySourceKinds)[number]
  readonly sourceId: string
  readonly provider?: string
  readonly resourceClass: string
  readonly region: string
  readonly units: number
  readonly priceMicrosPerUnitHour: number
  /** Where its units lie once they are there. */
  readonly lotId?: string
  /** Of a future. */
  readonly order?: ShareOrder
  /** Of a day-ahead auction. */
  readonly bid?: ShareBid
}

export interface ShareBid {
  readonly deliveryDate: string
  readonly market: string
  readonly limitTicks: number
  readonly lotsOfUnit: number
  /** Once it is placed. */
  readonly bidId?: string
}

/** An order for some units of a future, under the id that it goes out with however often it is sent. */
export interface ShareOrder {
  readonly orderId: string
  readonly instrumentId: number
  readonly specificationVersion: number
  readonly limitTicks: number
  readonly lotsOfUnit: number
  /** What it was filled with and cost, commission included, once that is known; the share then says what was had. */
  readonly filledLots?: number
  readonly paidMicros?: number
}

const table = tables.capacityAllocations

/** Where sweeps and plans look: what waits for a plan, what waits for an award, what holds units, what gives them back. */
type AllocationPool = 'open' | 'booking' | 'bidding' | 'booked' | 'releasing'

const poolOf = (row: AllocationRow): { readonly pool: AllocationPool; readonly dueMillis: number } | undefined => {
  if (row.isReleasing) return { pool: 'releasing', dueMillis: row.updatedAtMillis }
  if (isOpen(row.state) && !row.isLapsed) return { pool: 'open', dueMillis: row.latestStartMillis }
  if (row.state === 'planned') return { pool: 'booking', dueMillis: row.updatedAtMillis }
  if (row.state === 'bidding') return { pool: 'bidding', dueMillis: row.startMillis ?? 0 }
  if (isBooked(row.state))
    return { pool: 'booked', dueMillis: (row.state === 'reserved' ? row.startMillis : row.endMillis) ?? 0 }
  return undefined
}

const keyOf = (millis: number, { allocationId }: Pick<AllocationRow, 'allocationId'>): string =>
  `${new Date(millis).toISOString()}#${allocationId}`

/** Consistent. */
export const getAllocation = async (allocationId: string): Promise<AllocationRow | undefined> => {
  const { Item } = await dynamodb().send(
    new GetCommand({
      TableName: required(table.environmentVariable),
      Key: { allocation_id: allocationId },
      ConsistentRead: true,
    }),
  )
  return Item === undefined ? undefined : rowOf(Item)
}

/** Only where there is none, or it is as it was read; false where not. */
export const replaceAllocation = (row: AllocationRow, read: AllocationRow | undefined): Promise<boolean> =>
  store({
    kind: 'put',
    table,
    item: itemOf(row),
    onlyIf: { allocation_state: read?.state, updated_at_millis: read?.updatedAtMillis },
  })

/** Newest first; from an index, so that a new one may be missing for a moment. */
export const allocationsOfAccount = (
  account: string,
  options: {
    readonly limit: number
    readonly after?: string
    readonly state?: AllocationState | undefined
    readonly service?: string | undefined
  },
): Promise<Page<AllocationRow>> =>
  page(
    {
      table,
      index: 'by-account',
      partition: { name: 'account', value: account },
      sortKeyName: 'requested_key',
      newestFirst: true,
      matching: { allocation_state: options.state, service: options.service },
      limit: options.limit,
      ...(options.after === undefined
        ? {}
        : {
            after: {
              account,
              requested_key: options.after,
              allocation_id: options.after.slice(options.after.indexOf('#') + 1),
            },
          }),
    },
    rowOf,
  )

const rowsOfRead = 200

/** What is due until then first; from an index, so that what has just changed may be missing or be there still. */
export const allocationsIn = async (
  pool: AllocationPool,
  { untilMillis, most }: { readonly untilMillis?: number; readonly most: number },
): Promise<readonly AllocationRow[]> => {
  const found: AllocationRow[] = []
  const end = untilMillis === undefined ? '~' : `${new Date(untilMillis).toISOString()}~`
  for (let from = ' '; found.length < most; ) {
    const { rows, next } = await page(
      {
        table,
        index: 'by-pool',
        partition: { name: 'pool', value: pool },
        sortKeyName: 'due_key',
        between: [from, end],
        limit: Math.min(rowsOfRead, most - found.length),
      },
      rowOf,
    )
    found.push(...rows)
    if (next === undefined) break
    from = `${next}~`
  }
  return found
}

export type WantedCapacity = Pick<AllocationRow, 'earliestStartMillis' | 'durationHours' | 'units'>

/**
 * What was asked for of a class in a region, whatever became of it, by when it would begin at the earliest: those that begin from
 * one instant on and before another. Of a request that any of several regions may serve in the first of them only; one that names
 * resources in place of a class is none of any.
 */
export const capacityWanted = async (
  resourceClass: string,
  region: string,
  fromMillis: number,
  beforeMillis: number,
): Promise<readonly WantedCapacity[]> => {
  const found: WantedCapacity[] = []
  const end = new Date(beforeMillis).toISOString()
  for (let from: string | undefined = new Date(fromMillis).toISOString(); from !== undefined; ) {
    const { rows, next }: Page<WantedCapacity> = await page(
      {
        table,
        index: 'by-resource',
        partition: { name: 'wanted', value: wantedOf(resourceClass, region) },
        sortKeyName: 'starts_key',
        between: [from, end],
        limit: rowsOfRead,
      },
      item => ({
        earliestStartMillis: integer(item, 'earliest_start_millis'),
        durationHours: integer(item, 'duration_hours'),
        units: integer(item, 'units'),
      }),
    )
    found.push(...rows)
    from = next === undefined ? undefined : `${next}~`
  }
  return found
}

const wantedOf = (resourceClass: string, region: string): string => `${resourceClass}#${region}`

const itemOf = (row: AllocationRow): Item => {
  const pool = poolOf(row)
  const [region] = row.regions
  return {
    allocation_id: row.allocationId,
    account: row.account,
    requested_key: keyOf(row.requestedAtMillis, row),
    ...(pool !== undefined && { pool: pool.pool, due_key: keyOf(pool.dueMillis, row) }),
    ...(row.resourceClass !== undefined &&
      region !== undefined && {
        wanted: wantedOf(row.resourceClass, region),
        starts_key: keyOf(row.earliestStartMillis, row),
      }),
    account_id: row.accountId,
    lane: row.lane,
    allocation_state: row.state,
    service: row.service,
    resource_class: row.resourceClass,
    resources: row.resources,
    units: row.units,
    regions: row.regions,
    earliest_start_millis: row.earliestStartMillis,
    latest_start_millis: row.latestStartMillis,
    window_end_millis: row.windowEndMillis,
    duration_hours: row.durationHours,
    flexibility: row.flexibility,
    priority: row.priority,
    budget_micros: row.budgetMicros,
    is_preemptible: row.isPreemptible,
    body_hash: row.bodyHash,
    requested_at_millis: row.requestedAtMillis,
    updated_at_millis: row.updatedAtMillis,
    plans_missed: row.plansMissed,
    plan_id: row.planId,
    planned_at_millis: row.plannedAtMillis,
    explanation: row.explanation,
    start_millis: row.startMillis,
    end_millis: row.endMillis,
    cost_micros: row.costMicros,
    shares: row.shares.map(share => ({
      source_kind: share.kind,
      source_id: share.sourceId,
      ...(share.provider !== undefined && { provider: share.provider }),
      resource_class: share.resourceClass,
      region: share.region,
      units: share.units,
      price_micros: share.priceMicrosPerUnitHour,
      ...(share.lotId !== undefined && { lot_id: share.lotId }),
      ...(share.order !== undefined && {
        order_id: share.order.orderId,
        instrument_id: share.order.instrumentId,
        specification_version: share.order.specificationVersion,
        limit_ticks: share.order.limitTicks,
        lots_of_unit: share.order.lotsOfUnit,
        ...(share.order.filledLots !== undefined && { filled_lots: share.order.filledLots }),
        ...(share.order.paidMicros !== undefined && { paid_micros: share.order.paidMicros }),
      }),
      ...(share.bid !== undefined && {
        bid_date: share.bid.deliveryDate,
        bid_market: share.bid.market,
        limit_ticks: share.bid.limitTicks,
        lots_of_unit: share.bid.lotsOfUnit,
        ...(share.bid.bidId !== undefined && { bid_id: share.bid.bidId }),
      }),
    })),
    is_ordering: row.isOrdering,
    avoided_sources: row.avoidedSources,
    is_releasing: row.isReleasing,
    is_lapsed: row.isLapsed,
  }
}

/** Of the table, or of its stream. */
export const allocationOf = (item: Item): AllocationRow => rowOf(item)

const rowOf = (item: Item): AllocationRow => ({
  allocationId: text(item, 'allocation_id'),
  account: text(item, 'account'),
  accountId: integer(item, 'account_id'),
  lane: integer(item, 'lane'),
  state: oneOf(item, 'allocation_state', allocationStates),
  service: text(item, 'service'),
  ...optional('resourceClass', item, 'resource_class', text),
  resources: text(item, 'resources'),
  units: integer(item, 'units'),
  regions: listOf(item, 'regions').map(String),
  earliestStartMillis: integer(item, 'earliest_start_millis'),
  latestStartMillis: integer(item, 'latest_start_millis'),
  windowEndMillis: integer(item, 'window_end_millis'),
  durationHours: integer(item, 'duration_hours'),
  flexibility: oneOf(item, 'flexibility', ['none', 'start']),
  priority: integer(item, 'priority'),
  budgetMicros: integer(item, 'budget_micros'),
  isPreemptible: truth(item, 'is_preemptible'),
  bodyHash: text(item, 'body_hash'),
  requestedAtMillis: integer(item, 'requested_at_millis'),
  updatedAtMillis: integer(item, 'updated_at_millis'),
  plansMissed: integer(item, 'plans_missed'),
  ...optional('planId', item, 'plan_id', text),
  ...optional('plannedAtMillis', item, 'planned_at_millis', integer),
  ...optional('explanation', item, 'explanation', text),
  ...optional('startMillis', item, 'start_millis', integer),
  ...optional('endMillis', item, 'end_millis', integer),
  ...optional('costMicros', item, 'cost_micros', integer),
  shares: itemsOf(item, 'shares').map(share => ({
    kind: oneOf(share, 'source_kind', capacitySourceKinds),
    sourceId: text(share, 'source_id'),
    ...optional('provider', share, 'provider', text),
    resourceClass: text(share, 'resource_class'),
    region: text(share, 'region'),
    units: integer(share, 'units'),
    priceMicrosPerUnitHour: integer(share, 'price_micros'),
    ...optional('lotId', share, 'lot_id', text),
    ...optional('order', share, 'order_id', orderOf),
    ...optional('bid', share, 'bid_date', bidOf),
  })),
  // Rows of the first version have neither.
  isOrdering: optional('is', item, 'is_ordering', truth).is ?? false,
  avoidedSources: optional('ids', item, 'avoided_sources', listOf).ids?.map(String) ?? [],
  isReleasing: truth(item, 'is_releasing'),
  isLapsed: truth(item, 'is_lapsed'),
})

const orderOf = (share: Item, name: string): ShareOrder => ({
  orderId: text(share, name),
  instrumentId: integer(share, 'instrument_id'),
  specificationVersion: integer(share, 'specification_version'),
  limitTicks: integer(share, 'limit_ticks'),
  lotsOfUnit: integer(share, 'lots_of_unit'),
  ...optional('filledLots', share, 'filled_lots', integer),
  ...optional('paidMicros', share, 'paid_micros', integer),
})

const bidOf = (share: Item, name: string): ShareBid => ({
  deliveryDate: text(share, name),
  market: text(share, 'bid_market'),
  limitTicks: integer(share, 'limit_ticks'),
  lotsOfUnit: integer(share, 'lots_of_unit'),
  ...optional('bidId', share, 'bid_id', text),
})
