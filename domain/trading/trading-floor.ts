import {
  type AccountRecord,
  type HoldingRecord,
  maxDepositedMicros,
  maxExposureMicros,
  reserveMicrosOf,
} from '../ledger/accounts.ts'
import { type RejectionCode, rejectionCodes } from '../outcome.ts'
import { type Instrument, maxInt32, noPositionLimit } from '../reference/instrument.ts'
import { BidGates, maxHolds } from './bid-gates.ts'
import type { Level } from './book.ts'
import { readCommand, writeCommand } from './command-messages.ts'
import type {
  ActivateEngineVersion,
  BustTrade,
  CancelOrders,
  CaptureHold,
  Command,
  Deposit,
  InstrumentQuote,
  OpenAccount,
  PlaceHold,
  PlaceOrder,
  Quote,
  ReleaseHold,
  RiskEpochBegin,
  RiskEpochChunk,
  RiskEpochCommit,
  SetDeadMan,
  SetKillSwitch,
  SetMarketControls,
  SetMarketMakerProtection,
  SetMarkPrice,
  SetQuoteBudget,
  SetTradingState,
  Withdraw,
} from './commands.ts'
import { mostIcebergParts, noHash } from './commands.ts'
import { ContractLife, type Refusal } from './contract-life.ts'
import { DeliveryObligations } from './delivery-obligations.ts'
import {
  firstEngineVersion,
  requireEngineVersion,
  versionOfJointMargin,
  versionOfMargin,
  versionOfToldClips,
} from './engine-version.ts'
import { readEvent, writeEvent } from './event-messages.ts'
import type { Event, StateCause, TradeLeg } from './events.ts'
import { fillableLots } from './fill-or-kill.ts'
import { idTextAt, noId, putIdText } from './identifiers.ts'
import { LaneCash } from './lane-cash.ts'
import { LaneCredit } from './lane-credit.ts'
import { LaneMargin, maxCashMicros } from './lane-margin.ts'
import { LimitDesk } from './limit-desk.ts'
import { blockCodeOf, Liquidations } from './liquidations.ts'
import type { Listing } from './listing.ts'
import { stateNumber, tradingStates } from './market-controls.ts'
import type { QuoteGroup } from './market-making.ts'
import { announcedSecondAt, depositedAt, goesOn, houseAt, laneMillisAt, type Stopped } from './matching.ts'
import { commandType, eventType, headerOf, typeOf, wordsOf } from './messages.ts'
import { type Extras, idAt, noExtras, none, type Order, preventive, traits } from './orders.ts'
import { noLevel } from './price-ladder.ts'
import { RecentCommands } from './recent-commands.ts'
import { copyId, putLong, Tape, textWords } from './tape.ts'
import { Timers } from './timers.ts'
import { Treasury } from './treasury.ts'
import { type Depth, uncrossPrice } from './uncross.ts'
import { PriceWatch } from './velocity.ts'

const maxAccounts = 1_000_000
const maxOpenOrders = 10_000
/** Orders good for the day end with it, in UTC. */
const dayMillis = 86_400_000

const rejectedWords = 14
const amendedWords = 20
const plainTailAt = 12
const amendedHeader = headerOf(eventType['order-amended'], amendedWords * 4)
const commandRejectedHeader = headerOf(eventType['command-rejected'], 32)
const duplicatedHeader = headerOf(eventType['command-duplicated'], 24)
const timeAdvancedHeader = headerOf(eventType['time-advanced'], 16)

const codeNumbers = new Map(rejectionCodes.map((code, index) => [code, index]))
const placeOrder = commandType['place-order']
const placeOrderWithInstructions = commandType['place-order-with-instructions']
const cancelOrder = commandType['cancel-order']
const amendOrder = commandType['amend-order']
const activateEngineVersion = commandType['activate-engine-version']
const listInstrument = commandType['list-instrument']
const listContract = commandType['list-contract']

/** Bits of what blocks an account. */
export const blockedByAccount = 1
const blockedByFirm = 2
const blockedByLane = 4

interface DeadMan {
  readonly timeoutMillis: number
  readonly expiresAtMillis: number
}

/**
 * A lane's exchange, deterministic: the same commands at the same times give the same events and the same state. It
 * reads no clock and waits for nothing; it speaks by the events that it tells. Commands come and events go as messages
 * in words (docs/protocol/orders.md, executions.md).
 */
export class TradingFloor extends ContractLife {
  private readonly treasury = new Treasury({
    accounts: this.accounts,
    listings: this.listings,
    told: this.told,
    margin: () => this.requireMargin(),
  })
  /** Of the rules: see engine-version.ts. */
  protected version: number = firstEngineVersion
  protected readonly recent = new RecentCommands()
  /** By account id, from 1. */
  protected readonly accountNames: string[] = ['']
  protected readonly accountIds = new Map<string, number>()
  protected readonly firmNames: string[] = ['']
  private readonly firmIds = new Map<string, number>()
  protected readonly deadMen = new Map<number, DeadMan>()
  protected readonly killedFirms = new Set<number>()
  protected isLaneKilled = false
  /** Trades that were reversed: not twice. */
  protected readonly busted = new Set<string>()
  protected readonly timers = new Timers()
  protected readonly liquidations = new Liquidations({
    accounts: this.accounts,
    listings: this.listings,
    told: this.told,
    margin: () => this.requireMargin(),
    isSatellite: account => this.laneCredit.isSatellite(account),
    cancelAll: (account, words, idWord) => {
      const chosen = this.ordersOf(account, 0)
      this.closeAll(chosen, 'liquidation', words, idWord)
      return chosen.length
    },
    entryRefusal: (listing, sells, ticks) => {
      const refusal = this.isContinuous(listing) ? undefined : refusalInState(this.stateOf(listing), false)
      return (
        refusal ??
        (listing.controls.bandPpm !== 0 && isOutsideBand(listing, sells, ticks) ? 'price-outside-band' : undefined)
      )
    },
    isOpenOrder: (words, idWord) => this.orders.ids.find(words, idWord) !== none,
    trade: (placed, holding, listing, reserveMicros) => this.tradeUnchecked(placed, holding, listing, reserveMicros),
    movePosition: (holding, instrument, lots, ticks) => this.movePosition(holding, instrument, lots, ticks, 0),
    movePositionBack: (holding, instrument, lots, ticks, saved) =>
      this.movePositionBack(holding, instrument, lots, ticks, 0, saved),
  })
  protected readonly bidGates = new BidGates({
    accounts: this.accounts,
    listings: this.listings,
    told: this.told,
    margin: () => this.requireMargin(),
    isOpen: listing => this.isOpen(listing),
    movePosition: (holding, instrument, lots, ticks, refundMicros) =>
      this.movePosition(holding, instrument, lots, ticks, refundMicros),
    movePositionBack: (holding, instrument, lots, ticks, refundMicros, saved) =>
      this.movePositionBack(holding, instrument, lots, ticks, refundMicros, saved),
    earn: micros => {
      this.cells[houseAt] = (this.cells[houseAt] as number) + micros
    },
  })
  protected readonly deliveries = new DeliveryObligations({
    accounts: this.accounts,
    listings: this.listings,
    told: this.told,
    margin: () => this.requireMargin(),
    settleFinally: (listing, commandId, ticks, tellMore) => this.settleFinally(listing, commandId, ticks, tellMore),
  })
  protected readonly limitDesk = new LimitDesk({
    accounts: this.accounts,
    orders: this.orders,
    listings: this.listings,
    firmNames: this.firmNames,
    firmIds: this.firmIds,
    told: this.told,
    margin: () => this.requireMargin(),
    laneMillis: () => this.laneMillis,
    engineVersion: () => this.version,
  })
  protected readonly laneCredit = new LaneCredit({
    lane: this.lane,
    accounts: this.accounts,
    told: this.told,
    margin: () => this.requireMargin(),
    laneMillis: () => this.laneMillis,
    callMargin: account => this.tellMarginCall(this.requireMargin(), account),
    isJoint: () => this.version >= versionOfJointMargin,
    isInLiquidation: account => this.liquidations.idOf(account) !== undefined,
  })
  protected readonly laneCash = new LaneCash({
    accounts: this.accounts,
    told: this.told,
    margin: () => this.requireMargin(),
    laneMillis: () => this.laneMillis,
    accountIn: (account, lane) => this.laneCredit.accountIn(account, lane),
    liquidationOf: account => this.liquidations.idOf(account),
    deposit: micros => {
      const deposited = (this.cells[depositedAt] as number) + micros
      if (deposited > maxDepositedMicros) return false
      this.cells[depositedAt] = deposited
      return true
    },
  })
  private readonly scratch = new Tape(64)
  /** The order that a side of a quote becomes. */
  private readonly quoted = new Tape(plainTailAt)

  /** Which rules it follows, and so which messages it knows. */
  get engineVersion(): number {
    return this.version
  }

  /** Moves lane time, for every record before its commands; says so once for each second that it enters. */
  advance(atMillis: number): void {
    this.moveTo(atMillis)
    const second = Math.floor(this.laneMillis / 1000)
    if (second > (this.cells[announcedSecondAt] as number)) {
      this.cells[announcedSecondAt] = second
      const at = this.told.add(timeAdvancedHeader, 4)
      this.told.words[at + 1] = 0
      putLong(this.told.words, at + 2, second * 1000)
    }
    this.fireDue()
  }

  private moveTo(atMillis: number): void {
    if (atMillis <= this.laneMillis) return
    this.cells[laneMillisAt] = atMillis
    this.limitDesk.advance(atMillis)
  }

  private fireDue(): void {
    while (this.timers.isDue(this.laneMillis)) this.fire()
    this.laneCredit.turn()
    this.laneCash.turn()
    if (this.margin?.hasDue === true) this.callMargin(this.margin)
    this.limitDesk.tellBreaches()
    if (this.laneCredit.isAsking) this.laneCredit.flush()
  }

