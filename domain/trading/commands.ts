import type { QuoteBudgetTerms } from '../margin/margin-book.ts'
import type { ArrayRisk, BoundsRisk } from '../margin/risk-epoch.ts'
import type { ContractSpecification } from '../reference/instrument.ts'
import type { LimitScale, LimitScope, LimitTerms } from './limit-terms.ts'
import type { MarketControls, TradingState } from './market-controls.ts'

/**
 * Everything that may change the exchange's state, as the engine takes it: integers, no clock, no names to look up.
 * Field by field in docs/protocol/orders.md. `commandId` is 128 bits as UUID text; repeated, it is a duplicate.
 */
export interface PlaceOrder extends Instructions {
  readonly type: 'place-order'
  /** Names the command too: an order is placed once. */
  readonly orderId: string
  readonly accountId: number
  readonly instrumentId: number
  readonly specificationVersion: number
  readonly direction: Direction
  readonly orderType: OrderType
  readonly timeInForce: TimeInForce
  /** Of limit and stop_limit; 0 for market and stop_market. */
  readonly priceTicks: number
  readonly quantityLots: number
  /** The client's own name for it; not interpreted. Empty where none was given. */
  readonly clientOrderId: string
}

/** What most orders do without: see `plainInstructions`. */
export interface Instructions {
  /** Of an iceberg: the size of each visible part; 0 shows all. */
  readonly displayLots: number
  /** 0 where it is no stop. */
  readonly triggerTicks: number
  readonly trigger: Trigger
  /** Of good_til_date; 0 otherwise. */
  readonly expiresAtMillis: number
  /** Under which its orders may be cancelled together. Empty where none was given. */
  readonly label: string
  /** First 8 bytes of the label's SHA-256, hex; zeros where there is none. */
  readonly labelHash: string
  /** Whose orders it shall not trade against; 0 for those of its account. */
  readonly selfTradeGroup: number
  readonly postOnly: PostOnly
  readonly reduceOnly: boolean
  readonly selfTradePrevention: SelfTradePrevention
}

export interface CancelOrder {
  readonly type: 'cancel-order'
  readonly commandId: string
  readonly accountId: number
  readonly orderId: string
}

/** A smaller quantity at the same price keeps priority; any other change loses it. */
export interface AmendOrder {
  readonly type: 'amend-order'
  readonly commandId: string
  readonly accountId: number
  readonly orderId: string
  /** 0 leaves the price as it is. */
  readonly priceTicks: number
  /** The new total, what is filled already included; 0 leaves it as it is. */
  readonly quantityLots: number
}

export interface CancelOrders {
  readonly type: 'cancel-orders'
  readonly commandId: string
  readonly accountId: number
  /** 0 for all. */
  readonly instrumentId: number
  /** Zeros for any. */
  readonly labelHash: string
}

export interface OpenAccount {
  readonly type: 'open-account'
  readonly commandId: string
  readonly account: string
  /** Empty where the account is a firm of its own. */
  readonly firm: string
}

export interface Deposit {
  readonly type: 'deposit'
  readonly commandId: string
  readonly accountId: number
  readonly amountMicros: number
}

export interface ListInstrument {
  readonly type: 'list-instrument'
  readonly commandId: string
  readonly specification: ContractSpecification
}

/**
 * Closes the book for good and cancels what rests in it. Before the instrument's expiration, and for the second time, it
 * is refused as `instrument-not-open`: not in the state that is to be left.
 */
export interface ExpireInstrument {
  readonly type: 'expire-instrument'
  readonly commandId: string
  readonly instrumentId: number
}

export interface SetTradingState {
  readonly type: 'set-trading-state'
  readonly commandId: string
  readonly instrumentId: number
  readonly state: TradingState
  /** 0 until told; else an auction then uncrosses, and a halt becomes an auction. */
  readonly untilMillis: number
}

export interface SetMarketControls extends MarketControls {
  readonly type: 'set-market-controls'
  readonly commandId: string
  readonly instrumentId: number
}

