import { type Answer, type ExchangeClient, signIn } from './client.ts'

/**
 * What a fresh local exchange holds: markets of real compute, and two funded traders. Everything goes through the HTTP
 * API, as an operator would do it, and repeating it changes nothing.
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

const months = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC']
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
    const code = `${String(at.getUTCDate()).padStart(2, '0')}${months[at.getUTCMonth()]}${String(at.getUTCFullYear()).slice(2)}`
    found.push({ code, at })
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
  new Error(`POST ${path} answered ${status}: ${JSON.stringify(body)}`)

/** Lists the markets, opens and funds the traders. `nowMillis` is the exchange's time. */
export const seed = async (url: string, nowMillis: number): Promise<void> => {
  const operator = await signIn(url, 'operator', 'market_operator')
  await Promise.all([listMarkets(operator, nowMillis), ...traders.map(account => openAndFund(operator, account))])
}

const openAndFund = async (operator: ExchangeClient, account: string): Promise<void> => {
  const opened = await post(operator, '/api/v1/accounts', { account }, `seed-${account}`, 10)
  if (opened.status !== 200) throw unexpected('/api/v1/accounts', opened)
  const deposit = { account, currency: 'USD', amount: startingCash }
  const funded = await post(operator, '/api/v1/deposits', deposit, `seed-${account}`, 10)
  if (funded.body['deposit_state'] !== 'completed') throw unexpected('/api/v1/deposits', funded)
}

/**
 * One after the other, for nothing is gained by keeping more than one function busy, and waiting for the last one only:
 * the stream keeps their order, so that with its outcome the others have theirs.
 */
const listMarkets = async (operator: ExchangeClient, nowMillis: number): Promise<void> => {
  const listings = underlyings.flatMap(underlying =>
    expiries(nowMillis, 2).map(({ code, at }) => ({
      instrument_name: `${underlying.name}-${code}`,
      underlying: underlying.name,
      tick_size: underlying.tickSize,
      min_trade_amount: underlying.minTradeAmount,
      max_price: underlying.maxPrice,
      expiration_timestamp: at.toISOString(),
    })),
  )
  for (const [index, listing] of listings.entries()) {
    const seconds = index === listings.length - 1 ? 10 : 0
    const listed = await post(operator, '/api/v1/markets', listing, `seed-${listing.instrument_name}`, seconds)
    // Listed in an earlier run of a kept data directory.
    const isThere = listed.body['code'] === 'instrument-exists'
    if (listed.status !== (seconds > 0 ? 200 : 202) && listed.status !== 200 && !isThere)
      throw unexpected('/api/v1/markets', listed)
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
