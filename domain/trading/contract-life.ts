import type { AccountRecord, HoldingRecord } from '../ledger/accounts.ts'
import { assigned, settledPosition } from '../ledger/settled-position.ts'
import type { RejectionCode } from '../outcome.ts'
import { intrinsicTicks, type OptionTerms } from '../reference/contract-terms.ts'
import { type Adjustment, defineInstrument, type Instrument, legsOf } from '../reference/instrument.ts'
import { decimal, micros } from '../units.ts'
import { Book } from './book.ts'
import type { ExerciseOption, ListInstrument, SettleInstrument } from './commands.ts'
import { writeEvent } from './event-messages.ts'
import { type CancelReason, type PaymentKind, paymentKinds } from './events.ts'
import { compareIds, putIdText } from './identifiers.ts'
import { Listing } from './listing.ts'
import { stateNumber } from './market-controls.ts'
import { Matching } from './matching.ts'
import { eventType, headerOf } from './messages.ts'
import { idAt, none, type Order } from './orders.ts'
import { noLevel } from './price-ladder.ts'
import { putLong } from './tape.ts'
import { PriceWatch } from './velocity.ts'

export type Refusal = RejectionCode | undefined

const maxInstruments = 10_000

const positionSettledWords = 22
const positionSettledHeader = headerOf(eventType['position-settled'], positionSettledWords * 4)

/** From listing to the last payment: what becomes of contracts, and of the positions in them, beside trading. */
export class ContractLife extends Matching {
  protected readonly instrumentIds = new Map<string, number>()

  /** By instrument id, from 1 on. */
  protected addListing(instrument: Instrument): Listing {
    const listing = new Listing(instrument, new Book(this.orders, this.levels))
    if (instrument.terms.kind === 'collateral') listing.state = stateNumber.closed
    this.listings.push(listing)
    this.instrumentIds.set(instrument.specification.instrumentName, instrument.instrumentId)
    return listing
  }

  protected isPast(listing: Listing): boolean {
    return this.laneMillis >= listing.instrument.specification.expirationMillis
  }

  protected isOpen(listing: Listing): boolean {
    return !this.isPast(listing) && listing.state !== stateNumber.closed && listing.state !== stateNumber.expired
  }

  protected listInstrument({ specification, commandId }: ListInstrument): Refusal {
    if (this.listings.length > maxInstruments) return 'instrument-limit'
    if (this.instrumentIds.has(specification.instrumentName)) return 'instrument-exists'
    const defined = defineInstrument(specification, this.listings.length, 1)
    if (!defined.accepted) return defined.code
    if (specification.expirationMillis <= this.laneMillis) return 'invalid-specification'
    const instrument = defined.value
    if (instrument.terms.kind === 'option' && !this.isOnFuture(instrument.terms, specification.expirationMillis))
      return 'invalid-specification'
    const listing = this.addListing(instrument)
    this.margin?.revise(listing)
    writeEvent(this.told, { type: 'instrument-listed', commandId, instrument })
    return undefined
  }

  /** What an option is on; undefined of an average-price option, and of one whose future is not listed here. */
  private underlyingOf({ underlyingInstrument = '' }: OptionTerms): Listing | undefined {
    return this.listings[this.instrumentIds.get(underlyingInstrument) ?? 0]
  }

  /** Unless it is on an average: the future trades here, ends with it in cash, and has prices that can be counted in micros. */
  private isOnFuture(terms: OptionTerms, expirationMillis: number): boolean {
    if (terms.underlyingInstrument === undefined) return true
    const future = this.underlyingOf(terms)
    if (future === undefined || future.state === stateNumber.expired) return false
    const { specification } = future.instrument
    return (
      specification.kind === 'future' &&
      specification.settlement === 'cash' &&
      specification.expirationMillis === expirationMillis &&
      micros(specification.maxPrice) !== undefined
    )
  }

  protected expireInstrument(instrumentId: number, commandId: string, words: Int32Array, idWord: number): Refusal {
    const listing = this.listings[instrumentId]
    if (listing === undefined) return 'unknown-instrument'
    // Too early or for the second time: it is not in the state that is to be left.
    if (listing.state === stateNumber.expired || !this.isPast(listing)) return 'instrument-not-open'
    writeEvent(this.told, { type: 'instrument-expired', commandId, instrumentId })
    this.end(listing, 'instrument-expired', words, idWord)
    return undefined
  }

