import { reserveMicrosOf } from '../ledger/accounts.ts'
import type { Instrument } from '../reference/instrument.ts'
import { MarginBook, type MarginFigures, type QuoteBudgetTerms } from './margin-book.ts'
import type { MarginLedger } from './margin-ledger.ts'
import type { RiskEpoch, RiskInstrument } from './risk-epoch.ts'
import { isCountable, unvaluedInstrument } from './unvalued-instrument.ts'

const { max, min } = Math

/** An account as the tables tell it: all that its margin follows from but the epoch. */
export interface AccountRisk {
  readonly cashMicros: number
  readonly heldMicros: number
  readonly positions: readonly HeldPosition[]
  /** Those that rest in a book: stops that wait are no orders to margin. */
  readonly orders: readonly RestingOrder[]
  readonly quoteBudget?: QuoteBudgetState
  readonly laneBudget?: LaneBudgetRow
}

/** Of an account that trades in several lanes: what the others add here in each scenario of a set, and last where nothing moves. */
export interface LaneBudgetRow {
  readonly setVersion: number
  readonly budgetMicros: readonly number[]
}

/** As it counts in an epoch: of another set than the epoch's its least component, until the lane tells it anew. */
export const laneCreditIn = (
  row: LaneBudgetRow | undefined,
  { scenarioSetVersion, scenarioNames }: RiskEpoch,
): readonly number[] | undefined => {
  if (row === undefined) return undefined
  const { setVersion, budgetMicros } = row
  const states = scenarioNames.length + 1
  if (setVersion === scenarioSetVersion && budgetMicros.length === states) return budgetMicros
  const least = budgetMicros.reduce((a, b) => min(a, b), Number.MAX_SAFE_INTEGER)
  return new Array<number>(states).fill(budgetMicros.length === 0 ? 0 : least)
}

export interface HeldPosition {
  readonly instrument: Instrument
  /** Signed. */
  readonly sizeLots: number
  /** Signed entry cost of what is open; 0 for collateral. */
  readonly entryTickLots: number
}

export interface RestingOrder {
  readonly instrument: Instrument
  readonly isSell: boolean
  readonly priceTicks: number
  /** What is still open of it. */
  readonly lots: number
  /** A quote that its account's budget stands for. */
  readonly isBudgeted?: boolean
}

export interface QuoteBudgetState {
  readonly terms: QuoteBudgetTerms
  readonly remainingLots: number
}

/** An epoch, and of which versions of the contracts it knows the risk: another version is covered by its bounds. */
export interface EpochInForce {
  readonly epoch: RiskEpoch
  /** By instrument id. */
  readonly specificationVersions: ReadonlyMap<number, number>
}

const epochBeforeFirst: RiskEpoch = {
  version: 0,
  scenarioSetVersion: 0,
  scenarioNames: [],
  blocks: [],
  groups: [{ name: 'all', thresholdUnits: 0, microsPerUnit: 0 }],
  instruments: [],
}

/** The only account of a `RowsLedger`. */
const theAccount = 1

interface Holding {
  readonly instrument: Instrument
  sizeLots: number
  entryMicros: number
  buyLots: number
  sellLots: number
  firstOrder: number
  nextHolding: number
}

/** One account's rows as the margin book reads a ledger. */
class RowsLedger implements MarginLedger {
  readonly accountCount = theAccount
  /** By number, from 1 on. */
  readonly holdings: Holding[] = []
  private readonly orders: { readonly order: RestingOrder; readonly next: number }[] = []
  private readonly rows: AccountRisk

