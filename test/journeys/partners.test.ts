import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { isDeepStrictEqual, promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import * as z from 'zod'
import type { Answer, ExchangeClient } from '#bin/client.ts'
import { eventually, type RunningExchange, runningExchange } from './running-exchange.ts'

/**
 * Partners as a newcomer meets them: catalogues are imported by the program, a wholesale contract is registered, the best price
 * splits over both, a purchase is made and seen in the inventory, and what cannot be bought leaves nothing.
 */

const root = resolve(import.meta.dirname, '../..')
const run = promisify(execFile)
const hourMillis = 3_600_000
const record = z.record(z.string(), z.unknown())
const rowsOf = ({ body }: Answer) => z.array(record).parse(body['data'])

let exchange: RunningExchange
let operator: ExchangeClient
let paula: ExchangeClient
let quinn: ExchangeClient
let folder: string
let nowMillis = 0
const hour = (count: number): string =>
  new Date((Math.floor(nowMillis / hourMillis) + count) * hourMillis).toISOString()
const named = (key: string, seconds = 10) => ({ 'idempotency-key': key, prefer: `wait=${seconds}` })
/** A region of its own: other journeys buy elsewhere. */
const region = 'journey-1'

beforeAll(async () => {
  exchange = await runningExchange()
  operator = await exchange.as('operator', 'market_operator')
  paula = await exchange.trader('paula', '10000')
  quinn = await exchange.trader('quinn', '10000')
  folder = await mkdtemp(join(tmpdir(), 'partners-'))
  const status: unknown = await (await fetch(`${exchange.url}/_local/status`)).json()
  nowMillis = Date.parse(z.object({ now: z.string() }).parse(status).now)
}, 180_000)
afterAll(() => rm(folder, { recursive: true }))

const importCatalog = async (provider: string, path: string) => {
  try {
    const { stdout } = await run('node', ['bin/import-catalog.ts', provider, path, '--json'], {
      cwd: root,
      env: { ...process.env, EXCHANGE_URL: exchange.url },
    })
    return { code: 0, told: record.parse(JSON.parse(stdout)), errors: '' }
  } catch (error) {
    const failed = z.object({ code: z.number(), stderr: z.string() }).parse(error)
    return { code: failed.code, told: {}, errors: failed.stderr }
  }
}
/** Tells the stand-in of a partner what to do; answers what it quotes and has reserved. */
const standIn = async (...told: readonly string[]): Promise<string> =>
  (await run('node', ['bin/partner.ts', ...told], { cwd: root, env: { ...process.env, EXCHANGE_URL: exchange.url } }))
    .stdout
const cash = async (client: ExchangeClient) => {
  const { body } = await client.call('GET', '/api/v1/account')
  return z.tuple([z.string(), z.string()]).parse([body['balance'], body['held']])
}
const inventory = async (client: ExchangeClient) => rowsOf(await client.call('GET', '/api/v1/partners/inventory'))
/** What time itself changes is left out: what a sweep finds out, and the hours at either end of the day that is shown. */
const lotsOf = async (client: ExchangeClient) =>
  (await inventory(client)).map(({ is_expiring, offered_price, unit_hours, hours, ...lot }) => ({
    ...lot,
    hours: z
      .array(z.looseObject({ starts_at: z.iso.datetime() }))
      .parse(hours)
      .filter(({ starts_at }) => {
        const hoursFromNow = (Date.parse(starts_at) - nowMillis) / 3_600_000
        return hoursFromNow > 1 && hoursFromNow < 20
      }),
  }))

const csv = [
  'flavor,effective_date,region',
  'effective_date,flavor,region,gpu,gpus,vcpus,ram_gib,disk_tib,hourly_usd,spot_usd,committed_1y_usd,committed_3y_usd',
]
const offered = (flavor: string, price: string, spot = '', place = region) =>
  `2026-01-01,${flavor},${place},H100,1,26,234,1,${price},${spot},,`

describe('a catalogue', () => {
  test('with a wrong header, or a price that is none, is refused with its line, and nothing of it is there', async () => {
    const wrong = join(folder, 'wrong.csv')
    await writeFile(wrong, [csv[0], offered('a', '3')].join('\n'))
    const refused = await importCatalog('rackspace', wrong)
    expect([refused.code, refused.errors]).toEqual([
      1,
      expect.stringContaining('line 1: this is no catalogue of rackspace'),
    ])
    await writeFile(wrong, [csv[1], offered('a', '3'), offered('b', 'NaN')].join('\n'))
    const nan = await importCatalog('rackspace', wrong)
    expect([nan.code, nan.errors]).toEqual([1, expect.stringContaining('line 3: hourly_usd "NaN" is no price')])
  })

  test('is imported whole; what is screened is listed', async () => {
    const path = join(folder, 'rackspace.csv')
    const rows = Array.from({ length: 6 }, (_, index) => offered('gpu.1', '3', '', `elsewhere-${index}`))
    await writeFile(
      path,
      [csv[1], offered('gpu.1', '3.2', '2.4'), ...rows, offered('gpu.1', '0.3', '', 'cheap')].join('\n'),
    )
    const { code, told } = await importCatalog('rackspace', path)
    expect([code, told]).toEqual([
      0,
      expect.objectContaining({ rows: 8, prices: 9, kept: 8, screened: 1, products: 7 }),
    ])
    const listed = rowsOf(await paula.call('GET', '/api/v1/partners/catalogues?provider=rackspace'))
    expect(listed[0]).toMatchObject({
      import_id: told['import_id'],
      is_in_force: true,
      received: { products: 7, rows: 7, screened: 1 },
    })
    const screened = await paula.call('GET', `/api/v1/partners/catalogues/rackspace/${told['import_id']}/screened`)
    expect(rowsOf(screened)).toMatchObject([{ line: 9, region: 'cheap', price: '0.3' }])
  }, 60_000)

  const prices = join(root, '../shared/data/prices')
  const there = existsSync(prices)
  if (!there) process.stderr.write(`${prices} is not there: the real catalogues are not imported\n`)
  ;(there ? test : test.skip).each([
    ['gcp', 'gcp_compute_price_changes_2022-2026.csv.gz', 21_437],
    ['generic', 'gpu_offers.csv', 50],
  ] as const)(
    'the real one of %s',
    async (provider, file, rows) => {
      const { code, told, errors } = await importCatalog(provider, join(prices, file))
      expect([code, errors, told['rows']]).toEqual([0, '', rows])
      expect(Number(told['kept']) + Number(told['screened'])).toBe(told['prices'])
    },
    180_000,
  )
})

describe('a purchase', () => {
  const contract = (more: object = {}) => ({
    provider: 'aws',
    resource_class: 'H100',
    region,
    vector: { gpus: '1', vcpus: '26', memory_gib: '234', storage_tib: '0' },
    units: 10,
    price: '2',
    starts_at: hour(0),
    ends_at: hour(24 * 30),
    ...more,
  })
  const bestPrice = (client: ExchangeClient, quantity: number) =>
    client.call(
      'GET',
      `/api/v1/partners/best-price?quantity=${quantity}&region=${region}&starts_at=${hour(1)}&ends_at=${hour(3)}&gpus=1`,
    )
  let offerId: string

  test('from the best price: the contract first, the rest from the list', async () => {
    const made = await paula.call('POST', '/api/v1/partners/contracts', contract(), named('contract'))
    expect(made.status).toBe(201)
    offerId = String(made.body['offer_id'])
    const best = await bestPrice(paula, 12)
    expect(best.status).toBe(200)
    expect(best.body).toMatchObject({
      is_covered: true,
      cost: String(2 * (10 * 2 + 2 * 2.4)),
      legs: [
        { units: 10, offer: { offer_id: offerId } },
        { units: 2, offer: { provider: 'rackspace', pricing: 'spot' } },
      ],
    })
    // Nobody else buys from it, or knows of it.
    expect((await bestPrice(quinn, 12)).body).toMatchObject({ legs: [{ units: 12, offer: { provider: 'rackspace' } }] })
    expect((await quinn.call('GET', `/api/v1/partners/contracts/${made.body['contract_id']}`)).status).toBe(404)
    expect(rowsOf(await paula.call('GET', '/api/v1/partners/contracts'))).toHaveLength(1)
  }, 60_000)

  const asked = (more: object = {}) => ({
    offer_id: offerId,
    units: 4,
    starts_at: hour(1),
    ends_at: hour(3),
    price: '2',
    ...more,
  })
  const buy = (client: ExchangeClient, part: object, key: string) => buyAll(client, { parts: [part] }, key)
  const buyAll = (client: ExchangeClient, body: unknown, key: string) =>
    client.call('POST', '/api/v1/partners/purchase', body, named(key))

  test('what cannot be bought is refused, and leaves nothing', async () => {
    const before = await cash(paula)
    for (const [client, body, code] of [
      [quinn, asked(), 'not-found'],
      [paula, asked({ units: 11 }), 'purchase-above-offer'],
      [paula, asked({ price: '1.5' }), 'quote-expired'],
      [paula, asked({ ends_at: hour(1) }), 'capacity-window-invalid'],
      [paula, asked({ offer_id: `rackspace:${region}:gpu.1:spot`, price: '2.4' }), 'partner-not-connected'],
    ] as const)
      expect((await buy(client, body, 'refused')).body['code']).toBe(code)
    expect(await cash(paula)).toEqual(before)
    expect(rowsOf(await paula.call('GET', '/api/v1/partners/purchases'))).toEqual([])
  }, 60_000)

  test('is paid once, however often it is asked for, and in the inventory', async () => {
    const first = await buy(paula, asked(), 'buy')
    const again = await buy(paula, asked(), 'buy')
    expect(again.body['purchase_id']).toBe(first.body['purchase_id'])
    const path = `/api/v1/partners/purchases/${first.body['purchase_id']}`
    await eventually(
      () => paula.call('GET', path),
      ({ body }) => body['purchase_state'] === 'completed',
    )
    const ledger = rowsOf(await paula.call('GET', '/api/v1/account/ledger?limit=5'))
    expect(ledger.filter(each => each['kind'] === 'hold-capture')).toMatchObject([{ amount: '-16' }])
    const lots = await inventory(paula)
    expect(lots.find(each => each['kind'] === 'purchase')).toMatchObject({
      units: 4,
      price: '2',
      reference: first.body['purchase_id'],
      unit_hours: { available: 8, reserved: 0 },
    })
    expect(lots.find(each => each['kind'] === 'contract')).toMatchObject({
      unit_hours: { available: 232, reserved: 8 },
    })
    expect((await quinn.call('GET', path)).status).toBe(404)
  }, 60_000)

  test('that the account cannot pay is undone', async () => {
    const shared = await operator.call('POST', '/api/v1/accounts', {}, named('open-operator'))
    expect([200, 409]).toContain(shared.status)
    const made = await operator.call(
      'POST',
      '/api/v1/partners/contracts',
      contract({ price: '9000', is_shared: true, region: 'journey-2' }),
      named('shared'),
    )
    expect(made.status).toBe(201)
    const offer = { offer_id: made.body['offer_id'], price: '9000' }
    const begun = await buy(quinn, asked(offer), 'dear')
    const failed = await eventually(
      () => quinn.call('GET', `/api/v1/partners/purchases/${begun.body['purchase_id']}`),
      ({ body }) => body['purchase_state'] !== 'pending',
    )
    expect(failed.body).toMatchObject({
      purchase_state: 'failed',
      failure: 'insufficient-funds',
      parts: [{ lot_id: null }],
    })
    expect(await inventory(quinn)).toEqual([])
  }, 60_000)

  test('of a quote is reserved with the partner; what the partner does not answer to is undone, there and here', async () => {
    await standIn('quote', 'journey', 'H100', 'journey-3', '3', '13')
    const best = () =>
      quinn.call(
        'GET',
        `/api/v1/partners/best-price?quantity=4&region=journey-3&starts_at=${hour(1)}&ends_at=${hour(3)}&gpus=1`,
      )
    expect((await best()).body).toMatchObject({ cost: '24', legs: [{ offer: { offer_id: 'gcp:quote:journey' } }] })
    const ended = async (
      key: string,
      what: unknown = { parts: [asked({ offer_id: 'gcp:quote:journey', price: '3' })] },
    ) => {
      const { body } = await buyAll(quinn, what, key)
      return eventually(
        () => quinn.call('GET', `/api/v1/partners/purchases/${body['purchase_id']}`),
        answer => answer.body['purchase_state'] !== 'pending',
        150_000,
      )
    }
    const before = await cash(quinn)
    const spent = (usd: number) =>
      eventually(
        () => cash(quinn),
        ([balance, held]) => held === '0' && Number(balance) === Number(before[0]) - usd,
      )
    const unchanged = (money: readonly string[], lots: readonly unknown[]) =>
      eventually(
        async () => [await cash(quinn), await lotsOf(quinn)],
        now => isDeepStrictEqual(now, [money, lots]),
      )
    await standIn('reserve', 'decline')
    expect((await ended('it-declines')).body).toMatchObject({ failure: 'the partner refuses: sold out' })
    await unchanged(before, [])
    await standIn('reserve', 'fail,repeat')
    const bought = await ended('it-delivers')
    expect(bought.body).toMatchObject({
      purchase_state: 'completed',
      cost: '24',
      parts: [{ partner_reference: expect.any(String) }],
    })
    expect(await standIn()).toContain('4 of gcp:quote:journey')
    expect(await inventory(quinn)).toMatchObject([{ units: 4, reference: bought.body['purchase_id'] }])
    const last = await best()
    expect(last.body).toMatchObject({ legs: [{ units: 4, offer: { available_units: 9 } }] })

    // What best-price splits over a contract and the quote is bought as one, or not at all.
    const terms = contract({ region: 'journey-3', units: 2, price: '2.5' })
    const made = await quinn.call('POST', '/api/v1/partners/contracts', terms, named('own'))
    const { body: split } = await best()
    expect(split).toMatchObject({ cost: '22', purchase: { parts: [{ units: 2 }, { units: 2, price: '3' }] } })
    const [money, lots] = [await spent(24), await lotsOf(quinn)]
    await standIn('reserve', 'decline')
    expect((await ended('split-declined', split['purchase'])).body).toMatchObject({ purchase_state: 'failed' })
    await unchanged(money, lots)
    await standIn('reserve', 'succeed')
    const both = await ended('split', split['purchase'])
    expect(both.body).toMatchObject({
      purchase_state: 'completed',
      cost: '22',
      parts: [{ offer_id: made.body['offer_id'], lot_id: expect.any(String) }, { lot_id: expect.any(String) }],
    })
    expect((await inventory(quinn)).filter(each => each['reference'] === both.body['purchase_id'])).toHaveLength(2)
    expect(await standIn()).toContain('2 of gcp:quote:journey')

    // It reserves, and tells nobody: what nobody knows of is given back, there and here. Last, since it is not asked for a while then.
    const left = [await spent(46), await lotsOf(quinn), await standIn('reserve', 'die')]
    expect((await ended('it-dies')).body).toMatchObject({ purchase_state: 'failed', parts: [{ lot_id: null }] })
    await eventually(
      async () => [await cash(quinn), await lotsOf(quinn), await standIn()],
      now => isDeepStrictEqual(now, left),
    )
  }, 240_000)

  test('whose lot ends soon is offered to others, and paid to whoever has it', async () => {
    const [lot] = await eventually(
      async () => (await inventory(paula)).filter(each => each['kind'] === 'purchase' && each['is_expiring'] === true),
      lots => lots.length > 0,
      150_000,
    )
    expect(lot).toMatchObject({ offered_price: '1' })
    const best = await bestPrice(quinn, 4)
    expect(best.body).toMatchObject({ cost: '8', legs: [{ units: 4, offer: { source: 'inventory', price: '1' } }] })
    const bought = await buy(quinn, asked({ offer_id: `lot:${lot?.['lot_id']}`, price: '1' }), 'second-hand')
    await eventually(
      () => quinn.call('GET', `/api/v1/partners/purchases/${bought.body['purchase_id']}`),
      ({ body }) => body['purchase_state'] === 'completed',
    )
    const ledger = rowsOf(await paula.call('GET', '/api/v1/account/ledger?limit=1'))
    expect(ledger).toMatchObject([{ kind: 'deposit', amount: '8' }])
  }, 240_000)
})
