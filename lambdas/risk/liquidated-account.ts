import { accountNamed } from '#adapters/tables/account-numbers.ts'
import { getAccount } from '#adapters/tables/accounts.ts'
import { getBalance } from '#adapters/tables/balances.ts'
import { type InstrumentRow, listInstruments } from '#adapters/tables/instruments.ts'
import type { LaneAccount } from '#adapters/tables/liquidations.ts'
import { getMark } from '#adapters/tables/marks.ts'
import { listPositions } from '#adapters/tables/positions.ts'
import { getLaneBudget } from '#adapters/tables/risk-limits.ts'
import { laneCreditIn } from '#domain/margin/account-risk.ts'
import type { LiquidatedPosition } from '#domain/margin/liquidation.ts'
import type { RiskInstrument } from '#domain/margin/risk-epoch.ts'
import { unvaluedInstrument } from '#domain/margin/unvalued-instrument.ts'
import { maxInt32 } from '#domain/reference/instrument.ts'
import { versionOfJointMargin } from '#domain/trading/engine-version.ts'
import { micros } from '#domain/units.ts'
import type { LiquidationTerms } from '#protocol/operations/liquidation.ts'
import { cashOnItsWay } from '../ledger/lane-cash.ts'
import { openAccountOf } from '../ledger/named-account.ts'
import { satelliteIn } from '../ledger/satellite.ts'
import { engineVersionMissing } from '../reference/engine-version-needed.ts'
import { tenantLanes, tradesInSeveralLanes } from '../shell/lanes.ts'
import { epochInForce } from './epoch-in-force.ts'
import { keyOf } from './position-key.ts'

/** One holding of the account, with all that its reduction is decided by. */
export interface OpenPosition {
  /** Tells it from those of other lanes, whose instruments have the same numbers; at home the instrument's number. */
  readonly key: number
  readonly at: LaneAccount
  readonly market: InstrumentRow
  /** Signed. */
  readonly sizeLots: number
  readonly entryTickLots: number
  readonly risk: RiskInstrument
  /** As it was marked last; 0: never. */
  readonly markTicks: number
}

/** As the tables tell it, all at once; its orders are cancelled. */
export interface LiquidatedAccount {
  readonly epochVersion: number
  readonly groups: readonly { readonly thresholdUnits: number; readonly microsPerUnit: number }[]
  readonly cashMicros: number
  /** Cash not held, collateral after its haircut and what is not realised, at the marks of the epoch in force. */
  readonly equityMicros: number
  /** What other lanes of the account add in each scenario to what they add where nothing moves, which equity has. */
  readonly laneGainsMicros?: readonly number[]
  readonly positions: readonly OpenPosition[]
  /** Where all this is, its home first, and what cash it has in each. */
  readonly lanes: readonly LaneCashMicros[]
  /** Cash is on its way between them, or they go by different sets of scenarios: what it has as a whole is known in a moment. */
  readonly isSettling: boolean
}

/** `freeMicros`: what of it is not held. */
export interface LaneCashMicros extends LaneAccount {
  readonly cashMicros: number
  readonly freeMicros: number
}

const rowsOfRead = 500
const noGroup = { thresholdUnits: 0, microsPerUnit: 0 }

/**
 * The account in its home and in all lanes where it trades on what its home grants: there what they have is one, and budgets
 * between them cancel. A satellite that is called by itself, since its home does not answer, is read alone with its budget, and
 * so is an account whose lanes do not know all rules yet.
 */
export const readLiquidatedAccount = async (lane: number, accountId: number): Promise<LiquidatedAccount> => {
  const home = { lane, accountId }
  const abroad = await satellitesOf(home)
  if (abroad.length === 0) return alone(await readLane(home, 0))
  const isOnItsWay = await Promise.all(abroad.map(other => cashOnItsWay(home, other)))
  const [atHome, ...others] = await Promise.all([
    readLane(home, 0),
    ...abroad.map(other => readLane(other, other.lane)),
  ])
  if (atHome === undefined) throw new Error('an account has no home')
  const all = [atHome, ...others]
  const groupsBefore = all.map((_, index) => all.slice(0, index).reduce((sum, { groups }) => sum + groups.length, 0))
  const sum = (of: (each: LaneState) => number): number => all.reduce((total, each) => total + of(each), 0)
  return {
    epochVersion: atHome.epochVersion,
    groups: all.flatMap(({ groups }) => groups),
    cashMicros: sum(({ cashMicros }) => cashMicros),
    equityMicros: sum(({ ownEquityMicros }) => ownEquityMicros),
    positions: all.flatMap(({ positions }, index) =>
      positions.map(position => ({
        ...position,
        risk: { ...position.risk, group: position.risk.group + (groupsBefore[index] ?? 0) },
      })),
    ),
    lanes: all.map(cashIn),
    isSettling:
      isOnItsWay.some(({ toMicros, fromMicros }) => toMicros + fromMicros > 0) ||
      new Set(all.map(({ scenarioSetVersion }) => scenarioSetVersion)).size > 1,
  }
}

