import { type AccountRecord, type Accounts, type HoldingRecord, recordShift } from '../ledger/accounts.ts'
import { MarginBook, type MarginBookState, type MarginFigures, type QuoteBudgetTerms } from '../margin/margin-book.ts'
import type { MarginLedger } from '../margin/margin-ledger.ts'
import type { MarginRefusal, Refused } from '../margin/refused.ts'
import { EpochIntake, type EpochIntakeState, type RiskInstrument } from '../margin/risk-epoch.ts'
import { capMicrosOf, isCountable, unvaluedInstrument } from '../margin/unvalued-instrument.ts'
import type { RejectionCode } from '../outcome.ts'
import type { Instrument } from '../reference/instrument.ts'
import type { Levels } from './book.ts'
import type { InstrumentRisk, RiskEpochBegin, RiskEpochChunk, RiskEpochCommit } from './commands.ts'
import type { Listing } from './listing.ts'
import { stateNumber } from './market-controls.ts'
import { none, type Order, type Orders, traits } from './orders.ts'
import { noLevel } from './price-ladder.ts'

/** Holdings and orders that are marked to a new epoch after each command. */
const remarkedEachTime = 500

/**
 * Up to here an account's cash may grow by deposits, and beyond it, either way, it opens nothing more: with what it holds
 * then, at most 2^51 at the highest prices, whatever follows keeps its cash a safe integer.
 */
export const maxCashMicros = 2 ** 52

/** The ledger and the open orders, as the margin book reads them. Stops that wait are no orders to it. */
class LedgerView implements MarginLedger {
  /** Accounts that have a quote budget. */
  readonly budgeted = new Set<AccountRecord>()
  private readonly accounts: Accounts
  private readonly orders: Orders
  private readonly levels: Levels
  private readonly listings: readonly (Listing | undefined)[]

  constructor(accounts: Accounts, orders: Orders, levels: Levels, listings: readonly (Listing | undefined)[]) {
    this.accounts = accounts
    this.orders = orders
    this.levels = levels
    this.listings = listings
  }

  get accountCount(): number {
    return this.accounts.count
  }
  cashMicros(account: number): number {
    return this.accounts.cashMicros(account << recordShift)
  }
  holdsMicros(account: number): number {
    return this.accounts.heldMicros(account << recordShift)
  }
  firstHolding(account: number): number {
    return this.accounts.firstHolding(account << recordShift) >> recordShift
  }
  nextHolding(holding: number): number {
    return this.accounts.nextHolding(holding << recordShift) >> recordShift
  }
  instrumentId(holding: number): number {
    return this.accounts.instrumentId(holding << recordShift)
  }
  sizeLots(holding: number): number {
    return this.accounts.sizeLots(holding << recordShift)
  }
  entryMicros(holding: number): number {
    const listing = this.listings[this.instrumentId(holding)]
    return this.accounts.entryTickLots(holding << recordShift) * (listing?.instrument.microsPerTickLot ?? 0)
  }
  buyLots(holding: number): number {
    const record = holding << recordShift
    return this.accounts.buyLots(record) - this.openQuoteLots(record, false)
  }
  sellLots(holding: number): number {
    const record = holding << recordShift
    return this.accounts.sellLots(record) - this.openQuoteLots(record, true)
  }
  firstOrder(holding: number): number {
    return this.resting(this.accounts.firstOrder(holding << recordShift))
  }
  nextOrder(order: number): number {
    return this.resting(this.orders.following(order))
  }
  private resting(first: Order): Order {
    let order = first
    while (order !== none && this.orders.level(order) === noLevel) order = this.orders.following(order)
    return order
  }
  isSell(order: number): boolean {
    return this.orders.isSell(order)
  }
  priceTicks(order: number): number {
    return this.levels.ticks(this.orders.level(order))
  }
  openLots(order: number): number {
    return this.orders.remainingLots(order)
  }
  feeMicros(order: number): number {
    return this.orders.reserveMicros(order)
  }
  isBudgeted(order: number): boolean {
    return (
      (this.orders.traits(order) & traits.isQuote) !== 0 &&
      this.budgeted.has(this.accounts.account(this.orders.holding(order)))
    )
  }
  private openQuoteLots(holding: HoldingRecord, sells: boolean): number {
    if (this.budgeted.size === 0 || !this.budgeted.has(this.accounts.account(holding))) return 0
    const quote = this.accounts.quote(holding, sells)
    return quote === none ? 0 : this.orders.remainingLots(quote)
  }
}

