import type { RejectionCode } from '../outcome.ts'
import type { Instrument } from '../reference/instrument.ts'
import type { Command, Direction, OrderType, TimeInForce } from './commands.ts'

/**
 * What the engine says, and all it says. Every fact carries the state it leads to, absolute, so that whoever projects
 * it stores and never adds up. Field by field in docs/protocol/executions.md.
 */
export interface OrderFields {
  readonly orderId: string
  readonly accountId: number
  readonly instrumentId: number
  readonly specificationVersion: number
  readonly direction: Direction
  readonly orderType: OrderType
  readonly timeInForce: TimeInForce
  /** Market orders: as placed, 0, where rejected; the protection price where accepted. */
  readonly priceTicks: number
  readonly quantityLots: number
  readonly clientOrderId: string
}

export interface OrderAccepted extends OrderFields {
  readonly type: 'order-accepted'
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
  readonly instrumentId: number
  /** The maker's price. */
  readonly priceTicks: number
  readonly quantityLots: number
  readonly maker: TradeLeg
  readonly taker: TradeLeg
  /** What the house earns: both fees. With both changes of cash it sums to zero against the realised results. */
  readonly houseFeesMicros: number
}

/** Their positions are their numbers on the wire: append only. */
export const cancelReasons = ['user-request', 'immediate-or-cancel', 'instrument-expired'] as const
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
}

export interface OrderAmended {
  readonly type: 'order-amended'
  readonly commandId: string
  readonly orderId: string
  readonly accountId: number
  readonly priceTicks: number
  readonly quantityLots: number
  readonly filledLots: number
  readonly keptPriority: boolean
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

/** A record that could not be read as a frame of commands. None of it was applied. */
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
] as const
export type PoisonReason = (typeof poisonReasons)[number]

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
