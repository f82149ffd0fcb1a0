import type * as z from 'zod'
import type { Item } from '#adapters/items.ts'
import {
  allParameters,
  type ParameterKind,
  type ParameterRow,
  parameterChanges,
  putParameter,
} from '#adapters/tables/parameters.ts'
import { afterLoss, concurrentChange, mostAttempts } from './contention.ts'

/** A kind of business parameters: what its terms look like, and what they are as the exchange comes. */
export interface ParametersOf<Terms extends Item> {
  readonly kind: ParameterKind
  readonly schema: z.ZodType<Terms>
  readonly declared: Terms
  /** Terms that are those of all, whatever a name was set with. */
  readonly ofAllOnly?: readonly (keyof Terms & string)[]
}

export interface Held<Terms> {
  readonly terms: Terms
  /** Absent: as the exchange comes. */
  readonly row?: ParameterRow
}

/** The name of the parameters that hold for whatever has none of its own; nothing that has is called so. */
export const everyName = '*'

/** What holds for each name at an instant: its own parameters, else those of all, else the declared ones. */
export const heldAt = async <Terms extends Item>(
  parameters: ParametersOf<Terms>,
  atMillis: number,
): Promise<(name: string | undefined) => Held<Terms>> =>
  heldIn(parameters, await allParameters(parameters.kind), atMillis)

/**
 * A version holds what it changes only, so that a change made now is also in those that begin later and say nothing of
 * it. The first of a name begins with what holds for all at that instant, and does not follow that any more.
 */
const heldIn = <Terms extends Item>(
  { schema, declared, ofAllOnly = [] }: ParametersOf<Terms>,
  rows: readonly ParameterRow[],
  atMillis: number,
): ((name: string | undefined) => Held<Terms>) => {
  const begun = Map.groupBy(
    rows.filter(({ effectiveMillis }) => effectiveMillis <= atMillis).sort(inOrder),
    ({ name }) => name,
  )
  const ofAll = begun.get(everyName) ?? []
  const termsOfAll = (untilMillis: number): Item =>
    after(
      declared,
      ofAll.filter(({ effectiveMillis }) => effectiveMillis <= untilMillis),
    )
  const everyTerms = schema.parse(termsOfAll(atMillis))
  const everyRow = ofAll.at(-1)
  const every: Held<Terms> = { terms: everyTerms, ...(everyRow === undefined ? {} : { row: everyRow }) }
  const known = new Map<string, Held<Terms>>()
  const own = (name: string): Held<Terms> => {
    const versions = begun.get(name) ?? []
    const [first, row] = [versions[0], versions.at(-1)]
    if (first === undefined || row === undefined) return every
    const ofEvery = Object.fromEntries(ofAllOnly.map(term => [term, everyTerms[term]]))
    return { terms: schema.parse({ ...after(termsOfAll(first.effectiveMillis), versions), ...ofEvery }), row }
  }
  return (name = everyName) => {
    const held = known.get(name) ?? (name === everyName ? every : own(name))
    known.set(name, held)
    return held
  }
}

const inOrder = (one: ParameterRow, other: ParameterRow): number =>
  one.effectiveMillis - other.effectiveMillis || one.version - other.version

const after = (before: Item, versions: readonly ParameterRow[]): Item =>
  Object.assign({}, before, ...versions.map(({ value }) => value))

/** What holds for a name from an instant at which a version begins, with a change and without it. */
export interface Moment<Terms> {
  readonly name: string
  readonly atMillis: number
  readonly terms: Terms
  readonly unchanged: Terms
}

/** Of each name for itself, in order of time. */
export type Moments<Terms> = readonly (readonly Moment<Terms>[])[]

/** From a change on, of each name that it may reach. */
const momentsOf = <Terms extends Item>(
  parameters: ParametersOf<Terms>,
  rows: readonly ParameterRow[],
  row: ParameterRow,
): Moments<Terms> => {
  const names = row.name === everyName ? [everyName, ...rows.map(({ name }) => name)] : [row.name]
  const begins = [row, ...rows].map(each => each.effectiveMillis).filter(millis => millis >= row.effectiveMillis)
  const instants = [...new Set(begins)]
    .sort((one, other) => one - other)
    .map(atMillis => ({
      atMillis,
      changed: heldIn(parameters, [...rows, row], atMillis),
      unchanged: heldIn(parameters, rows, atMillis),
    }))
  return [...new Set(names)].map(name =>
    instants.map(({ atMillis, changed, unchanged }) => ({
      name,
      atMillis,
      terms: changed(name).terms,
      unchanged: unchanged(name).terms,
    })),
  )
}