  /**
   * Applies the command that begins at a word; it is known to be well-formed for an engine of this version. Throws EngineVersionUnknown, of which
   * nothing has changed, on one that asks for rules that this code does not have.
   */
  apply(words: Int32Array, at: number): void {
    const type = typeOf(words[at] as number)
    if (type === activateEngineVersion) this.requireRules((words[at + 6] as number) >>> 0)
    const isOrder = type === placeOrder || type === placeOrderWithInstructions
    const isNew = this.recent.add(words, at + 2, isOrder ? (words[at + 1] as number) : 0)
    // An open order may be older than all commands that are remembered.
    if (!isNew || (isOrder && this.orders.ids.find(words, at + 2) !== none)) {
      this.tellDuplicate(words, at)
      return
    }
    const refusal = this.decide(type, words, at)
    if (refusal !== undefined) this.tellRefusal(type, words, at, refusal)
    if (this.isUnsettled) this.settle()
    const { margin } = this
    if (margin === undefined) return
    margin.remark()
    if (margin.hasDue) this.callMargin(margin)
    this.limitDesk.tellBreaches()
    if (this.laneCredit.isAsking) this.laneCredit.flush()
  }

  /** Applies so many commands, the first at a word. Answers where they end. */
  applyAll(words: Int32Array, from: number, count: number): number {
    let at = from
    for (let command = 0; command < count; command += 1) {
      this.apply(words, at)
      at += wordsOf(words[at] as number)
    }
    return at
  }

  /** The same with objects, for whoever is not in a hurry: what falls due, and what the command leads to. */
  enter(command: Command, atMillis: number): Event[] {
    this.told.clear()
    this.moveTo(atMillis)
    this.fireDue()
    this.scratch.clear()
    writeCommand(this.scratch, command)
    this.apply(this.scratch.words, 0)
    return this.events()
  }

  /** What is told, as objects. */
  events(): Event[] {
    const { words, length } = this.told
    const events: Event[] = []
    for (let at = 0; at < length; at += wordsOf(words[at] as number)) events.push(readEvent(words, at))
    return events
  }

  /** Changes what is to change and tells it, or says why not: nothing has changed then. */
  private decide(type: number, words: Int32Array, at: number): Refusal {
    switch (type) {
      case placeOrder:
        return this.placeOrder(words, at)
      case cancelOrder:
        return this.cancelOrder(words, at)
      case amendOrder:
        return this.amendOrder(words, at)
      default:
        return this.decideRare(readCommand(words, at), words, at)
    }
  }

  private decideRare(command: Command, words: Int32Array, at: number): Refusal {
    switch (command.type) {
      case 'place-order':
        return this.placeOrderWithInstructions(command, words, at)
      case 'cancel-orders':
        return this.cancelOrders(command, words, at)
      case 'open-account':
        return this.openAccount(command)
      case 'deposit':
        return this.deposit(command)
      case 'list-instrument':
        return this.listInstrument(command)
      case 'expire-instrument':
        return this.expireInstrument(command.instrumentId, command.commandId, words, at + 2)
      case 'set-trading-state':
        return this.setTradingState(command)
      case 'set-market-controls':
        return this.setMarketControls(command)
      case 'set-mark-price':
        return this.setMarkPrice(command)
      case 'set-mark-prices': {
        let refusals = 0
        for (const mark of command.marks) {
          const isEnded = this.listings[mark.instrumentId]?.state === stateNumber.expired
          const { commandId } = command
          if (isEnded || this.setMarkPrice({ type: 'set-mark-price', commandId, ...mark }) !== undefined) refusals += 1
          if (this.isUnsettled) this.settle()
        }
        return refusals === command.marks.length ? 'unknown-instrument' : undefined
      }
      case 'delist-instrument':
        return this.delistInstrument(command.instrumentId, command.commandId, words, at + 2)
      case 'settle-instrument': {
        const refusal = this.settleInstrument(command, words, at + 2)
        // A contract of which a part is paid has another mark, and its ticks may be worth less.
        if (refusal === undefined) this.limitDesk.marked(command.instrumentId)
        return refusal
      }
      case 'exercise-option':
        return this.exerciseOption(command)
      case 'quote':
        return this.quote(command, words, at)
      case 'set-market-maker-protection':
        return this.setProtection(command)
      case 'reset-market-maker-protection': {
        if (this.accounts.find(command.accountId) === 0) return 'unknown-account'
        const group = this.groups.find(command.accountId, command.groupHash)
        if (group?.terms === undefined) return 'unknown-protection'
        group.frozenUntilMillis = 0
        group.fills = []
        writeEvent(this.told, { ...command, type: 'protection-reset' })
        return undefined
      }
      case 'set-dead-man':
        return this.setDeadMan(command)
      case 'set-kill-switch':
        return this.setKillSwitch(command, words, at)
      case 'bust-trade':
        return this.bustTrade(command)
      case 'activate-engine-version':
        return this.activateVersion(command)
      case 'risk-epoch-begin':
        return this.beginEpoch(command)
      case 'risk-epoch-chunk':
        return this.takeEpochChunk(command)
      case 'risk-epoch-commit':
        return this.commitEpoch(command)
      case 'withdraw':
        return this.withdraw(command)
      case 'place-hold':
        return this.placeHold(command)
      case 'capture-hold':
        return this.captureHold(command)
      case 'release-hold':
        return this.releaseHold(command)
      case 'transfer':
        return this.treasury.transfer(command)
      case 'deposit-collateral':
        return this.treasury.depositCollateral(command)
      case 'withdraw-collateral':
        return this.treasury.withdrawCollateral(command)
      case 'begin-liquidation':
        return this.liquidations.begin(command, words, at + 2)
      case 'liquidate-position':
        return this.liquidations.reduce(command)
      case 'transfer-position':
        return this.liquidations.transfer(command)
      case 'cover-loss':
        return this.liquidations.cover(command)
      case 'haircut-gains':
        return this.liquidations.haircut(command)
      case 'end-liquidation':
        return this.liquidations.end(command)
      case 'set-risk-limits':
        return this.limitDesk.set(command)
      case 'scale-risk-limits':
        return this.limitDesk.scale(command)
      case 'set-quote-budget':
        return this.setQuoteBudget(command)
      case 'set-gate':
        return this.bidGates.set(command)
      case 'hold-bid':
        return this.bidGates.hold(command)
      case 'withdraw-bid':
        return this.bidGates.withdraw(command)
      case 'award-lots':
        return this.bidGates.award(command)
      case 'post-payment':
        return this.treasury.post(command)
      case 'obligate-deliveries':
        return this.deliveries.obligate(command)
      case 'settle-delivery':
        return this.deliveries.settle(command)
      case 'join-lane':
        return this.laneCredit.join(command)
      case 'grant-budget':
        return this.laneCredit.grant(command)
      case 'tell-budget':
        return this.laneCredit.hear(command)
      case 'ask-budget':
        return this.laneCredit.ask(command)
      case 'need-budget':
        return this.laneCredit.need(command)
      case 'send-cash':
        return this.laneCash.send(command)
      case 'receive-cash':
        return this.laneCash.receive(command)
      case 'confirm-cash':
        return this.laneCash.confirm(command)
      case 'join-liquidation':
        return this.liquidations.join(command, words, at + 2)
      case 'cancel-order':
      case 'amend-order':
        throw new Error(`${command.type} is no rare command`)
    }
  }

  private setMarkPrice(command: SetMarkPrice): Refusal {
    const listing = this.listings[command.instrumentId]
    if (listing === undefined) return 'unknown-instrument'
    if (command.markTicks < 1 || command.markTicks > listing.instrument.maxPriceTicks) return 'price-out-of-range'
    listing.markTicks = command.markTicks
    this.limitDesk.marked(command.instrumentId)
    writeEvent(this.told, { ...command, type: 'mark-price-set' })
    if (this.margin?.isBeyondScan(command.instrumentId, command.markTicks) === true) this.tellEpochDue(listing)
    this.limitDesk.sweep()
    listing.lowMarkTicks = command.markTicks
    listing.highMarkTicks = command.markTicks
    this.lookAt(listing)
    return undefined
  }

  private placeOrder(words: Int32Array, at: number): Refusal {
    const { accounts } = this
    const account = accounts.find(words[at + 1] as number)
    if (account === none) return 'unknown-account'
    const instrumentId = words[at + 6] as number
    const listing = this.listings[instrumentId]
    if (listing === undefined) return 'unknown-instrument'
    const { instrument } = listing
    if (words[at + 7] !== instrument.specificationVersion) return 'outdated-specification'
    const { limits } = this.limitDesk
    if (limits?.takeMessage(account, instrumentId, this.laneMillis) !== undefined) return 'message-rate-limit'
    const kinds = words[at + 10] as number
    const sells = (kinds & 1) !== 0
    const isMarket = (kinds & 0xff00) !== 0
    const isImmediate = (kinds & 0xff0000) !== 0
    if (!this.isContinuous(listing)) {
      const refusal = refusalInState(this.stateOf(listing), !isImmediate)
      if (refusal !== undefined) return refusal
    }
    let ticks = words[at + 8] as number
    const lots = words[at + 9] as number
    if (isMarket ? ticks !== 0 : ticks < 1 || ticks > instrument.maxPriceTicks) return 'price-out-of-range'
    if (lots < 1) return 'amount-out-of-range'
    if (accounts.blocks(account) !== 0) return blockCodeOf(accounts.blocks(account))
    if (!isImmediate && accounts.openOrders(account) >= maxOpenOrders) return 'open-order-limit'
    if (!isImmediate && limits?.isFull(accounts.holdingOf(account, instrumentId)) === true) return 'open-order-limit'
    if (isMarket) ticks = this.protectionTicks(listing, sells, account)
    if (ticks === 0) return 'no-liquidity'
    if (listing.controls.bandPpm !== 0 && isOutsideBand(listing, sells, ticks)) return 'price-outside-band'
    const holding = accounts.holdingOf(account, instrumentId)
    const limited = limits?.refusal(holding, listing, sells, 0, 0, ticks, lots)
    if (limited !== undefined) return limited
    if (isLimited(instrument) && accounts.isBeyondLimit(holding, instrument, sells, lots)) return 'position-limit'
    const reserve = reserveMicrosOf(instrument, ticks, lots)
    const refusal = this.openVolume(holding, instrument, sells, ticks, lots, reserve)
    if (refusal !== undefined) return refusal
    const all = (sells ? traits.sells : 0) | (isImmediate ? traits.isImmediate : 0)
    const order = this.create(words, at + 2, holding, lots, all, reserve)
    const event = this.tellAccepted(words, at, ticks, lots)
    const stopped = listing.state === stateNumber.continuous ? this.match(order, listing, sells, ticks) : goesOn
    this.finish(order, listing, sells, ticks, stopped, words, at + 2)
    if (this.orders.level(order) !== noLevel) this.tellResting(event, order)
    return undefined
  }

