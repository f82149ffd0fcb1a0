import { Agent, request } from 'node:http'
import { performance } from 'node:perf_hooks'

/**
 * The running exchange seen from outside: how soon an order is acknowledged, how soon its position can be read, and what
 * becomes of single orders offered at a fixed rate, whether or not answers come (open loop: latency counts from the
 * instant an order was due, so that a stall is seen by every order that it delays).
 */
export interface HttpBenchOptions {
  readonly url: string
  readonly ratePerSecond: number
  readonly seconds: number
  readonly accounts: number
  readonly progress: (line: string) => void
}

export interface HttpBenchResult {
  readonly acknowledgedMillis: Quantiles
  readonly visiblePositionMillis: Quantiles
  readonly offered: {
    readonly ratePerSecond: number
    readonly seconds: number
    readonly orders: number
    readonly acknowledged: number
    readonly refused: Readonly<Record<string, number>>
    readonly acknowledgedMillis: Quantiles
    readonly acknowledgedPerSecond: number
    /** From the last acknowledgement until every acknowledged order had its outcome in the orders table. */
    readonly drainSeconds: number
    readonly withOutcome: number
    readonly lost: number
  }
}

export interface Quantiles {
  readonly count: number
  readonly p50: number
  readonly p90: number
  readonly p99: number
  readonly max: number
}

const quantiles = (values: readonly number[]): Quantiles => {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (part: number) =>
    Number((sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? NaN).toFixed(1))
  return { count: sorted.length, p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) }
}

interface Answer {
  readonly status: number
  readonly body: Readonly<Record<string, unknown>>
}
type Call = (
  method: string,
  path: string,
  body?: unknown,
  headers?: Readonly<Record<string, string>>,
) => Promise<Answer>

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null

const caller = (url: string, agent: Agent, token?: string): Call => {
  const base = new URL(url)
  return (method, path, body, headers = {}) =>
    new Promise((resolve, reject) => {
      const payload = body === undefined ? undefined : JSON.stringify(body)
      const sent = request(
        {
          agent,
          host: base.hostname,
          port: base.port,
          method,
          path,
          headers: {
            ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
            ...(payload === undefined
              ? {}
              : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload) }),
            ...headers,
          },
        },
        response => {
          const chunks: Buffer[] = []
          response.on('data', (chunk: Buffer) => chunks.push(chunk))
          response.on('error', reject)
          response.on('end', () => {
            const parsed: unknown = JSON.parse(Buffer.concat(chunks).toString() || '{}')
            resolve({ status: response.statusCode ?? 0, body: isObject(parsed) ? parsed : {} })
          })
        },
      )
      sent.on('error', reject)
      sent.end(payload)
    })
}

const insist = (answer: Answer, what: string): Answer => {
  if (answer.status >= 300 || typeof answer.body['reject_reason'] === 'string')
    throw new Error(`${what}: ${answer.status} ${JSON.stringify(answer.body)}`)
  return answer
}

const textOf = (answer: Answer, field: string): string => {
  const value = answer.body[field]
  if (typeof value !== 'string') throw new Error(`no ${field} in ${JSON.stringify(answer.body)}`)
  return value
}

/** Listed orders have an outcome: what is pending is not listed. */
const forEachOrder = async (call: Call, visit: (id: string) => void): Promise<void> => {
  for (let cursor = ''; ; ) {
    const { body } = insist(await call('GET', `/api/v1/orders?limit=500${cursor}`), 'orders')
    const rows: unknown = body['data']
    if (Array.isArray(rows)) for (const row of rows) visit(String(row.order_id))
    if (typeof body['next_cursor'] !== 'string') return
    cursor = `&cursor=${encodeURIComponent(body['next_cursor'])}`
  }
}

const pause = (millis: number) => new Promise<void>(resume => setTimeout(resume, millis))

