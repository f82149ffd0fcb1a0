import { type AccountRecord, Accounts, type HoldingRecord, reserveMicrosOf } from '../ledger/accounts.ts'
import { feeMicros } from '../ledger/fees.ts'
import type { RejectionCode } from '../outcome.ts'
import type { Instrument } from '../reference/instrument.ts'
import { Levels } from './book.ts'
import type { CancelReason } from './events.ts'
import { cancelReasons } from './events.ts'
import type { LaneMargin } from './lane-margin.ts'
import type { Listing } from './listing.ts'
import { type QuoteGroup, QuoteGroups } from './market-making.ts'
import { eventType, headerOf, wordsOf } from './messages.ts'
import { attentive, idAt, none, type Order, Orders, preventive, traits } from './orders.ts'
import { noLevel } from './price-ladder.ts'
import { copyId, putLong, Tape } from './tape.ts'

/** Numbers that change with every command: doubles in cells of their own, since in a field each new one would be boxed. */
export const laneMillisAt = 0
export const announcedSecondAt = 1
export const depositedAt = 2
export const houseAt = 3

const acceptedWords = 16
const tradeWords = 48
const auctionTradeWords = 52
const legsAt = 8
const legWords = 20
const cancelledWords = 18
const tradeHeader = headerOf(eventType['trade-executed'], tradeWords * 4)
const auctionTradeHeader = headerOf(eventType['auction-trade-executed'], auctionTradeWords * 4)
const cancelledHeader = headerOf(eventType['order-cancelled'], cancelledWords * 4)
/** Where a command's tail begins: plain, and with instructions. */
const plainTailAt = 12

/** Why matching ended before the taker was filled or its limit reached. */
export const goesOn = undefined
export type Stopped = CancelReason | undefined

const { min, max } = Math
const sellBit = 256
const reasonNumbers = new Map(cancelReasons.map((reason, index) => [reason, index]))

/** Orders of all books, what they do to accounts when they meet, and what is told of it. */
export class Matching {
  /** What the engine tells of the record at hand. */
  readonly told = new Tape()
  protected readonly cells = new Float64Array([0, -1, 0, 0])
  readonly lane: number
  protected readonly accounts: Accounts
  protected readonly orders = new Orders()
  protected readonly levels = new Levels()
  /** By instrument id, from 1. */
  protected readonly listings: (Listing | undefined)[] = [undefined]
  /** Something is left to be done once the order at hand is done: quotes to pull, stops or velocity to look at. */
  protected isUnsettled = false
  protected readonly groups = new QuoteGroups()
  protected readonly breached = new Set<QuoteGroup>()
  protected readonly moved = new Set<Listing>()
  /** Whose quote budget has too little left for what they quote. */
  protected readonly exhausted = new Set<AccountRecord>()
  /** From engine version 4 on. */
  protected margin: LaneMargin | undefined

  constructor(lane: number) {
    this.lane = lane
    this.accounts = new Accounts(lane)
  }

  get laneMillis(): number {
    return this.cells[laneMillisAt] as number
  }

  protected listingOf(instrumentId: number): Listing {
    const listing = this.listings[instrumentId]
    if (listing === undefined) throw new Error(`an order of instrument ${instrumentId}, which is not listed`)
    return listing
  }

  /** Counts an order as open, or says why the account cannot carry it; nothing has changed then. */
  protected openVolume(
    holding: HoldingRecord,
    instrument: Instrument,
    sells: boolean,
    ticks: number,
    lots: number,
    reserveMicros: number,
  ): RejectionCode | undefined {
    const { accounts, margin } = this
    if (margin === undefined) return accounts.openVolume(holding, instrument, sells, ticks, lots, reserveMicros)
    const refusal =
      accounts.exposureRefusal(holding, instrument, lots) ?? margin.place(holding, sells, ticks, lots, reserveMicros)
    if (refusal === undefined) accounts.carryVolume(holding, instrument, sells, ticks, lots, reserveMicros)
    return refusal
  }

