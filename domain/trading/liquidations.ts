import { type AccountRecord, type Accounts, type HoldingRecord, reserveMicrosOf } from '../ledger/accounts.ts'
import type { RejectionCode } from '../outcome.ts'
import { type Instrument, noPositionLimit } from '../reference/instrument.ts'
import type {
  BeginLiquidation,
  CoverLoss,
  EndLiquidation,
  HaircutGains,
  JoinLiquidation,
  LiquidatePosition,
  TransferPosition,
} from './commands.ts'
import { writeEvent } from './event-messages.ts'
import type { PaidShare, TransferLeg } from './events.ts'
import { putIdText } from './identifiers.ts'
import { type LaneMargin, maxCashMicros } from './lane-margin.ts'
import type { Listing } from './listing.ts'
import { commandType, headerOf } from './messages.ts'
import { Tape } from './tape.ts'

type Refusal = RejectionCode | undefined

/** A bit of what blocks an account, beside those of the kill switches. */
const blockedByLiquidation = 8

/** Why an account that something blocks may not trade. */
export const blockCodeOf = (blocks: number): 'kill-switch-on' | 'account-in-liquidation' =>
  (blocks & blockedByLiquidation) === 0 ? 'kill-switch-on' : 'account-in-liquidation'

/** Those under way, by account; told of a satellite that was joined. */
export type LiquidationsState = readonly (readonly [accountId: number, liquidationId: string, isJoined?: true])[]

/** What a liquidation needs of the exchange around it. */
interface LiquidationFloor {
  readonly accounts: Accounts
  readonly listings: readonly (Listing | undefined)[]
  readonly told: Tape
  margin(): LaneMargin
  /** All that an account has open, in the name of the command whose id lies in `words`; answers how many orders that was. */
  cancelAll(account: AccountRecord, words: Int32Array, idWord: number): number
  /** Why an order that may not rest cannot enter now. */
  entryRefusal(listing: Listing, sells: boolean, ticks: number): Refusal
  isOpenOrder(words: Int32Array, idWord: number): boolean
  /** Whether it trades here on a budget of another lane. */
  isSatellite(account: AccountRecord): boolean
  /** An immediate order as it lies on a tape, whether or not the account can carry it; answers how much of it fills. */
  trade(placed: Tape, holding: HoldingRecord, listing: Listing, reserveMicros: number): number
  movePosition(holding: HoldingRecord, instrument: Instrument, signedLots: number, ticks: number): Refusal
  movePositionBack(
    holding: HoldingRecord,
    instrument: Instrument,
    signedLots: number,
    ticks: number,
    saved: Float64Array,
  ): void
}

const placedWords = 12
const placedHeader = headerOf(commandType['place-order'], placedWords * 4)
const immediate = 0x01_0000

/**
 * Accounts that need more than they have, step by step as they are told: each step does what it says or is refused, and none
 * decides what the next one is. From engine version 4 on.
 */
export class Liquidations {
  /** By account: the id of the command that began it. */
  private readonly underWay = new Map<AccountRecord, string>()
  /** Satellites that are liquidated with their home. */
  private readonly joined = new Set<AccountRecord>()
  private readonly placed = new Tape(placedWords)
  private readonly floor: LiquidationFloor

  constructor(floor: LiquidationFloor) {
    this.floor = floor
  }

  begin({ accountId, commandId }: BeginLiquidation, words: Int32Array, idWord: number): Refusal {
    const { accounts, told } = this.floor
    const margin = this.floor.margin()
    const account = accounts.find(accountId)
    if (account === 0) return 'unknown-account'
    if (this.underWay.has(account)) return 'liquidation-under-way'
    const { equityMicros, requirementMicros } = margin.figures(account)
    if (requirementMicros <= equityMicros) return 'not-under-margin-call'
    this.block(account, commandId)
    const cancelledOrders = this.floor.cancelAll(account, words, idWord)
    const { epochVersion } = margin
    const { requirementMicros: afterRequirementMicros } = margin.figures(account)
    const figures = { equityMicros, requirementMicros, afterRequirementMicros }
    writeEvent(told, { type: 'liquidation-begun', commandId, accountId, epochVersion, cancelledOrders, ...figures })
    return undefined
  }

