import { setTimeout as sleep } from 'node:timers/promises'
import { monthStart } from '#domain/reference/contract-terms.ts'
import { dayCode } from '#domain/reference/instrument-names.ts'
import { newestEngineVersion } from '#domain/trading/engine-version.ts'
import { insuranceFundOf } from '#protocol/liquidation.ts'
import { type Answer, type ExchangeClient, signIn } from './client.ts'

/**
 * What a fresh local exchange holds: indices of real compute with three sources each, futures on them, a few contracts of
 * other kinds on the first, two funded traders and the insurance fund of each lane. Everything goes through the HTTP API, as an operator would do it, and
 * repeating it changes nothing.
 */
interface Underlying {
  readonly name: string
  /** Indicative list price, USD for each unit-hour; only where the demo starts quoting. */
  readonly indicativePrice: number
  readonly tickSize: string
  readonly minTradeAmount: string
  readonly maxPrice: string
}

export const underlyings: readonly Underlying[] = [
  { name: 'H100.USE', indicativePrice: 2.5, tickSize: '0.001', minTradeAmount: '1', maxPrice: '12' },
  { name: 'A100.USE', indicativePrice: 1.3, tickSize: '0.001', minTradeAmount: '1', maxPrice: '8' },
  { name: 'L40S.USE', indicativePrice: 0.85, tickSize: '0.001', minTradeAmount: '1', maxPrice: '5' },
  { name: 'VCPU.USE', indicativePrice: 0.033, tickSize: '0.00001', minTradeAmount: '100', maxPrice: '0.2' },
  { name: 'MEM.USE', indicativePrice: 0.0045, tickSize: '0.000001', minTradeAmount: '1000', maxPrice: '0.03' },
  { name: 'STOR.USE', indicativePrice: 0.03, tickSize: '0.00001', minTradeAmount: '100', maxPrice: '0.2' },
]

const dayMillis = 86_400_000

/** The last Fridays, 08:00 UTC, of the next `count` months that are at least a day away. */
export const expiries = (
  fromMillis: number,
  count: number,
): readonly { readonly code: string; readonly at: Date }[] => {
  const found: { code: string; at: Date }[] = []
  const from = new Date(fromMillis)
  for (let month = from.getUTCMonth(); found.length < count; month++) {
    const at = new Date(Date.UTC(from.getUTCFullYear(), month + 1, 0, 8))
    at.setUTCDate(at.getUTCDate() - ((at.getUTCDay() + 2) % 7))
    if (at.getTime() < fromMillis + dayMillis) continue
    found.push({ code: dayCode(at.getTime()), at })
  }
  return found
}

export const traders = ['alice', 'bob'] as const
const startingCash = '100000'

const post = (
  client: ExchangeClient,
  path: string,
  body: Readonly<Record<string, unknown>>,
  key: string,
  seconds = 0,
) =>
  client.call('POST', path, body, {
    'idempotency-key': key,
    ...(seconds > 0 ? { prefer: `wait=${seconds}` } : {}),
  })

const unexpected = (path: string, { status, body }: Answer): Error =>
  new Error(`${path} answered ${status}: ${JSON.stringify(body)}`)

/** Activates the rules, lists the markets, opens and funds the traders. `nowMillis` is the exchange's time. */
export const seed = async (
  url: string,
  nowMillis: number,
  { lanes, insuranceFund }: { readonly lanes: readonly number[]; readonly insuranceFund: string },
): Promise<void> => {
  const operator = await signIn(url, 'operator', 'market_operator')
  await Promise.all([
    Promise.all([
      Promise.all(lanes.map(lane => activate(operator, lane))),
      defineIndices(operator, nowMillis),
      // So that the function that lists is there when the indices are.
      operator.call('GET', '/api/v1/markets?limit=1'),
    ])
      .then(() => listMarkets(operator, nowMillis))
      .then(() => setComputeMarkets(operator)),
    ...[...traders, ...lanes.map(lane => insuranceFundOf(insuranceFund, lane))].map(account =>
      openAndFund(operator, account),
    ),
  ])
}

/** With other things on the machine a first start has taken three minutes. */
const mostWaitMillis = 300_000

