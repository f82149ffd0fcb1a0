import { type Instrument, microHoursOfLot } from '../reference/instrument.ts'
import type { BookLevel } from '../trading/book-side.ts'
import { hourMillis } from './capacity-request.ts'
import { type CapacitySource, type ResourceVector, unitOfClass } from './capacity-source.ts'

/** What a future delivers: one unit takes so many lots, through all of its hours. */
export interface DeliveredUnit {
  readonly resourceClass: string
  readonly region: string
  readonly vector: ResourceVector
  readonly firstHour: number
  /** Exclusive. */
  readonly endHour: number
  readonly lotsOfUnit: number
}

/**
 * Undefined of what is settled in cash, of what can no longer be traded, and where hours or units are not whole: half a unit is
 * none.
 */
export const deliveredUnit = (instrument: Instrument, nowMillis: number): DeliveredUnit | undefined => {
  const { terms, specification } = instrument
  if (terms.kind !== 'future' || terms.delivery === undefined) return undefined
  const { index, delivery } = terms
  const dot = index.indexOf('.')
  const [firstHour, endHour] = [delivery.startMillis / hourMillis, delivery.endMillis / hourMillis]
  if (dot < 1 || dot === index.length - 1 || specification.expirationMillis <= nowMillis) return undefined
  if (!Number.isInteger(firstHour) || !Number.isInteger(endHour) || delivery.startMillis < nowMillis) return undefined
  const microHours = microHoursOfLot(instrument)
  const ofUnit = (endHour - firstHour) * 1_000_000
  if (microHours === undefined || microHours === 0 || ofUnit % microHours !== 0) return undefined
  const resourceClass = index.slice(0, dot)
  return {
    resourceClass,
    region: index.slice(dot + 1),
    vector: unitOfClass(resourceClass),
    firstHour,
    endHour,
    lotsOfUnit: ofUnit / microHours,
  }
}

/** What a unit costs at a price of the book, for each of its hours, its commission included; rounded up. */
const hourMicrosAt = (
  { microsPerTickLot, specification }: Instrument,
  { lotsOfUnit, firstHour, endHour }: DeliveredUnit,
  ticks: number,
): number => {
  const lotMicros = ticks * microsPerTickLot
  const feeMicros = Math.ceil((lotMicros * specification.takerCommissionPpm) / 1_000_000)
  return Math.ceil(((lotMicros + feeMicros) * lotsOfUnit) / (endHour - firstHour))
}

/**
 * The asks of a book as sources, one for each price: together never more units than stand there, each at the price of the
 * dearest of its lots. A unit is paid for through all hours of the delivery, whoever needs fewer of them.
 */
export const futureSources = (
  instrument: Instrument,
  unit: DeliveredUnit,
  /** Best first. */
  asks: readonly BookLevel[],
  accounts: readonly string[],
): readonly CapacitySource[] => {
  const { resourceClass, region, vector, firstHour, endHour, lotsOfUnit } = unit
  const { instrumentId, specificationVersion, specification } = instrument
  const sources: CapacitySource[] = []
  let [lotsThere, unitsThere] = [0, 0]
  for (const { ticks, lots } of asks) {
    lotsThere += lots
    const units = Math.floor(lotsThere / lotsOfUnit) - unitsThere
    if (units === 0) continue
    unitsThere += units
    sources.push({
      sourceId: specification.instrumentName,
      kind: 'future',
      accounts,
      resourceClass,
      region,
      vector,
      priceMicrosPerUnitHour: hourMicrosAt(instrument, unit, ticks),
      hoursPaid: endHour - firstHour,
      isPreemptible: false,
      minimumUnits: 1,
      firstHour,
      units: new Array<number>(endHour - firstHour).fill(units),
      order: { instrumentId, specificationVersion, limitTicks: ticks, lotsOfUnit },
    })
  }
  return sources
}
