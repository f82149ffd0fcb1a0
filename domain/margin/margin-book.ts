import { byArray, byBounds, EpochTables, unlisted } from './epoch-tables.ts'
import type { MarginLedger } from './margin-ledger.ts'
import { integer, type MarginRefusal, type Refused, refused } from './refused.ts'
import { instrumentRefusal, maxGrossMicros, type RiskEpoch, type RiskInstrument } from './risk-epoch.ts'

const { abs, max, min } = Math

/*
 * A row for each account that trades. W[s] is P[s] + O[s] of the design: what positions gain in scenario s and what the
 * worst subset of open orders adds, without what `elsewhere` tells. An instrument is moved only in some runs of scenarios
 * (blocks); in all others it gains its `rest`, so that those sums are kept once for all blocks (`elsewhere`) and, for each
 * block, of the instruments that it does move (`inside`), to be taken off again:
 *
 *   P[s] + O[s] = W[s] + elsewhere − inside[block of s]
 *
 * A check then walks the blocks of one instrument, and of each other block its least W.
 */
const equityAt = 0
/** Orders in the state in which nothing moves: Σ lots × min(0, d (mark − price)). */
const nowAt = 1
const elsewhereAt = 2
/** Least P[s] + O[s] over all scenarios and the state in which nothing moves: minus the scan risk. */
const worstAt = 3
/** Instruments known by their bounds: Σ of each one's worse end, never above 0. */
const boundedAt = 4
const shortAt = 5
const concentrationAt = 6
const feesAt = 7
const grossAt = 8
/** Put by for quotes. */
const quotesAt = 9

const rowsOfPage = 512
const pageShift = 9

/** A vector budget is within ±2^50 in every state. */
export const maxBudgetMicros = 2 ** 50

/** What a market maker's protection makes sure of, and so what has to be put by for its quotes. */
export interface QuoteBudgetTerms {
  /** How many lots may fill until the protection stops the rest; see `MarginBook.setQuoteBudget`. */
  readonly lots: number
  /** No quote may be larger. */
  readonly largestQuoteLots: number
  /** No quote may need more for a lot: scan, add-ons and fee. */
  readonly lotLossMicros: number
  /** No quoted instrument may be worth more a lot at its highest price. */
  readonly lotCapMicros: number
}

interface QuoteBudget {
  readonly terms: QuoteBudgetTerms
  remainingLots: number
}

/** An account's margin at one moment. */
export interface MarginFigures {
  equityMicros: number
  /** Scan over joint scenarios. */
  scanMicros: number
  /** −1: the state in which nothing moves. */
  worstScenario: number
  boundedMicros: number
  shortMinimumMicros: number
  concentrationMicros: number
  feeReserveMicros: number
  quoteReserveMicros: number
  requirementMicros: number
}

export interface MarginBookState {
  /** None before the first. */
  readonly epoch: RiskEpoch | null
  /** Revised or listed since. */
  readonly revised: readonly RiskInstrument[]
  readonly cursor: number
  /** Accounts that are marked to the epoch, ascending. */
  readonly marked: readonly number[]
  readonly due: readonly number[]
  readonly quoteBudgets: readonly (readonly [account: number, terms: QuoteBudgetTerms, remainingLots: number])[]
  readonly laneBudgets: readonly (readonly [account: number, budgetMicros: readonly number[]])[]
}

/**
 * Portfolio margin of a lane's accounts before every order. Only derived sums are kept: all of it can be built again from
 * the ledger, the epoch and the budgets, and is, for each account, when it is first touched after an epoch.
 *
 * Every method is called before the ledger and the orders change, so that they still tell the state before; each either
 * answers a refusal and has changed nothing, or has changed the sums as the ledger is about to. No check allocates.
 *
 * Before the first epoch, and for instruments that none has, a position is covered for any settlement from 0 to the highest
 * price: `Accounts.requirementMicros` to the micro.
 */
export class MarginBook {
  private readonly ledger: MarginLedger
  private epoch: RiskEpoch | undefined
  private revisions = new Map<number, RiskInstrument>()

  // By account: which row it has; 0 for none, and then it is not marked to the epoch.
  private rowOf = new Int32Array(64)
  private rowCount = 0
  private pages: Float64Array[] = []
  private pageStride = 0
  private cursor = 1
  /** In the order in which they were found. */
  private due = new Set<number>()
  private readonly quoteBudgets = new Map<number, QuoteBudget>()
  private laneBudgets = new Map<number, Float64Array>()
  /**
   * What adds no risk in one lane may add some in all: from engine version 7 on an account with a lane budget that lacks
   * margin may lack no more than before in any state.
   */
  coversEachState = false

  private tables = new EpochTables(noEpoch, [])
  /** By holding, of instruments that are known by their bounds: gains at the low and at the high end. */
  private ends = new Float64Array(64)

  constructor(ledger: MarginLedger) {
    this.ledger = ledger
  }

  get epochVersion(): number {
    return this.epoch?.version ?? 0
  }
  /** 0 before the first epoch. */
  get scenarioSetVersion(): number {
    return this.epoch?.scenarioSetVersion ?? 0
  }
  /** Scenarios, and the state in which nothing moves. */
  get states(): number {
    return this.tables.scenarios + 1
  }

  /** Of a long lot of an instrument: see RiskInstrument. 0 for one that is not known or not valued. */
  deltaMicroUnits(instrumentId: number): number {
    return this.tables.deltas[instrumentId] ?? 0
  }
  vegaMicros(instrumentId: number): number {
    return this.tables.vegas[instrumentId] ?? 0
  }

  // ——— Epochs

  /**
   * Switches to an epoch that `checkEpoch` has accepted: from here on every decision is by it. An instrument that it does
   * not know, listed while it was made, stays known and is covered by its bounds.
   */
  adopt(epoch: RiskEpoch): void {
    const isSameSet = this.epoch?.scenarioSetVersion === epoch.scenarioSetVersion
    const known = new Set(epoch.instruments.map(({ instrumentId }) => instrumentId))
    const left = [...this.known().values()].filter(({ instrumentId }) => !known.has(instrumentId))
    this.epoch = epoch
    this.revisions = new Map(left.map(instrument => [instrument.instrumentId, bounded(instrument)]))
    this.compile()
    if (!isSameSet) this.carryBudgets()
    this.unmarkAll()
  }