  /**
   * Whatever the account has here: it is short where its home is. One that was begun here, while its home did not answer, is
   * taken over, and its steps find that it is no more. From engine version 7 on.
   */
  join({ accountId, liquidationId, commandId }: JoinLiquidation, words: Int32Array, idWord: number): Refusal {
    const { accounts, told } = this.floor
    const account = accounts.find(accountId)
    if (account === 0) return 'unknown-account'
    if (!this.floor.isSatellite(account)) return 'lane-not-joined'
    if (this.joined.has(account)) return 'liquidation-under-way'
    this.block(account, liquidationId)
    this.joined.add(account)
    const cancelledOrders = this.floor.cancelAll(account, words, idWord)
    const { equityMicros, requirementMicros } = this.floor.margin().figures(account)
    const figures = { equityMicros, requirementMicros }
    writeEvent(told, { type: 'liquidation-joined', commandId, accountId, liquidationId, cancelledOrders, ...figures })
    return undefined
  }

  /** Undefined where it is in none. */
  idOf(account: AccountRecord): string | undefined {
    return this.underWay.get(account)
  }

  reduce(command: LiquidatePosition): Refusal {
    const { accounts, listings, told } = this.floor
    const { accountId, liquidationId, commandId, instrumentId, direction, quantityLots, limitTicks } = command
    const account = accounts.find(accountId)
    if (account === 0) return 'unknown-account'
    const listing = listings[instrumentId]
    if (listing === undefined) return 'unknown-instrument'
    if (this.underWay.get(account) !== liquidationId) return 'unknown-liquidation'
    const { instrument } = listing
    const sells = direction === 'sell'
    if (limitTicks < 1 || limitTicks > instrument.maxPriceTicks) return 'price-out-of-range'
    const refusal = this.floor.entryRefusal(listing, sells, limitTicks)
    if (refusal !== undefined) return refusal
    if (quantityLots < 1) return 'amount-out-of-range'
    const holding = accounts.holdingOf(account, instrumentId)
    const size = accounts.sizeLots(holding)
    if (quantityLots > (sells ? size : -size)) return 'reduce-only-would-increase'
    const placed = this.immediateOrder(command, instrument.specificationVersion)
    if (this.floor.isOpenOrder(placed.words, 2)) return 'duplicate-order'
    const reserve = reserveMicrosOf(instrument, limitTicks, quantityLots)
    const filledLots = this.floor.trade(placed, holding, listing, reserve)
    const { equityMicros, requirementMicros } = this.floor.margin().figures(account)
    const lots = { direction, requestedLots: quantityLots, filledLots }
    const after = { equityMicros, requirementMicros }
    writeEvent(told, {
      type: 'liquidation-tranche',
      commandId,
      liquidationId,
      accountId,
      instrumentId,
      ...lots,
      ...after,
    })
    return undefined
  }

  /** It bears the command's id, and is told as any other. */
  private immediateOrder(
    { commandId, accountId, instrumentId, direction, quantityLots, limitTicks }: LiquidatePosition,
    specificationVersion: number,
  ): Tape {
    const { placed } = this
    placed.clear()
    placed.add(placedHeader, placedWords)
    const { words } = placed
    words[1] = accountId
    putIdText(words, 2, commandId)
    words[6] = instrumentId
    words[7] = specificationVersion
    words[8] = limitTicks
    words[9] = quantityLots
    words[10] = (direction === 'sell' ? 1 : 0) | immediate
    words[11] = 0
    return placed
  }

