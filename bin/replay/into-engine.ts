import { plainFuture } from '#domain/reference/instrument.ts'
import { writeCommand } from '#domain/trading/command-messages.ts'
import { type Command, type PlaceOrder, plainInstructions } from '#domain/trading/commands.ts'
import { createEngine, type Engine } from '#domain/trading/engine.ts'
import type { Event } from '#domain/trading/events.ts'
import { Tape } from '#domain/trading/tape.ts'
import { readLobster } from './lobster.ts'
import {
  type Action,
  createDepth,
  createOrderFlow,
  type FlowCounts,
  firstDifference,
  type Resting,
} from './order-flow.ts'
import type { Progress } from './progress.ts'

/** What the replay into the engine found. */
export interface EngineReplay {
  readonly counts: FlowCounts
  readonly rowsMatched: number
  /** Executions that filled just the maker and size of the file. */
  readonly executionsMatched: number
  readonly commands: number
  readonly trades: number
  readonly engineSeconds: number
  /** Where it differed, the first few. */
  readonly differences: readonly string[]
  readonly differenceCount: number
  /** All that rested or traded, and the highest price that the instrument allows: what no account can need more of. */
  readonly lots: number
  readonly maxPriceUsd: number
}

const restingAccount = 1
const takingAccount = 2
const dayMillis = 86_400_000
const listedDifferences = 10

export const replayIntoEngine = async (
  messagesPath: string,
  bookPath: string,
  progress: Progress,
): Promise<EngineReplay> => {
  const flow = createOrderFlow()
  const ids = new Map<string, string>()
  const differences: string[] = []
  let differenceCount = 0
  let [commands, trades, rowsMatched, executionsMatched, nanoseconds] = [0, 0, 0, 0, 0n]
  let [addedLots, tradedLots, maxPriceUsd] = [0, 0, 0]
  let engine: Engine | undefined
  const resting = new Map<string, Resting>()
  const depth = createDepth()
  const message = new Tape(64)

  const differ = (line: number, what: string): void => {
    differenceCount += 1
    if (differences.length < listedDifferences) differences.push(`line ${line}: ${what}`)
  }
  const nextId = (): string => `00000000-0000-7000-8000-${(commands + 1).toString(16).padStart(12, '0')}`

  const apply = (running: Engine, command: Command, atMillis: number): readonly Event[] => {
    commands += 1
    message.clear()
    writeCommand(message, command)
    running.told.clear()
    const start = process.hrtime.bigint()
    running.advance(atMillis)
    running.apply(message.words, 0)
    nanoseconds += process.hrtime.bigint() - start
    return running.events().filter(({ type }) => type !== 'time-advanced')
  }

  /** Keeps what rests by the engine's own word. */
  const follow = (events: readonly Event[]): void => {
    for (const event of events)
      if (event.type === 'order-accepted' && event.timeInForce === 'good_til_cancelled') {
        const { orderId, direction, priceTicks, quantityLots } = event
        resting.set(orderId, { name: orderId, direction, priceTicks, quantityLots, filledLots: 0 })
        depth.add(direction, priceTicks, quantityLots)
      } else if (event.type === 'trade-executed') {
        trades += 1
        tradedLots += event.quantityLots
        for (const { orderId, filledLots, remainingLots } of [event.maker, event.taker])
          change(orderId, { filledLots }, remainingLots === 0)
      } else if (event.type === 'order-cancelled') change(event.orderId, {}, true)
      else if (event.type === 'order-amended') change(event.orderId, { quantityLots: event.quantityLots }, false)
  }

  const change = (orderId: string, to: Partial<Resting>, isClosed: boolean): void => {
    const order = resting.get(orderId)
    if (order === undefined) return
    depth.add(order.direction, order.priceTicks, order.filledLots - order.quantityLots)
    Object.assign(order, to)
    if (isClosed) resting.delete(orderId)
    else depth.add(order.direction, order.priceTicks, order.quantityLots - order.filledLots)
  }

  const perform = (running: Engine, action: Action, atMillis: number, line: number): void => {
    const order = (orderId: string, accountId: number, isImmediate: boolean): PlaceOrder => ({
      type: 'place-order',
      orderId,
      accountId,
      instrumentId: 1,
      specificationVersion: 1,
      direction: action.kind === 'rest' || action.kind === 'take' ? action.direction : 'buy',
      orderType: 'limit',
      timeInForce: isImmediate ? 'immediate_or_cancel' : 'good_til_cancelled',
      priceTicks: action.kind === 'rest' || action.kind === 'take' ? action.priceTicks : 0,
      quantityLots: action.kind === 'rest' || action.kind === 'take' ? action.lots : 0,
      clientOrderId: '',
      ...plainInstructions,
    })
    const orderId = nextId()
    const known = { commandId: orderId, accountId: restingAccount }
    switch (action.kind) {
      case 'rest': {
        ids.set(action.name, orderId)
        const events = apply(running, order(orderId, restingAccount, false), atMillis)
        follow(events)
        addedLots += action.lots
        if (events.length !== 1 || events[0]?.type !== 'order-accepted')
          differ(line, `the new order ${action.name} did not rest: ${told(events)}`)
        return
      }
      case 'reduce': {
        const { name, quantityLots } = action
        const change = {
          ...known,
          type: 'amend-order',
          orderId: ids.get(name) ?? '',
          priceTicks: 0,
          quantityLots,
        } as const
        const events = apply(running, change, atMillis)
        follow(events)
        if (events[0]?.type !== 'order-amended' || !events[0].keptPriority)
          differ(line, `the order ${name} was not reduced in its place: ${told(events)}`)
        return
      }
      case 'cancel': {
        const events = apply(running, { ...known, type: 'cancel-order', orderId: ids.get(action.name) ?? '' }, atMillis)
        follow(events)
        ids.delete(action.name)
        if (events[0]?.type !== 'order-cancelled')
          differ(line, `the order ${action.name} was not cancelled: ${told(events)}`)
        return
      }
      case 'take': {
        const events = apply(running, order(orderId, takingAccount, true), atMillis)
        follow(events)
        const [accepted, trade, ...more] = events
        const isThat =
          accepted?.type === 'order-accepted' &&
          trade?.type === 'trade-executed' &&
          more.length === 0 &&
          trade.maker.orderId === ids.get(action.makerName) &&
          trade.quantityLots === action.lots &&
          trade.priceTicks === action.priceTicks
        if (isThat) executionsMatched += 1
        else differ(line, `the execution of ${action.lots} against ${action.makerName} went otherwise: ${told(events)}`)
      }
    }
  }

  for await (const row of readLobster(messagesPath, bookPath)) {
    const atMillis = dayMillis + Math.floor(row.message.secondsAfterMidnight * 1000)
    if (engine === undefined) {
      maxPriceUsd = generousPriceUsd(row.book.sell[0]?.priceTicks ?? row.book.buy[0]?.priceTicks ?? 100)
      engine = openEngine(maxPriceUsd)
    }
    for (const action of flow.actionsOf(row)) perform(engine, action, atMillis, row.line)
    const difference = firstDifference(depth.levels(), row.book)
    if (difference === undefined) rowsMatched += 1
    else differ(row.line, difference)
    progress.at(row.progress)
  }
  return {
    counts: flow.counts,
    rowsMatched,
    executionsMatched,
    commands,
    trades,
    engineSeconds: Number(nanoseconds) / 1e9,
    differences,
    differenceCount,
    lots: addedLots + tradedLots,
    maxPriceUsd,
  }
}

