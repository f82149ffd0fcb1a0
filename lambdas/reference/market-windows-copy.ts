import {
  listMarketWindows,
  type MarketWindowRow,
  marketWindowClose,
  marketWindowPut,
  marketWindowsFrom,
  openWindowsOf,
  openWindowsPut,
} from '#adapters/tables/market-windows.ts'
import type { Write } from '#adapters/writes.ts'
import type { TradeBusted, TradeExecuted } from '#domain/trading/events.ts'
import {
  type ChangedWindow,
  LaneWindows,
  type WindowedTrade,
  windowResolutions,
  windowStart,
} from '#domain/trading/market-windows.ts'
import type { PlacedEvent } from '../shell/projection.ts'

/** The windows of one lane, as far as its next events need them. It is right for as long as the copy that it is part of. */
export class MarketWindowsCopy {
  private readonly windows = new LaneWindows()
  private isOpenKnown = false

  /** Answers the number of the last event of what it has read. */
  async read(lane: number, events: readonly PlacedEvent[]): Promise<number> {
    this.windows.forgetEarlier()
    const latest = new Set<number>()
    /** By market, from which instant on all windows are needed. */
    const from = new Map<number, number>()
    for (const { event } of events) {
      if (event.type === 'trade-executed' && !this.windows.knows(event.instrumentId, '1m'))
        latest.add(event.instrumentId)
      if (event.type !== 'trade-busted') continue
      const { instrumentId, tradedAtMillis } = event
      from.set(instrumentId, Math.min(from.get(instrumentId) ?? Infinity, tradedAtMillis))
    }
    const reads: Promise<number>[] = []
    if (!this.isOpenKnown) reads.push(this.readOpen(lane))
    for (const instrumentId of latest) reads.push(this.readLatest(lane, instrumentId))
    for (const [instrumentId, atMillis] of from) reads.push(this.readFrom(lane, instrumentId, atMillis))
    return Math.max(0, ...(await Promise.all(reads)))
  }

  private async readOpen(lane: number): Promise<number> {
    const rows = await openWindowsOf(lane)
    for (const { windows } of rows) this.windows.knowOpen(windows)
    this.isOpenKnown = true
    return Math.max(0, ...rows.map(({ outSeq }) => outSeq))
  }

  private async readLatest(lane: number, instrumentId: number): Promise<number> {
    const pages = await Promise.all(
      windowResolutions.map(resolution => listMarketWindows(lane, instrumentId, resolution, { limit: 1 })),
    )
    return this.know(pages.flatMap(({ rows }) => rows))
  }

  /** For a reversal: each minute from its hour on, each longer window from its day on. There may be none of that time. */
  private async readFrom(lane: number, instrumentId: number, atMillis: number): Promise<number> {
    const pages = await Promise.all([
      marketWindowsFrom(lane, instrumentId, '1m', windowStart('1h', atMillis)),
      marketWindowsFrom(lane, instrumentId, '1h', windowStart('1d', atMillis)),
      marketWindowsFrom(lane, instrumentId, '1d', windowStart('1d', atMillis)),
    ])
    return this.know(pages.flat())
  }

  private know(rows: readonly MarketWindowRow[]): number {
    for (const { instrumentId, resolution, window } of rows) this.windows.know(instrumentId, resolution, window)
    return Math.max(0, ...rows.map(({ outSeq }) => outSeq))
  }

  advanced({ lane, outSeq, atMillis }: PlacedEvent): readonly Write[] {
    const closed = this.windows.advance(atMillis)
    if (closed.length === 0) return []
    return [
      ...closed.map(key => marketWindowClose(lane, key, outSeq)),
      ...new Set(closed.map(({ instrumentId }) => instrumentId))
        .values()
        .map(instrumentId => this.openWrite(lane, instrumentId, outSeq)),
    ]
  }

  traded({ lane, outSeq, atMillis }: PlacedEvent, event: TradeExecuted): readonly Write[] {
    const { instrumentId, priceTicks, quantityLots, isAuction, taker } = event
    const before = this.windows.openOf(instrumentId)
    const trade = { priceTicks, quantityLots, isAuction, direction: taker.direction }
    const writes = writesOf(lane, this.windows.trade(instrumentId, atMillis, trade), outSeq)
    return this.windows.openOf(instrumentId) === before
      ? writes
      : [...writes, this.openWrite(lane, instrumentId, outSeq)]
  }

  busted(
    { lane, outSeq }: PlacedEvent,
    { instrumentId, tradedAtMillis }: TradeBusted,
    left: readonly WindowedTrade[],
  ): readonly Write[] {
    return writesOf(lane, this.windows.bust(instrumentId, tradedAtMillis, left), outSeq)
  }

  private openWrite(lane: number, instrumentId: number, outSeq: number): Write {
    return openWindowsPut({ lane, instrumentId, windows: this.windows.openOf(instrumentId), outSeq })
  }
}

const writesOf = (lane: number, changed: readonly ChangedWindow[], outSeq: number): readonly Write[] =>
  changed.map(each => marketWindowPut({ lane, ...each, outSeq }))
