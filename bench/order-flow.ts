import type { Command, Direction } from '#domain/trading/commands.ts'
import { createEngine } from '#domain/trading/engine.ts'
import type { Event } from '#domain/trading/events.ts'

/** What a market of so many books looks like to the matcher; the same seed gives the same flow. */
export interface OrderFlow {
  /** Opens accounts and books and fills these; not to be measured. */
  readonly opening: readonly Command[]
  readonly commands: readonly Command[]
}

/** When the commands of a flow are applied. */
export const flowMillis = 1_800_000_000_000

const accountCount = 64
const startTicks = 50_000
const restingOrdersOfBook = 2_000

interface Resting {
  readonly orderId: string
  readonly accountId: number
  readonly instrumentId: number
  readonly quantityLots: number
  readonly place: number
}

/**
 * A mix as on NASDAQ: 55 % new limit orders, most of them near the best price, 3.5 % immediate ones that take from the
 * other side, 35 % cancels, 6.5 % amends, half of which only shrink the order. An engine runs along, so that what is
 * cancelled or amended does rest, and books keep their depth: where they outgrow it, new orders give way to cancels.
 */
export const orderFlow = (bookCount: number, commandCount: number, seed: number): OrderFlow => {
  const random = randomOf(seed)
  const below = (bound: number): number => Math.floor(random() * bound)
  let lastId = 0
  const nextId = (): string => {
    lastId += 1
    return uuidOf(lastId, random)
  }
  const engine = createEngine(1)
  const resting: Resting[] = []
  const places = new Map<string, number>()
  const middles = Array.from({ length: bookCount }, () => startTicks)
  const middleOf = (instrumentId: number): number => middles[instrumentId - 1] ?? startTicks

  const forget = (orderId: string): void => {
    const place = places.get(orderId)
    const last = resting.pop()
    if (place === undefined || last === undefined) return
    places.delete(orderId)
    if (last.orderId === orderId) return
    resting[place] = { ...last, place }
    places.set(last.orderId, place)
  }
  const learn = (event: Event): void => {
    if (event.type === 'order-accepted' && event.timeInForce === 'good_til_cancelled') {
      const { orderId, accountId, instrumentId, quantityLots } = event
      places.set(orderId, resting.length)
      resting.push({ orderId, accountId, instrumentId, quantityLots, place: resting.length })
    } else if (event.type === 'order-cancelled') {
      if (places.has(event.orderId)) forget(event.orderId)
    } else if (event.type === 'trade-executed')
      for (const leg of [event.maker, event.taker])
        if (leg.remainingLots === 0 && places.has(leg.orderId)) forget(leg.orderId)
  }
  const given = (command: Command): Command => {
    for (const event of engine.apply(command, flowMillis)) learn(event)
    return command
  }

  const place = (isImmediate: boolean): Command => {
    const instrumentId = 1 + below(bookCount)
    const direction: Direction = random() < 0.5 ? 'buy' : 'sell'
    // Mostly close to the middle, seldom far from it; the immediate ones reach across.
    const distance = isImmediate ? -20 : Math.floor(-Math.log(1 - random()) * 30) - 1
    return {
      type: 'place-order',
      orderId: nextId(),
      accountId: 1 + below(accountCount),
      instrumentId,
      specificationVersion: 1,
      direction,
      orderType: 'limit',
      timeInForce: isImmediate ? 'immediate_or_cancel' : 'good_til_cancelled',
      priceTicks: middleOf(instrumentId) - (direction === 'buy' ? distance : -distance),
      quantityLots: 1 + below(20),
      clientOrderId: '',
    }
  }
  const cancel = ({ orderId, accountId }: Resting): Command => ({
    type: 'cancel-order',
    commandId: nextId(),
    accountId,
    orderId,
  })
  const amend = ({ orderId, accountId, instrumentId, quantityLots }: Resting): Command => {
    const shrinks = random() < 0.5
    return {
      type: 'amend-order',
      commandId: nextId(),
      accountId,
      orderId,
      priceTicks: shrinks ? 0 : middleOf(instrumentId) + below(60) - 30,
      quantityLots: shrinks ? Math.max(1, quantityLots - 1) : 0,
    }
  }

  const opening: Command[] = []
  for (let account = 1; account <= accountCount; account += 1) {
    opening.push({ type: 'open-account', commandId: nextId(), account: `participant-${account}` })
    opening.push({ type: 'deposit', commandId: nextId(), accountId: account, amountMicros: 60_000_000_000_000 })
  }
  for (let book = 1; book <= bookCount; book += 1)
    opening.push({ type: 'list-instrument', commandId: nextId(), specification: specificationOf(book) })
  for (const command of opening) given(command)
  while (resting.length < restingOrdersOfBook * bookCount) opening.push(given(place(false)))

  const commands: Command[] = []
  while (commands.length < commandCount) {
    if (random() < 0.05) {
      const book = below(bookCount)
      middles[book] = (middles[book] ?? startTicks) + below(3) - 1
    }
    const kind = random()
    const chosen = resting[below(resting.length)]
    const isDeep = resting.length > restingOrdersOfBook * bookCount
    if (chosen === undefined || (kind < 0.55 && !(isDeep && random() < 0.2))) commands.push(given(place(false)))
    else if (kind >= 0.55 && kind < 0.585) commands.push(given(place(true)))
    else if (kind < 0.935) commands.push(given(cancel(chosen)))
    else commands.push(given(amend(chosen)))
  }
  return { opening, commands }
}

const specificationOf = (book: number) =>
  ({
    instrumentName: `B${book}.USE-27NOV26`,
    kind: 'future',
    underlying: `B${book}.USE`,
    quoteCurrency: 'USD',
    tickSize: '0.0001',
    minTradeAmount: '1',
    contractSize: '1',
    maxPrice: '100',
    expirationMillis: 4_000_000_000_000,
    makerCommissionPpm: 100,
    takerCommissionPpm: 500,
  }) as const

/** Shaped as a UUIDv7: a counter in front, random digits behind. */
const uuidOf = (count: number, random: () => number): string => {
  const hex = (): string =>
    Math.floor(random() * 65_536)
      .toString(16)
      .padStart(4, '0')
  return `0190${(count >>> 16).toString(16).padStart(4, '0')}-${(count & 65_535).toString(16).padStart(4, '0')}-7${hex().slice(1)}-8${hex().slice(1)}-${hex()}${hex()}${hex()}`
}

/** A small generator with a period of 2^32, so that flows are the same everywhere. */
const randomOf = (seed: number): (() => number) => {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
