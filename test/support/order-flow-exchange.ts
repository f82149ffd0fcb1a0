import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Command, plainInstructions } from '#domain/trading/commands.ts'
import { createEngine } from '#domain/trading/engine.ts'
import type { Event } from '#domain/trading/events.ts'
import { marketMillis, nextCommandId, testSpecification } from './tape.ts'

/** So much of the HTTP API, on an engine and nothing else, as a replay of order flow speaks to. */
export interface OrderFlowExchange {
  readonly url: string
  readonly received: { readonly method: string; readonly path: string; readonly status: number }[]
  close(): Promise<void>
}

interface StoredOrder {
  readonly account: string
  readonly body: Record<string, unknown>
}

/** `disturb` may answer a request in place of the exchange, or change what it says. */
export const startOrderFlowExchange = async (disturb: {
  readonly status?: (count: number) => number | undefined
  readonly trades?: (trades: object[]) => object[]
}): Promise<OrderFlowExchange> => {
  const engine = createEngine(1)
  const accounts = new Map<string, number>()
  const orders = new Map<string, StoredOrder>()
  const named = new Map<string, string>()
  const trades: { readonly account: string; readonly trade: object }[] = []
  const received: OrderFlowExchange['received'] = []

  const apply = (command: Command): readonly Event[] => {
    const events = engine.enter(command, marketMillis)
    for (const event of events) project(event)
    return events
  }
  const change = (orderId: string, to: object): void => {
    Object.assign(orders.get(orderId)?.body ?? {}, to)
  }
  const project = (event: Event): void => {
    if (event.type === 'order-rejected') change(event.orderId, { order_state: 'rejected', reject_reason: event.code })
    if (event.type === 'order-cancelled') change(event.orderId, { order_state: 'cancelled' })
    if (event.type === 'order-amended') change(event.orderId, { amount: String(event.quantityLots) })
    if (event.type !== 'trade-executed') return
    const tradeId = `1-${trades.length}`
    for (const [liquidity, leg] of [
      ['maker', event.maker],
      ['taker', event.taker],
    ] as const) {
      change(leg.orderId, {
        filled_amount: String(leg.filledLots),
        order_state: leg.remainingLots === 0 ? 'filled' : 'open',
      })
      const account = orders.get(leg.orderId)?.account ?? ''
      const [price, amount] = [String(event.priceTicks / 100), String(event.quantityLots)]
      trades.push({ account, trade: { trade_id: tradeId, order_id: leg.orderId, price, amount, liquidity } })
    }
  }

  const answer = (
    method: string,
    url: URL,
    account: string,
    body: Record<string, unknown>,
  ): { status: number; body: object } => {
    const [, , , collection, id = ''] = url.pathname.split('/')
    const accountId = accounts.get(account) ?? 0
    if (url.pathname === '/oidc/token') return { status: 200, body: { access_token: String(body['account']) } }
    if (method === 'GET') {
      const all =
        collection === 'orders'
          ? [...orders.values()].filter(order => order.account === account).map(order => order.body)
          : (disturb.trades ?? (same => same))(
              trades.filter(trade => trade.account === account).map(({ trade }) => trade),
            )
      const state = url.searchParams.get('order_state')
      const wanted = all.filter(item => state === null || ('order_state' in item && item.order_state === state))
      const from = Number(url.searchParams.get('cursor') ?? 0)
      const page = wanted.slice(from, from + 7)
      return { status: 200, body: { data: page, next_cursor: from + 7 < wanted.length ? String(from + 7) : null } }
    }
    if (collection === 'markets') {
      const { instrument_name, max_price } = body
      const specification = {
        ...testSpecification,
        instrumentName: String(instrument_name),
        tickSize: '0.01',
        maxPrice: String(max_price),
      }
      apply({ type: 'list-instrument', commandId: nextCommandId(), specification })
      return { status: 200, body: {} }
    }
    if (collection === 'accounts') {
      for (const event of apply({
        type: 'open-account',
        commandId: nextCommandId(),
        account: String(body['account']),
        firm: '',
      }))
        if (event.type === 'account-opened') accounts.set(event.account, event.accountId)
      return { status: 200, body: {} }
    }
    if (collection === 'deposits') {
      const amountMicros = Number(body['amount']) * 1_000_000
      const creditedId = accounts.get(String(body['account'])) ?? 0
      apply({ type: 'deposit', commandId: nextCommandId(), accountId: creditedId, amountMicros })
      return { status: 200, body: {} }
    }
    if (method === 'POST') {
      const name = `${account} ${String(body['client_order_id'])}`
      const known = named.get(name)
      if (known !== undefined) return { status: 202, body: { order_id: known } }
      const orderId = nextCommandId()
      named.set(name, orderId)
      orders.set(orderId, { account, body: { ...body, order_id: orderId, filled_amount: '0', order_state: 'open' } })
      apply({
        type: 'place-order',
        orderId,
        accountId,
        instrumentId: 1,
        specificationVersion: 1,
        direction: body['direction'] === 'buy' ? 'buy' : 'sell',
        orderType: 'limit',
        timeInForce: body['time_in_force'] === 'immediate_or_cancel' ? 'immediate_or_cancel' : 'good_til_cancelled',
        priceTicks: Math.round(Number(body['price']) * 100),
        quantityLots: Number(body['amount']),
        clientOrderId: '',
        ...plainInstructions,
      })
      return { status: 202, body: { order_id: orderId } }
    }
    const commandId = nextCommandId()
    if (method === 'DELETE') apply({ type: 'cancel-order', commandId, accountId, orderId: id })
    else {
      const quantityLots = Number(body['amount'])
      apply({ type: 'amend-order', commandId, accountId, orderId: id, priceTicks: 0, quantityLots })
    }
    return { status: 202, body: {} }
  }

  const server = createServer(async (request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost')
    const body = await bodyOf(request)
    const account = (request.headers.authorization ?? '').replace('Bearer ', '')
    const { method = 'GET' } = request
    const disturbed = disturb.status?.(received.length)
    // Half of the disturbed requests are done before the answer is lost.
    const done =
      disturbed === undefined || received.length % 2 === 0
        ? answer(method, url, account, body)
        : { status: 503, body: {} }
    const status = disturbed ?? done.status
    received.push({ method, path: url.pathname, status })
    response
      .writeHead(status, { 'content-type': 'application/json' })
      .end(JSON.stringify(status < 300 ? done.body : {}))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    received,
    close: async () => {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
}

const bodyOf = async (request: IncomingMessage): Promise<Record<string, unknown>> => {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(Buffer.from(chunk))
  return chunks.length === 0 ? {} : JSON.parse(Buffer.concat(chunks).toString())
}
