import { type InstrumentRow, instrumentsOf } from '#adapters/tables/instruments.ts'
import { type DeliveredUnit, deliveredUnit } from '#domain/capacity/future-sources.ts'

/** Hours since 1970, the last excluded. */
export interface Hours {
  readonly firstHour: number
  readonly endHour: number
}

interface TradedFuture {
  readonly row: InstrumentRow
  readonly unit: DeliveredUnit
}

/** Those of a lane that deliver in some of the regions in some of the hours. */
export const tradedFutures = async (
  lane: number,
  regions: readonly string[],
  { firstHour, endHour }: Hours,
  nowMillis: number,
): Promise<readonly TradedFuture[]> =>
  (await instrumentsOf(lane)).flatMap(row => {
    const unit = row.isActive ? deliveredUnit(row.instrument, nowMillis) : undefined
    if (unit === undefined || !regions.includes(unit.region)) return []
    return unit.firstHour < endHour && unit.endHour > firstHour ? [{ row, unit }] : []
  })
