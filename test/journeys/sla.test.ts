import { beforeAll, expect, test } from '@jest/globals'
import * as z from 'zod'
import type { Answer, ExchangeClient } from '#bin/client.ts'
import { consumerRule, type HeardEvent } from './consumer-rule.ts'
import { eventually, type RunningExchange, runningExchange } from './running-exchange.ts'

/** From a promise that has been broken already to the penalty, and a correction, on the running exchange. */

const minute = 60_000
let exchange: RunningExchange
let operator: ExchangeClient
let service: ExchangeClient
let buyer: ExchangeClient

beforeAll(async () => {
  exchange = await runningExchange()
  operator = await exchange.as('operator', 'market_operator')
  service = await exchange.as('t-prober', 'service')
  await exchange.trader('t-provider')
  buyer = await exchange.trader('t-buyer')
}, 180_000)

const rowsOf = ({ body }: Answer): readonly Record<string, unknown>[] =>
  z.array(z.record(z.string(), z.unknown())).parse(body['data'])

test('a month below its tiers is a breach, is owed, and what comes late corrects its windows', async () => {
  const status: unknown = await (await fetch(`${exchange.url}/_local/status`)).json()
  const now = Date.parse(z.object({ now: z.string() }).parse(status).now)
  const start = Math.floor(now / minute) * minute - 12 * minute
  const at = (minutes: number) => new Date(start + minutes * minute).toISOString()
  const promised = {
    series: 'UP-T-JOURNEY',
    quantity: 2,
    fee: '1000',
    provider_account: 't-provider',
    buyer_account: 't-buyer',
    period_start: at(0),
    period_end: at(8),
  }
  const made = await operator.call('POST', '/api/v1/sla/contracts', promised, { 'idempotency-key': 't-journey' })
  expect(made.status).toBe(201)
  const path = `/api/v1/sla/contracts/${made.body['contract_id']}`
  expect((await buyer.call('GET', path)).body).toEqual(made.body)
  expect(rowsOf(await buyer.call('GET', '/api/v1/sla/contracts'))).toEqual([made.body])

  const rule = await consumerRule(exchange, 'sla-journey', {
    'detail-type': ['SlaBreached.v1', 'PenaltyApplied.v1'],
    detail: { contract_id: [made.body['contract_id']] },
  })

  const reading = (minutes: number, available: number) => ({
    series: promised.series,
    probe: 'probe-1',
    at: at(minutes),
    available,
  })
  const measured = await service.call('POST', '/api/v1/sla/measurements', {
    measurements: [0, 1, 2, 3, 4, 5, 6].map(minutes => reading(minutes, minutes === 2 ? 0 : 2)),
  })
  expect([measured.status, measured.body]).toEqual([200, { taken: 7, known: 0 }])

  const entries = await eventually(
    async () => rowsOf(await buyer.call('GET', `${path}/penalties`)),
    ({ length }) => length > 0,
    150_000,
  )
  // Of the month, or where it has just begun of both: the minutes may lie in two.
  for (const { entry_kind, account, amount } of entries)
    expect([entry_kind, account, amount]).toEqual([
      'penalty',
      ...(account === 't-buyer' ? ['t-buyer', '1000'] : ['t-provider', '-1000']),
    ])
  expect(rowsOf(await buyer.call('GET', `${path}/breaches`))[0]).toMatchObject({ version: 1, penalty: '1000' })

  const names = (events: readonly HeardEvent[]) => new Set(events.map(({ name }) => name))
  const heard = await rule.heard(events => names(events).size === 2)
  expect(heard.find(({ name }) => name === 'PenaltyApplied.v1')?.detail).toMatchObject({ buyer_account: 't-buyer' })

  const late = await service.call('POST', '/api/v1/sla/measurements', { measurements: [reading(7, 2)] })
  expect(late.status).toBe(200)
  const ups = () =>
    buyer.call('GET', `${path}/uptime`).then(answer => rowsOf(answer).reduce((sum, { up_s }) => sum + Number(up_s), 0))
  // Six of eight minutes were up, and now seven.
  expect(await eventually(ups, up => up === 7 * 120)).toBe(7 * 120)
  const windows = rowsOf(await buyer.call('GET', `/api/v1/measurements/${promised.series}/windows`))
  expect([windows.length, windows[0]?.['source']]).toEqual([8, made.body['contract_id']])
}, 300_000)