  transfer(command: TransferPosition): Refusal {
    const { accounts, listings, told } = this.floor
    const { accountId, toAccountId, liquidationId, commandId, instrumentId, signedLots, priceTicks } = command
    const margin = this.floor.margin()
    const account = accounts.find(accountId)
    const receiver = accounts.find(toAccountId)
    if (account === 0 || receiver === 0) return 'unknown-account'
    const listing = listings[instrumentId]
    if (listing === undefined) return 'unknown-instrument'
    if (this.underWay.get(account) !== liquidationId) return 'unknown-liquidation'
    const { instrument } = listing
    if (priceTicks < 0 || priceTicks > instrument.maxPriceTicks) return 'price-out-of-range'
    if (signedLots === 0) return 'amount-out-of-range'
    // The account itself is blocked too.
    const blocks = accounts.blocks(receiver)
    if (blocks !== 0) return blockCodeOf(blocks)
    const from = accounts.holdingOf(account, instrumentId)
    const size = accounts.sizeLots(from)
    if (signedLots > 0 ? signedLots > size : signedLots < size) return 'reduce-only-would-increase'
    const to = accounts.holdingOf(receiver, instrumentId)
    if (isBeyondLimit(accounts, to, instrument, signedLots)) return 'position-limit'
    if (margin.isBeyondCounting(receiver)) return 'exposure-too-large'
    const before = accounts.save(to)
    const refusal = this.take(to, instrument, signedLots, priceTicks)
    if (refusal !== undefined) return refusal
    const isBounded = accounts.isBounded(to, instrument)
    if (!isBounded || !margin.isCovered(receiver)) {
      this.giveBack(to, instrument, signedLots, priceTicks, before)
      return isBounded ? margin.shortCode : 'notional-too-large'
    }
    const left = this.take(from, instrument, -signedLots, priceTicks)
    if (left !== undefined) throw new Error(`a position that is reduced cannot be counted: ${left}`)
    const { equityMicros, requirementMicros } = margin.figures(account)
    writeEvent(told, {
      type: 'position-transferred',
      commandId,
      liquidationId,
      accountId,
      instrumentId,
      toAccountId,
      signedLots,
      priceTicks,
      from: this.leg(from),
      to: this.leg(to),
      equityMicros,
      requirementMicros,
    })
    return undefined
  }

  /** Collateral costs nothing to hold: its price is paid at once. */
  private take(holding: HoldingRecord, instrument: Instrument, lots: number, ticks: number): Refusal {
    if (instrument.terms.kind !== 'collateral') return this.floor.movePosition(holding, instrument, lots, ticks)
    const { accounts } = this.floor
    const paidMicros = lots * ticks * instrument.microsPerTickLot
    const refusal = this.floor.margin().movePosition(holding, lots, paidMicros)
    if (refusal !== undefined) return refusal
    accounts.addLots(holding, lots)
    accounts.addCash(accounts.account(holding), -paidMicros)
    return undefined
  }

  private giveBack(
    holding: HoldingRecord,
    instrument: Instrument,
    lots: number,
    ticks: number,
    saved: Float64Array,
  ): void {
    if (instrument.terms.kind !== 'collateral') {
      this.floor.movePositionBack(holding, instrument, lots, ticks, saved)
      return
    }
    const refusal = this.take(holding, instrument, -lots, ticks)
    if (refusal !== undefined) throw new Error(`what was counted before cannot be now: ${refusal}`)
  }

  private leg(holding: HoldingRecord): TransferLeg {
    const { accounts } = this.floor
    return {
      position: {
        sizeLots: accounts.sizeLots(holding),
        entryTickLots: accounts.entryTickLots(holding),
        realisedMicros: accounts.realisedMicros(holding),
      },
      cashMicros: accounts.cashMicros(accounts.account(holding)),
    }
  }

  cover({ accountId, fundAccountId, liquidationId, commandId, amountMicros }: CoverLoss): Refusal {
    const { accounts, told } = this.floor
    const margin = this.floor.margin()
    const account = accounts.find(accountId)
    const fund = accounts.find(fundAccountId)
    if (account === 0 || fund === 0) return 'unknown-account'
    const refusal = this.lossRefusal(account, liquidationId)
    if (refusal !== undefined) return refusal
    if (amountMicros < 1 || amountMicros > -accounts.cashMicros(account)) return 'amount-out-of-range'
    const short = margin.takeCash(fund, amountMicros)
    if (short !== undefined) return short
    accounts.addCash(fund, -amountMicros)
    margin.addCash(account, amountMicros)
    accounts.addCash(account, amountMicros)
    const cashMicros = accounts.cashMicros(account)
    const fundCashMicros = accounts.cashMicros(fund)
    const paid = { fundAccountId, amountMicros, cashMicros, fundCashMicros }
    writeEvent(told, { type: 'loss-covered', commandId, liquidationId, accountId, ...paid })
    return undefined
  }

