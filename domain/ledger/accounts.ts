import type { RejectionCode } from '../outcome.ts'
import type { Instrument } from '../reference/instrument.ts'
import { feeMicros } from './fees.ts'
import { closedCost } from './position.ts'
import type { SettledPosition } from './settled-position.ts'

/**
 * Cash, positions and open orders of all accounts, in records of eight doubles (integers all): one line of the cache
 * each. An account or a holding is named by where its record begins; the first one is never used, 0 is none.
 */
export type AccountRecord = number
/** What an account has in one instrument: its position, and the sums of its open orders. */
export type HoldingRecord = number

/** |position| and open orders of one account in one instrument, at the highest price: 2^51. */
export const maxExposureMicros = 2_251_799_813_685_248

/**
 * All cash ever deposited in a lane. As every position is fully funded, open interest at the highest price is never
 * above it and no account's cash above twice of it: everything stays a safe integer.
 */
export const maxDepositedMicros = 4_000_000_000_000_000

/** Hears of what changes in the ledger, whoever changed it: after each change. */
export interface LedgerWatcher {
  /** A position, or the open lots of a side. */
  touched(holding: HoldingRecord): void
  openOrdersChanged(holding: HoldingRecord, change: number): void
  /** Cash that came or went other than by a trade, a fee or a settlement. */
  cashMoved(account: AccountRecord, micros: number): void
}

const { abs, max, min } = Math
const maxSafe = Number.MAX_SAFE_INTEGER

/** Records are named by where they begin; the margin book and the limits count them. */
export const recordShift = 3
const recordLength = 1 << recordShift

const cashAt = 0
/** Requirements of all holdings and fee reserves of all open orders; never above cash. Kept while `isFunding`. */
const requiredAt = 1
const openOrdersAt = 2
const firmAt = 3
const firstHoldingAt = 4
/** Bits of what blocks new orders: see `blocks`. */
const blocksAt = 5
/** What is put by of the cash, and in how many holds. */
const heldAt = 6
const holdsAt = 7

const sizeAt = 0
const entryAt = 1
const realisedAt = 2
const buyLotsAt = 3
const buyTickLotsAt = 4
const sellLotsAt = 5
const sellTickLotsAt = 6
/** Two words in one double: account and instrument id. */
const ownersAt = 7

const linkLength = 4
const nextHoldingAt = 0
const firstOrderAt = 1
const bidQuoteAt = 2
const askQuoteAt = 3

/** Ids of a lane's accounts: so many, and no lane has one of another's. Lane 1 has those from 1 on. */
export const accountIdsOfLane = 2 ** 20
export const mostLanes = 4_096

export const laneOfAccountId = (accountId: number): number => Math.floor((accountId - 1) / accountIdsOfLane) + 1

/** The fee if all of an order fills at its price. A better price brings more than the fee that it adds. */
export const reserveMicrosOf = (instrument: Instrument, priceTicks: number, lots: number): number =>
  feeMicros(instrument.maxCommissionPpm, priceTicks * lots * instrument.microsPerTickLot)

export class Accounts {
  /** One less than the id of the lane's first account. */
  readonly firstId: number
  private accounts = new Float64Array(recordLength << 4)
  private accountsEnd = recordLength
  private holdings = new Float64Array(recordLength << 5)
  private owners = new Int32Array(this.holdings.buffer)
  private links = new Int32Array(linkLength << 5)
  private holdingsEnd = recordLength
  /** By account and instrument: records in slots of open addressing. */
  private slots = new Int32Array(1 << 7)
  private mask = (1 << 7) - 1
  /** Whether the fully funded requirement is kept, and orders are held against it: not where the margin book decides. */
  private isFunding = true
  /** None where nobody asks: a branch. */
  watcher: LedgerWatcher | undefined

  constructor(lane: number) {
    if (!(lane >= 1 && lane <= mostLanes)) throw new RangeError(`lane ${lane} has no account ids`)
    this.firstId = (lane - 1) * accountIdsOfLane
  }

  get count(): number {
    return this.accountsEnd / recordLength - 1
  }