  protected delistInstrument(instrumentId: number, commandId: string, words: Int32Array, idWord: number): Refusal {
    const listing = this.listings[instrumentId]
    if (listing === undefined) return 'unknown-instrument'
    if (listing.state === stateNumber.expired || this.isPast(listing)) return 'instrument-not-open'
    if (listing.instrument.terms.kind === 'collateral') return 'is-collateral'
    if (this.hasOptions(listing.instrument)) return 'instrument-has-options'
    listing.settled = { ...listing.settled, isDelisted: true }
    writeEvent(this.told, { type: 'instrument-delisted', commandId, instrumentId })
    this.end(listing, 'instrument-delisted', words, idWord)
    return undefined
  }

  /** Options that are not over yet: they would follow a future that has no price any more. */
  private hasOptions({ specification: { instrumentName } }: Instrument): boolean {
    return this.listings.some(
      listing =>
        listing?.instrument.terms.kind === 'option' &&
        listing.instrument.terms.underlyingInstrument === instrumentName &&
        listing.state !== stateNumber.expired,
    )
  }

  private end(listing: Listing, reason: CancelReason, words: Int32Array, idWord: number): void {
    listing.state = stateNumber.expired
    listing.untilMillis = 0
    this.closeBook(listing, reason, words, idWord)
  }

  /** In price-time order, then what waits; in the name of the command whose id lies in `words`. */
  private closeBook(listing: Listing, reason: CancelReason, words: Int32Array, idWord: number): void {
    const { book } = listing
    for (const order of [...book.inPriority(false), ...book.inPriority(true), ...this.sorted([...listing.waiting])])
      this.close(order, reason, words, idWord)
  }

  protected settleInstrument(command: SettleInstrument, words: Int32Array, idWord: number): Refusal {
    const { instrumentId, settlementKind, priceTicks } = command
    const listing = this.listings[instrumentId]
    if (listing === undefined) return 'unknown-instrument'
    if (listing.instrument.terms.kind === 'collateral') return 'is-collateral'
    const refusal = this.settlementRefusal(listing, command)
    if (refusal !== undefined) return refusal
    if (settlementKind === 'final' && isDelivered(listing.instrument)) return 'not-cash-settled'
    if (priceTicks < 0 || priceTicks > listing.instrument.maxPriceTicks) return 'price-out-of-range'
    const after = adjusted(listing.instrument, command)
    if (after !== listing.instrument) this.closeBook(listing, 'instrument-adjusted', words, idWord)
    this.payHolders(listing, command, after)
    return undefined
  }

  /** The end of what is delivered, which nobody may settle in cash alone: `tellMore` comes before the end is told. */
  protected settleFinally(listing: Listing, commandId: string, priceTicks: number, tellMore: () => void): void {
    const { instrumentId } = listing.instrument
    const settlement = { commandId, instrumentId, settlementKind: 'final', number: 0, priceTicks } as const
    this.payHolders(listing, { type: 'settle-instrument', ...settlement }, listing.instrument, tellMore)
  }

  private payHolders(listing: Listing, command: SettleInstrument, after: Instrument, tellMore?: () => void): void {
    const { commandId, instrumentId, settlementKind, number, priceTicks } = command
    const before = listing.instrument
    const holders = this.accounts.holdersOf(instrumentId)
    let longLots = 0
    for (const holding of holders) {
      const sizeLots = this.accounts.sizeLots(holding)
      const entryTickLots = this.accounts.entryTickLots(holding)
      longLots += Math.max(sizeLots, 0)
      if (settlementKind === 'final')
        this.margin?.movePosition(holding, -sizeLots, -sizeLots * priceTicks * before.microsPerTickLot)
      const settled = settledPosition(settlementKind, sizeLots, entryTickLots, priceTicks, before, after)
      this.accounts.settle(holding, before, after, settled)
      this.tellSettled(holding, commandId, settlementKind, priceTicks, sizeLots, settled.paidMicros)
    }
    listing.instrument = after
    if (settlementKind === 'distribution') lowerPrices(listing, priceTicks)
    const { settled } = listing
    listing.settled = {
      ...settled,
      variationDay: settlementKind === 'variation' ? number : settled.variationDay,
      distributions: settlementKind === 'distribution' ? number : settled.distributions,
      isFinal: settlementKind === 'final',
      adjustedAtMillis: settlementKind === 'variation' ? settled.adjustedAtMillis : this.laneMillis,
    }
    const { specificationVersion, settledLegs, distributedTicks } = after
    const now = { specificationVersion, settledLegs, distributedTicks }
    tellMore?.()
    writeEvent(this.told, { ...command, type: 'instrument-settled', holders: holders.length, longLots, ...now })
    const { margin } = this
    if (margin === undefined) return
    if (settlementKind === 'final') for (const holding of holders) margin.watch(this.accounts.account(holding))
    if (after === before) return
    // Its risk was that of the contract before: until the next epoch it is covered for whatever it settles at.
    margin.revise(listing)
    this.tellEpochDue(listing)
  }

