/**
 * The levels of one side of a book by price: a window of slots, one a tick, with a bitmap of three floors above it that
 * finds the next best in three steps, and a sorted list for the prices that lie outside of it, however far. Where the
 * window lies says nothing about what trades: it follows the orders.
 */
const { clz32 } = Math

/** No level. */
export const noLevel = 0

const firstWidth = 1 << 9
const mostWidth = 1 << 13
/** So many orders at prices outside of the window, beyond one for each level, and it is laid anew. */
const patience = 64

export class PriceLadder {
  /** Bids: the highest price is the best; asks: the lowest. */
  private readonly bestIsHighest: boolean
  /** Level of the best price; `noLevel` where the side is empty. */
  best: number = noLevel
  /** Its price. */
  bestTicks = 0
  private base = 0
  private width = firstWidth
  private slots = new Int32Array(firstWidth)
  /** Bits of slots, of words of slots, of words of those. */
  private floor0 = new Int32Array(firstWidth >> 5)
  private floor1 = new Int32Array(1)
  private floor2 = 0
  /** Levels in the window. */
  private inside = 0
  /** Prices outside of the window, ascending, and their levels. */
  private farTicks = new Int32Array(16)
  private farLevels = new Int32Array(16)
  private farCount = 0
  private farAccesses = 0

  constructor(bestIsHighest: boolean) {
    this.bestIsHighest = bestIsHighest
  }

  find(ticks: number): number {
    const slot = ticks - this.base
    if (slot >= 0 && slot < this.width) return this.slots[slot] as number
    return this.findFar(ticks)
  }

  private findFar(ticks: number): number {
    this.farAccesses += 1
    const index = this.farIndex(ticks)
    return index < this.farCount && this.farTicks[index] === ticks ? (this.farLevels[index] as number) : noLevel
  }

  isBetter(ticks: number, than: number): boolean {
    return this.bestIsHighest ? ticks > than : ticks < than
  }

  /** Adds a level at a price that has none. */
  add(ticks: number, level: number): void {
    if (this.best === noLevel || this.isBetter(ticks, this.bestTicks)) {
      this.best = level
      this.bestTicks = ticks
    }
    const slot = ticks - this.base
    if (slot >= 0 && slot < this.width) this.addInside(slot, level)
    else this.addFar(ticks, level)
  }

  private addInside(slot: number, level: number): void {
    this.slots[slot] = level
    this.inside += 1
    const word = slot >>> 5
    this.floor0[word] = (this.floor0[word] as number) | (1 << (slot & 31))
    this.floor1[word >>> 5] = (this.floor1[word >>> 5] as number) | (1 << (word & 31))
    this.floor2 |= 1 << (word >>> 5)
  }

  private addFar(ticks: number, level: number): void {
    const index = this.farIndex(ticks)
    if (this.farCount === this.farTicks.length) {
      this.farTicks = doubled(this.farTicks)
      this.farLevels = doubled(this.farLevels)
    }
    this.farTicks.copyWithin(index + 1, index, this.farCount)
    this.farLevels.copyWithin(index + 1, index, this.farCount)
    this.farTicks[index] = ticks
    this.farLevels[index] = level
    this.farCount += 1
    this.farAccesses += 1
    // Paid for by those accesses: however the orders lie, laying it anew costs little on the whole.
    if (this.inside === 0 || this.farAccesses > this.inside + this.farCount + patience) this.layWindow()
  }

  /** Removes the level at a price. */
  remove(ticks: number): void {
    const slot = ticks - this.base
    if (slot >= 0 && slot < this.width) this.removeInside(slot)
    else this.removeFar(ticks)
    if (ticks === this.bestTicks) this.seekBest()
  }

  private removeInside(slot: number): void {
    this.slots[slot] = noLevel
    this.inside -= 1
    const word = slot >>> 5
    const bits = (this.floor0[word] as number) & ~(1 << (slot & 31))
    this.floor0[word] = bits
    if (bits !== 0) return
    const upper = (this.floor1[word >>> 5] as number) & ~(1 << (word & 31))
    this.floor1[word >>> 5] = upper
    if (upper === 0) this.floor2 &= ~(1 << (word >>> 5))
  }