export interface LaneMarginState {
  readonly book: MarginBookState
  readonly intake: EpochIntakeState
  /** What was listed when the epoch under way began has to be in it. */
  readonly listedAtBegin: number
  readonly isOutdated: boolean
  readonly isEpochDue: boolean
  /** Id, account id, micros; by id. */
  readonly holds: readonly (readonly [holdId: string, accountId: number, micros: number])[]
}

export interface Hold {
  readonly account: AccountRecord
  readonly micros: number
}

/** Margin of a lane's accounts, from engine version 4 on: the book, the epoch on its way, and holds. */
export class LaneMargin {
  readonly holds = new Map<string, Hold>()
  /** The epoch in force was found to be out of date. */
  isEpochDue = false
  /** Told of what is refused since an account lacks margin for it: how much it would lose in each state. */
  onLack: ((account: AccountRecord, lossMicros: () => readonly number[]) => void) | undefined
  private book: MarginBook
  private intake = new EpochIntake()
  private listedAtBegin = 0
  private valuations = 0
  /** A contract has become another one since its risk came for the epoch under way. */
  private isOutdated = false
  private readonly view: LedgerView
  private readonly accounts: Accounts
  private readonly listings: readonly (Listing | undefined)[]

  constructor(accounts: Accounts, orders: Orders, levels: Levels, listings: readonly (Listing | undefined)[]) {
    this.accounts = accounts
    this.listings = listings
    this.view = new LedgerView(accounts, orders, levels, listings)
    this.book = new MarginBook(this.view)
    const listed = listings.flatMap(listing => (listing === undefined ? [] : [listing]))
    const countable = listed.filter(({ instrument }) => isCountable(instrument))
    insist(this.book.list(countable.map(({ instrument }) => unvaluedInstrument(instrument))))
  }

  get epochVersion(): number {
    return this.book.epochVersion
  }

  /** Another one whenever deltas and vegas may be. */
  get valuation(): number {
    return this.valuations
  }
  /** Of a long lot: see RiskInstrument. */
  deltaMicroUnits(instrumentId: number): number {
    return this.book.deltaMicroUnits(instrumentId)
  }
  vegaMicros(instrumentId: number): number {
    return this.book.vegaMicros(instrumentId)
  }

  // ——— Orders: before the ledger changes

  place(
    holding: HoldingRecord,
    sells: boolean,
    ticks: number,
    lots: number,
    reserveMicros: number,
  ): RejectionCode | undefined {
    const account = this.accounts.account(holding)
    if (this.isBeyondCounting(account)) return 'exposure-too-large'
    const refusal = this.book.place(account >> recordShift, holding >> recordShift, sells, ticks, lots, reserveMicros)
    if (refusal === 'insufficient-margin') this.tellLack(holding, sells, ticks, lots, reserveMicros)
    return refusal === undefined ? undefined : this.codeOf(refusal)
  }

  amend(
    holding: HoldingRecord,
    sells: boolean,
    fromTicks: number,
    fromLots: number,
    toTicks: number,
    toLots: number,
    addedReserveMicros: number,
  ): RejectionCode | undefined {
    const account = this.accounts.account(holding)
    if (toLots > fromLots && this.isBeyondCounting(account)) return 'exposure-too-large'
    const refusal = this.book.amend(
      account >> recordShift,
      holding >> recordShift,
      sells,
      fromTicks,
      fromLots,
      toTicks,
      toLots,
      addedReserveMicros,
    )
    if (refusal === 'insufficient-margin')
      this.tellLack(holding, sells, toTicks, toLots, Math.max(0, addedReserveMicros))
    return refusal === undefined ? undefined : this.codeOf(refusal)
  }

  private tellLack(holding: HoldingRecord, sells: boolean, ticks: number, lots: number, reserveMicros: number): void {
    const instrumentId = this.accounts.instrumentId(holding)
    this.onLack?.(this.accounts.account(holding), () =>
      this.book.orderLossByScenario(instrumentId, sells, ticks, lots, reserveMicros),
    )
  }

  cancel(holding: HoldingRecord, sells: boolean, ticks: number, lots: number, reserveMicros: number): void {
    const account = this.accounts.account(holding)
    this.book.cancel(account >> recordShift, holding >> recordShift, sells, ticks, lots, reserveMicros)
  }

