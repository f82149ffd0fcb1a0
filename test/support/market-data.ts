import { marketKeyOf, tradeIdOf } from '#adapters/market-keys.ts'
import { bookPut } from '#adapters/tables/books.ts'
import { candlePut } from '#adapters/tables/candles.ts'
import { type MarketTradeRow, marketTradePut } from '#adapters/tables/market-trades.ts'
import { marketWindowPut } from '#adapters/tables/market-windows.ts'
import { type BookSide, emptySide, withLevel } from '#domain/trading/book-side.ts'
import { type CandleResolution, candleOfTrade, candleStart, emptyCandle } from '#domain/trading/candles.ts'
import { type MarketData, newMarket } from '#domain/trading/market-data.ts'
import type { MarketWindow, WindowResolution } from '#domain/trading/market-windows.ts'
import type { TradingFloor } from './trading-floor.ts'

/** What projections have stored of the first instrument of lane 1, in ticks of 0.05 and lots of 0.1. */
export const marketDataOn = (floor: TradingFloor) => ({
  key: marketKeyOf(1, 1),
  book(market: Partial<MarketData>, atMillis = 1): void {
    const row = { lane: 1, instrumentId: 1, market: { ...newMarket, ...market }, updatedAtMillis: atMillis, outSeq: 41 }
    floor.seed('books', bookPut(row))
  },
  trade(outSeq: number, atMillis: number, more: Partial<MarketTradeRow> = {}): void {
    const tradeId = tradeIdOf(1, outSeq)
    const market = { lane: 1, instrumentId: 1, priceTicks: 51, quantityLots: 25, direction: 'sell' as const }
    floor.seed('marketTrades', marketTradePut({ ...market, tradeId, isAuction: false, atMillis, outSeq, ...more }))
  },
  /** Of no lots: of no trade either. */
  candle(resolution: CandleResolution, atMillis: number, ticks: number, lots = 10): void {
    const startMillis = candleStart(resolution, atMillis)
    const candle = lots === 0 ? emptyCandle(startMillis) : candleOfTrade(startMillis, ticks, lots)
    floor.seed('candles', candlePut({ lane: 1, instrumentId: 1, resolution, candle, outSeq: 1 }))
  },
  window(resolution: WindowResolution, window: MarketWindow): void {
    floor.seed('marketWindows', marketWindowPut({ lane: 1, instrumentId: 1, resolution, window, outSeq: 1 }))
  },
})

export const sideOf = (sells: boolean, ...levels: readonly (readonly [ticks: number, lots: number])[]): BookSide =>
  levels.reduce((side, [ticks, lots]) => withLevel(side, sells, ticks, lots), emptySide)