  /**
   * Lists an instrument between two epochs, or takes other terms of one (a leg settled, a distribution made): accounts are
   * marked again only where it was known before.
   */
  revise(instrument: RiskInstrument): Refused | undefined {
    const head = this.epoch ?? noEpoch
    const refusal = instrumentRefusal(instrument, head)
    if (refusal !== undefined) return refusal
    const isKnown =
      this.tables.kinds[instrument.instrumentId] !== undefined &&
      this.tables.kinds[instrument.instrumentId] !== unlisted
    this.revisions.set(instrument.instrumentId, instrument)
    this.compile()
    if (isKnown) this.unmarkAll()
    return undefined
  }

  /** Lists many at once, before the first epoch. */
  list(instruments: readonly RiskInstrument[]): Refused | undefined {
    for (const instrument of instruments) {
      const refusal = instrumentRefusal(instrument, this.epoch ?? noEpoch)
      if (refusal !== undefined) return refusal
    }
    for (const instrument of instruments) this.revisions.set(instrument.instrumentId, instrument)
    this.compile()
    this.unmarkAll()
    return undefined
  }

  /** Whether a mark is beyond what the epoch's scenarios that count in full reach: then a new epoch is due. */
  isBeyondScan(instrumentId: number, markTicks: number): boolean {
    if (this.tables.kinds[instrumentId] !== byArray) return false
    const moved = markTicks * (this.tables.ticks[instrumentId] as number) - (this.tables.marks[instrumentId] as number)
    return (
      moved < (this.tables.leastGains[instrumentId] as number) ||
      moved > (this.tables.mostGains[instrumentId] as number)
    )
  }

  /**
   * Marks some of the accounts that were not touched since the epoch began: as many as hold `work` holdings and orders
   * between them, and at least one. Answers whether all are marked. Called with the same work after the same commands it
   * does the same, so that it may be spread over a stream's commands.
   */
  remark(work: number): boolean {
    const { ledger } = this
    let left = work
    while (this.cursor <= ledger.accountCount) {
      if (left <= 0) return false
      const account = this.cursor
      this.cursor += 1
      if (this.hasRow(account) || !this.hasAnything(account)) {
        left -= 1
        continue
      }
      left -= this.mark(account)
    }
    return true
  }

  get hasDue(): boolean {
    return this.due.size > 0
  }

  /** Looks at an account whose position has changed by other than its own orders. */
  watch(account: number): void {
    if (!this.isCovered(account)) this.due.add(account)
  }

  /**
   * Accounts that were found short when they were marked or watched, that an order's fee has made so, or whose quotes must
   * go; each once, in that order.
   */
  takeDue(): readonly number[] {
    const due = [...this.due]
    this.due.clear()
    return due
  }

  // ——— Orders

  /**
   * Checks and reserves an order. Accepted where the requirement after it is at most equity, or where it adds no risk: scan,
   * bounds and add-ons no higher than before, the fee reserve left out.
   */
  place(
    account: number,
    holding: number,
    sells: boolean,
    priceTicks: number,
    lots: number,
    feeMicros: number,
  ): MarginRefusal | undefined {
    return this.amend(account, holding, sells, 0, 0, priceTicks, lots, feeMicros)
  }

  /** The same for another price or size of what is left of an order. */
  amend(
    account: number,
    holding: number,
    sells: boolean,
    fromTicks: number,
    fromLots: number,
    toTicks: number,
    toLots: number,
    addedFeeMicros: number,
  ): MarginRefusal | undefined {
    const row = this.rowFor(account)
    const page = this.pages[row >> pageShift] as Float64Array
    const at = (row & (rowsOfPage - 1)) * this.tables.stride
    const { ledger } = this
    const instrumentId = ledger.instrumentId(holding)
    if (this.kindOf(instrumentId) === unlisted) return 'unknown-instrument'
    const cap = this.tables.caps[instrumentId] as number
    const gross = (page[at + grossAt] as number) + (toLots - fromLots) * cap
    if (toLots > fromLots && gross > maxGrossMicros) return 'exposure-too-large'
    const tick = this.tables.ticks[instrumentId] as number
    const mark = this.tables.marks[instrumentId] as number
    const sign = sells ? -1 : 1
    const added = sells ? toTicks * tick - mark : mark - toTicks * tick
    const taken = sells ? fromTicks * tick - mark : mark - fromTicks * tick
    const size = ledger.sizeLots(holding)
    const buys = ledger.buyLots(holding)
    const sellsBefore = ledger.sellLots(holding)
    const buysAfter = sells ? buys : buys + toLots - fromLots
    const sellsAfter = sells ? sellsBefore + toLots - fromLots : sellsBefore
    const short =
      (page[at + shortAt] as number) +
      (max(0, sellsAfter - size) - max(0, sellsBefore - size)) * (this.tables.shortMinimums[instrumentId] as number)
    const groupAt = at + this.tables.groupsAt + (this.tables.groups[instrumentId] as number)
    const unitsBefore = page[groupAt] as number
    const units =
      unitsBefore +
      (max(size + buysAfter, sellsAfter - size) - max(size + buys, sellsBefore - size)) *
        (this.tables.units[instrumentId] as number)
    const concentration =
      (page[at + concentrationAt] as number) + this.concentrationChange(instrumentId, unitsBefore, units)
    const fees = (page[at + feesAt] as number) + addedFeeMicros
    const free = (page[at + equityAt] as number) - short - concentration - (page[at + quotesAt] as number)
    // No scan is needed where even the worst of the added lots, come to all that is there, is covered: what is taken away
    // can only need less.
    const loss = this.lotLoss(instrumentId, sign, added) * toLots
    if (loss + fees - (page[at + worstAt] as number) - (page[at + boundedAt] as number) > free) {
      const risk = this.riskAfter(page, at, holding, instrumentId, sign, added, toLots, taken, fromLots)
      const risesTo = risk + short + concentration
      const before =
        (page[at + shortAt] as number) +
        (page[at + concentrationAt] as number) -
        (page[at + worstAt] as number) -
        (page[at + boundedAt] as number)
      if (risk + fees > free && risesTo > before) return 'insufficient-margin'
      if (risk + fees > free && this.coversEachState && this.laneBudgets.has(account)) {
        const addOns = short + concentration - (page[at + shortAt] as number) - (page[at + concentrationAt] as number)
        const tried = { page, at, holding, instrumentId, sign, added, toLots, taken, fromLots }
        if (this.worsensAState(account, tried, addOns)) return 'insufficient-margin'
      }
      // Accepted since it adds no risk; what is kept for its fee may be what the account lacks from now on.
      if (risk + fees > free && requirementOf(page, at) <= (page[at + equityAt] as number)) this.due.add(account)
    }
    this.write(page, at, holding, instrumentId, sign, added, toLots, taken, fromLots, 0)
    page[at + shortAt] = short
    page[at + concentrationAt] = concentration
    page[groupAt] = units
    page[at + feesAt] = fees
    page[at + grossAt] = gross
    return undefined
  }

