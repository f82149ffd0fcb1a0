import { type IntegerProgramme, ProgrammeBuilder } from '../integer-programme.ts'
import type { Placed } from './placement.ts'
import type { PlanningProblem } from './planning-problem.ts'

/**
 * The plan as a mixed-integer programme: for each option of a request one binary, for each of its entries whole units. A request
 * is served by at most one option, an option that is taken has its places, its budget and its minimums, and no source
 * has more taken in any hour than it has. Maximises worth less cost, in USD.
 */
interface PlanProgramme {
  readonly programme: IntegerProgramme
  /** What the programme's money is multiplied by. */
  readonly scale: number
  /** What its columns say, request by request: units rounded, which whoever uses it checks again. */
  readonly read: (columns: Float64Array) => readonly { readonly request: number; readonly placed: Placed }[]
}

const million = 1_000_000
/** Worth of one request in the programme at most: more, and tolerances of the solver reach costs. */
const largestWorth = 10_000_000

export const planProgramme = (
  problem: PlanningProblem,
  members: readonly number[],
  /** Positions of options that may be taken. */
  kept: readonly number[],
  limits: { readonly mostNodes: number; readonly mostIterations: number; readonly absoluteGap: number },
  /** What each source has, where others are placed already. */
  left: (source: number, hour: number) => number = (source, hour) => problem.capacity[source]?.[hour] ?? 0,
): PlanProgramme => {
  const builder = new ProgrammeBuilder()
  const scale = Math.min(1, largestWorth / Math.max(1, ...members.map(request => problem.worth[request] ?? 0)))
  const taken = new Map<number, { readonly column: number; readonly units: readonly number[] }>()
  const ofRequest = new Map<number, number[]>()
  /** By source and hour: column, 1, column, 1… and the most that they could take. */
  const hourly = new Map<number, { readonly entries: number[]; most: number }>()
  for (const position of kept) {
    const option = problem.options[position]
    if (option === undefined) continue
    const column = builder.binary((problem.worth[option.request] ?? 0) * scale)
    ofRequest.set(option.request, [...(ofRequest.get(option.request) ?? []), column, 1])
    const places: number[] = [column, -option.needed]
    const budget: number[] = []
    let dearest = 0
    const units = option.entries.map(entry => {
      const cost = entry.costMicros / million
      const count = builder.column(0, entry.most, -cost * scale, true)
      places.push(count, entry.places)
      budget.push(count, cost)
      dearest += entry.most * entry.costMicros
      if (entry.minimum > 1) {
        const isUsed = builder.binary()
        builder.row(0, Infinity, [count, 1, isUsed, -entry.minimum])
        builder.row(-Infinity, 0, [count, 1, isUsed, -entry.most])
        builder.row(-Infinity, 0, [isUsed, 1, column, -1])
      } else if (entry.most < option.needed) builder.row(-Infinity, 0, [count, 1, column, -entry.most])
      for (let hour = option.start; hour < option.start + option.hours; hour++) {
        const key = entry.source * problem.hours + hour
        const row = hourly.get(key) ?? { entries: [], most: 0 }
        row.entries.push(count, 1)
        row.most += entry.most
        hourly.set(key, row)
      }
      return count
    })
    const isWhole = option.entries.every(entry => entry.places === 1 && entry.minimum === 1)
    builder.row(0, isWhole ? 0 : Infinity, places)
    if (dearest > option.budgetMicros) {
      const limit = option.budgetMicros / million
      builder.row(-Infinity, 0, [column, -limit, ...budget])
    }
    taken.set(position, { column, units })
  }
  for (const entries of ofRequest.values()) if (entries.length > 2) builder.row(-Infinity, 1, entries)
  let before: string | undefined
  for (const [key, row] of [...hourly].toSorted(([a], [b]) => a - b)) {
    const capacity = left(Math.floor(key / problem.hours), key % problem.hours)
    if (row.most <= capacity) continue
    // Hours in which the same may run say the same.
    const text = `${Math.floor(key / problem.hours)} ${capacity} ${row.entries.join(' ')}`
    if (text !== before) builder.row(-Infinity, capacity, row.entries)
    before = text
  }
  return {
    programme: builder.build({ ...limits, absoluteGap: limits.absoluteGap * scale }),
    scale,
    read: columns =>
      [...taken].flatMap(([position, { column, units }]) => {
        const option = problem.options[position]
        if (option === undefined || (columns[column] ?? 0) < 0.5) return []
        const counts = units.map(each => Math.round(columns[each] ?? 0))
        const costMicros = option.entries.reduce(
          (sum, entry, index) => sum + (counts[index] ?? 0) * entry.costMicros,
          0,
        )
        return [{ request: option.request, placed: { option: position, units: counts, costMicros } }]
      }),
  }
}
