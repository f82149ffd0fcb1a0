import type * as z from 'zod'
import { accountsNumbered } from '#adapters/tables/account-numbers.ts'
import { getBalances } from '#adapters/tables/balances.ts'
import { instrumentsOf } from '#adapters/tables/instruments.ts'
import { type AccountRisk, type HeldPosition, valueAccount } from '#domain/margin/account-risk.ts'
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
import { type AccountInLane, readInLanes } from './account-in-lanes.ts'
import { askedAccount, seesAll } from './asked-account.ts'
import { countedLanesOf, oldestTimestampOf } from './counted-lanes.ts'
import { rememberedEpochInForce, type StoredEpoch } from './epoch-in-force.ts'
import { lanePositions } from './lane-positions.ts'

const dayYears = 1 / 365
const mostWorstAccounts = 20
const million = 1_000_000

export const handle: Handle<typeof stressRisk> = async ({ body, principal }) => {
  const { scope } = body
  if (scope === 'lane' && body.account !== undefined)
    return { code: 'invalid-request', errors: [{ pointer: '#/account', detail: 'goes with scope account' }] }
  if (scope === 'lane' && !seesAll(principal))
    return { code: 'forbidden', detail: 'The credential lacks the permission risk:read-any.' }
  if (scope === 'lane') {
    const lane = body.lane ?? (await traderOf(principal))?.lane ?? tenantLanes()[0]
    return tenantLanes().includes(lane) ? stressLane(lane, body) : { code: 'not-found' }
  }
  const asked = await askedAccount(principal, body.account)
  if ('code' in asked) return asked
  const lanes = await readInLanes(asked, body.lane)
  return lanes.length === 0 ? { code: 'not-found' } : stressAccount(lanes, body)
}

/** In all its lanes together: what one gains, another may lose. */
const stressAccount = async (lanes: readonly AccountInLane[], body: Body) => {
  const held = lanes.map(({ lane, epoch, rows }) => ({ lane, epoch, positions: rows.positions }))
  const stressedBy = valuation(held, await underlyingsOf(held), body)
  if ('code' in stressedBy) return stressedBy
  // Without what lanes have granted each other, which is nobody's gain.
  const equityMicros = lanes.reduce((sum, { rows, epoch }) => sum + BigInt(equityOf(rows, epoch)), 0n)
  return answer(
    'account',
    held,
    stressedBy,
    stressedBy.set.scenarios.map(({ name }, scenario) => {
      const gains = held.flatMap(({ lane, positions }) =>
        positions.map(position => ({ lane, position, micros: stressedBy.gainsOf(lane, position)[scenario] ?? 0 })),
      )
      const micros = sumOf(gains)
      return {
        name,
        profit_loss: decimalOfMicros(micros),
        underlyings: byUnderlying(gains),
        equity_after: decimalOfMicros(equityMicros + micros),
        positions: gains
          .toSorted((a, b) => a.micros - b.micros)
          .map(({ lane, position, micros }) => ({
            lane,
            instrument_name: nameOf(position.instrument),
            profit_loss: decimalOfMicros(micros),
          })),
        ...noAccounts,
      }
    }),
  )
}

/** Of cash and positions alone. */
const equityOf = (
  { cashMicros, heldMicros, positions }: Pick<AccountRisk, 'cashMicros' | 'heldMicros' | 'positions'>,
  epoch: StoredEpoch | undefined,
): number => valueAccount({ cashMicros, heldMicros, positions, orders: [] }, epoch).figures.equityMicros

/** An underlying means the same in every lane: what one of them knows may be shifted in all. */
const underlyingsOf = async (lanes: readonly Held[]): Promise<readonly string[]> => {
  const known = await Promise.all(
    // Before the first epoch nothing has a value, but what is listed still depends on something.
    lanes.map(({ lane, epoch }) => epoch?.made.scenarioSet.underlyings ?? listedUnderlyings(lane)),
  )
  return [...new Set(known.flat())]
}

const listedUnderlyings = async (lane: number): Promise<readonly string[]> =>
  [...new Set((await instrumentsOf(lane)).map(({ instrument }) => underlyingOf(instrument)))].sort()

const noAccounts = { accounts_short: null, shortfall: null, worst_accounts: [] }