/** Far enough above a day's prices, in whole USD. */
const generousPriceUsd = (ticks: number): number => Math.ceil((ticks * 4) / 100)

const openEngine = (maxPriceUsd: number): Engine => {
  const engine = createEngine(1)
  const id = (kind: string): string => `00000000-0000-7000-9000-${kind.padStart(12, '0')}`
  for (const accountId of [restingAccount, takingAccount]) {
    engine.enter({ type: 'open-account', commandId: id(`a${accountId}`), account: `replay-${accountId}`, firm: '' }, 0)
    engine.enter({ type: 'deposit', commandId: id(`d${accountId}`), accountId, amountMicros: 2_000_000_000_000_000 }, 0)
  }
  engine.enter(
    {
      type: 'list-instrument',
      commandId: id('1'),
      specification: {
        instrumentName: 'REPLAY-1',
        ...plainFuture,
        underlying: 'REPLAY',
        quoteCurrency: 'USD',
        tickSize: '0.01',
        minTradeAmount: '1',
        contractSize: '1',
        maxPrice: String(maxPriceUsd),
        expirationMillis: 10 * dayMillis,
        makerCommissionPpm: 0,
        takerCommissionPpm: 0,
      },
    },
    0,
  )
  return engine
}

const told = (events: readonly Event[]): string =>
  events.map(event => ('code' in event ? `${event.type} ${event.code}` : event.type)).join(', ') || 'nothing'