/** A lane begins by the first rules, and changes once two matchers have said that they know the newest. */
const activate = async (operator: ExchangeClient, lane: number): Promise<void> => {
  const path = `/api/v1/lanes/${lane}/engine-version`
  const body = { version: newestEngineVersion }
  const asked = () => post(operator, path, body, `seed-${newestEngineVersion}-${lane}`, 10)
  const answer = await settled(asked, ({ status, body }) => status !== 202 && body['code'] !== 'replicas-not-ready')
  if (answer.status !== 200 && answer.body['code'] !== 'engine-version-not-newer') throw unexpected(path, answer)
}

/**
 * Asks again where nothing has answered in time, or not finally: on a busy machine that lasts, and the same request under the
 * same name is told what came of it.
 */
const settled = async (
  ask: () => Promise<Answer>,
  isFinal: (answer: Answer) => boolean = ({ status }) => status !== 202,
): Promise<Answer> => {
  for (const until = performance.now() + mostWaitMillis; ; ) {
    const answer = await ask()
    const isDown = answer.status >= 500 && answer.body['retry'] === true
    if ((!isDown && isFinal(answer)) || performance.now() > until) return answer
    await sleep(100)
  }
}

/** Who quotes the indices here, and how far from the indicative price. */
const sources = { 'broker-north': 0.998, 'broker-south': 1, 'cloud-list': 1.003 } as const

/** One after the other: two at once would have a second function started for the one that is there. */
const defineIndices = async (operator: ExchangeClient, nowMillis: number): Promise<void> => {
  for (const { name, indicativePrice } of underlyings) {
    const path = `/api/v1/indices/${name}`
    const definition = {
      unit: 'USD per unit-hour',
      description: `${name} by the hour, on demand: brokers and list prices`,
      sources: Object.keys(sources).map(source => ({ source, weight: '1' })),
      fixing_interval_ms: 3_600_000,
      stale_after_ms: dayMillis,
      outlier: '0.2',
      trim: '0.1',
      least_sources: 2,
      decimals: 6,
      fallback: 'previous-fixing',
      fallback_after_ms: 120_000,
      fallback_max_age_ms: 30 * dayMillis,
    }
    const defined = await settled(() => operator.call('PUT', path, definition, { 'idempotency-key': `seed-${name}` }))
    if (defined.status !== 200) throw unexpected(`PUT ${path}`, defined)
    const quoted = await settled(() => quoteIndex(operator, name, indicativePrice, nowMillis))
    if (quoted.status !== 200) throw unexpected(`POST ${path}/quotes`, quoted)
  }
}

/** All three sources around a price. */
export const quoteIndex = (client: ExchangeClient, index: string, price: number, atMillis: number): Promise<Answer> =>
  client.call('POST', `/api/v1/indices/${index}/quotes`, {
    quotes: Object.entries(sources).map(([source, part]) => ({
      source,
      level: (price * part).toFixed(8),
      timestamp: new Date(atMillis).toISOString(),
    })),
  })

const openAndFund = async (operator: ExchangeClient, account: string): Promise<void> => {
  const opened = await settled(() => post(operator, '/api/v1/accounts', { account }, `seed-${account}`, 10))
  if (opened.status !== 200) throw unexpected('POST /api/v1/accounts', opened)
  const deposit = { account, currency: 'USD', amount: startingCash }
  const funded = await settled(() => post(operator, '/api/v1/deposits', deposit, `seed-${account}`, 10))
  if (funded.body['deposit_state'] !== 'completed') throw unexpected('POST /api/v1/deposits', funded)
}

interface Listing {
  readonly instrument_name: string
  readonly [field: string]: unknown
}

const futuresOf = (underlying: Underlying, nowMillis: number): readonly Listing[] =>
  expiries(nowMillis, 2).map(({ code, at }) => ({
    instrument_name: `${underlying.name}-${code}`,
    kind: 'future',
    underlying: underlying.name,
    tick_size: underlying.tickSize,
    min_trade_amount: underlying.minTradeAmount,
    max_price: underlying.maxPrice,
    expiration_timestamp: at.toISOString(),
    terms: { index: underlying.name, averaging_start: new Date(monthStart(at.getTime() - 1)).toISOString() },
  }))

