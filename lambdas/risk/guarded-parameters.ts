import { v7 as uuidv7 } from 'uuid'
import * as z from 'zod'
import type { Item } from '#adapters/items.ts'
import { type ApprovalKind, type ApprovalRow, replaceApproval } from '#adapters/tables/approval-requests.ts'
import { listInstruments } from '#adapters/tables/instruments.ts'
import { parametersAt, parameterVersions } from '#adapters/tables/parameters.ts'
import { underlyingOf } from '#domain/margin/made-epoch.ts'
import type { parameterRequest } from '#protocol/operations/parameters.ts'
import { changeParameters, everyName, type Held, inThePast, type ParametersOf } from '../shell/held-parameters.ts'
import type { Principal, Rejection } from '../shell/http.ts'
import { tenantLanes } from '../shell/lanes.ts'
import { approveBeforeMillis } from '../shell/second-person.ts'

/** Parameters of which two persons decide that they protect less. */
export interface GuardedParameters<Terms extends Item> extends ParametersOf<Terms> {
  readonly kind: Exclude<ApprovalKind, 'fund-withdrawal'>
  readonly at: (atMillis: number) => Promise<(name: string | undefined) => Held<Terms>>
  readonly isLooser: (terms: Terms, before: Terms) => boolean
  readonly refusal?: (terms: Terms) => Rejection<'scale-out-of-range'> | undefined
}

interface Asked<Terms> {
  readonly underlying: string | undefined
  readonly effectiveFrom: string | undefined
  readonly changes: { readonly [Name in keyof Terms]?: Terms[Name] | undefined }
}

const unknownUnderlying = {
  code: 'unknown-underlying',
  errors: [{ pointer: '#/underlying', detail: 'is no index, and nothing that is listed depends on it' }],
} as const

/** At once where they protect no less than those that hold; else what another person is to approve. */
export const changeGuarded = async <Terms extends Item>(
  guarded: GuardedParameters<Terms>,
  { account, credential }: Principal,
  asked: Asked<Terms>,
): Promise<
  | { readonly held: Held<Terms> }
  | { readonly request: ApprovalRow }
  | typeof inThePast
  | Rejection<'unknown-underlying' | 'limits-changed' | 'scale-out-of-range'>
> => {
  const nowMillis = Date.now()
  const { underlying, effectiveFrom, changes } = asked
  const effectiveMillis = effectiveFrom === undefined ? nowMillis : Date.parse(effectiveFrom)
  if (effectiveMillis < nowMillis) return inThePast
  if (underlying !== undefined && !(await isKnown(underlying, nowMillis))) return unknownUnderlying
  const before = (await guarded.at(effectiveMillis))(underlying).terms
  const terms = guarded.schema.parse({ ...before, ...changes })
  const refused = guarded.refusal?.(terms)
  if (refused !== undefined) return refused
  if (!guarded.isLooser(terms, before)) return change(guarded, account, asked)
  const request: ApprovalRow = {
    kind: guarded.kind,
    requestId: uuidv7(),
    asked: JSON.stringify({ underlying, effective_from: effectiveFrom, changes }),
    base: JSON.stringify(before),
    reason: '',
    requestedBy: { account, credential },
    requestedAtMillis: nowMillis,
  }
  if (!(await replaceApproval(request, undefined))) throw new Error(`the request ${request.requestId} is there already`)
  return { request }
}

/** What holds may be set by others meanwhile: without approval nothing becomes looser by it. */
const change = async <Terms extends Item>(
  guarded: GuardedParameters<Terms>,
  setBy: string,
  { underlying, effectiveFrom, changes }: Asked<Terms>,
) => {
  let before = guarded.declared
  const changed = await changeParameters<Terms, Rejection<'limits-changed'>>(guarded, {
    name: underlying,
    effectiveFrom,
    changes,
    setBy,
    before: async atMillis => {
      const held = (await guarded.at(atMillis))(underlying)
      before = held.terms
      return held
    },
    refusal: terms => (guarded.isLooser(terms, before) ? { code: 'limits-changed' } : undefined),
  })
  return 'terms' in changed ? { held: changed } : changed
}

