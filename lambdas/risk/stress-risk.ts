import type * as z from 'zod'
import { accountsNumbered } from '#adapters/tables/account-numbers.ts'
import { getBalances } from '#adapters/tables/balances.ts'
import { instrumentsOf } from '#adapters/tables/instruments.ts'
import { type HeldPosition, valueAccount } from '#domain/margin/account-risk.ts'
import { underlyingOf } from '#domain/margin/made-epoch.ts'
import { riskAsset, riskInstrument } from '#domain/margin/risk-arrays.ts'
import type { RiskInstrument } from '#domain/margin/risk-epoch.ts'
import type { ScenarioSet } from '#domain/margin/scenario-set.ts'
import { mostRevaluations, stressedMicros, stressSet } from '#domain/margin/stress.ts'
import { unvaluedInstrument } from '#domain/margin/unvalued-instrument.ts'
import type { Instrument } from '#domain/reference/instrument.ts'
import { decimalOfMicros } from '#domain/units.ts'
import type { stressed, stressRisk } from '#protocol/operations/margin.ts'
import type { Handle, Rejection } from '../shell/http.ts'
import { tenantLanes } from '../shell/lanes.ts'
import { traderOf } from '../trading/trader.ts'
import { readAccountState } from './account-state.ts'
import { askedAccount, seesAll } from './asked-account.ts'
import { rememberedEpochInForce, type StoredEpoch } from './epoch-in-force.ts'
import { type LanePosition, lanePositions } from './lane-positions.ts'

const dayYears = 1 / 365
const mostWorstAccounts = 20
const million = 1_000_000

export const handle: Handle<typeof stressRisk> = async ({ body, principal }) => {
  const { scope } = body
  if (scope === 'lane' && body.account !== undefined)
    return { code: 'invalid-request', errors: [{ pointer: '#/account', detail: 'goes with scope account' }] }
  if (scope === 'lane' && !seesAll(principal))
    return { code: 'forbidden', detail: 'The credential lacks the permission risk:read-any.' }
  const asked = scope === 'account' ? await askedAccount(principal, body.account) : undefined
  if (asked !== undefined && 'code' in asked) return asked
  const lane = asked?.lane ?? body.lane ?? (await traderOf(principal))?.lane ?? tenantLanes()[0]
  if (!tenantLanes().includes(lane) || (body.lane !== undefined && body.lane !== lane)) return { code: 'not-found' }
  const epoch = await rememberedEpochInForce(lane)
  // Before the first epoch nothing has a value, but what is listed still depends on something.
  const underlyings = epoch?.made.scenarioSet.underlyings ?? (await listedUnderlyings(lane))
  if (asked === undefined) {
    const positions = await lanePositions(lane)
    const stressedBy = valuation(positions, epoch, underlyings, body)
    return 'code' in stressedBy ? stressedBy : stressLane(lane, positions, epoch, stressedBy)
  }
  const { rows } = await readAccountState(asked.lane, asked.accountId)
  const stressedBy = valuation(rows.positions, epoch, underlyings, body)
  if ('code' in stressedBy) return stressedBy
  const { equityMicros } = valueAccount({ ...rows, orders: [] }, epoch).figures
  return answer(
    'account',
    epoch,
    stressedBy,
    stressedBy.set.scenarios.map(({ name }, scenario) => {
      const gains = rows.positions.map(position => ({ position, micros: stressedBy.gainsOf(position)[scenario] ?? 0 }))
      const micros = gains.reduce((sum, gain) => sum + gain.micros, 0)
      return {
        name,
        profit_loss: decimalOfMicros(micros),
        underlyings: byUnderlying(gains),
        equity_after: decimalOfMicros(equityMicros + micros),
        positions: gains
          .toSorted((a, b) => a.micros - b.micros)
          .map(gain => ({
            instrument_name: nameOf(gain.position.instrument),
            profit_loss: decimalOfMicros(gain.micros),
          })),
        ...noAccounts,
      }
    }),
  )
}

const listedUnderlyings = async (lane: number): Promise<readonly string[]> =>
  [...new Set((await instrumentsOf(lane)).map(({ instrument }) => underlyingOf(instrument)))].sort()

const noAccounts = { accounts_short: null, shortfall: null, worst_accounts: [] }

type Body = Parameters<Handle<typeof stressRisk>>[0]['body']
type Stressed = z.infer<typeof stressed>

interface Valuation {
  readonly set: ScenarioSet
  /** By scenario. */
  readonly gainsOf: (position: HeldPosition) => readonly number[]
  readonly bounded: readonly string[]
}