  /** Lots of an open order that leave it without a fill. */
  cancel(
    account: number,
    holding: number,
    sells: boolean,
    priceTicks: number,
    lots: number,
    releasedFeeMicros: number,
  ): void {
    this.change(account, holding, sells, priceTicks, lots, 0, 0, releasedFeeMicros)
  }

  /**
   * Lots of an open order that fill at a price not worse than its own, with the fee that cash is about to pay. Equity less
   * requirement never falls by it.
   */
  fill(
    account: number,
    holding: number,
    sells: boolean,
    priceTicks: number,
    lots: number,
    tradeTicks: number,
    feeMicros: number,
    releasedFeeMicros: number,
  ): void {
    const signed = sells ? -lots : lots
    const paid = signed * tradeTicks * this.tickMicros(holding)
    this.change(account, holding, sells, priceTicks, lots, signed, paid + feeMicros, releasedFeeMicros)
  }

  /**
   * Lots that come to a holding or leave it otherwise, and what is paid for them: collateral that is deposited, a settlement
   * at its price, an exercise, a bust (its fee refunded: paid less). Not checked: the rule behind it is.
   */
  movePosition(account: number, holding: number, lots: number, paidMicros: number): MarginRefusal | undefined {
    const row = this.rowFor(account)
    const page = this.pages[row >> pageShift] as Float64Array
    const at = (row & (rowsOfPage - 1)) * this.tables.stride
    const instrumentId = this.ledger.instrumentId(holding)
    if (this.kindOf(instrumentId) === unlisted) return 'unknown-instrument'
    const size = this.ledger.sizeLots(holding)
    const gross =
      (page[at + grossAt] as number) + (abs(size + lots) - abs(size)) * (this.tables.caps[instrumentId] as number)
    if (gross > maxGrossMicros && abs(size + lots) > abs(size)) return 'exposure-too-large'
    this.change(account, holding, false, 0, 0, lots, paidMicros, 0)
    return undefined
  }

  /** Collateral that comes: all that the account has together must stay countable. */
  depositCollateral(account: number, holding: number, units: number): MarginRefusal | undefined {
    const row = this.rowFor(account)
    const page = this.pages[row >> pageShift] as Float64Array
    const at = (row & (rowsOfPage - 1)) * this.tables.stride
    const instrumentId = this.ledger.instrumentId(holding)
    if (this.kindOf(instrumentId) === unlisted) return 'exposure-too-large'
    const gross = (page[at + grossAt] as number) + units * (this.tables.caps[instrumentId] as number)
    if (gross > maxGrossMicros) return 'exposure-too-large'
    this.change(account, holding, false, 0, 0, units, 0, 0)
    return undefined
  }

  /** Collateral that its owner takes back; its whole requirement must stay covered. */
  withdrawCollateral(account: number, holding: number, units: number): MarginRefusal | undefined {
    const row = this.rowFor(account)
    const instrumentId = this.ledger.instrumentId(holding)
    if (this.kindOf(instrumentId) === unlisted) return 'unknown-instrument'
    if (!(units > 0 && units <= this.ledger.sizeLots(holding))) return 'out-of-range'
    this.change(account, holding, false, 0, 0, -units, 0, 0)
    if (this.isCoveredRow(row)) return undefined
    this.undo(account, holding, units)
    return 'insufficient-margin'
  }

  // ——— Cash

  /** Cash that comes (or goes, unasked): a deposit, a hold released, a fee, a payment. */
  addCash(account: number, micros: number): void {
    if (!this.hasRow(account)) return
    const row = this.rowFor(account)
    const page = this.pages[row >> pageShift] as Float64Array
    const at = (row & (rowsOfPage - 1)) * this.tables.stride
    page[at + equityAt] = (page[at + equityAt] as number) + micros
  }

  /** A withdrawal or a hold: only of what is not needed. */
  takeCash(account: number, micros: number): MarginRefusal | undefined {
    const row = this.rowFor(account)
    const page = this.pages[row >> pageShift] as Float64Array
    const at = (row & (rowsOfPage - 1)) * this.tables.stride
    if (!(micros > 0)) return 'out-of-range'
    const left = (page[at + equityAt] as number) - micros
    if (requirementOf(page, at) > left) return 'insufficient-margin'
    page[at + equityAt] = left
    return undefined
  }

  // ——— Quotes of a market maker

  /**
   * Puts by for an account's quotes: `lots × lotLossMicros`, whatever is quoted and however often it is changed. Quotes are
   * then no orders to the scan; each is only held against the terms (`checkQuote`). Safe as long as the protection stops
   * quoting where fewer lots remain than one quote may have (`fillQuote` answers so), because one command fills at most one
   * quote of an account in an instrument. Undefined terms release it: with no quote left.
   */
  setQuoteBudget(account: number, terms: QuoteBudgetTerms | undefined): Refused | undefined {
    if (terms === undefined) {
      this.replaceQuoteBudget(account, undefined)
      return undefined
    }
    const unfit =
      integer('lots', terms.lots, 1, 2 ** 31 - 1) ??
      integer('largestQuoteLots', terms.largestQuoteLots, 1, terms.lots) ??
      integer('lotCapMicros', terms.lotCapMicros, 1, maxGrossMicros) ??
      integer('lotLossMicros', terms.lotLossMicros, 0, 3 * terms.lotCapMicros)
    if (unfit !== undefined) return unfit
    if (terms.lots * terms.lotCapMicros > maxGrossMicros) return refused('exposure-too-large', 'lots')
    const before = this.quoteBudgets.get(account)
    this.replaceQuoteBudget(account, { terms, remainingLots: terms.lots })
    const row = this.rowFor(account)
    const page = this.pages[row >> pageShift] as Float64Array
    const at = (row & (rowsOfPage - 1)) * this.tables.stride
    if ((page[at + grossAt] as number) <= maxGrossMicros && this.isCoveredRow(row)) return undefined
    const code = (page[at + grossAt] as number) > maxGrossMicros ? 'exposure-too-large' : 'insufficient-margin'
    this.replaceQuoteBudget(account, before)
    return refused(code, 'lots')
  }