  /** From now on somebody else says what an account can carry. */
  stopFunding(): void {
    this.isFunding = false
  }

  open(firm: number): AccountRecord {
    const account = this.accountsEnd
    this.accountsEnd += recordLength
    if (this.accountsEnd > this.accounts.length) this.accounts = doubled(this.accounts)
    this.accounts[account + firmAt] = firm
    return account
  }

  recordOf(accountId: number): AccountRecord {
    return (accountId - this.firstId) * recordLength
  }
  idOfRecord(account: AccountRecord): number {
    return account / recordLength + this.firstId
  }

  /** 0 where there is none of that id. */
  find(accountId: number): AccountRecord {
    const account = ((accountId >>> 0) - this.firstId) * recordLength
    return account > 0 && account < this.accountsEnd ? account : 0
  }

  cashMicros(account: AccountRecord): number {
    return this.accounts[account + cashAt] as number
  }
  addCash(account: AccountRecord, micros: number): void {
    this.accounts[account + cashAt] = (this.accounts[account + cashAt] as number) + micros
    if (this.watcher !== undefined) this.watcher.cashMoved(account, micros)
  }
  heldMicros(account: AccountRecord): number {
    return this.accounts[account + heldAt] as number
  }
  holds(account: AccountRecord): number {
    return this.accounts[account + holdsAt] as number
  }
  addHold(account: AccountRecord, micros: number, holds: number): void {
    this.accounts[account + heldAt] = this.heldMicros(account) + micros
    this.accounts[account + holdsAt] = this.holds(account) + holds
  }
  requiredMicros(account: AccountRecord): number {
    return this.accounts[account + requiredAt] as number
  }
  openOrders(account: AccountRecord): number {
    return this.accounts[account + openOrdersAt] as number
  }
  addOpenOrders(holding: HoldingRecord, orders: number): void {
    const at = this.account(holding) + openOrdersAt
    this.accounts[at] = (this.accounts[at] as number) + orders
    if (this.watcher !== undefined) this.watcher.openOrdersChanged(holding, orders)
  }
  /** Not zero while a kill switch is on. */
  blocks(account: AccountRecord): number {
    return this.accounts[account + blocksAt] as number
  }
  setBlocks(account: AccountRecord, bits: number): void {
    this.accounts[account + blocksAt] = bits
  }
  firm(account: AccountRecord): number {
    return this.accounts[account + firmAt] as number
  }

  /** Of an account in an instrument; made where there was none. */
  holdingOf(account: AccountRecord, instrumentId: number): HoldingRecord {
    const { slots, mask, owners } = this
    for (let slot = slotOf(account, instrumentId) & mask; ; slot = (slot + 1) & mask) {
      const holding = slots[slot] as number
      if (holding === 0) return this.addHolding(account, instrumentId)
      const at = (holding + ownersAt) * 2
      if (owners[at] === account && owners[at + 1] === instrumentId) return holding
    }
  }

  private addHolding(account: AccountRecord, instrumentId: number): HoldingRecord {
    const holding = this.holdingsEnd
    this.holdingsEnd += recordLength
    if (this.holdingsEnd > this.holdings.length) {
      this.holdings = doubled(this.holdings)
      this.owners = new Int32Array(this.holdings.buffer)
      const links = new Int32Array(this.links.length * 2)
      links.set(this.links)
      this.links = links
    }
    const at = (holding + ownersAt) * 2
    this.owners[at] = account
    this.owners[at + 1] = instrumentId
    this.links[holding / 2 + nextHoldingAt] = this.accounts[account + firstHoldingAt] as number
    this.accounts[account + firstHoldingAt] = holding
    if ((this.holdingsEnd / recordLength) * 2 > this.mask) this.growSlots()
    else this.link(holding)
    return holding
  }

  private link(holding: HoldingRecord): void {
    const { slots, mask } = this
    let slot = slotOf(this.account(holding), this.instrumentId(holding)) & mask
    while (slots[slot] !== 0) slot = (slot + 1) & mask
    slots[slot] = holding
  }