  private removeFar(ticks: number): void {
    const index = this.farIndex(ticks)
    this.farTicks.copyWithin(index, index + 1, this.farCount)
    this.farLevels.copyWithin(index, index + 1, this.farCount)
    this.farCount -= 1
    this.farAccesses += 1
  }

  private seekBest(): void {
    let best: number = noLevel
    if (this.inside > 0) {
      const slot = this.bestIsHighest ? this.highestSlot() : this.lowestSlot()
      best = this.slots[slot] as number
      this.bestTicks = this.base + slot
    }
    if (this.farCount > 0) {
      const index = this.bestIsHighest ? this.farCount - 1 : 0
      const ticks = this.farTicks[index] as number
      if (best === noLevel || this.isBetter(ticks, this.bestTicks)) {
        best = this.farLevels[index] as number
        this.bestTicks = ticks
      }
    }
    this.best = best
    if (best === noLevel) this.bestTicks = 0
  }

  private highestSlot(): number {
    const top = 31 - clz32(this.floor2)
    const middle = (top << 5) | (31 - clz32(this.floor1[top] as number))
    return (middle << 5) | (31 - clz32(this.floor0[middle] as number))
  }

  private lowestSlot(): number {
    const top = lowestBit(this.floor2)
    const middle = (top << 5) | lowestBit(this.floor1[top] as number)
    return (middle << 5) | lowestBit(this.floor0[middle] as number)
  }

  /** Of the first far price that is not below. */
  private farIndex(ticks: number): number {
    let low = 0
    let high = this.farCount
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.farTicks[middle] as number) < ticks) low = middle + 1
      else high = middle
    }
    return low
  }

  /** Around the best price, an eighth of it for better ones, wide enough for the orders if that can be. */
  private layWindow(): void {
    const all = this.levelsAscending()
    const span = (all.at(-1)?.ticks ?? 0) - (all[0]?.ticks ?? 0)
    while (this.width < mostWidth && this.width < 2 * span) this.width *= 2
    this.slots = new Int32Array(this.width)
    this.floor0 = new Int32Array(this.width >> 5)
    this.floor1 = new Int32Array(Math.max(1, this.width >> 10))
    this.floor2 = 0
    this.inside = 0
    this.farCount = 0
    this.farAccesses = 0
    const spare = this.width >> 3
    this.base = this.bestIsHighest ? this.bestTicks + spare - this.width : this.bestTicks - spare
    for (const { ticks, level } of all) {
      const slot = ticks - this.base
      if (slot >= 0 && slot < this.width) this.addInside(slot, level)
      else {
        if (this.farCount === this.farTicks.length) {
          this.farTicks = doubled(this.farTicks)
          this.farLevels = doubled(this.farLevels)
        }
        this.farTicks[this.farCount] = ticks
        this.farLevels[this.farCount] = level
        this.farCount += 1
      }
    }
  }

  /** Off the busy path. */
  levelsAscending(): { readonly ticks: number; readonly level: number }[] {
    const all: { readonly ticks: number; readonly level: number }[] = []
    for (const [word, bits] of this.floor0.entries())
      for (let left = bits; left !== 0; left &= left - 1) {
        const slot = (word << 5) | lowestBit(left)
        all.push({ ticks: this.base + slot, level: this.slots[slot] as number })
      }
    for (let index = 0; index < this.farCount; index += 1)
      all.push({ ticks: this.farTicks[index] as number, level: this.farLevels[index] as number })
    return all.sort((a, b) => a.ticks - b.ticks)
  }

  levelsBestFirst(): { readonly ticks: number; readonly level: number }[] {
    const ascending = this.levelsAscending()
    return this.bestIsHighest ? ascending.reverse() : ascending
  }
}

const lowestBit = (bits: number): number => 31 - clz32(bits & -bits)

const doubled = (words: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> => {
  const larger = new Int32Array(words.length * 2)
  larger.set(words)
  return larger
}
