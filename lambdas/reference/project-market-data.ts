import { tradeIdOf } from '#adapters/market-keys.ts'
import { type BookRow, bookPut, getBook } from '#adapters/tables/books.ts'
import { candlePut, getCandle } from '#adapters/tables/candles.ts'
import { type MarketTradeRow, marketTradeBust, marketTradePut } from '#adapters/tables/market-trades.ts'
import type { Write } from '#adapters/writes.ts'
import {
  type Candle,
  type CandleResolution,
  candleOfTrade,
  candleResolutions,
  candleStart,
  joined,
} from '#domain/trading/candles.ts'
import type { TradeBusted, TradeExecuted } from '#domain/trading/events.ts'
import { followed, type MarketData, marketOfEvent, newMarket } from '#domain/trading/market-data.ts'
import { type PlacedEvent, type Projection, serveProjection } from '../shell/projection.ts'
import { logger } from '../shell/stream.ts'
import { BustedTrades } from './busted-trades.ts'
import { MarketWindowsCopy } from './market-windows-copy.ts'

/**
 * What everybody may know of markets. A book and a candle follow from what they were before, so this projection keeps
 * what it has written: it is right as long as the next event is the one after its last, and read again else. That a
 * candle counts no trade twice is the watermark's doing, which moves in the same transaction.
 */
class LaneCopy {
  readonly markets = new Map<number, MarketData>()
  /** The latest of each market and resolution. */
  readonly candles = new Map<string, Candle>()
  private busted = new BustedTrades()
  private readonly windows = new MarketWindowsCopy()
  outSeq: number

  constructor(outSeq: number) {
    this.outSeq = outSeq
  }

  async read(lane: number, events: readonly PlacedEvent[]): Promise<void> {
    const reads = new Map<string, () => Promise<number>>()
    for (const { event, atMillis } of events) {
      const instrumentId = marketOfEvent(event)
      if (instrumentId === undefined) continue
      if (!this.markets.has(instrumentId)) reads.set(`${instrumentId}`, () => this.readMarket(lane, instrumentId))
      if (event.type !== 'trade-executed') continue
      for (const resolution of candleResolutions) {
        const series = seriesOf(instrumentId, resolution)
        // One that is here is the latest: what begins after it cannot be there yet.
        if (this.candles.has(series) || reads.has(series)) continue
        const startMillis = candleStart(resolution, atMillis)
        reads.set(series, () => this.readCandle(lane, instrumentId, resolution, startMillis))
      }
    }
    const [busted, ...outSeqs] = await Promise.all([
      BustedTrades.of(lane, events),
      this.windows.read(lane, events),
      ...[...reads.values()].map(each => each()),
    ])
    this.busted = busted
    this.isAhead = outSeqs.some(outSeq => outSeq > this.outSeq)
  }

  /** Somebody has gone on since the watermark was read: what is made of this copy will be refused, and it is no use. */
  isAhead = false

  private async readMarket(lane: number, instrumentId: number): Promise<number> {
    const row = await getBook(lane, instrumentId)
    this.markets.set(instrumentId, row?.market ?? newMarket)
    return row?.outSeq ?? 0
  }

  private async readCandle(
    lane: number,
    instrumentId: number,
    resolution: CandleResolution,
    startMillis: number,
  ): Promise<number> {
    const row = await getCandle(lane, instrumentId, resolution, startMillis)
    if (row === undefined) return 0
    this.candles.set(seriesOf(instrumentId, resolution), row.candle)
    return row.outSeq
  }

  writesOf(placed: PlacedEvent): readonly Write[] {
    // Every event moves the time of the lane, and so closes windows, also of other markets.
    const closed = this.windows.advanced(placed)
    const written = this.marketWrites(placed)
    return closed.length === 0 ? written : [...closed, ...written]
  }

  private marketWrites(placed: PlacedEvent): readonly Write[] {
    const { lane, outSeq, atMillis, event } = placed
    this.outSeq = outSeq
    const instrumentId = marketOfEvent(event)
    if (instrumentId === undefined) return []
    const before = this.markets.get(instrumentId)
    if (before === undefined) throw new Error(`the market ${instrumentId} of lane ${lane} was not read`)
    const market = followed(before, event, atMillis)
    if (market === before) return []
    this.markets.set(instrumentId, market)
    const row: BookRow = { lane, instrumentId, market, updatedAtMillis: atMillis, outSeq }
    if (event.type === 'trade-executed') return [bookPut(row), ...this.tradeWrites(placed, event)]
    return event.type === 'trade-busted' ? [bookPut(row), ...this.bustWrites(placed, event)] : [bookPut(row)]
  }

  private tradeWrites(placed: PlacedEvent, event: TradeExecuted): readonly Write[] {
    const { lane, outSeq, atMillis } = placed
    const { instrumentId, priceTicks, quantityLots, isAuction, taker } = event
    const trade: MarketTradeRow = {
      lane,
      instrumentId,
      tradeId: tradeIdOf(lane, outSeq),
      priceTicks,
      quantityLots,
      direction: taker.direction,
      isAuction,
      atMillis,
      outSeq,
    }
    this.busted.followTrade(trade)
    return [
      marketTradePut(trade),
      ...candleResolutions.map(resolution => {
        const series = seriesOf(instrumentId, resolution)
        const own = candleOfTrade(candleStart(resolution, atMillis), priceTicks, quantityLots)
        const latest = this.candles.get(series)
        const candle = latest?.startMillis === own.startMillis ? joined(latest, own) : own
        this.candles.set(series, candle)
        this.busted.followCandle(instrumentId, resolution, candle)
        return candlePut({ lane, instrumentId, resolution, candle, outSeq })
      }),
      ...this.windows.traded(placed, event),
    ]
  }

  private bustWrites(placed: PlacedEvent, event: TradeBusted): readonly Write[] {
    const { lane, outSeq, eventId } = placed
    const corrected = this.busted.take(lane, event)
    if (corrected === undefined) {
      logger.warn('a trade was busted that the market has not', { event_id: eventId, trade_id: event.tradeId })
      return []
    }
    const { instrumentId } = event
    return [
      marketTradeBust(corrected.trade),
      ...corrected.candles.map(({ resolution, candle }) => {
        const series = seriesOf(instrumentId, resolution)
        if (this.candles.get(series)?.startMillis === candle.startMillis) this.candles.set(series, candle)
        return candlePut({ lane, instrumentId, resolution, candle, outSeq })
      }),
      ...this.windows.busted(placed, event, corrected.left),
    ]
  }
}

const seriesOf = (instrumentId: number, resolution: CandleResolution): string => `${instrumentId}#${resolution}`

/** Each with a copy of its own, as each process has one. */
export const marketDataProjection = (): Projection => {
  const copies = new Map<number, LaneCopy>()
  return {
    name: 'project-market-data',
    async load(lane, events) {
      const [first] = events
      if (first === undefined) return () => []
      const known = copies.get(lane)
      const copy = known?.outSeq === first.outSeq - 1 ? known : new LaneCopy(first.outSeq - 1)
      copies.delete(lane)
      await copy.read(lane, events)
      if (!copy.isAhead) copies.set(lane, copy)
      return placed => copy.writesOf(placed)
    },
  }
}

export const projectMarketData = marketDataProjection()

export const handler = serveProjection(projectMarketData)