export interface SetMarkPrice {
  readonly type: 'set-mark-price'
  readonly commandId: string
  readonly instrumentId: number
  readonly markTicks: number
}

/** Replaces what the group quotes in each of the instruments that it names, side by side. */
export interface Quote {
  readonly type: 'quote'
  readonly commandId: string
  readonly accountId: number
  /** First 8 bytes of the SHA-256 of the group's name, hex. */
  readonly groupHash: string
  readonly groupName: string
  readonly quotes: readonly InstrumentQuote[]
}

export interface InstrumentQuote {
  readonly instrumentId: number
  readonly specificationVersion: number
  readonly bidTicks: number
  /** 0: no quote on that side. */
  readonly bidLots: number
  readonly askTicks: number
  readonly askLots: number
}

/** How much of a group's quotes may trade within how long, before all of them are pulled. */
export interface ProtectionLimits {
  readonly intervalMillis: number
  /** 0 until reset. */
  readonly frozenMillis: number
  /** Traded lots, both sides added; 0 is none. */
  readonly amountLimitLots: number
  /** Traded lots, one side against the other; 0 is none. */
  readonly deltaLimitLots: number
}

export interface SetMarketMakerProtection extends ProtectionLimits {
  readonly type: 'set-market-maker-protection'
  readonly commandId: string
  readonly accountId: number
  readonly groupHash: string
  /** Of the group. */
  readonly name: string
}

export interface ResetMarketMakerProtection {
  readonly type: 'reset-market-maker-protection'
  readonly commandId: string
  readonly accountId: number
  readonly groupHash: string
}

/** All of an account's orders are cancelled when it has not been set again for so long. */
export interface SetDeadMan {
  readonly type: 'set-dead-man'
  readonly commandId: string
  readonly accountId: number
  /** 0 is off. */
  readonly timeoutMillis: number
}

export interface SetKillSwitch {
  readonly type: 'set-kill-switch'
  readonly commandId: string
  /** Of scope account; 0 otherwise. */
  readonly accountId: number
  readonly scope: KillScope
  readonly isOn: boolean
  /** Of scope firm; empty otherwise. */
  readonly firm: string
}

/** Reverses a trade, fees included. */
export interface BustTrade {
  readonly type: 'bust-trade'
  readonly commandId: string
  readonly instrumentId: number
  readonly priceTicks: number
  readonly quantityLots: number
  readonly buyerId: number
  readonly sellerId: number
  /** The id of the event that reported it. */
  readonly tradeId: string
  readonly tradedAtMillis: number
  readonly buyerFeeMicros: number
  readonly sellerFeeMicros: number
}

/** From then on the rules of that version hold: see engine-version.ts. */
export interface ActivateEngineVersion {
  readonly type: 'activate-engine-version'
  readonly commandId: string
  readonly version: number
}

/** Closes the book for good before the instrument's expiration; it is settled as if it had expired. */
export interface DelistInstrument {
  readonly type: 'delist-instrument'
  readonly commandId: string
  readonly instrumentId: number
}

/** Marks of many instruments, each as if it were set alone, in this order; what cannot be set is left out. */
export interface SetMarkPrices {
  readonly type: 'set-mark-prices'
  readonly commandId: string
  /** At most `maxMarks`. */
  readonly marks: readonly InstrumentMark[]
}

export interface InstrumentMark {
  readonly instrumentId: number
  readonly markTicks: number
}

/** Pays what all positions in an instrument have gained or lost: each payment once, and in its order. */
export interface SettleInstrument {
  readonly type: 'settle-instrument'
  readonly commandId: string
  readonly instrumentId: number
  readonly settlementKind: SettlementKind
  /** Of a variation the day since 1970 (UTC), of a leg or distribution its number from 1; 0 of the final one. */
  readonly number: number
  readonly priceTicks: number
}