  fill(
    holding: HoldingRecord,
    sells: boolean,
    ticks: number,
    lots: number,
    tradeTicks: number,
    feeMicros: number,
    releasedMicros: number,
  ): void {
    this.book.fill(
      this.accounts.account(holding) >> recordShift,
      holding >> recordShift,
      sells,
      ticks,
      lots,
      tradeTicks,
      feeMicros,
      releasedMicros,
    )
  }

  /** Lots that come or go without an order, and what is paid for them. */
  movePosition(holding: HoldingRecord, signedLots: number, paidMicros: number): RejectionCode | undefined {
    const account = this.accounts.account(holding)
    const refusal = this.book.movePosition(account >> recordShift, holding >> recordShift, signedLots, paidMicros)
    return refusal === undefined ? undefined : this.codeOf(refusal)
  }

  isCovered(account: AccountRecord): boolean {
    return this.book.isCovered(account >> recordShift)
  }

  /** Calls an account that a payment has left short. */
  watch(account: AccountRecord): void {
    this.book.watch(account >> recordShift)
  }

  figures(account: AccountRecord): MarginFigures {
    return this.book.figures(account >> recordShift)
  }

  /** Its cash is too far from nothing for it to open anything. */
  isBeyondCounting(account: AccountRecord): boolean {
    const cash = this.accounts.cashMicros(account)
    return cash > maxCashMicros || cash < -maxCashMicros
  }

  /** Before the first epoch all is fully funded, and says so. */
  get shortCode(): 'insufficient-funds' | 'insufficient-margin' {
    return this.epochVersion === 0 ? 'insufficient-funds' : 'insufficient-margin'
  }

  private codeOf(refusal: MarginRefusal): RejectionCode {
    if (refusal === 'insufficient-margin') return this.shortCode
    if (refusal === 'exposure-too-large') return refusal
    throw new Error(`the margin book refuses what the engine has checked: ${refusal}`)
  }

  // ——— Quotes of a market maker

  hasQuoteBudget(account: AccountRecord): boolean {
    return this.view.budgeted.size > 0 && this.view.budgeted.has(account)
  }

  quoteBudget(account: AccountRecord): QuoteBudgetTerms | undefined {
    return this.book.quoteBudget(account >> recordShift)
  }

  /** Undefined terms release it. None of the account's quotes stands. */
  setQuoteBudget(account: AccountRecord, terms: QuoteBudgetTerms | undefined): RejectionCode | undefined {
    // One command may fill both sides of one instrument, in an auction.
    if (terms !== undefined && terms.lots < quotesOfCommand * terms.largestQuoteLots) return 'amount-out-of-range'
    const refused = this.book.setQuoteBudget(account >> recordShift, terms)
    if (refused !== undefined)
      return refused.code === 'out-of-range' ? 'amount-out-of-range' : this.codeOf(refused.code)
    if (terms === undefined) this.view.budgeted.delete(account)
    else this.view.budgeted.add(account)
    return undefined
  }

  /** Whenever its account quotes: as far as margin allows. */
  refillQuoteBudget(account: AccountRecord): void {
    const terms = this.hasQuoteBudget(account) ? this.quoteBudget(account) : undefined
    if (terms === undefined || this.book.quoteLotsLeft(account >> recordShift) === terms.lots) return
    this.book.refillQuoteBudget(account >> recordShift)
  }

  checkQuote(
    holding: HoldingRecord,
    sells: boolean,
    ticks: number,
    lots: number,
    lotFeeMicros: number,
  ): RejectionCode | undefined {
    const account = this.accounts.account(holding)
    if (this.isBeyondCounting(account)) return 'exposure-too-large'
    if (!this.canFillQuotes(account)) return 'outside-quote-budget'
    const instrumentId = this.accounts.instrumentId(holding)
    return this.book.checkQuote(account >> recordShift, instrumentId, sells, ticks, lots, lotFeeMicros) === undefined
      ? undefined
      : 'outside-quote-budget'
  }

  /** False where its account may quote no longer. */
  fillQuote(holding: HoldingRecord, sells: boolean, lots: number, tradeTicks: number, feeMicros: number): boolean {
    const account = this.accounts.account(holding)
    this.book.fillQuote(account >> recordShift, holding >> recordShift, sells, lots, tradeTicks, feeMicros)
    return this.canFillQuotes(account)
  }

  private canFillQuotes(account: AccountRecord): boolean {
    const largest = this.quoteBudget(account)?.largestQuoteLots ?? 0
    return this.book.quoteLotsLeft(account >> recordShift) >= quotesOfCommand * largest
  }

