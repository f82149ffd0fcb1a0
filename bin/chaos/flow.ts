/** What several careful clients ask of the exchange, and what it has answered them. */
import { setTimeout as sleep } from 'node:timers/promises'
import { createRandom, type Random } from '#test/support/random-commands.ts'
import { type Answer, type ExchangeClient, signIn } from '../client.ts'
import type { Acknowledged } from './evidence.ts'

export interface Flow {
  readonly acknowledged: readonly Acknowledged[]
  readonly refused: readonly { readonly account: string; readonly requestName: string }[]
  readonly counts: FlowCounts
  readonly violations: readonly string[]
  /** Milliseconds until an order that is placed now has an outcome that its client can see. */
  probe(signal: AbortSignal): Promise<number>
  /** Once all that was asked for is answered. */
  stop(): Promise<void>
}

interface FlowCounts {
  orders: number
  amends: number
  cancels: number
  /** Repeated on purpose, after their first answer. */
  duplicates: number
  /** The same order twice at the same moment. */
  twins: number
  /** Under a name that another order has. */
  conflicts: number
  /** Asked for again, since nobody knew what had come of it. */
  retries: number
}

interface FlowOptions {
  readonly url: string
  readonly run: string
  readonly seed: number
  readonly accounts: number
  readonly instruments: number
  /** Of each account, at most, between two requests. */
  readonly pauseMillis: number
}

interface PlacedOrder {
  readonly body: Readonly<Record<string, unknown>>
  readonly name: string
  readonly orderId: string
}

const depositUsd = '50000'
const middleTicks = 200
const weekMillis = 7 * 86_400_000
/** Then nobody waits any longer; the request is repeated. */
const patienceMillis = 20_000
/** Time enough for the exchange to take it, mostly, and too little to say so. */
const [leastImpatientMillis, mostImpatientMillis] = [3, 60]
const impatience = 0.04
/** Nothing may keep a request from its answer for longer. */
const givenUpMillis = 120_000
const rememberedOrders = 40

