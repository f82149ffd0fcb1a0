import type { QuoteBudgetTerms } from '../margin/margin-book.ts'
import type { RejectionCode } from '../outcome.ts'
import type { Instrument } from '../reference/instrument.ts'
import {
  type Command,
  type DeliveryOutcome,
  type Direction,
  type GainShare,
  type GateState,
  type KillScope,
  type LaneRole,
  type PlaceOrder,
  type ProtectionLimits,
  type SettlementKind,
  settlementKinds,
} from './commands.ts'
import type { LimitScale, LimitScope, LimitTerms } from './limit-terms.ts'
import type { MarketControls, TradingState } from './market-controls.ts'

/**
 * What the engine says, and all it says. Every fact carries the state it leads to, absolute, so that whoever projects
 * it stores and never adds up. Field by field in docs/protocol/executions.md.
 */
/** As placed; only the price of an accepted market order is its protection. */
export type OrderFields = Omit<PlaceOrder, 'type'>

export interface OrderAccepted extends OrderFields {
  readonly type: 'order-accepted'
  /** Name of the group whose mass quote placed it; empty where none did. */
  readonly quoteGroup: string
  /** What others see of it in the book once the command is done. */
  readonly restingLots: number
  /** Visible lots at its price then, its own included. */
  readonly levelLots: number
}

export interface OrderRejected extends OrderFields {
  readonly type: 'order-rejected'
  readonly code: RejectionCode
}

/** One side of a trade, and all that it leads to on that side. */
export interface TradeLeg {
  readonly orderId: string
  readonly accountId: number
  readonly direction: Direction
  /** The order, after this fill. Price times quantity summed over its fills gives its average price. */
  readonly filledLots: number
  readonly remainingLots: number
  readonly filledTickLots: number
  readonly feeMicros: number
  readonly position: PositionState
  readonly cashMicros: number
}

export interface PositionState {
  /** Signed: short is negative. */
  readonly sizeLots: number
  /** Signed entry cost of what is open, price ticks times lots; over the size it is the average price. */
  readonly entryTickLots: number
  /** Since the position was first opened, fees not included. */
  readonly realisedMicros: number
}

export interface TradeExecuted {
  readonly type: 'trade-executed'
  /** In an auction the maker is the buyer and the taker the seller. */
  readonly isAuction: boolean
  readonly instrumentId: number
  /** The maker's price. */
  readonly priceTicks: number
  readonly quantityLots: number
  readonly maker: TradeLeg
  readonly taker: TradeLeg
  /** What the house earns: both fees. With both changes of cash it sums to zero against the realised results. */
  readonly houseFeesMicros: number
  /** Visible lots that are left at the maker's price. */
  readonly levelLots: number
  /** In an auction, the prices at which both rested, which may be better than the trade's; 0 otherwise. */
  readonly makerLevelTicks: number
  readonly takerLevelTicks: number
  /** Visible lots that are left at the taker's, in an auction; 0 otherwise. */
  readonly takerLevelLots: number
}

/** Their positions are their numbers on the wire: append only. */
export const cancelReasons = [
  'user-request',
  'immediate-or-cancel',
  'instrument-expired',
  'self-trade',
  'fill-or-kill',
  'reduce-only',
  'expired',
  'kill-switch',
  'market-maker-protection',
  'dead-man',
  'no-liquidity',
  'insufficient-funds',
  'replaced',
  'instrument-delisted',
  'instrument-adjusted',
  'position-limit',
  'insufficient-margin',
  'liquidation',
  'order-size-limit',
  'order-notional-limit',
  'net-delta-limit',
  'gross-delta-limit',
  'vega-limit',
  'concentration-limit',
  'daily-loss-limit',
  'price-outside-collar',
  'quote-budget',
] as const
export type CancelReason = (typeof cancelReasons)[number]