  /** Fills the budget up again once the protection's interval is over; false where margin does not allow it. */
  refillQuoteBudget(account: number): boolean {
    const budget = this.quoteBudgets.get(account)
    if (budget === undefined) return false
    return this.setQuoteBudget(account, budget.terms) === undefined
  }

  /** Undefined: its quotes need margin as any order. */
  quoteBudget(account: number): QuoteBudgetTerms | undefined {
    return this.quoteBudgets.get(account)?.terms
  }

  quoteLotsLeft(account: number): number {
    return this.quoteBudgets.get(account)?.remainingLots ?? 0
  }

  /** Whether a quote may stand: its size and what a lot of it could need are within the terms. Reserves nothing more. */
  checkQuote(
    account: number,
    instrumentId: number,
    sells: boolean,
    priceTicks: number,
    lots: number,
    lotFeeMicros: number,
  ): MarginRefusal | undefined {
    const budget = this.quoteBudgets.get(account)
    if (budget === undefined || lots > budget.terms.largestQuoteLots) return 'outside-quote-budget'
    if (budget.remainingLots < budget.terms.largestQuoteLots) return 'outside-quote-budget'
    if (this.kindOf(instrumentId) === unlisted) return 'unknown-instrument'
    if ((this.tables.caps[instrumentId] as number) > budget.terms.lotCapMicros) return 'outside-quote-budget'
    const needed = this.lotLossMicros(instrumentId, sells, priceTicks) + lotFeeMicros
    return needed > budget.terms.lotLossMicros ? 'outside-quote-budget' : undefined
  }

  /** A quote that fills; false where all of the account's quotes must be pulled now, before the next command. */
  fillQuote(
    account: number,
    holding: number,
    sells: boolean,
    lots: number,
    tradeTicks: number,
    feeMicros: number,
  ): boolean {
    this.rowFor(account)
    const signed = sells ? -lots : lots
    const paid = signed * tradeTicks * this.tickMicros(holding)
    this.change(account, holding, sells, 0, 0, signed, paid + feeMicros, 0)
    const budget = this.quoteBudgets.get(account)
    if (budget === undefined) return false
    const left = max(0, budget.remainingLots - lots)
    this.replaceQuoteBudget(account, { terms: budget.terms, remainingLots: left })
    return left >= budget.terms.largestQuoteLots
  }

  /** The most that one lot may cost where it fills and the worst scenario comes: scan and add-ons. */
  lotLossMicros(instrumentId: number, sells: boolean, priceTicks: number): number {
    const { tables } = this
    const edge = (tables.marks[instrumentId] as number) - priceTicks * (tables.ticks[instrumentId] as number)
    const loss = this.lotLoss(instrumentId, sells ? -1 : 1, sells ? -edge : edge)
    const group = tables.groups[instrumentId] as number
    const concentration = (tables.units[instrumentId] as number) * (tables.rates[group] as number)
    return (sells ? (tables.shortMinimums[instrumentId] as number) : 0) + concentration + loss
  }

  // ——— Budgets between lanes

  /**
   * What other lanes' credit adds to an account in each scenario, and last in the state in which nothing moves: the granted
   * budget in a lane that is not its home, minus the sum of what is granted elsewhere in its home. Undefined: none.
   */
  setLaneBudget(account: number, budgetMicros: readonly number[] | undefined): Refused | undefined {
    if (budgetMicros !== undefined) {
      if (budgetMicros.length !== this.tables.scenarios + 1) return refused('length-mismatch', 'budgetMicros')
      for (const [index, micros] of budgetMicros.entries()) {
        const unfit = integer(`budgetMicros/${index}`, micros, -maxBudgetMicros, maxBudgetMicros)
        if (unfit !== undefined) return unfit
      }
    }
    if (budgetMicros === undefined) this.laneBudgets.delete(account)
    else this.laneBudgets.set(account, Float64Array.from(budgetMicros))
    if (!this.hasRow(account)) return undefined
    // Whoever sets budgets knows what they leave an account short of.
    const wasDue = this.due.has(account)
    this.mark(account)
    if (!wasDue) this.due.delete(account)
    return undefined
  }

  /**
   * Equity less requirement in each state, the other lanes' credit left out: what this lane could give away, or where it is
   * negative the least budget that it needs. In the order of `setLaneBudget`.
   */
  surplusByScenario(account: number): number[] {
    const row = this.rowFor(account)
    const page = this.pages[row >> pageShift] as Float64Array
    const at = (row & (rowsOfPage - 1)) * this.tables.stride
    const fixed =
      (page[at + equityAt] as number) +
      (page[at + boundedAt] as number) -
      (page[at + shortAt] as number) -
      (page[at + concentrationAt] as number) -
      (page[at + feesAt] as number) -
      (page[at + quotesAt] as number)
    const credit = this.laneBudgets.get(account)
    const surplus: number[] = []
    for (let block = 0; block < this.tables.blockCount; block += 1) {
      const shift = (page[at + elsewhereAt] as number) - (page[at + this.tables.insideAt + block] as number)
      const end = this.tables.blockStarts[block + 1] as number
      for (let s = this.tables.blockStarts[block] as number; s < end; s += 1)
        surplus.push(fixed + shift + (page[at + this.tables.sumsAt + s] as number) - (credit?.[s] ?? 0))
    }
    surplus.push(fixed + (page[at + nowAt] as number) - (credit?.[this.tables.scenarios] ?? 0))
    return surplus
  }

  /**
   * What an order would need in each state if it filled there at its price: a little more than exactly so where add-ons net
   * with what is there. In the order of `setLaneBudget`.
   */
  orderLossByScenario(
    instrumentId: number,
    sells: boolean,
    priceTicks: number,
    lots: number,
    feeMicros: number,
  ): number[] {
    const { tables } = this
    const { kinds, marks, ticks, units, rates, groups, shortMinimums } = tables
    const losses = new Array<number>(this.states).fill(0)
    if (this.kindOf(instrumentId) === unlisted) return losses
    const sign = sells ? -1 : 1
    const edge = sign * ((marks[instrumentId] as number) - priceTicks * (ticks[instrumentId] as number))
    const addOns =
      feeMicros +
      lots * (units[instrumentId] as number) * (rates[groups[instrumentId] as number] as number) +
      (sells ? lots * (shortMinimums[instrumentId] as number) : 0)
    if (kinds[instrumentId] === byBounds) return losses.fill(addOns + this.lotLoss(instrumentId, sign, edge) * lots)
    const rest = tables.rests[instrumentId] as number
    const lossOf = (gain: number): number => addOns + max(0, -edge - sign * gain) * lots
    losses.fill(lossOf(rest))
    losses[tables.scenarios] = lossOf(0)
    const first = tables.runsAt[instrumentId] as number
    const end = first + (tables.runCounts[instrumentId] as number) * 2
    for (let run = first; run < end; run += 2) {
      const block = tables.runs[run] as number
      const gainsAt = (tables.runs[run + 1] as number) - (tables.blockStarts[block] as number)
      for (let s = tables.blockStarts[block] as number; s < (tables.blockStarts[block + 1] as number); s += 1)
        losses[s] = lossOf(tables.gains[gainsAt + s] as number)
    }
    return losses
  }

