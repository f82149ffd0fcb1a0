import { outSeqOfTrade } from '#adapters/market-keys.ts'
import { listCandles } from '#adapters/tables/candles.ts'
import { type MarketTradeRow, marketTradesOfSpan } from '#adapters/tables/market-trades.ts'
import {
  type Candle,
  type CandleResolution,
  candleOfTrade,
  candleResolutions,
  candleStart,
  emptyCandle,
  joined,
  millisOfResolution,
} from '#domain/trading/candles.ts'
import type { TradeBusted } from '#domain/trading/events.ts'
import type { PlacedEvent } from '../shell/projection.ts'

interface Corrected {
  readonly trade: MarketTradeRow
  /** What is left in its minute, by time. */
  readonly left: readonly MarketTradeRow[]
  readonly candles: readonly { readonly resolution: CandleResolution; readonly candle: Candle }[]
}

/**
 * Candles without trades that were reversed: that of a minute is made anew of the trades that are left in it, a longer
 * one of the shorter ones within. What this takes is read for a batch that reverses anything, and followed through it.
 */
export class BustedTrades {
  /** By market and minute, then by number. */
  private readonly minutes = new Map<string, Map<number, MarketTradeRow>>()
  private readonly candles = new Map<string, Candle>()

  static async of(lane: number, events: readonly PlacedEvent[]): Promise<BustedTrades> {
    const read = new BustedTrades()
    for (const { event } of events) if (event.type === 'trade-busted') await read.read(lane, event)
    return read
  }

  private async read(lane: number, { instrumentId, tradeId, tradedAtMillis }: TradeBusted): Promise<void> {
    const minute = minuteOf(instrumentId, tradedAtMillis)
    if (outSeqOfTrade(lane, tradeId) === undefined || this.minutes.has(minute)) return
    const trades = await marketTradesOfSpan(lane, instrumentId, spanOf('1m', tradedAtMillis))
    this.minutes.set(minute, new Map(trades.map(trade => [trade.outSeq, trade])))
    for (const { shorter, resolution } of longerResolutions) {
      const { rows } = await listCandles(lane, instrumentId, shorter, {
        limit: millisOfResolution[resolution] / millisOfResolution[shorter],
        ...spanOf(resolution, tradedAtMillis),
      })
      for (const candle of rows) this.candles.set(keyOf(instrumentId, shorter, candle.startMillis), candle)
    }
  }

  /** A trade of the batch, and each candle that it makes or changes. */
  followTrade(trade: MarketTradeRow): void {
    this.minutes.get(minuteOf(trade.instrumentId, trade.atMillis))?.set(trade.outSeq, trade)
  }

  followCandle(instrumentId: number, resolution: CandleResolution, candle: Candle): void {
    if (this.minutes.size > 0) this.candles.set(keyOf(instrumentId, resolution, candle.startMillis), candle)
  }

  /** Undefined where there is no such trade: the engine takes its id as it is given. */
  take(lane: number, { instrumentId, tradeId, tradedAtMillis, ...event }: TradeBusted): Corrected | undefined {
    const trades = this.minutes.get(minuteOf(instrumentId, tradedAtMillis))
    const trade = trades?.get(outSeqOfTrade(lane, tradeId) ?? 0)
    if (trades === undefined || trade?.priceTicks !== event.priceTicks || trade.quantityLots !== event.quantityLots)
      return undefined
    trades.set(trade.outSeq, { ...trade, isBusted: true })
    let candle = emptyCandle(candleStart('1m', tradedAtMillis))
    const left = [...trades.values()].filter(({ isBusted }) => isBusted !== true)
    for (const { priceTicks, quantityLots } of left)
      candle = joined(candle, candleOfTrade(candle.startMillis, priceTicks, quantityLots))
    this.followCandle(instrumentId, '1m', candle)
    const longer = longerResolutions.map(({ shorter, resolution }) => {
      const candle = this.joinedOf(instrumentId, shorter, spanOf(resolution, tradedAtMillis))
      this.followCandle(instrumentId, resolution, candle)
      return { resolution, candle }
    })
    return { trade, left, candles: [{ resolution: '1m', candle }, ...longer] }
  }

  private joinedOf(instrumentId: number, shorter: CandleResolution, { startMillis, endMillis }: Span): Candle {
    let candle = emptyCandle(startMillis)
    for (let at = startMillis; at < endMillis; at += millisOfResolution[shorter])
      candle = joined(candle, this.candles.get(keyOf(instrumentId, shorter, at)) ?? emptyCandle(at))
    return candle
  }
}

interface Span {
  readonly startMillis: number
  readonly endMillis: number
}

/** Each is a whole number of the one before it. */
const longerResolutions = candleResolutions.slice(1).map((resolution, index) => ({
  resolution,
  shorter: candleResolutions[index] as CandleResolution,
}))

const spanOf = (resolution: CandleResolution, atMillis: number): Span => {
  const startMillis = candleStart(resolution, atMillis)
  return { startMillis, endMillis: startMillis + millisOfResolution[resolution] }
}

const keyOf = (instrumentId: number, resolution: CandleResolution, startMillis: number): string =>
  `${instrumentId}#${resolution}#${startMillis}`

const minuteOf = (instrumentId: number, atMillis: number): string =>
  keyOf(instrumentId, '1m', candleStart('1m', atMillis))