export interface OrderCancelled {
  readonly type: 'order-cancelled'
  /** The command that asked for it; that of the order itself where it was not asked for. */
  readonly commandId: string
  readonly orderId: string
  readonly accountId: number
  readonly reason: CancelReason
  readonly filledLots: number
  /** What was taken off the book. */
  readonly cancelledLots: number
  readonly instrumentId: number
  /** Where it rested; 0 where it did not. */
  readonly priceTicks: number
  readonly direction: Direction
  readonly levelLots: number
}

export interface OrderAmended {
  readonly type: 'order-amended'
  /** The command that asked for it; that of the order itself where a stop that only reduces was triggered as a smaller one. */
  readonly commandId: string
  readonly orderId: string
  readonly accountId: number
  readonly priceTicks: number
  readonly quantityLots: number
  readonly filledLots: number
  readonly keptPriority: boolean
  readonly direction: Direction
  readonly instrumentId: number
  /** Where it rested before; 0 where it did not. */
  readonly previousTicks: number
  readonly previousLevelLots: number
  readonly levelLots: number
}

/** A command other than an order, refused; nothing has changed. */
export interface CommandRejected {
  readonly type: 'command-rejected'
  readonly commandId: string
  readonly commandType: Exclude<Command['type'], 'place-order'>
  /** 0 where the command names none. */
  readonly accountId: number
  readonly code: RejectionCode
}

export interface AccountOpened {
  readonly type: 'account-opened'
  readonly commandId: string
  readonly accountId: number
  readonly account: string
  readonly firm: string
  /** That of the first account of the firm. */
  readonly firmId: number
}

export interface Deposited {
  readonly type: 'deposited'
  readonly commandId: string
  readonly accountId: number
  readonly amountMicros: number
  readonly cashMicros: number
}

export interface InstrumentListed {
  readonly type: 'instrument-listed'
  readonly commandId: string
  readonly instrument: Instrument
}

export interface InstrumentExpired {
  readonly type: 'instrument-expired'
  readonly commandId: string
  readonly instrumentId: number
}

/** A command that had its disposition already; nothing has changed. */
export interface CommandDuplicated {
  readonly type: 'command-duplicated'
  readonly commandId: string
}

/** Once in each second of lane time in which anything, a tick included, arrived. */
export interface TimeAdvanced {
  readonly type: 'time-advanced'
  readonly atMillis: number
}

/** A record that could not be read as a frame of commands, or at which the engine failed. None of it was applied. */
export interface FramePoisoned {
  readonly type: 'frame-poisoned'
  readonly reason: PoisonReason
  readonly bytes: number
  /** SHA-256 of the record, hex. */
  readonly sha256: string
}

/** Their positions are their numbers on the wire: append only. */
export const poisonReasons = [
  'too-short',
  'not-a-frame',
  'unknown-version',
  'wrong-kind',
  'wrong-lane',
  'wrong-length',
  'wrong-checksum',
  'unknown-message',
  'malformed-message',
  'engine-failed',
] as const
export type PoisonReason = (typeof poisonReasons)[number]

/** A stop order whose price was reached: from now on an order like any other. */
export interface OrderTriggered {
  readonly type: 'order-triggered'
  readonly accountId: number
  readonly orderId: string
  readonly instrumentId: number
  /** Its limit or protection from now on. */
  readonly priceTicks: number
  readonly restingLots: number
  readonly direction: Direction
  readonly levelLots: number
}

/** Their positions are their numbers on the wire: append only. */
export const stateCauses = ['command', 'velocity', 'timer', 'expiration'] as const
export type StateCause = (typeof stateCauses)[number]

export interface TradingStateChanged {
  readonly type: 'trading-state-changed'
  readonly instrumentId: number
  /** All zeros where no command asked for it. */
  readonly commandId: string
  readonly state: TradingState
  readonly cause: StateCause
  /** Where an auction ended: its price and what traded; 0 where nothing did. */
  readonly uncrossTicks: number
  readonly uncrossLots: number
  readonly untilMillis: number
}

