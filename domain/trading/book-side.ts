/**
 * One side of a visible book, as others are shown it: the best prices and what stands there. Never changed in place:
 * each change gives a new one, so that a copy can be kept, and what is kept is what is stored.
 */
export interface BookSide {
  /** Best first, 12 bytes a level: ticks u32, lots u64, big-endian. */
  readonly levels: Uint8Array
  /** 0: all levels are here. Else levels beyond this price have been dropped, and all up to it are here. */
  readonly cutTicks: number
}

export interface BookLevel {
  readonly ticks: number
  readonly lots: number
}

/** A side that is deeper loses its farthest levels: what is kept of both stays below a fourth of an item's 400 kB. */
export const mostLevelsKept = 4_096

const levelBytes = 12

export const emptySide: BookSide = { levels: new Uint8Array(0), cutTicks: 0 }

const viewOf = ({ levels }: BookSide): DataView => new DataView(levels.buffer, levels.byteOffset, levels.byteLength)

const ticksAt = (view: DataView, index: number): number => view.getUint32(index * levelBytes)

const levelsIn = ({ levels }: BookSide): number => levels.byteLength / levelBytes

/** The best ones, best first. */
export const bestLevels = (side: BookSide, atMost: number): readonly BookLevel[] => {
  const view = viewOf(side)
  return Array.from({ length: Math.min(atMost, levelsIn(side)) }, (_, index) => ({
    ticks: ticksAt(view, index),
    lots: Number(view.getBigUint64(index * levelBytes + 4)),
  }))
}

/** The side with so many lots at a price; 0 is no level. */
export const withLevel = (side: BookSide, sells: boolean, ticks: number, lots: number): BookSide => {
  const { levels, cutTicks } = side
  // Beyond the cut something is known of this price, but not of those between.
  if (cutTicks !== 0 && isBetter(cutTicks, ticks, sells)) return side
  const view = viewOf(side)
  const count = levelsIn(side)
  const index = placeOf(view, count, ticks, sells)
  const isThere = index < count && ticksAt(view, index) === ticks
  if (lots === 0 && !isThere) return side
  const changed = new Uint8Array(levels.length + (lots === 0 ? -levelBytes : isThere ? 0 : levelBytes))
  const at = index * levelBytes
  const rest = levels.subarray(isThere ? at + levelBytes : at)
  changed.set(levels.subarray(0, at))
  changed.set(rest, changed.length - rest.length)
  if (lots === 0) return { levels: changed, cutTicks }
  const changedView = new DataView(changed.buffer)
  changedView.setUint32(at, ticks)
  changedView.setBigUint64(at + 4, BigInt(lots))
  if (changed.length <= mostLevelsKept * levelBytes) return { levels: changed, cutTicks }
  return { levels: changed.slice(0, -levelBytes), cutTicks: ticksAt(changedView, mostLevelsKept - 1) }
}

const isBetter = (ticks: number, than: number, sells: boolean): boolean => (sells ? ticks < than : ticks > than)

/** The first level that is not better than a price. */
const placeOf = (view: DataView, count: number, ticks: number, sells: boolean): number => {
  let [low, high] = [0, count]
  while (low < high) {
    const middle = (low + high) >>> 1
    if (isBetter(ticksAt(view, middle), ticks, sells)) low = middle + 1
    else high = middle
  }
  return low
}