  private growSlots(): void {
    this.slots = new Int32Array(this.slots.length * 2)
    this.mask = this.slots.length - 1
    for (let holding = recordLength; holding < this.holdingsEnd; holding += recordLength) this.link(holding)
  }

  /** Off the busy path: ascending by instrument. */
  holdingsOf(account: AccountRecord): HoldingRecord[] {
    const all: HoldingRecord[] = []
    for (
      let holding = this.accounts[account + firstHoldingAt] as number;
      holding !== 0;
      holding = this.links[holding / 2 + nextHoldingAt] as number
    )
      all.push(holding)
    return all.sort((a, b) => this.instrumentId(a) - this.instrumentId(b))
  }

  /** Off the busy path: all that hold a position in an instrument, ascending by account. */
  holdersOf(instrumentId: number): HoldingRecord[] {
    const all: HoldingRecord[] = []
    for (let holding = recordLength; holding < this.holdingsEnd; holding += recordLength)
      if (this.instrumentId(holding) === instrumentId && this.sizeLots(holding) !== 0) all.push(holding)
    return all.sort((a, b) => this.account(a) - this.account(b))
  }

  /** Off the busy path: all there are, in no order of use. */
  eachHolding(look: (holding: HoldingRecord) => void): void {
    for (let holding = recordLength; holding < this.holdingsEnd; holding += recordLength) look(holding)
  }

  /** In no order of use to anyone but who looks at all of them; 0 is none. */
  firstHolding(account: AccountRecord): HoldingRecord {
    return this.accounts[account + firstHoldingAt] as number
  }
  nextHolding(holding: HoldingRecord): HoldingRecord {
    return this.links[(holding >> 1) + nextHoldingAt] as number
  }

  account(holding: HoldingRecord): AccountRecord {
    return this.owners[(holding + ownersAt) * 2] as number
  }
  /** Of the account that holds it. */
  idOf(holding: HoldingRecord): number {
    return this.idOfRecord(this.account(holding))
  }
  instrumentId(holding: HoldingRecord): number {
    return this.owners[(holding + ownersAt) * 2 + 1] as number
  }
  firstOrder(holding: HoldingRecord): number {
    return this.links[(holding >> 1) + firstOrderAt] as number
  }
  setFirstOrder(holding: HoldingRecord, order: number): void {
    this.links[(holding >> 1) + firstOrderAt] = order
  }
  quote(holding: HoldingRecord, sells: boolean): number {
    return this.links[(holding >> 1) + (sells ? askQuoteAt : bidQuoteAt)] as number
  }
  setQuote(holding: HoldingRecord, sells: boolean, order: number): void {
    this.links[(holding >> 1) + (sells ? askQuoteAt : bidQuoteAt)] = order
  }

  /** Signed: short is negative. */
  sizeLots(holding: HoldingRecord): number {
    return this.holdings[holding + sizeAt] as number
  }
  /** Signed entry cost of what is open, in ticks times lots. */
  entryTickLots(holding: HoldingRecord): number {
    return this.holdings[holding + entryAt] as number
  }
  /** Of all orders that are open, stops that wait left out. */
  buyLots(holding: HoldingRecord): number {
    return this.holdings[holding + buyLotsAt] as number
  }
  sellLots(holding: HoldingRecord): number {
    return this.holdings[holding + sellLotsAt] as number
  }
  /** Since the position was first opened, fees not included. */
  realisedMicros(holding: HoldingRecord): number {
    return this.holdings[holding + realisedAt] as number
  }

  /** For a snapshot that is read: before any order is opened. */
  setPosition(holding: HoldingRecord, instrument: Instrument, size: number, entry: number, realised: number): void {
    const { holdings } = this
    const before = this.requirementMicros(holding, instrument)
    holdings[holding + sizeAt] = size
    holdings[holding + entryAt] = entry
    holdings[holding + realisedAt] = realised
    const at = this.account(holding) + requiredAt
    this.accounts[at] = (this.accounts[at] as number) + this.requirementMicros(holding, instrument) - before
  }