  /** Whether an order, with so much more of add-ons, leaves the account shorter in any state. */
  private worsensAState(account: number, order: TriedOrder, addOnsMicros: number): boolean {
    const { page, at, holding, instrumentId, sign, added, toLots, taken, fromLots } = order
    const credit = this.laneBudgets.get(account)
    const stateMicros = (): number[] =>
      this.surplusByScenario(account).map((micros, state) => micros + (credit?.[state] ?? 0))
    const before = stateMicros()
    const row = page.slice(at, at + this.tables.stride)
    const ends = [this.ends[holding * 2] ?? 0, this.ends[holding * 2 + 1] ?? 0]
    this.write(page, at, holding, instrumentId, sign, added, toLots, taken, fromLots, 0)
    const after = stateMicros()
    page.set(row, at)
    if (holding * 2 + 1 < this.ends.length) this.ends.set(ends, holding * 2)
    return after.some((micros, state) => micros - addOnsMicros < min(0, before[state] as number))
  }

  // ——— What it comes to

  isCovered(account: number): boolean {
    return this.isCoveredRow(this.rowFor(account))
  }

  figures(account: number): MarginFigures {
    const row = this.rowFor(account)
    const page = this.pages[row >> pageShift] as Float64Array
    const at = (row & (rowsOfPage - 1)) * this.tables.stride
    return {
      equityMicros: page[at + equityAt] as number,
      scanMicros: 0 - (page[at + worstAt] as number),
      worstScenario: this.worstScenarioOf(page, at),
      boundedMicros: 0 - (page[at + boundedAt] as number),
      shortMinimumMicros: page[at + shortAt] as number,
      concentrationMicros: page[at + concentrationAt] as number,
      feeReserveMicros: page[at + feesAt] as number,
      quoteReserveMicros: page[at + quotesAt] as number,
      requirementMicros: requirementOf(page, at),
    }
  }

  /** The first of those that are worst. */
  private worstScenarioOf(page: Float64Array, at: number): number {
    const worst = page[at + worstAt] as number
    if (worst === page[at + nowAt]) return -1
    for (let block = 0; block < this.tables.blockCount; block += 1) {
      const shift = (page[at + elsewhereAt] as number) - (page[at + this.tables.insideAt + block] as number)
      const end = this.tables.blockStarts[block + 1] as number
      for (let s = this.tables.blockStarts[block] as number; s < end; s += 1)
        if ((page[at + this.tables.sumsAt + s] as number) + shift === worst) return s
    }
    return -1
  }

  /** What an account holds and has open, and the sums over it, as a rebuild would find them: for tests and snapshots. */
  rowOfAccount(account: number): readonly number[] {
    const row = this.rowFor(account)
    const at = (row & (rowsOfPage - 1)) * this.tables.stride
    return [...(this.pages[row >> pageShift] as Float64Array).subarray(at, at + this.tables.stride)]
  }

  // ——— Snapshots

  /** All that does not follow from the ledger. */
  capture(): MarginBookState {
    const marked: number[] = []
    for (let account = 1; account < this.rowOf.length; account += 1) if (this.hasRow(account)) marked.push(account)
    return {
      epoch: this.epoch ?? null,
      revised: [...this.revisions.values()],
      cursor: this.cursor,
      marked,
      due: [...this.due],
      quoteBudgets: [...this.quoteBudgets].map(([account, { terms, remainingLots }]) => [
        account,
        terms,
        remainingLots,
      ]),
      laneBudgets: [...this.laneBudgets].map(([account, budget]) => [account, [...budget]]),
    }
  }

  /** With the ledger as it was at the snapshot. */
  static restore(ledger: MarginLedger, state: MarginBookState): MarginBook {
    const book = new MarginBook(ledger)
    book.epoch = state.epoch ?? undefined
    book.revisions = new Map(state.revised.map(instrument => [instrument.instrumentId, instrument]))
    book.compile()
    for (const [account, terms, remainingLots] of state.quoteBudgets)
      book.quoteBudgets.set(account, { terms, remainingLots })
    for (const [account, budget] of state.laneBudgets) book.laneBudgets.set(account, Float64Array.from(budget))
    for (const account of state.marked) book.mark(account)
    book.cursor = state.cursor
    book.due = new Set(state.due)
    return book
  }

  // ——— Inside

  private kindOf(instrumentId: number): number {
    return instrumentId < this.tables.kinds.length ? (this.tables.kinds[instrumentId] as number) : unlisted
  }

  private tickMicros(holding: number): number {
    return this.tables.ticks[this.ledger.instrumentId(holding)] as number
  }

  private hasRow(account: number): boolean {
    return account < this.rowOf.length && this.rowOf[account] !== 0
  }

  /**
   * Whether there is a position, an order or a debt. A holding that has neither any more does not count, here and in the work of
   * `mark`: a ledger that was restored has none of them, and has to be marked at the same pace.
   */
  private hasAnything(account: number): boolean {
    const { ledger } = this
    if (ledger.cashMicros(account) < ledger.holdsMicros(account)) return true
    for (let holding = ledger.firstHolding(account); holding !== 0; holding = ledger.nextHolding(holding))
      if (ledger.sizeLots(holding) !== 0 || ledger.firstOrder(holding) !== 0) return true
    return false
  }

  private isCoveredRow(row: number): boolean {
    const page = this.pages[row >> pageShift] as Float64Array
    const at = (row & (rowsOfPage - 1)) * this.tables.stride
    return requirementOf(page, at) <= (page[at + equityAt] as number)
  }

  /** The account's row, marked to the epoch. */
  private rowFor(account: number): number {
    const row = account < this.rowOf.length ? (this.rowOf[account] as number) : 0
    if (row !== 0) return row
    this.mark(account)
    return this.rowOf[account] as number
  }