export interface MarketControlsSet extends MarketControls {
  readonly type: 'market-controls-set'
  readonly instrumentId: number
  readonly commandId: string
}

export interface MarkPriceSet {
  readonly type: 'mark-price-set'
  readonly instrumentId: number
  readonly commandId: string
  readonly markTicks: number
}

/** The end of a mass quote: what it did lies before it, in events of the orders. */
export interface Quoted {
  readonly type: 'quoted'
  readonly accountId: number
  readonly commandId: string
  readonly groupHash: string
  readonly acceptedSides: number
  readonly rejectedSides: number
}

/** One side of one quote of many. */
export interface QuoteRejected {
  readonly type: 'quote-rejected'
  readonly accountId: number
  readonly commandId: string
  readonly instrumentId: number
  readonly code: RejectionCode
  readonly direction: Direction
}

export interface ProtectionSet extends ProtectionLimits {
  readonly type: 'protection-set'
  readonly accountId: number
  readonly commandId: string
  readonly groupHash: string
  readonly name: string
}

export interface ProtectionTriggered {
  readonly type: 'protection-triggered'
  readonly accountId: number
  readonly groupHash: string
  /** 0 until reset. */
  readonly frozenUntilMillis: number
  readonly cancelledOrders: number
}

export interface ProtectionReset {
  readonly type: 'protection-reset'
  readonly accountId: number
  readonly commandId: string
  readonly groupHash: string
}

export interface DeadManSet {
  readonly type: 'dead-man-set'
  readonly accountId: number
  readonly commandId: string
  readonly timeoutMillis: number
  /** 0 is off. */
  readonly expiresAtMillis: number
}

export interface DeadManFired {
  readonly type: 'dead-man-fired'
  readonly accountId: number
  readonly atMillis: number
  readonly cancelledOrders: number
}

export interface KillSwitchSet {
  readonly type: 'kill-switch-set'
  /** Of scope account; 0 otherwise. */
  readonly accountId: number
  readonly commandId: string
  readonly scope: KillScope
  readonly isOn: boolean
  readonly firm: string
  readonly cancelledOrders: number
}

/** A trade reversed. The legs name no orders: what they say is what the accounts are left with. */
export interface TradeBusted {
  readonly type: 'trade-busted'
  readonly instrumentId: number
  readonly commandId: string
  readonly priceTicks: number
  readonly quantityLots: number
  /** What the house gives back: not above zero. */
  readonly houseFeesMicros: number
  readonly tradeId: string
  readonly tradedAtMillis: number
  readonly buyer: TradeLeg
  readonly seller: TradeLeg
}

/** The end of cancel-orders: each order that it cancelled has an event of its own before it. */
export interface OrdersCancelled {
  readonly type: 'orders-cancelled'
  readonly accountId: number
  readonly commandId: string
  readonly cancelledOrders: number
}

/** A leader has begun, of which the state then was this: whoever replays the stream up to here has the same. */
export interface EpochStarted {
  readonly type: 'epoch-started'
  readonly epoch: number
  /** SHA-256, hex. */
  readonly stateHash: string
}

/** From here on the rules of this version hold: see engine-version.ts. */
export interface EngineVersionActivated {
  readonly type: 'engine-version-activated'
  readonly commandId: string
  readonly version: number
}

export interface InstrumentDelisted {
  readonly type: 'instrument-delisted'
  readonly commandId: string
  readonly instrumentId: number
}

/** Their positions are their numbers on the wire: append only. */
export const paymentKinds = [...settlementKinds, 'exercise', 'assignment'] as const
export type PaymentKind = (typeof paymentKinds)[number]

/** What a settlement, or an option that was exercised, did to one holding. */
export interface PositionSettled {
  readonly type: 'position-settled'
  readonly accountId: number
  readonly commandId: string
  readonly instrumentId: number
  readonly settlementKind: PaymentKind
  readonly priceTicks: number
  /** Signed: what was held; of an exercise or assignment, what of it was closed. */
  readonly settledLots: number
  /** What its cash and its realised result have changed by. */
  readonly paidMicros: number
  readonly position: PositionState
  readonly cashMicros: number
}

