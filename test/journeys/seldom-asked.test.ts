import { KinesisClient, ListStreamsCommand, PutRecordCommand } from '@aws-sdk/client-kinesis'
import { beforeAll, describe, expect, test } from '@jest/globals'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import { expiries } from '#bin/seed.ts'
import { eventually, type RunningExchange, runningExchange } from './running-exchange.ts'

/** What is allowed to functions and tasks and seldom done: so that it is done once, under their own roles. */

const instrument = `A100.USE-${expiries(Date.now(), 2).at(-1)?.code}`
const wait = { prefer: 'wait=10' }

let exchange: RunningExchange

beforeAll(async () => {
  exchange = await runningExchange()
}, 180_000)

const resting = { instrument_name: instrument, direction: 'buy', amount: '1', price: '0.1' }

describe('seldom asked', () => {
  test('open orders are listed by themselves, and a deposit is read by its id', async () => {
    const client = await exchange.trader('t-lister')
    const placed = await client.call('POST', '/api/v1/orders', { ...resting, client_order_id: 'lister-1' }, wait)
    expect(placed.body['order_state']).toBe('open')
    const open = await client.call('GET', '/api/v1/orders?order_state=open')
    expect(open.body['data']).toMatchObject([{ order_id: placed.body['order_id'] }])

    const operator = await exchange.as('operator', 'market_operator')
    const deposit = { account: 't-lister', currency: 'USD', amount: '5' }
    const named = { ...wait, 'idempotency-key': 'deposit-t-lister-again' }
    const made = await operator.call('POST', '/api/v1/deposits', deposit, named)
    const read = await operator.call('GET', `/api/v1/deposits/${made.body['deposit_id']}`)
    expect([read.status, read.body]).toEqual([200, made.body])
  })

  test('a grid is set, marks are made another way, windows and a volatility index are read', async () => {
    const operator = await exchange.as('operator', 'market_operator')
    const rule = {
      kind: 'option',
      underlying: 'A100.USE',
      expiries: [{ every: 'last_friday_of_month', next: 1 }],
      strikes: { step: '0.5', count: 1 },
      tick_size: '0.001',
      min_trade_amount: '1',
    }
    const grid = await operator.call('PUT', '/api/v1/listing-grids/t-a100', { rule })
    expect([grid.status, (await operator.call('GET', '/api/v1/listing-grids/t-a100')).body['in_effect']]).toEqual([
      200,
      grid.body,
    ])
    const marking = { underlying: 'A100.USE', default_volatility: '70' }
    expect((await operator.call('PUT', '/api/v1/marking-parameters', marking)).status).toBe(200)
    const windows = await operator.call('GET', `/api/v1/markets/${instrument}/windows?resolution=1h`)
    expect([windows.status, Array.isArray(windows.body['data'])]).toEqual([200, true])
    // One expiration has options: the method wants two.
    const volatility = await operator.call('GET', '/api/v1/volatility-indices/H100.USE')
    expect([volatility.status, volatility.body['code']]).toEqual([409, 'not-priceable'])
  })

  test('a record that nobody can read is put aside, and trading goes on', async () => {
    const { aws } = await exchange.status()
    const kinesis = new KinesisClient({
      region: aws['AWS_REGION'] ?? '',
      endpoint: aws['AWS_ENDPOINT_URL_KINESIS'] ?? '',
      credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
      requestHandler: new NodeHttpHandler(),
    })
    const { StreamNames = [] } = await kinesis.send(new ListStreamsCommand({}))
    const StreamName = StreamNames.find(name => name.includes('Lane1Orders'))
    await kinesis.send(new PutRecordCommand({ StreamName, PartitionKey: '1', Data: Buffer.from('no frame of ours') }))
    kinesis.destroy()

    const client = await exchange.trader('t-undisturbed')
    const placed = await client.call('POST', '/api/v1/orders', { ...resting, client_order_id: 'undisturbed-1' }, wait)
    expect(placed.body['order_state']).toBe('open')
    const metrics = await eventually(
      async () => (await fetch(`${exchange.url}/metrics`)).text(),
      text => /^\w*poison\w*(\{[^}]*\})? [1-9]/m.test(text),
    )
    expect(metrics).toMatch(/poison/)
  })
})
