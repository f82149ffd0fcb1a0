import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import * as z from 'zod'
import { type Answer, type ExchangeClient, signIn } from '#bin/client.ts'
import { newestEngineVersion } from '#domain/trading/engine-version.ts'
import { afterTheJourneys, eventually, type RunningExchange, runningExchange } from './running-exchange.ts'

/**
 * Margin as a newcomer meets it: an epoch of risk is adopted, an account is refused by name, hedges, is charged what it was
 * shown, proves its requirement, moves money, meets a limit that volatility has tightened, and is liquidated with a trail that
 * says why. It moves the clock, and sets by what rules accounts are liquidated.
 */

const wait = { prefer: 'wait=10' }
const minute = 60_000
const day = 24 * 60 * minute
const root = resolve(import.meta.dirname, '../..')
const run = promisify(execFile)

let exchange: RunningExchange
let operator: ExchangeClient
/** Two persons who watch over risk. */
let watch: ExchangeClient
let chief: ExchangeClient
/** Has little, and others enough. */
let mia: ExchangeClient
let ned: ExchangeClient
let ora: ExchangeClient
let folder: string
let index: string
let future: string
let put: string

const nowMillis = async (): Promise<number> => {
  const status: unknown = await (await fetch(`${exchange.url}/_local/status`)).json()
  return Date.parse(z.object({ now: z.string() }).parse(status).now)
}
const forward = async (forward_millis: number): Promise<void> => {
  const moved = await fetch(`${exchange.url}/_local/clock`, {
    method: 'POST',
    body: JSON.stringify({ forward_millis }),
  })
  expect(moved.status).toBe(200)
}
/** What is done each minute is done then, by what was set before. */
const nextMinute = async (): Promise<void> => forward(minute - ((await nowMillis()) % minute) + 500)
const iso = (millis: number): string => new Date(millis).toISOString()

type Body = Readonly<Record<string, unknown>>
const record = z.record(z.string(), z.unknown())
const rowsOf = ({ body }: Answer): readonly Body[] => z.array(record).parse(body['data'])
/** The body of an answer that says yes. */
const done = async (asked: Promise<Answer>): Promise<Body> => {
  const { status, body } = await asked
  if (status !== 200 && status !== 201) throw new Error(`${status}: ${JSON.stringify(body)}`)
  return body
}
const outcome = ({ status, body }: Answer) => [status, body['code']]
const text = (value: unknown): string => z.string().parse(value)
const number = (value: unknown): number => Number(text(value))

let serial = 0
const key = () => ({ ...wait, 'idempotency-key': `${index}-${++serial}` })
const order = (instrument_name: string, direction: 'buy' | 'sell', price: string, amount: string) => ({
  instrument_name,
  direction,
  price,
  amount,
})
const place = (client: ExchangeClient, placed: ReturnType<typeof order>): Promise<Body> =>
  done(client.call('POST', '/api/v1/orders', { ...placed, client_order_id: `margin-${index}-${++serial}` }, wait))
const preview = (client: ExchangeClient, ...orders: readonly object[]): Promise<Body> =>
  done(client.call('POST', '/api/v1/margin/preview', { orders }))
const previewed = (body: Body): readonly Body[] => z.array(record).parse(body['orders'])

const amounts = (body: unknown) =>
  z.object({ equity: z.string(), requirement: z.string(), excess: z.string() }).parse(body)
/** Once positions and orders are projected up to one event, at or after that of what was done last. */
const marginOf = async (client: ExchangeClient): Promise<Body> =>
  eventually(
    async () => (await client.call('GET', '/api/v1/margin')).body,
    ({ as_of }) => z.object({ is_one_moment: z.boolean() }).parse(as_of).is_one_moment,
  )
const charged = (client: ExchangeClient, after: unknown) =>
  eventually(
    async () => amounts(await marginOf(client)),
    now => JSON.stringify(now) === JSON.stringify(amounts(after)),
    10_000,
  )

const scenarioSet = async (): Promise<Body> => (await watch.call('GET', '/api/v1/risk/scenario-sets/current')).body
/** An epoch that is newer, made of what was set before. */
const newEpoch = async (after: number): Promise<Body> => {
  await nextMinute()
  return eventually(scenarioSet, set => Number(set['epoch_version'] ?? 0) > after, 60_000)
}

