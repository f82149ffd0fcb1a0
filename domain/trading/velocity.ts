/** A trade as velocity sees it. */
export interface PricePoint {
  readonly atMillis: number
  readonly ticks: number
}

/** Many come in the same millisecond. */
interface NumberedPoint extends PricePoint {
  readonly number: number
}

/**
 * Lowest and highest price of the trades of the last moments, exactly: two queues of those that may yet become the
 * lowest or highest, each in constant time on the average.
 */
export class PriceWatch {
  private lows: NumberedPoint[] = []
  private highs: NumberedPoint[] = []
  private count = 0

  constructor(points: readonly PricePoint[] = []) {
    for (const point of points) this.add(point)
  }

  private add({ atMillis, ticks }: PricePoint): void {
    this.count += 1
    const point = { atMillis, ticks, number: this.count }
    while (this.lows.length > 0 && (this.lows.at(-1)?.ticks ?? 0) >= point.ticks) this.lows.pop()
    this.lows.push(point)
    while (this.highs.length > 0 && (this.highs.at(-1)?.ticks ?? 0) <= point.ticks) this.highs.pop()
    this.highs.push(point)
  }

  /** Whether a trade at this price has moved by so much, of the other price, within so long. */
  isTooFast(point: PricePoint, velocityPpm: number, velocityMillis: number): boolean {
    const isOld = ({ atMillis }: PricePoint) => atMillis < point.atMillis - velocityMillis
    while (this.lows[0] !== undefined && isOld(this.lows[0])) this.lows.shift()
    while (this.highs[0] !== undefined && isOld(this.highs[0])) this.highs.shift()
    const low = this.lows[0]?.ticks ?? point.ticks
    const high = this.highs[0]?.ticks ?? point.ticks
    this.add(point)
    const isFar = (from: number) => Math.abs(point.ticks - from) * 1_000_000 > from * velocityPpm
    return isFar(low) || isFar(high)
  }

  /** What of the past may still matter, in the order in which it came: enough to go on from, and the same then. */
  points(): readonly PricePoint[] {
    return [...new Set([...this.lows, ...this.highs])]
      .sort((a, b) => a.number - b.number)
      .map(({ atMillis, ticks }) => ({ atMillis, ticks }))
  }
}
