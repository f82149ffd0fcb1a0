import { v7 as uuidv7 } from 'uuid'
import * as z from 'zod'
import type { Item } from '#adapters/items.ts'
import { type ApprovalKind, type ApprovalRow, replaceApproval } from '#adapters/tables/approval-requests.ts'
import { listInstruments } from '#adapters/tables/instruments.ts'
import { parametersAt, parameterVersions } from '#adapters/tables/parameters.ts'
import { underlyingOf } from '#domain/margin/made-epoch.ts'
import type { parameterRequest } from '#protocol/operations/parameters.ts'
import {
  type Changes,
  changeParameters,
  everyName,
  type Held,
  type Moment,
  type Moments,
  momentsWith,
  type NotChanged,
  type ParametersOf,
} from '../shell/held-parameters.ts'
import type { Principal, Rejection } from '../shell/http.ts'
import { tenantLanes } from '../shell/lanes.ts'
import { bodyHash } from '../shell/named-request.ts'
import { approveBeforeMillis } from '../shell/second-person.ts'

/** Parameters of which two persons decide that they protect less. */
export interface GuardedParameters<Terms extends Item> extends ParametersOf<Terms> {
  readonly kind: Exclude<ApprovalKind, 'fund-withdrawal'>
  readonly isLooser: (terms: Terms, before: Terms) => boolean
  readonly refusal?: (terms: Terms) => Rejection<'scale-out-of-range'> | undefined
}

interface Asked<Terms> {
  readonly underlying: string | undefined
  readonly effectiveFrom: string | undefined
  readonly changes: Changes<Terms>
}

type Refused = Rejection<'scale-out-of-range' | 'undone-by-later-version'>

const unknownUnderlying = {
  code: 'unknown-underlying',
  errors: [{ pointer: '#/underlying', detail: 'is no index, and nothing that is listed depends on it' }],
} as const

/**
 * At once where they protect no less than without the change, whenever a version begins; else what another person is to
 * approve.
 */
export const changeGuarded = async <Terms extends Item>(
  guarded: GuardedParameters<Terms>,
  { account, credential }: Principal,
  asked: Asked<Terms>,
): Promise<
  | { readonly held: Held<Terms> }
  | { readonly request: ApprovalRow }
  | NotChanged
  | Rejection<'unknown-underlying'>
  | Refused
> => {
  const nowMillis = Date.now()
  const { underlying, effectiveFrom, changes } = asked
  if (underlying !== undefined && !(await isKnown(underlying, nowMillis))) return unknownUnderlying
  const changed = await changeParameters<Terms, Refused | Looser>(guarded, {
    name: underlying,
    effectiveFrom,
    changes,
    setBy: account,
    refusal: moments =>
      refusalOf(guarded, changes, moments) ?? (isLooser(guarded, moments) ? { base: baseOf(moments) } : undefined),
  })
  if ('terms' in changed) return { held: changed }
  if (!('base' in changed)) return changed
  const request: ApprovalRow = {
    kind: guarded.kind,
    requestId: uuidv7(),
    asked: JSON.stringify({ underlying, effective_from: effectiveFrom, changes }),
    base: changed.base,
    reason: '',
    requestedBy: { account, credential },
    requestedAtMillis: nowMillis,
  }
  if (!(await replaceApproval(request, undefined))) throw new Error(`the request ${request.requestId} is there already`)
  return { request }
}

interface Looser {
  readonly base: string
}

const isLooser = <Terms extends Item>({ isLooser: than }: GuardedParameters<Terms>, moments: Moments<Terms>): boolean =>
  moments.some(each => each.some(({ terms, unchanged }) => than(terms, unchanged)))

const refusalOf = <Terms extends Item>(
  guarded: GuardedParameters<Terms>,
  changes: Changes<Terms>,
  moments: Moments<Terms>,
): Refused | undefined => {
  for (const ofName of moments)
    for (const [at, moment] of ofName.entries()) {
      const refused = guarded.refusal?.(moment.terms)
      if (refused !== undefined) return refused
      const before = ofName[at - 1]
      const undone = before === undefined ? [] : undoneTerms(guarded, changes, before, moment)
      if (undone.length > 0) return undoneBy(moment, undone)
    }
  return undefined
}