/** Revalues each contract that is held once, in all scenarios, from what the epoch was made of. */
const valuation = (
  positions: readonly HeldPosition[],
  epoch: StoredEpoch | undefined,
  underlyings: readonly string[],
  body: Body,
): Valuation | Rejection<'unknown-underlying' | 'too-many-scenarios' | 'scenario-refused'> => {
  const held = new Map(positions.map(({ instrument }) => [instrument.instrumentId, instrument]))
  const scenarios = body.scenarios.map(({ name, shifts }) => ({
    name,
    shifts: shifts.map(({ underlying, price_ppm, volatility_ppm, reach_ppm }) => ({
      underlying,
      ...(price_ppm === undefined ? {} : { price: price_ppm / million }),
      ...(volatility_ppm === undefined ? {} : { volatility: volatility_ppm / million }),
      ...(reach_ppm === undefined ? {} : { reach: reach_ppm / million }),
    })),
  }))
  const set = stressSet(underlyings, scenarios, body.days_ahead * dayYears)
  if (!set.accepted) {
    const code = set.code === 'unknown-underlying' ? set.code : 'scenario-refused'
    return { code, errors: [{ pointer: `#/${set.field}`, detail: `is refused: ${set.code}` }] }
  }
  const values = held.size * scenarios.length
  if (values > mostRevaluations)
    return {
      code: 'too-many-scenarios',
      detail: `${scenarios.length} scenarios of ${held.size} contracts are ${values} values, where at most ${mostRevaluations} are computed at once.`,
      errors: [{ pointer: '#/scenarios', detail: `must not be more than ${Math.floor(mostRevaluations / held.size)}` }],
    }
  const risks = new Map([...held].map(([id, instrument]) => [id, revalued(set.value, instrument, epoch)]))
  return {
    set: set.value,
    gainsOf: ({ instrument, sizeLots }) => {
      const risk = risks.get(instrument.instrumentId)
      return risk === undefined ? [] : stressedMicros(risk, sizeLots, scenarios.length)
    },
    bounded: [...risks.values()]
      .flatMap(({ instrumentName, risk }) => (risk.kind === 'bounds' ? [instrumentName] : []))
      .sort(),
  }
}

const revalued = (set: ScenarioSet, instrument: Instrument, epoch: StoredEpoch | undefined): RiskInstrument => {
  const { instrumentId, specificationVersion } = instrument
  const made = epoch?.instruments.get(instrumentId)
  if (made?.specificationVersion !== specificationVersion || made === undefined) return unvaluedInstrument(instrument)
  const valued = 'contract' in made ? riskInstrument(set, made.contract) : riskAsset(set, made.asset)
  if (valued.accepted) return valued.value
  // As the epoch covers what it has no scenarios of: within the bounds that were proved, if any.
  return made.risk.risk.kind === 'bounds'
    ? made.risk
    : { ...unvaluedInstrument(instrument), markMicros: made.risk.markMicros }
}

interface Gain {
  readonly position: HeldPosition
  readonly micros: number
}

/** Sums over a lane may leave the safe integers. */
const byUnderlying = (gains: readonly Gain[]): Stressed['underlyings'] => {
  const sums = new Map<string, bigint>()
  for (const { position, micros } of gains) {
    const underlying = underlyingOf(position.instrument)
    sums.set(underlying, (sums.get(underlying) ?? 0n) + BigInt(micros))
  }
  return [...sums]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([underlying, micros]) => ({ underlying, profit_loss: decimalOfMicros(micros) }))
}

const nameOf = (instrument: Instrument): string => instrument.specification.instrumentName

const answer = (
  scope: 'account' | 'lane',
  epoch: StoredEpoch | undefined,
  { bounded }: Valuation,
  scenarios: readonly Stressed[],
) => ({
  status: 200 as const,
  body: {
    scope,
    epoch_version: epoch?.epoch.version ?? 0,
    epoch_timestamp: epoch === undefined ? null : new Date(epoch.made.madeAtMillis).toISOString(),
    covered_by_bounds: [...bounded],
    scenarios: [...scenarios],
  },
})

/** Who would be left with less than nothing, and by how much. */
const stressLane = async (
  lane: number,
  positions: readonly LanePosition[],
  epoch: StoredEpoch | undefined,
  stressedBy: Valuation,
) => {
  const accounts = Map.groupBy(positions, ({ accountId }) => accountId)
  const balances = await getBalances(accounts.keys(), 'USD')
  const equities = new Map(
    [...accounts].map(([accountId, own]) => {
      const { cashMicros = 0, heldMicros = 0 } = balances.get(accountId) ?? {}
      return [
        accountId,
        valueAccount({ cashMicros, heldMicros, positions: own, orders: [] }, epoch).figures.equityMicros,
      ]
    }),
  )
  const gains = new Map(positions.map(position => [position, stressedBy.gainsOf(position)]))
  const found = stressedBy.set.scenarios.map(({ name }, scenario) => {
    const all = positions.map(position => ({ position, micros: gains.get(position)?.[scenario] ?? 0 }))
    const left = [...accounts]
      .map(([accountId, own]) => {
        const micros = own.reduce((sum, position) => sum + (gains.get(position)?.[scenario] ?? 0), 0)
        return { accountId, micros, afterMicros: (equities.get(accountId) ?? 0) + micros }
      })
      .sort((a, b) => a.afterMicros - b.afterMicros || a.accountId - b.accountId)
    const short = left.filter(({ afterMicros }) => afterMicros < 0)
    return { name, all, short, worst: left.slice(0, mostWorstAccounts) }
  })
  const names = await accountsNumbered(lane, new Set(found.flatMap(({ worst }) => worst.map(each => each.accountId))))
  return answer(
    'lane',
    epoch,
    stressedBy,
    found.map(({ name, all, short, worst }) => ({
      name,
      profit_loss: decimalOfMicros(all.reduce((sum, { micros }) => sum + BigInt(micros), 0n)),
      underlyings: byUnderlying(all),
      equity_after: null,
      positions: [],
      accounts_short: short.length,
      shortfall: decimalOfMicros(short.reduce((sum, { afterMicros }) => sum - BigInt(afterMicros), 0n)),
      worst_accounts: worst.map(({ accountId, micros, afterMicros }) => ({
        account: names.get(accountId)?.account ?? String(accountId),
        profit_loss: decimalOfMicros(micros),
        equity_after: decimalOfMicros(afterMicros),
      })),
    })),
  )
}