  /** What is left of a taker rests or is cancelled. Its record is gone where it does not rest: level is none then. */
  private finish(
    order: Order,
    listing: Listing,
    sells: boolean,
    ticks: number,
    stopped: Stopped,
    words: Int32Array,
    idWord: number,
  ): void {
    const { orders } = this
    const remaining = orders.remainingLots(order)
    const isImmediate = (orders.traits(order) & traits.isImmediate) !== 0
    if (remaining > 0 && stopped === goesOn && !isImmediate) {
      orders.setVisibleLots(order, this.visiblePart(order))
      this.register(order)
      listing.book.rest(order, sells, ticks)
      return
    }
    if (remaining > 0) {
      const holding = orders.holding(order)
      const reserve = orders.reserveMicros(order)
      this.closeVolume(holding, listing.instrument, sells, ticks, remaining, reserve, this.isBudgeted(order))
      this.tellCancelled(order, listing, stopped ?? 'immediate-or-cancel', 0, 0, words, idWord)
    }
    this.drop(order)
  }

  /** An immediate order as it lies on a tape, without a check of what its account can carry. Answers how much of it fills. */
  private tradeUnchecked(placed: Tape, holding: HoldingRecord, listing: Listing, reserveMicros: number): number {
    const { words } = placed
    const [ticks, lots] = [words[8] as number, words[9] as number]
    const sells = ((words[10] as number) & 1) !== 0
    this.closeVolume(holding, listing.instrument, sells, ticks, -lots, -reserveMicros)
    const all = (sells ? traits.sells : 0) | traits.isImmediate
    const order = this.create(words, 2, holding, lots, all, reserveMicros)
    this.tellAccepted(words, 0, ticks, lots)
    const stopped = this.match(order, listing, sells, ticks)
    const filledLots = this.orders.filledLots(order)
    this.finish(order, listing, sells, ticks, stopped, words, 2)
    return filledLots
  }

  private placeOrderWithInstructions(command: PlaceOrder, words: Int32Array, at: number): Refusal {
    const { accounts, orders } = this
    const { instrumentId, accountId, orderType } = command
    const account = accounts.find(accountId)
    if (account === none) return 'unknown-account'
    const listing = this.listings[instrumentId]
    if (listing === undefined) return 'unknown-instrument'
    const { instrument } = listing
    if (command.specificationVersion !== instrument.specificationVersion) return 'outdated-specification'
    const { limits } = this.limitDesk
    if (limits?.takeMessage(account, instrumentId, this.laneMillis) !== undefined) return 'message-rate-limit'
    const sells = command.direction === 'sell'
    const isStop = orderType === 'stop_limit' || orderType === 'stop_market'
    const isMarket = orderType === 'market' || orderType === 'stop_market'
    const fillsOrKills = command.timeInForce === 'fill_or_kill'
    const isImmediate = command.timeInForce === 'immediate_or_cancel' || fillsOrKills || isMarket
    const isContinuous = this.isContinuous(listing)
    if (!isContinuous) {
      const mayRest = isStop || !(isImmediate || command.postOnly !== 'no' || command.reduceOnly)
      const refusal = refusalInState(this.stateOf(listing), mayRest)
      if (refusal !== undefined) return refusal
    }
    if (!this.areInstructionsValid(command, isStop, isMarket, isImmediate)) return 'invalid-instructions'
    if (isMarket ? command.priceTicks !== 0 : command.priceTicks < 1 || command.priceTicks > instrument.maxPriceTicks)
      return 'price-out-of-range'
    if (isStop && (command.triggerTicks < 1 || command.triggerTicks > instrument.maxPriceTicks))
      return 'price-out-of-range'
    if (command.quantityLots < 1) return 'amount-out-of-range'
    if (accounts.blocks(account) !== 0) return blockCodeOf(accounts.blocks(account))
    if ((!isImmediate || isStop) && accounts.openOrders(account) >= maxOpenOrders) return 'open-order-limit'
    if ((!isImmediate || isStop) && limits?.isFull(accounts.holdingOf(account, instrumentId)) === true)
      return 'open-order-limit'
    const expiresAtMillis =
      command.timeInForce === 'day'
        ? (Math.floor(this.laneMillis / dayMillis) + 1) * dayMillis
        : command.expiresAtMillis
    const extras: Extras = {
      ...noExtras,
      displayLots: command.displayLots,
      expiresAtMillis,
      triggerTicks: command.triggerTicks,
      limitTicks: command.priceTicks,
      byMark: command.trigger === 'mark_price',
      selfTradeGroup: command.selfTradeGroup,
      labelHash: command.labelHash,
      postOnly: command.postOnly,
    }
    const all =
      traits.hasExtras |
      (sells ? traits.sells : 0) |
      (isImmediate ? traits.isImmediate : 0) |
      (fillsOrKills ? traits.fillsOrKills : 0) |
      (command.reduceOnly ? traits.reducesOnly : 0) |
      (command.displayLots > 0 ? traits.hides : 0) |
      preventionOf(command)
    const holding = accounts.holdingOf(account, instrumentId)
    if (isStop) {
      const limited = limits?.stopRefusal(
        holding,
        listing,
        command.priceTicks || command.triggerTicks,
        command.quantityLots,
      )
      if (limited !== undefined) return limited
      const order = this.create(words, at + 2, holding, command.quantityLots, all | traits.waits, 0)
      orders.extras.set(order, extras)
      this.tellAcceptedWithInstructions(words, at, command.priceTicks, command.quantityLots, expiresAtMillis)
      this.register(order)
      this.wait(order, listing)
      this.addExpiry(order, expiresAtMillis)
      return undefined
    }
    let lots = command.quantityLots
    if (command.reduceOnly) {
      lots = Math.min(lots, this.opposingLots(holding, sells))
      if (lots === 0) return 'reduce-only-would-increase'
    }
    let ticks = isMarket ? this.protectionTicks(listing, sells, account) : command.priceTicks
    if (ticks === 0) return 'no-liquidity'
    if (command.postOnly !== 'no') {
      ticks = this.postTicks(listing, sells, ticks, command.postOnly === 'slide')
      if (ticks === 0) return 'post-only-would-trade'
    }
    if (listing.controls.bandPpm !== 0 && isOutsideBand(listing, sells, ticks)) return 'price-outside-band'
    const limited = limits?.refusal(holding, listing, sells, 0, 0, ticks, lots)
    if (limited !== undefined) return limited
    if (isLimited(instrument) && accounts.isBeyondLimit(holding, instrument, sells, lots)) return 'position-limit'
    const reserve = reserveMicrosOf(instrument, ticks, lots)
    const refusal = this.openVolume(holding, instrument, sells, ticks, lots, reserve)
    if (refusal !== undefined) return refusal
    const order = this.create(words, at + 2, holding, lots, all, reserve)
    orders.extras.set(order, extras)
    const event = this.tellAcceptedWithInstructions(words, at, ticks, lots, expiresAtMillis)
    const stopped = isContinuous ? this.matchWhole(order, listing, sells, ticks) : goesOn
    this.finish(order, listing, sells, ticks, stopped, words, at + 2)
    if (orders.level(order) === noLevel) return undefined
    this.tellResting(event, order)
    this.addExpiry(order, expiresAtMillis)
    return undefined
  }

  private areInstructionsValid(command: PlaceOrder, isStop: boolean, isMarket: boolean, isImmediate: boolean): boolean {
    const { displayLots, postOnly, timeInForce, expiresAtMillis } = command
    if (isStop !== (command.triggerTicks !== 0)) return false
    if (command.orderType === 'market' && timeInForce !== 'immediate_or_cancel' && timeInForce !== 'fill_or_kill')
      return false
    if (displayLots !== 0 && (displayLots < 0 || displayLots > command.quantityLots || isImmediate)) return false
    if (displayLots !== 0 && displayLots * mostIcebergParts < command.quantityLots) return false
    if (postOnly !== 'no' && (isMarket || isStop || isImmediate)) return false
    if (timeInForce === 'good_til_date') return expiresAtMillis > this.laneMillis
    return expiresAtMillis === 0
  }

  private matchWhole(order: Order, listing: Listing, sells: boolean, ticks: number): Stopped {
    const { orders, levels, accounts } = this
    if ((orders.traits(order) & traits.fillsOrKills) !== 0) {
      const fillable = fillableLots(order, listing.book, sells, ticks, {
        orders,
        levels,
        accounts,
        isOwn: maker => this.isOwn(order, maker),
      })
      if (fillable < orders.remainingLots(order)) return 'fill-or-kill'
    }
    return this.match(order, listing, sells, ticks)
  }

  protected addExpiry(order: Order, expiresAtMillis: number): void {
    if (expiresAtMillis === 0) return
    this.timers.add({ atMillis: expiresAtMillis, kind: 'order', key: idTextAt(this.orders.words, order + idAt) })
  }

  private wait(order: Order, listing: Listing): void {
    listing.waiting.add(order)
    listing.isWatched = true
    const { byMark } = this.orders.extrasOf(order)
    const ticks = byMark ? listing.markTicks : listing.lastTicks
    if (ticks === 0) return
    // Reached already: it is triggered at once.
    this.widen(listing, byMark, ticks)
    this.lookAt(listing)
  }