  /** The same of an order at another price or size in place of one that is open. */
  protected moveVolume(
    holding: HoldingRecord,
    instrument: Instrument,
    sells: boolean,
    fromTicks: number,
    fromLots: number,
    toTicks: number,
    toLots: number,
    addedMicros: number,
  ): RejectionCode | undefined {
    const { accounts, margin } = this
    if (margin === undefined)
      return accounts.moveVolume(holding, instrument, sells, fromTicks, fromLots, toTicks, toLots, addedMicros)
    const exposure = toLots > fromLots ? accounts.exposureRefusal(holding, instrument, toLots - fromLots) : undefined
    const refusal = exposure ?? margin.amend(holding, sells, fromTicks, fromLots, toTicks, toLots, addedMicros)
    if (refusal !== undefined) return refusal
    accounts.closeVolume(holding, instrument, sells, fromTicks, fromLots, 0)
    accounts.carryVolume(holding, instrument, sells, toTicks, toLots, addedMicros)
    return undefined
  }

  /** Takes lots off an open order, and so much off its reserve. */
  protected closeVolume(
    holding: HoldingRecord,
    instrument: Instrument,
    sells: boolean,
    ticks: number,
    lots: number,
    reserveMicros: number,
    isBudgeted = false,
  ): void {
    if (!isBudgeted) this.margin?.cancel(holding, sells, ticks, lots, reserveMicros)
    this.accounts.closeVolume(holding, instrument, sells, ticks, lots, reserveMicros)
  }

  /** Whether margin is put by for all quotes of its account, and none is needed for this one. */
  protected isBudgeted(order: Order): boolean {
    const { orders, accounts, margin } = this
    if ((orders.traits(order) & traits.isQuote) === 0 || margin === undefined) return false
    return margin.hasQuoteBudget(accounts.account(orders.holding(order)))
  }

  /** A quote that its account's budget stands for, as `openVolume` and `moveVolume` are for any other order. */
  protected openQuote(
    holding: HoldingRecord,
    instrument: Instrument,
    sells: boolean,
    ticks: number,
    lots: number,
    { terms }: QuoteGroup,
  ): RejectionCode | undefined {
    // Without a protection nothing would end its fills before the budget does.
    if (terms === undefined || terms.amountLimitLots === 0) return 'outside-quote-budget'
    return this.moveQuote(holding, instrument, sells, ticks, 0, ticks, lots)
  }
  protected moveQuote(
    holding: HoldingRecord,
    instrument: Instrument,
    sells: boolean,
    fromTicks: number,
    fromLots: number,
    toTicks: number,
    toLots: number,
  ): RejectionCode | undefined {
    const { accounts } = this
    const exposure = toLots > fromLots ? accounts.exposureRefusal(holding, instrument, toLots - fromLots) : undefined
    const lotFeeMicros = reserveMicrosOf(instrument, toTicks, 1) + 1
    const refusal = exposure ?? this.margin?.checkQuote(holding, sells, toTicks, toLots, lotFeeMicros)
    if (refusal !== undefined) return refusal
    accounts.closeVolume(holding, instrument, sells, fromTicks, fromLots, 0)
    accounts.carryVolume(holding, instrument, sells, toTicks, toLots, 0)
    return undefined
  }

  /**
   * Lots that come or go at a price without an order, whether or not the account can carry it; refused only where they
   * cannot be counted.
   */
  protected movePosition(
    holding: HoldingRecord,
    instrument: Instrument,
    signedLots: number,
    ticks: number,
    refundMicros: number,
  ): RejectionCode | undefined {
    const paidMicros = signedLots * ticks * instrument.microsPerTickLot - refundMicros
    const refusal = this.margin?.movePosition(holding, signedLots, paidMicros)
    if (refusal === undefined) this.accounts.fillWithoutOrder(holding, instrument, signedLots, ticks, refundMicros)
    return refusal
  }

  /** Undoes it, with both records as `save` found them. */
  protected movePositionBack(
    holding: HoldingRecord,
    instrument: Instrument,
    signedLots: number,
    ticks: number,
    refundMicros: number,
    saved: Float64Array,
  ): void {
    const paidMicros = signedLots * ticks * instrument.microsPerTickLot - refundMicros
    const refusal = this.margin?.movePosition(holding, -signedLots, -paidMicros)
    if (refusal !== undefined) throw new Error(`what was counted before cannot be now: ${refusal}`)
    this.accounts.restore(holding, saved)
  }

