import { type Answer, type ExchangeClient, signIn } from '../client.ts'
import { type Levels, readLobster } from './lobster.ts'
import { type Action, createDepth, createOrderFlow, firstDifference } from './order-flow.ts'
import type { Progress } from './progress.ts'

/** What the running exchange made of the same orders. */
export interface HttpReplay {
  readonly instrumentName: string
  readonly orders: number
  readonly amends: number
  readonly cancels: number
  /** Requests that were sent again because the exchange was busy or away for a moment. */
  readonly retries: number
  readonly fills: number
  readonly expectedFills: number
  readonly seconds: number
  readonly caughtUpSeconds: number
  readonly differences: readonly string[]
}

export interface HttpReplayOptions {
  readonly url: string
  readonly messagesPath: string
  readonly bookPath: string
  readonly maxPriceUsd: number
  /** Enough for all orders at once. */
  readonly depositUsd: number
  readonly progress: Progress
  /** How long what was sent may take until all of it can be read. */
  readonly catchUpMillis?: number
}

interface OpenOrder {
  readonly orderId: string
  readonly left: number
  readonly priceTicks: number
  readonly direction: 'buy' | 'sell'
}

interface Fill {
  readonly makerOrderId: string
  readonly takerOrderId: string
  readonly lots: number
  readonly priceTicks: number
}

const defaultCatchUpMillis = 60_000
const retryStatuses = [429, 500, 502, 503, 504]
const attempts = 30
const longestPauseMillis = 2_000
const pageLimit = 500
const weekMillis = 7 * 86_400_000
const listedDifferences = 10

export const replayThroughHttp = async (options: HttpReplayOptions): Promise<HttpReplay> => {
  const { url, messagesPath, bookPath, progress, catchUpMillis = defaultCatchUpMillis } = options
  const run = Date.now().toString(36).toUpperCase()
  const instrumentName = `REPLAY-${run}`
  const counts = { orders: 0, amends: 0, cancels: 0, retries: 0 }
  const again = (): void => {
    counts.retries += 1
  }

  const operator = patient(await signIn(url, `replay-operator-${run}`, 'market_operator'), again)
  const names = { maker: `replay-maker-${run}`, taker: `replay-taker-${run}` }
  await open(operator, instrumentName, Object.values(names), options)
  const maker = patient(await signIn(url, names.maker, 'trader'), again)
  const taker = patient(await signIn(url, names.taker, 'trader'), again)

  const flow = createOrderFlow()
  const orderIds = new Map<string, string>()
  const makerOrderIds: string[] = []
  const takerOrderIds: string[] = []
  const expectedFills: Fill[] = []
  let last: Levels | undefined

  const place = async (
    trader: ExchangeClient,
    { direction, priceTicks, lots }: Extract<Action, { kind: 'rest' | 'take' }>,
    timeInForce: string,
  ): Promise<string> => {
    counts.orders += 1
    const { body } = await trader.call('POST', '/api/v1/orders', {
      instrument_name: instrumentName,
      direction,
      amount: String(lots),
      price: priceText(priceTicks),
      order_type: 'limit',
      time_in_force: timeInForce,
      client_order_id: `${run}-${counts.orders}`,
    })
    return textOf(body, 'order_id')
  }

  const perform = async (action: Action): Promise<void> => {
    switch (action.kind) {
      case 'rest': {
        const orderId = await place(maker, action, 'good_til_cancelled')
        orderIds.set(action.name, orderId)
        makerOrderIds.push(orderId)
        return
      }
      case 'take': {
        const takerOrderId = await place(taker, action, 'immediate_or_cancel')
        takerOrderIds.push(takerOrderId)
        const makerOrderId = orderIds.get(action.makerName) ?? ''
        expectedFills.push({ makerOrderId, takerOrderId, lots: action.lots, priceTicks: action.priceTicks })
        return
      }
      case 'reduce':
        counts.amends += 1
        await maker.call(
          'PATCH',
          `/api/v1/orders/${orderIds.get(action.name)}`,
          { amount: String(action.quantityLots) },
          { 'idempotency-key': `${run}-amend-${counts.amends}` },
        )
        return
      case 'cancel':
        counts.cancels += 1
        await maker.call('DELETE', `/api/v1/orders/${orderIds.get(action.name)}`, undefined, {
          'idempotency-key': `${run}-cancel-${counts.cancels}`,
        })
    }
  }

  const start = performance.now()
  for await (const row of readLobster(messagesPath, bookPath)) {
    for (const action of flow.actionsOf(row)) await perform(action)
    last = row.book
    progress.at(row.progress)
  }
  const seconds = (performance.now() - start) / 1000

  const expectedOpen = [...flow.resting.values()].map(({ name, direction, priceTicks, quantityLots, filledLots }) => ({
    orderId: orderIds.get(name) ?? '',
    direction,
    priceTicks,
    left: quantityLots - filledLots,
  }))

  /** Everything the exchange says, against everything the files say. */
  const compare = async (): Promise<{ fills: number; differences: string[] }> => {
    const query = `instrument_name=${instrumentName}&limit=${pageLimit}`
    const [openOrders, makerOrders, takerOrders, makerTrades, takerTrades] = [
      (await list(maker, `/api/v1/orders?${query}&order_state=open`)).map(openOrderOf),
      await list(maker, `/api/v1/orders?${query}`),
      await list(taker, `/api/v1/orders?${query}`),
      await list(maker, `/api/v1/trades?${query}`),
      await list(taker, `/api/v1/trades?${query}`),
    ]
    const fills = joined(makerTrades, takerTrades)
    const depth = createDepth()
    for (const { direction, priceTicks, left } of openOrders) depth.add(direction, priceTicks, left)
    const book = last === undefined ? undefined : firstDifference(depth.levels(), last)
    return {
      fills: fills.length,
      differences: [
        ...(book === undefined ? [] : [`the book at the end: ${book}`]),
        ...unlike('open order', expectedOpen.map(openText), openOrders.map(openText)),
        ...unlike('fill', expectedFills.map(fillText), fills.map(fillText)),
        ...unlike('order of the maker', makerOrderIds, makerOrders.map(idOf)),
        ...unlike('order of the taker', takerOrderIds, takerOrders.map(idOf)),
        ...[...makerOrders, ...takerOrders]
          .filter(order => order['order_state'] === 'rejected')
          .map(order => `the order ${idOf(order)} was rejected: ${String(order['reject_reason'])}`),
      ],
    }
  }

  const sent = performance.now()
  let found = await compare()
  while (found.differences.length > 0 && performance.now() - sent < catchUpMillis) {
    await pause(500)
    found = await compare()
  }
  return {
    instrumentName,
    ...counts,
    fills: found.fills,
    expectedFills: expectedFills.length,
    seconds,
    caughtUpSeconds: (performance.now() - sent) / 1000,
    differences: found.differences.slice(0, listedDifferences),
  }
}