  /** Lots that come or go without a price: collateral. */
  addLots(holding: HoldingRecord, lots: number): void {
    this.holdings[holding + sizeAt] = this.sizeLots(holding) + lots
  }

  /**
   * The most that a holding can still lose of the account's cash, whatever fills and wherever in [0, highest price] the
   * contract settles.
   *
   * Let some part of the open orders fill, b of the buys and s of the sells, and the contract settle at P. The holding
   * then costs V + paid(b) − received(s) − (size + b − s) × P, where V is the signed entry cost: linear in P, so the
   * worst P is 0 or the cap. At 0 every buy costs its price and every sell brings its own: worst is all buys and no
   * sells, V + B. At the cap a buy costs price − cap, never above 0, and a sell cap − price, never below: worst is all
   * sells and no buys, V − size × cap + cap × S − N. Both are reached by a subset of fills, so the maximum is exact.
   *
   * The order of fills does not matter: closing a part realises exactly what it adds to V beside the trade itself
   * (V' = V ± trade + realised), so cash − requirement moves as if nothing were ever closed. A fill at the order's price
   * moves one branch by nothing and lowers the other; a better price lowers both by at least the improvement. So fills
   * never push the requirement above cash, and cash never below zero.
   */
  requirementMicros(holding: HoldingRecord, instrument: Instrument): number {
    const { holdings } = this
    const entry = holdings[holding + entryAt] as number
    const atZero = entry + (holdings[holding + buyTickLotsAt] as number)
    const shortLots = (holdings[holding + sellLotsAt] as number) - (holdings[holding + sizeAt] as number)
    const atCap = entry + shortLots * instrument.maxPriceTicks - (holdings[holding + sellTickLotsAt] as number)
    return max(atZero, atCap) * instrument.microsPerTickLot
  }

  private addVolume(holding: HoldingRecord, sells: boolean, priceTicks: number, lots: number): void {
    const { holdings } = this
    const at = holding + (sells ? sellLotsAt : buyLotsAt)
    holdings[at] = (holdings[at] as number) + lots
    holdings[at + 1] = (holdings[at + 1] as number) + priceTicks * lots
  }

  /** Counts an order as open, or says why the account cannot carry it; nothing has changed then. */
  openVolume(
    holding: HoldingRecord,
    instrument: Instrument,
    sells: boolean,
    priceTicks: number,
    lots: number,
    reserveMicros: number,
  ): RejectionCode | undefined {
    const { accounts } = this
    const refusal = this.exposureRefusal(holding, instrument, lots)
    if (refusal !== undefined) return refusal
    const account = this.account(holding)
    const before = this.requirementMicros(holding, instrument)
    this.addVolume(holding, sells, priceTicks, lots)
    const required =
      (accounts[account + requiredAt] as number) + this.requirementMicros(holding, instrument) - before + reserveMicros
    if (required > (accounts[account + cashAt] as number)) {
      this.addVolume(holding, sells, priceTicks, -lots)
      return 'insufficient-funds'
    }
    accounts[account + requiredAt] = required
    return undefined
  }

  /** The same of an order that the account can carry, as somebody else has said. */
  carryVolume(
    holding: HoldingRecord,
    instrument: Instrument,
    sells: boolean,
    priceTicks: number,
    lots: number,
    reserveMicros: number,
  ): void {
    this.closeVolume(holding, instrument, sells, priceTicks, -lots, -reserveMicros)
  }

  /** An order at another price or size in place of one that is open, or why the account cannot carry it. */
  moveVolume(
    holding: HoldingRecord,
    instrument: Instrument,
    sells: boolean,
    fromTicks: number,
    fromLots: number,
    toTicks: number,
    toLots: number,
    addedReserveMicros: number,
  ): RejectionCode | undefined {
    const { holdings, accounts } = this
    const addedLots = toLots - fromLots
    if (addedLots > 0) {
      const refusal = this.exposureRefusal(holding, instrument, addedLots)
      if (refusal !== undefined) return refusal
    }
    const account = this.account(holding)
    const before = this.requirementMicros(holding, instrument)
    const at = holding + (sells ? sellLotsAt : buyLotsAt)
    const tickLots = toTicks * toLots - fromTicks * fromLots
    holdings[at] = (holdings[at] as number) + addedLots
    holdings[at + 1] = (holdings[at + 1] as number) + tickLots
    const required =
      (accounts[account + requiredAt] as number) +
      this.requirementMicros(holding, instrument) -
      before +
      addedReserveMicros
    if (required > (accounts[account + cashAt] as number)) {
      holdings[at] = (holdings[at] as number) - addedLots
      holdings[at + 1] = (holdings[at + 1] as number) - tickLots
      return 'insufficient-funds'
    }
    accounts[account + requiredAt] = required
    return undefined
  }

