import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, test } from '@jest/globals'
import * as z from 'zod'
import type { Answer, ExchangeClient } from '#bin/client.ts'
import { keyPair, signatureOf } from '#test/support/key-office.ts'
import { type RunningExchange, runningExchange } from './running-exchange.ts'

/** Machines sign in: a key is made, used, signed with, rotated and revoked, through the running exchange. */

let exchange: RunningExchange
let owner: ExchangeClient

beforeAll(async () => {
  exchange = await runningExchange()
  owner = await exchange.trader('k-owner')
}, 180_000)

const make = async (more: object): Promise<{ keyId: string; bearer: string }> => {
  const { status, body } = await owner.call('POST', '/api/v1/api-keys', { scopes: ['positions:read'], ...more })
  expect([status, body['code']]).toEqual([201, undefined])
  return { keyId: String(body['key_id']), bearer: String(body['bearer']) }
}
const use = (
  bearer: string,
  method = 'GET',
  path = '/api/v1/positions',
  body?: unknown,
  more: Readonly<Record<string, string>> = {},
): Promise<Answer> => owner.call(method, path, body, { authorization: `Bearer ${bearer}`, ...more })
const outcome = ({ status, body }: Answer) => `${status} ${body['code'] ?? ''}`.trim()

describe('a key with a secret', () => {
  test('does what its scopes say, is listed without its secret, and ends at once when it is revoked', async () => {
    const { keyId, bearer } = await make({ name: 'reader' })
    expect(outcome(await use(bearer))).toBe('200')
    const order = {
      instrument_name: 'H100.USE-25DEC26',
      direction: 'buy',
      amount: '1',
      price: '1',
      client_order_id: 'k1',
    }
    expect(outcome(await use(bearer, 'POST', '/api/v1/orders', order))).toBe('403 forbidden')
    expect(outcome(await use(`${bearer.slice(0, -1)}${bearer.endsWith('A') ? 'B' : 'A'}`))).toBe('401 unauthorized')
    const { body } = await owner.call('GET', '/api/v1/api-keys')
    expect(body['data']).toMatchObject([{ key_id: keyId, name: 'reader', last_used_at: expect.any(String) }])
    expect(JSON.stringify(body)).not.toContain(bearer.split('_')[2])
    expect(outcome(await owner.call('DELETE', `/api/v1/api-keys/${keyId}`))).toBe('200')
    // The authorizer's answer of a moment ago is still kept.
    expect(outcome(await use(bearer))).toBe('401 unauthorized')
  })

  test('is kept to its addresses', async () => {
    const here = await make({ name: 'here', allowed_addresses: ['127.0.0.0/8', '::1'] })
    const elsewhere = await make({ name: 'elsewhere', allowed_addresses: ['192.0.2.0/24'] })
    expect(outcome(await use(here.bearer))).toBe('200')
    expect(outcome(await use(elsewhere.bearer))).toBe('403 address-not-allowed')
  })

  test('is rotated with an overlap, and then without', async () => {
    const first = await make({ name: 'rotating' })
    const rotate = async (overlap_seconds: number) => {
      const path = `/api/v1/api-keys/${first.keyId}/rotate`
      return String((await owner.call('POST', path, { overlap_seconds })).body['bearer'])
    }
    const second = await rotate(600)
    expect([outcome(await use(first.bearer)), outcome(await use(second))]).toEqual(['200', '200'])
    const third = await rotate(0)
    expect([outcome(await use(first.bearer)), outcome(await use(second)), outcome(await use(third))]).toEqual([
      '401 unauthorized',
      '401 unauthorized',
      '200',
    ])
  })
})

describe('a key whose requests are signed', () => {
  const { privateKey, pem } = keyPair()
  let keyId = ''
  let bearer = ''
  beforeAll(async () => {
    const made = await make({ name: 'signer', scopes: ['orders:write', 'positions:read'], public_key: pem })
    keyId = made.keyId
    bearer = made.bearer
  })
  /** By the exchange's clock, which may have been moved. */
  const timed = async () => {
    const status: unknown = await (await fetch(`${exchange.url}/_local/status`)).json()
    return { timestamp: String(Date.parse(z.object({ now: z.string() }).parse(status).now)) }
  }

  test('needs a signature over this very request, once', async () => {
    const path = '/api/v1/positions?limit=5&instrument_name=H100.USE-25DEC26'
    const signed = signatureOf(privateKey, { method: 'GET', path }, await timed())
    expect(outcome(await use(bearer))).toBe('401 unauthorized')
    expect(outcome(await use(bearer, 'GET', path, undefined, signed))).toBe('200')
    expect(outcome(await use(bearer, 'GET', path, undefined, signed))).toBe('401 unauthorized')
    const other = signatureOf(privateKey, { method: 'GET', path }, await timed())
    expect(outcome(await use(bearer, 'GET', '/api/v1/positions?limit=6', undefined, other))).toBe('401 unauthorized')
    expect(
      outcome(await use(bearer, 'GET', path, undefined, signatureOf(keyPair().privateKey, { method: 'GET', path }))),
    ).toBe('401 unauthorized')
  })

  test('covers the body of an order', async () => {
    const { body } = await owner.call('GET', '/api/v1/markets')
    const [market] = Array.isArray(body['data']) ? body['data'] : []
    const order = {
      instrument_name: String(market?.instrument_name),
      direction: 'buy',
      amount: String(market?.min_trade_amount),
      price: String(market?.tick_size),
      client_order_id: 'signed-1',
    }
    const request = { method: 'POST', path: '/api/v1/orders', body: JSON.stringify(order) }
    const changed = { ...order, amount: '9' }
    const signed = signatureOf(privateKey, request, await timed())
    expect(outcome(await use(bearer, 'POST', request.path, changed, signed))).toBe('401 unauthorized')
    expect(outcome(await use(bearer, 'POST', request.path, order, signed))).toBe('202')
  })

  test.each([
    ['trading', 'orders:read', '/api/v1/orders'],
    ['reference', 'markets:read', '/api/v1/markets'],
    ['ledger', 'positions:read', '/api/v1/positions'],
    ['security', 'api-keys:read', '/api/v1/api-keys'],
  ])('is known to %s', async (context, scope, path) => {
    const made = await make({ name: `signer of ${context}`, scopes: [scope], public_key: pem })
    const signed = signatureOf(
      privateKey,
      { method: 'GET', path },
      { ...(await timed()), nonce: `for-${context}-12345678` },
    )
    expect(outcome(await use(made.bearer, 'GET', path, undefined, signed))).toBe('200')
  })

  test('is easy to use: npm run sign', async () => {
    const file = join(exchange.dataDir, 'signer.pem')
    writeFileSync(file, privateKey.export({ format: 'pem', type: 'pkcs8' }))
    const { NODE_OPTIONS: _, ...environment } = process.env
    const { stdout, stderr } = await promisify(execFile)(
      process.execPath,
      ['bin/sign.ts', '--key', keyId, '--private-key', file, 'GET', '/api/v1/positions?limit=1'],
      { env: { ...environment, EXCHANGE_URL: exchange.url } },
    )
    expect(stderr).toContain('200')
    expect(JSON.parse(stdout)).toEqual({ data: [], next_cursor: null })
  })
})