const quote = async (level: string): Promise<void> => {
  const timestamp = iso(await nowMillis())
  const quotes = ['broker', 'cloud'].map(source => ({ source, level, timestamp }))
  await done(operator.call('POST', `/api/v1/indices/${index}/quotes`, { quotes }))
}
const list = async (body: object): Promise<string> =>
  text(
    (
      await done(
        operator.call(
          'POST',
          '/api/v1/markets',
          { underlying: index, tick_size: '0.001', min_trade_amount: '1', ...body },
          key(),
        ),
      )
    )['instrument_name'],
  )

beforeAll(async () => {
  await afterTheJourneys(import.meta.filename)
  exchange = await runningExchange()
  ;[operator, watch, chief] = await Promise.all([
    exchange.as('operator', 'market_operator'),
    exchange.as('m-watch', 'risk_manager'),
    exchange.as('m-chief', 'risk_manager'),
  ])
  folder = await mkdtemp(join(tmpdir(), 'margin-journey-'))
  const activated = await operator.call(
    'POST',
    '/api/v1/lanes/1/engine-version',
    { version: newestEngineVersion },
    { ...wait, 'idempotency-key': 'margin' },
  )
  expect([200, 409]).toContain(activated.status)

  // A run of its own on an exchange that may have been used before.
  const code = String((await nowMillis()) % 1e8)
  index = `MGN${code}.USE`
  const funded = (name: string, cash: string) => exchange.trader(`${name}-${code}`, cash)
  ;[mia, ned] = await Promise.all([funded('mia', '500'), funded('ned', '100000'), funded('ora', '50000')])
  ora = await signIn(exchange.url, `ora-${code}`, 'market_maker')
  await done(
    operator.call(
      'PUT',
      `/api/v1/indices/${index}`,
      {
        unit: 'USD per GPU-hour',
        description: 'of a journey',
        sources: ['broker', 'cloud'].map(source => ({ source, weight: '1' })),
        fixing_interval_ms: minute,
        stale_after_ms: day,
        outlier: '0.5',
        trim: '0',
        least_sources: 2,
        decimals: 4,
        fallback: 'previous-fixing',
        fallback_after_ms: 0,
        fallback_max_age_ms: day,
      },
      key(),
    ),
  )
  await quote('2')
  const end = Math.ceil((await nowMillis()) / day) * day + 30 * day
  const expiration_timestamp = iso(end)
  future = await list({ max_price: '12', expiration_timestamp, terms: { averaging_start: iso(end - day) } })
  put = await list({
    kind: 'option',
    expiration_timestamp,
    terms: { option_type: 'put', strike: '2', underlying_instrument: future },
  })
}, 300_000)

afterAll(async () => {
  // Others are liquidated as the exchange comes.
  const { grace_ms, most_dry_tries, auction_ms } = declared
  await watch?.call('PUT', '/api/v1/risk/liquidation-parameters', { grace_ms, most_dry_tries, auction_ms })
  if (folder !== undefined) await rm(folder, { recursive: true })
})
const declared = { grace_ms: 300_000, most_dry_tries: 3, auction_ms: 60_000 }