  private widen(listing: Listing, byMark: boolean, ticks: number): void {
    if (byMark) {
      listing.lowMarkTicks = ticks
      listing.highMarkTicks = ticks
    } else if (listing.highTicks < listing.lowTicks) {
      listing.lowTicks = ticks
      listing.highTicks = ticks
    }
  }

  private lookAt(listing: Listing): void {
    this.moved.add(listing)
    this.isUnsettled = true
  }

  /** Where a post-only order may rest: its price, one tick short of the other side if it slides, or 0. */
  private postTicks(listing: Listing, sells: boolean, ticks: number, slides: boolean): number {
    const { best, bestTicks } = listing.book.side(!sells)
    if (best === noLevel || (sells ? ticks > bestTicks : ticks < bestTicks)) return ticks
    if (!slides) return 0
    const slid = sells ? bestTicks + 1 : bestTicks - 1
    return slid <= listing.instrument.maxPriceTicks ? slid : 0
  }

  /**
   * The limit of a market order: a tenth away from the best price against it, rounded in the taker's favour, so that an
   * empty book behind a thin best price cannot fill it at any price; and within band and collar. 0 where nothing rests.
   */
  private protectionTicks(listing: Listing, sells: boolean, account: AccountRecord): number {
    const { best, bestTicks } = listing.book.side(!sells)
    if (best === noLevel) return 0
    const { maxPriceTicks } = listing.instrument
    let ticks = sells
      ? Math.max(Math.ceil((bestTicks * 9) / 10), 1)
      : Math.min(Math.floor((bestTicks * 11) / 10), maxPriceTicks)
    const collar = this.limitDesk.limits?.collarTicks(account, listing, sells) ?? 0
    if (collar !== 0) ticks = sells ? Math.max(ticks, collar) : Math.min(ticks, collar)
    if (listing.controls.bandPpm === 0 || listing.referenceTicks() === 0) return ticks
    const bound = bandTicks(listing, sells)
    return sells ? Math.max(ticks, bound) : Math.min(ticks, bound)
  }

  private cancelOrder(words: Int32Array, at: number): Refusal {
    const account = this.accounts.find(words[at + 1] as number)
    if (account === none) return 'unknown-account'
    const order = this.orders.ids.find(words, at + 6)
    if (order === none || this.accounts.account(this.orders.holding(order)) !== account)
      return this.noSuchOrder(words, at)
    this.close(order, 'user-request', words, at + 2)
    return undefined
  }

  /** An order that is recent but not open was closed; of an older one nothing is known. */
  private noSuchOrder(words: Int32Array, at: number): RejectionCode {
    return this.recent.placedBy(words, at + 6) === words[at + 1] ? 'order-closed' : 'unknown-order'
  }

  private amendOrder(words: Int32Array, at: number): Refusal {
    const { accounts, orders } = this
    const account = accounts.find(words[at + 1] as number)
    if (account === none) return 'unknown-account'
    const order = orders.ids.find(words, at + 6)
    if (order === none) return this.noSuchOrder(words, at)
    const holding = orders.holding(order)
    if (accounts.account(holding) !== account) return this.noSuchOrder(words, at)
    const listing = this.listingOf(accounts.instrumentId(holding))
    const { instrumentId } = listing.instrument
    if (this.limitDesk.limits?.takeMessage(account, instrumentId, this.laneMillis) !== undefined)
      return 'message-rate-limit'
    const ticks = words[at + 10] as number
    const quantityLots = words[at + 11] as number
    return this.change(order, listing, ticks, quantityLots, words, at + 2)
  }

  /** Another price or total size for an open order; 0 leaves it as it is. The command's id lies in `words`. */
  private change(
    order: Order,
    listing: Listing,
    toTicks: number,
    toLots: number,
    words: Int32Array,
    idWord: number,
  ): Refusal {
    const { orders } = this
    const { instrument } = listing
    const level = orders.level(order)
    const waits = level === noLevel
    const fromTicks = waits ? orders.extrasOf(order).limitTicks : this.levels.ticks(level)
    const ticks = toTicks === 0 ? fromTicks : toTicks
    const quantity = toLots === 0 ? orders.quantityLots(order) : toLots
    const lots = quantity - orders.filledLots(order)
    const isContinuous = this.isContinuous(listing)
    if (!isContinuous) {
      const refusal = refusalInState(this.stateOf(listing), true)
      if (refusal !== undefined) return refusal
    }
    // A stop that becomes a market order has no price to change.
    if (waits && fromTicks === 0 ? ticks !== 0 : ticks < 1 || ticks > instrument.maxPriceTicks)
      return 'price-out-of-range'
    if (quantity < 1) return 'amount-out-of-range'
    if (lots < 1) return 'amount-below-filled'
    if ((orders.traits(order) & traits.hides) !== 0 && orders.extrasOf(order).displayLots * mostIcebergParts < lots)
      return 'amount-out-of-range'
    if (orders.filledTickLots(order) + lots * instrument.maxPriceTicks > Number.MAX_SAFE_INTEGER)
      return 'notional-too-large'
    const blocks = this.accounts.blocks(this.accounts.account(orders.holding(order)))
    if (blocks !== 0) return blockCodeOf(blocks)
    if (waits) {
      const { triggerTicks } = orders.extrasOf(order)
      const stopRefusal = this.limitDesk.limits?.stopRefusal(
        orders.holding(order),
        listing,
        ticks || triggerTicks,
        lots,
        fromTicks || triggerTicks,
        orders.remainingLots(order),
      )
      if (stopRefusal !== undefined) return stopRefusal
      orders.extrasOf(order).limitTicks = ticks
      orders.setQuantityLots(order, quantity)
      this.tellAmended(order, listing, ticks, true, 0, words, idWord)
      return undefined
    }
    return this.move(order, listing, fromTicks, ticks, quantity, isContinuous, words, idWord)
  }

  private move(
    order: Order,
    listing: Listing,
    fromTicks: number,
    toTicks: number,
    quantity: number,
    isContinuous: boolean,
    words: Int32Array,
    idWord: number,
  ): Refusal {
    const { accounts, orders, levels, told } = this
    const { instrument, book } = listing
    const all = orders.traits(order)
    const sells = (all & traits.sells) !== 0
    const remaining = orders.remainingLots(order)
    const lots = quantity - orders.filledLots(order)
    let ticks = toTicks
    if (ticks !== fromTicks) {
      if ((all & traits.hasExtras) !== 0 && isContinuous) {
        const { postOnly } = orders.extrasOf(order)
        if (postOnly !== 'no') ticks = this.postTicks(listing, sells, ticks, postOnly === 'slide')
        if (ticks === 0) return 'post-only-would-trade'
      }
      if (listing.controls.bandPpm !== 0 && isOutsideBand(listing, sells, ticks)) return 'price-outside-band'
    }
    const keepsPriority = ticks === fromTicks && quantity <= orders.quantityLots(order)
    const holding = orders.holding(order)
    const limited = this.limitDesk.limits?.refusal(holding, listing, sells, fromTicks, remaining, ticks, lots)
    if (limited !== undefined) return limited
    if (
      isLimited(instrument) &&
      lots > remaining &&
      accounts.isBeyondLimit(holding, instrument, sells, lots - remaining)
    )
      return 'position-limit'
    const reserve = reserveMicrosOf(instrument, ticks, lots)
    const added = reserve - orders.reserveMicros(order)
    const refusal = this.isBudgeted(order)
      ? this.moveQuote(holding, instrument, sells, fromTicks, remaining, ticks, lots)
      : this.moveVolume(holding, instrument, sells, fromTicks, remaining, ticks, lots, added)
    if (refusal !== undefined) return refusal
    orders.setReserveMicros(order, reserve)
    orders.setQuantityLots(order, quantity)
    const level = orders.level(order)
    if (keepsPriority) {
      const visible = Math.min(orders.visibleLots(order), lots)
      levels.addLots(level, visible - orders.visibleLots(order))
      orders.setVisibleLots(order, visible)
      const event = this.tellAmended(order, listing, ticks, true, fromTicks, words, idWord)
      putLong(told.words, event + 16, levels.lots(level))
      putLong(told.words, event + 18, levels.lots(level))
      return undefined
    }
    const left = levels.lots(level) - orders.visibleLots(order)
    book.remove(order, sells)
    const event = this.tellAmended(order, listing, ticks, false, fromTicks, words, idWord)
    putLong(told.words, event + 16, left)
    const stopped = isContinuous ? this.match(order, listing, sells, ticks) : goesOn
    const rested = this.finishAgain(order, listing, sells, ticks, stopped)
    if (rested !== noLevel) putLong(told.words, event + 18, levels.lots(rested))
    return undefined
  }

  /** The same for an order that is open already; what is cancelled is so in its own name. Answers where it rests, if it does. */
  private finishAgain(order: Order, listing: Listing, sells: boolean, ticks: number, stopped: Stopped): Level {
    const { orders } = this
    const remaining = orders.remainingLots(order)
    const isImmediate = (orders.traits(order) & traits.isImmediate) !== 0
    if (remaining > 0 && stopped === goesOn && !isImmediate) {
      orders.setVisibleLots(order, this.visiblePart(order))
      return listing.book.rest(order, sells, ticks)
    }
    if (remaining > 0) {
      const reserve = orders.reserveMicros(order)
      const isBudgeted = this.isBudgeted(order)
      this.closeVolume(orders.holding(order), listing.instrument, sells, ticks, remaining, reserve, isBudgeted)
      this.tellCancelled(order, listing, stopped ?? 'immediate-or-cancel', 0, 0, orders.words, order + idAt)
    }
    this.forget(order)
    return noLevel
  }