  /** Once an epoch, and never before the first. */
  protected tellEpochDue({ instrument, markTicks }: Listing): void {
    const { margin } = this
    if (margin === undefined || margin.epochVersion === 0 || margin.isEpochDue) return
    margin.isEpochDue = true
    const { epochVersion } = margin
    const { instrumentId } = instrument
    writeEvent(this.told, { type: 'risk-epoch-due', instrumentId, epochVersion, markTicks })
  }

  /** Each payment once, in its order, and none after the final one. */
  private settlementRefusal(listing: Listing, { settlementKind, number }: SettleInstrument): Refusal {
    const { settled, instrument } = listing
    const { terms, settledLegs } = instrument
    const inOrder = (isNext: boolean): Refusal => (isNext ? undefined : 'settlement-out-of-order')
    if (settled.isFinal) return 'instrument-settled'
    switch (settlementKind) {
      case 'variation':
        if (listing.state === stateNumber.expired || this.isPast(listing)) return 'instrument-not-open'
        return inOrder(number > settled.variationDay)
      case 'leg':
        // The last one is final.
        return inOrder(terms.kind === 'swap' && number === settledLegs + 1 && number < legsOf(terms))
      case 'distribution':
        return inOrder(terms.kind === 'structured_product' && number === settled.distributions + 1)
      case 'final':
        if (listing.state !== stateNumber.expired) return 'instrument-not-open'
        return inOrder(number === 0 && (settled.isDelisted || settledLegs === legsOf(terms) - 1))
    }
  }

  protected exerciseOption(command: ExerciseOption): Refusal {
    const { accounts } = this
    const { accountId, commandId, instrumentId, quantityLots } = command
    const account = accounts.find(accountId)
    if (account === none) return 'unknown-account'
    const listing = this.listings[instrumentId]
    if (listing === undefined) return 'unknown-instrument'
    const { instrument } = listing
    const { terms } = instrument
    if (terms.kind !== 'option' || terms.exercise !== 'american') return 'not-exercisable'
    if (!this.isOpen(listing)) return 'instrument-not-open'
    const priceTicks = this.exerciseTicks(terms, instrument)
    if (priceTicks === 0) return 'not-exercisable'
    const holding = accounts.holdingOf(account, instrumentId)
    if (quantityLots < 1 || quantityLots > accounts.sizeLots(holding)) return 'amount-out-of-range'
    const before = accounts.save(holding)
    const cashMicros = accounts.cashMicros(account)
    this.movePosition(holding, instrument, -quantityLots, priceTicks, 0)
    // What is still open to be sold may have been covered by the position.
    if (!this.isCovered(account)) {
      this.movePositionBack(holding, instrument, -quantityLots, priceTicks, 0, before)
      return this.shortCode
    }
    const paidMicros = accounts.cashMicros(account) - cashMicros
    this.tellSettled(holding, commandId, 'exercise', priceTicks, quantityLots, paidMicros)
    const assignedAccounts = this.assign(instrument, quantityLots, priceTicks, commandId)
    listing.settled = { ...listing.settled, adjustedAtMillis: this.laneMillis }
    writeEvent(this.told, { ...command, type: 'option-exercised', priceTicks, assignedAccounts })
    return undefined
  }

  /** What each lot of an option pays now; 0 where it pays nothing, or its future trades no more or has no mark. */
  private exerciseTicks(terms: OptionTerms, { specification, maxPriceTicks }: Instrument): number {
    const future = this.underlyingOf(terms)
    if (future === undefined || future.state === stateNumber.expired || future.markTicks === 0) return 0
    const price = decimal(future.markTicks, future.instrument.specification.tickSize)
    return Math.min(intrinsicTicks(terms, price, specification.tickSize), maxPriceTicks)
  }