describe('margin', () => {
  let epoch: number

  test('is by epochs of risk, which hold all that is marked', async () => {
    for (const market of [future, put])
      await eventually(
        async () => (await mia.call('GET', `/api/v1/markets/${market}/ticker`)).body,
        ({ mark_price }) => typeof mark_price === 'string',
        90_000,
      )
    await nextMinute()
    const set = await eventually(
      scenarioSet,
      ({ underlyings, bounded_instruments }) => {
        const known = z.array(z.object({ name: z.string(), level: z.string().nullable() })).safeParse(underlyings)
        const bounded = z.array(z.object({ instrument_name: z.string() })).safeParse(bounded_instruments)
        const isBounded = bounded.data?.some(({ instrument_name }) => [future, put].includes(instrument_name)) ?? true
        return (known.data?.some(({ name, level }) => name === index && level !== null) ?? false) && !isBounded
      },
      120_000,
    )
    epoch = z.number().parse(set['epoch_version'])
    expect(z.array(z.object({ epoch_version: z.number() })).parse(set['lanes'])[0]?.epoch_version).toBe(epoch)
  }, 240_000)

  test('refuses by name, takes a hedge, and charges what a preview has shown', async () => {
    await place(ned, order(future, 'sell', '2', '1500'))
    await place(ned, order(put, 'sell', '0.06', '1500'))
    const first = order(future, 'buy', '2', '1000')
    const shown = await preview(mia, first)
    expect(previewed(shown)[0]).toMatchObject({ outcome: 'accepted', filled_amount: '1000', average_price: '2' })
    expect((await place(mia, first))['order_state']).toBe('filled')
    expect(await charged(mia, shown['after'])).toEqual(amounts(shown['after']))

    // Nothing is paid for it, and a fifth of what it is worth is needed.
    const more = order(future, 'buy', '2', '400')
    const tooMuch = await preview(mia, more)
    expect(previewed(tooMuch)[0]).toMatchObject({ outcome: 'refused', reject_reason: 'insufficient-margin' })
    expect(await place(mia, more)).toMatchObject({ order_state: 'rejected', reject_reason: 'insufficient-margin' })

    const hedge = order(put, 'buy', '0.06', '600')
    const basket = await preview(mia, hedge, more)
    expect(previewed(basket).map(({ outcome: said }) => said)).toEqual(['accepted', 'accepted'])
    const before = await marginOf(mia)
    expect((await place(mia, hedge))['order_state']).toBe('filled')
    expect((await place(mia, more))['order_state']).toBe('filled')
    expect(await charged(mia, basket['after'])).toEqual(amounts(basket['after']))
    const hedged = amounts(previewed(basket)[0]?.['after'])
    expect(Number(hedged.requirement)).toBeLessThan(number(before['requirement']))

    const positions = rowsOf(await mia.call('GET', '/api/v1/positions'))
    expect(positions).toHaveLength(2)
    for (const { mark_price, unrealized_profit_loss } of positions)
      expect([typeof mark_price, typeof unrealized_profit_loss]).toEqual(['string', 'string'])
    const contribution = (market: string) =>
      number(positions.find(({ instrument_name }) => instrument_name === market)?.['margin_contribution'])
    expect([contribution(future) > 0, contribution(put) < 0]).toEqual([true, true])
  }, 120_000)

  test('is proved by a statement, told by exposures, and tried by a stress', async () => {
    const file = join(folder, 'statement.json')
    const { body: statement } = await mia.call('GET', '/api/v1/margin/statement')
    await writeFile(file, JSON.stringify(statement))
    const { stdout } = await run(process.execPath, [join(root, 'bin/verify-margin.ts'), file])
    expect(stdout).toContain('2 positions, 0 orders')
    expect(stdout).toContain(', 0 differences')

    const exposures = await done(mia.call('GET', '/api/v1/risk/exposures'))
    expect(z.array(record).parse(exposures['underlyings'])[0]).toMatchObject({ underlying: index })
    const lane = await done(watch.call('GET', '/api/v1/risk/exposures?scope=lane'))
    const parts = z.array(z.object({ name: z.string() })).parse(lane['parts'])
    expect(parts.map(({ name }) => name)).toContain(text((await done(mia.call('GET', '/api/v1/account')))['account']))
    const crash = { name: 'crash', shifts: [{ underlying: index, price_ppm: -400_000, volatility_ppm: 0 }] }
    const stressed = await done(mia.call('POST', '/api/v1/risk/stress', { scenarios: [crash] }))
    expect(number(z.array(record).parse(stressed['scenarios'])[0]?.['profit_loss'])).toBeLessThan(0)
  }, 60_000)

  test('leaves what is not needed to be taken out, and every movement is in the ledger', async () => {
    const own = await done(mia.call('GET', '/api/v1/account'))
    const [name, withdrawable] = [text(own['account']), number(own['withdrawable'])]
    const withdraw = (amount: string) =>
      mia.call('POST', '/api/v1/withdrawals', { currency: 'USD', amount }, key()).then(({ body }) => body)
    const withdrawalOf = async (amount: string) =>
      done(mia.call('GET', `/api/v1/withdrawals/${text((await withdraw(amount))['withdrawal_id'])}`))
    expect(await withdraw(String(Math.ceil(withdrawable) + 1))).toMatchObject({
      withdrawal_state: 'rejected',
      reject_reason: 'insufficient-margin',
    })
    expect(await withdraw('3')).toMatchObject({ withdrawal_state: 'completed' })
    const taken = await withdrawalOf('0.5')
    expect(taken).toMatchObject({ withdrawal_state: 'completed', amount: '0.5' })
    const sub = `${name}.hedge`
    await done(mia.call('POST', '/api/v1/accounts', { account: sub }, wait))
    const transfer = { to_account: sub, currency: 'USD', amount: '2.5' }
    expect(await done(mia.call('POST', '/api/v1/transfers', transfer, key()))).toMatchObject({
      command_state: 'accepted',
    })

    const ledger = () => mia.call('GET', '/api/v1/account/ledger')
    const entries = await eventually(
      async () => rowsOf(await ledger()),
      ([newest]) => newest?.['kind'] === 'transfer',
    )
    expect(entries.map(({ kind }) => kind)).toEqual([
      'transfer',
      'withdrawal',
      'withdrawal',
      'trade',
      'trade',
      'trade',
      'deposit',
    ])
    let balance = 0
    for (const entry of entries.toReversed()) {
      balance = Math.round((balance + number(entry['amount'])) * 1e6) / 1e6
      expect(number(entry['balance'])).toBe(balance)
    }
    expect(entries[0]).toMatchObject({ counter_account: sub, amount: '-2.5' })
    expect(number((await done(mia.call('GET', `/api/v1/accounts/${name}`)))['balance'])).toBe(balance)
    const csv = await csvOf(name, '/api/v1/account/ledger')
    expect(csv.trim().split('\r\n')).toHaveLength(entries.length + 1)
    expect(csv).toContain(`,${sub},-2.5,0,${entries[0]?.['balance']}`)
  }, 60_000)

  const csvOf = async (account: string, path: string): Promise<string> => {
    const body = JSON.stringify({ account, role: 'trader', expires_in: 3_600 })
    const headers = { 'content-type': 'application/json' }
    const signed: unknown = await (await fetch(`${exchange.url}/oidc/token`, { method: 'POST', headers, body })).json()
    const { access_token } = z.object({ access_token: z.string() }).parse(signed)
    const answer = await fetch(`${exchange.url}${path}`, {
      headers: { authorization: `Bearer ${access_token}`, accept: 'text/csv' },
    })
    expect(answer.headers.get('content-type')).toContain('text/csv')
    return answer.text()
  }

  test('is met by an asset too, once an epoch values it', async () => {
    const asset = await list({ kind: 'collateral', tick_size: '0.01', max_price: '100', terms: {} })
    const account = text((await done(ned.call('GET', '/api/v1/account')))['account'])
    const move = (action: string, amount: string) =>
      operator.call('POST', '/api/v1/collateral', { account, instrument_name: asset, action, amount }, key())
    expect((await done(move('deposit', '1000')))['command_state']).toBe('accepted')
    epoch = z.number().parse((await newEpoch(epoch))['epoch_version'])
    const [held] = await eventually(
      async () => rowsOf(await ned.call('GET', '/api/v1/collateral')),
      ([first]) => first?.['haircut'] === '0.3',
      60_000,
    )
    // 1,000 at 2 USD, less three tenths.
    expect(held).toMatchObject({ instrument_name: asset, amount: '1000', value: '1400' })
    expect(outcome(await move('withdraw', '1001'))).toEqual([422, 'insufficient-collateral'])
    expect((await done(move('withdraw', '1000')))['command_state']).toBe('accepted')
  }, 180_000)

  test('has limits beside it: tightened at once and by volatility, loosened by two', async () => {
    const set = (max_order_lots: number) =>
      watch.call(
        'PUT',
        '/api/v1/risk/limits',
        { scope: 'instrument', subject: future, limits: { max_order_lots }, reason: 'a journey' },
        wait,
      )
    const limits = () => done(watch.call('GET', `/api/v1/risk/limits?scope=instrument&subject=${future}`))
    expect((await set(100)).body).toMatchObject({ command_state: 'accepted' })
    const small = order(future, 'buy', '1.9', '101')
    expect(await place(ned, small)).toMatchObject({ reject_reason: 'order-size-limit' })
    const asked = await set(500)
    expect(asked.status).toBe(201)
    const approve = (client: ExchangeClient) =>
      client.call('POST', `/api/v1/risk/limits/${asked.body['request_id']}/approve`, undefined, wait)
    expect(outcome(await approve(watch))).toEqual([409, 'second-person-required'])
    expect(await done(approve(chief))).toMatchObject({ request_state: 'in_force' })
    expect(await place(ora, small)).toMatchObject({ order_state: 'open' })

    // From one minute to another it trades a tenth higher; a thousandth a year is what limits hold in full up to.
    const rule = { underlying: index, reference_volatility_ppm: 1_000, reference_depth: '1', floor_ppm: 200_000 }
    await done(watch.call('PUT', '/api/v1/risk/limit-scaling', rule))
    await nextMinute()
    await place(ned, order(future, 'sell', '2.2', '1'))
    await place(ora, order(future, 'buy', '2.2', '101'))
    await nextMinute()
    const scaled = await eventually(limits, ({ scale }) => scale !== null, 90_000)
    expect(scaled).toMatchObject({ limits: { max_order_lots: 500 }, scale: { scale_ppm: 200_000 } })
    expect(record.parse(scaled['scale'])['volatility_ppm']).toBeGreaterThan(1_000)
    expect(await place(ned, small)).toMatchObject({ reject_reason: 'order-size-limit' })
  }, 240_000)

  test('that is lacking leads to a liquidation, each step of which says by what numbers', async () => {
    const terms = { grace_ms: 60_000, most_dry_tries: 1, auction_ms: 20_000 }
    await done(watch.call('PUT', '/api/v1/risk/liquidation-parameters', terms))
    // Scenarios that reach twice as far make the same positions need more.
    await done(watch.call('PUT', '/api/v1/risk/parameters', { underlying: index, price_scan_ppm: 400_000 }))
    await nextMinute()
    const called = await eventually(
      async () => rowsOf(await mia.call('GET', '/api/v1/risk/liquidations'))[0],
      row => row !== undefined,
      90_000,
    )
    expect(called).toMatchObject({ liquidation_state: 'called' })
    expect(number(called?.['called_requirement'])).toBeGreaterThan(number(called?.['called_equity']))
    const short = await eventually(
      () => marginOf(mia),
      ({ excess }) => number(excess) < 0,
    )

    // Whatever lowers its risk is taken even now.
    expect(await place(mia, order(future, 'buy', '2', '1'))).toMatchObject({ reject_reason: 'insufficient-margin' })
    expect(await place(mia, order(put, 'buy', '0.06', '1'))).toMatchObject({ order_state: 'filled' })
    expect(
      number(
        (
          await eventually(
            () => marginOf(mia),
            now => now['requirement'] !== short['requirement'],
          )
        )['requirement'],
      ),
    ).toBeLessThan(number(short['requirement']))

    // The book takes some of it, and who bids for the rest has it.
    await place(ned, order(future, 'buy', '1.99', '100'))
    await forward(terms.grace_ms)
    const id = text(called?.['liquidation_id'])
    const [auction] = await eventually(
      async () =>
        rowsOf(await ora.call('GET', '/api/v1/risk/backstop-auctions')).filter(({ lots }) =>
          JSON.stringify(lots).includes(future),
        ),
      found => found.length > 0,
      90_000,
    )
    const [lot] = z.array(record).parse(auction?.['lots'])
    const bids = [{ instrument_name: future, price: '1.9', amount: text(lot?.['amount']) }]
    await done(ora.call('POST', `/api/v1/risk/backstop-auctions/${auction?.['auction_id']}/bids`, { bids }))
    expect(await place(mia, order(future, 'sell', '2', '1'))).toMatchObject({ reject_reason: 'account-in-liquidation' })
    await forward(terms.auction_ms)

    const over = await eventually(
      async () => (await mia.call('GET', `/api/v1/risk/liquidations/${id}`)).body,
      ({ liquidation_state }) => liquidation_state === 'ended' || liquidation_state === 'failed',
      120_000,
    )
    expect(over).toMatchObject({ liquidation_state: 'ended', failure: null })
    expect(number(over['equity'])).toBeGreaterThanOrEqual(number(over['requirement']))
    const steps = z
      .array(z.object({ step_kind: z.string(), step_state: z.string(), numbers: record, result: record }))
      .parse(over['steps'])
    const kinds = steps.map(({ step_kind }) => step_kind)
    expect([kinds[0], kinds.at(-1)]).toEqual(['begin', 'end'])
    for (const kind of ['plan', 'reduce', 'open-auction', 'award']) expect(kinds).toContain(kind)
    expect(new Set(steps.map(({ step_state }) => step_state))).toEqual(new Set(['done']))
    const awarded = steps.find(({ step_kind, numbers }) => step_kind === 'award' && 'price' in numbers)
    expect(awarded?.numbers).toMatchObject({ instrument_name: future, price: '1.9', to_insurance_fund: false })
    const after = await marginOf(mia)
    expect(number(after['excess'])).toBeGreaterThanOrEqual(0)
    // It may trade again.
    expect(await place(mia, order(future, 'sell', '3', '1'))).toMatchObject({ order_state: 'open' })
    // Of others only those who watch over risk see it.
    expect((await ned.call('GET', `/api/v1/risk/liquidations/${id}`)).status).toBe(404)
    expect((await watch.call('GET', `/api/v1/risk/liquidations/${id}`)).status).toBe(200)
    const all = await eventually(
      async () => rowsOf(await watch.call('GET', '/api/v1/risk/liquidations')),
      rows => rows.some(({ liquidation_id }) => liquidation_id === id),
    )
    expect(all.find(({ liquidation_id }) => liquidation_id === id)).toMatchObject({ liquidation_state: 'ended' })
  }, 420_000)
})