export interface ExerciseOption {
  readonly type: 'exercise-option'
  readonly commandId: string
  readonly accountId: number
  readonly instrumentId: number
  readonly quantityLots: number
}

/**
 * An epoch of risk: what margin is computed from, from its commit on. Scenarios and groups are known here by their numbers;
 * whoever made the epoch knows their names.
 */
export interface RiskEpochBegin {
  readonly type: 'risk-epoch-begin'
  readonly commandId: string
  /** Grows with each epoch. */
  readonly epochVersion: number
  readonly scenarioSetVersion: number
  readonly groups: readonly RiskGroup[]
  /** The runs of scenarios that move the same underlyings. */
  readonly blocks: readonly { readonly scenarios: number }[]
}

/** Concentration: beyond so many units, so much for each. */
export interface RiskGroup {
  readonly thresholdUnits: number
  readonly microsPerUnit: number
}

export interface RiskEpochChunk {
  readonly type: 'risk-epoch-chunk'
  readonly commandId: string
  readonly epochVersion: number
  /** From 0 on, in order. */
  readonly number: number
  readonly instruments: readonly InstrumentRisk[]
}

/** Of one lot, long. What an instrument's tick is and its highest price the engine knows. */
export interface InstrumentRisk {
  readonly instrumentId: number
  readonly specificationVersion: number
  readonly markMicros: number
  readonly shortMinimumMicros: number
  readonly group: number
  readonly concentrationUnits: number
  /** By the price of the underlying, in millionths of its unit. */
  readonly deltaMicroUnits: number
  /** For a point of volatility. */
  readonly vegaMicros: number
  readonly risk: ArrayRisk | BoundsRisk
}

/** From here on every decision is by the epoch. */
export interface RiskEpochCommit {
  readonly type: 'risk-epoch-commit'
  readonly commandId: string
  readonly epochVersion: number
  readonly chunks: number
}

/** Cash that leaves the exchange: only of what is neither needed nor held. */
export interface Withdraw {
  readonly type: 'withdraw'
  readonly commandId: string
  readonly accountId: number
  readonly amountMicros: number
}

/** Puts cash by for a payment that is under way. The command's id names the hold. */
export interface PlaceHold {
  readonly type: 'place-hold'
  readonly commandId: string
  readonly accountId: number
  readonly amountMicros: number
}

/** The payment was made: so much leaves the exchange, and what is left of the hold is free again. */
export interface CaptureHold {
  readonly type: 'capture-hold'
  readonly commandId: string
  readonly accountId: number
  readonly holdId: string
  readonly amountMicros: number
}

export interface ReleaseHold {
  readonly type: 'release-hold'
  readonly commandId: string
  readonly accountId: number
  readonly holdId: string
}

/** Of an account that needs more than it has: nothing new of it is accepted, and all that it has open is cancelled. The command's id names it. */
export interface BeginLiquidation {
  readonly type: 'begin-liquidation'
  readonly commandId: string
  readonly accountId: number
}

/** Reduces a position by an immediate order of the command's id at that limit, whatever the account's margin. */
export interface LiquidatePosition {
  readonly type: 'liquidate-position'
  readonly commandId: string
  readonly liquidationId: string
  readonly accountId: number
  readonly instrumentId: number
  readonly direction: Direction
  readonly quantityLots: number
  readonly limitTicks: number
}

/** Lots that somebody else takes over at a price: the award of the backstop auction. */
export interface TransferPosition {
  readonly type: 'transfer-position'
  readonly commandId: string
  readonly liquidationId: string
  readonly accountId: number
  readonly toAccountId: number
  readonly instrumentId: number
  /** In the sign of the position: short lots are negative. */
  readonly signedLots: number
  readonly priceTicks: number
}

/** The insurance fund pays what an account owes that has nothing left. */
export interface CoverLoss {
  readonly type: 'cover-loss'
  readonly commandId: string
  readonly liquidationId: string
  readonly accountId: number
  readonly fundAccountId: number
  readonly amountMicros: number
}