  private tellAmended(
    order: Order,
    listing: Listing,
    ticks: number,
    keepsPriority: boolean,
    fromTicks: number,
    from: Int32Array,
    idWord: number,
  ): number {
    const { orders, told } = this
    const at = told.add(amendedHeader, amendedWords)
    const { words } = told
    words[at + 1] = this.accounts.idOfRecord(this.accounts.account(orders.holding(order)))
    copyId(words, at + 2, from, idWord)
    copyId(words, at + 6, orders.words, order + idAt)
    words[at + 10] = ticks
    words[at + 11] = orders.quantityLots(order)
    words[at + 12] = orders.filledLots(order)
    words[at + 13] = (keepsPriority ? 1 : 0) | (orders.isSell(order) ? 256 : 0)
    words[at + 14] = listing.instrument.instrumentId
    words[at + 15] = fromTicks
    putLong(words, at + 16, 0)
    putLong(words, at + 18, 0)
    return at
  }

  private cancelOrders(command: CancelOrders, words: Int32Array, at: number): Refusal {
    const account = this.accounts.find(command.accountId)
    if (account === none) return 'unknown-account'
    if (command.instrumentId !== 0 && this.listings[command.instrumentId] === undefined) return 'unknown-instrument'
    const isMeant = (order: Order): boolean =>
      command.labelHash === noHash || this.orders.extras.get(order)?.labelHash === command.labelHash
    const chosen = this.ordersOf(account, command.instrumentId).filter(isMeant)
    this.closeAll(chosen, 'user-request', words, at + 2)
    const { commandId, accountId } = command
    writeEvent(this.told, { type: 'orders-cancelled', commandId, accountId, cancelledOrders: chosen.length })
    return undefined
  }

  private openAccount(command: OpenAccount): Refusal {
    if (this.accounts.count >= maxAccounts) return 'account-limit'
    if (this.accountIds.has(command.account)) return 'account-exists'
    const firm = command.firm === '' ? command.account : command.firm
    const accountId = this.addAccount(command.account, firm)
    const { commandId, account } = command
    const firmId = this.firmIds.get(firm) ?? 0
    writeEvent(this.told, { type: 'account-opened', commandId, accountId, account, firm, firmId })
    return undefined
  }

  protected addAccount(name: string, firm: string): number {
    let firmId = this.firmIds.get(firm)
    if (firmId === undefined) {
      firmId = this.firmNames.push(firm) - 1
      this.firmIds.set(firm, firmId)
    }
    const record = this.accounts.open(firmId)
    const accountId = this.accounts.idOfRecord(record)
    this.accountNames.push(name)
    this.accountIds.set(name, accountId)
    const blocks = (this.killedFirms.has(firmId) ? blockedByFirm : 0) | (this.isLaneKilled ? blockedByLane : 0)
    this.accounts.setBlocks(record, blocks)
    this.limitDesk.enrol(record)
    return accountId
  }

  private deposit(command: Deposit): Refusal {
    const { accountId, amountMicros, commandId } = command
    const account = this.accounts.find(accountId)
    if (account === none) return 'unknown-account'
    const deposited = this.cells[depositedAt] as number
    if (amountMicros < 1 || amountMicros > maxDepositedMicros - deposited) return 'amount-out-of-range'
    const { margin } = this
    if (margin !== undefined && this.accounts.cashMicros(account) > maxCashMicros - amountMicros)
      return 'amount-out-of-range'
    this.cells[depositedAt] = deposited + amountMicros
    margin?.addCash(account, amountMicros)
    this.accounts.addCash(account, amountMicros)
    const cashMicros = this.accounts.cashMicros(account)
    writeEvent(this.told, { type: 'deposited', commandId, accountId, amountMicros, cashMicros })
    return undefined
  }

  private withdraw({ accountId, amountMicros, commandId }: Withdraw): Refusal {
    const account = this.accounts.find(accountId)
    if (account === none) return 'unknown-account'
    if (amountMicros < 1) return 'amount-out-of-range'
    const refusal = this.requireMargin().takeCash(account, amountMicros)
    if (refusal !== undefined) return refusal
    this.payOut(account, amountMicros)
    const cashMicros = this.accounts.cashMicros(account)
    writeEvent(this.told, { type: 'withdrawn', commandId, accountId, amountMicros, cashMicros })
    return undefined
  }

  private payOut(account: AccountRecord, micros: number): void {
    this.cells[depositedAt] = (this.cells[depositedAt] as number) - micros
    this.accounts.addCash(account, -micros)
  }

  private placeHold({ accountId, amountMicros, commandId }: PlaceHold): Refusal {
    const { accounts } = this
    const margin = this.requireMargin()
    const account = accounts.find(accountId)
    if (account === none) return 'unknown-account'
    if (amountMicros < 1) return 'amount-out-of-range'
    if (accounts.holds(account) >= maxHolds) return 'hold-limit'
    const refusal = margin.takeCash(account, amountMicros)
    if (refusal !== undefined) return refusal
    margin.addHold(commandId, account, amountMicros)
    const heldMicros = accounts.heldMicros(account)
    writeEvent(this.told, { type: 'hold-placed', commandId, accountId, amountMicros, heldMicros })
    return undefined
  }

  private captureHold({ accountId, holdId, amountMicros, commandId }: CaptureHold): Refusal {
    const { accounts } = this
    const margin = this.requireMargin()
    const account = accounts.find(accountId)
    if (account === none) return 'unknown-account'
    const hold = margin.holds.get(holdId)
    if (hold?.account !== account || this.bidGates.isBid(holdId)) return 'unknown-hold'
    if (amountMicros < 1 || amountMicros > hold.micros) return 'amount-out-of-range'
    const releasedMicros = hold.micros - amountMicros
    margin.addCash(account, releasedMicros)
    margin.removeHold(holdId, hold)
    this.payOut(account, amountMicros)
    const left = { heldMicros: accounts.heldMicros(account), cashMicros: accounts.cashMicros(account) }
    const captured = { commandId, accountId, holdId, amountMicros, releasedMicros }
    writeEvent(this.told, { type: 'hold-captured', ...captured, ...left })
    return undefined
  }

  private releaseHold({ accountId, holdId, commandId }: ReleaseHold): Refusal {
    const margin = this.requireMargin()
    const account = this.accounts.find(accountId)
    if (account === none) return 'unknown-account'
    const hold = margin.holds.get(holdId)
    if (hold?.account !== account) return 'unknown-hold'
    if (this.bidGates.isBeforeGate(holdId)) return 'gate-open'
    this.bidGates.free(holdId, hold)
    const heldMicros = this.accounts.heldMicros(account)
    const releasedMicros = hold.micros
    writeEvent(this.told, { type: 'hold-released', commandId, accountId, holdId, releasedMicros, heldMicros })
    return undefined
  }

  private beginEpoch(command: RiskEpochBegin): Refusal {
    const refusal = this.requireMargin().begin(command)
    if (refusal !== undefined) return refusal
    const { commandId, epochVersion, scenarioSetVersion } = command
    writeEvent(this.told, { type: 'risk-epoch-begun', commandId, epochVersion, scenarioSetVersion })
    return undefined
  }

  private takeEpochChunk(command: RiskEpochChunk): Refusal {
    const margin = this.requireMargin()
    const refusal = margin.chunk(command)
    if (refusal !== undefined) return refusal
    const { commandId, epochVersion, number } = command
    const instruments = margin.instrumentsSoFar
    writeEvent(this.told, { type: 'risk-epoch-chunk-taken', commandId, epochVersion, number, instruments })
    return undefined
  }

  private commitEpoch(command: RiskEpochCommit): Refusal {
    const margin = this.requireMargin()
    const { scenarioSetVersion: before } = margin
    const adopted = margin.commit(command)
    if (adopted.refusal !== undefined) return adopted.refusal
    if (adopted.scenarioSetVersion !== before) this.laneCredit.changeSet()
    const { commandId, epochVersion } = command
    writeEvent(this.told, { type: 'risk-epoch-adopted', commandId, epochVersion, ...adopted })
    return undefined
  }

  /** Of commands that are no messages to an engine without it. */
  private requireMargin(): LaneMargin {
    if (this.margin === undefined) throw new Error('a command of margin before its engine version')
    return this.margin
  }

  protected createMargin(): LaneMargin {
    this.accounts.stopFunding()
    const margin = new LaneMargin(this.accounts, this.orders, this.levels, this.listings)
    // In a variable first: V8 puts a function that is assigned to a property as it is written among what is old, and all
    // that it knows of with it: a simulation, which makes engines by thousands, takes 6% longer.
    const onLack: LaneMargin['onLack'] = (account, lossMicros) => this.laneCredit.lacks(account, lossMicros)
    margin.onLack = onLack
    if (this.version >= versionOfJointMargin) margin.coverEachState()
    return margin
  }

  /** Accounts that turned out to need more than they have; not those that this very command has helped. */
  private callMargin(margin: LaneMargin): void {
    for (const account of margin.takeDue()) {
      if (margin.hasQuotesBeyondBudget(account)) this.pullQuotes(account)
      if (margin.isCovered(account) || this.laneCredit.asksFirst(account)) continue
      this.tellMarginCall(margin, account)
    }
  }

  private tellMarginCall(margin: LaneMargin, account: AccountRecord): void {
    const { equityMicros, requirementMicros } = margin.figures(account)
    const accountId = this.accounts.idOfRecord(account)
    const { epochVersion } = margin
    writeEvent(this.told, { type: 'margin-called', accountId, epochVersion, equityMicros, requirementMicros })
  }

  private isContinuous(listing: Listing): boolean {
    return listing.state === stateNumber.continuous && !this.isPast(listing)
  }

  /** As orders find it: an instrument whose time has come is closed even before it is expired by command. */
  private stateOf(listing: Listing): number {
    return this.isPast(listing) ? stateNumber.closed : listing.state
  }

  private setTradingState(command: SetTradingState): Refusal {
    const listing = this.listings[command.instrumentId]
    if (listing === undefined) return 'unknown-instrument'
    if (this.isPast(listing) || listing.state === stateNumber.expired) return 'instrument-not-open'
    if (listing.instrument.terms.kind === 'collateral') return 'is-collateral'
    const state = tradingStates.indexOf(command.state)
    const mayEnd = state === stateNumber.auction || state === stateNumber.halted
    const isTimed = command.untilMillis !== 0
    if (state === listing.state || state === stateNumber.expired) return 'invalid-trading-state'
    if (isTimed && (!mayEnd || command.untilMillis <= this.laneMillis)) return 'invalid-trading-state'
    this.enterState(listing, state, 'command', command.commandId, command.untilMillis)
    return undefined
  }

