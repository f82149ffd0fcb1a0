import {
  type MarketWindow,
  type WindowResolution,
  windowLatenessMillis,
  windowMillis,
  windowResolutions,
  windowStart,
} from '#domain/trading/market-windows.ts'

/** A trade of one market, as a newspaper would print it. */
export interface PrintedTrade {
  readonly atMillis: number
  readonly ticks: number
  readonly lots: number
  readonly direction: 'buy' | 'sell'
  readonly isAuction: boolean
  busted: boolean
}

type Figures = Omit<MarketWindow, 'previousTicks' | 'state' | 'version'>

const decimals = 10n ** 18n

/** The windows of all trades that are not reversed, from nothing: minute closes first, returns between them, then sums. */
const figuresOf = (trades: readonly PrintedTrade[], resolution: WindowResolution): ReadonlyMap<number, Figures> => {
  const closes = new Map<number, number>()
  for (const { atMillis, ticks, busted } of trades) if (!busted) closes.set(windowStart('1m', atMillis), ticks)
  const found = new Map<number, Figures>()
  for (const { atMillis, ticks, lots, direction, isAuction, busted } of trades) {
    if (busted) continue
    const startMillis = windowStart(resolution, atMillis)
    const before = found.get(startMillis)
    const taken = isAuction ? 0n : BigInt(lots)
    found.set(startMillis, {
      startMillis,
      trades: (before?.trades ?? 0) + 1,
      volumeLots: (before?.volumeLots ?? 0n) + BigInt(lots),
      turnoverTickLots: (before?.turnoverTickLots ?? 0n) + BigInt(ticks) * BigInt(lots),
      buyerLots: (before?.buyerLots ?? 0n) + (direction === 'buy' ? taken : 0n),
      sellerLots: (before?.sellerLots ?? 0n) + (direction === 'sell' ? taken : 0n),
      openTicks: before?.openTicks ?? ticks,
      closeTicks: ticks,
      squaredReturns: 0n,
    })
  }
  let previous: number | undefined
  for (const [minute, close] of [...closes].sort(([a], [b]) => a - b)) {
    const startMillis = windowStart(resolution, minute)
    const window = found.get(startMillis)
    if (previous !== undefined && window !== undefined) {
      const change = Math.log(close / previous)
      // Another way to the logarithm: the same but for some of the last digits.
      found.set(startMillis, {
        ...window,
        squaredReturns: window.squaredReturns + BigInt(Math.round(change * change * Number(decimals))),
      })
    }
    previous = close
  }
  return found
}

const same = (one: Figures | undefined, other: Figures | undefined): boolean =>
  one !== undefined &&
  other !== undefined &&
  Object.keys(one).every(name => one[name as keyof Figures] === other[name as keyof Figures])

/** One market's windows, made anew of all of its trades at each step. */
export class NaiveWindows {
  readonly trades: PrintedTrade[] = []
  /** By resolution and start: what it was corrected to after closing. */
  private readonly versions = new Map<string, number>()

  trade(trade: Omit<PrintedTrade, 'busted'>): PrintedTrade {
    const printed = { ...trade, busted: false }
    this.trades.push(printed)
    return printed
  }

  bust(trade: PrintedTrade, atMillis: number): void {
    const before = windowResolutions.map(resolution => figuresOf(this.trades, resolution))
    trade.busted = true
    for (const [index, resolution] of windowResolutions.entries()) {
      const after = figuresOf(this.trades, resolution)
      for (const start of before[index]?.keys() ?? []) {
        const key = `${resolution}#${start}`
        if (isClosed(resolution, start, atMillis) && !same(before[index]?.get(start), after.get(start)))
          this.versions.set(key, (this.versions.get(key) ?? 1) + 1)
      }
    }
  }

  /** By start; those that were emptied among them. */
  windows(resolution: WindowResolution, atMillis: number): readonly Omit<MarketWindow, 'previousTicks'>[] {
    const figures = figuresOf(this.trades, resolution)
    const starts = new Set(this.trades.map(trade => windowStart(resolution, trade.atMillis)))
    return [...starts]
      .sort((a, b) => a - b)
      .map(startMillis => ({
        ...(figures.get(startMillis) ?? { startMillis, ...nothing }),
        state: isClosed(resolution, startMillis, atMillis) ? 'closed' : 'open',
        version: this.versions.get(`${resolution}#${startMillis}`) ?? 1,
      }))
  }
}

const nothing = {
  trades: 0,
  volumeLots: 0n,
  turnoverTickLots: 0n,
  buyerLots: 0n,
  sellerLots: 0n,
  openTicks: 0,
  closeTicks: 0,
  squaredReturns: 0n,
}

const isClosed = (resolution: WindowResolution, startMillis: number, atMillis: number): boolean =>
  startMillis + windowMillis[resolution] + windowLatenessMillis <= atMillis
