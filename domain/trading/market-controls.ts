/** docs/protocol/orders.md: their positions are their numbers on the wire, append only. */
export const tradingStates = ['pre_open', 'auction', 'continuous', 'halted', 'closed', 'expired'] as const
export type TradingState = (typeof tradingStates)[number]
export const stateNumber = { preOpen: 0, auction: 1, continuous: 2, halted: 3, closed: 4, expired: 5 } as const

/** What an operator sets for a market; 0 is off. */
export interface MarketControls {
  /** How far from the reference price an order may buy above or sell below it. */
  readonly bandPpm: number
  /** A trade that lies so far from another one so short before halts the market. */
  readonly velocityPpm: number
  readonly velocityMillis: number
  /** How long such a halt lasts before the auction that reopens; 0 until an operator reopens. */
  readonly haltMillis: number
  readonly auctionMillis: number
}

export const noControls: MarketControls = {
  bandPpm: 0,
  velocityPpm: 0,
  velocityMillis: 0,
  haltMillis: 0,
  auctionMillis: 0,
}
