import { readFileSync } from 'node:fs'
import * as z from 'zod'
import { mostHoldsSeconds, type Reading } from '#domain/sla/readings.ts'

/** A file that is no availability series: told to whoever named it, without a stack. */
export class BadSeries extends Error {
  override readonly name = 'BadSeries'
}

const mostUnits = 1_000_000

/** Units that were available at each tick; null where nobody looked. */
const seriesFile = z.object({
  metadata: z.object({ gap_seconds: z.int().min(1).max(mostHoldsSeconds) }),
  data: z.array(z.int().min(0).max(mostUnits).nullable()).min(1).max(10_000_000),
})

export interface AvailabilitySeries {
  readonly gapSeconds: number
  readonly units: readonly (number | null)[]
  /** The most that were ever available, and one at least. */
  readonly mostUnits: number
}

export const readSeries = (path: string): AvailabilitySeries => {
  const parsed = seriesFile.safeParse(jsonOf(path))
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw new BadSeries(`${path}: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'is no availability series'}`)
  }
  const { metadata, data } = parsed.data
  return {
    gapSeconds: metadata.gap_seconds,
    units: data,
    mostUnits: data.reduce<number>((most, units) => Math.max(most, units ?? 0), 1),
  }
}

const jsonOf = (path: string): unknown => {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    throw new BadSeries(`${path}: cannot be read (${error instanceof Error ? error.message : String(error)})`)
  }
  try {
    return JSON.parse(text)
  } catch {
    throw new BadSeries(`${path}: is not JSON`)
  }
}

/** One reading a tick, which holds until the next; none where nobody looked. */
export const readingsOf = ({ gapSeconds, units }: AvailabilitySeries, startMillis: number): readonly Reading[] =>
  units.flatMap((availableUnits, tick) =>
    availableUnits === null
      ? []
      : [
          {
            probe: 'series',
            atMillis: startMillis + tick * gapSeconds * 1_000,
            holdsSeconds: gapSeconds,
            availableUnits,
            degradedUnits: 0,
            latencyNanos: [],
            revision: 0,
          },
        ],
  )