/** The winning side pays what is left, as it was allocated. */
export interface HaircutGains {
  readonly type: 'haircut-gains'
  readonly commandId: string
  readonly liquidationId: string
  readonly accountId: number
  /** At most `maxShares`. */
  readonly shares: readonly GainShare[]
}

export interface GainShare {
  readonly accountId: number
  readonly amountMicros: number
}

export interface EndLiquidation {
  readonly type: 'end-liquidation'
  readonly commandId: string
  readonly liquidationId: string
  readonly accountId: number
}

/** Cash that goes to another account of the same firm, in the lane: of what could be withdrawn. */
export interface Transfer {
  readonly type: 'transfer'
  readonly commandId: string
  readonly accountId: number
  readonly toAccountId: number
  readonly amountMicros: number
}

/** Lots of an asset that secure what the account trades. */
export interface DepositCollateral {
  readonly type: 'deposit-collateral'
  readonly commandId: string
  readonly accountId: number
  readonly instrumentId: number
  readonly quantityLots: number
}

/** What is left must cover the account without them. */
export interface WithdrawCollateral {
  readonly type: 'withdraw-collateral'
  readonly commandId: string
  readonly accountId: number
  readonly instrumentId: number
  readonly quantityLots: number
}

/** In place of all that the account, firm or instrument was limited to; without any limit none is left. */
export interface SetRiskLimits {
  readonly type: 'set-risk-limits'
  readonly commandId: string
  readonly scope: LimitScope
  /** Of scope account; 0 otherwise. */
  readonly accountId: number
  /** Of scope firm; empty otherwise. */
  readonly firm: string
  /** Of scope instrument; 0 otherwise. */
  readonly instrumentId: number
  /** By a second person: without it nothing becomes looser than it is here. */
  readonly isApproved: boolean
  readonly terms: LimitTerms
}

/** What a rule has made of volatility and depth; instruments that are not named keep their scale. */
export interface ScaleRiskLimits {
  readonly type: 'scale-risk-limits'
  readonly commandId: string
  readonly floorPpm: number
  readonly ceilingPpm: number
  /** At most `maxScales`. */
  readonly scales: readonly LimitScale[]
}

/** Margin that is put by for an account's quotes, which then need none each; all zeros release it. */
export interface SetQuoteBudget extends QuoteBudgetTerms {
  readonly type: 'set-quote-budget'
  readonly commandId: string
  readonly accountId: number
}

/** Before which bids come and go, and after which they are awarded. Once closed it stays so. */
export interface SetGate {
  readonly type: 'set-gate'
  readonly commandId: string
  /** For example `day-ahead/2026-11-24`. */
  readonly gateName: string
  readonly state: GateState
}

/** Puts cash by for a bid, in place of the one that it replaces: both or neither. The command's id names the hold. */
export interface HoldBid {
  readonly type: 'hold-bid'
  readonly commandId: string
  readonly accountId: number
  readonly gateName: string
  readonly amountMicros: number
  /** A hold of the account for the same gate; empty where it replaces none. */
  readonly replacesHoldId: string
}

/** Frees what a bid holds, while the gate is open. */
export interface WithdrawBid {
  readonly type: 'withdraw-bid'
  readonly commandId: string
  readonly accountId: number
  readonly holdId: string
}

/** What an auction cleared, once its gate is closed: one buys from the other, whatever their margin; no trade of the market. */
export interface AwardLots {
  readonly type: 'award-lots'
  readonly commandId: string
  readonly gateName: string
  readonly instrumentId: number
  readonly priceTicks: number
  readonly lots: number
  readonly buyAccountId: number
  readonly sellAccountId: number
}

/** Cash that one account owes another, of whatever firm: paid whether or not it has it. */
export interface PostPayment {
  readonly type: 'post-payment'
  readonly commandId: string
  /** Who pays. */
  readonly accountId: number
  readonly toAccountId: number
  readonly amountMicros: number
  /** For example `sla-penalty`: see `purposePattern`. */
  readonly purpose: string
  readonly reference: string
}