  protected isCovered(account: AccountRecord): boolean {
    return this.margin === undefined ? this.accounts.isCovered(account) : this.margin.isCovered(account)
  }

  /** Why an order cannot be carried. */
  protected get shortCode(): 'insufficient-funds' | 'insufficient-margin' {
    return this.margin?.shortCode ?? 'insufficient-funds'
  }

  /** An order that does not rest yet; its id lies in `words`. */
  protected create(
    words: Int32Array,
    at: number,
    holding: HoldingRecord,
    lots: number,
    all: number,
    reserveMicros: number,
  ): Order {
    const { orders } = this
    const order = orders.take()
    orders.setLevel(order, noLevel)
    orders.setHolding(order, holding)
    orders.setQuantityLots(order, lots)
    orders.setFilledLots(order, 0)
    orders.setVisibleLots(order, lots)
    orders.setTraits(order, all)
    copyId(orders.words, order + idAt, words, at)
    orders.setFilledTickLots(order, 0)
    orders.setReserveMicros(order, reserveMicros)
    return order
  }

  /** Makes an order one that is found, counted and listed with its account. */
  protected register(order: Order): void {
    const { orders, accounts } = this
    const holding = orders.holding(order)
    orders.ids.add(order)
    orders.link(order, accounts.firstOrder(holding))
    accounts.setFirstOrder(holding, order)
    accounts.addOpenOrders(holding, 1)
  }

  /** Undoes it. */
  protected forget(order: Order): void {
    const { orders, accounts } = this
    const holding = orders.holding(order)
    orders.ids.remove(order)
    const following = orders.unlink(order)
    if (accounts.firstOrder(holding) === order) accounts.setFirstOrder(holding, following)
    accounts.addOpenOrders(holding, -1)
    this.drop(order)
  }

  /** Of an order that was never registered. */
  protected drop(order: Order): void {
    const { orders } = this
    if ((orders.traits(order) & traits.isQuote) !== 0) {
      const { group } = orders.extrasOf(order)
      group?.orders.delete(order)
      if (group?.orders.size === 0) this.groups.settle(group)
      this.accounts.setQuote(orders.holding(order), orders.isSell(order), none)
    }
    orders.give(order)
  }

  /** Trades an order that does not rest against those that do, as far as its price allows. */
  protected match(taker: Order, listing: Listing, sells: boolean, limitTicks: number): Stopped {
    const { orders } = this
    const { book } = listing
    const takerTraits = orders.traits(taker)
    let remaining = orders.remainingLots(taker)
    while (remaining > 0) {
      const maker = book.next(sells, limitTicks)
      if (maker === none) return goesOn
      const visible = orders.visibleLots(maker)
      let lots = min(visible, remaining)
      if (((takerTraits & (traits.reducesOnly | preventive)) | (orders.traits(maker) & traits.reducesOnly)) !== 0) {
        const isOwn = (takerTraits & preventive) !== 0 && this.isOwn(taker, maker)
        if (isOwn) {
          if ((takerTraits & traits.preventsOldest) !== 0) this.close(maker, 'self-trade', orders.words, maker + idAt)
          if ((takerTraits & traits.preventsNewest) !== 0) return 'self-trade'
          continue
        }
        const reducible = this.reducibleLots(maker, !sells)
        if (reducible === 0) {
          this.close(maker, 'reduce-only', orders.words, maker + idAt)
          continue
        }
        lots = min(lots, reducible, this.reducibleLots(taker, sells))
        if (lots === 0) return 'reduce-only'
      }
      this.trade(listing, maker, taker, sells, limitTicks, lots)
      remaining -= lots
    }
    return goesOn
  }