  private concentrationChange(instrumentId: number, unitsBefore: number, unitsAfter: number): number {
    const group = this.tables.groups[instrumentId] as number
    const threshold = this.tables.thresholds[group] as number
    return (max(0, unitsAfter - threshold) - max(0, unitsBefore - threshold)) * (this.tables.rates[group] as number)
  }

  /** The most that a lot filled at an edge (mark − price, a gain positive) may lose in any state; never below 0. */
  private lotLoss(instrumentId: number, sign: number, edge: number): number {
    const { tables } = this
    const end = sign > 0 ? (tables.leastGains[instrumentId] as number) : (tables.mostGains[instrumentId] as number)
    return max(0, -edge - sign * end)
  }

  /**
   * Scan and bounds, what they would be with lots of an order added at one edge and others taken away at another. Changes
   * nothing.
   */
  private riskAfter(
    page: Float64Array,
    at: number,
    holding: number,
    instrumentId: number,
    sign: number,
    addedEdge: number,
    addedLots: number,
    takenEdge: number,
    takenLots: number,
  ): number {
    const { tables } = this
    if (tables.kinds[instrumentId] === byBounds) {
      const { ends } = this
      const index = holding * 2
      if (index + 1 >= ends.length) this.growEnds(index)
      const [atLow, atHigh] = [this.ends[index] as number, this.ends[index + 1] as number]
      const low = sign * (tables.leastGains[instrumentId] as number)
      const high = sign * (tables.mostGains[instrumentId] as number)
      const change = (end: number): number => min(0, end + addedEdge) * addedLots - min(0, end + takenEdge) * takenLots
      const bounded =
        (page[at + boundedAt] as number) - min(atLow, atHigh) + min(atLow + change(low), atHigh + change(high))
      return -(page[at + worstAt] as number) - bounded
    }
    const { runs, gains, blockStarts, insideAt, leastAt, sumsAt } = tables
    // x − |x| is twice a loss and 0 for a gain, exactly, with no branch to be guessed wrong.
    const [added, taken] = [addedLots / 2, takenLots / 2]
    const atRest = sign * (tables.rests[instrumentId] as number)
    const restChange = min(0, atRest + addedEdge) * addedLots - min(0, atRest + takenEdge) * takenLots
    let worst = (page[at + nowAt] as number) + min(0, addedEdge) * addedLots - min(0, takenEdge) * takenLots
    const elsewhere = (page[at + elsewhereAt] as number) + restChange
    const first = tables.runsAt[instrumentId] as number
    const afterMoved = first + (tables.runCounts[instrumentId] as number) * 2
    for (let run = first; run < afterMoved; run += 2) {
      const block = runs[run] as number
      let gain = runs[run + 1] as number
      let sum = at + sumsAt + (blockStarts[block] as number)
      const end = at + sumsAt + (blockStarts[block + 1] as number)
      let least = Infinity
      for (; sum < end; sum += 1, gain += 1) {
        const gained = sign * (gains[gain] as number)
        const onAdded = gained + addedEdge
        const onTaken = gained + takenEdge
        const value = (page[sum] as number) + (onAdded - abs(onAdded)) * added - (onTaken - abs(onTaken)) * taken
        if (value < least) least = value
      }
      const total = least + elsewhere - (page[at + insideAt + block] as number) - restChange
      if (total < worst) worst = total
    }
    const last = first + tables.blockCount * 2
    for (let run = afterMoved; run < last; run += 2) {
      const block = runs[run] as number
      const total = (page[at + leastAt + block] as number) + elsewhere - (page[at + insideAt + block] as number)
      if (total < worst) worst = total
    }
    return -worst - (page[at + boundedAt] as number)
  }

  /** Makes it so, and changes the position by so many lots. */
  private write(
    page: Float64Array,
    at: number,
    holding: number,
    instrumentId: number,
    sign: number,
    addedEdge: number,
    addedLots: number,
    takenEdge: number,
    takenLots: number,
    signedLots: number,
  ): void {
    const { tables } = this
    if (tables.kinds[instrumentId] === byBounds) {
      const index = holding * 2
      if (index + 1 >= this.ends.length) this.growEnds(index)
      const { ends } = this
      const before = min(ends[index] as number, ends[index + 1] as number)
      for (let end = 0; end < 2; end += 1) {
        const gain = (end === 0 ? tables.leastGains[instrumentId] : tables.mostGains[instrumentId]) as number
        const onAdded = min(0, sign * gain + addedEdge) * addedLots
        const onTaken = min(0, sign * gain + takenEdge) * takenLots
        ends[index + end] = (ends[index + end] as number) + onAdded - onTaken + gain * signedLots
      }
      page[at + boundedAt] =
        (page[at + boundedAt] as number) - before + min(ends[index] as number, ends[index + 1] as number)
      return
    }
    const { runs, gains, blockStarts, insideAt, leastAt, sumsAt } = tables
    const isOnlyAdded = takenLots === 0 && signedLots === 0
    const [added, taken] = [addedLots / 2, takenLots / 2]
    const rest = tables.rests[instrumentId] as number
    const restChange =
      min(0, sign * rest + addedEdge) * addedLots - min(0, sign * rest + takenEdge) * takenLots + rest * signedLots
    let worst = (page[at + nowAt] as number) + min(0, addedEdge) * addedLots - min(0, takenEdge) * takenLots
    const elsewhere = (page[at + elsewhereAt] as number) + restChange
    page[at + nowAt] = worst
    page[at + elsewhereAt] = elsewhere
    const first = tables.runsAt[instrumentId] as number
    const afterMoved = first + (tables.runCounts[instrumentId] as number) * 2
    for (let run = first; run < afterMoved; run += 2) {
      const block = runs[run] as number
      let gain = runs[run + 1] as number
      let sum = at + sumsAt + (blockStarts[block] as number)
      const end = at + sumsAt + (blockStarts[block + 1] as number)
      let least = Infinity
      if (isOnlyAdded) {
        for (; sum < end; sum += 1, gain += 1) {
          const onAdded = sign * (gains[gain] as number) + addedEdge
          const value = (page[sum] as number) + (onAdded - abs(onAdded)) * added
          page[sum] = value
          if (value < least) least = value
        }
      } else {
        for (; sum < end; sum += 1, gain += 1) {
          const gained = gains[gain] as number
          const onAdded = sign * gained + addedEdge
          const onTaken = sign * gained + takenEdge
          const value =
            (page[sum] as number) +
            (onAdded - abs(onAdded)) * added -
            (onTaken - abs(onTaken)) * taken +
            gained * signedLots
          page[sum] = value
          if (value < least) least = value
        }
      }
      const inside = (page[at + insideAt + block] as number) + restChange
      page[at + insideAt + block] = inside
      page[at + leastAt + block] = least
      const total = least + elsewhere - inside
      if (total < worst) worst = total
    }
    const last = first + tables.blockCount * 2
    for (let run = afterMoved; run < last; run += 2) {
      const block = runs[run] as number
      const total = (page[at + leastAt + block] as number) + elsewhere - (page[at + insideAt + block] as number)
      if (total < worst) worst = total
    }
    page[at + worstAt] = worst
  }