/** Terms that are not among them stay as they are. */
export type Changes<Terms> = { readonly [Name in keyof Terms]?: Terms[Name] | undefined }

interface NextVersion<Terms> extends Pick<ParameterRow, 'name' | 'effectiveMillis' | 'setBy' | 'setAtMillis'> {
  readonly changes: Changes<Terms>
  readonly request?: ParameterRow['request'] | undefined
}

/** What would hold with such a version: nothing is stored. */
export const momentsWith = async <Terms extends Item>(
  parameters: ParametersOf<Terms>,
  version: NextVersion<Terms>,
): Promise<Moments<Terms>> => {
  const rows = await allParameters(parameters.kind)
  return momentsOf(parameters, rows, rowAfter(rows, parameters.kind, version))
}

const rowAfter = <Terms>(
  rows: readonly ParameterRow[],
  kind: ParameterKind,
  { changes, request, ...next }: NextVersion<Terms>,
): ParameterRow => ({
  ...next,
  kind,
  version: Math.max(0, ...rows.filter(({ name }) => name === next.name).map(({ version }) => version)) + 1,
  value: Object.fromEntries(Object.entries(changes).filter(([, term]) => term !== undefined)),
  ...(request === undefined ? {} : { request }),
})

interface Change<Terms, Refused> {
  /** Of all that have none of their own, where there is none. */
  readonly name: string | undefined
  /** From now on, where there is none. */
  readonly effectiveFrom: string | undefined
  readonly changes: Changes<Terms>
  readonly setBy: string
  /** What it was asked for under, where a repeat is to find it. */
  readonly request?: NonNullable<ParameterRow['request']>
  /** Why it may not be so: told what holds from then on, of each name that the change may reach. */
  readonly refusal?: (moments: Moments<Terms>) => Refused | undefined
}

const inThePast = {
  code: 'invalid-request',
  errors: [{ pointer: '#/effective_from', detail: 'must not be in the past' }],
} as const

export type NotChanged = typeof inThePast | typeof concurrentChange

/** Adds a version of them, after whatever others add meanwhile, of whichever name. */
export const changeParameters = async <Terms extends Item, Refused = never>(
  parameters: ParametersOf<Terms>,
  { name = everyName, effectiveFrom, changes, setBy, refusal, request }: Change<Terms, Refused>,
): Promise<Held<Terms> | Refused | NotChanged> => {
  const { kind } = parameters
  const fromMillis = effectiveFrom === undefined ? undefined : Date.parse(effectiveFrom)
  if (fromMillis !== undefined && fromMillis < Date.now()) return inThePast
  for (let attempt = 1; attempt <= mostAttempts; attempt++) {
    // First the count: what is put after it was read has the version refused.
    const changesBefore = await parameterChanges(kind)
    const rows = await allParameters(kind)
    // Now is after what was read: of two that are made at once the one that is told later also holds later.
    const nowMillis = Date.now()
    const effectiveMillis = fromMillis ?? nowMillis
    const row = rowAfter(rows, kind, { name, effectiveMillis, changes, setBy, setAtMillis: nowMillis, request })
    const refused = refusal?.(momentsOf(parameters, rows, row))
    if (refused !== undefined) return refused
    if (await putParameter(row, changesBefore))
      return { terms: heldIn(parameters, [...rows, row], effectiveMillis)(name).terms, row }
    await afterLoss(attempt)
  }
  return concurrentChange
}

/** Whose they are; null: of all that have none of their own. */
export const nameOf = ({ row }: Held<unknown>): string | null =>
  row === undefined || row.name === everyName ? null : row.name

interface VersionView {
  readonly version: number
  readonly effective_from: string | null
  readonly set_by: string | null
}

/** Version 0 is as the exchange comes. */
export const heldView = <Terms extends Item>({ terms, row }: Held<Terms>): Terms & VersionView => ({
  version: row?.version ?? 0,
  effective_from: row === undefined ? null : new Date(row.effectiveMillis).toISOString(),
  set_by: row?.setBy ?? null,
  ...terms,
})
