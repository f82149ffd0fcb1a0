import { accountsNumbered } from '#adapters/tables/account-numbers.ts'
import type { HeldPosition } from '#domain/margin/account-risk.ts'
import { type ExposedPosition, type Exposure, exposuresOf } from '#domain/margin/exposures.ts'
import { underlyingOf } from '#domain/margin/made-epoch.ts'
import { decimalOfMicros } from '#domain/units.ts'
import type { getExposures } from '#protocol/operations/margin.ts'
import type { Handle } from '../shell/http.ts'
import { tenantLanes } from '../shell/lanes.ts'
import { traderOf } from '../trading/trader.ts'
import { readInLanes } from './account-in-lanes.ts'
import { askedAccount, seesAll } from './asked-account.ts'
import { countedLanesOf } from './counted-lanes.ts'
import { rememberedEpochInForce, type StoredEpoch } from './epoch-in-force.ts'
import { lanePositions } from './lane-positions.ts'

const mostParts = 1_000

export const handle: Handle<typeof getExposures> = async ({ query, principal }) => {
  const { scope = 'account', subject } = query
  if (scope === 'account') {
    const asked = await askedAccount(principal, subject)
    if ('code' in asked) return asked
    const found = await readInLanes(asked, query.lane)
    if (found.length === 0) return { code: 'not-found' }
    return answer(
      scope,
      found.map(({ lane, rows, epoch }) => ({ lane, epoch, exposed: rows.positions.map(exposedBy(epoch)) })),
      [],
    )
  }
  const firm = subject ?? principal.account
  if (scope === 'lane') {
    if (!seesAll(principal)) return { code: 'forbidden', detail: 'The credential lacks the permission risk:read-any.' }
    if (subject !== undefined)
      return { code: 'invalid-request', errors: [{ pointer: '#/query/subject', detail: 'goes with another scope' }] }
  } else if (!seesAll(principal) && firm !== principal.account) return { code: 'not-found' }
  const lanes: readonly number[] = tenantLanes()
  const theLane = query.lane ?? (scope === 'lane' ? ((await traderOf(principal))?.lane ?? lanes[0]) : undefined)
  const asked = theLane === undefined ? lanes : lanes.filter(lane => lane === theLane)
  if (asked.length === 0) return { code: 'not-found' }
  const found: (Counted & { readonly exposed: readonly OwnedPosition[] })[] = []
  // One after the other: each reads many instruments at a time.
  for (const lane of asked) {
    const { epoch, exposed } = await readLane(lane)
    found.push({
      lane,
      epoch,
      exposed: scope === 'lane' ? exposed : exposed.filter(position => position.firm === firm),
    })
  }
  const all = found.flatMap(({ exposed }) => exposed)
  const parts = Map.groupBy(all, position => position[scope === 'lane' ? 'firm' : 'account'])
  return answer(scope, found, [...parts].sort(byName).slice(0, mostParts))
}

const byName = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number => (a < b ? -1 : 1)

/** What counts of a lane, by the lane's own epoch. */
interface Counted {
  readonly lane: number
  readonly epoch: StoredEpoch | undefined
  readonly exposed: readonly ExposedPosition[]
}

interface OwnedPosition extends ExposedPosition {
  readonly account: string
  readonly firm: string
}

const readLane = async (lane: number) => {
  const [positions, epoch] = await Promise.all([lanePositions(lane), rememberedEpochInForce(lane)])
  const identities = await accountsNumbered(lane, new Set(positions.map(({ accountId }) => accountId)))
  const exposed = exposedBy(epoch)
  return {
    epoch,
    exposed: positions.map((position): OwnedPosition => {
      const number = String(position.accountId)
      const { account, firm } = identities.get(position.accountId) ?? { account: number, firm: number }
      return { ...exposed(position), account, firm }
    }),
  }
}

const answer = (
  scope: 'account' | 'firm' | 'lane',
  counted: readonly Counted[],
  parts: readonly (readonly [string, readonly ExposedPosition[]])[],
) => ({
  status: 200 as const,
  body: {
    scope,
    ...countedLanesOf(counted),
    underlyings: viewOf(exposuresOf(counted.flatMap(({ exposed }) => exposed))),
    parts: parts.map(([name, own]) => ({ name, underlyings: viewOf(exposuresOf(own)) })),
    timestamp: new Date().toISOString(),
  },
})

const exposedBy = (epoch: StoredEpoch | undefined): ((position: HeldPosition) => ExposedPosition) => {
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