  /** Whether so many more lots could still be counted. */
  exposureRefusal(holding: HoldingRecord, instrument: Instrument, addedLots: number): RejectionCode | undefined {
    const { holdings } = this
    const exposureLots =
      abs(holdings[holding + sizeAt] as number) +
      (holdings[holding + buyLotsAt] as number) +
      (holdings[holding + sellLotsAt] as number) +
      addedLots
    const exposureMicros = exposureLots * instrument.maxPriceTicks * instrument.microsPerTickLot
    // Filling all of it can realise no more than that either, so the sum of results stays safe as well.
    if (exposureMicros > maxExposureMicros) return 'notional-too-large'
    if (abs(holdings[holding + realisedAt] as number) + exposureMicros > maxSafe) return 'notional-too-large'
    return undefined
  }

  /**
   * Whether the position could grow beyond its limit if so many lots, and all that is open on their side, filled. Of a
   * contract that has one.
   */
  isBeyondLimit(holding: HoldingRecord, { positionLimitLots }: Instrument, sells: boolean, lots: number): boolean {
    const { holdings } = this
    const size = holdings[holding + sizeAt] as number
    const open = holdings[holding + (sells ? sellLotsAt : buyLotsAt)] as number
    return (sells ? -size : size) + open + lots > positionLimitLots
  }

  /** Takes lots off an open order, and so much off its reserve. */
  closeVolume(
    holding: HoldingRecord,
    instrument: Instrument,
    sells: boolean,
    priceTicks: number,
    lots: number,
    reserveMicros: number,
  ): void {
    if (!this.isFunding) {
      this.addVolume(holding, sells, priceTicks, -lots)
      if (this.watcher !== undefined) this.watcher.touched(holding)
      return
    }
    const before = this.requirementMicros(holding, instrument)
    this.addVolume(holding, sells, priceTicks, -lots)
    const at = this.account(holding) + requiredAt
    this.accounts[at] =
      (this.accounts[at] as number) + this.requirementMicros(holding, instrument) - before - reserveMicros
  }

  /**
   * Fills lots of an open order at a price not worse than its own: what reduces the position closes first, the rest
   * opens. `releasedMicros` of the order's reserve are no longer needed. Answers the fee, which cash has paid.
   */
  fillVolume(
    holding: HoldingRecord,
    instrument: Instrument,
    sells: boolean,
    priceTicks: number,
    lots: number,
    tradeTicks: number,
    commissionPpm: number,
    releasedMicros: number,
  ): number {
    const { holdings, accounts } = this
    const { microsPerTickLot } = instrument
    const account = this.account(holding)
    const before = this.isFunding ? this.requirementMicros(holding, instrument) : 0
    const realised = this.fillPosition(holding, sells ? -lots : lots, tradeTicks, microsPerTickLot)
    holdings[holding + realisedAt] = (holdings[holding + realisedAt] as number) + realised
    this.addVolume(holding, sells, priceTicks, -lots)
    const fee = feeMicros(commissionPpm, tradeTicks * lots * microsPerTickLot)
    accounts[account + cashAt] = (accounts[account + cashAt] as number) + realised - fee
    if (!this.isFunding) {
      if (this.watcher !== undefined) this.watcher.touched(holding)
      return fee
    }
    accounts[account + requiredAt] =
      (accounts[account + requiredAt] as number) + this.requirementMicros(holding, instrument) - before - releasedMicros
    return fee
  }