  constructor(rows: AccountRisk) {
    this.rows = rows
    const numbers = new Map<number, number>()
    const holdingOf = (instrument: Instrument): Holding => {
      const { instrumentId } = instrument
      const known = this.holdings[(numbers.get(instrumentId) ?? 0) - 1]
      if (known !== undefined) return known
      const opened = { sizeLots: 0, entryMicros: 0, buyLots: 0, sellLots: 0, firstOrder: 0 }
      const holding = { instrument, ...opened, nextHolding: this.holdings.length }
      numbers.set(instrumentId, this.holdings.push(holding))
      return holding
    }
    for (const { instrument, sizeLots, entryTickLots } of rows.positions) {
      const holding = holdingOf(instrument)
      holding.sizeLots = sizeLots
      holding.entryMicros = entryTickLots * instrument.microsPerTickLot
    }
    for (const order of rows.orders) {
      const holding = holdingOf(order.instrument)
      holding.firstOrder = this.orders.push({ order, next: holding.firstOrder })
      if (order.isBudgeted === true) continue
      if (order.isSell) holding.sellLots += order.lots
      else holding.buyLots += order.lots
    }
  }

  private holding(holding: number): Holding {
    const found = this.holdings[holding - 1]
    if (found === undefined) throw new RangeError(`there is no holding ${holding}`)
    return found
  }
  private order(order: number): { readonly order: RestingOrder; readonly next: number } {
    const found = this.orders[order - 1]
    if (found === undefined) throw new RangeError(`there is no order ${order}`)
    return found
  }

  cashMicros(): number {
    return this.rows.cashMicros
  }
  holdsMicros(): number {
    return this.rows.heldMicros
  }
  firstHolding(): number {
    return this.holdings.length
  }
  nextHolding(holding: number): number {
    return this.holding(holding).nextHolding
  }
  instrumentId(holding: number): number {
    return this.holding(holding).instrument.instrumentId
  }
  sizeLots(holding: number): number {
    return this.holding(holding).sizeLots
  }
  setSize(holding: number, lots: number): void {
    this.holding(holding).sizeLots = lots
  }
  entryMicros(holding: number): number {
    return this.holding(holding).entryMicros
  }
  buyLots(holding: number): number {
    return this.holding(holding).buyLots
  }
  sellLots(holding: number): number {
    return this.holding(holding).sellLots
  }
  firstOrder(holding: number): number {
    return this.holding(holding).firstOrder
  }
  nextOrder(order: number): number {
    return this.order(order).next
  }
  isSell(order: number): boolean {
    return this.order(order).order.isSell
  }
  priceTicks(order: number): number {
    return this.order(order).order.priceTicks
  }
  openLots(order: number): number {
    return this.order(order).order.lots
  }
  /** As the engine reserves it: of what is open, at the order's own price. */
  feeMicros(order: number): number {
    const { instrument, priceTicks, lots } = this.order(order).order
    return reserveMicrosOf(instrument, priceTicks, lots)
  }
  isBudgeted(order: number): boolean {
    return this.order(order).order.isBudgeted === true
  }
}

/** What an account comes to in an epoch, computed by the margin book itself. */
export interface ValuedAccount {
  readonly rows: AccountRisk
  /** Reduced to what the account has; version 0 before the first. */
  readonly epoch: RiskEpoch
  /** Those that the epoch does not know as they are: listed or adjusted since. */
  readonly unvalued: readonly RiskInstrument[]
  /** In the epoch's scenarios, and last where nothing moves; absent for an account of one lane. */
  readonly laneCreditMicros?: readonly number[]
  readonly account: number
  readonly ledger: RowsLedger
  readonly book: MarginBook
  readonly figures: MarginFigures
  /** By instrument id. */
  readonly instruments: ReadonlyMap<number, RiskInstrument>
}

