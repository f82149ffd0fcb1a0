import type * as z from 'zod'
import type { Item } from '#adapters/items.ts'
import {
  type ParameterKind,
  type ParameterRow,
  parametersAt,
  parameterVersions,
  putParameter,
} from '#adapters/tables/parameters.ts'

/** A kind of business parameters: what its terms look like, and what they are as the exchange comes. */
export interface ParametersOf<Terms extends Item> {
  readonly kind: ParameterKind
  readonly schema: z.ZodType<Terms>
  readonly declared: Terms
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
  { kind, schema, declared }: ParametersOf<Terms>,
  atMillis: number,
): Promise<(name: string | undefined) => Held<Terms>> => {
  const rows = new Map((await parametersAt(kind, atMillis)).map(row => [row.name, row]))
  return name => {
    const row = rows.get(name ?? everyName) ?? rows.get(everyName)
    // A term that came later than the row is as declared.
    return row === undefined ? { terms: declared } : { terms: schema.parse({ ...declared, ...row.value }), row }
  }
}

interface Change<Terms, Refused> {
  /** Of all that have none of their own, where there is none. */
  readonly name: string | undefined
  /** From now on, where there is none. */
  readonly effectiveFrom: string | undefined
  /** Terms that are not among them stay as they are. */
  readonly changes: { readonly [Name in keyof Terms]?: Terms[Name] | undefined }
  readonly setBy: string
  /** What it was asked for under, where a repeat is to find it. */
  readonly request?: NonNullable<ParameterRow['request']>
  /** What holds at an instant without the change. */
  readonly before: (atMillis: number) => Promise<Held<Terms>>
  /** Why the terms may not be so as a whole. */
  readonly refusal?: (terms: Terms) => Refused | undefined
}

export const inThePast = {
  code: 'invalid-request',
  errors: [{ pointer: '#/effective_from', detail: 'must not be in the past' }],
} as const

const mostAttempts = 5

/** Adds a version of them, after whatever others add meanwhile. Throws where that is more than five times so. */
export const changeParameters = async <Terms extends Item, Refused = never>(
  { kind, schema }: ParametersOf<Terms>,
  { name = everyName, effectiveFrom, changes, setBy, before, refusal, request }: Change<Terms, Refused>,
): Promise<Held<Terms> | Refused | typeof inThePast> => {
  const nowMillis = Date.now()
  const effectiveMillis = effectiveFrom === undefined ? nowMillis : Date.parse(effectiveFrom)
  if (effectiveMillis < nowMillis) return inThePast
  for (let attempt = 1; attempt <= mostAttempts; attempt++) {
    const versions = await parameterVersions(kind, name)
    const terms = schema.parse({ ...(await before(effectiveMillis)).terms, ...changes })
    const refused = refusal?.(terms)
    if (refused !== undefined) return refused
    const row: ParameterRow = {
      kind,
      name,
      effectiveMillis,
      version: Math.max(0, ...versions.map(({ version }) => version)) + 1,
      value: terms,
      setBy,
      setAtMillis: nowMillis,
      ...(request === undefined ? {} : { request }),
    }
    if (await putParameter(row)) return { terms, row }
  }
  throw new Error(`the parameters ${kind} of ${name} were set by others ${mostAttempts} times in a row`)
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