/** The end of a settlement: each holding has an event of its own before it. The instrument is this one from now on. */
export interface InstrumentSettled {
  readonly type: 'instrument-settled'
  readonly instrumentId: number
  readonly commandId: string
  readonly settlementKind: SettlementKind
  readonly number: number
  readonly priceTicks: number
  readonly holders: number
  /** What was long, and so what was short. */
  readonly longLots: number
  readonly specificationVersion: number
  readonly settledLegs: number
  readonly distributedTicks: number
}

/** The end of an exercise: each holding has an event of its own before it. */
export interface OptionExercised {
  readonly type: 'option-exercised'
  readonly accountId: number
  readonly commandId: string
  readonly instrumentId: number
  readonly quantityLots: number
  /** What was paid for each lot. */
  readonly priceTicks: number
  readonly assignedAccounts: number
}

/** An epoch of risk is under way; until it is adopted nothing is decided by it. */
export interface RiskEpochBegun {
  readonly type: 'risk-epoch-begun'
  readonly commandId: string
  readonly epochVersion: number
  readonly scenarioSetVersion: number
}

export interface RiskEpochChunkTaken {
  readonly type: 'risk-epoch-chunk-taken'
  readonly commandId: string
  readonly epochVersion: number
  readonly number: number
  /** Of the epoch so far. */
  readonly instruments: number
}

/** From here on every decision is by this epoch. */
export interface RiskEpochAdopted {
  readonly type: 'risk-epoch-adopted'
  readonly commandId: string
  readonly epochVersion: number
  readonly scenarioSetVersion: number
  readonly instruments: number
}

/** The epoch no longer tells the risk of an instrument: its mark went beyond the scan, or its contract was adjusted. Once an epoch. */
export interface RiskEpochDue {
  readonly type: 'risk-epoch-due'
  readonly instrumentId: number
  /** That is out of date. */
  readonly epochVersion: number
  readonly markTicks: number
}

/** An account needs more than it has: found when it was marked to an epoch, or by a payment. */
export interface MarginCalled {
  readonly type: 'margin-called'
  readonly accountId: number
  readonly epochVersion: number
  readonly equityMicros: number
  readonly requirementMicros: number
}

export interface Withdrawn {
  readonly type: 'withdrawn'
  readonly accountId: number
  readonly commandId: string
  readonly amountMicros: number
  readonly cashMicros: number
}

/** What it leads to is `heldMicros`, the sum of the account's holds. Its command's id names the hold. */
export interface HoldPlaced {
  readonly type: 'hold-placed'
  readonly accountId: number
  readonly commandId: string
  readonly amountMicros: number
  readonly heldMicros: number
}

export interface HoldCaptured {
  readonly type: 'hold-captured'
  readonly accountId: number
  readonly commandId: string
  readonly holdId: string
  readonly amountMicros: number
  readonly releasedMicros: number
  readonly heldMicros: number
  readonly cashMicros: number
}

export interface HoldReleased {
  readonly type: 'hold-released'
  readonly accountId: number
  readonly commandId: string
  readonly holdId: string
  readonly releasedMicros: number
  readonly heldMicros: number
}

/** Its orders are cancelled: each has an event of its own before it. Its command's id names it. */
export interface LiquidationBegun {
  readonly type: 'liquidation-begun'
  readonly accountId: number
  readonly commandId: string
  readonly epochVersion: number
  readonly cancelledOrders: number
  readonly equityMicros: number
  /** With its orders. */
  readonly requirementMicros: number
  /** Without them. */
  readonly afterRequirementMicros: number
}