export const startFlow = async (options: FlowOptions): Promise<Flow> => {
  const { url, run, seed, accounts, instruments, pauseMillis } = options
  const acknowledged: Acknowledged[] = []
  const refused: { account: string; requestName: string }[] = []
  const violations: string[] = []
  const counts: FlowCounts = { orders: 0, amends: 0, cancels: 0, duplicates: 0, twins: 0, conflicts: 0, retries: 0 }
  const stopping = new AbortController()
  const instrumentNames = Array.from({ length: instruments }, (_, index) => `CHAOS-${run}-${index + 1}`)
  const operator = await signIn(url, `chaos-operator-${run}`, 'market_operator')

  /** Under its own name again and again, until there is an answer. Says how often it was sent. */
  const persist = async (
    client: ExchangeClient,
    random: Random,
    ...request: Parameters<ExchangeClient['call']>
  ): Promise<{ answer: Answer; attempts: number }> => {
    const startedMillis = performance.now()
    for (let attempts = 1; ; attempts += 1) {
      const isHasty = attempts === 1 && random.chance(impatience)
      const withinMillis = isHasty ? random.between(leastImpatientMillis, mostImpatientMillis) : patienceMillis
      const answer = await answeredWithin(withinMillis, client, ...request)
      if (answer !== undefined && answer.status !== 429 && answer.status < 500) return { answer, attempts }
      if (performance.now() - startedMillis > givenUpMillis)
        throw new Error(`${request[0]} ${request[1]} had no answer within ${givenUpMillis / 1_000} s`)
      counts.retries += 1
      const afterSeconds = Number(answer?.headers['retry-after'] ?? 0)
      await sleep(Math.min(2_000, afterSeconds * 1_000) || random.between(10, 300))
    }
  }

  const prepare = async (): Promise<{ account: string; client: ExchangeClient }[]> => {
    const random = createRandom(seed)
    const settled = async (client: ExchangeClient, path: string, name: string, body: object) => {
      const wait = { prefer: 'wait=10', 'idempotency-key': name }
      for (let attempt = 1; attempt <= 12; attempt += 1) {
        const { answer } = await persist(client, random, 'POST', path, body, wait)
        if (answer.status === 200) return
        if (answer.status !== 202) throw new Error(`POST ${path}: ${answer.status} ${JSON.stringify(answer.body)}`)
      }
      throw new Error(`POST ${path} had no outcome for ${name}`)
    }
    for (const instrument_name of instrumentNames)
      await settled(operator, '/api/v1/markets', instrument_name, {
        instrument_name,
        underlying: 'CHAOS',
        tick_size: '0.01',
        min_trade_amount: '1',
        contract_size: '1',
        max_price: '10',
        maker_commission: '0.0002',
        taker_commission: '0.0005',
        expiration_timestamp: new Date(Date.now() + weekMillis).toISOString(),
      })
    const traders: { account: string; client: ExchangeClient }[] = []
    for (let index = 1; index <= accounts + 1; index += 1) {
      const account = `chaos-${run}-${index}`
      await settled(operator, '/api/v1/accounts', account, { account })
      await settled(operator, '/api/v1/deposits', account, { account, currency: 'USD', amount: depositUsd })
      traders.push({ account, client: await signIn(url, account, 'trader') })
    }
    return traders
  }

  const trade = async ({ account, client }: { account: string; client: ExchangeClient }, random: Random) => {
    const own: PlacedOrder[] = []
    let serial = 0

    const note = (
      operation: Acknowledged['operation'],
      name: string,
      { answer, attempts }: { answer: Answer; attempts: number },
    ): string | undefined => {
      const orderId = answer.body['order_id']
      if (answer.status >= 300) {
        // A request that was given up may still be on its way when the repeat of it is refused.
        if (attempts === 1) refused.push({ account, requestName: `${operation}#${name}` })
        return undefined
      }
      if (typeof orderId !== 'string') throw new Error(`${operation} ${name} was answered ${JSON.stringify(answer)}`)
      acknowledged.push({ operation, account, name, orderId })
      return orderId
    }

    const orderOf = (name: string) => {
      const direction = random.chance(0.5) ? 'buy' : 'sell'
      const awayTicks = random.between(-4, 10)
      const ticks = middleTicks + (direction === 'buy' ? -awayTicks : awayTicks)
      return {
        instrument_name: random.pick(instrumentNames),
        direction,
        amount: String(random.between(1, 12)),
        price: priceText(ticks),
        client_order_id: name,
        ...(random.chance(0.15) ? { time_in_force: random.pick(['immediate_or_cancel', 'fill_or_kill']) } : {}),
      }
    }

    const place = async (copies: number) => {
      serial += 1
      const name = `${run}-${serial}`
      const body = orderOf(name)
      counts.orders += 1
      const answers = await Promise.all(
        Array.from({ length: copies }, () => persist(client, random, 'POST', '/api/v1/orders', body)),
      )
      const orderIds = new Set(answers.flatMap(each => note('place-order', name, each) ?? []))
      if (orderIds.size > 1) violations.push(`order ${name} of ${account} is ${[...orderIds].join(' and ')}`)
      const [orderId] = orderIds
      if (orderId === undefined) {
        violations.push(`order ${name} of ${account} was refused: ${JSON.stringify(answers[0]?.answer.body)}`)
        return
      }
      own.push({ body, name, orderId })
      if (own.length > rememberedOrders) own.shift()
    }

    const again = async ({ body, name, orderId }: PlacedOrder, isOther: boolean) => {
      const asked = isOther ? { ...body, amount: String(Number(body['amount']) + 1) } : body
      const { answer } = await persist(client, random, 'POST', '/api/v1/orders', asked)
      if (isOther) {
        counts.conflicts += 1
        if (answer.status !== 409)
          violations.push(`another order under the name ${name} of ${account} was answered ${answer.status}`)
        return
      }
      counts.duplicates += 1
      if (answer.body['order_id'] !== orderId)
        violations.push(`the repeat of ${name} of ${account} was answered ${JSON.stringify(answer.body)}`)
    }

    const change = async (operation: 'amend-order' | 'cancel-order', { orderId, body }: PlacedOrder) => {
      serial += 1
      const name = `${run}-${operation}-${serial}`
      const named = { 'idempotency-key': name }
      const path = `/api/v1/orders/${orderId}`
      counts[operation === 'amend-order' ? 'amends' : 'cancels'] += 1
      const lots = Number(body['amount'])
      const terms = random.chance(0.6)
        ? { amount: String(random.between(Math.max(1, lots - 2), lots + 2)) }
        : { price: priceText(middleTicks + random.between(-8, 8)) }
      const ask = () =>
        operation === 'amend-order'
          ? persist(client, random, 'PATCH', path, terms, named)
          : persist(client, random, 'DELETE', path, undefined, named)
      const first = await ask()
      const noted = note(operation, name, first)
      if (noted === undefined || !random.chance(0.15)) return
      counts.duplicates += 1
      const { answer } = await ask()
      // By then the engine may have said no to the first: its order was filled while the change was on its way.
      if (answer.status >= 300 && answer.body['code'] !== 'order-closed')
        violations.push(`the repeat of ${name} of ${account} was answered ${JSON.stringify(answer.body)}`)
    }

    while (!stopping.signal.aborted) {
      const die = random.below(100)
      if (own.length === 0 || die < 58) await place(1)
      else if (die < 62) {
        counts.twins += 1
        await place(2)
      } else if (die < 72) await again(random.pick(own), false)
      else if (die < 75) await again(random.pick(own), true)
      else await change(die < 87 ? 'amend-order' : 'cancel-order', random.pick(own))
      await sleep(random.between(0, pauseMillis))
    }
  }

  const traders = await prepare()
  const prober = traders.pop()
  if (prober === undefined) throw new Error('nobody probes')
  const working = Promise.all(traders.map((trader, index) => trade(trader, createRandom(seed * 1_000 + index))))
  // Who waits for the end is told.
  working.catch(() => undefined)
  let probes = 0

  return {
    acknowledged,
    refused,
    counts,
    violations,
    async probe(signal) {
      const startedMillis = performance.now()
      const name = `probe-${++probes}`
      const { account, client } = prober
      const body = {
        instrument_name: instrumentNames[0],
        direction: 'buy',
        amount: '1',
        // Trades with nobody, and does not stay.
        price: '0.01',
        time_in_force: 'immediate_or_cancel',
        client_order_id: name,
      }
      for (let isNoted = false; !signal.aborted; ) {
        const answer = await answeredWithin(patienceMillis, client, 'POST', '/api/v1/orders', body, {
          prefer: 'wait=10',
        })
        const orderId = answer?.body['order_id']
        if (answer !== undefined && answer.status < 300 && typeof orderId === 'string') {
          if (!isNoted) acknowledged.push({ operation: 'place-order', account, name, orderId })
          isNoted = true
          if (answer.body['order_state'] !== 'pending') return performance.now() - startedMillis
        } else await sleep(50)
      }
      throw new Error(`no outcome of an order after ${Math.round(performance.now() - startedMillis)} ms`)
    },
    async stop() {
      stopping.abort()
      await working
    },
  }
}

const priceText = (ticks: number): string => (ticks / 100).toFixed(2)

/** Undefined where nothing, or nothing that could be read, came in time. */
const answeredWithin = async (
  millis: number,
  client: ExchangeClient,
  ...request: Parameters<ExchangeClient['call']>
): Promise<Answer | undefined> => {
  const late = new AbortController()
  const asked = client.call(...request).catch((error: unknown) => {
    // A connection that is refused or cut, or half an answer.
    if (error instanceof TypeError || error instanceof SyntaxError) return undefined
    throw error
  })
  asked.catch(() => undefined)
  try {
    return await Promise.race([asked, sleep(millis, undefined, { signal: late.signal })])
  } finally {
    late.abort()
  }
}