/** Lists the instrument and opens both accounts with enough cash. */
const open = async (
  operator: ExchangeClient,
  instrumentName: string,
  accounts: readonly string[],
  { maxPriceUsd, depositUsd }: HttpReplayOptions,
): Promise<void> => {
  const wait = { prefer: 'wait=5' }
  await settled(operator, 'POST', '/api/v1/markets', instrumentName, {
    instrument_name: instrumentName,
    underlying: 'REPLAY',
    tick_size: '0.01',
    min_trade_amount: '1',
    contract_size: '1',
    max_price: String(maxPriceUsd),
    maker_commission: '0',
    taker_commission: '0',
    expiration_timestamp: new Date(Date.now() + weekMillis).toISOString(),
  })
  for (const account of accounts) {
    await settled(operator, 'POST', '/api/v1/accounts', account, { account })
    await settled(operator, 'POST', '/api/v1/deposits', account, {
      account,
      currency: 'USD',
      amount: String(depositUsd),
    })
  }

  /** Sent until it has its outcome: 202 says that it has none yet. */
  async function settled(client: ExchangeClient, method: string, path: string, key: string, body: object) {
    for (let attempt = 0; attempt < attempts; attempt += 1) {
      const { status } = await client.call(method, path, body, { ...wait, 'idempotency-key': key })
      if (status === 200) return
      await pause(200)
    }
    throw new Error(`${method} ${path} had no outcome for ${key}`)
  }
}

/** Repeats a request, under its own name, as long as the exchange says that it may; throws on any other refusal. */
const patient = (client: ExchangeClient, again: () => void): ExchangeClient => ({
  call: async (method, path, body, headers) => {
    for (let attempt = 1; ; attempt += 1) {
      const answer = await client.call(method, path, body, headers).catch((error: unknown) => networkError(error))
      if (!(answer instanceof Error) && answer.status < 300) return answer
      const isTransient = answer instanceof Error || retryStatuses.includes(answer.status)
      if (!isTransient || attempt === attempts) throw refused(method, path, answer)
      again()
      await pause(retryAfterMillis(answer) ?? Math.min(50 * 2 ** attempt, longestPauseMillis))
    }
  },
})