export const measureHttp = async (options: HttpBenchOptions): Promise<HttpBenchResult> => {
  const agent = new Agent({ keepAlive: true, maxSockets: 256 })
  const anonymous = caller(options.url, agent)
  const signIn = async (account: string, role: string): Promise<Call> =>
    caller(
      options.url,
      agent,
      textOf(insist(await anonymous('POST', '/oidc/token', { account, role }), 'token'), 'access_token'),
    )
  const run = Date.now().toString(36)
  const instrument = `BENCH.${run.toUpperCase()}-31DEC99`
  const operator = await signIn('operator', 'market_operator')
  const wait = { prefer: 'wait=10' }
  insist(
    await operator(
      'POST',
      '/api/v1/markets',
      {
        instrument_name: instrument,
        underlying: 'BENCH',
        tick_size: '0.01',
        min_trade_amount: '1',
        max_price: '100',
        expiration_timestamp: '2099-12-31T00:00:00Z',
      },
      wait,
    ),
    'listing',
  )
  const traders = await Promise.all(
    Array.from({ length: options.accounts }, async (_, index) => {
      const account = `bench-${run}-${index}`
      const call = await signIn(account, 'trader')
      insist(await call('POST', '/api/v1/accounts', {}, wait), 'account')
      const body = { account, currency: 'USD', amount: '20000000' }
      insist(await operator('POST', '/api/v1/deposits', body, { ...wait, 'idempotency-key': account }), 'deposit')
      return call
    }),
  )
  const [maker, taker] = traders
  if (maker === undefined || taker === undefined) throw new Error('at least two accounts are needed')
  let serial = 0
  const place = (call: Call, direction: 'buy' | 'sell', price: string, more = {}) =>
    call('POST', '/api/v1/orders', {
      instrument_name: instrument,
      direction,
      amount: '1',
      price,
      client_order_id: `o-${++serial}`,
      ...more,
    })
  // Warm up what a person's first minute would have warmed.
  for (let i = 0; i < 60; i++) insist(await place(i % 2 ? maker : taker, 'buy', '0.01'), 'warm-up order')
  await pause(500)

  options.progress('orders one at a time: until acknowledged, until the position can be read')
  const acknowledged: number[] = []
  const visible: number[] = []
  let size = 0
  for (let i = 0; i < 100; i++) {
    insist(await place(maker, 'sell', '50'), 'resting order')
    await pause(30)
    const start = performance.now()
    insist(await place(taker, 'buy', '50', { time_in_force: 'immediate_or_cancel' }), 'taking order')
    acknowledged.push(performance.now() - start)
    size++
    for (;;) {
      const { body } = insist(await taker('GET', `/api/v1/positions?instrument_name=${instrument}`), 'positions')
      const rows: unknown = body['data']
      const row: unknown = Array.isArray(rows) ? rows[0] : undefined
      if (isObject(row) && Number(row['size']) >= size) break
      if (performance.now() - start > 30_000) throw new Error('a position did not become visible within 30 s')
      await pause(3)
    }
    visible.push(performance.now() - start)
  }

  options.progress(`${options.ratePerSecond} orders a second for ${options.seconds} s, whether or not answers come`)
  const total = options.ratePerSecond * options.seconds
  const latencies: number[] = []
  const refused: Record<string, number> = {}
  const orders: { readonly id: string }[] = []
  const inFlight: Promise<void>[] = []
  const begin = performance.now()
  for (let i = 0; i < total; i++) {
    const due = begin + (i * 1000) / options.ratePerSecond
    const early = due - performance.now()
    if (early > 1) await pause(early)
    const call = traders[i % traders.length] ?? maker
    // Every second order meets the one before it: half of the orders trade.
    const direction = i % 2 === 0 ? 'sell' : 'buy'
    inFlight.push(
      place(call, direction, '50').then(
        answer => {
          latencies.push(performance.now() - due)
          if (answer.status === 202) orders.push({ id: textOf(answer, 'order_id') })
          else
            refused[`${answer.status} ${String(answer.body['code'])}`] =
              (refused[`${answer.status} ${String(answer.body['code'])}`] ?? 0) + 1
        },
        (error: unknown) => {
          const reason = error instanceof Error ? error.message : String(error)
          refused[reason] = (refused[reason] ?? 0) + 1
        },
      ),
    )
    if (i % (options.ratePerSecond * 5) === 0)
      options.progress(`  ${i} of ${total} offered, ${latencies.length} answered`)
  }
  await Promise.all(inFlight)
  const drained = performance.now()
  options.progress('waiting for every outcome')
  // By pages: asking for each order by itself would be another load of the same size.
  const missing = new Set(orders.map(({ id }) => id))
  while (missing.size > 0 && performance.now() - drained < 180_000) {
    for (const call of traders) await forEachOrder(call, id => missing.delete(id))
    if (missing.size > 0) await pause(500)
  }
  const withOutcome = orders.length - missing.size
  const drainSeconds = Number(((performance.now() - drained) / 1000).toFixed(1))
  agent.destroy()
  return {
    acknowledgedMillis: quantiles(acknowledged),
    visiblePositionMillis: quantiles(visible),
    offered: {
      ratePerSecond: options.ratePerSecond,
      seconds: options.seconds,
      orders: total,
      acknowledged: orders.length,
      refused,
      acknowledgedMillis: quantiles(latencies),
      acknowledgedPerSecond: Math.round((orders.length * 1000) / (drained - begin)),
      drainSeconds,
      withOutcome,
      lost: orders.length - withOutcome,
    },
  }
}