  /** What needs no check: lots taken off an order, a change of position, what was paid, a fee reserve released. */
  private change(
    account: number,
    holding: number,
    sells: boolean,
    priceTicks: number,
    takenLots: number,
    signedLots: number,
    paidMicros: number,
    releasedFeeMicros: number,
  ): void {
    const row = this.rowFor(account)
    const page = this.pages[row >> pageShift] as Float64Array
    const at = (row & (rowsOfPage - 1)) * this.tables.stride
    const { ledger } = this
    const size = ledger.sizeLots(holding)
    const buys = ledger.buyLots(holding)
    const sellLots = ledger.sellLots(holding)
    this.apply(page, at, holding, sells, priceTicks, takenLots, signedLots, size, buys, sellLots)
    page[at + equityAt] =
      (page[at + equityAt] as number) +
      signedLots * (this.tables.marks[ledger.instrumentId(holding)] as number) -
      paidMicros
    page[at + feesAt] = (page[at + feesAt] as number) - releasedFeeMicros
  }

  private apply(
    page: Float64Array,
    at: number,
    holding: number,
    sells: boolean,
    priceTicks: number,
    takenLots: number,
    signedLots: number,
    size: number,
    buys: number,
    sellLots: number,
  ): void {
    const instrumentId = this.ledger.instrumentId(holding)
    const tick = this.tables.ticks[instrumentId] as number
    const mark = this.tables.marks[instrumentId] as number
    const taken = sells ? priceTicks * tick - mark : mark - priceTicks * tick
    this.write(page, at, holding, instrumentId, sells ? -1 : 1, 0, 0, taken, takenLots, signedLots)
    const sizeAfter = size + signedLots
    const buysAfter = sells ? buys : buys - takenLots
    const sellsAfter = sells ? sellLots - takenLots : sellLots
    page[at + shortAt] =
      (page[at + shortAt] as number) +
      (max(0, sellsAfter - sizeAfter) - max(0, sellLots - size)) * (this.tables.shortMinimums[instrumentId] as number)
    const groupAt = at + this.tables.groupsAt + (this.tables.groups[instrumentId] as number)
    const units = page[groupAt] as number
    const unitsAfter =
      units +
      (max(sizeAfter + buysAfter, sellsAfter - sizeAfter) - max(size + buys, sellLots - size)) *
        (this.tables.units[instrumentId] as number)
    page[at + concentrationAt] =
      (page[at + concentrationAt] as number) + this.concentrationChange(instrumentId, units, unitsAfter)
    page[groupAt] = unitsAfter
    page[at + grossAt] =
      (page[at + grossAt] as number) +
      (abs(sizeAfter) - abs(size) - takenLots) * (this.tables.caps[instrumentId] as number)
  }

  /** Takes back a withdrawal of collateral that was only tried; the ledger has not changed meanwhile. */
  private undo(account: number, holding: number, units: number): void {
    const row = this.rowFor(account)
    const page = this.pages[row >> pageShift] as Float64Array
    const at = (row & (rowsOfPage - 1)) * this.tables.stride
    const { ledger } = this
    const size = ledger.sizeLots(holding) - units
    this.apply(page, at, holding, false, 0, 0, units, size, ledger.buyLots(holding), ledger.sellLots(holding))
    page[at + equityAt] =
      (page[at + equityAt] as number) + units * (this.tables.marks[ledger.instrumentId(holding)] as number)
  }

  private replaceQuoteBudget(account: number, budget: QuoteBudget | undefined): void {
    const row = this.rowFor(account)
    const page = this.pages[row >> pageShift] as Float64Array
    const at = (row & (rowsOfPage - 1)) * this.tables.stride
    const before = this.quoteBudgets.get(account)
    page[at + quotesAt] = reserveOf(budget)
    page[at + grossAt] = (page[at + grossAt] as number) + quotedGross(budget) - quotedGross(before)
    if (budget === undefined) this.quoteBudgets.delete(account)
    else this.quoteBudgets.set(account, budget)
  }

  // ——— Marking

  private unmarkAll(): void {
    this.rowOf.fill(0)
    this.rowCount = 0
    // Rows of the same shape are written anew in place: nothing is allocated while accounts are marked.
    if (this.pageStride !== this.tables.stride) this.pages = []
    this.pageStride = this.tables.stride
    this.cursor = 1
    this.due.clear()
  }