/** Of what the change has tightened until then, what the version that begins then loosens. */
const undoneTerms = <Terms extends Item>(
  guarded: GuardedParameters<Terms>,
  changes: Changes<Terms>,
  before: Moment<Terms>,
  moment: Moment<Terms>,
): readonly string[] =>
  Object.keys(changes).filter(
    term =>
      guarded.isLooser({ ...before.terms, [term]: before.unchanged[term] }, before.terms) &&
      guarded.isLooser({ ...before.terms, [term]: moment.terms[term] }, before.terms),
  )

const undoneBy = ({ name, atMillis }: Moment<unknown>, terms: readonly string[]): Refused => {
  const instant = new Date(atMillis).toISOString()
  const whose = name === everyName ? 'of every underlying without its own' : `of ${name}`
  return {
    code: 'undone-by-later-version',
    detail: `The version ${whose} from ${instant} on protects less by ${terms.join(', ')}: set that first, with effective_from ${instant}.`,
    errors: terms.map(term => ({ pointer: `#/${term}`, detail: `is undone on ${instant}` })),
  }
}

/** What whoever approves it has to find as it was: all that holds from then on, with it and without. */
export const baseOf = <Terms>(moments: Moments<Terms>): string =>
  bodyHash(
    moments.map(ofName =>
      ofName.flatMap(({ name, atMillis, terms, unchanged }, at) => {
        const before = ofName[at - 1]
        const isSame =
          before !== undefined && bodyHash([before.terms, before.unchanged]) === bodyHash([terms, unchanged])
        // What is to hold at once has another instant when it is approved.
        return isSame ? [] : [{ name, from: at === 0 ? null : atMillis, terms, unchanged }]
      }),
    ),
  )

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

const changesOf = <Terms extends Item>({ schema, declared }: GuardedParameters<Terms>, row: ApprovalRow) => {
  const { changes } = askedOf(row)
  const terms = schema.parse({ ...declared, ...changes })
  const changed: { [Name in keyof Terms]?: Terms[Name] } = {}
  for (const name in terms) if (name in changes) changed[name] = terms[name]
  return changed
}

/** Why what was asked for may not take effect any more. */
export const overtaken = async <Terms extends Item>(
  guarded: GuardedParameters<Terms>,
  row: ApprovalRow,
  nowMillis: number,
): Promise<Rejection<'limits-changed' | 'limit-request-over'> | undefined> => {
  const { underlying, effective_from: from } = askedOf(row)
  if (from !== undefined && Date.parse(from) <= nowMillis) return { code: 'limit-request-over' }
  const moments = await momentsWith(guarded, {
    name: underlying ?? everyName,
    effectiveMillis: from === undefined ? nowMillis : Date.parse(from),
    changes: changesOf(guarded, row),
    setBy: row.requestedBy.account,
    setAtMillis: nowMillis,
  })
  return baseOf(moments) === row.base ? undefined : { code: 'limits-changed' }
}

/** Once it is approved: a version that names its request, so that a repeat finds it. */
export const applyApproved = async <Terms extends Item>(
  guarded: GuardedParameters<Terms>,
  row: ApprovalRow,
): Promise<Rejection<'limits-changed' | 'limit-request-over' | 'concurrent-change'> | undefined> => {
  const { underlying, effective_from: effectiveFrom } = askedOf(row)
  const versions = await parameterVersions(guarded.kind, underlying ?? everyName)
  if (versions.some(({ request }) => request?.name === row.requestId)) return undefined
  const changed = await changeParameters<Terms, Rejection<'limits-changed'>>(guarded, {
    name: underlying,
    effectiveFrom,
    changes: changesOf(guarded, row),
    setBy: row.requestedBy.account,
    request: { name: row.requestId, hash: '' },
    refusal: moments => (baseOf(moments) === row.base ? undefined : { code: 'limits-changed' }),
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