  /** By a new epoch a lot of one of its quotes needs more than was put by. */
  hasQuotesBeyondBudget(account: AccountRecord): boolean {
    const terms = this.hasQuoteBudget(account) ? this.quoteBudget(account) : undefined
    if (terms === undefined) return false
    return this.accounts.holdingsOf(account).some(holding =>
      [false, true].some(sells => {
        const quote = this.accounts.quote(holding, sells)
        if (quote === none) return false
        const ticks = this.view.priceTicks(quote)
        return this.book.lotLossMicros(this.accounts.instrumentId(holding), sells, ticks) > terms.lotLossMicros
      }),
    )
  }

  // ——— Cash

  addCash(account: AccountRecord, micros: number): void {
    this.book.addCash(account >> recordShift, micros)
  }

  /** Only of what lies there and is neither needed nor held. */
  takeCash(account: AccountRecord, micros: number): RejectionCode | undefined {
    if (micros > this.accounts.cashMicros(account) - this.accounts.heldMicros(account)) return 'insufficient-funds'
    const refusal = this.book.takeCash(account >> recordShift, micros)
    if (refusal === 'insufficient-margin') this.onLack?.(account, () => new Array<number>(this.states).fill(micros))
    return refusal === undefined ? undefined : this.codeOf(refusal)
  }

  // ——— Budgets between lanes

  /** From engine version 7 on. */
  coverEachState(): void {
    this.book.coversEachState = true
  }
  get scenarioSetVersion(): number {
    return this.book.scenarioSetVersion
  }
  get states(): number {
    return this.book.states
  }
  /** Of this lane alone: see MarginBook. */
  surplusByScenario(account: AccountRecord): number[] {
    return this.book.surplusByScenario(account >> recordShift)
  }
  setLaneBudget(account: AccountRecord, budgetMicros: readonly number[]): void {
    const refused = this.book.setLaneBudget(account >> recordShift, budgetMicros)
    if (refused !== undefined) throw new Error(`the margin book does not take a budget: ${refused.field}`)
  }

  // ——— Collateral

  depositCollateral(holding: HoldingRecord, lots: number): RejectionCode | undefined {
    const account = this.accounts.account(holding)
    const refusal = this.book.depositCollateral(account >> recordShift, holding >> recordShift, lots)
    return refusal === undefined ? undefined : this.codeOf(refusal)
  }

  withdrawCollateral(holding: HoldingRecord, lots: number): RejectionCode | undefined {
    const account = this.accounts.account(holding)
    const refusal = this.book.withdrawCollateral(account >> recordShift, holding >> recordShift, lots)
    return refusal === undefined ? undefined : this.codeOf(refusal)
  }

  // ——— Instruments and epochs

  /** Once listed, and again whenever the contract has become another one: after the ledger has changed. */
  revise({ instrument }: Listing): void {
    const { instrumentId } = instrument
    if (this.intake.taken.some(risk => risk.instrumentId === instrumentId)) this.isOutdated = true
    if (isCountable(instrument)) insist(this.book.revise(unvaluedInstrument(instrument)))
    this.valuations += 1
  }

  begin({ epochVersion, scenarioSetVersion, groups, blocks }: RiskEpochBegin): RejectionCode | undefined {
    const lengths = blocks.map(({ scenarios }) => scenarios)
    const scenarios = lengths.reduce((sum, length) => sum + length, 0)
    const head = {
      version: epochVersion,
      scenarioSetVersion,
      // Too many are refused by their number.
      scenarioNames: scenarios > mostNames ? [] : Array.from({ length: scenarios }, (_, index) => String(index)),
      blocks: lengths,
      groups: groups.map((group, index) => ({ name: String(index), ...group })),
    }
    const refusal = this.intake.begin(head, { newestVersion: this.epochVersion })
    if (refusal !== undefined) return epochCodeOf(refusal)
    this.listedAtBegin = this.listings.length - 1
    this.isOutdated = false
    return undefined
  }

  chunk({ epochVersion, number, instruments }: RiskEpochChunk): RejectionCode | undefined {
    const risks: RiskInstrument[] = []
    for (const risk of instruments) {
      const listing = this.listings[risk.instrumentId]
      if (listing === undefined) return 'unknown-instrument'
      if (listing.instrument.specificationVersion !== risk.specificationVersion) return 'outdated-specification'
      risks.push(valued(listing.instrument, risk))
    }
    const refusal = this.intake.chunk({ version: epochVersion, number, instruments: risks })
    return refusal === undefined ? undefined : epochCodeOf(refusal)
  }

