import type { Direction } from './commands.ts'

export const windowResolutions = ['1m', '1h', '1d'] as const
export type WindowResolution = (typeof windowResolutions)[number]

export const windowMillis: Readonly<Record<WindowResolution, number>> = {
  '1m': 60_000,
  '1h': 3_600_000,
  '1d': 86_400_000,
}

export const windowStart = (resolution: WindowResolution, atMillis: number): number => {
  const millis = windowMillis[resolution]
  return Math.floor(atMillis / millis) * millis
}

/**
 * A window is closed by the first event whose time in its lane is this much beyond the window's end. The lane's time never
 * goes back, so no trade comes late; only a reversal does, and what is reversed sooner than this leaves no correction.
 */
export const windowLatenessMillis = 60_000

/** So many windows are closed with one event at most, the others with the next ones: one event is one transaction. */
export const mostClosedOfEvent = 20

export const windowStates = ['open', 'closed'] as const
export type WindowState = (typeof windowStates)[number]

/** What traded in a while of event time, and how far the price moved. Where nothing ever traded there is none. */
export interface MarketWindow {
  readonly startMillis: number
  readonly trades: number
  /** Sums over trades know no bound that a double could hold. */
  readonly volumeLots: bigint
  readonly turnoverTickLots: bigint
  /** Of takers that bought; what an auction traded was begun by neither side. */
  readonly buyerLots: bigint
  readonly sellerLots: bigint
  /** 0 where all trades were reversed. */
  readonly openTicks: number
  readonly closeTicks: number
  /**
   * Of a minute: the close of the last minute before it that has trades; 0: there is none. Right for each minute that has
   * trades, and for the latest. Of longer windows 0.
   */
  readonly previousTicks: number
  /** Σ (ln close − ln previous close)² over the minutes that have trades, in parts of 10⁻¹⁸. */
  readonly squaredReturns: bigint
  readonly state: WindowState
  /** 1, and one more with each correction after closing. */
  readonly version: number
}

export interface WindowedTrade {
  readonly priceTicks: number
  readonly quantityLots: number
  readonly direction: Direction
  readonly isAuction: boolean
}

export interface WindowKey {
  readonly instrumentId: number
  readonly resolution: WindowResolution
  readonly startMillis: number
}

export interface ChangedWindow {
  readonly instrumentId: number
  readonly resolution: WindowResolution
  readonly window: MarketWindow
}

/** 10¹⁸ squared returns are 1. */
export const squaredReturnDigits = 18

/**
 * (ln close − ln previous)² rounded to the nearest 10⁻¹⁸, once for each return and not for a sum: integers add up to the
 * same in any order, so a replay and a correction give the same to the last digit. A day has at most 1,440 returns, hence
 * an error of at most 1e-15. The logarithm is that of the ratio's distance from one, for small moves of large prices.
 */
export const squaredReturn = (previousTicks: number, closeTicks: number): bigint => {
  if (previousTicks === 0 || closeTicks === 0) return 0n
  const change = Math.log1p((closeTicks - previousTicks) / previousTicks)
  return BigInt(Math.round(change * change * 1e18))
}

/** Periods of such a length that make a year of 365 days: what a window's squared returns are multiplied by. */
export const windowsPerYear = (resolution: WindowResolution): number => (365 * 86_400_000) / windowMillis[resolution]

const emptyWindow = (startMillis: number, previousTicks: number): MarketWindow => ({
  startMillis,
  trades: 0,
  volumeLots: 0n,
  turnoverTickLots: 0n,
  buyerLots: 0n,
  sellerLots: 0n,
  openTicks: 0,
  closeTicks: 0,
  previousTicks,
  squaredReturns: 0n,
  state: 'open',
  version: 1,
})

/** With one more trade, the latest; the returns are left to the caller. */
const withTrade = (window: MarketWindow, trade: WindowedTrade): MarketWindow => {
  const { priceTicks, quantityLots, direction, isAuction } = trade
  const lots = BigInt(quantityLots)
  return {
    ...window,
    trades: window.trades + 1,
    volumeLots: window.volumeLots + lots,
    turnoverTickLots: window.turnoverTickLots + BigInt(priceTicks) * lots,
    buyerLots: window.buyerLots + (!isAuction && direction === 'buy' ? lots : 0n),
    sellerLots: window.sellerLots + (!isAuction && direction === 'sell' ? lots : 0n),
    openTicks: window.trades === 0 ? priceTicks : window.openTicks,
    closeTicks: priceTicks,
  }
}