/** What an index is called or an instrument settles on; both only where somebody has made it known. */
const isKnown = async (underlying: string, nowMillis: number): Promise<boolean> => {
  const listed = (await Promise.all(tenantLanes().map(listInstruments))).flat()
  const isOf = ({ instrument }: (typeof listed)[number]): boolean =>
    underlyingOf(instrument) === underlying || instrument.specification.underlying === underlying
  return listed.some(isOf) || (await parametersAt('index', nowMillis)).some(({ name }) => name === underlying)
}

const askedIn = z.object({
  underlying: z.string().optional(),
  effective_from: z.string().optional(),
  changes: z.record(z.string(), z.union([z.string(), z.number(), z.null()])),
})

export const askedOf = (row: ApprovalRow): z.infer<typeof askedIn> => askedIn.parse(JSON.parse(row.asked))

/** Why what was asked for may not take effect any more. */
export const overtaken = async <Terms extends Item>(
  guarded: GuardedParameters<Terms>,
  row: ApprovalRow,
  nowMillis: number,
): Promise<Rejection<'limits-changed' | 'limit-request-over'> | undefined> => {
  const { underlying, effective_from: from } = askedOf(row)
  if (from !== undefined && Date.parse(from) <= nowMillis) return { code: 'limit-request-over' }
  const held = (await guarded.at(from === undefined ? nowMillis : Date.parse(from)))(underlying)
  return JSON.stringify(held.terms) === row.base ? undefined : { code: 'limits-changed' }
}

/** Once it is approved: a version that names its request, so that a repeat finds it. */
export const applyApproved = async <Terms extends Item>(
  guarded: GuardedParameters<Terms>,
  row: ApprovalRow,
): Promise<Rejection<'limits-changed' | 'limit-request-over'> | undefined> => {
  const { underlying, effective_from: effectiveFrom, changes } = askedOf(row)
  const versions = await parameterVersions(guarded.kind, underlying ?? everyName)
  if (versions.some(({ request }) => request?.name === row.requestId)) return undefined
  const base: unknown = JSON.parse(row.base)
  let before = row.base
  const changed = await changeParameters<Terms, Rejection<'limits-changed'>>(guarded, {
    name: underlying,
    effectiveFrom,
    changes: guarded.schema.parse({ ...(typeof base === 'object' ? base : {}), ...changes }),
    setBy: row.requestedBy.account,
    request: { name: row.requestId, hash: '' },
    before: async atMillis => {
      const held = (await guarded.at(atMillis))(underlying)
      before = JSON.stringify(held.terms)
      return held
    },
    refusal: () => (before === row.base ? undefined : { code: 'limits-changed' }),
  })
  if ('terms' in changed) return undefined
  // It was approved in time, and the instant has passed before it was put.
  return changed.code === 'invalid-request' ? { code: 'limit-request-over' } : changed
}

export const parameterRequestView = (row: ApprovalRow, nowMillis: number): z.infer<typeof parameterRequest> => {
  const { underlying, effective_from: from, changes } = askedOf(row)
  const endMillis = Math.min(approveBeforeMillis(row), from === undefined ? Number.POSITIVE_INFINITY : Date.parse(from))
  return {
    request_id: row.requestId,
    parameters: row.kind === 'risk' ? 'risk' : 'limit-scaling',
    underlying: underlying ?? null,
    effective_from: from ?? null,
    changes,
    request_state:
      row.approvedAtMillis !== undefined ? 'approved' : nowMillis < endMillis ? 'awaiting_approval' : 'lapsed',
    requested_by: row.requestedBy.account,
    requested_at: new Date(row.requestedAtMillis).toISOString(),
    approved_by: row.approvedBy?.account ?? null,
    approved_at: row.approvedAtMillis === undefined ? null : new Date(row.approvedAtMillis).toISOString(),
    approve_before: new Date(endMillis).toISOString(),
  }
}
