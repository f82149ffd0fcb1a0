import { type ExchangeClient, signIn } from './client.ts'
import { expiries, options, quoteIndex, underlyings } from './seed.ts'

/**
 * `npm start -- --demo`: simulated participants, so that books move. One maker quotes both sides of every market around
 * a price that wanders, one taker lifts and hits them, and the sources of the indices follow; all through the HTTP API
 * like anybody else.
 */
const rounds = { pauseMillis: 1500, widthPart: 0.004, wanderPart: 0.003, takeChance: 0.35 }
/** What an option at the money with about a month to go is worth of its future, and how wide it is quoted. */
const optionRounds = { pricePart: 0.07, widthPart: 0.05 }
const indexPauseMillis = 20_000

interface Quote {
  readonly instrumentName: string
  readonly tickSize: number
  readonly amount: string
  readonly widthPart: number
  price: number
  orders: readonly string[]
}

const ticks = (price: number, tickSize: number): string => {
  const digits = Math.max(0, Math.round(-Math.log10(tickSize)))
  return (Math.max(1, Math.round(price / tickSize)) * tickSize).toFixed(digits)
}

const participant = async (url: string, operator: ExchangeClient, account: string): Promise<ExchangeClient> => {
  const client = await signIn(url, account, 'market_maker')
  const deposit = { account, currency: 'USD', amount: '50000000' }
  const opened = await client.call('POST', '/api/v1/accounts', {}, { prefer: 'wait=10' })
  if (opened.status !== 200) throw new Error(`demo account ${account}: ${opened.status} ${JSON.stringify(opened.body)}`)
  const funded = await operator.call('POST', '/api/v1/deposits', deposit, {
    prefer: 'wait=10',
    'idempotency-key': `demo-${account}`,
  })
  if (funded.body['deposit_state'] !== 'completed')
    throw new Error(`demo deposit ${account}: ${funded.status} ${JSON.stringify(funded.body)}`)
  return client
}

/** Trades until the signal aborts; a refused order or an exchange that is away for a while does not end it. */
export const startDemo = async (
  url: string,
  now: () => number,
  signal: AbortSignal,
  complain: (error: unknown) => void,
): Promise<void> => {
  const nowMillis = now()
  const operator = await signIn(url, 'operator', 'market_operator')
  const [maker, taker] = await Promise.all([
    participant(url, operator, 'demo-maker'),
    participant(url, operator, 'demo-taker'),
  ])
  const run = Date.now().toString(36)
  let serial = 0
  const place = async (client: ExchangeClient, quote: Quote, direction: 'buy' | 'sell', price: string, more = {}) => {
    const { body } = await client.call('POST', '/api/v1/orders', {
      instrument_name: quote.instrumentName,
      direction,
      amount: quote.amount,
      price,
      client_order_id: `demo-${run}-${++serial}`,
      ...more,
    })
    const id = body['order_id']
    return typeof id === 'string' ? [id] : []
  }
  const futures = underlyings.map(({ name, indicativePrice, tickSize, minTradeAmount }) => ({
    index: name,
    quotes: expiries(nowMillis, 2).map(
      ({ code }): Quote => ({
        instrumentName: `${name}-${code}`,
        tickSize: Number(tickSize),
        amount: String(Number(minTradeAmount) * 5),
        widthPart: rounds.widthPart,
        price: indicativePrice,
        orders: [],
      }),
    ),
  }))
  const quotes: Quote[] = [
    ...futures.flatMap(each => each.quotes),
    ...options(nowMillis).map(({ instrument_name, tick_size }) => ({
      instrumentName: instrument_name,
      tickSize: Number(tick_size),
      amount: '5',
      widthPart: optionRounds.widthPart,
      price: (underlyings[0]?.indicativePrice ?? 1) * optionRounds.pricePart,
      orders: [],
    })),
  ]
  const round = async (quote: Quote): Promise<void> => {
    quote.price *= 1 + (Math.random() - 0.5) * rounds.wanderPart
    for (const id of quote.orders) await maker.call('DELETE', `/api/v1/orders/${id}`)
    const [bid, ask] = [-1, 1].map(side => ticks(quote.price * (1 + side * quote.widthPart), quote.tickSize))
    if (bid === undefined || ask === undefined) return
    quote.orders = [...(await place(maker, quote, 'buy', bid)), ...(await place(maker, quote, 'sell', ask))]
    if (Math.random() > rounds.takeChance) return
    const [direction, price] = Math.random() < 0.5 ? (['buy', ask] as const) : (['sell', bid] as const)
    await place(taker, quote, direction, price, { time_in_force: 'immediate_or_cancel' })
  }
  const keepQuoting = async () => {
    while (!signal.aborted) {
      for (const quote of quotes) {
        if (signal.aborted) return
        await round(quote).catch(complain)
        await new Promise(resume => setTimeout(resume, rounds.pauseMillis / quotes.length))
      }
    }
  }
  /** The sources say what the nearest future trades around. */
  const keepIndices = async () => {
    while (!signal.aborted) {
      for (const { index, quotes } of futures)
        await quoteIndex(operator, index, quotes[0]?.price ?? 1, now()).then(({ status, body }) => {
          if (status !== 200) complain(new Error(`index ${index}: ${status} ${JSON.stringify(body)}`))
        }, complain)
      await new Promise(resume => setTimeout(resume, indexPauseMillis))
    }
  }
  void keepQuoting()
  void keepIndices()
}