  /** Whoever is short pays for what is exercised: pro rata. Answers how many do. */
  private assign(instrument: Instrument, lots: number, priceTicks: number, commandId: string): number {
    const { accounts } = this
    const shorts = accounts.holdersOf(instrument.instrumentId).filter(holding => accounts.sizeLots(holding) < 0)
    const shares = assigned(
      lots,
      shorts.map(holding => -accounts.sizeLots(holding)),
    )
    let count = 0
    for (const [index, holding] of shorts.entries()) {
      const share = shares[index] ?? 0
      if (share === 0) continue
      count += 1
      const account = accounts.account(holding)
      const cashMicros = accounts.cashMicros(account)
      this.movePosition(holding, instrument, share, priceTicks, 0)
      const paidMicros = accounts.cashMicros(account) - cashMicros
      this.tellSettled(holding, commandId, 'assignment', priceTicks, -share, paidMicros)
      // What was bid to close the short position would open a long one now: without these orders it is covered.
      if (!this.isCovered(account)) this.closeAll(this.restingOf(account, holding), this.shortCode)
      this.margin?.watch(account)
    }
    return count
  }

  private restingOf(account: AccountRecord, holding: HoldingRecord): Order[] {
    const chosen = this.ordersOf(account, this.accounts.instrumentId(holding))
    return chosen.filter(order => this.orders.level(order) !== noLevel)
  }

  private tellSettled(
    holding: HoldingRecord,
    commandId: string,
    kind: PaymentKind,
    priceTicks: number,
    settledLots: number,
    paidMicros: number,
  ): void {
    const { accounts, told } = this
    const account = accounts.account(holding)
    const at = told.add(positionSettledHeader, positionSettledWords)
    const { words } = told
    words[at + 1] = accounts.idOfRecord(account)
    putIdText(words, at + 2, commandId)
    words[at + 6] = accounts.instrumentId(holding)
    words[at + 7] = paymentKinds.indexOf(kind)
    words[at + 8] = priceTicks
    words[at + 9] = 0
    putLong(words, at + 10, settledLots)
    putLong(words, at + 12, paidMicros)
    putLong(words, at + 14, accounts.sizeLots(holding))
    putLong(words, at + 16, accounts.entryTickLots(holding))
    putLong(words, at + 18, accounts.realisedMicros(holding))
    putLong(words, at + 20, accounts.cashMicros(account))
  }

  /** All open orders of an account, of one instrument or (0) of any. */
  protected ordersOf(account: AccountRecord, instrumentId: number): Order[] {
    const { accounts, orders } = this
    const chosen: Order[] = []
    for (const holding of accounts.holdingsOf(account)) {
      if (instrumentId !== 0 && accounts.instrumentId(holding) !== instrumentId) continue
      for (let order = accounts.firstOrder(holding); order !== none; order = orders.following(order)) chosen.push(order)
    }
    return chosen
  }

  /**
   * By instrument and id: the same whatever came before. In the name of the command whose id lies in `words`; each in
   * its own where none asked for it.
   */
  protected closeAll(
    chosen: Order[],
    reason: CancelReason,
    words: Int32Array = this.orders.words,
    idWord?: number,
  ): void {
    for (const order of this.sorted(chosen)) this.close(order, reason, words, idWord ?? order + idAt)
  }

  protected sorted(chosen: Order[]): Order[] {
    const { accounts, orders } = this
    const instrumentOf = (order: Order): number => accounts.instrumentId(orders.holding(order))
    return chosen.sort(
      (a, b) => instrumentOf(a) - instrumentOf(b) || compareIds(orders.words, a + idAt, orders.words, b + idAt),
    )
  }
}

const isDelivered = ({ terms }: Instrument): boolean => terms.kind === 'future' && terms.delivery !== undefined

/** The contract that is left once a leg or a distribution is paid; otherwise the same. */
const adjusted = (instrument: Instrument, { settlementKind, priceTicks }: SettleInstrument): Instrument => {
  const { settledLegs, distributedTicks, specification, instrumentId, specificationVersion } = instrument
  const adjustment: Adjustment | undefined =
    settlementKind === 'leg'
      ? { settledLegs: settledLegs + 1, distributedTicks }
      : settlementKind === 'distribution'
        ? { settledLegs, distributedTicks: distributedTicks + priceTicks }
        : undefined
  if (adjustment === undefined) return instrument
  const defined = defineInstrument(specification, instrumentId, specificationVersion + 1, adjustment)
  if (!defined.accepted) throw new Error(`${specification.instrumentName} is no contract any more: ${defined.detail}`)
  return defined.value
}

/** What was paid out is no part of the price any more: neither of the last one nor of the mark. */
const lowerPrices = (listing: Listing, ticks: number): void => {
  listing.lastTicks = Math.max(listing.lastTicks - ticks, 0)
  listing.markTicks = Math.max(listing.markTicks - ticks, 0)
  if (listing.velocity !== undefined) listing.velocity = new PriceWatch()
}
