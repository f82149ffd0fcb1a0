import type { Direction } from '#domain/trading/commands.ts'
import type { Level, Levels, LobsterRow, Message } from './lobster.ts'

/** What is to be done to a book so that it goes the way of the files. Orders go by names of their own. */
export type Action =
  | {
      readonly kind: 'rest'
      readonly name: string
      readonly direction: Direction
      readonly priceTicks: number
      readonly lots: number
    }
  /** The new total, what is filled included. */
  | { readonly kind: 'reduce'; readonly name: string; readonly quantityLots: number }
  | { readonly kind: 'cancel'; readonly name: string }
  /** An immediate order that must fill at once, all of it, against just this maker. */
  | {
      readonly kind: 'take'
      readonly makerName: string
      readonly direction: Direction
      readonly priceTicks: number
      readonly lots: number
    }

export interface Resting {
  readonly name: string
  readonly direction: Direction
  readonly priceTicks: number
  quantityLots: number
  filledLots: number
}

/** Counts of what a flow was made of. */
export interface FlowCounts {
  rows: number
  seeded: number
  /** Levels that differed when they came into view. */
  cameIntoView: number
  added: number
  reduced: number
  cancelled: number
  executed: number
  hiddenSkipped: number
  haltsSkipped: number
  /** About volume that was never visible. */
  unknownSkipped: number
}

export interface OrderFlow {
  readonly counts: FlowCounts
  /** What rests now, by name. */
  readonly resting: ReadonlyMap<string, Resting>
  actionsOf(row: LobsterRow): Action[]
}

/**
 * Turns rows into actions. Volume that lay in the book before the first message has no ids in the files: it is seeded
 * as one order for each level, and messages about unknown orders take from it first. Likewise volume that comes into
 * view from behind the last level, where the files say nothing of what happens.
 */
export const createOrderFlow = (): OrderFlow => {
  const resting = new Map<string, Resting>()
  const counts: FlowCounts = {
    rows: 0,
    seeded: 0,
    cameIntoView: 0,
    added: 0,
    reduced: 0,
    cancelled: 0,
    executed: 0,
    hiddenSkipped: 0,
    haltsSkipped: 0,
    unknownSkipped: 0,
  }
  let before: Levels | undefined

  const add = (name: string, direction: Direction, { priceTicks, lots }: Level): Action => {
    resting.set(name, { name, direction, priceTicks, quantityLots: lots, filledLots: 0 })
    return { kind: 'rest', name, direction, priceTicks, lots }
  }

  const seed = (direction: Direction, level: Level): Action => {
    counts.seeded += 1
    return add(`seed-${counts.seeded}`, direction, level)
  }

  const takeOff = (order: Resting, lots: number): Action => {
    const left = leftOf(order)
    if (lots >= left) {
      resting.delete(order.name)
      return { kind: 'cancel', name: order.name }
    }
    order.quantityLots -= lots
    return { kind: 'reduce', name: order.name, quantityLots: order.quantityLots }
  }

  const execute = (order: Resting, lots: number): Action => {
    order.filledLots += lots
    if (leftOf(order) === 0) resting.delete(order.name)
    return {
      kind: 'take',
      makerName: order.name,
      direction: order.direction === 'buy' ? 'sell' : 'buy',
      priceTicks: order.priceTicks,
      lots,
    }
  }

  /** The order that a message is about: by its id, else what was seeded at its price. */
  const subject = ({ orderId, direction, priceTicks }: Message): Resting | undefined =>
    resting.get(orderId) ?? [...resting.values()].find(order => isSeed(order) && isAt(order, direction, priceTicks))

  const actionOf = (message: Message): Action | undefined => {
    const { type, orderId, direction, lots } = message
    if (type === 'hidden-execution' || type === 'halt' || type === 'auction') {
      counts[type === 'hidden-execution' ? 'hiddenSkipped' : 'haltsSkipped'] += 1
      return undefined
    }
    if (type === 'new') {
      counts.added += 1
      return add(orderId, direction, message)
    }
    const order = subject(message)
    if (order === undefined) {
      counts.unknownSkipped += 1
      return undefined
    }
    if (type === 'execution') {
      counts.executed += 1
      return execute(order, lots)
    }
    counts[type === 'delete' ? 'cancelled' : 'reduced'] += 1
    return takeOff(order, lots)
  }

  /** Brings levels that were out of view until this row to what the file now says of them. */
  const cameIntoView = (direction: Direction, file: Levels): Action[] => {
    const [last, lastBefore] = [file[direction].at(-1), before?.[direction].at(-1)]
    if (last === undefined || lastBefore === undefined) return []
    const isNew = (priceTicks: number): boolean =>
      direction === 'buy'
        ? priceTicks < lastBefore.priceTicks && priceTicks >= last.priceTicks
        : priceTicks > lastBefore.priceTicks && priceTicks <= last.priceTicks
    if (!isNew(last.priceTicks)) return []
    const ours = [...resting.values()].filter(order => order.direction === direction && isNew(order.priceTicks))
    const prices = new Set([...ours, ...file[direction]].map(({ priceTicks }) => priceTicks).filter(isNew))
    return [...prices].flatMap(priceTicks => {
      const there = ours.filter(order => order.priceTicks === priceTicks)
      const wanted = file[direction].find(level => level.priceTicks === priceTicks)?.lots ?? 0
      let missing = wanted - there.reduce((sum, order) => sum + leftOf(order), 0)
      if (missing !== 0) counts.cameIntoView += 1
      if (missing > 0) return [seed(direction, { priceTicks, lots: missing })]
      // Some of it was cancelled out of view: rather what has no id, rather the newest.
      const actions: Action[] = []
      for (const order of [...there.filter(isSeed), ...there.filter(order => !isSeed(order)).reverse()]) {
        if (missing === 0) break
        const lots = Math.min(-missing, leftOf(order))
        missing += lots
        actions.push(takeOff(order, lots))
      }
      return actions
    })
  }

  return {
    counts,
    resting,
    actionsOf: ({ message, book }) => {
      const seeds =
        before === undefined
          ? (['buy', 'sell'] as const).flatMap(side => undone(message, book)[side].map(level => seed(side, level)))
          : []
      const action = actionOf(message)
      const entered = (['buy', 'sell'] as const).flatMap(side => cameIntoView(side, book))
      before = book
      counts.rows += 1
      return [...seeds, ...(action === undefined ? [] : [action]), ...entered]
    },
  }
}

