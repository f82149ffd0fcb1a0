import { getBalance } from '#adapters/tables/balances.ts'
import { type InstrumentRow, listInstruments } from '#adapters/tables/instruments.ts'
import { getMark } from '#adapters/tables/marks.ts'
import { listPositions } from '#adapters/tables/positions.ts'
import { getLaneBudget } from '#adapters/tables/risk-limits.ts'
import { laneCreditIn } from '#domain/margin/account-risk.ts'
import type { LiquidatedPosition } from '#domain/margin/liquidation.ts'
import type { RiskInstrument } from '#domain/margin/risk-epoch.ts'
import { unvaluedInstrument } from '#domain/margin/unvalued-instrument.ts'
import { maxInt32 } from '#domain/reference/instrument.ts'
import { micros } from '#domain/units.ts'
import type { LiquidationTerms } from '#protocol/operations/liquidation.ts'
import { epochInForce } from './epoch-in-force.ts'

/** One holding of the account, with all that its reduction is decided by. */
export interface OpenPosition {
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
}

const rowsOfRead = 500
const noGroup = { thresholdUnits: 0, microsPerUnit: 0 }

export const readLiquidatedAccount = async (lane: number, accountId: number): Promise<LiquidatedAccount> => {
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
      return { market, sizeLots, entryTickLots, risk, markTicks }
    }),
  )
  const { cashMicros = 0, heldMicros = 0 } = balance ?? {}
  const unrealised = positions.reduce(
    (sum, { market, sizeLots, entryTickLots, risk }) =>
      sum + sizeLots * risk.markMicros - entryTickLots * market.instrument.microsPerTickLot,
    0,
  )
  const credit = epoch === undefined ? laneBudget?.budgetMicros : laneCreditIn(laneBudget, epoch.epoch)
  const atRest = credit?.at(-1) ?? 0
  return {
    epochVersion: epoch?.epoch.version ?? 0,
    groups: epoch === undefined || epoch.epoch.groups.length === 0 ? [noGroup] : epoch.epoch.groups,
    cashMicros,
    equityMicros: cashMicros - heldMicros + unrealised + atRest,
    ...(credit === undefined ? {} : { laneGainsMicros: credit.slice(0, -1).map(micros => micros - atRest) }),
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
  /** All at once, at the reserve. */
  | { readonly by: 'auction'; readonly terms: LiquidationTerms }

/**
 * In the order in which they are reduced: what the books have refused least often, then what alone may lose most, then by
 * number. What nobody can trade is there for its risk only.
 */
export const sizedPositions = (account: LiquidatedAccount, sizing: Sizing): readonly LiquidatedPosition[] => {
  const triesOf = ({ risk }: OpenPosition): number =>
    sizing.by === 'books' ? (sizing.dryTries[risk.instrumentId] ?? 0) : 0
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
  const { market, sizeLots, risk } = position
  const { microsPerTickLot, maxCommissionPpm } = market.instrument
  const { terms } = sizing
  const ppm = sizing.by === 'books' ? terms.collar_ppm : terms.auction_reserve_ppm
  const limitMicros = worstTicks(position, ppm) * microsPerTickLot
  const canReduce =
    isTransferable(position) &&
    (sizing.by === 'auction' || (!isCollateral(position) && dryTries < terms.most_dry_tries))
  return {
    instrumentId: risk.instrumentId,
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