  /** Whether the taker's prevention counts the maker as its own. */
  protected isOwn(taker: Order, maker: Order): boolean {
    const { orders, accounts } = this
    const [own, other] = [accounts.account(orders.holding(taker)), accounts.account(orders.holding(maker))]
    if (own === other) return true
    const { selfTradeGroup } = orders.extrasOf(taker)
    return (
      selfTradeGroup !== 0 &&
      accounts.firm(own) === accounts.firm(other) &&
      orders.extras.get(maker)?.selfTradeGroup === selfTradeGroup
    )
  }

  /** How much of an order its account's position lets it fill; no bound where it may do more than reduce. */
  protected reducibleLots(order: Order, sells: boolean): number {
    const { orders } = this
    if ((orders.traits(order) & traits.reducesOnly) === 0) return Number.MAX_SAFE_INTEGER
    return this.opposingLots(orders.holding(order), sells)
  }

  /** What an order of this side could close. */
  protected opposingLots(holding: HoldingRecord, sells: boolean): number {
    const size = this.accounts.sizeLots(holding)
    return max(0, sells ? size : -size)
  }

  /** One fill of a resting order by one that does not rest, at the maker's price. */
  private trade(
    listing: Listing,
    maker: Order,
    taker: Order,
    takerSells: boolean,
    limitTicks: number,
    lots: number,
  ): void {
    const { levels, told } = this
    const { instrument } = listing
    const { makerCommissionPpm, takerCommissionPpm } = instrument.specification
    const ticks = levels.ticks(this.orders.level(maker))
    const at = told.add(tradeHeader, tradeWords)
    const { words } = told
    words[at + 1] = instrument.instrumentId
    words[at + 2] = ticks
    words[at + 3] = lots
    const makerFee = this.fill(maker, instrument, !takerSells, ticks, lots, ticks, makerCommissionPpm, at + legsAt)
    const takerAt = at + legsAt + legWords
    const takerFee = this.fill(taker, instrument, takerSells, limitTicks, lots, ticks, takerCommissionPpm, takerAt)
    this.earn(at, makerFee + takerFee)
    this.note(listing, ticks, maker, taker, lots, takerSells)
    putLong(words, at + 6, this.takeOff(listing, maker, !takerSells, lots))
  }

  /** One fill of two resting orders at the price of an auction; both pay as makers. */
  protected auctionTrade(listing: Listing, bid: Order, ask: Order, ticks: number, lots: number): void {
    const { orders, levels, told } = this
    const { instrument } = listing
    const { makerCommissionPpm } = instrument.specification
    const at = told.add(auctionTradeHeader, auctionTradeWords)
    const { words } = told
    words[at + 1] = instrument.instrumentId
    words[at + 2] = ticks
    words[at + 3] = lots
    const bidTicks = levels.ticks(orders.level(bid))
    const askTicks = levels.ticks(orders.level(ask))
    const bidFee = this.fill(bid, instrument, false, bidTicks, lots, ticks, makerCommissionPpm, at + legsAt)
    const askFee = this.fill(ask, instrument, true, askTicks, lots, ticks, makerCommissionPpm, at + legsAt + legWords)
    this.earn(at, bidFee + askFee)
    this.note(listing, ticks, bid, ask, lots, true)
    words[at + 50] = bidTicks
    words[at + 51] = askTicks
    putLong(words, at + 6, this.takeOff(listing, bid, false, lots))
    putLong(words, at + 48, this.takeOff(listing, ask, true, lots))
  }

  private earn(at: number, feesMicros: number): void {
    this.cells[houseAt] = (this.cells[houseAt] as number) + feesMicros
    putLong(this.told.words, at + 4, feesMicros)
  }