/** Behind the events of its order, whose id is the command's. */
export interface LiquidationTranche {
  readonly type: 'liquidation-tranche'
  readonly accountId: number
  readonly commandId: string
  readonly liquidationId: string
  readonly instrumentId: number
  readonly direction: Direction
  readonly requestedLots: number
  readonly filledLots: number
  readonly equityMicros: number
  readonly requirementMicros: number
}

/** One of the two sides of a transfer, as it is left. */
export interface TransferLeg {
  readonly position: PositionState
  readonly cashMicros: number
}

export interface PositionTransferred {
  readonly type: 'position-transferred'
  /** Who has it no more. */
  readonly accountId: number
  readonly commandId: string
  readonly liquidationId: string
  readonly instrumentId: number
  readonly toAccountId: number
  readonly signedLots: number
  readonly priceTicks: number
  readonly from: TransferLeg
  readonly to: TransferLeg
  /** Of the account in liquidation. */
  readonly equityMicros: number
  readonly requirementMicros: number
}

export interface LossCovered {
  readonly type: 'loss-covered'
  readonly accountId: number
  readonly commandId: string
  readonly liquidationId: string
  readonly fundAccountId: number
  readonly amountMicros: number
  readonly cashMicros: number
  readonly fundCashMicros: number
}

export interface GainsHaircut {
  readonly type: 'gains-haircut'
  /** In liquidation, which owes as much less. */
  readonly accountId: number
  readonly commandId: string
  readonly liquidationId: string
  readonly cashMicros: number
  /** Of those that pay, in the command's order. */
  readonly shares: readonly PaidShare[]
}

export interface PaidShare extends GainShare {
  readonly cashMicros: number
}

/** It may trade again. */
export interface LiquidationEnded {
  readonly type: 'liquidation-ended'
  readonly accountId: number
  readonly commandId: string
  readonly liquidationId: string
  readonly equityMicros: number
  readonly requirementMicros: number
}

export interface Transferred {
  readonly type: 'transferred'
  readonly accountId: number
  readonly commandId: string
  readonly toAccountId: number
  readonly amountMicros: number
  readonly cashMicros: number
  readonly toCashMicros: number
}

/** Of an asset that the account has so many lots of then. */
export interface CollateralDeposited {
  readonly type: 'collateral-deposited'
  readonly accountId: number
  readonly commandId: string
  readonly instrumentId: number
  readonly quantityLots: number
  readonly sizeLots: number
}

export interface CollateralWithdrawn {
  readonly type: 'collateral-withdrawn'
  readonly accountId: number
  readonly commandId: string
  readonly instrumentId: number
  readonly quantityLots: number
  readonly sizeLots: number
}

export interface RiskLimitsSet {
  readonly type: 'risk-limits-set'
  readonly commandId: string
  readonly scope: LimitScope
  readonly accountId: number
  readonly firm: string
  readonly instrumentId: number
  readonly isApproved: boolean
  readonly terms: LimitTerms
}

export interface RiskLimitsScaled {
  readonly type: 'risk-limits-scaled'
  readonly commandId: string
  readonly floorPpm: number
  readonly ceilingPpm: number
  readonly scales: readonly LimitScale[]
}

export interface QuoteBudgetSet extends QuoteBudgetTerms {
  readonly type: 'quote-budget-set'
  readonly commandId: string
  readonly accountId: number
  /** What is put by of its equity. */
  readonly reservedMicros: number
}

/** Their positions are their numbers on the wire: append only. */
export const breachedLimits = ['position', 'daily-loss'] as const

/** A state that is beyond a limit: told when it comes to be, and again only after it was not. */
export interface LimitBreached {
  readonly type: 'limit-breached'
  /** 0 where a firm is beyond its own. */
  readonly accountId: number
  /** Of a position; 0 of a loss. */
  readonly instrumentId: number
  readonly limit: (typeof breachedLimits)[number]
  /** Lots, or micros. */
  readonly measured: number
  /** As it was scaled. */
  readonly allowed: number
  /** Of a firm's limit; empty otherwise. */
  readonly firm: string
}

