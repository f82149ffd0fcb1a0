import { type ParameterRow, parameterVersions, putParameter } from '#adapters/tables/parameters.ts'
import { completeSpecification } from '#domain/reference/contract-listing.ts'
import { contractsOfGrid } from '#domain/reference/listing-grid.ts'
import { increments, micros } from '#domain/units.ts'
import type { setListingGrid } from '#protocol/operations/reference.ts'
import type { Handle, Rejection } from '../shell/http.ts'
import { definitionOf } from '../shell/index-level.ts'
import { tenantLanes } from '../shell/lanes.ts'
import { bodyHash } from '../shell/named-request.ts'
import { type GridRule, gridOf, gridVersionOf } from './listing-grid-view.ts'

type Refusal = Rejection<'invalid-specification' | 'invalid-request' | 'unknown-index'>

export const handle: Handle<typeof setListingGrid> = async ({ path, body, principal }) => {
  const { rule } = body
  const versions = await parameterVersions('grid', path.grid)
  const newest = versions.reduce<ParameterRow | undefined>(
    (latest, row) => (latest === undefined || row.version > latest.version ? row : latest),
    undefined,
  )
  const nowMillis = Date.now()
  const askedMillis = body.effective_from === undefined ? undefined : Date.parse(body.effective_from)
  // Asked again, it is what it is: a rule has no second version that says the same from the same time on.
  if (newest !== undefined && bodyHash(newest.value) === bodyHash(rule)) {
    const { effectiveMillis } = newest
    if (askedMillis === undefined ? effectiveMillis <= nowMillis : effectiveMillis === askedMillis)
      return { status: 200, body: gridVersionOf(newest) }
  }
  if (askedMillis !== undefined && askedMillis < nowMillis)
    return {
      code: 'invalid-request',
      errors: [{ pointer: '#/effective_from', detail: 'must not be in the past' }],
    }
  const refused = await refusalOf(rule, nowMillis)
  if (refused !== undefined) return refused
  const row: ParameterRow = {
    kind: 'grid',
    name: path.grid,
    effectiveMillis: askedMillis ?? nowMillis,
    version: (newest?.version ?? 0) + 1,
    value: rule,
    setBy: principal.account,
    setAtMillis: nowMillis,
  }
  return (await putParameter(row)) ? { status: 200, body: gridVersionOf(row) } : { code: 'parameter-conflict' }
}

/** Why the rule cannot be set: mostly what its first contract would be refused for. */
const refusalOf = async (rule: GridRule, nowMillis: number): Promise<Refusal | undefined> => {
  const wrong = (field: string, detail: string): Refusal => ({
    code: 'invalid-specification',
    errors: [{ pointer: `#/rule/${field}`, detail }],
  })
  const lanes = tenantLanes()
  if (rule.lane !== undefined && !lanes.includes(rule.lane))
    return {
      code: 'invalid-request',
      errors: [{ pointer: '#/rule/lane', detail: `must be one of ${lanes.join(', ')}` }],
    }
  for (const field of ['maker_commission', 'taker_commission'] as const)
    if (increments(rule[field], '0.000001') === undefined) return wrong(field, 'must have at most six digits')
  const step = rule.kind === 'option' ? rule.strikes.step : undefined
  if (step !== undefined && micros(step) === undefined)
    return wrong('strikes/step', 'must have at most six digits after the point')
  const grid = gridOf(rule)
  // Any level will do to see whether the increments fit together.
  const [first] = contractsOfGrid(grid, nowMillis, step)
  if (first === undefined) return wrong('expiries', `name nothing after ${new Date(nowMillis).toISOString()}`)
  const specified = completeSpecification(first, { underlyingMaxPrice: '1000000' })
  if (!specified.ok) return wrong(specified.fault.field, specified.fault.reason ?? 'does not go with the other fields')
  return (await definitionOf(grid.index, nowMillis)) === undefined
    ? { code: 'unknown-index', errors: [{ pointer: '#/rule/index', detail: `${grid.index} is no index` }] }
    : undefined
}
