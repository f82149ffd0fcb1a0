import type { QuoteBudgetTerms } from '#domain/margin/margin-book.ts'
import type { InstrumentRisk, RiskEpochBegin, RiskEpochChunk, RiskEpochCommit } from '#domain/trading/commands.ts'
import type { Event } from '#domain/trading/events.ts'
import type { NaiveLedger } from './naive-ledger.ts'
import {
  left,
  type NaiveListing,
  type NaiveMarket,
  type NaiveOrder,
  naiveInvoice,
  naivePenalty,
  type Refusal,
} from './naive-market.ts'

/** What is known of one lot, long. */
type NaiveRisk = Omit<InstrumentRisk, 'specificationVersion' | 'instrumentId'>

interface NaiveEpoch {
  readonly version: number
  readonly scenarioSetVersion: number
  readonly scenarios: number
  readonly groups: readonly { readonly thresholdUnits: number; readonly microsPerUnit: number }[]
}

interface Intake extends NaiveEpoch {
  readonly listedAtBegin: number
  readonly risks: InstrumentRisk[]
  /** As the contracts were when their risk came. */
  readonly adjustments: Map<number, number>
  chunks: number
}

const maxGrossMicros = 2 ** 51
const maxCashMicros = 2 ** 52

/** Of an account before an order of it is counted. */
export interface RiskBefore {
  readonly risk: number
  readonly isCovered: boolean
}

interface NaiveBudget {
  readonly terms: QuoteBudgetTerms
  readonly remainingLots: number
}

interface Surroundings {
  tell(event: Event): void
}