export interface GateSet {
  readonly type: 'gate-set'
  readonly commandId: string
  readonly gateName: string
  readonly state: GateState
}

/** Its command's id names the hold. That of the bid that it replaces is free. */
export interface BidHeld {
  readonly type: 'bid-held'
  readonly accountId: number
  readonly commandId: string
  readonly gateName: string
  readonly amountMicros: number
  /** Empty where it replaces none. */
  readonly replacesHoldId: string
  /** The sum of the account's holds. */
  readonly heldMicros: number
}

/** One of the two sides of an award, as it is left. */
export interface AwardLeg {
  readonly accountId: number
  readonly feeMicros: number
  readonly position: PositionState
  readonly cashMicros: number
}

/** No trade of the market: it has no place in its prices and volumes. */
export interface LotsAwarded {
  readonly type: 'lots-awarded'
  readonly commandId: string
  readonly gateName: string
  readonly instrumentId: number
  readonly priceTicks: number
  readonly lots: number
  /** Both fees. */
  readonly houseFeesMicros: number
  readonly buy: AwardLeg
  readonly sell: AwardLeg
}

export interface PaymentPosted {
  readonly type: 'payment-posted'
  /** Who has paid. */
  readonly accountId: number
  readonly commandId: string
  readonly toAccountId: number
  readonly amountMicros: number
  readonly purpose: string
  readonly reference: string
  readonly cashMicros: number
  readonly toCashMicros: number
}

/** Behind the payments of the settlement, before its end: the one owes the other so many lots of delivery. */
export interface DeliveryObligated {
  readonly type: 'delivery-obligated'
  readonly commandId: string
  readonly instrumentId: number
  /** Of the instrument, from 1 on. */
  readonly deliveryNumber: number
  readonly buyAccountId: number
  readonly sellAccountId: number
  readonly lots: number
  readonly priceTicks: number
  /** What the buyer pays once all of it is delivered, and holds until then. */
  readonly invoiceMicros: number
  /** The sums of all that the accounts hold. */
  readonly buyHeldMicros: number
  readonly sellHeldMicros: number
}

export interface DeliverySettled {
  readonly type: 'delivery-settled'
  readonly commandId: string
  readonly instrumentId: number
  readonly deliveryNumber: number
  readonly buyAccountId: number
  readonly sellAccountId: number
  /** What of it was settled, and what is left. */
  readonly lots: number
  readonly remainingLots: number
  readonly outcome: DeliveryOutcome
  /** Of the part: paid where it was delivered. */
  readonly invoiceMicros: number
  /** Paid by the seller where it was not. */
  readonly compensationMicros: number
  readonly buyCashMicros: number
  readonly sellCashMicros: number
  readonly buyHeldMicros: number
  readonly sellHeldMicros: number
}

export interface LaneJoined {
  readonly type: 'lane-joined'
  readonly accountId: number
  readonly commandId: string
  readonly role: LaneRole
  readonly otherLane: number
  readonly otherAccountId: number
  readonly reserveMicros: number
}

/** Of the home lane, for the other one: a `grant-budget`. Told again until it is answered. */
export interface BudgetGranted {
  readonly type: 'budget-granted'
  readonly accountId: number
  readonly toLane: number
  readonly toAccountId: number
  readonly setVersion: number
  readonly grant: number
  readonly budgetMicros: readonly number[]
}

/** Of a satellite, for its home: a `tell-budget`. What the account goes by in this lane from now on. */
export interface BudgetHeld {
  readonly type: 'budget-held'
  readonly accountId: number
  /** Zeros where it gave back by itself. */
  readonly commandId: string
  readonly toLane: number
  readonly toAccountId: number
  readonly setVersion: number
  readonly grant: number
  readonly number: number
  readonly budgetMicros: readonly number[]
}

