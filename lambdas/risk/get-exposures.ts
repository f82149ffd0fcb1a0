import { accountsNumbered } from '#adapters/tables/account-numbers.ts'
import { type ExposedPosition, type Exposure, exposuresOf } from '#domain/margin/exposures.ts'
import { underlyingOf } from '#domain/margin/made-epoch.ts'
import { decimalOfMicros } from '#domain/units.ts'
import type { getExposures } from '#protocol/operations/margin.ts'
import type { Handle } from '../shell/http.ts'
import { tenantLanes } from '../shell/lanes.ts'
import { traderOf } from '../trading/trader.ts'
import { readAccountState } from './account-state.ts'
import { askedAccount, seesAll } from './asked-account.ts'
import { rememberedEpochInForce, type StoredEpoch } from './epoch-in-force.ts'
import { type LanePosition, lanePositions } from './lane-positions.ts'

const mostParts = 1_000

export const handle: Handle<typeof getExposures> = async ({ query, principal }) => {
  const { scope = 'account', subject } = query
  if (scope === 'account') {
    const asked = await askedAccount(principal, subject)
    if ('code' in asked) return asked
    // In another lane it has nothing.
    if (query.lane !== undefined && query.lane !== asked.lane) return { code: 'not-found' }
    const [{ rows }, epoch] = await Promise.all([
      readAccountState(asked.lane, asked.accountId),
      rememberedEpochInForce(asked.lane),
    ])
    const positions = rows.positions.map(position => ({ ...position, accountId: asked.accountId }))
    return answer(scope, epoch, positions, [])
  }
  const firm = subject ?? principal.account
  if (scope === 'lane') {
    if (!seesAll(principal)) return { code: 'forbidden', detail: 'The credential lacks the permission risk:read-any.' }
    if (subject !== undefined)
      return { code: 'invalid-request', errors: [{ pointer: '#/query/subject', detail: 'goes with another scope' }] }
  } else if (!seesAll(principal) && firm !== principal.account) return { code: 'not-found' }
  const lane = query.lane ?? (await traderOf(principal))?.lane ?? tenantLanes()[0]
  if (!tenantLanes().includes(lane)) return { code: 'not-found' }
  const [all, epoch] = await Promise.all([lanePositions(lane), rememberedEpochInForce(lane)])
  const identities = await accountsNumbered(lane, new Set(all.map(({ accountId }) => accountId)))
  const identityOf = ({ accountId }: LanePosition) =>
    identities.get(accountId) ?? { account: String(accountId), firm: String(accountId) }
  const positions = scope === 'lane' ? all : all.filter(position => identityOf(position).firm === firm)
  const parts = Map.groupBy(positions, position => identityOf(position)[scope === 'lane' ? 'firm' : 'account'])
  return answer(scope, epoch, positions, [...parts].sort(byName).slice(0, mostParts))
}

const byName = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number => (a < b ? -1 : 1)

const answer = (
  scope: 'account' | 'firm' | 'lane',
  epoch: StoredEpoch | undefined,
  positions: readonly LanePosition[],
  parts: readonly (readonly [string, readonly LanePosition[]])[],
) => {
  const exposed = exposedBy(epoch)
  return {
    status: 200 as const,
    body: {
      scope,
      epoch_version: epoch?.epoch.version ?? 0,
      underlyings: viewOf(exposuresOf(positions.map(exposed))),
      parts: parts.map(([name, own]) => ({ name, underlyings: viewOf(exposuresOf(own.map(exposed))) })),
      timestamp: new Date().toISOString(),
    },
  }
}

const exposedBy = (epoch: StoredEpoch | undefined): ((position: LanePosition) => ExposedPosition) => {
  const risks = new Map(epoch?.epoch.instruments.map(risk => [risk.instrumentId, risk]))
  return ({ instrument, sizeLots }) => {
    const { instrumentId, specificationVersion } = instrument
    const risk = risks.get(instrumentId)
    const isValued =
      risk?.risk.kind === 'array' && epoch?.specificationVersions.get(instrumentId) === specificationVersion
    return { underlying: underlyingOf(instrument), sizeLots, ...(isValued ? { sensitivities: risk } : {}) }
  }
}

const viewOf = (exposures: ReadonlyMap<string, Exposure>) =>
  [...exposures].map(([underlying, exposure]) => ({
    underlying,
    net_delta: decimalOfMicros(exposure.netDeltaMicroUnits),
    gross_delta: decimalOfMicros(exposure.grossDeltaMicroUnits),
    net_vega: decimalOfMicros(exposure.netVegaMicros),
    gross_vega: decimalOfMicros(exposure.grossVegaMicros),
    unvalued_positions: exposure.unvaluedPositions,
  }))