/** The figures of shorter windows, by time, as those of the one that they lie in. */
const withFiguresOf = (window: MarketWindow, shorter: readonly MarketWindow[]): MarketWindow => {
  let joined = emptyWindow(window.startMillis, 0)
  for (const each of shorter) {
    if (each.trades === 0) continue
    joined = {
      ...joined,
      trades: joined.trades + each.trades,
      volumeLots: joined.volumeLots + each.volumeLots,
      turnoverTickLots: joined.turnoverTickLots + each.turnoverTickLots,
      buyerLots: joined.buyerLots + each.buyerLots,
      sellerLots: joined.sellerLots + each.sellerLots,
      openTicks: joined.trades === 0 ? each.openTicks : joined.openTicks,
      closeTicks: each.closeTicks,
      squaredReturns: joined.squaredReturns + each.squaredReturns,
    }
  }
  return { ...joined, state: window.state, version: window.version }
}

const hasSameFigures = (one: MarketWindow, other: MarketWindow): boolean =>
  one.trades === other.trades &&
  one.volumeLots === other.volumeLots &&
  one.turnoverTickLots === other.turnoverTickLots &&
  one.buyerLots === other.buyerLots &&
  one.sellerLots === other.sellerLots &&
  one.openTicks === other.openTicks &&
  one.closeTicks === other.closeTicks &&
  one.squaredReturns === other.squaredReturns

/** What a following minute takes for the close before it. */
const lastCloseOf = ({ trades, closeTicks, previousTicks }: MarketWindow): number =>
  trades === 0 ? previousTicks : closeTicks

/**
 * The windows of one lane as its events make them, told nothing but what was stored: the latest window of each series that
 * trades (`know`), which windows are open (`knowOpen`), and for a reversal all windows from the reversed trade's hour or
 * day on. Each method says which windows it has changed.
 */
export class LaneWindows {
  /** By market and resolution, then by start. */
  private readonly series = new Map<string, Map<number, MarketWindow>>()
  private readonly latestStarts = new Map<string, number>()
  private readonly open = new Map<number, WindowKey[]>()
  /** When the first of the open windows is to be closed. */
  private nextCloseMillis = Infinity

  knows(instrumentId: number, resolution: WindowResolution): boolean {
    return this.latestStarts.has(seriesOf(instrumentId, resolution))
  }

  know(instrumentId: number, resolution: WindowResolution, window: MarketWindow): void {
    this.put(instrumentId, resolution, window)
  }

  knowOpen(keys: readonly WindowKey[]): void {
    for (const key of keys) this.add(key)
  }

  openOf(instrumentId: number): readonly WindowKey[] {
    return this.open.get(instrumentId) ?? []
  }

  /** Only the latest of each series is ever needed again, until something is reversed. */
  forgetEarlier(): void {
    for (const [name, windows] of this.series) {
      const latest = this.latestStarts.get(name)
      if (windows.size === 1) continue
      for (const start of windows.keys()) if (start !== latest) windows.delete(start)
    }
  }

  /** The windows that an event at this time of the lane closes, in an order that follows from the events alone. */
  advance(atMillis: number): readonly WindowKey[] {
    if (atMillis < this.nextCloseMillis) return []
    const due = [...this.open.values()]
      .flat()
      .filter(key => closesAtMillis(key) <= atMillis)
      .sort(
        (a, b) =>
          closesAtMillis(a) - closesAtMillis(b) ||
          a.instrumentId - b.instrumentId ||
          windowMillis[a.resolution] - windowMillis[b.resolution],
      )
      .slice(0, mostClosedOfEvent)
    for (const key of due) {
      const { instrumentId, resolution, startMillis } = key
      const others = this.openOf(instrumentId).filter(other => other !== key)
      if (others.length === 0) this.open.delete(instrumentId)
      else this.open.set(instrumentId, others)
      const window = this.window(instrumentId, resolution, startMillis)
      if (window !== undefined) this.put(instrumentId, resolution, { ...window, state: 'closed' })
    }
    this.nextCloseMillis = Math.min(Infinity, ...[...this.open.values()].flat().map(closesAtMillis))
    return due
  }

  /** Its time is that of the lane, so it lies in the latest window of each series or begins one. */
  trade(instrumentId: number, atMillis: number, trade: WindowedTrade): readonly ChangedWindow[] {
    const minute = this.currentOrNew(instrumentId, '1m', atMillis)
    const traded = withTrade(minute, trade)
    const squaredReturns = squaredReturn(minute.previousTicks, traded.closeTicks)
    const added = squaredReturns - minute.squaredReturns
    const changed: ChangedWindow[] = [
      { instrumentId, resolution: '1m', window: { ...traded, squaredReturns } },
      ...(['1h', '1d'] as const).map(resolution => {
        const window = withTrade(this.currentOrNew(instrumentId, resolution, atMillis), trade)
        return { instrumentId, resolution, window: { ...window, squaredReturns: window.squaredReturns + added } }
      }),
    ]
    for (const { resolution, window } of changed) {
      this.put(instrumentId, resolution, window)
      if (window.trades === 1 && window.state === 'open')
        this.add({ instrumentId, resolution, startMillis: window.startMillis })
    }
    return changed
  }