/** Margin from scratch for each question: each scenario by itself, each order in it. Nothing is kept but the epoch. */
export const createNaiveMargin = (
  { accounts, listings, orders, obligations }: NaiveMarket,
  { positionOf, cashMicros, reserveMicros }: NaiveLedger,
  { tell }: Surroundings,
) => {
  let epoch: NaiveEpoch = { version: 0, scenarioSetVersion: 0, scenarios: 0, groups: [] }
  let isDue = false
  let intake: Intake | undefined
  /** By instrument id. */
  let risks = new Map<number, NaiveRisk>()
  /** To be looked at once the command is done, in this order. */
  let toWatch: number[] = []
  /** Margin that is put by for an account's quotes, which then are no orders here. */
  let quoteBudgets = new Map<number, NaiveBudget>()

  const capOf = ({ instrument }: NaiveListing): number =>
    Math.max(1, instrument.maxPriceTicks) * instrument.microsPerTickLot
  /** Covered for whatever it settles at. */
  const unvalued = (listing: NaiveListing): NaiveRisk => {
    const isWorthless = listing.instrument.maxPriceTicks === 0
    const highMicros = isWorthless ? 0 : capOf(listing)
    const nothing = { shortMinimumMicros: 0, group: 0, concentrationUnits: 0, deltaMicroUnits: 0, vegaMicros: 0 }
    return { markMicros: 0, ...nothing, risk: { kind: 'bounds', lowMicros: 0, highMicros } }
  }
  const everyone = (): number[] => accounts.map((_, index) => index + 1)
  const activate = (): void => {
    for (const listing of listings) risks.set(listing.instrument.instrumentId, unvalued(listing))
    toWatch = everyone()
  }
  const list = (listing: NaiveListing): void => void risks.set(listing.instrument.instrumentId, unvalued(listing))

  const openOf = (accountId: number, listing: NaiveListing): NaiveOrder[] =>
    orders.filter(
      order =>
        order.placed.accountId === accountId &&
        order.listing === listing &&
        order.place !== 'waiting' &&
        (order.group === undefined || !quoteBudgets.has(accountId)),
    )
  const holdingsOf = (accountId: number) =>
    listings.flatMap(listing => {
      const open = openOf(accountId, listing)
      const sideLots = (direction: string): number =>
        open.reduce((sum, order) => sum + (order.placed.direction === direction ? left(order) : 0), 0)
      const risk = risks.get(listing.instrument.instrumentId)
      const { sizeLots, entryTickLots } = positionOf(accountId, listing)
      if (risk === undefined || (sizeLots === 0 && open.length === 0)) return []
      return [{ ...risk, listing, sizeLots, entryTickLots, open, buys: sideLots('buy'), sells: sideLots('sell') }]
    })
  type NaiveHolding = ReturnType<typeof holdingsOf>[number]
  /** Of a holding where a lot has gained so much: its position, and those of its orders that it would hurt to have filled. */
  const gainOf = ({ listing, sizeLots, open, markMicros }: NaiveHolding, lotGain: number): number =>
    open.reduce((sum, order) => {
      const edge = markMicros + lotGain - order.priceTicks * listing.instrument.microsPerTickLot
      return sum + Math.min(0, order.placed.direction === 'buy' ? edge : -edge) * left(order)
    }, sizeLots * lotGain)

  const figures = (accountId: number) => {
    const holdings = holdingsOf(accountId)
    let worst = Infinity
    for (let scenario = -1; scenario < epoch.scenarios; scenario += 1) {
      let gain = 0
      for (const holding of holdings) {
        const { risk } = holding
        if (risk.kind === 'array') gain += gainOf(holding, scenario < 0 ? 0 : (risk.arrayMicros[scenario] ?? 0))
      }
      // The state in which nothing moves is told without the position's gain, which is none.
      worst = Math.min(worst, gain)
    }
    let risk = 0 - worst
    const units = epoch.groups.map(() => 0)
    let fees = 0
    let equity = cashMicros(accountId) - heldMicros(accountId)
    let gross = 0
    for (const listing of listings)
      equity -= positionOf(accountId, listing).entryTickLots * listing.instrument.microsPerTickLot
    for (const holding of holdings) {
      const { risk: known, markMicros, sizeLots, buys, sells, listing, group } = holding
      if (known.kind === 'bounds') {
        const [low, high] = [known.lowMicros - markMicros, known.highMicros - markMicros]
        risk -= Math.min(gainOf(holding, low), gainOf(holding, high))
      }
      risk += Math.max(0, sells - sizeLots) * holding.shortMinimumMicros
      units[group] = (units[group] ?? 0) + Math.max(sizeLots + buys, sells - sizeLots) * holding.concentrationUnits
      equity += sizeLots * markMicros
      gross += (Math.abs(sizeLots) + buys + sells) * capOf(listing)
      for (const order of holding.open) fees += reserveMicros(order)
    }
    for (const [group, { thresholdUnits, microsPerUnit }] of epoch.groups.entries())
      risk += Math.max(0, (units[group] ?? 0) - thresholdUnits) * microsPerUnit
    const { terms, remainingLots: lots } = quoteBudgets.get(accountId) ?? { terms: noBudget, remainingLots: 0 }
    gross += lots * terms.lotCapMicros
    return { equity, risk, requirement: risk + fees + lots * terms.lotLossMicros, gross }
  }

  const heldMicros = (accountId: number): number =>
    (accounts[accountId - 1]?.holds ?? []).reduce((sum, { micros }) => sum + micros, 0) +
    obligations.reduce((sum, owed) => {
      const bought = owed.buyId === accountId ? naiveInvoice(owed) : 0
      return sum + bought + (owed.sellId === accountId ? naivePenalty(owed) : 0)
    }, 0)
  const isCovered = (accountId: number): boolean => {
    const { equity, requirement } = figures(accountId)
    return requirement <= equity
  }
  const shortCode = (): 'insufficient-funds' | 'insufficient-margin' =>
    epoch.version === 0 ? 'insufficient-funds' : 'insufficient-margin'
  /** Of what is as it would be; `before` is of what was. */
  const refusal = (accountId: number, before: RiskBefore, isMore: boolean): Refusal => {
    const { equity, risk, requirement, gross } = figures(accountId)
    if (isMore && (Math.abs(cashMicros(accountId)) > maxCashMicros || gross > maxGrossMicros))
      return 'exposure-too-large'
    if (requirement <= equity) return undefined
    if (risk > before.risk) return shortCode()
    // What is kept for its fee is what the account lacks.
    if (before.isCovered && !toWatch.includes(accountId)) toWatch.push(accountId)
    return undefined
  }
  const takeRefusal = (accountId: number, micros: number): Refusal => {
    if (micros > cashMicros(accountId) - heldMicros(accountId)) return 'insufficient-funds'
    const { equity, requirement } = figures(accountId)
    return requirement > equity - micros ? shortCode() : undefined
  }

  const begin = ({ commandId, epochVersion, scenarioSetVersion, groups, blocks }: RiskEpochBegin): Refusal => {
    const lengths = blocks.map(({ scenarios }) => scenarios)
    const scenarios = lengths.reduce((sum, length) => sum + length, 0)
    if (epochVersion < 1) return 'risk-epoch-invalid'
    if (epochVersion <= epoch.version) return 'risk-epoch-not-newer'
    if (scenarioSetVersion < 1 || lengths.length === 0 || lengths.includes(0) || scenarios > 4_096)
      return 'risk-epoch-invalid'
    if (groups.length === 0 || groups.length > 1_024) return 'risk-epoch-invalid'
    if (groups.some(group => group.thresholdUnits < 0 || group.microsPerUnit < 0)) return 'risk-epoch-invalid'
    if (groups.some(group => group.microsPerUnit > maxGrossMicros)) return 'risk-epoch-invalid'
    intake = {
      version: epochVersion,
      scenarioSetVersion,
      scenarios,
      groups,
      listedAtBegin: listings.length,
      risks: [],
      adjustments: new Map(),
      chunks: 0,
    }
    tell({ type: 'risk-epoch-begun', commandId, epochVersion, scenarioSetVersion })
    return undefined
  }
  const isFit = (risk: InstrumentRisk, listing: NaiveListing, { groups, scenarios }: NaiveEpoch): boolean => {
    const { markMicros, shortMinimumMicros, group, concentrationUnits, risk: known } = risk
    const cap = capOf(listing)
    const each = groups[group]?.microsPerUnit
    if (markMicros < 0 || markMicros > cap || each === undefined) return false
    if (shortMinimumMicros < 0 || shortMinimumMicros + concentrationUnits * each > cap) return false
    if (Math.max(Math.abs(risk.deltaMicroUnits), Math.abs(risk.vegaMicros)) > maxGrossMicros) return false
    if (concentrationUnits > 2 * cap || concentrationUnits > 2 ** 31 - 1) return false
    if (known.kind === 'bounds')
      return (
        known.lowMicros >= 0 &&
        known.lowMicros <= markMicros &&
        known.highMicros >= markMicros &&
        known.highMicros <= cap
      )
    if (known.arrayMicros.length !== scenarios) return false
    return [known.restMicros, ...known.arrayMicros].every(gain => gain >= -markMicros && gain <= cap - markMicros)
  }
  const chunk = ({ commandId, epochVersion, number, instruments }: RiskEpochChunk): Refusal => {
    for (const { instrumentId, specificationVersion } of instruments) {
      const listing = listings[instrumentId - 1]
      if (listing === undefined) return 'unknown-instrument'
      if (listing.instrument.specificationVersion !== specificationVersion) return 'outdated-specification'
    }
    if (intake === undefined || intake.version !== epochVersion) return 'risk-epoch-not-begun'
    if (number !== intake.chunks) return 'risk-epoch-incomplete'
    for (const risk of instruments) {
      const listing = listings[risk.instrumentId - 1]
      if (listing === undefined || !isFit(risk, listing, intake)) return 'risk-epoch-invalid'
    }
    intake.chunks += 1
    intake.risks.push(...instruments)
    tell({ type: 'risk-epoch-chunk-taken', commandId, epochVersion, number, instruments: intake.risks.length })
    return undefined
  }
  const commit = ({ commandId, epochVersion, chunks }: RiskEpochCommit): Refusal => {
    if (intake === undefined || intake.version !== epochVersion) return 'risk-epoch-not-begun'
    const isOutdated = intake.risks.some(({ instrumentId, specificationVersion }) => {
      const { specificationVersion: now } = listings[instrumentId - 1]?.instrument ?? {}
      return now !== specificationVersion
    })
    if (isOutdated) return 'outdated-specification'
    if (intake.chunks !== chunks) return 'risk-epoch-incomplete'
    const ids = intake.risks.map(({ instrumentId }) => instrumentId)
    if (new Set(ids).size < ids.length) return 'risk-epoch-invalid'
    const required = listings.slice(0, intake.listedAtBegin).filter(({ state }) => state !== 'expired')
    if (required.some(({ instrument }) => !ids.includes(instrument.instrumentId))) return 'risk-epoch-lacks-instrument'
    const adopted = new Map<number, NaiveRisk>(intake.risks.map(risk => [risk.instrumentId, risk]))
    for (const listing of listings) {
      const { instrumentId } = listing.instrument
      const before = risks.get(instrumentId)
      if (before === undefined || adopted.has(instrumentId)) continue
      const all = { kind: 'bounds', lowMicros: 0, highMicros: capOf(listing) } as const
      const risk = before.risk.kind === 'bounds' ? before.risk : all
      adopted.set(instrumentId, { ...before, group: 0, concentrationUnits: 0, risk })
    }
    risks = adopted
    epoch = intake
    intake = undefined
    isDue = false
    const { scenarioSetVersion } = epoch
    tell({ type: 'risk-epoch-adopted', commandId, epochVersion, scenarioSetVersion, instruments: ids.length })
    toWatch = everyone()
    return undefined
  }

  const tellDue = ({ instrument: { instrumentId }, markTicks }: NaiveListing): void => {
    if (epoch.version === 0 || isDue) return
    isDue = true
    tell({ type: 'risk-epoch-due', instrumentId, epochVersion: epoch.version, markTicks })
  }
  const noteMark = (listing: NaiveListing): void => {
    const known = risks.get(listing.instrument.instrumentId)
    if (known?.risk.kind !== 'array') return
    const moved = listing.markTicks * listing.instrument.microsPerTickLot - known.markMicros
    const reach = [0, known.risk.restMicros, ...known.risk.arrayMicros]
    if (moved < Math.min(...reach) || moved > Math.max(...reach)) tellDue(listing)
  }
  /** The contract is another one. */
  const adjust = (listing: NaiveListing): void => {
    risks.set(listing.instrument.instrumentId, unvalued(listing))
    tellDue(listing)
    toWatch = everyone()
  }
  const watch = (accountId: number): void => {
    if (!toWatch.includes(accountId) && !isCovered(accountId)) toWatch.push(accountId)
  }
  /** The most that a lot may lose if it fills there, whatever comes, with what is added for it. */
  const lotLossMicros = ({ placed: { direction }, listing, priceTicks }: NaiveOrder): number => {
    const known = risks.get(listing.instrument.instrumentId)
    if (known === undefined) throw new Error('an order of what is not listed')
    const { risk, markMicros, shortMinimumMicros, concentrationUnits, group } = known
    const worths =
      risk.kind === 'bounds'
        ? [risk.lowMicros, risk.highMicros]
        : [0, risk.restMicros, ...risk.arrayMicros].map(gain => markMicros + gain)
    const paid = priceTicks * listing.instrument.microsPerTickLot
    const losses = worths.map(worth => (direction === 'buy' ? paid - worth : worth - paid))
    const added = concentrationUnits * (epoch.groups[group]?.microsPerUnit ?? 0)
    return Math.max(0, ...losses) + added + (direction === 'sell' ? shortMinimumMicros : 0)
  }
  const budgetOf = (accountId: number): QuoteBudgetTerms | undefined => quoteBudgets.get(accountId)?.terms
  const setBudget = (accountId: number, terms: QuoteBudgetTerms | undefined): Refusal => {
    const before = new Map(quoteBudgets)
    quoteBudgets.delete(accountId)
    if (terms === undefined) return undefined
    const { lots, largestQuoteLots, lotLossMicros: loss, lotCapMicros: cap } = terms
    quoteBudgets.set(accountId, { terms, remainingLots: lots })
    const code = ((): Refusal => {
      if (lots < 2 * largestQuoteLots || lots < 1 || lots > 2 ** 31 - 1 || largestQuoteLots < 1)
        return 'amount-out-of-range'
      if (cap < 1 || cap > maxGrossMicros || loss < 0 || loss > 3 * cap) return 'amount-out-of-range'
      if (lots * cap > maxGrossMicros || figures(accountId).gross > maxGrossMicros) return 'exposure-too-large'
      return isCovered(accountId) ? undefined : shortCode()
    })()
    if (code !== undefined) quoteBudgets = before
    return code
  }
  const refill = (accountId: number): void => {
    const budget = quoteBudgets.get(accountId)
    if (budget !== undefined && budget.remainingLots < budget.terms.lots) setBudget(accountId, budget.terms)
  }
  const hasTooFew = ({ terms, remainingLots }: NaiveBudget): boolean => remainingLots < 2 * terms.largestQuoteLots
  /** As it would be. */
  const quoteRefusal = (order: NaiveOrder): Refusal => {
    const { accountId, instrumentId } = order.placed
    if (Math.abs(cashMicros(accountId)) > maxCashMicros) return 'exposure-too-large'
    const budget = quoteBudgets.get(accountId)
    const listing = listings[instrumentId - 1]
    if (budget === undefined || listing === undefined || hasTooFew(budget)) return 'outside-quote-budget'
    const { maxCommissionPpm, microsPerTickLot } = listing.instrument
    const fee = Number((BigInt(maxCommissionPpm) * BigInt(order.priceTicks * microsPerTickLot)) / 1_000_000n) + 1
    const isWithin =
      left(order) <= budget.terms.largestQuoteLots &&
      capOf(listing) <= budget.terms.lotCapMicros &&
      lotLossMicros(order) + fee <= budget.terms.lotLossMicros
    return isWithin ? undefined : 'outside-quote-budget'
  }
  /** Whether its account may quote no longer. */
  const fillQuote = (accountId: number, lots: number): boolean => {
    const budget = quoteBudgets.get(accountId)
    if (budget === undefined) return false
    const spent = { terms: budget.terms, remainingLots: Math.max(0, budget.remainingLots - lots) }
    quoteBudgets.set(accountId, spent)
    return hasTooFew(spent)
  }
  const hasQuotesBeyond = (accountId: number): boolean => {
    const most = budgetOf(accountId)?.lotLossMicros
    return (
      most !== undefined &&
      orders.some(
        order => order.group !== undefined && order.placed.accountId === accountId && lotLossMicros(order) > most,
      )
    )
  }

  const callShort = (pullQuotes: (accountId: number) => void): void => {
    for (const accountId of toWatch) {
      if (hasQuotesBeyond(accountId)) pullQuotes(accountId)
      const { equity, requirement } = figures(accountId)
      if (requirement <= equity) continue
      const [equityMicros, requirementMicros] = [equity, requirement]
      tell({ type: 'margin-called', accountId, epochVersion: epoch.version, equityMicros, requirementMicros })
    }
    toWatch = []
  }

  return {
    activate,
    list,
    adjust,
    noteMark,
    watch,
    callShort,
    isCovered,
    shortCode,
    refusal,
    takeRefusal,
    heldMicros,
    figures,
    epochVersion: (): number => epoch.version,
    riskOf: (accountId: number): RiskBefore => ({ risk: figures(accountId).risk, isCovered: isCovered(accountId) }),
    begin,
    chunk,
    commit,
    unitsOf: (instrumentId: number) => {
      const { deltaMicroUnits = 0, vegaMicros = 0 } = risks.get(instrumentId) ?? {}
      return { delta: deltaMicroUnits, vega: vegaMicros }
    },
    budgetOf,
    setBudget,
    refill,
    quoteRefusal,
    fillQuote,
    budgets: () => new Map(quoteBudgets),
    restoreBudgets: (before: ReadonlyMap<number, NaiveBudget>): void => {
      quoteBudgets = new Map(before)
    },
  }
}

const noBudget: QuoteBudgetTerms = { lots: 0, largestQuoteLots: 0, lotLossMicros: 0, lotCapMicros: 0 }

export type NaiveMargin = ReturnType<typeof createNaiveMargin>