  private enterState(listing: Listing, state: number, cause: StateCause, commandId: string, untilMillis: number): void {
    listing.state = state
    listing.untilMillis = untilMillis
    const { instrumentId } = listing.instrument
    if (untilMillis !== 0) this.timers.add({ atMillis: untilMillis, kind: 'state', key: instrumentId })
    const uncross = state === stateNumber.continuous ? this.uncrossOf(listing) : undefined
    writeEvent(this.told, {
      type: 'trading-state-changed',
      instrumentId,
      commandId,
      state: tradingStates[state] ?? 'closed',
      cause,
      uncrossTicks: uncross?.ticks ?? 0,
      uncrossLots: uncross?.lots ?? 0,
      untilMillis,
    })
    if (state !== stateNumber.continuous) return
    // Once more where an order that may only reduce could not fill: whatever still crosses is uncrossed.
    for (let found = uncross; found !== undefined; found = this.uncrossOf(listing)) this.uncross(listing, found.ticks)
    if (listing.lastTicks !== 0) this.widen(listing, false, listing.lastTicks)
    if (listing.markTicks !== 0) this.widen(listing, true, listing.markTicks)
    this.lookAt(listing)
  }

  private uncrossOf(listing: Listing): { readonly ticks: number; readonly lots: number } | undefined {
    return uncrossPrice(this.depth(listing, false), this.depth(listing, true), listing.referenceTicks())
  }

  private depth(listing: Listing, sells: boolean): Depth[] {
    const { orders, levels } = this
    return listing.book
      .side(sells)
      .levelsBestFirst()
      .map(({ ticks, level }) => {
        let lots = 0
        for (let order = levels.first(level); order !== none; order = orders.next(order))
          lots += orders.remainingLots(order)
        return { ticks, lots }
      })
  }

  private uncross(listing: Listing, ticks: number): void {
    const { orders } = this
    const { book } = listing
    for (;;) {
      const bid = book.next(true, ticks)
      const ask = book.next(false, ticks)
      if (bid === none || ask === none) return
      const bidLots = Math.min(orders.visibleLots(bid), this.reducibleLots(bid, false))
      const askLots = Math.min(orders.visibleLots(ask), this.reducibleLots(ask, true))
      if (bidLots === 0) this.close(bid, 'reduce-only', orders.words, bid + idAt)
      if (askLots === 0) this.close(ask, 'reduce-only', orders.words, ask + idAt)
      if (bidLots > 0 && askLots > 0) this.auctionTrade(listing, bid, ask, ticks, Math.min(bidLots, askLots))
    }
  }

  private setMarketControls(command: SetMarketControls): Refusal {
    const listing = this.listings[command.instrumentId]
    if (listing === undefined) return 'unknown-instrument'
    const { bandPpm, velocityPpm, velocityMillis, haltMillis, auctionMillis } = command
    if ((velocityPpm === 0) !== (velocityMillis === 0)) return 'invalid-instructions'
    listing.controls = { bandPpm, velocityPpm, velocityMillis, haltMillis, auctionMillis }
    listing.velocity = velocityPpm === 0 ? undefined : (listing.velocity ?? new PriceWatch())
    listing.isWatched = listing.waiting.size > 0 || listing.velocity !== undefined
    writeEvent(this.told, { ...command, type: 'market-controls-set' })
    return undefined
  }

  private quote(command: Quote, words: Int32Array, at: number): Refusal {
    const { accountId, commandId, groupHash } = command
    const account = this.accounts.find(accountId)
    if (account === none) return 'unknown-account'
    if (this.accounts.blocks(account) !== 0) return blockCodeOf(this.accounts.blocks(account))
    if (this.limitDesk.limits?.takeMessage(account, 0, this.laneMillis) !== undefined) return 'message-rate-limit'
    const group = this.groups.take(accountId, groupHash)
    this.margin?.refillQuoteBudget(account)
    let acceptedSides = 0
    let rejectedSides = 0
    for (const [index, entry] of command.quotes.entries())
      for (const sells of [false, true]) {
        // Asked for each side, since the side before may have breached the group's own limits.
        const frozen = group.isFrozen(this.laneMillis)
        const code = frozen ? 'protection-frozen' : this.quoteSide(account, group, entry, index, sells, words, at)
        if (this.isUnsettled) this.settle()
        if (code === undefined) acceptedSides += 1
        else {
          rejectedSides += 1
          const { instrumentId } = entry
          const direction = sells ? 'sell' : 'buy'
          writeEvent(this.told, { type: 'quote-rejected', accountId, commandId, instrumentId, code, direction })
        }
      }
    writeEvent(this.told, { type: 'quoted', accountId, commandId, groupHash, acceptedSides, rejectedSides })
    return undefined
  }

  /** One side of one quote: the order that stands there gets another price and size, in one step, or is cancelled. */
  private quoteSide(
    account: AccountRecord,
    group: QuoteGroup,
    entry: InstrumentQuote,
    index: number,
    sells: boolean,
    words: Int32Array,
    at: number,
  ): Refusal {
    const { accounts, orders } = this
    const listing = this.listings[entry.instrumentId]
    if (listing === undefined) return 'unknown-instrument'
    const holding = accounts.holdingOf(account, entry.instrumentId)
    const standing = accounts.quote(holding, sells)
    const lots = sells ? entry.askLots : entry.bidLots
    const ticks = sells ? entry.askTicks : entry.bidTicks
    if (lots === 0) {
      const isOwn = standing !== none && orders.extrasOf(standing).group === group
      if (isOwn) this.close(standing, 'replaced', words, at + 2)
      return undefined
    }
    const { instrument } = listing
    if (entry.specificationVersion !== instrument.specificationVersion) return 'outdated-specification'
    const { limits } = this.limitDesk
    if (limits?.takeMessageIn(entry.instrumentId, this.laneMillis) !== undefined) return 'message-rate-limit'
    if (ticks < 1 || ticks > instrument.maxPriceTicks) return 'price-out-of-range'
    if (lots < 1) return 'amount-out-of-range'
    if (standing !== none) {
      const extras = orders.extrasOf(standing)
      if (extras.group !== group) return 'quote-limit'
      const quantity = orders.filledLots(standing) + lots
      if (quantity > maxInt32) return 'amount-out-of-range'
      return this.change(standing, listing, ticks, quantity, words, at + 2)
    }
    if (!this.isContinuous(listing)) {
      const refusal = refusalInState(this.stateOf(listing), true)
      if (refusal !== undefined) return refusal
    }
    if (accounts.openOrders(account) >= maxOpenOrders || limits?.isFull(holding) === true) return 'open-order-limit'
    if (listing.controls.bandPpm !== 0 && isOutsideBand(listing, sells, ticks)) return 'price-outside-band'
    const placed = this.quoteOrder(entry, index, sells, ticks, lots, words, at)
    if (orders.ids.find(placed.words, 2) !== none) return 'duplicate-order'
    const limited = limits?.refusal(holding, listing, sells, 0, 0, ticks, lots)
    if (limited !== undefined) return limited
    if (isLimited(instrument) && accounts.isBeyondLimit(holding, instrument, sells, lots)) return 'position-limit'
    const reserve = reserveMicrosOf(instrument, ticks, lots)
    const refusal =
      this.margin?.hasQuoteBudget(account) === true
        ? this.openQuote(holding, instrument, sells, ticks, lots, group)
        : this.openVolume(holding, instrument, sells, ticks, lots, reserve)
    if (refusal !== undefined) return refusal
    const all = traits.hasExtras | traits.isQuote | (sells ? traits.sells : 0)
    const order = this.create(placed.words, 2, holding, lots, all, reserve)
    orders.extras.set(order, { ...noExtras, group })
    group.orders.add(order)
    if (group.orders.size === 1) this.groups.settle(group)
    accounts.setQuote(holding, sells, order)
    const event = this.tellAccepted(placed.words, 0, ticks, lots)
    const stopped = this.isContinuous(listing) ? this.match(order, listing, sells, ticks) : goesOn
    this.finish(order, listing, sells, ticks, stopped, placed.words, 2)
    if (orders.level(order) !== noLevel) this.tellResting(event, order)
    return undefined
  }

  /** The order that a side of a quote becomes: its id follows from the command's, and its tail names the group. */
  private quoteOrder(
    entry: InstrumentQuote,
    index: number,
    sells: boolean,
    ticks: number,
    lots: number,
    words: Int32Array,
    at: number,
  ): Tape {
    const placed = this.quoted
    const nameBytes = words[at + 9] as number
    const tail = textWords(nameBytes)
    placed.clear()
    placed.add(headerOf(placeOrder, (plainTailAt + tail) * 4), plainTailAt + tail)
    placed.words[1] = words[at + 1] as number
    copyId(placed.words, 2, words, at + 2)
    placed.words[5] = (placed.words[5] as number) ^ Math.imul(2 * index + (sells ? 2 : 1), 0x9e3779b1)
    placed.words[6] = entry.instrumentId
    placed.words[7] = entry.specificationVersion
    placed.words[8] = ticks
    placed.words[9] = lots
    placed.words[10] = sells ? 1 : 0
    placed.words[11] = nameBytes << 16
    const end = at + wordsOf(words[at] as number)
    for (let word = 0; word < tail; word += 1) placed.words[plainTailAt + word] = words[end - tail + word] as number
    return placed
  }

