import type { AccountRecord, Accounts, HoldingRecord } from '../ledger/accounts.ts'
import { feeMicros } from '../ledger/fees.ts'
import type { RejectionCode } from '../outcome.ts'
import type { Instrument } from '../reference/instrument.ts'
import type { AwardLots, GateState, HoldBid, SetGate, WithdrawBid } from './commands.ts'
import { writeEvent } from './event-messages.ts'
import type { AwardLeg } from './events.ts'
import { type Hold, type LaneMargin, maxCashMicros } from './lane-margin.ts'
import { blockCodeOf } from './liquidations.ts'
import type { Listing } from './listing.ts'
import { none } from './orders.ts'
import type { Tape } from './tape.ts'

type Refusal = RejectionCode | undefined

/** Of one account, of bids and payments together. */
export const maxHolds = 1_000

export interface BidGatesState {
  /** By name. */
  readonly gates: readonly (readonly [gateName: string, state: GateState])[]
  /** Holds of bids, by id; how much and whose they are lies with all other holds. */
  readonly bids: readonly (readonly [holdId: string, gateName: string])[]
}

interface Surroundings {
  readonly accounts: Accounts
  readonly listings: readonly (Listing | undefined)[]
  readonly told: Tape
  margin(): LaneMargin
  /** Whether it may still be traded, auctions and halts included. */
  isOpen(listing: Listing): boolean
  movePosition(
    holding: HoldingRecord,
    instrument: Instrument,
    signedLots: number,
    ticks: number,
    refundMicros: number,
  ): Refusal
  movePositionBack(
    holding: HoldingRecord,
    instrument: Instrument,
    signedLots: number,
    ticks: number,
    refundMicros: number,
    saved: Float64Array,
  ): void
  earn(micros: number): void
}

/** Bids of auctions that are cleared elsewhere: their gates, what is put by for them, and what they are awarded. From engine version 5 on. */
export class BidGates {
  private readonly gates = new Map<string, GateState>()
  /** Names of gates, by hold. */
  private readonly bids = new Map<string, string>()
  /** How many holds an account has for a gate; none is left out. */
  private readonly counts = new Map<string, number>()
  private readonly surroundings: Surroundings

  constructor(surroundings: Surroundings) {
    this.surroundings = surroundings
  }

  set({ commandId, gateName, state }: SetGate): Refusal {
    const before = this.gates.get(gateName)
    if (before === undefined && state === 'closed') return 'unknown-gate'
    if (before === 'closed' && state === 'open') return 'gate-closed'
    this.gates.set(gateName, state)
    writeEvent(this.surroundings.told, { type: 'gate-set', commandId, gateName, state })
    return undefined
  }

  hold(command: HoldBid): Refusal {
    const { accountId, commandId, gateName, amountMicros, replacesHoldId } = command
    const { accounts, told } = this.surroundings
    const margin = this.surroundings.margin()
    const account = accounts.find(accountId)
    if (account === none) return 'unknown-account'
    const refusal = this.closedRefusal(gateName)
    if (refusal !== undefined) return refusal
    if (amountMicros < 0) return 'amount-out-of-range'
    const blocks = accounts.blocks(account)
    if (blocks !== 0) return blockCodeOf(blocks)
    const replaced = margin.holds.get(replacesHoldId)
    const isOwn = replaced?.account === account && this.bids.get(replacesHoldId) === gateName
    if (replacesHoldId !== '' && !isOwn) return 'unknown-hold'
    if (replaced === undefined && accounts.holds(account) >= maxHolds) return 'hold-limit'
    const addedMicros = amountMicros - (replaced?.micros ?? 0)
    const short = addedMicros > 0 ? margin.takeCash(account, addedMicros) : undefined
    if (short !== undefined) return short
    if (addedMicros < 0) margin.addCash(account, -addedMicros)
    if (replaced !== undefined) this.drop(replacesHoldId, replaced)
    margin.addHold(commandId, account, amountMicros)
    this.note(commandId, account, gateName)
    const heldMicros = accounts.heldMicros(account)
    writeEvent(told, {
      type: 'bid-held',
      commandId,
      accountId,
      gateName,
      amountMicros,
      replacesHoldId,
      heldMicros,
    })
    return undefined
  }

  withdraw({ accountId, commandId, holdId }: WithdrawBid): Refusal {
    const { accounts, told } = this.surroundings
    const margin = this.surroundings.margin()
    const account = accounts.find(accountId)
    if (account === none) return 'unknown-account'
    const hold = margin.holds.get(holdId)
    if (hold?.account !== account || !this.isBid(holdId)) return 'unknown-hold'
    if (!this.isBeforeGate(holdId)) return 'gate-closed'
    margin.addCash(account, hold.micros)
    this.drop(holdId, hold)
    const heldMicros = accounts.heldMicros(account)
    writeEvent(told, {
      type: 'hold-released',
      commandId,
      accountId,
      holdId,
      releasedMicros: hold.micros,
      heldMicros,
    })
    return undefined
  }

  isBid(holdId: string): boolean {
    return this.bids.has(holdId)
  }

  /** Whether it belongs to a bid that may still be changed. */
  isBeforeGate(holdId: string): boolean {
    const gateName = this.bids.get(holdId)
    return gateName !== undefined && this.gates.get(gateName) === 'open'
  }

  /** A hold, of a bid or not, whose cash is the account's again; who was awarded more than it can carry is called then. */
  free(holdId: string, hold: Hold): void {
    const margin = this.surroundings.margin()
    margin.addCash(hold.account, hold.micros)
    const gateName = this.bids.get(holdId)
    this.drop(holdId, hold)
    if (gateName !== undefined) this.watch(hold.account, gateName)
  }