/** What the exchange itself asks for, as it does of who has used up the credential's rate. */
const retryAfterMillis = (answer: Answer | Error): number | undefined => {
  const seconds = answer instanceof Error ? undefined : answer.headers['retry-after']
  return seconds === undefined ? undefined : Number(seconds) * 1_000
}

/** fetch says TypeError where nothing answers; anything else is not about the network. */
const networkError = (error: unknown): Error => {
  if (error instanceof TypeError || error instanceof SyntaxError) return error
  throw error
}

const refused = (method: string, path: string, answer: Answer | Error): Error =>
  answer instanceof Error
    ? new Error(`${method} ${path}: ${answer.message}`, { cause: answer })
    : new Error(`${method} ${path} answered ${answer.status} ${JSON.stringify(answer.body)}`)

type Item = Readonly<Record<string, unknown>>

const isItem = (value: unknown): value is Item => typeof value === 'object' && value !== null

const list = async (client: ExchangeClient, path: string): Promise<Item[]> => {
  const items: Item[] = []
  let cursor: unknown
  do {
    const { body } = await client.call(
      'GET',
      typeof cursor === 'string' ? `${path}&cursor=${encodeURIComponent(cursor)}` : path,
    )
    const data: unknown = body['data']
    if (!Array.isArray(data)) throw new Error(`GET ${path} answered no list`)
    items.push(...data.filter(isItem))
    cursor = body['next_cursor']
  } while (typeof cursor === 'string')
  return items
}

/** Both sides of each trade by its id; a side without the other names no order. */
const joined = (makerTrades: readonly Item[], takerTrades: readonly Item[]): Fill[] => {
  const sides = Map.groupBy([...makerTrades, ...takerTrades], trade => textOf(trade, 'trade_id'))
  return [...sides.values()].flatMap(legs => {
    const makers = legs.filter(leg => leg['liquidity'] === 'maker')
    const takers = legs.filter(leg => leg['liquidity'] === 'taker')
    return Array.from({ length: Math.max(makers.length, takers.length) }, (_, index): Fill => {
      const leg = makers[index] ?? takers[index] ?? {}
      return {
        makerOrderId: makers[index] === undefined ? 'no maker' : idOf(makers[index]),
        takerOrderId: takers[index] === undefined ? 'no taker' : idOf(takers[index]),
        lots: Number(leg['amount']),
        priceTicks: Math.round(Number(leg['price']) * 100),
      }
    })
  })
}

/** What is missing and what is too much, each as often as it is. */
const unlike = (what: string, expected: readonly string[], found: readonly string[]): string[] => {
  const counts = new Map<string, number>()
  for (const text of expected) counts.set(text, (counts.get(text) ?? 0) + 1)
  for (const text of found) counts.set(text, (counts.get(text) ?? 0) - 1)
  return [...counts]
    .filter(([, count]) => count !== 0)
    .map(([text, count]) => `${what} ${text} is ${count > 0 ? 'missing' : 'there too often'}`)
}

const openOrderOf = (order: Item): OpenOrder => ({
  orderId: idOf(order),
  direction: order['direction'] === 'buy' ? 'buy' : 'sell',
  priceTicks: Math.round(Number(order['price']) * 100),
  left: Number(order['amount']) - Number(order['filled_amount']),
})

const openText = ({ orderId, direction, left, priceTicks }: OpenOrder): string =>
  `${orderId} ${direction} ${left} @ ${priceText(priceTicks)}`
const fillText = ({ makerOrderId, takerOrderId, lots, priceTicks }: Fill): string =>
  `${makerOrderId} by ${takerOrderId} ${lots} @ ${priceText(priceTicks)}`

const idOf = (item: Item): string => textOf(item, 'order_id')

const textOf = (item: Item, field: string): string => {
  const value = item[field]
  if (typeof value !== 'string') throw new Error(`an answer without ${field}: ${JSON.stringify(item)}`)
  return value
}

const priceText = (priceTicks: number): string => (priceTicks / 100).toFixed(2)

const pause = (millis: number): Promise<void> => new Promise(resolve => setTimeout(resolve, millis))
