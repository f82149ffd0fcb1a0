/** Where units may come from, as the planner sees it: whoever adds a kind of source adds entries of this list only. */
export interface CapacitySource {
  /** Known to whoever books it. */
  readonly sourceId: string
  readonly kind: 'inventory' | 'partner' | 'day_ahead' | 'future'
  readonly provider?: string
  /** Who may have it; anybody where absent. */
  readonly accounts?: readonly string[]
  readonly resourceClass: string
  readonly region: string
  /** What one unit is. */
  readonly vector: ResourceVector
  /** USD micros; 0 for what is paid for already. */
  readonly priceMicrosPerUnitHour: number
  /** A unit is paid for so many hours, however few of them are used; for those that are used unless told. */
  readonly hoursPaid?: number
  /** Its provider may take it back: for preemptible requests only. */
  readonly isPreemptible: boolean
  /** Fewer of them are not to be had. */
  readonly minimumUnits: number
  /** Since 1970. */
  readonly firstHour: number
  /** Units there are in each hour from `firstHour` on, at once; none before and after. */
  readonly units: readonly number[]
  /** Of a future: what buys a unit of it. */
  readonly order?: FutureOrder
  /** Of a day-ahead auction: what bids for units of it. */
  readonly bid?: DayAheadUnitBid
}

/** A unit in each hour of a run, at a limit, in all of them or in none. */
export interface DayAheadUnitBid {
  readonly deliveryDate: string
  readonly market: string
  readonly limitTicks: number
  readonly lotsOfUnit: number
}

/**
 * What a run may be made of: sources of one class in one region. A bid is by itself: what is won is known once the gate has
 * closed, and nothing else is kept waiting for it.
 */
export const placeOf = ({ resourceClass, region, kind }: CapacitySource): string =>
  JSON.stringify([resourceClass, region, ...(kind === 'day_ahead' ? [kind] : [])])

/** A unit through all hours of a future's delivery, at one price of its book. */
export interface FutureOrder {
  readonly instrumentId: number
  readonly specificationVersion: number
  readonly limitTicks: number
  readonly lotsOfUnit: number
}

/** USD micros: one unit through so many hours of a run. */
export const unitCostMicros = (
  { priceMicrosPerUnitHour, hoursPaid = 0 }: Pick<CapacitySource, 'priceMicrosPerUnitHour' | 'hoursPaid'>,
  hours: number,
): number => priceMicrosPerUnitHour * Math.max(hours, hoursPaid)

export interface ResourceVector {
  readonly gpus: number
  readonly vcpus: number
  readonly memoryGib: number
  readonly storageTib: number
}

const nothing: ResourceVector = { gpus: 0, vcpus: 0, memoryGib: 0, storageTib: 0 }

/** What is traded of a class alone: one GPU of it, or one processor of what has none. */
export const unitOfClass = (resourceClass: string): ResourceVector =>
  resourceClass.startsWith('CPU') ? { ...nothing, vcpus: 1 } : { ...nothing, gpus: 1 }

/** So many places, each with such resources within one unit of whatever serves it. */
export interface CapacityNeed {
  readonly places: number
  readonly vector: ResourceVector
  /** Of that class only; any whose units have room unless told. */
  readonly resourceClass?: string
}

const parts = ['gpus', 'vcpus', 'memoryGib', 'storageTib'] as const

/** How many of the places fit into one unit, at most all: 0 where none does. */
export const placesInUnit = (
  { places, vector: needed, resourceClass }: CapacityNeed,
  source: Pick<CapacitySource, 'resourceClass' | 'vector'>,
): number => {
  if (resourceClass !== undefined && resourceClass !== source.resourceClass) return 0
  let fitting = places
  // The tolerance is for amounts that binary fractions only come near to: 0.3 has three times 0.1.
  for (const part of parts)
    if (needed[part] > 0) fitting = Math.min(fitting, Math.floor(source.vector[part] / needed[part] + 1e-9))
  return fitting
}