  private note(holdId: string, account: AccountRecord, gateName: string): void {
    const key = keyOf(account, gateName)
    this.bids.set(holdId, gateName)
    this.counts.set(key, (this.counts.get(key) ?? 0) + 1)
  }

  private drop(holdId: string, hold: Hold): void {
    this.surroundings.margin().removeHold(holdId, hold)
    const gateName = this.bids.get(holdId)
    if (gateName === undefined) return
    this.bids.delete(holdId)
    const key = keyOf(hold.account, gateName)
    const left = (this.counts.get(key) ?? 0) - 1
    if (left > 0) this.counts.set(key, left)
    else this.counts.delete(key)
  }

  /** What its bids hold is for what they are awarded: only once all of it is free does it show what the account lacks. */
  private watch(account: AccountRecord, gateName: string): void {
    if (!this.counts.has(keyOf(account, gateName))) this.surroundings.margin().watch(account)
  }

  private closedRefusal(gateName: string): Refusal {
    const state = this.gates.get(gateName)
    if (state === undefined) return 'unknown-gate'
    return state === 'closed' ? 'gate-closed' : undefined
  }

  /** The bids' holds were for it: nobody's margin is asked. */
  award(command: AwardLots): Refusal {
    const { commandId, gateName, instrumentId, priceTicks, lots, buyAccountId, sellAccountId } = command
    const { accounts, listings, told } = this.surroundings
    const closed = this.closedRefusal(gateName)
    if (closed !== 'gate-closed') return closed ?? 'gate-open'
    const buyer = accounts.find(buyAccountId)
    const seller = accounts.find(sellAccountId)
    if (buyer === none || seller === none) return 'unknown-account'
    const listing = listings[instrumentId]
    if (listing === undefined) return 'unknown-instrument'
    const { instrument } = listing
    if (instrument.terms.kind === 'collateral') return 'is-collateral'
    if (!this.surroundings.isOpen(listing)) return 'instrument-not-open'
    if (priceTicks < 0 || priceTicks > instrument.maxPriceTicks) return 'price-out-of-range'
    if (lots < 1) return 'amount-out-of-range'
    if (this.isBeyondCounting(buyer) || this.isBeyondCounting(seller)) return 'exposure-too-large'
    const { makerCommissionPpm } = instrument.specification
    const fee = feeMicros(makerCommissionPpm, priceTicks * lots * instrument.microsPerTickLot)
    const bought = accounts.holdingOf(buyer, instrumentId)
    const sold = accounts.holdingOf(seller, instrumentId)
    const beforeBuyer = accounts.save(bought)
    const refusedBuyer = this.take(bought, instrument, lots, priceTicks, fee, beforeBuyer)
    if (refusedBuyer !== undefined) return refusedBuyer
    const buy = this.leg(bought, fee)
    const refusedSeller = this.take(sold, instrument, -lots, priceTicks, fee, accounts.save(sold))
    if (refusedSeller !== undefined) {
      this.surroundings.movePositionBack(bought, instrument, lots, priceTicks, -fee, beforeBuyer)
      return refusedSeller
    }
    const sell = this.leg(sold, fee)
    this.surroundings.earn(2 * fee)
    writeEvent(told, {
      type: 'lots-awarded',
      commandId,
      gateName,
      instrumentId,
      priceTicks,
      lots,
      houseFeesMicros: 2 * fee,
      buy,
      sell,
    })
    this.watch(buyer, gateName)
    this.watch(seller, gateName)
    return undefined
  }

  /** All or nothing: what it would make of the account must still be countable. */
  private take(
    holding: HoldingRecord,
    instrument: Instrument,
    signedLots: number,
    ticks: number,
    fee: number,
    saved: Float64Array,
  ): Refusal {
    const refusal = this.surroundings.movePosition(holding, instrument, signedLots, ticks, 0 - fee)
    if (refusal !== undefined) return refusal
    if (this.surroundings.accounts.isBounded(holding, instrument)) return undefined
    this.surroundings.movePositionBack(holding, instrument, signedLots, ticks, 0 - fee, saved)
    return 'notional-too-large'
  }

  /** What it has and holds is so far from nothing that no more can be counted. */
  private isBeyondCounting(account: AccountRecord): boolean {
    const { accounts } = this.surroundings
    const free = accounts.cashMicros(account) - accounts.heldMicros(account)
    return free < -maxCashMicros || accounts.cashMicros(account) > maxCashMicros
  }

  private leg(holding: HoldingRecord, fee: number): AwardLeg {
    const { accounts } = this.surroundings
    return {
      accountId: accounts.idOf(holding),
      feeMicros: fee,
      position: {
        sizeLots: accounts.sizeLots(holding),
        entryTickLots: accounts.entryTickLots(holding),
        realisedMicros: accounts.realisedMicros(holding),
      },
      cashMicros: accounts.cashMicros(accounts.account(holding)),
    }
  }

  /** Undefined before there was any. */
  capture(): BidGatesState | undefined {
    if (this.gates.size === 0) return undefined
    return { gates: byName(this.gates), bids: byName(this.bids) }
  }

  /** Once the holds are as they were. */
  restore({ gates, bids }: BidGatesState): void {
    for (const [gateName, state] of gates) this.gates.set(gateName, state)
    const { holds } = this.surroundings.margin()
    for (const [holdId, gateName] of bids) {
      const hold = holds.get(holdId)
      if (hold === undefined) throw new Error(`the snapshot has a bid that holds nothing: ${holdId}`)
      this.note(holdId, hold.account, gateName)
    }
  }
}

const keyOf = (account: AccountRecord, gateName: string): string => `${account} ${gateName}`

const byName = <Value>(map: ReadonlyMap<string, Value>): (readonly [string, Value])[] =>
  [...map].sort(([a], [b]) => (a < b ? -1 : 1))
