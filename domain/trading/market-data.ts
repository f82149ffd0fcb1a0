import { type BookSide, emptySide, withLevel } from './book-side.ts'
import type { Direction } from './commands.ts'
import type { Event, PositionSettled, TradeExecuted, TradeLeg } from './events.ts'
import { type MarketControls, noControls, type TradingState } from './market-controls.ts'

/** What everybody may know of a market, as the events of its lane tell it; never changed in place. */
export interface MarketData {
  readonly bids: BookSide
  readonly asks: BookSide
  readonly state: TradingState
  /** When the state ends by itself; 0 when told. */
  readonly untilMillis: number
  readonly controls: MarketControls
  /** 0 before the first. */
  readonly markTicks: number
  /** Of the last trade; 0 before the first. */
  readonly lastTicks: number
  readonly lastAtMillis: number
  /** What all long positions add up to, and so all short ones. */
  readonly openInterestLots: number
}

export const newMarket: MarketData = {
  bids: emptySide,
  asks: emptySide,
  state: 'continuous',
  untilMillis: 0,
  controls: noControls,
  markTicks: 0,
  lastTicks: 0,
  lastAtMillis: 0,
  openInterestLots: 0,
}

/** The market that an event may change something of; undefined: none. */
export const marketOfEvent = (event: Event): number | undefined => {
  switch (event.type) {
    case 'instrument-listed':
      return event.instrument.instrumentId
    case 'order-accepted':
    case 'order-triggered':
    case 'order-amended':
    case 'order-cancelled':
    case 'trade-executed':
    case 'trade-busted':
    case 'instrument-expired':
    case 'instrument-delisted':
    case 'position-settled':
    case 'position-transferred':
    case 'lots-awarded':
    case 'collateral-deposited':
    case 'collateral-withdrawn':
    case 'instrument-settled':
    case 'trading-state-changed':
    case 'market-controls-set':
    case 'mark-price-set':
      return event.instrumentId
    default:
      return undefined
  }
}

/** The market after an event of its own; the very same where nothing of it has changed. */
export const followed = (market: MarketData, event: Event, atMillis: number): MarketData => {
  switch (event.type) {
    case 'order-accepted':
    case 'order-triggered':
      return event.restingLots === 0 ? market : levelSet(market, event.direction, event.priceTicks, event.levelLots)
    case 'order-cancelled':
      return event.priceTicks === 0 ? market : levelSet(market, event.direction, event.priceTicks, event.levelLots)
    case 'order-amended': {
      const { direction, previousTicks, previousLevelLots, priceTicks, levelLots } = event
      if (previousTicks === 0) return market
      // Where it ends up nowhere it has traded through the price, and nobody of its side rests there.
      return levelSet(levelSet(market, direction, previousTicks, previousLevelLots), direction, priceTicks, levelLots)
    }
    case 'trade-executed':
      return {
        ...(event.isAuction ? auctionTraded(market, event) : traded(market, event)),
        lastTicks: event.priceTicks,
        lastAtMillis: atMillis,
        openInterestLots: market.openInterestLots + addedInterest([event.maker, event.taker], event.quantityLots),
      }
    case 'trade-busted':
      return {
        ...market,
        // A reversed purchase is a sale.
        openInterestLots: market.openInterestLots + addedInterest([event.buyer, event.seller], -event.quantityLots),
      }
    case 'instrument-listed':
      // Collateral is kept, never traded.
      return { ...newMarket, state: event.instrument.specification.kind === 'collateral' ? 'closed' : newMarket.state }
    // A delisted one is closed for good like an expired one.
    case 'instrument-expired':
    case 'instrument-delisted':
      return { ...market, bids: emptySide, asks: emptySide, state: 'expired', untilMillis: 0 }
    case 'position-settled': {
      const closedLots = closedInterest(event)
      return closedLots === 0 ? market : { ...market, openInterestLots: market.openInterestLots - closedLots }
    }
    case 'position-transferred': {
      const { from, to, signedLots } = event
      const grown = longGrowth(from.position.sizeLots, -signedLots) + longGrowth(to.position.sizeLots, signedLots)
      return grown === 0 ? market : { ...market, openInterestLots: market.openInterestLots + grown }
    }
    case 'lots-awarded': {
      const { buy, sell, lots } = event
      const grown = longGrowth(buy.position.sizeLots, lots) + longGrowth(sell.position.sizeLots, -lots)
      return grown === 0 ? market : { ...market, openInterestLots: market.openInterestLots + grown }
    }
    case 'collateral-deposited':
      return { ...market, openInterestLots: market.openInterestLots + event.quantityLots }
    case 'collateral-withdrawn':
      return { ...market, openInterestLots: market.openInterestLots - event.quantityLots }
    case 'instrument-settled': {
      // What was distributed is no part of the price any more.
      if (event.settlementKind !== 'distribution') return market
      const lowered = (ticks: number): number => Math.max(ticks - event.priceTicks, 0)
      return { ...market, markTicks: lowered(market.markTicks), lastTicks: lowered(market.lastTicks) }
    }
    case 'trading-state-changed':
      return { ...market, state: event.state, untilMillis: event.untilMillis }
    case 'market-controls-set': {
      const { bandPpm, velocityPpm, velocityMillis, haltMillis, auctionMillis } = event
      return { ...market, controls: { bandPpm, velocityPpm, velocityMillis, haltMillis, auctionMillis } }
    }
    case 'mark-price-set':
      return { ...market, markTicks: event.markTicks }
    default:
      return market
  }
}

const levelSet = (market: MarketData, direction: Direction, ticks: number, lots: number): MarketData => {
  const before = direction === 'buy' ? market.bids : market.asks
  const after = withLevel(before, direction === 'sell', ticks, lots)
  if (after === before) return market
  return direction === 'buy' ? { ...market, bids: after } : { ...market, asks: after }
}

/** Only the maker rested, and it was its price. */
const traded = (market: MarketData, { maker, priceTicks, levelLots }: TradeExecuted): MarketData =>
  levelSet(market, maker.direction, priceTicks, levelLots)

/** Both rested, the buyer as its maker; each at a price of its own. */
const auctionTraded = (market: MarketData, event: TradeExecuted): MarketData =>
  levelSet(
    levelSet(market, 'buy', event.makerLevelTicks, event.levelLots),
    'sell',
    event.takerLevelTicks,
    event.takerLevelLots,
  )

/** Long lots that are closed: all of them at the end, some by an exercise; other payments leave positions as they are. */
const closedInterest = ({ settlementKind, settledLots }: PositionSettled): number =>
  settlementKind === 'final' || settlementKind === 'exercise' ? Math.max(0, settledLots) : 0

/** By how much the long positions have grown; negative lots reverse. In this order, for an account on both sides. */
const addedInterest = (legs: readonly TradeLeg[], lots: number): number =>
  legs.reduce(
    (sum, { direction, position: { sizeLots } }) => sum + longGrowth(sizeLots, direction === 'buy' ? lots : -lots),
    0,
  )

/** Of a position that has come to this size by so many lots. */
const longGrowth = (sizeLots: number, addedLots: number): number =>
  Math.max(0, sizeLots) - Math.max(0, sizeLots - addedLots)
