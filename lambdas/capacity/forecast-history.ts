import { listCandles } from '#adapters/tables/candles.ts'
import { capacityWanted } from '#adapters/tables/capacity-allocations.ts'
import { listObservations } from '#adapters/tables/capacity-observations.ts'
import { listFixings } from '#adapters/tables/fixings.ts'
import { type InstrumentRow, instrumentsOf } from '#adapters/tables/instruments.ts'
import type { Candle } from '#domain/trading/candles.ts'
import { decimal } from '#domain/units.ts'
import type { ForecastMeasure, ForecastSource } from '#protocol/capacity-forecasts.ts'
import { definitionOf } from '../shell/index-level.ts'
import { tenantLanes } from '../shell/lanes.ts'

export const hourMillis = 3_600_000
const microsOfUnit = 1_000_000

export interface AskedSeries {
  readonly resourceClass: string
  readonly region: string
  readonly measure: ForecastMeasure
}

export interface ForecastHistory {
  readonly source: ForecastSource
  /** Of the first hour. */
  readonly startMillis: number
  /** By hour, up to the one before that under way; null where there is none. */
  readonly observed: readonly (number | null)[]
}

/** Four weeks: enough for a season of a week, fitted within a second. */
const mostHours = 672
/** Of an index that is fixed more often than hourly. */
const mostFixings = 20_000

/** What the exchange knows of the past; undefined where it knows of no such resource. */
export const historyOf = async (asked: AskedSeries, nowMillis: number): Promise<ForecastHistory | undefined> => {
  const endMillis = Math.floor(nowMillis / hourMillis) * hourMillis
  const observed = await listObservations(asked, endMillis - mostHours * hourMillis, endMillis)
  const told = new Map([...observed].map(([millis, micros]) => [millis, micros / microsOfUnit]))
  return asked.measure === 'price'
    ? priceHistory(asked, told, endMillis, nowMillis)
    : demandHistory(asked, told, endMillis)
}

/** Where there are fixings they are what it is: observations stand for the hours before and between. */
const priceHistory = async (
  { resourceClass, region }: AskedSeries,
  told: ReadonlyMap<number, number>,
  endMillis: number,
  nowMillis: number,
): Promise<ForecastHistory | undefined> => {
  const definition = await definitionOf(`${resourceClass}.${region}`, nowMillis)
  if (definition === undefined) return told.size === 0 ? undefined : historyFrom('observations', told, endMillis)
  const { fixingIntervalMillis } = definition
  const hours = Math.min(mostHours, Math.floor((mostFixings * fixingIntervalMillis) / hourMillis))
  const fixings = await listFixings(definition.index, endMillis - hours * hourMillis, endMillis - 1)
  const means = new Map(
    [...Map.groupBy(fixings, ({ fixingMillis }) => Math.floor(fixingMillis / hourMillis) * hourMillis)].map(
      ([millis, ofHour]) => [millis, ofHour.reduce((sum, { level }) => sum + Number(level), 0) / ofHour.length],
    ),
  )
  const held = heldFor(means, fixingIntervalMillis, endMillis)
  const source = told.size === 0 ? 'fixings' : held.size === 0 ? 'observations' : 'fixings_and_observations'
  return historyFrom(source, new Map([...told, ...held]), endMillis)
}

/** A level that is fixed less often than hourly holds until the next. */
const heldFor = (
  means: ReadonlyMap<number, number>,
  intervalMillis: number,
  endMillis: number,
): ReadonlyMap<number, number> => {
  if (intervalMillis <= hourMillis) return means
  const held = new Map<number, number>()
  for (const [millis, level] of means)
    for (let hour = millis; hour < Math.min(endMillis, millis + intervalMillis); hour += hourMillis)
      if (hour === millis || !means.has(hour)) held.set(hour, level)
  return held
}

/**
 * Told demand is demand; without it what was asked for by requests for capacity; where nobody ever did, what was traded in the
 * futures on the index.
 */