/** The account by the margin book that the engine asks, over its rows: to the micro what the engine has of it. */
export const valueAccount = (rows: AccountRisk, inForce: EpochInForce | undefined): ValuedAccount => {
  const ledger = new RowsLedger(rows)
  const contracts = new Map(ledger.holdings.map(({ instrument }) => [instrument.instrumentId, instrument]))
  const whole = inForce?.epoch ?? epochBeforeFirst
  const isKnown = ({ instrumentId }: RiskInstrument): boolean =>
    contracts.get(instrumentId)?.specificationVersion === inForce?.specificationVersions.get(instrumentId)
  const epoch = {
    ...whole,
    instruments: whole.instruments.filter(risk => contracts.has(risk.instrumentId) && isKnown(risk)),
  }
  const valued = new Set(epoch.instruments.map(({ instrumentId }) => instrumentId))
  const unvalued = [...contracts.values()]
    .filter(contract => !valued.has(contract.instrumentId) && isCountable(contract))
    .map(unvaluedInstrument)
  const { quoteBudget } = rows
  const laneCredit = laneCreditIn(rows.laneBudget, epoch)
  const book = MarginBook.restore(ledger, {
    epoch: epoch.version === 0 ? null : epoch,
    revised: unvalued,
    cursor: 1,
    marked: [],
    due: [],
    quoteBudgets: quoteBudget === undefined ? [] : [[theAccount, quoteBudget.terms, quoteBudget.remainingLots]],
    laneBudgets: laneCredit === undefined ? [] : [[theAccount, laneCredit]],
  })
  return {
    rows,
    epoch,
    unvalued,
    ...(laneCredit === undefined ? {} : { laneCreditMicros: laneCredit }),
    account: theAccount,
    ledger,
    book,
    figures: book.figures(theAccount),
    instruments: new Map([...epoch.instruments, ...unvalued].map(risk => [risk.instrumentId, risk])),
  }
}

/** What standing quotes that a budget stands for would need as orders: what is kept for them is the budget's. */
export const quotesNeedMicros = ({ rows, epoch }: ValuedAccount): number => {
  const { quoteBudget: _, ...unbudgeted } = rows
  const inForce = inForceOf(rows, epoch)
  const others = rows.orders.filter(({ isBudgeted }) => isBudgeted !== true)
  const all = rows.orders.map(({ isBudgeted: _, ...order }) => order)
  const requirementOf = (orders: readonly RestingOrder[]): number =>
    valueAccount({ ...unbudgeted, orders }, inForce).figures.requirementMicros
  return requirementOf(all) - requirementOf(others)
}

/** What one instrument gains or loses in one state. */
export interface InstrumentOutcome {
  readonly instrumentId: number
  readonly positionMicros: number
  /** Of those open orders that would lose there: as if they were filled, and the others not. */
  readonly ordersMicros: number
}

/**
 * Each instrument's part of the scan risk: what it gains in a scenario of the epoch (−1: nothing moves). Over all of them the
 * sum is minus the scan where the scenario is the worst, less the credit of other lanes there. Instruments known by their bounds are netted with nothing and have
 * their own worse end.
 */
export const outcomesIn = ({ rows, instruments }: ValuedAccount, scenario: number): readonly InstrumentOutcome[] => {
  const outcomes = new Map<number, { positionMicros: number; ordersMicros: number }>()
  const outcomeOf = (risk: RiskInstrument, gain: number): { positionMicros: number; ordersMicros: number } => {
    const { instrumentId, markMicros, microsPerTick } = risk
    let [positionMicros, ordersMicros] = [0, 0]
    for (const { instrument, sizeLots } of rows.positions)
      if (instrument.instrumentId === instrumentId) positionMicros += sizeLots * gain
    for (const { instrument, isSell, priceTicks, lots, isBudgeted } of rows.orders) {
      if (instrument.instrumentId !== instrumentId || isBudgeted === true) continue
      const edge = gain + markMicros - priceTicks * microsPerTick
      ordersMicros += lots * min(0, isSell ? -edge : edge)
    }
    return { positionMicros: positionMicros + 0, ordersMicros: ordersMicros + 0 }
  }
  for (const [instrumentId, risk] of instruments) {
    if (risk.risk.kind === 'array') {
      outcomes.set(instrumentId, outcomeOf(risk, scenario < 0 ? 0 : (risk.risk.arrayMicros[scenario] ?? 0)))
      continue
    }
    const { lowMicros, highMicros } = risk.risk
    const [low, high] = [outcomeOf(risk, lowMicros - risk.markMicros), outcomeOf(risk, highMicros - risk.markMicros)]
    const sum = (each: typeof low): number => each.positionMicros + each.ordersMicros
    outcomes.set(instrumentId, sum(low) <= sum(high) ? low : high)
  }
  return [...outcomes].map(([instrumentId, outcome]) => ({ instrumentId, ...outcome }))
}