/** Those that its home grants budgets to, by engines that know what a joint liquidation is. */
const satellitesOf = async (home: LaneAccount): Promise<readonly LaneAccount[]> => {
  if (!tradesInSeveralLanes()) return []
  const name = await accountNamed(home.lane, home.accountId)
  const row = name === undefined ? undefined : await getAccount(name)
  const main = row && openAccountOf(row)
  if (main === undefined || main.firm !== main.account) return []
  const others = tenantLanes().filter(lane => lane !== home.lane)
  const found = await Promise.all(
    others.map(async (lane): Promise<readonly LaneAccount[]> => {
      const satellite = await satelliteIn(main.account, lane)
      if (satellite === undefined) return []
      const { accountId } = satellite
      return (await getLaneBudget(lane, accountId)) === undefined ? [] : [{ lane, accountId }]
    }),
  )
  const abroad = found.flat()
  const lanes = abroad.length === 0 ? [] : [home, ...abroad]
  const missing = await Promise.all(lanes.map(({ lane }) => engineVersionMissing(lane, versionOfJointMargin)))
  return missing.every(each => each === undefined) ? abroad : []
}

interface LaneState {
  readonly at: LaneAccount
  readonly epochVersion: number
  readonly scenarioSetVersion: number
  readonly groups: LiquidatedAccount['groups']
  readonly cashMicros: number
  readonly heldMicros: number
  /** Without what other lanes add. */
  readonly ownEquityMicros: number
  readonly credit: readonly number[] | undefined
  readonly positions: readonly OpenPosition[]
}

const cashIn = ({ at, cashMicros, heldMicros }: LaneState): LaneCashMicros => ({
  ...at,
  cashMicros,
  freeMicros: Math.max(0, cashMicros - heldMicros),
})

const alone = (state: LaneState): LiquidatedAccount => {
  const { ownEquityMicros, credit, epochVersion, groups, cashMicros, positions } = state
  const atRest = credit?.at(-1) ?? 0
  return {
    ...{ epochVersion, groups, cashMicros, positions },
    equityMicros: ownEquityMicros + atRest,
    ...(credit === undefined ? {} : { laneGainsMicros: credit.slice(0, -1).map(micros => micros - atRest) }),
    lanes: [cashIn(state)],
    isSettling: false,
  }
}

const readLane = async (at: LaneAccount, keyLane: number): Promise<LaneState> => {
  const { lane, accountId } = at
  const [epoch, markets, rows, balance, laneBudget] = await Promise.all([
    epochInForce(lane),
    listInstruments(lane),
    allPositions(accountId),
    getBalance(accountId, 'USD'),
    getLaneBudget(lane, accountId),
  ])
  const byId = new Map(markets.map(market => [market.instrument.instrumentId, market]))
  const risks = new Map((epoch?.epoch.instruments ?? []).map(risk => [risk.instrumentId, risk]))
  const held = rows.filter(row => row.lane === lane && row.sizeLots !== 0)
  const positions = await Promise.all(
    held.map(async ({ instrumentId, instrumentName, sizeLots, entryTickLots }): Promise<OpenPosition> => {
      const market = byId.get(instrumentId)
      if (market === undefined) throw new Error(`${instrumentName} is not in its table yet`)
      const { instrument } = market
      const isKnown = epoch?.specificationVersions.get(instrumentId) === instrument.specificationVersion
      const risk = (isKnown ? risks.get(instrumentId) : undefined) ?? unvaluedInstrument(instrument)
      const mark = await getMark(lane, instrumentId)
      const markTicks = mark?.markTicks ?? Math.round(risk.markMicros / instrument.microsPerTickLot)
      return { key: keyOf(keyLane, instrumentId), at, market, sizeLots, entryTickLots, risk, markTicks }
    }),
  )
  const { cashMicros = 0, heldMicros = 0 } = balance ?? {}
  const unrealised = positions.reduce(
    (sum, { market, sizeLots, entryTickLots, risk }) =>
      sum + sizeLots * risk.markMicros - entryTickLots * market.instrument.microsPerTickLot,
    0,
  )
  return {
    at,
    epochVersion: epoch?.epoch.version ?? 0,
    scenarioSetVersion: epoch?.epoch.scenarioSetVersion ?? 0,
    groups: epoch === undefined || epoch.epoch.groups.length === 0 ? [noGroup] : epoch.epoch.groups,
    cashMicros,
    heldMicros,
    ownEquityMicros: cashMicros - heldMicros + unrealised,
    credit: epoch === undefined ? laneBudget?.budgetMicros : laneCreditIn(laneBudget, epoch.epoch),
    positions: positions.toSorted((a, b) => a.risk.instrumentId - b.risk.instrumentId),
  }
}

const allPositions = async (accountId: number) => {
  const first = await listPositions(accountId, { limit: rowsOfRead })
  const rows = [...first.rows]
  for (let after = first.next; after !== undefined; ) {
    const page = await listPositions(accountId, { limit: rowsOfRead, after })
    rows.push(...page.rows)
    after = page.next
  }
  return rows
}