  /**
   * A trade of this minute was reversed: the minute is made anew of the trades that are left in it, by time. The return of
   * the next minute that has trades begins at another price then, wherever it lies; longer windows are made anew of the
   * shorter ones within. A closed window whose figures have changed has one more version.
   */
  bust(instrumentId: number, tradedAtMillis: number, left: readonly WindowedTrade[]): readonly ChangedWindow[] {
    const startMillis = windowStart('1m', tradedAtMillis)
    const before = this.window(instrumentId, '1m', startMillis)
    if (before === undefined) return []
    let minute = { ...emptyWindow(startMillis, before.previousTicks), state: before.state, version: before.version }
    for (const trade of left) minute = { ...minute, ...withTrade(minute, trade) }
    minute = { ...minute, squaredReturns: squaredReturn(minute.previousTicks, minute.closeTicks) }
    const minutes = [this.corrected(instrumentId, '1m', minute)]
    const next = this.nextMinute(instrumentId, startMillis)
    if (next !== undefined) {
      const previousTicks = lastCloseOf(minute)
      const squaredReturns = squaredReturn(previousTicks, next.closeTicks)
      minutes.push(this.corrected(instrumentId, '1m', { ...next, previousTicks, squaredReturns }))
    }
    const hours = this.remade(instrumentId, '1h', '1m', minutes)
    return [...minutes, ...hours, ...this.remade(instrumentId, '1d', '1h', hours)]
  }

  private window(instrumentId: number, resolution: WindowResolution, startMillis: number): MarketWindow | undefined {
    return this.series.get(seriesOf(instrumentId, resolution))?.get(startMillis)
  }

  private put(instrumentId: number, resolution: WindowResolution, window: MarketWindow): void {
    const name = seriesOf(instrumentId, resolution)
    const windows = this.series.get(name) ?? new Map<number, MarketWindow>()
    windows.set(window.startMillis, window)
    this.series.set(name, windows)
    this.latestStarts.set(name, Math.max(window.startMillis, this.latestStarts.get(name) ?? 0))
  }

  private add(key: WindowKey): void {
    const others = this.openOf(key.instrumentId)
    if (others.some(({ resolution, startMillis }) => resolution === key.resolution && startMillis === key.startMillis))
      return
    this.open.set(key.instrumentId, [...others, key])
    this.nextCloseMillis = Math.min(this.nextCloseMillis, closesAtMillis(key))
  }

  private currentOrNew(instrumentId: number, resolution: WindowResolution, atMillis: number): MarketWindow {
    const startMillis = windowStart(resolution, atMillis)
    const latestStart = this.latestStarts.get(seriesOf(instrumentId, resolution))
    const latest = latestStart === undefined ? undefined : this.window(instrumentId, resolution, latestStart)
    if (latest?.startMillis === startMillis) return latest
    return emptyWindow(startMillis, resolution === '1m' && latest !== undefined ? lastCloseOf(latest) : 0)
  }

  /** The next that has trades; where there is none the latest, from which the one to come takes the close before it. */
  private nextMinute(instrumentId: number, startMillis: number): MarketWindow | undefined {
    const name = seriesOf(instrumentId, '1m')
    const latestStart = this.latestStarts.get(name) ?? 0
    let next: MarketWindow | undefined
    for (const window of this.series.get(name)?.values() ?? []) {
      if (window.startMillis <= startMillis || (window.trades === 0 && window.startMillis !== latestStart)) continue
      if (next === undefined || window.startMillis < next.startMillis) next = window
    }
    return next
  }

  private corrected(instrumentId: number, resolution: WindowResolution, window: MarketWindow): ChangedWindow {
    const before = this.window(instrumentId, resolution, window.startMillis)
    const isCorrection = before?.state === 'closed' && !hasSameFigures(before, window)
    const kept = isCorrection ? { ...window, version: window.version + 1 } : window
    this.put(instrumentId, resolution, kept)
    return { instrumentId, resolution, window: kept }
  }

  private remade(
    instrumentId: number,
    resolution: WindowResolution,
    shorter: WindowResolution,
    changed: readonly ChangedWindow[],
  ): readonly ChangedWindow[] {
    const starts = new Set(changed.map(({ window }) => windowStart(resolution, window.startMillis)))
    const remade: ChangedWindow[] = []
    for (const startMillis of starts) {
      const window = this.window(instrumentId, resolution, startMillis)
      if (window === undefined) continue
      const within = [...(this.series.get(seriesOf(instrumentId, shorter))?.values() ?? [])]
        .filter(each => windowStart(resolution, each.startMillis) === startMillis)
        .sort((a, b) => a.startMillis - b.startMillis)
      remade.push(this.corrected(instrumentId, resolution, withFiguresOf(window, within)))
    }
    return remade
  }
}

const seriesOf = (instrumentId: number, resolution: WindowResolution): string => `${instrumentId}#${resolution}`

const closesAtMillis = ({ resolution, startMillis }: WindowKey): number =>
  startMillis + windowMillis[resolution] + windowLatenessMillis