  /**
   * A fill of no order, whether or not the account can carry it: what a trade that is taken back, or an option that is
   * exercised, does to a position. `refundMicros` are the fee of the former.
   */
  fillWithoutOrder(
    holding: HoldingRecord,
    instrument: Instrument,
    signedLots: number,
    ticks: number,
    refundMicros: number,
  ): void {
    const { holdings, accounts } = this
    const account = this.account(holding)
    const before = this.requirementMicros(holding, instrument)
    const realised = this.fillPosition(holding, signedLots, ticks, instrument.microsPerTickLot)
    holdings[holding + realisedAt] = (holdings[holding + realisedAt] as number) + realised
    accounts[account + cashAt] = (accounts[account + cashAt] as number) + realised + refundMicros
    accounts[account + requiredAt] =
      (accounts[account + requiredAt] as number) + this.requirementMicros(holding, instrument) - before
    this.watcher?.touched(holding)
  }

  /** Pays a holding, in a contract that is another one from then on. */
  settle(holding: HoldingRecord, before: Instrument, after: Instrument, settled: SettledPosition): void {
    const { holdings, accounts } = this
    const account = this.account(holding)
    const required = this.requirementMicros(holding, before)
    holdings[holding + sizeAt] = settled.sizeLots
    holdings[holding + entryAt] = settled.entryTickLots
    holdings[holding + realisedAt] = (holdings[holding + realisedAt] as number) + settled.paidMicros
    accounts[account + cashAt] = (accounts[account + cashAt] as number) + settled.paidMicros
    accounts[account + requiredAt] =
      (accounts[account + requiredAt] as number) + this.requirementMicros(holding, after) - required
    this.watcher?.touched(holding)
  }

  /** Whether position and open orders are within what can be counted. */
  isBounded(holding: HoldingRecord, instrument: Instrument): boolean {
    return this.exposureRefusal(holding, instrument, 0) === undefined
  }

  isCovered(account: AccountRecord): boolean {
    return (this.accounts[account + requiredAt] as number) <= (this.accounts[account + cashAt] as number)
  }

  /** Both records as they are, to be put back by `restore`. */
  save(holding: HoldingRecord): Float64Array {
    const account = this.account(holding)
    const saved = new Float64Array(2 * recordLength)
    saved.set(this.holdings.subarray(holding, holding + recordLength))
    saved.set(this.accounts.subarray(account, account + recordLength), recordLength)
    return saved
  }
  restore(holding: HoldingRecord, saved: Float64Array): void {
    const account = this.account(holding)
    this.holdings.set(saved.subarray(0, recordLength), holding)
    this.accounts.set(saved.subarray(recordLength), account)
    this.watcher?.touched(holding)
  }

  /** Answers the realised result in micros. */
  private fillPosition(holding: HoldingRecord, signedLots: number, ticks: number, microsPerTickLot: number): number {
    const { holdings } = this
    const size = holdings[holding + sizeAt] as number
    const entry = holdings[holding + entryAt] as number
    holdings[holding + sizeAt] = size + signedLots
    if (size === 0 || size > 0 === signedLots > 0) {
      holdings[holding + entryAt] = entry + signedLots * ticks
      return 0
    }
    const held = abs(size)
    const lots = abs(signedLots)
    const closed = min(lots, held)
    const paid = closedCost(abs(entry), closed, held)
    const opened = lots - closed
    holdings[holding + entryAt] = entry + (size > 0 ? -paid : paid) + (signedLots > 0 ? opened : -opened) * ticks
    return (size > 0 ? closed * ticks - paid : paid - closed * ticks) * microsPerTickLot
  }
}

const slotOf = (account: AccountRecord, instrumentId: number): number => {
  const mixed = Math.imul(account ^ Math.imul(instrumentId, 0x9e3779b1), 0x85ebca6b)
  return mixed ^ (mixed >>> 15)
}

const doubled = (reals: Float64Array<ArrayBuffer>): Float64Array<ArrayBuffer> => {
  const larger = new Float64Array(reals.length * 2)
  larger.set(reals)
  return larger
}