/**
 * What each position adds to the requirement: the requirement with it less the requirement without it, orders left as they
 * are. Negative where it hedges the rest. By instrument id.
 */
export const contributionsOf = ({ rows, epoch, figures }: ValuedAccount): ReadonlyMap<number, number> => {
  // A book of its own, in which each position in turn is moved out and in again.
  const { book, ledger, account } = valueAccount(rows, inForceOf(rows, epoch))
  const contributions = new Map<number, number>()
  for (let holding = ledger.firstHolding(); holding !== 0; holding = ledger.nextHolding(holding)) {
    const sizeLots = ledger.sizeLots(holding)
    const instrumentId = ledger.instrumentId(holding)
    if (sizeLots === 0 || book.movePosition(account, holding, -sizeLots, 0) !== undefined) continue
    contributions.set(instrumentId, figures.requirementMicros - book.figures(account).requirementMicros)
    ledger.setSize(holding, 0)
    const refusal = book.movePosition(account, holding, sizeLots, 0)
    if (refusal !== undefined) throw new RangeError(`what was counted before cannot be now: ${refusal}`)
    ledger.setSize(holding, sizeLots)
  }
  return contributions
}

/** The requirement of each part of an account by itself, as `partOf` tells instruments apart: netted only within it. */
export const requirementsByPart = (
  valued: ValuedAccount,
  partOf: (instrument: Instrument) => string,
): ReadonlyMap<string, MarginFigures> => {
  const { rows, epoch } = valued
  const inForce = inForceOf(rows, epoch)
  const open = [...rows.positions.filter(({ sizeLots }) => sizeLots !== 0), ...rows.orders]
  const parts = [...new Set(open.map(({ instrument }) => partOf(instrument)))].sort()
  return new Map(
    parts.map(part => {
      const isOf = ({ instrument }: { readonly instrument: Instrument }): boolean => partOf(instrument) === part
      const { positions, orders } = rows
      const alone = { cashMicros: 0, heldMicros: 0, positions: positions.filter(isOf), orders: orders.filter(isOf) }
      return [part, valueAccount(alone, inForce).figures]
    }),
  )
}

/** The account's own part of the epoch. */
const inForceOf = (rows: AccountRisk, epoch: RiskEpoch): EpochInForce | undefined => {
  if (epoch.version === 0) return undefined
  const valued = new Set(epoch.instruments.map(({ instrumentId }) => instrumentId))
  const contracts = [...rows.positions, ...rows.orders].map(({ instrument }) => instrument)
  return {
    epoch,
    specificationVersions: new Map(
      contracts
        .filter(({ instrumentId }) => valued.has(instrumentId))
        .map(({ instrumentId, specificationVersion }) => [instrumentId, specificationVersion]),
    ),
  }
}

/** What the position would bring if it were closed at a price, cash already paid left out. */
export const unrealisedMicros = ({ instrument, sizeLots, entryTickLots }: HeldPosition, markTicks: number): number =>
  (sizeLots * markTicks - entryTickLots) * instrument.microsPerTickLot

/** How far an account is from its requirement; negative is what it lacks. */
export const excessMicros = ({ equityMicros, requirementMicros }: MarginFigures): number =>
  equityMicros - requirementMicros

/** The largest part of equity that could be taken out: cash that is there, not held and not needed. */
export const withdrawableMicros = ({ rows, figures }: ValuedAccount): number =>
  max(0, min(rows.cashMicros - rows.heldMicros, excessMicros(figures)))
