import type { ContractSpecification } from '../reference/instrument.ts'

/**
 * Everything that may change the exchange's state, as the engine takes it: integers, no clock, no names to look up.
 * Field by field in docs/protocol/orders.md. `commandId` is 128 bits as UUID text; repeated, it is a duplicate.
 */
export interface PlaceOrder {
  readonly type: 'place-order'
  /** Names the command too: an order is placed once. */
  readonly orderId: string
  readonly accountId: number
  readonly instrumentId: number
  readonly specificationVersion: number
  readonly direction: Direction
  readonly orderType: OrderType
  readonly timeInForce: TimeInForce
  /** Limit orders only; 0 for market orders. */
  readonly priceTicks: number
  readonly quantityLots: number
  /** The client's own name for it; not interpreted. Empty where none was given. */
  readonly clientOrderId: string
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

export interface OpenAccount {
  readonly type: 'open-account'
  readonly commandId: string
  readonly account: string
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

export type Command = PlaceOrder | CancelOrder | AmendOrder | OpenAccount | Deposit | ListInstrument | ExpireInstrument

/** Their positions are their numbers on the wire: append only. */
export const directions = ['buy', 'sell'] as const
export type Direction = (typeof directions)[number]
export const orderTypes = ['limit', 'market'] as const
export type OrderType = (typeof orderTypes)[number]
export const timesInForce = ['good_til_cancelled', 'immediate_or_cancel'] as const
export type TimeInForce = (typeof timesInForce)[number]

/** The id under which the engine remembers a command. */
export const commandIdOf = (command: Command): string =>
  command.type === 'place-order' ? command.orderId : command.commandId