  /** Who pays may itself be left short, and is called then. */
  haircut({ accountId, liquidationId, commandId, shares }: HaircutGains): Refusal {
    const { accounts, told } = this.floor
    const margin = this.floor.margin()
    const account = accounts.find(accountId)
    if (account === 0) return 'unknown-account'
    const refusal = this.lossRefusal(account, liquidationId)
    if (refusal !== undefined) return refusal
    if (shares.length === 0) return 'haircut-invalid'
    let owed = -accounts.cashMicros(account)
    let last = 0
    for (const share of shares) {
      const payer = accounts.find(share.accountId)
      if (payer === 0) return 'unknown-account'
      if (share.accountId <= last || payer === account) return 'haircut-invalid'
      if (share.amountMicros < 1 || share.amountMicros > owed) return 'amount-out-of-range'
      if (accounts.cashMicros(payer) - share.amountMicros < -maxCashMicros) return 'exposure-too-large'
      owed -= share.amountMicros
      last = share.accountId
    }
    const paid = shares.map(share => this.takeShare(share.accountId, share.amountMicros))
    const amountMicros = shares.reduce((sum, share) => sum + share.amountMicros, 0)
    margin.addCash(account, amountMicros)
    accounts.addCash(account, amountMicros)
    const cashMicros = accounts.cashMicros(account)
    writeEvent(told, { type: 'gains-haircut', commandId, liquidationId, accountId, cashMicros, shares: paid })
    return undefined
  }

  private takeShare(accountId: number, amountMicros: number): PaidShare {
    const { accounts } = this.floor
    const margin = this.floor.margin()
    const payer = accounts.find(accountId)
    margin.addCash(payer, -amountMicros)
    accounts.addCash(payer, -amountMicros)
    margin.watch(payer)
    return { accountId, amountMicros, cashMicros: accounts.cashMicros(payer) }
  }

  /** What an account owes is known once it has no position any more. */
  private lossRefusal(account: AccountRecord, liquidationId: string): Refusal {
    const { accounts } = this.floor
    if (this.underWay.get(account) !== liquidationId) return 'unknown-liquidation'
    for (let holding = accounts.firstHolding(account); holding !== 0; holding = accounts.nextHolding(holding))
      if (accounts.sizeLots(holding) !== 0) return 'liquidation-positions-left'
    return accounts.cashMicros(account) < 0 ? undefined : 'no-loss-to-cover'
  }

  end({ accountId, liquidationId, commandId }: EndLiquidation): Refusal {
    const { accounts, told } = this.floor
    const account = accounts.find(accountId)
    if (account === 0) return 'unknown-account'
    if (this.underWay.get(account) !== liquidationId) return 'unknown-liquidation'
    const { equityMicros, requirementMicros } = this.floor.margin().figures(account)
    // Of all lanes its home was asked.
    if (requirementMicros > equityMicros && !this.joined.has(account)) return 'still-under-margin-call'
    this.underWay.delete(account)
    this.joined.delete(account)
    accounts.setBlocks(account, accounts.blocks(account) & ~blockedByLiquidation)
    const figures = { equityMicros, requirementMicros }
    writeEvent(told, { type: 'liquidation-ended', commandId, liquidationId, accountId, ...figures })
    return undefined
  }

  private block(account: AccountRecord, liquidationId: string): void {
    const { accounts } = this.floor
    this.underWay.set(account, liquidationId)
    accounts.setBlocks(account, accounts.blocks(account) | blockedByLiquidation)
  }

  capture(): LiquidationsState {
    const { accounts } = this.floor
    return [...this.underWay]
      .map(([account, liquidationId]): LiquidationsState[number] => {
        const accountId = accounts.idOfRecord(account)
        return this.joined.has(account) ? [accountId, liquidationId, true] : [accountId, liquidationId]
      })
      .sort(([a], [b]) => a - b)
  }

  /** Once the accounts are as they were. */
  restore(state: LiquidationsState): void {
    for (const [accountId, liquidationId, isJoined] of state) {
      const account = this.floor.accounts.recordOf(accountId)
      this.block(account, liquidationId)
      if (isJoined === true) this.joined.add(account)
    }
  }
}

const isBeyondLimit = (accounts: Accounts, holding: HoldingRecord, instrument: Instrument, lots: number): boolean =>
  instrument.positionLimitLots !== noPositionLimit &&
  accounts.isBeyondLimit(holding, instrument, lots < 0, Math.abs(lots))