  /** Books a fill on one side and writes its leg. Answers the fee. */
  private fill(
    order: Order,
    instrument: Instrument,
    sells: boolean,
    limitTicks: number,
    lots: number,
    ticks: number,
    commissionPpm: number,
    leg: number,
  ): number {
    const { orders, accounts } = this
    const { words } = this.told
    const holding = orders.holding(order)
    const account = accounts.account(holding)
    const filled = orders.filledLots(order) + lots
    const remaining = orders.quantityLots(order) - filled
    const filledTickLots = orders.filledTickLots(order) + lots * ticks
    const reserve = remaining === 0 ? 0 : reserveMicrosOf(instrument, limitTicks, remaining)
    const released = orders.reserveMicros(order) - reserve
    if (this.margin !== undefined) {
      const paid = feeMicros(commissionPpm, ticks * lots * instrument.microsPerTickLot)
      if (!this.isBudgeted(order)) this.margin.fill(holding, sells, limitTicks, lots, ticks, paid, released)
      else if (!this.margin.fillQuote(holding, sells, lots, ticks, paid)) {
        this.exhausted.add(account)
        this.isUnsettled = true
      }
    }
    const fee = accounts.fillVolume(holding, instrument, sells, limitTicks, lots, ticks, commissionPpm, released)
    orders.setFilledLots(order, filled)
    orders.setFilledTickLots(order, filledTickLots)
    orders.setReserveMicros(order, reserve)
    copyId(words, leg, orders.words, order + idAt)
    words[leg + 4] = accounts.idOfRecord(account)
    words[leg + 5] = filled
    words[leg + 6] = remaining
    words[leg + 7] = sells ? 1 : 0
    putLong(words, leg + 8, filledTickLots)
    putLong(words, leg + 10, fee)
    putLong(words, leg + 12, accounts.sizeLots(holding))
    putLong(words, leg + 14, accounts.entryTickLots(holding))
    putLong(words, leg + 16, accounts.realisedMicros(holding))
    putLong(words, leg + 18, accounts.cashMicros(account))
    return fee
  }

  /** Takes filled lots of a resting order off its book. Answers what is visible at its price then. */
  private takeOff(listing: Listing, order: Order, sells: boolean, lots: number): number {
    const { orders, levels } = this
    const level = orders.level(order)
    const remaining = orders.remainingLots(order)
    const visible = orders.visibleLots(order) - lots
    if (remaining > 0 && visible > 0) {
      orders.setVisibleLots(order, visible)
      levels.addLots(level, -lots)
      return levels.lots(level)
    }
    if (remaining > 0) return this.showNext(listing, order, sells, lots)
    const left = levels.lots(level) - lots
    listing.book.remove(order, sells)
    this.forget(order)
    return left
  }

  /** An iceberg whose visible part is gone: the next part goes behind all others at its price. */
  private showNext(listing: Listing, order: Order, sells: boolean, lots: number): number {
    const { orders, levels } = this
    const ticks = levels.ticks(orders.level(order))
    levels.addLots(orders.level(order), -lots)
    orders.setVisibleLots(order, 0)
    listing.book.remove(order, sells)
    orders.setVisibleLots(order, this.visiblePart(order))
    return levels.lots(listing.book.rest(order, sells, ticks))
  }

  protected visiblePart(order: Order): number {
    const { orders } = this
    const remaining = orders.remainingLots(order)
    if ((orders.traits(order) & traits.hides) === 0) return remaining
    return min(remaining, orders.extrasOf(order).displayLots)
  }

  /** What a trade sets off beyond itself. */
  private note(listing: Listing, ticks: number, maker: Order, taker: Order, lots: number, takerSells: boolean): void {
    listing.lastTicks = ticks
    if (listing.isWatched) this.noteMove(listing, ticks)
    const { orders } = this
    if (((orders.traits(maker) | orders.traits(taker)) & attentive) === 0) return
    this.noteQuote(maker, takerSells ? lots : -lots)
    this.noteQuote(taker, takerSells ? -lots : lots)
  }

  private noteQuote(order: Order, signedLots: number): void {
    const { orders } = this
    if ((orders.traits(order) & traits.isQuote) === 0) return
    const { group } = orders.extrasOf(order)
    if (group === undefined || !group.isBreachedBy({ atMillis: this.laneMillis, signedLots })) return
    this.breached.add(group)
    this.isUnsettled = true
  }

  protected noteMove(listing: Listing, ticks: number): void {
    const { controls, velocity } = listing
    if (listing.highTicks < listing.lowTicks) {
      listing.lowTicks = ticks
      listing.highTicks = ticks
    } else {
      listing.lowTicks = min(listing.lowTicks, ticks)
      listing.highTicks = max(listing.highTicks, ticks)
    }
    const point = { atMillis: this.laneMillis, ticks }
    if (velocity?.isTooFast(point, controls.velocityPpm, controls.velocityMillis) === true) listing.isTooFast = true
    this.moved.add(listing)
    this.isUnsettled = true
  }