  /** How many instruments the epoch on its way has. */
  get instrumentsSoFar(): number {
    return this.intake.taken.length
  }

  /** Answers the set's version and the number of instruments, or why it is refused; nothing has changed then. */
  commit({
    epochVersion,
    chunks,
  }: RiskEpochCommit):
    | { readonly scenarioSetVersion: number; readonly instruments: number; readonly refusal?: undefined }
    | { readonly refusal: RejectionCode } {
    if (this.isOutdated && this.intake.version === epochVersion) return { refusal: 'outdated-specification' }
    const listedInstruments = this.listings
      .slice(0, this.listedAtBegin + 1)
      .flatMap(listing =>
        listing === undefined || listing.state === stateNumber.expired || !isCountable(listing.instrument)
          ? []
          : [listing.instrument.instrumentId],
      )
    const checked = this.intake.commit(epochVersion, chunks, { newestVersion: this.epochVersion, listedInstruments })
    if (!checked.accepted) return { refusal: epochCodeOf(checked) }
    this.book.adopt(checked.value)
    this.valuations += 1
    this.isEpochDue = false
    this.isOutdated = false
    return { scenarioSetVersion: checked.value.scenarioSetVersion, instruments: checked.value.instruments.length }
  }

  isBeyondScan(instrumentId: number, markTicks: number): boolean {
    return this.book.isBeyondScan(instrumentId, markTicks)
  }

  // ——— After each command

  /** Marks some of the accounts that are not marked to the epoch in force. */
  remark(): void {
    this.book.remark(remarkedEachTime)
  }

  get hasDue(): boolean {
    return this.book.hasDue
  }

  /** Accounts to be called, each once. */
  takeDue(): readonly AccountRecord[] {
    return this.book.takeDue().map(account => account << recordShift)
  }

  // ——— Snapshots

  capture(): LaneMarginState {
    return {
      book: this.book.capture(),
      intake: this.intake.capture(),
      listedAtBegin: this.listedAtBegin,
      isOutdated: this.isOutdated,
      isEpochDue: this.isEpochDue,
      holds: [...this.holds]
        .map(([holdId, { account, micros }]) => [holdId, this.accounts.idOfRecord(account), micros] as const)
        .sort(([a], [b]) => (a < b ? -1 : 1)),
    }
  }

  /** Holds, before the rest. */
  restoreHolds({ holds }: LaneMarginState): void {
    for (const [holdId, accountId, micros] of holds) this.addHold(holdId, this.accounts.recordOf(accountId), micros)
  }

  /** Once ledger and orders are as they were. */
  restore(state: LaneMarginState): void {
    for (const [account] of state.book.quoteBudgets) this.view.budgeted.add(account << recordShift)
    const { coversEachState } = this.book
    this.book = MarginBook.restore(this.view, state.book)
    this.book.coversEachState = coversEachState
    this.intake = EpochIntake.restore(state.intake)
    this.listedAtBegin = state.listedAtBegin
    this.isOutdated = state.isOutdated
    this.isEpochDue = state.isEpochDue
  }

  addHold(holdId: string, account: AccountRecord, micros: number): void {
    this.holds.set(holdId, { account, micros })
    this.accounts.addHold(account, micros, 1)
  }
  removeHold(holdId: string, { account, micros }: Hold): void {
    this.holds.delete(holdId)
    this.accounts.addHold(account, -micros, -1)
  }
}

const mostNames = 4_096
/** Of one account in one instrument, that one command may fill: each no larger than the largest. */
const quotesOfCommand = 2

const valued = (instrument: Instrument, { specificationVersion: _, ...risk }: InstrumentRisk): RiskInstrument => ({
  ...risk,
  instrumentName: instrument.specification.instrumentName,
  capMicros: capMicrosOf(instrument),
  microsPerTick: instrument.microsPerTickLot,
})

const insist = (refusal: Refused | undefined): void => {
  if (refusal !== undefined) throw new Error(`the margin book does not take what is listed: ${refusal.field}`)
}

const epochCodeOf = ({ code }: Refused): RejectionCode => {
  switch (code) {
    case 'version-not-newer':
      return 'risk-epoch-not-newer'
    case 'epoch-not-begun':
      return 'risk-epoch-not-begun'
    case 'epoch-incomplete':
    case 'chunk-out-of-order':
      return 'risk-epoch-incomplete'
    case 'missing-instrument':
      return 'risk-epoch-lacks-instrument'
    default:
      return 'risk-epoch-invalid'
  }
}