/** The end of a future that is delivered: its positions are settled at the price, and each long one is owed by short ones from then on. */
export interface ObligateDeliveries {
  readonly type: 'obligate-deliveries'
  readonly commandId: string
  readonly instrumentId: number
  readonly settlementTicks: number
}

/** What became of a delivery, or of a part of it. */
export interface SettleDelivery {
  readonly type: 'settle-delivery'
  readonly commandId: string
  readonly instrumentId: number
  readonly deliveryNumber: number
  readonly lots: number
  readonly outcome: DeliveryOutcome
  /** What the seller pays where it was not delivered; 0 where it was. */
  readonly compensationMicros: number
}

/**
 * An account trades in another lane too, under an id of that lane: told to both. The home lane grants what the other one
 * goes by (domain/margin/lane-budgets.ts).
 */
export interface JoinLane {
  readonly type: 'join-lane'
  readonly commandId: string
  readonly accountId: number
  /** What this lane is to the account: its home, or a satellite of it. */
  readonly role: LaneRole
  readonly otherLane: number
  readonly otherAccountId: number
  /** Of a satellite: what it asks for beyond what is needed, and keeps when it gives back. */
  readonly reserveMicros: number
}

/** From the home lane: see GrantMessage. */
export interface GrantBudget {
  readonly type: 'grant-budget'
  readonly commandId: string
  readonly accountId: number
  readonly fromLane: number
  readonly setVersion: number
  readonly grant: number
  readonly budgetMicros: readonly number[]
}

/** From a satellite: see HeldMessage. */
export interface TellBudget {
  readonly type: 'tell-budget'
  readonly commandId: string
  readonly accountId: number
  readonly fromLane: number
  readonly setVersion: number
  readonly grant: number
  readonly number: number
  readonly budgetMicros: readonly number[]
}

/** From a satellite: see AskMessage. */
export interface AskBudget {
  readonly type: 'ask-budget'
  readonly commandId: string
  readonly accountId: number
  readonly fromLane: number
  readonly setVersion: number
  readonly wantedMicros: readonly number[]
}

/** From a satellite: what it needs for what the account has there already. What home cannot grant of it, home lacks. */
export interface NeedBudget {
  readonly type: 'need-budget'
  readonly commandId: string
  readonly accountId: number
  readonly fromLane: number
  readonly setVersion: number
  readonly neededMicros: readonly number[]
}

/** To another lane of the account. It is nobody's until it is there: told again until it is confirmed. */
export interface SendCash {
  readonly type: 'send-cash'
  readonly commandId: string
  readonly accountId: number
  readonly toLane: number
  readonly amountMicros: number
  /** Zeros, or the liquidation that the account is in, which does not ask for margin. */
  readonly liquidationId: string
}

/** From another lane of the account. */
export interface ReceiveCash {
  readonly type: 'receive-cash'
  readonly commandId: string
  readonly accountId: number
  readonly fromLane: number
  /** Counts what that lane has sent here, from 1; each is counted once. */
  readonly number: number
  readonly amountMicros: number
}

/** The other lane has what was sent there. */
export interface ConfirmCash {
  readonly type: 'confirm-cash'
  readonly commandId: string
  readonly accountId: number
  readonly fromLane: number
  readonly number: number
}

/** In a satellite: the account is liquidated at home, and with it what it has here, under the same id. */
export interface JoinLiquidation {
  readonly type: 'join-liquidation'
  readonly commandId: string
  readonly accountId: number
  readonly liquidationId: string
}