  private setProtection(command: SetMarketMakerProtection): Refusal {
    if (this.accounts.find(command.accountId) === none) return 'unknown-account'
    const { intervalMillis, frozenMillis, amountLimitLots, deltaLimitLots } = command
    if (amountLimitLots < 0 || deltaLimitLots < 0) return 'amount-out-of-range'
    const account = this.accounts.find(command.accountId)
    const budget = this.margin?.quoteBudget(account)
    if (budget !== undefined) {
      const others = this.protectedLots(command.accountId, budget.largestQuoteLots, command.groupHash)
      if (amountLimitLots === 0 || others + amountLimitLots + budget.largestQuoteLots > budget.lots)
        return 'quote-budget-below-protection'
    }
    const group = this.groups.take(command.accountId, command.groupHash)
    group.name = command.name
    group.terms = { intervalMillis, frozenMillis, amountLimitLots, deltaLimitLots }
    this.groups.settle(group)
    writeEvent(this.told, { ...command, type: 'protection-set' })
    return undefined
  }

  private setDeadMan(command: SetDeadMan): Refusal {
    const { accountId, timeoutMillis, commandId } = command
    if (this.accounts.find(accountId) === none) return 'unknown-account'
    const expiresAtMillis = timeoutMillis === 0 ? 0 : this.laneMillis + timeoutMillis
    if (timeoutMillis === 0) this.deadMen.delete(accountId)
    else {
      this.deadMen.set(accountId, { timeoutMillis, expiresAtMillis })
      this.timers.add({ atMillis: expiresAtMillis, kind: 'dead-man', key: accountId })
    }
    writeEvent(this.told, { type: 'dead-man-set', commandId, accountId, timeoutMillis, expiresAtMillis })
    return undefined
  }

  private setKillSwitch(command: SetKillSwitch, words: Int32Array, at: number): Refusal {
    const { accounts } = this
    const { scope, isOn } = command
    const firmId = this.firmIds.get(command.firm)
    if (scope === 'account' && accounts.find(command.accountId) === none) return 'unknown-account'
    if (scope === 'firm' && firmId === undefined) return 'unknown-firm'
    const bit = scope === 'account' ? blockedByAccount : scope === 'firm' ? blockedByFirm : blockedByLane
    if (scope === 'lane') this.isLaneKilled = isOn
    if (scope === 'firm' && firmId !== undefined) {
      if (isOn) this.killedFirms.add(firmId)
      else this.killedFirms.delete(firmId)
    }
    const chosen: Order[] = []
    const last = accounts.firstId + accounts.count
    for (let accountId = accounts.firstId + 1; accountId <= last; accountId += 1) {
      const account = this.accounts.recordOf(accountId)
      const isMeant =
        scope === 'lane' || (scope === 'firm' ? accounts.firm(account) === firmId : accountId === command.accountId)
      if (!isMeant) continue
      const blocks = accounts.blocks(account)
      accounts.setBlocks(account, isOn ? blocks | bit : blocks & ~bit)
      if (isOn) chosen.push(...this.ordersOf(account, 0))
    }
    this.closeAll(chosen, 'kill-switch', words, at + 2)
    writeEvent(this.told, { ...command, type: 'kill-switch-set', cancelledOrders: chosen.length })
    return undefined
  }

  private bustTrade(command: BustTrade): Refusal {
    const { accounts } = this
    const { instrumentId, priceTicks, quantityLots, tradeId } = command
    const listing = this.listings[instrumentId]
    if (listing === undefined) return 'unknown-instrument'
    const buyer = accounts.find(command.buyerId)
    const seller = accounts.find(command.sellerId)
    if (buyer === none || seller === none) return 'unknown-account'
    if (this.busted.has(tradeId)) return 'trade-already-busted'
    const { instrument, settled } = listing
    if (instrument.terms.kind === 'collateral') return 'is-collateral'
    const isBefore = settled.adjustedAtMillis !== 0 && command.tradedAtMillis <= settled.adjustedAtMillis
    if (settled.isFinal || isBefore) return 'instrument-settled'
    if (priceTicks < 1 || priceTicks > instrument.maxPriceTicks) return 'price-out-of-range'
    if (quantityLots < 1) return 'amount-out-of-range'
    const { microsPerTickLot, maxPriceTicks } = instrument
    if (quantityLots * maxPriceTicks * microsPerTickLot > maxExposureMicros) return 'notional-too-large'
    const isFee = (micros: number) => micros >= 0 && micros <= quantityLots * priceTicks * microsPerTickLot
    if (!isFee(command.buyerFeeMicros) || !isFee(command.sellerFeeMicros)) return 'amount-out-of-range'
    const bought = accounts.holdingOf(buyer, instrumentId)
    const sold = accounts.holdingOf(seller, instrumentId)
    const beforeBuyer = accounts.save(bought)
    const { buyerFeeMicros, sellerFeeMicros } = command
    const refusedBuyer = this.movePosition(bought, instrument, -quantityLots, priceTicks, buyerFeeMicros)
    if (refusedBuyer !== undefined) return refusedBuyer
    const buyerLeg = this.reversedLeg(bought, true, buyerFeeMicros)
    const beforeSeller = accounts.save(sold)
    const refusedSeller = this.movePosition(sold, instrument, quantityLots, priceTicks, sellerFeeMicros)
    const sellerLeg = this.reversedLeg(sold, false, sellerFeeMicros)
    const isBounded = accounts.isBounded(bought, instrument) && accounts.isBounded(sold, instrument)
    if (refusedSeller !== undefined || !isBounded || !this.isCovered(buyer) || !this.isCovered(seller)) {
      if (refusedSeller === undefined)
        this.movePositionBack(sold, instrument, quantityLots, priceTicks, sellerFeeMicros, beforeSeller)
      this.movePositionBack(bought, instrument, -quantityLots, priceTicks, buyerFeeMicros, beforeBuyer)
      return refusedSeller ?? (isBounded ? this.shortCode : 'notional-too-large')
    }
    this.busted.add(tradeId)
    const houseFeesMicros = -(command.buyerFeeMicros + command.sellerFeeMicros)
    this.cells[houseAt] = (this.cells[houseAt] as number) + houseFeesMicros
    writeEvent(this.told, {
      type: 'trade-busted',
      instrumentId: instrument.instrumentId,
      commandId: command.commandId,
      priceTicks,
      quantityLots,
      houseFeesMicros: houseFeesMicros === 0 ? 0 : houseFeesMicros,
      tradeId,
      tradedAtMillis: command.tradedAtMillis,
      buyer: buyerLeg,
      seller: sellerLeg,
    })
    return undefined
  }

  private requireRules(version: number): void {
    if (version > this.version) requireEngineVersion(version)
  }

  private activateVersion({ commandId, version }: ActivateEngineVersion): Refusal {
    if (version <= this.version) return 'engine-version-not-newer'
    this.version = version
    if (version >= versionOfMargin) this.margin ??= this.createMargin()
    if (version >= versionOfJointMargin) this.margin?.coverEachState()
    writeEvent(this.told, { type: 'engine-version-activated', commandId, version })
    return undefined
  }

  private reversedLeg(holding: HoldingRecord, bought: boolean, feeMicros: number): TradeLeg {
    const { accounts } = this
    return {
      orderId: noId,
      accountId: accounts.idOfRecord(accounts.account(holding)),
      direction: bought ? 'buy' : 'sell',
      filledLots: 0,
      remainingLots: 0,
      filledTickLots: 0,
      feeMicros: feeMicros === 0 ? 0 : -feeMicros,
      position: {
        sizeLots: accounts.sizeLots(holding),
        entryTickLots: accounts.entryTickLots(holding),
        realisedMicros: accounts.realisedMicros(holding),
      },
      cashMicros: accounts.cashMicros(accounts.account(holding)),
    }
  }

  /** What falls due first; whoever has changed their mind since is passed over. */
  private fire(): void {
    const due = this.timers.take()
    if (due === undefined) return
    if (due.kind === 'order') this.expireOrder(due.key, due.atMillis)
    else if (due.kind === 'dead-man') this.fireDeadMan(due.key, due.atMillis)
    else this.leaveState(this.listingOf(due.key), due.atMillis)
    if (this.isUnsettled) this.settle()
  }

  private expireOrder(orderId: string, atMillis: number): void {
    const id = new Int32Array(4)
    putIdText(id, 0, orderId)
    const order = this.orders.ids.find(id, 0)
    if (order === none || this.orders.extras.get(order)?.expiresAtMillis !== atMillis) return
    this.close(order, 'expired', id, 0)
  }

  private fireDeadMan(accountId: number, atMillis: number): void {
    if (this.deadMen.get(accountId)?.expiresAtMillis !== atMillis) return
    this.deadMen.delete(accountId)
    const chosen = this.ordersOf(this.accounts.recordOf(accountId), 0)
    this.closeAll(chosen, 'dead-man')
    writeEvent(this.told, { type: 'dead-man-fired', accountId, atMillis, cancelledOrders: chosen.length })
  }

  private leaveState(listing: Listing, atMillis: number): void {
    if (listing.untilMillis !== atMillis || this.isPast(listing)) return
    const { auctionMillis } = listing.controls
    if (listing.state === stateNumber.halted && auctionMillis > 0)
      this.enterState(listing, stateNumber.auction, 'timer', noId, atMillis + auctionMillis)
    else this.enterState(listing, stateNumber.continuous, 'timer', noId, 0)
  }

  /** Puts the switches back as they were: bits that follow from firm and lane. */
  protected restoreKillSwitches(state: {
    readonly killedFirms: readonly string[]
    readonly isLaneKilled: boolean
  }): void {
    this.isLaneKilled = state.isLaneKilled
    for (const name of state.killedFirms) this.killedFirms.add(this.firmIds.get(name) ?? none)
    const last = this.accounts.firstId + this.accounts.count
    for (let accountId = this.accounts.firstId + 1; accountId <= last; accountId += 1) {
      const account = this.accounts.recordOf(accountId)
      const byFirm = this.killedFirms.has(this.accounts.firm(account)) ? blockedByFirm : 0
      const byLane = this.isLaneKilled ? blockedByLane : 0
      this.accounts.setBlocks(account, this.accounts.blocks(account) | byFirm | byLane)
    }
  }

  /** What the orders at hand have set off: quotes are pulled first, then each market that moved is looked at. */
  private settle(): void {
    for (;;) {
      this.pullExhausted()
      const [group] = this.breached
      if (group !== undefined) {
        this.breached.delete(group)
        this.pull(group)
        continue
      }
      const [listing] = this.moved
      if (listing === undefined) break
      this.moved.delete(listing)
      this.settleMarket(listing)
    }
    this.isUnsettled = false
  }

