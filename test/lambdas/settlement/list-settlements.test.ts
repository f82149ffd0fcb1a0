import { beforeEach, describe, expect, test } from '@jest/globals'
import { settlementText } from '#domain/settlement/settlement-name.ts'
import { settlementOperations } from '#protocol/operations/settlement.ts'
import { requests } from '#test/support/http-requests.ts'
import { openQuotingFloor } from '#test/support/market-maker.ts'
import { instrumentName } from '#test/support/trading-floor.ts'

const floor = openQuotingFloor()
const { handler } = await import('#lambdas/settlement/http.ts')
const send = requests(handler, settlementOperations)

beforeEach(() => floor.reset())

const dueAtMillis = Date.UTC(2026, 10, 27, 16)
const seed = (kind: 'final' | 'leg' | 'variation', number: number, change: object = {}) =>
  floor.tables.seed('settlements', {
    market: '1#1',
    settlement: settlementText({ kind, number }),
    lane: 1,
    instrument_id: 1,
    instrument_name: instrumentName,
    tick_size: '0.05',
    settlement_state: 'settled',
    attempt: 1,
    due_at_millis: dueAtMillis,
    started_at_millis: dueAtMillis,
    updated_at_millis: dueAtMillis + 1_000,
    missing: [],
    price_ticks: 51,
    inputs: JSON.stringify({ rule: 'mean-of-fixings', mean: '2.55' }),
    command_id: '01900000-0000-7eee-8000-000000000001',
    ...change,
  })
const list = (query: Record<string, string> = {}, name = instrumentName) =>
  send('list-settlements', { path: { instrument_name: name }, query })

describe('the settlements of a market', () => {
  test('are told with their price and all that it follows from', async () => {
    seed('final', 0)
    const { status, body } = await list()
    expect([status, body]).toEqual([
      200,
      {
        data: [
          {
            instrument_name: instrumentName,
            settlement_kind: 'final',
            number: 0,
            settlement_state: 'settled',
            price: '2.55',
            inputs: { rule: 'mean-of-fixings', mean: '2.55' },
            missing: [],
            due_at: '2026-11-27T16:00:00.000Z',
            updated_at: '2026-11-27T16:00:01.000Z',
            attempt: 1,
            command_id: '01900000-0000-7eee-8000-000000000001',
            failure: null,
          },
        ],
        next_cursor: null,
      },
    ])
  })

  test('that wait or have failed say for what and why', async () => {
    const none = { price_ticks: undefined, inputs: undefined, command_id: undefined }
    seed('final', 0, { ...none, settlement_state: 'collecting', missing: ['H100.USE@2026-11-27T16:00:00.000Z'] })
    seed('leg', 1, { ...none, settlement_state: 'failed', failure: 'SettlementRejected: price-out-of-range' })
    expect((await list()).body['data']).toMatchObject([
      {
        settlement_kind: 'leg',
        number: 1,
        price: null,
        inputs: null,
        failure: 'SettlementRejected: price-out-of-range',
      },
      { settlement_kind: 'final', settlement_state: 'collecting', missing: ['H100.USE@2026-11-27T16:00:00.000Z'] },
    ])
  })

  test('come in pages, the newest of a kind first', async () => {
    for (const day of [20_800, 20_801, 20_802]) seed('variation', day)
    const { body } = await list({ limit: '2' })
    expect(body['data']).toMatchObject([{ number: 20_802 }, { number: 20_801 }])
    const rest = await list({ limit: '2', cursor: String(body['next_cursor']) })
    expect(rest.body).toMatchObject({ data: [{ number: 20_800 }], next_cursor: null })
    expect((await list({ cursor: 'x' })).body['code']).toBe('invalid-cursor')
    for (const limit of ['0', '51', '100', 'ten']) expect((await list({ limit })).status).toBe(400)
  })

  test('of a market that is not listed are not found', async () => {
    expect((await list({}, 'Z-1')).body['code']).toBe('not-found')
  })
})