const isCollateral = ({ market }: OpenPosition): boolean => market.instrument.specification.kind === 'collateral'

/** Whether somebody can take it over: collateral has no book, and is paid for at once. */
export const isTransferable = ({ market }: OpenPosition): boolean => market.isActive

/** The worst price that is sent or taken for a position, so many parts in a million from its mark; inside of what can trade. */
export const worstTicks = ({ market, sizeLots, markTicks }: OpenPosition, ppm: number): number => {
  const { maxPriceTicks } = market.instrument
  const away = (BigInt(markTicks) * BigInt(ppm)) / 1_000_000n
  const ticks = sizeLots > 0 ? BigInt(markTicks) - away : BigInt(markTicks) + away
  return Math.max(1, Math.min(maxPriceTicks, Number(ticks)))
}

export type Sizing =
  | { readonly by: 'books'; readonly terms: LiquidationTerms; readonly dryTries: Readonly<Record<string, number>> }
  /** All at once, at the reserve or as if for nothing. */
  | { readonly by: 'auction'; readonly terms: LiquidationTerms; readonly at: 'reserve' | 'mark' }

/**
 * In the order in which they are reduced: what the books have refused least often, then what alone may lose most, then by
 * number. What nobody can trade is there for its risk only.
 */
export const sizedPositions = (account: LiquidatedAccount, sizing: Sizing): readonly LiquidatedPosition[] => {
  const triesOf = ({ key }: OpenPosition): number => (sizing.by === 'books' ? (sizing.dryTries[key] ?? 0) : 0)
  const sized = account.positions
    .toSorted((a, b) => triesOf(a) - triesOf(b) || worstLoss(b) - worstLoss(a))
    .map(position => sizedPosition(position, sizing, triesOf(position)))
  return account.laneGainsMicros === undefined ? sized : [...sized, creditPosition(account.laneGainsMicros)]
}

/** What other lanes add, as a lot that gains it and that nobody can trade. */
const creditPosition = (gainsMicros: readonly number[]): LiquidatedPosition => ({
  instrumentId: 0,
  sizeLots: 1,
  markMicros: 0,
  limitMicros: 0,
  lotFeeMicros: 0,
  shortMinimumMicros: 0,
  concentrationUnits: 0,
  group: 0,
  gainsMicros,
  isBounded: false,
  largestLots: 0,
})

const sizedPosition = (position: OpenPosition, sizing: Sizing, dryTries: number): LiquidatedPosition => {
  const { key, market, sizeLots, risk } = position
  const { microsPerTickLot, maxCommissionPpm } = market.instrument
  const { terms } = sizing
  const ppm = sizing.by === 'books' ? terms.collar_ppm : terms.auction_reserve_ppm
  const limitMicros =
    sizing.by === 'auction' && sizing.at === 'mark' ? risk.markMicros : worstTicks(position, ppm) * microsPerTickLot
  const canReduce =
    isTransferable(position) &&
    (sizing.by === 'auction' || (!isCollateral(position) && dryTries < terms.most_dry_tries))
  return {
    instrumentId: key,
    sizeLots,
    markMicros: risk.markMicros,
    limitMicros,
    // A transfer costs no fee.
    lotFeeMicros:
      sizing.by === 'books' ? Number((BigInt(limitMicros) * BigInt(maxCommissionPpm) + 999_999n) / 1_000_000n) : 0,
    shortMinimumMicros: risk.shortMinimumMicros,
    concentrationUnits: risk.concentrationUnits,
    group: risk.group,
    gainsMicros: gainsOf(risk),
    isBounded: risk.risk.kind === 'bounds',
    largestLots: !canReduce ? 0 : sizing.by === 'auction' ? Math.abs(sizeLots) : largestLots(position, terms),
  }
}

const gainsOf = ({ risk, markMicros }: RiskInstrument): readonly number[] =>
  risk.kind === 'array' ? risk.arrayMicros : [risk.lowMicros - markMicros, risk.highMicros - markMicros]

/** What the position alone loses where it loses most. */
const worstLoss = ({ risk, sizeLots }: OpenPosition): number =>
  gainsOf(risk).reduce((worst, gain) => Math.max(worst, -gain * sizeLots), 0)

const leastPartOfPosition = 100

/** Without a mark there is no collar to send an order at. */
const largestLots = ({ market, sizeLots, markTicks }: OpenPosition, { tranche_notional }: LiquidationTerms): number => {
  if (markTicks <= 0) return 0
  const notional = micros(tranche_notional)
  if (notional === undefined) throw new Error(`no amount of USD: ${tranche_notional}`)
  const lots = Math.floor(notional / (markTicks * market.instrument.microsPerTickLot))
  return Math.min(maxInt32, Math.max(1, lots, Math.ceil(Math.abs(sizeLots) / leastPartOfPosition)))
}