  /** Lots that may fill under an account's quote budget, its protections taken together. */
  private protectedLots(accountId: number, largestQuoteLots: number, besides = ''): number {
    return this.groups
      .all()
      .filter(group => group.accountId === accountId && group.terms !== undefined && group.group !== besides)
      .reduce((sum, { terms }) => sum + (terms?.amountLimitLots ?? 0) + largestQuoteLots, 0)
  }

  private setQuoteBudget(command: SetQuoteBudget): Refusal {
    const { accountId, commandId, lots, largestQuoteLots, lotLossMicros, lotCapMicros } = command
    const margin = this.requireMargin()
    const account = this.accounts.find(accountId)
    if (account === none) return 'unknown-account'
    if (this.groups.all().some(group => group.accountId === accountId && group.orders.size > 0))
      return 'quotes-standing'
    const terms = { lots, largestQuoteLots, lotLossMicros, lotCapMicros }
    const isNone = lots === 0 && largestQuoteLots === 0 && lotLossMicros === 0 && lotCapMicros === 0
    if (!isNone && this.protectedLots(accountId, largestQuoteLots) > lots) return 'quote-budget-below-protection'
    const refusal = margin.setQuoteBudget(account, isNone ? undefined : terms)
    if (refusal !== undefined) return refusal
    const reservedMicros = lots * lotLossMicros
    writeEvent(this.told, { type: 'quote-budget-set', commandId, accountId, ...terms, reservedMicros })
    return undefined
  }

  private pullExhausted(): void {
    for (const account of [...this.exhausted]) if (this.exhausted.delete(account)) this.pullQuotes(account)
  }
  private pullQuotes(account: AccountRecord): void {
    const isQuote = (order: Order): boolean =>
      (this.orders.traits(order) & traits.isQuote) !== 0 && this.orders.level(order) !== noLevel
    this.closeAll(this.ordersOf(account, 0).filter(isQuote), 'quote-budget')
  }

  private pull(group: QuoteGroup): void {
    const frozenMillis = group.terms?.frozenMillis ?? 0
    const frozenUntilMillis = frozenMillis === 0 ? 0 : this.laneMillis + frozenMillis
    group.frozenUntilMillis = frozenMillis === 0 ? Number.POSITIVE_INFINITY : frozenUntilMillis
    group.fills = []
    const chosen = [...group.orders].filter(order => this.orders.level(order) !== noLevel)
    this.closeAll(chosen, 'market-maker-protection')
    const { accountId, group: groupHash } = group
    const cancelledOrders = chosen.length
    writeEvent(this.told, { type: 'protection-triggered', accountId, groupHash, frozenUntilMillis, cancelledOrders })
  }

  private settleMarket(listing: Listing): void {
    if (listing.isTooFast) {
      listing.isTooFast = false
      if (listing.state === stateNumber.continuous) {
        const { haltMillis } = listing.controls
        const untilMillis = haltMillis === 0 ? 0 : this.laneMillis + haltMillis
        this.enterState(listing, stateNumber.halted, 'velocity', noId, untilMillis)
        listing.velocity = new PriceWatch()
      }
    }
    // While it does not trade stops wait; when it trades again they look at the last prices.
    const reached = this.isContinuous(listing)
      ? this.sorted([...listing.waiting].filter(order => this.isReached(order, listing)))
      : []
    listing.lowTicks = 1
    listing.highTicks = 0
    listing.lowMarkTicks = 1
    listing.highMarkTicks = 0
    for (const order of reached) {
      // One of those before it may have cancelled it, or ended continuous trading.
      if (listing.waiting.has(order) && this.isContinuous(listing)) this.trigger(order, listing)
      this.pullExhausted()
      if (this.breached.size > 0)
        for (const group of [...this.breached]) if (this.breached.delete(group)) this.pull(group)
    }
  }

  private isReached(order: Order, listing: Listing): boolean {
    const { triggerTicks, byMark } = this.orders.extrasOf(order)
    const low = byMark ? listing.lowMarkTicks : listing.lowTicks
    const high = byMark ? listing.highMarkTicks : listing.highTicks
    if (high < low) return false
    return this.orders.isSell(order) ? low <= triggerTicks : high >= triggerTicks
  }

  /** A stop order that was reached becomes a limit or market order, if the account can carry it. */
  private trigger(order: Order, listing: Listing): void {
    const { orders, accounts } = this
    const { instrument } = listing
    const holding = orders.holding(order)
    const sells = orders.isSell(order)
    const all = orders.traits(order)
    const { limitTicks } = orders.extrasOf(order)
    const ticks = limitTicks === 0 ? this.protectionTicks(listing, sells, accounts.account(holding)) : limitTicks
    if (ticks === 0) {
      this.close(order, 'no-liquidity', orders.words, order + idAt)
      return
    }
    if ((all & traits.reducesOnly) !== 0) {
      const lots = Math.min(orders.quantityLots(order), this.opposingLots(holding, sells))
      if (lots === 0) {
        this.close(order, 'reduce-only', orders.words, order + idAt)
        return
      }
      const isClipped = lots < orders.quantityLots(order)
      orders.setQuantityLots(order, lots)
      if (isClipped && this.version >= versionOfToldClips)
        this.tellAmended(order, listing, limitTicks, true, 0, orders.words, order + idAt)
    }
    const lots = orders.quantityLots(order)
    const limited = this.limitDesk.limits?.refusal(holding, listing, sells, 0, 0, ticks, lots)
    if (limited !== undefined) {
      this.close(order, limited, orders.words, order + idAt)
      return
    }
    if (isLimited(instrument) && accounts.isBeyondLimit(holding, instrument, sells, lots)) {
      this.close(order, 'position-limit', orders.words, order + idAt)
      return
    }
    const reserve = reserveMicrosOf(instrument, ticks, lots)
    if (this.openVolume(holding, instrument, sells, ticks, lots, reserve) !== undefined) {
      this.close(order, this.shortCode, orders.words, order + idAt)
      return
    }
    listing.waiting.delete(order)
    listing.isWatched = listing.waiting.size > 0 || listing.velocity !== undefined
    orders.setTraits(order, all & ~traits.waits)
    orders.setReserveMicros(order, reserve)
    const event = this.tellTriggered(order, listing, ticks)
    const stopped = this.matchWhole(order, listing, sells, ticks)
    const rested = this.finishAgain(order, listing, sells, ticks, stopped)
    if (rested === noLevel) return
    this.told.words[event + 8] = orders.visibleLots(order)
    putLong(this.told.words, event + 10, this.levels.lots(rested))
  }

  private tellTriggered(order: Order, listing: Listing, ticks: number): number {
    const { orders, told } = this
    const at = told.length
    writeEvent(told, {
      type: 'order-triggered',
      accountId: this.accounts.idOfRecord(this.accounts.account(orders.holding(order))),
      orderId: idTextAt(orders.words, order + idAt),
      instrumentId: listing.instrument.instrumentId,
      priceTicks: ticks,
      restingLots: 0,
      direction: orders.isSell(order) ? 'sell' : 'buy',
      levelLots: 0,
    })
    return at
  }

  private tellDuplicate(from: Int32Array, at: number): void {
    const event = this.told.add(duplicatedHeader, 6)
    this.told.words[event + 1] = 0
    copyId(this.told.words, event + 2, from, at + 2)
  }

  private tellRefusal(type: number, from: Int32Array, at: number, code: RejectionCode): void {
    const { told } = this
    const number = codeNumbers.get(code) as number
    if (type !== placeOrder && type !== placeOrderWithInstructions) {
      const event = told.add(commandRejectedHeader, 8)
      told.words[event + 1] = from[at + 1] as number
      copyId(told.words, event + 2, from, at + 2)
      told.words[event + 6] = number | ((type === listContract ? listInstrument : type) << 16)
      told.words[event + 7] = 0
      return
    }
    const tail = wordsOf(from[at] as number) - plainTailAt
    const length = rejectedWords + tail
    const name = type === placeOrder ? 'order-rejected' : 'order-rejected-with-instructions'
    const event = told.add(headerOf(eventType[name], length * 4), length)
    const { words } = told
    for (let word = 1; word < plainTailAt; word += 1) words[event + word] = from[at + word] as number
    words[event + 12] = number
    words[event + 13] = 0
    for (let word = 0; word < tail; word += 1)
      words[event + rejectedWords + word] = from[at + plainTailAt + word] as number
  }
}

/** Asked first, so that an order in a contract without a limit costs no more than this. */
const isLimited = ({ positionLimitLots }: Instrument): boolean => positionLimitLots !== noPositionLimit

/** Why an order may not enter or change in a state other than continuous trading. */
const refusalInState = (state: number, mayRest: boolean): Refusal => {
  if (state === stateNumber.preOpen || state === stateNumber.auction)
    return mayRest ? undefined : 'order-type-not-allowed'
  if (state === stateNumber.halted) return 'instrument-halted'
  return state === stateNumber.continuous ? undefined : 'instrument-not-open'
}

/** The worst price at which the band lets a side trade. */
const bandTicks = (listing: Listing, sells: boolean): number => {
  const reference = listing.referenceTicks()
  const width = Math.floor((reference * listing.controls.bandPpm) / 1_000_000)
  return sells ? Math.max(1, reference - width) : reference + width
}

const isOutsideBand = (listing: Listing, sells: boolean, ticks: number): boolean => {
  if (listing.referenceTicks() === 0) return false
  const bound = bandTicks(listing, sells)
  return sells ? ticks < bound : ticks > bound
}

const preventionOf = ({ selfTradePrevention }: PlaceOrder): number => {
  switch (selfTradePrevention) {
    case 'none':
      return 0
    case 'cancel_newest':
      return traits.preventsNewest
    case 'cancel_oldest':
      return traits.preventsOldest
    case 'cancel_both':
      return preventive
  }
}
