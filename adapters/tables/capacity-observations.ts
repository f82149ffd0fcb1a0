import { tables } from '#protocol/tables.ts'
import { type Item, integer } from '../items.ts'
import { page } from '../pages.ts'
import { store } from '../writes.ts'

const table = tables.capacityObservations

const hourMillis = 3_600_000
const dayMillis = 24 * hourMillis

/** What is told of a resource, hour by hour. */
export interface ObservedSeries {
  readonly measure: string
  readonly resourceClass: string
  readonly region: string
}

const seriesOf = ({ measure, resourceClass, region }: ObservedSeries): string => `${measure}#${resourceClass}#${region}`
const attributeOf = (hour: number): string => `hour_${String(hour).padStart(2, '0')}_micros`

/** Of hours that follow one another; null takes back what was there. Again: the same. */
export const putObservations = async (
  series: ObservedSeries,
  startMillis: number,
  micros: readonly (number | null)[],
): Promise<void> => {
  const days = Map.groupBy(
    micros.map((value, at) => ({ value, millis: startMillis + at * hourMillis })),
    ({ millis }) => Math.floor(millis / dayMillis) * dayMillis,
  )
  const rest = [...days]
  const work = async (): Promise<void> => {
    for (let next = rest.shift(); next !== undefined; next = rest.shift()) await putDay(series, ...next)
  }
  await Promise.all(Array.from({ length: mostAtOnce }, work))
}

const mostAtOnce = 8

interface ToldHour {
  readonly value: number | null
  readonly millis: number
}

const putDay = async (series: ObservedSeries, dayStartMillis: number, hours: readonly ToldHour[]): Promise<void> => {
  const named = hours.map(({ value, millis }) => ({ name: attributeOf((millis - dayStartMillis) / hourMillis), value }))
  const removed = named.flatMap(({ name, value }) => (value === null ? [name] : []))
  await store({
    kind: 'update',
    table,
    key: { series: seriesOf(series), day_millis: dayStartMillis },
    set: {
      ...Object.fromEntries(named.flatMap(({ name, value }) => (value === null ? [] : [[name, value]]))),
      // An update that only removes would set nothing.
      is_told: true,
    },
    ...(removed.length > 0 && { remove: removed }),
  })
}

const mostDays = 500

/** By the hour that each begins; those of at most 500 days from one instant on and before another. */
export const listObservations = async (
  series: ObservedSeries,
  fromMillis: number,
  beforeMillis: number,
): Promise<ReadonlyMap<number, number>> => {
  const found = new Map<number, number>()
  if (fromMillis >= beforeMillis) return found
  const { rows } = await page(
    {
      table,
      partition: { name: 'series', value: seriesOf(series) },
      sortKeyName: 'day_millis',
      between: [Math.max(0, fromMillis - dayMillis), beforeMillis - 1],
      limit: mostDays,
    },
    hoursOf,
  )
  for (const [millis, micros] of rows.flat())
    if (millis >= fromMillis && millis < beforeMillis) found.set(millis, micros)
  return found
}

const hoursOf = (item: Item): readonly (readonly [number, number])[] =>
  Array.from({ length: 24 }, (_, hour) => hour).flatMap(hour => {
    const name = attributeOf(hour)
    return item[name] === undefined
      ? []
      : [[integer(item, 'day_millis') + hour * hourMillis, integer(item, name)] as const]
  })