/** Of a satellite, for its home: an `ask-budget`. */
export interface BudgetAsked {
  readonly type: 'budget-asked'
  readonly accountId: number
  readonly toLane: number
  readonly toAccountId: number
  readonly setVersion: number
  readonly wantedMicros: readonly number[]
}

/** Of the home lane: what another lane adds to the account here in each scenario, minus all that it may go by. */
export interface BudgetCounted {
  readonly type: 'budget-counted'
  readonly accountId: number
  /** Zeros where no command led to it. */
  readonly commandId: string
  readonly setVersion: number
  /** Of all other lanes together. */
  readonly creditMicros: readonly number[]
}

/** Of a satellite, for its home: a `need-budget`. */
export interface BudgetNeeded {
  readonly type: 'budget-needed'
  readonly accountId: number
  readonly toLane: number
  readonly toAccountId: number
  readonly setVersion: number
  readonly neededMicros: readonly number[]
}

/** For the other lane: a `receive-cash`. Told again until it is confirmed. */
export interface CashSent {
  readonly type: 'cash-sent'
  readonly accountId: number
  /** Zeros where it is told again. */
  readonly commandId: string
  readonly toLane: number
  readonly toAccountId: number
  readonly number: number
  readonly amountMicros: number
  /** The amount; 0 where it is told again. */
  readonly debitedMicros: number
  readonly cashMicros: number
}

/** For the lane that sent it: a `confirm-cash`. */
export interface CashReceived {
  readonly type: 'cash-received'
  readonly accountId: number
  readonly commandId: string
  readonly toLane: number
  readonly toAccountId: number
  readonly number: number
  /** 0 where it was there already. */
  readonly creditedMicros: number
  readonly cashMicros: number
}

export interface CashConfirmed {
  readonly type: 'cash-confirmed'
  readonly accountId: number
  readonly commandId: string
  readonly fromLane: number
  readonly number: number
}

export interface LiquidationJoined {
  readonly type: 'liquidation-joined'
  readonly accountId: number
  readonly commandId: string
  readonly liquidationId: string
  readonly cancelledOrders: number
  readonly equityMicros: number
  /** Without its orders. */
  readonly requirementMicros: number
}

export type Event =
  | OrderAccepted
  | OrderRejected
  | TradeExecuted
  | OrderCancelled
  | OrderAmended
  | CommandRejected
  | AccountOpened
  | Deposited
  | InstrumentListed
  | InstrumentExpired
  | CommandDuplicated
  | TimeAdvanced
  | FramePoisoned
  | OrderTriggered
  | TradingStateChanged
  | MarketControlsSet
  | MarkPriceSet
  | Quoted
  | QuoteRejected
  | ProtectionSet
  | ProtectionTriggered
  | ProtectionReset
  | DeadManSet
  | DeadManFired
  | KillSwitchSet
  | TradeBusted
  | OrdersCancelled
  | EpochStarted
  | EngineVersionActivated
  | InstrumentDelisted
  | PositionSettled
  | InstrumentSettled
  | OptionExercised
  | RiskEpochBegun
  | RiskEpochChunkTaken
  | RiskEpochAdopted
  | RiskEpochDue
  | MarginCalled
  | Withdrawn
  | HoldPlaced
  | HoldCaptured
  | HoldReleased
  | Transferred
  | CollateralDeposited
  | CollateralWithdrawn
  | LiquidationBegun
  | LiquidationTranche
  | PositionTransferred
  | LossCovered
  | GainsHaircut
  | LiquidationEnded
  | RiskLimitsSet
  | RiskLimitsScaled
  | QuoteBudgetSet
  | LimitBreached
  | GateSet
  | BidHeld
  | LotsAwarded
  | PaymentPosted
  | DeliveryObligated
  | DeliverySettled
  | LaneJoined
  | BudgetGranted
  | BudgetHeld
  | BudgetAsked
  | BudgetCounted
  | BudgetNeeded
  | CashSent
  | CashReceived
  | CashConfirmed
  | LiquidationJoined
