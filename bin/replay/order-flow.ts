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
  added: number
  reduced: number
  cancelled: number
  executed: number
  hiddenSkipped: number
  haltsSkipped: number
  /** Of volume that lay beyond the visible levels. */
  unseenSkipped: number
}

export interface OrderFlow {
  readonly counts: FlowCounts
  /** What rests now, by name. */
  readonly resting: ReadonlyMap<string, Resting>
  actionsOf(row: LobsterRow): Action[]
}

/**
 * Turns rows into actions. Volume that lay in the book before the first message has no ids in the files: it is seeded
 * as one order for each level, and messages about unknown orders take from it first.
 */
export const createOrderFlow = (): OrderFlow => {
  const resting = new Map<string, Resting>()
  const counts: FlowCounts = {
    rows: 0,
    seeded: 0,
    added: 0,
    reduced: 0,
    cancelled: 0,
    executed: 0,
    hiddenSkipped: 0,
    haltsSkipped: 0,
    unseenSkipped: 0,
  }

  const add = (name: string, direction: Direction, { priceTicks, lots }: Level): Action => {
    resting.set(name, { name, direction, priceTicks, quantityLots: lots, filledLots: 0 })
    return { kind: 'rest', name, direction, priceTicks, lots }
  }

  const seed = (book: Levels): Action[] =>
    (['buy', 'sell'] as const).flatMap(direction =>
      book[direction].map(level => {
        counts.seeded += 1
        return add(seedName(direction, level.priceTicks), direction, level)
      }),
    )

  /** The order that a message is about. */
  const subject = ({ orderId, direction, priceTicks }: Message): Resting | undefined =>
    resting.get(orderId) ?? resting.get(seedName(direction, priceTicks))

  const takeOff = (order: Resting, lots: number): Action => {
    const left = order.quantityLots - order.filledLots
    if (lots >= left) {
      resting.delete(order.name)
      counts.cancelled += 1
      return { kind: 'cancel', name: order.name }
    }
    order.quantityLots -= lots
    counts.reduced += 1
    return { kind: 'reduce', name: order.name, quantityLots: order.quantityLots }
  }

  const execute = (order: Resting, lots: number): Action => {
    order.filledLots += lots
    if (order.filledLots >= order.quantityLots) resting.delete(order.name)
    counts.executed += 1
    return {
      kind: 'take',
      makerName: order.name,
      direction: order.direction === 'buy' ? 'sell' : 'buy',
      priceTicks: order.priceTicks,
      lots,
    }
  }

  const actionOf = (message: Message): Action | undefined => {
    switch (message.type) {
      case 'new':
        counts.added += 1
        return add(message.orderId, message.direction, message)
      case 'hidden-execution':
        counts.hiddenSkipped += 1
        return undefined
      case 'halt':
      case 'auction':
        counts.haltsSkipped += 1
        return undefined
      default: {
        const order = subject(message)
        if (order === undefined) {
          counts.unseenSkipped += 1
          return undefined
        }
        return message.type === 'execution' ? execute(order, message.lots) : takeOff(order, message.lots)
      }
    }
  }

  return {
    counts,
    resting,
    actionsOf: ({ message, book }) => {
      const before = counts.rows === 0 ? seed(undone(message, book)) : []
      counts.rows += 1
      const action = actionOf(message)
      return action === undefined ? before : [...before, action]
    },
  }
}

const seedName = (direction: Direction, priceTicks: number): string => `seed-${direction}-${priceTicks}`

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

/** Resting volume by price, best first. */
export const levelsOf = (orders: Iterable<Resting>): Levels => {
  const lots = { buy: new Map<number, number>(), sell: new Map<number, number>() }
  for (const { direction, priceTicks, quantityLots, filledLots } of orders)
    lots[direction].set(priceTicks, (lots[direction].get(priceTicks) ?? 0) + quantityLots - filledLots)
  const level = ([priceTicks, lots]: readonly [number, number]): Level => ({ priceTicks, lots })
  return {
    buy: [...lots.buy].sort(([a], [b]) => b - a).map(level),
    sell: [...lots.sell].sort(([a], [b]) => a - b).map(level),
  }
}

/**
 * Whether the best levels agree. The last level of the file is left out: it comes from and goes to what the file does
 * not show. `undefined` where they do, else the first that differs.
 */
export const firstDifference = (ours: Levels, file: Levels, deepest: number): string | undefined => {
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
