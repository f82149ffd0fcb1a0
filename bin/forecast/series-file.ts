import { readFileSync, statSync } from 'node:fs'
import * as z from 'zod'
import { faultInWords, type HourlySeries, hourlySeries } from '#domain/capacity/forecast-series.ts'

/** What is wrong with a file, in words for whoever made it. */
export class BadSeries extends Error {}

/** What comes out of a file is data: no control character of it reaches a terminal. */
export const printable = (text: string): string =>
  text.replace(/\p{C}/gu, character => JSON.stringify(character).slice(1, -1))

const fileShape = z.object({
  unit: z.literal('hourly'),
  series: z.record(z.string().min(1), z.array(z.unknown())),
})

const mostFileBytes = 64 * 1024 * 1024

/** Every series of the file, or what is wrong with the first that is no series. */
export const readSeries = (file: string): ReadonlyMap<string, HourlySeries> => {
  if (statSync(file).size > mostFileBytes) throw new BadSeries(`${printable(file)} is larger than 64 MiB`)
  const form = 'expected {"unit": "hourly", "series": {"<name>": [numbers, null for an hour without one]}}'
  const told = parsed(file, readFileSync(file, 'utf8'))
  const shape = fileShape.safeParse(told)
  if (!shape.success) {
    const issue = shape.error.issues[0]
    const at = issue === undefined || issue.path.length === 0 ? '' : ` at ${printable(issue.path.join('.'))}`
    throw new BadSeries(`${printable(file)} is no file of hourly series: ${form}; ${issue?.message ?? ''}${at}`)
  }
  const names = Object.keys(shape.data.series)
  if (names.length === 0) throw new BadSeries(`${printable(file)} has no series`)
  return new Map(
    Object.entries(shape.data.series).map(([name, observed]) => {
      const wrong = observed.findIndex(value => value !== null && typeof value !== 'number')
      if (wrong >= 0)
        throw new BadSeries(
          `series ${printable(name)}: hour ${wrong + 1} is not a number but ${printable(JSON.stringify(observed[wrong])).slice(0, 40)}`,
        )
      const series = hourlySeries(observed.map(value => (typeof value === 'number' ? value : null)))
      if ('code' in series) throw new BadSeries(`series ${printable(name)} ${faultInWords(series)}`)
      return [name, series]
    }),
  )
}

const parsed = (file: string, text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new BadSeries(`${printable(file)} is not JSON: ${error instanceof Error ? printable(error.message) : ''}`)
  }
}
