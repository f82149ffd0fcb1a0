import { type ContractSpecification, plainFuture } from '#domain/reference/instrument.ts'
import { type AmendOrder, type Command, type PlaceOrder, plainInstructions } from '#domain/trading/commands.ts'
import { createEngine, type Engine } from '#domain/trading/engine.ts'
import type { Event, TradeExecuted } from '#domain/trading/events.ts'

/** A market to speak to in lines, so that a test reads like the tape. */
export interface Market {
  readonly engine: Engine
  /** Enters lines and gives back what the engine told, in lines. */
  enter(...lines: readonly string[]): string[]
  /** The same as events. */
  events(...lines: readonly string[]): Event[]
  /** What rests, best first. */
  book(): { readonly buy: string[]; readonly sell: string[] }
  cashOf(name: string): number
}

export const marketMillis = 1_800_000_000_000

/** Names of orders as ids and back: up to 8 letters of 'a' to 'f' and digits. */
export const idOf = (name: string): string => `01900000-0000-7000-8000-${name.padStart(12, '0')}`
export const nameOf = (id: string): string => id.slice(-12).replace(/^0+/, '')

const traders = ['ann', 'bob', 'cid']

/** One lot of one tick is worth one USD, so that a test counts in dollars; no fees unless told. */
export const testSpecification: ContractSpecification = {
  instrumentName: 'H100.USE-27NOV26',
  ...plainFuture,
  underlying: 'H100.USE',
  quoteCurrency: 'USD',
  tickSize: '1',
  minTradeAmount: '1',
  contractSize: '1',
  maxPrice: '1000',
  expirationMillis: marketMillis + 1_000_000,
  makerCommissionPpm: 0,
  takerCommissionPpm: 0,
}

export const usd = 1_000_000

let commandCount = 0
export const nextCommandId = (): string => {
  commandCount += 1
  return `01900000-0000-7fff-8000-${commandCount.toString(16).padStart(12, '0')}`
}

/** Ann, Bob and Cid with so much cash each and one instrument, at `marketMillis`. */
export const openMarket = (
  options: { readonly cashUsd?: number; readonly specification?: Partial<ContractSpecification> } = {},
): Market => {
  const engine = createEngine(1)
  const amountMicros = (options.cashUsd ?? 1_000_000) * usd
  for (const [index, account] of traders.entries()) {
    engine.enter({ type: 'open-account', commandId: nextCommandId(), account, firm: '' }, marketMillis)
    if (amountMicros > 0)
      engine.enter({ type: 'deposit', commandId: nextCommandId(), accountId: index + 1, amountMicros }, marketMillis)
  }
  const specification = { ...testSpecification, ...options.specification }
  engine.enter({ type: 'list-instrument', commandId: nextCommandId(), specification }, marketMillis)
  const events = (...lines: readonly string[]): Event[] =>
    lines.flatMap(line => [...engine.enter(commandOf(line), marketMillis)])
  return {
    engine,
    events,
    enter: (...lines) => events(...lines).map(lineOf),
    book: () => {
      const book = engine.snapshot().books[0]
      const line = (order: { orderId: string; priceTicks: number; quantityLots: number; filledLots: number }): string =>
        `${nameOf(order.orderId)} ${order.quantityLots - order.filledLots} @ ${order.priceTicks}`
      return { buy: (book?.buy ?? []).map(line), sell: (book?.sell ?? []).map(line) }
    },
    cashOf: name =>
      (engine.snapshot().accounts.find(({ account }) => account === name)?.cashMicros ?? Number.NaN) / usd,
  }
}

const accountIdOf = (name = ''): number => traders.indexOf(name) + 1

const orderLine = /^(\w+) (buys|sells) (-?\d+) (?:@ (-?\d+)|(at market))( at once)? as (\w+)$/
const cancelLine = /^(\w+) cancels (\w+)$/
const amendLine = /^(\w+) amends (\w+) to (-?\d+)(?: @ (-?\d+))?$/

/** `ann buys 5 @ 100 as a1`, `bob sells 5 @ 99 at once as b1`, `cid buys 2 at market as c1`,
 * `ann cancels a1`, `ann amends a1 to 3`, `ann amends a1 to 3 @ 101`. */
export const commandOf = (line: string): Command => {
  const [, trader, verb, lots, ticks, atMarket, atOnce, name] = orderLine.exec(line) ?? []
  if (name !== undefined)
    return {
      type: 'place-order',
      orderId: idOf(name),
      accountId: accountIdOf(trader),
      instrumentId: 1,
      specificationVersion: 1,
      direction: verb === 'buys' ? 'buy' : 'sell',
      orderType: atMarket === undefined ? 'limit' : 'market',
      timeInForce: atOnce === undefined && atMarket === undefined ? 'good_til_cancelled' : 'immediate_or_cancel',
      priceTicks: Number(ticks ?? 0),
      quantityLots: Number(lots),
      clientOrderId: '',
      ...plainInstructions,
    } satisfies PlaceOrder
  const [, canceller, cancelled] = cancelLine.exec(line) ?? []
  if (cancelled !== undefined)
    return {
      type: 'cancel-order',
      commandId: nextCommandId(),
      accountId: accountIdOf(canceller),
      orderId: idOf(cancelled),
    }
  const [, amender, amended, newLots, newTicks] = amendLine.exec(line) ?? []
  if (amended === undefined) throw new Error(`not a line of the tape: ${line}`)
  return {
    type: 'amend-order',
    commandId: nextCommandId(),
    accountId: accountIdOf(amender),
    orderId: idOf(amended),
    priceTicks: Number(newTicks ?? 0),
    quantityLots: Number(newLots),
  } satisfies AmendOrder
}

/** An event as a line; ids by their names. */
export const lineOf = (event: Event): string => {
  switch (event.type) {
    case 'order-accepted':
      return `${nameOf(event.orderId)} accepted @ ${event.priceTicks}`
    case 'order-rejected':
      return `${nameOf(event.orderId)} rejected ${event.code}`
    case 'trade-executed':
      return tradeLine(event)
    case 'order-cancelled':
      return `${nameOf(event.orderId)} cancelled ${event.cancelledLots} ${event.reason}`
    case 'order-amended':
      return `${nameOf(event.orderId)} amended to ${event.quantityLots} @ ${event.priceTicks} ${event.keptPriority ? 'in place' : 'anew'}`
    case 'command-rejected':
      return `${event.commandType} rejected ${event.code}`
    case 'command-duplicated':
      return 'duplicate'
    case 'deposited':
      return `deposited ${event.amountMicros} to ${event.cashMicros}`
    default:
      return event.type
  }
}

const tradeLine = ({ priceTicks, quantityLots, maker, taker }: TradeExecuted): string =>
  `${nameOf(taker.orderId)} takes ${quantityLots} @ ${priceTicks} from ${nameOf(maker.orderId)}`