const demandHistory = async (
  { resourceClass, region }: AskedSeries,
  told: ReadonlyMap<number, number>,
  endMillis: number,
): Promise<ForecastHistory | undefined> => {
  if (told.size > 0) return historyFrom('observations', told, endMillis)
  const requested = await requestedUnits(resourceClass, region, endMillis)
  if (requested.size > 0) return historyFrom('capacity_requests', requested, endMillis)
  const index = `${resourceClass}.${region}`
  const lanes = await Promise.all(tenantLanes().map(instrumentsOf))
  const futures = lanes
    .flat()
    .filter(({ instrument }) => instrument.terms.kind === 'future' && instrument.specification.underlying === index)
  if (futures.length === 0) return undefined
  const volumes = new Map<number, number>()
  for (const row of futures)
    for (const candle of await candlesOf(row, endMillis)) {
      const { minTradeAmount, contractSize } = row.instrument.specification
      const volume = Number(decimal(candle.volumeLots, minTradeAmount)) * Number(contractSize)
      volumes.set(candle.startMillis, (volumes.get(candle.startMillis) ?? 0) + volume)
    }
  // Where they could be traded and nothing was, the volume is zero.
  const since = Math.max(
    endMillis - mostHours * hourMillis,
    Math.ceil(Math.min(...futures.map(({ listedAtMillis }) => listedAtMillis)) / hourMillis) * hourMillis,
  )
  for (let hour = since; hour < endMillis; hour += hourMillis) volumes.set(hour, volumes.get(hour) ?? 0)
  return historyFrom('traded_volume', volumes, endMillis)
}

/** By hour since the first request began, at the earliest that each could begin. */
const requestedUnits = async (
  resourceClass: string,
  region: string,
  endMillis: number,
): Promise<ReadonlyMap<number, number>> => {
  const since = endMillis - mostHours * hourMillis
  const wanted = await capacityWanted(resourceClass, region, since - longestRequestMillis, endMillis)
  const units = new Map<number, number>()
  const first = Math.min(...wanted.map(({ earliestStartMillis }) => earliestStartMillis))
  for (let hour = Math.max(since, first); hour < endMillis; hour += hourMillis) units.set(hour, 0)
  for (const request of wanted)
    for (let at = 0; at < request.durationHours; at += 1) {
      const hour = request.earliestStartMillis + at * hourMillis
      const before = units.get(hour)
      if (before !== undefined) units.set(hour, before + request.units)
    }
  return units
}

/** No request asks for more hours in one piece. */
const longestRequestMillis = 720 * hourMillis

const candlesOfRead = 500

const candlesOf = async ({ lane, instrument }: InstrumentRow, endMillis: number): Promise<readonly Candle[]> => {
  const found: Candle[] = []
  for (let before: number | undefined = endMillis; before !== undefined; ) {
    const { rows, next } = await listCandles(lane, instrument.instrumentId, '1h', {
      limit: candlesOfRead,
      startMillis: endMillis - mostHours * hourMillis,
      endMillis: before,
    })
    found.push(...rows)
    before = next === undefined ? undefined : Number(next)
  }
  return found
}

/** From the first hour that is known. Of a gap of more than two days only what comes after it. */
const historyFrom = (
  source: ForecastSource,
  known: ReadonlyMap<number, number>,
  endMillis: number,
): ForecastHistory => {
  const hours = [...known.keys()].filter(millis => millis < endMillis).sort((a, b) => a - b)
  let start = endMillis
  for (const millis of hours.toReversed()) {
    if (start - millis > longestGapMillis) break
    start = millis
  }
  return {
    source,
    startMillis: start,
    observed: Array.from(
      { length: (endMillis - start) / hourMillis },
      (_, at) => known.get(start + at * hourMillis) ?? null,
    ),
  }
}

const longestGapMillis = 48 * hourMillis