export type Command =
  | PlaceOrder
  | CancelOrder
  | AmendOrder
  | CancelOrders
  | OpenAccount
  | Deposit
  | ListInstrument
  | ExpireInstrument
  | SetTradingState
  | SetMarketControls
  | SetMarkPrice
  | Quote
  | SetMarketMakerProtection
  | ResetMarketMakerProtection
  | SetDeadMan
  | SetKillSwitch
  | BustTrade
  | ActivateEngineVersion
  | DelistInstrument
  | SetMarkPrices
  | SettleInstrument
  | ExerciseOption
  | RiskEpochBegin
  | RiskEpochChunk
  | RiskEpochCommit
  | Withdraw
  | PlaceHold
  | CaptureHold
  | ReleaseHold
  | Transfer
  | DepositCollateral
  | WithdrawCollateral
  | BeginLiquidation
  | LiquidatePosition
  | TransferPosition
  | CoverLoss
  | HaircutGains
  | EndLiquidation
  | SetRiskLimits
  | ScaleRiskLimits
  | SetQuoteBudget
  | SetGate
  | HoldBid
  | WithdrawBid
  | AwardLots
  | PostPayment
  | ObligateDeliveries
  | SettleDelivery
  | JoinLane
  | GrantBudget
  | TellBudget
  | AskBudget
  | NeedBudget
  | SendCash
  | ReceiveCash
  | ConfirmCash
  | JoinLiquidation

/** Their positions are their numbers on the wire: append only. */
export const directions = ['buy', 'sell'] as const
export type Direction = (typeof directions)[number]
export const orderTypes = ['limit', 'market', 'stop_limit', 'stop_market'] as const
export type OrderType = (typeof orderTypes)[number]
export const timesInForce = [
  'good_til_cancelled',
  'immediate_or_cancel',
  'fill_or_kill',
  'good_til_date',
  'day',
] as const
export type TimeInForce = (typeof timesInForce)[number]
export const triggers = ['last_price', 'mark_price'] as const
export type Trigger = (typeof triggers)[number]
export const selfTradePreventions = ['none', 'cancel_newest', 'cancel_oldest', 'cancel_both'] as const
export type SelfTradePrevention = (typeof selfTradePreventions)[number]
export const killScopes = ['account', 'firm', 'lane'] as const
export type KillScope = (typeof killScopes)[number]
/**
 * A variation pays the day's gains at the mark; a leg of a swap its part of the money; a distribution what a structured
 * product pays before its end; the final settlement closes all positions.
 */
export const settlementKinds = ['variation', 'leg', 'distribution', 'final'] as const
export type SettlementKind = (typeof settlementKinds)[number]

export const gateStates = ['open', 'closed'] as const
export type GateState = (typeof gateStates)[number]
export const deliveryOutcomes = ['delivered', 'undelivered'] as const
export type DeliveryOutcome = (typeof deliveryOutcomes)[number]

export const laneRoles = ['home', 'satellite'] as const
export type LaneRole = (typeof laneRoles)[number]

/** What becomes of an order that may not take: it is refused, or its price slides to where it makes. */
export type PostOnly = 'no' | 'reject' | 'slide'

/** Each part of an iceberg is a trade of its own: without a bound one command could lead to two billion of them. */
export const mostIcebergParts = 100

export const maxMarks = 2_000

/** Of one haircut-gains, so that its event is projected in one transaction. */
export const maxShares = 40

/** In bytes of UTF-8: of the name of a gate, and of the reference of a payment. */
export const maxNameBytes = 64

/** What a payment is for. */
export const purposePattern = /^[a-z][a-z0-9-]{0,31}$/

/** Of a label or a group: none. */
export const noHash = '0'.repeat(16)

export const plainInstructions: Instructions = {
  displayLots: 0,
  triggerTicks: 0,
  trigger: 'last_price',
  expiresAtMillis: 0,
  label: '',
  labelHash: noHash,
  selfTradeGroup: 0,
  postOnly: 'no',
  reduceOnly: false,
  selfTradePrevention: 'none',
}

/** The id under which the engine remembers a command. */
export const commandIdOf = (command: Command): string =>
  command.type === 'place-order' ? command.orderId : command.commandId
