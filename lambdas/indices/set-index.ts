import { type ParameterRow, parameterVersions, putParameter } from '#adapters/tables/parameters.ts'
import type { IndexDefinition } from '#domain/reference/index-method.ts'
import { micros } from '#domain/units.ts'
import type { setIndex } from '#protocol/operations/indices.ts'
import { afterLoss, concurrentChange, mostAttempts } from '../shell/contention.ts'
import type { Handle, Request } from '../shell/http.ts'
import { indexValueOf } from '../shell/index-level.ts'
import { bodyHash } from '../shell/named-request.ts'
import { versionOf } from './index-view.ts'

export const handle: Handle<typeof setIndex> = async ({ path, body, principal, idempotencyKey }) => {
  const request = { name: idempotencyKey, hash: bodyHash(body) }
  for (let attempt = 1; attempt <= mostAttempts; attempt++) {
    const versions = await parameterVersions('index', path.index)
    const before = versions.find(each => each.setBy === principal.account && each.request?.name === idempotencyKey)
    if (before !== undefined)
      return before.request?.hash === request.hash
        ? { status: 200, body: versionOf(before) }
        : { code: 'idempotency-conflict' }
    const setAtMillis = Date.now()
    const effectiveMillis = body.effective_from === undefined ? setAtMillis : Date.parse(body.effective_from)
    // What was fixed by a version stays so: only where nothing was can one hold from before.
    if (versions.length > 0 && effectiveMillis < setAtMillis)
      return { code: 'invalid-request', errors: [{ pointer: '#/effective_from', detail: 'must not be before now' }] }
    const row: ParameterRow = {
      kind: 'index',
      name: path.index,
      version: Math.max(0, ...versions.map(({ version }) => version)) + 1,
      effectiveMillis,
      value: indexValueOf(definitionOf(body)),
      setBy: principal.account,
      setAtMillis,
      request,
    }
    if (await putParameter(row)) return { status: 200, body: versionOf(row) }
    await afterLoss(attempt)
  }
  return concurrentChange
}

const definitionOf = (body: Request<typeof setIndex>['body']): Omit<IndexDefinition, 'index'> => ({
  unit: body.unit,
  description: body.description,
  sources: body.sources.map(({ source, weight }) => ({ source, weightPpm: ppm(weight) })),
  fixingIntervalMillis: body.fixing_interval_ms,
  staleAfterMillis: body.stale_after_ms,
  outlierPpm: ppm(body.outlier),
  trimPpm: ppm(body.trim),
  leastSources: body.least_sources,
  decimals: body.decimals,
  fallback: body.fallback,
  fallbackAfterMillis: body.fallback_after_ms,
  fallbackMaxAgeMillis: body.fallback_max_age_ms,
})

/** Parts in a million are to one what micros are to a unit. */
const ppm = (share: string): number => {
  const parts = micros(share)
  if (parts === undefined) throw new Error(`the schema has let the share ${share} pass`)
  return parts
}