type Body = Parameters<Handle<typeof stressRisk>>[0]['body']
type Stressed = z.infer<typeof stressed>

/** What is held in a lane, and the epoch that it is valued by. */
interface Held {
  readonly lane: number
  readonly epoch: StoredEpoch | undefined
  readonly positions: readonly HeldPosition[]
}

interface Valuation {
  readonly set: ScenarioSet
  /** By scenario. */
  readonly gainsOf: (lane: number, position: HeldPosition) => readonly number[]
  readonly bounded: readonly string[]
}

/** Revalues each contract that is held once, in all scenarios, from what its lane's epoch was made of. */
const valuation = (
  lanes: readonly Held[],
  underlyings: readonly string[],
  body: Body,
): Valuation | Rejection<'unknown-underlying' | 'too-many-scenarios' | 'scenario-refused'> => {
  // Numbers of instruments are those of a lane.
  const held = lanes.map(({ lane, epoch, positions }) => ({
    lane,
    epoch,
    contracts: new Map(positions.map(({ instrument }) => [instrument.instrumentId, instrument])),
  }))
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
  const contracts = held.reduce((sum, each) => sum + each.contracts.size, 0)
  const values = contracts * scenarios.length
  if (values > mostRevaluations)
    return {
      code: 'too-many-scenarios',
      detail: `${scenarios.length} scenarios of ${contracts} contracts are ${values} values, where at most ${mostRevaluations} are computed at once.`,
      errors: [{ pointer: '#/scenarios', detail: `must not be more than ${Math.floor(mostRevaluations / contracts)}` }],
    }
  const risks = new Map(
    held.map(({ lane, epoch, contracts }) => [
      lane,
      new Map([...contracts].map(([id, instrument]) => [id, revalued(set.value, instrument, epoch)])),
    ]),
  )
  return {
    set: set.value,
    gainsOf: (lane, { instrument, sizeLots }) => {
      const risk = risks.get(lane)?.get(instrument.instrumentId)
      return risk === undefined ? [] : stressedMicros(risk, sizeLots, scenarios.length)
    },
    bounded: [...risks.values()]
      .flatMap(ofLane => [...ofLane.values()])
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

/** Exact: sums over a lane, or over several, may leave the safe integers. */
const sumOf = (gains: readonly Gain[]): bigint => gains.reduce((sum, { micros }) => sum + BigInt(micros), 0n)

const byUnderlying = (gains: readonly Gain[]): Stressed['underlyings'] =>
  [...Map.groupBy(gains, ({ position }) => underlyingOf(position.instrument))]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([underlying, own]) => ({ underlying, profit_loss: decimalOfMicros(sumOf(own)) }))

const nameOf = (instrument: Instrument): string => instrument.specification.instrumentName

const answer = (
  scope: 'account' | 'lane',
  held: readonly Held[],
  { bounded }: Valuation,
  scenarios: readonly Stressed[],
) => ({
  status: 200 as const,
  body: {
    scope,
    ...countedLanesOf(held),
    epoch_timestamp: oldestTimestampOf(held),
    covered_by_bounds: [...bounded],
    scenarios: [...scenarios],
  },
})

/** Who would be left with less than nothing, and by how much. */
const stressLane = async (lane: number, body: Body) => {
  const [positions, epoch] = await Promise.all([lanePositions(lane), rememberedEpochInForce(lane)])
  const held = [{ lane, epoch, positions }]
  const stressedBy = valuation(held, await underlyingsOf(held), body)
  if ('code' in stressedBy) return stressedBy
  const accounts = Map.groupBy(positions, ({ accountId }) => accountId)
  const balances = await getBalances(accounts.keys(), 'USD')
  const equities = new Map(
    [...accounts].map(([accountId, own]) => {
      const { cashMicros = 0, heldMicros = 0 } = balances.get(accountId) ?? {}
      return [accountId, equityOf({ cashMicros, heldMicros, positions: own }, epoch)]
    }),
  )
  const gains = new Map(positions.map(position => [position, stressedBy.gainsOf(lane, position)]))
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
    held,
    stressedBy,
    found.map(({ name, all, short, worst }) => ({
      name,
      profit_loss: decimalOfMicros(sumOf(all)),
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