  /** Cancels what is left of a registered order; the command that asked for it is named in `words`. */
  protected close(order: Order, reason: CancelReason, words: Int32Array, at: number): void {
    const { orders, accounts, levels } = this
    const holding = orders.holding(order)
    const listing = this.listingOf(accounts.instrumentId(holding))
    const sells = orders.isSell(order)
    const level = orders.level(order)
    if (level === noLevel) {
      listing.waiting.delete(order)
      listing.isWatched = listing.waiting.size > 0 || listing.velocity !== undefined
      this.tellCancelled(order, listing, reason, 0, 0, words, at)
    } else {
      const ticks = levels.ticks(level)
      const left = levels.lots(level) - orders.visibleLots(order)
      const remaining = orders.remainingLots(order)
      const isBudgeted = this.isBudgeted(order)
      this.closeVolume(holding, listing.instrument, sells, ticks, remaining, orders.reserveMicros(order), isBudgeted)
      listing.book.remove(order, sells)
      this.tellCancelled(order, listing, reason, ticks, left, words, at)
    }
    this.forget(order)
  }

  protected tellCancelled(
    order: Order,
    listing: Listing,
    reason: CancelReason,
    ticks: number,
    levelLots: number,
    from: Int32Array,
    idWord: number,
  ): void {
    const { orders, told } = this
    const at = told.add(cancelledHeader, cancelledWords)
    const { words } = told
    words[at + 1] = this.accounts.idOfRecord(this.accounts.account(orders.holding(order)))
    copyId(words, at + 2, from, idWord)
    copyId(words, at + 6, orders.words, order + idAt)
    words[at + 10] = orders.filledLots(order)
    words[at + 11] = orders.remainingLots(order)
    words[at + 12] = listing.instrument.instrumentId
    words[at + 13] = ticks
    words[at + 14] = (reasonNumbers.get(reason) as number) | (orders.isSell(order) ? sellBit : 0)
    words[at + 15] = 0
    putLong(words, at + 16, levelLots)
  }

  /** Repeats the order as it was placed, with its effective price. Answers where, for `tellResting`. */
  protected tellAccepted(from: Int32Array, at: number, ticks: number, lots: number): number {
    const { told } = this
    const tail = wordsOf(from[at] as number) - plainTailAt
    const event = told.add(headerOf(eventType['order-accepted'], (acceptedWords + tail) * 4), acceptedWords + tail)
    const { words } = told
    words[event + 1] = from[at + 1] as number
    copyId(words, event + 2, from, at + 2)
    words[event + 6] = from[at + 6] as number
    words[event + 7] = from[at + 7] as number
    words[event + 8] = ticks
    words[event + 9] = lots
    words[event + 10] = from[at + 10] as number
    words[event + 11] = from[at + 11] as number
    words[event + 12] = 0
    words[event + 13] = 0
    words[event + 14] = 0
    words[event + 15] = 0
    for (let word = 0; word < tail; word += 1)
      words[event + acceptedWords + word] = from[at + plainTailAt + word] as number
    return event
  }

  protected tellAcceptedWithInstructions(
    from: Int32Array,
    at: number,
    ticks: number,
    lots: number,
    expiresAtMillis: number,
  ): number {
    const event = this.tellAccepted(from, at, ticks, lots)
    const { words } = this.told
    const tail = wordsOf(from[at] as number) - plainTailAt
    words[event] = headerOf(eventType['order-accepted-with-instructions'], (acceptedWords + tail) * 4)
    putLong(words, event + acceptedWords + 2, expiresAtMillis)
    return event
  }

  /** What of an accepted order has come to rest. */
  protected tellResting(event: number, order: Order): void {
    const { words } = this.told
    words[event + 12] = this.orders.visibleLots(order)
    putLong(words, event + 14, this.levels.lots(this.orders.level(order)))
  }
}