/** A call and a put at the money of the later future of the first underlying. */
export const options = (nowMillis: number): readonly (Listing & { readonly tick_size: string })[] =>
  underlyings.slice(0, 1).flatMap(({ name, indicativePrice }) =>
    expiries(nowMillis, 2)
      .slice(-1)
      .flatMap(({ code, at }) =>
        (['call', 'put'] as const).map(option_type => ({
          instrument_name: `${name}-${code}-${indicativePrice.toFixed(2)}-${option_type === 'call' ? 'C' : 'P'}`,
          kind: 'option',
          underlying: name,
          tick_size: '0.001',
          min_trade_amount: '1',
          expiration_timestamp: at.toISOString(),
          terms: {
            option_type,
            strike: String(indicativePrice),
            underlying_instrument: `${name}-${code}`,
            index: name,
          },
        })),
      ),
  )

/** On the same index and up to the same day; observed daily from the next midnight on. */
const varianceSwaps = (nowMillis: number): readonly Listing[] =>
  underlyings.slice(0, 1).flatMap(({ name }) =>
    expiries(nowMillis, 2)
      .slice(-1)
      .map(({ code, at }) => ({
        instrument_name: `${name}-${code}-VAR`,
        kind: 'variance_swap',
        underlying: name,
        tick_size: '1',
        min_trade_amount: '1',
        max_price: '40000',
        expiration_timestamp: at.toISOString(),
        terms: {
          index: name,
          observation_start: new Date(Math.ceil(nowMillis / dayMillis) * dayMillis).toISOString(),
          strike_volatility: '60',
          vega_notional: '60',
        },
      })),
  )

/**
 * Futures one after the other, for nothing is gained by keeping more than one function busy, and waiting for the last one
 * only: the stream keeps their order, so that with its outcome the others have theirs. Then what is on them.
 */
const listMarkets = async (operator: ExchangeClient, nowMillis: number): Promise<void> => {
  await listInOrder(
    operator,
    underlyings.flatMap(underlying => futuresOf(underlying, nowMillis)),
  )
  await listInOrder(operator, [...options(nowMillis), ...varianceSwaps(nowMillis)])
}

/** Auctioned for each hour of the day after: what the first two underlyings are made of. */
const setComputeMarkets = async (operator: ExchangeClient): Promise<void> => {
  for (const { name, tickSize, minTradeAmount, maxPrice } of underlyings.slice(0, 2)) {
    const path = `/api/v1/compute-futures/markets/${name}`
    const terms = {
      tick_size: tickSize,
      min_trade_amount: minTradeAmount,
      max_price: maxPrice,
      maker_commission: '0.0002',
      taker_commission: '0.0005',
      penalty_ppm: 100_000,
      expires_before_ms: 900_000,
      gate_opens_before_ms: 3 * dayMillis,
      gate_closes_before_ms: dayMillis / 2,
    }
    const set = await settled(() => operator.call('PUT', path, terms, {}))
    // A lane of a kept data directory may follow rules that have no gates.
    if (set.status !== 200 && set.body['code'] !== 'engine-version-needed') throw unexpected(`PUT ${path}`, set)
  }
}

const listInOrder = async (operator: ExchangeClient, listings: readonly Listing[]): Promise<void> => {
  for (const [index, listing] of listings.entries()) {
    const isLast = index === listings.length - 1
    const listed = await settled(
      () => post(operator, '/api/v1/markets', listing, `seed-${listing.instrument_name}`, isLast ? 10 : 0),
      ({ status }) => !isLast || status !== 202,
    )
    // Listed in an earlier run of a kept data directory, maybe by an older seed.
    const isThere = ['instrument-exists', 'idempotency-conflict'].includes(String(listed.body['code']))
    if (listed.status !== 200 && (isLast || listed.status !== 202) && !isThere)
      throw unexpected('POST /api/v1/markets', listed)
  }
}

/** Three lines to paste: two crossing orders, then what they led to. */
export const linesToPaste = (url: string, nowMillis: number): readonly string[] => {
  const instrument = `H100.USE-${expiries(nowMillis, 2).at(-1)?.code}`
  const token = (account: string) =>
    `-H "authorization: Bearer $(npm run -s token -- --account ${account} --role trader)"`
  const order = (account: string, direction: string) =>
    `curl -s ${url}/api/v1/orders ${token(account)} -H 'content-type: application/json' -H 'prefer: wait=2' -d '{"instrument_name":"${instrument}","direction":"${direction}","amount":"10","price":"2.5","client_order_id":"'$(date +%s)'"}'; echo`
  return [order('alice', 'sell'), order('bob', 'buy'), `curl -s ${url}/api/v1/positions ${token('bob')}; echo`]
}