const leftOf = (order: Resting): number => order.quantityLots - order.filledLots
const isSeed = (order: Resting): boolean => order.name.startsWith('seed-')
const isAt = (order: Resting, direction: Direction, priceTicks: number): boolean =>
  order.direction === direction && order.priceTicks === priceTicks

/** The book before a message, of the one after it. */
const undone = (message: Message, book: Levels): Levels => {
  const change = changeOf(message)
  if (change === 0) return book
  const levels = book[message.direction]
  const at = levels.find(({ priceTicks }) => priceTicks === message.priceTicks)
  const before = { priceTicks: message.priceTicks, lots: (at?.lots ?? 0) - change }
  const others = levels.filter(level => level !== at)
  return { ...book, [message.direction]: before.lots > 0 ? [...others, before] : others }
}

const changeOf = ({ type, lots }: Message): number => {
  switch (type) {
    case 'new':
      return lots
    case 'partial-cancel':
    case 'delete':
    case 'execution':
      return -lots
    default:
      return 0
  }
}

/** Resting volume by price. */
export interface Depth {
  add(direction: Direction, priceTicks: number, lots: number): void
  /** Best first. */
  levels(): Levels
}

export const createDepth = (): Depth => {
  const lotsAt = { buy: new Map<number, number>(), sell: new Map<number, number>() }
  const level = ([priceTicks, lots]: readonly [number, number]): Level => ({ priceTicks, lots })
  return {
    add: (direction, priceTicks, lots) => {
      const sum = (lotsAt[direction].get(priceTicks) ?? 0) + lots
      if (sum === 0) lotsAt[direction].delete(priceTicks)
      else lotsAt[direction].set(priceTicks, sum)
    },
    levels: () => ({
      buy: [...lotsAt.buy].sort(([a], [b]) => b - a).map(level),
      sell: [...lotsAt.sell].sort(([a], [b]) => a - b).map(level),
    }),
  }
}

/** All levels of a row but the last, which comes from and goes to what the files do not show. */
const comparedDepth = ({ buy, sell }: Levels): number => Math.max(1, Math.max(buy.length, sell.length) - 1)

/** Where the best levels differ first; undefined where they agree. */
export const firstDifference = (ours: Levels, file: Levels): string | undefined => {
  const deepest = comparedDepth(file)
  for (const direction of ['buy', 'sell'] as const)
    for (let depth = 0; depth < deepest; depth += 1) {
      const [our, their] = [ours[direction][depth], file[direction][depth]]
      if (our?.priceTicks === their?.priceTicks && our?.lots === their?.lots) continue
      return `${direction} level ${depth + 1} is ${levelText(our)}, the file has ${levelText(their)}`
    }
  return undefined
}

const levelText = (level: Level | undefined): string =>
  level === undefined ? 'empty' : `${level.lots} @ ${(level.priceTicks / 100).toFixed(2)}`