  /** Builds an account's row from the ledger; answers how many holdings and orders that was. */
  private mark(account: number): number {
    const row = this.takeRow(account)
    const { ledger } = this
    const page = this.pages[row >> pageShift] as Float64Array
    const at = (row & (rowsOfPage - 1)) * this.tables.stride
    page.fill(0, at, at + this.tables.stride)
    let equity = ledger.cashMicros(account) - ledger.holdsMicros(account)
    let [work, gross, fees, short, bounded] = [1, 0, 0, 0, 0]
    let mustPull = false
    const budget = this.quoteBudgets.get(account)
    this.layBudget(account, page, at)
    for (let holding = ledger.firstHolding(account); holding !== 0; holding = ledger.nextHolding(holding)) {
      const instrumentId = ledger.instrumentId(holding)
      const size = ledger.sizeLots(holding)
      if (size !== 0 || ledger.firstOrder(holding) !== 0) work += 1
      equity -= ledger.entryMicros(holding)
      if (this.kindOf(instrumentId) === unlisted) continue
      const [buys, sellLots] = [ledger.buyLots(holding), ledger.sellLots(holding)]
      equity += size * (this.tables.marks[instrumentId] as number)
      gross += (abs(size) + buys + sellLots) * (this.tables.caps[instrumentId] as number)
      short += max(0, sellLots - size) * (this.tables.shortMinimums[instrumentId] as number)
      const groupAt = at + this.tables.groupsAt + (this.tables.groups[instrumentId] as number)
      page[groupAt] =
        (page[groupAt] as number) + max(size + buys, sellLots - size) * (this.tables.units[instrumentId] as number)
      const isBounded = this.tables.kinds[instrumentId] === byBounds
      if (isBounded) {
        if (holding * 2 + 1 >= this.ends.length) this.growEnds(holding * 2)
        this.ends[holding * 2] = 0
        this.ends[holding * 2 + 1] = 0
      }
      if (size !== 0) this.write(page, at, holding, instrumentId, 1, 0, 0, 0, 0, size)
      for (let order = ledger.firstOrder(holding); order !== 0; order = ledger.nextOrder(order)) {
        work += 1
        const sells = ledger.isSell(order)
        const priceTicks = ledger.priceTicks(order)
        if (ledger.isBudgeted(order)) {
          const needed = this.lotLossMicros(instrumentId, sells, priceTicks)
          if (budget === undefined || needed > budget.terms.lotLossMicros) mustPull = true
          continue
        }
        const price = priceTicks * (this.tables.ticks[instrumentId] as number)
        const mark = this.tables.marks[instrumentId] as number
        this.write(
          page,
          at,
          holding,
          instrumentId,
          sells ? -1 : 1,
          sells ? price - mark : mark - price,
          ledger.openLots(order),
          0,
          0,
          0,
        )
        fees += ledger.feeMicros(order)
      }
      if (isBounded) bounded += min(this.ends[holding * 2] as number, this.ends[holding * 2 + 1] as number)
    }
    let concentration = 0
    for (let group = 0; group < this.tables.rates.length; group += 1)
      concentration +=
        max(0, (page[at + this.tables.groupsAt + group] as number) - (this.tables.thresholds[group] as number)) *
        (this.tables.rates[group] as number)
    page[at + equityAt] = equity
    page[at + boundedAt] = bounded + 0
    page[at + shortAt] = short
    page[at + concentrationAt] = concentration
    page[at + feesAt] = fees
    page[at + grossAt] = gross + quotedGross(budget)
    page[at + quotesAt] = reserveOf(budget)
    this.findWorst(page, at)
    if (mustPull || requirementOf(page, at) > equity) this.due.add(account)
    return work
  }

  private layBudget(account: number, page: Float64Array, at: number): void {
    const credit = this.laneBudgets.get(account)
    if (credit === undefined) return
    for (let s = 0; s < this.tables.scenarios; s += 1) page[at + this.tables.sumsAt + s] = credit[s] as number
    page[at + nowAt] = credit[this.tables.scenarios] as number
  }

  private findWorst(page: Float64Array, at: number): void {
    let worst = page[at + nowAt] as number
    for (let block = 0; block < this.tables.blockCount; block += 1) {
      let least = Infinity
      const end = at + this.tables.sumsAt + (this.tables.blockStarts[block + 1] as number)
      for (let sum = at + this.tables.sumsAt + (this.tables.blockStarts[block] as number); sum < end; sum += 1)
        if ((page[sum] as number) < least) least = page[sum] as number
      page[at + this.tables.leastAt + block] = least + 0
      const total = least + (page[at + elsewhereAt] as number) - (page[at + this.tables.insideAt + block] as number)
      if (total < worst) worst = total
    }
    page[at + worstAt] = worst + 0
  }

  private takeRow(account: number): number {
    if (account >= this.rowOf.length) {
      const larger = new Int32Array(max(this.rowOf.length * 2, account + 1))
      larger.set(this.rowOf)
      this.rowOf = larger
    }
    const known = this.rowOf[account] as number
    if (known !== 0) return known
    this.rowCount += 1
    const row = this.rowCount
    // A page at a time: nothing large is ever copied.
    while (row >> pageShift >= this.pages.length) this.pages.push(new Float64Array(rowsOfPage * this.tables.stride))
    this.rowOf[account] = row
    return row
  }

  private growEnds(index: number): void {
    const larger = new Float64Array(max(this.ends.length * 2, index + 2))
    larger.set(this.ends)
    this.ends = larger
  }

  private compile(): void {
    this.tables = new EpochTables(this.epoch ?? noEpoch, [...this.known().values()])
  }

  private known(): ReadonlyMap<number, RiskInstrument> {
    const known = new Map(this.epoch?.instruments.map(instrument => [instrument.instrumentId, instrument]))
    for (const [instrumentId, instrument] of this.revisions) known.set(instrumentId, instrument)
    return known
  }

  /**
   * A budget belongs to a scenario set. Under another one it is its least entry in every state, until whoever knows better
   * sets it anew.
   */
  private carryBudgets(): void {
    for (const [account, budget] of this.laneBudgets)
      this.laneBudgets.set(
        account,
        new Float64Array(this.tables.scenarios + 1).fill(budget.reduce((a, b) => min(a, b))),
      )
  }
}

/** An order as it would be written: see `write`. */
interface TriedOrder {
  readonly page: Float64Array
  readonly at: number
  readonly holding: number
  readonly instrumentId: number
  readonly sign: number
  readonly added: number
  readonly toLots: number
  readonly taken: number
  readonly fromLots: number
}

const bounded = (instrument: RiskInstrument): RiskInstrument => ({
  ...instrument,
  group: 0,
  concentrationUnits: 0,
  // Bounds that are known stay true.
  risk:
    instrument.risk.kind === 'bounds'
      ? instrument.risk
      : { kind: 'bounds', lowMicros: 0, highMicros: instrument.capMicros },
})

/** Every instrument is covered by its bounds. */
const noEpoch: RiskEpoch = {
  version: 0,
  scenarioSetVersion: 0,
  scenarioNames: [],
  blocks: [],
  groups: [{ name: 'all', thresholdUnits: 0, microsPerUnit: 0 }],
  instruments: [],
}

const requirementOf = (page: Float64Array, at: number): number =>
  (page[at + shortAt] as number) +
  (page[at + concentrationAt] as number) +
  (page[at + feesAt] as number) +
  (page[at + quotesAt] as number) -
  (page[at + worstAt] as number) -
  (page[at + boundedAt] as number)

const reserveOf = (budget: QuoteBudget | undefined): number =>
  budget === undefined ? 0 : budget.remainingLots * budget.terms.lotLossMicros
const quotedGross = (budget: QuoteBudget | undefined): number =>
  budget === undefined ? 0 : budget.remainingLots * budget.terms.lotCapMicros
