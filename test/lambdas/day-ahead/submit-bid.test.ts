import { beforeEach, describe, expect, jest, test } from '@jest/globals'
import { activatedVersionPut } from '#adapters/tables/lane-events.ts'
import { forgetEngineVersions } from '#lambdas/reference/engine-version-needed.ts'
import { dayAheadOperations } from '#protocol/operations/day-ahead.ts'
import { openDate, seedAnswer, seedAuction, seedBid, seedDayAhead } from '#test/support/day-ahead-desk.ts'
import { requests } from '#test/support/http-requests.ts'
import { openTradingFloor } from '#test/support/trading-floor.ts'

const floor = openTradingFloor()
const { handler } = await import('#lambdas/day-ahead/http.ts')
const send = requests(handler, dayAheadOperations)
const bidId = '0190a6f2-5d3c-8b1e-9c57-3a1f0e6f9b81'

beforeEach(() => {
  floor.reset()
  forgetEngineVersions()
  floor.seed('lanes', activatedVersionPut(1, { version: 5, atMillis: 1 }))
  seedDayAhead(floor.tables)
})

const curve = (change: object = {}) => ({
  market: 'H100.USE',
  hour: 18,
  steps: [{ price: '2.5', amount: '2' }],
  ...change,
})
const block = (change: object = {}) => ({
  block: 'evening',
  market: 'H100.USE',
  price: '2',
  hours: [{ hour: 18, amount: '1' }],
  ...change,
})
const submit = (body: object, headers: Readonly<Record<string, string>> = {}, as: object = {}) =>
  send('submit-bid', {
    headers: { 'idempotency-key': 'own', ...headers },
    body: { delivery_date: openDate, ...body },
    ...as,
  })
const stored = () => [
  floor.tables.items('dayAheadBids').length,
  floor.put().length,
  floor.tables.items('commands').length,
]

describe('a bid', () => {
  test('is stored, and the engine is asked to put by what it may need', async () => {
    const { status, headers, body } = await submit({ curves: [curve()], blocks: [block()] })
    expect(status).toBe(202)
    expect(headers['location']).toBe(`/api/v1/compute-futures/day-ahead/bids/${String(body['bid_id'])}`)
    expect(body).toMatchObject({
      name: 'own',
      delivery_date: openDate,
      direction: 'buy',
      bid_state: 'pending',
      reject_reason: null,
      held: '7.0014',
      replaces: null,
      curves: [{ market: 'H100.USE', hour: 18, steps: [{ price: '2.5', amount: '2' }] }],
      blocks: [{ block: 'evening', price: '2', minimum_acceptance_ratio: '1', parent: null, exclusive_group: null }],
    })
    expect(floor.put()).toEqual([
      {
        type: 'hold-bid',
        commandId: body['bid_id'],
        accountId: 7,
        gateName: `day-ahead/${openDate}`,
        amountMicros: 7_001_400,
        replacesHoldId: '',
      },
    ])
  })

  test('repeated under its name is the same bid; another one under that name is a conflict', async () => {
    const first = await submit({ curves: [curve()] })
    const again = await submit({ curves: [curve()] })
    expect(again.body).toEqual(first.body)
    expect(floor.put()).toHaveLength(2)
    expect(floor.tables.items('dayAheadBids')).toHaveLength(1)
    seedAnswer(floor.tables, String(first.body['bid_id']))
    expect((await submit({ curves: [curve()] })).body['bid_state']).toBe('accepted')
    expect(floor.put()).toHaveLength(2)
    const other = await submit({ curves: [curve({ hour: 19 })] })
    expect([other.status, other.body['code']]).toEqual([409, 'idempotency-conflict'])
    const offer = await send('submit-offer', {
      headers: { 'idempotency-key': 'own' },
      body: { delivery_date: openDate, curves: [curve()] },
    })
    expect(offer.body['code']).toBe('idempotency-conflict')
  })

  test('whose storing was interrupted is stored by the repeat', async () => {
    await submit({ curves: [curve()] })
    const [promised] = floor.tables.items('commands')
    floor.reset()
    floor.seed('lanes', activatedVersionPut(1, { version: 5, atMillis: 1 }))
    seedDayAhead(floor.tables)
    floor.tables.seed('commands', promised ?? {})
    expect((await submit({ curves: [curve()] })).status).toBe(202)
    expect(floor.tables.items('dayAheadBids')).toHaveLength(1)
  })

  test('with Prefer: wait is answered once the engine has', async () => {
    const waiting = submit({ curves: [curve()] }, { prefer: 'wait=2' })
    const answered = setInterval(() => {
      const [command] = floor.put()
      if (command?.type === 'hold-bid') seedAnswer(floor.tables, command.commandId)
    }, 5)
    const { status, body } = await waiting
    clearInterval(answered)
    expect([status, body['bid_state']]).toEqual([200, 'accepted'])
  })

  test('with Prefer: wait tells the engine’s refusal', async () => {
    const waiting = submit({ curves: [curve()] }, { prefer: 'wait=2' })
    const answered = setInterval(() => {
      const [command] = floor.put()
      if (command?.type === 'hold-bid') seedAnswer(floor.tables, command.commandId, 'gate-closed')
    }, 5)
    const { status, body } = await waiting
    clearInterval(answered)
    expect([status, body['code']]).toEqual([409, 'gate-closed'])
  })

  test('of two that replace the same bid at once, the later is told that it is not open any more', async () => {
    seedBid(floor.tables, 'acme', 7, bidId)
    const waiting = submit({ curves: [curve()], replaces: bidId }, { prefer: 'wait=2' })
    const answered = setInterval(() => {
      const [command] = floor.put()
      if (command?.type === 'hold-bid') seedAnswer(floor.tables, command.commandId, 'unknown-hold')
    }, 5)
    const { status, body } = await waiting
    clearInterval(answered)
    expect([status, body['code'], body['errors']]).toEqual([
      409,
      'bid-not-open',
      [{ pointer: '#/replaces', detail: 'was replaced or withdrawn meanwhile' }],
    ])
  })

  test('takes the place of one of the account’s own', async () => {
    seedBid(floor.tables, 'acme', 7, bidId)
    const { status, body } = await submit({ curves: [curve()], replaces: bidId })
    expect([status, body['replaces']]).toEqual([202, bidId])
    expect(floor.put()).toMatchObject([{ replacesHoldId: bidId }])
  })

  test.each([
    ['replaced', {}],
    ['rejected', { code: 'insufficient-funds' }],
  ] as const)('but not of one that was %s', async (state, more) => {
    seedBid(floor.tables, 'acme', 7, bidId, more)
    const other = `${bidId.slice(0, -1)}f`
    if (state === 'replaced') seedBid(floor.tables, 'acme', 7, other, { replaces: bidId })
    expect(await submit({ curves: [curve()], replaces: bidId })).toMatchObject({
      status: 409,
      body: { code: 'bid-not-open', errors: [{ pointer: '#/replaces', detail: `was ${state}` }] },
    })
    expect(floor.put()).toEqual([])
  })
})

describe('refused, with nothing stored', () => {
  test.each<readonly [string, object]>([
    ['empty-bid', {}],
    ['unknown-day-ahead-market', { curves: [curve({ market: 'A100.USE' })] }],
    ['unknown-hour', { curves: [curve({ hour: 24 })] }],
    ['unknown-hour', { blocks: [block({ hours: Array.from({ length: 25 }, (_, hour) => ({ hour, amount: '1' })) })] }],
    ['duplicate-hour', { curves: [curve(), curve()] }],
    ['price-off-tick', { curves: [curve({ steps: [{ price: '2.51', amount: '2' }] })] }],
    ['price-out-of-range', { curves: [curve({ steps: [{ price: '100.05', amount: '2' }] })] }],
    ['amount-off-lot', { curves: [curve({ steps: [{ price: '2.5', amount: '0.05' }] })] }],
    ['amount-out-of-range', { curves: [curve({ steps: [{ price: '2.5', amount: '0' }] })] }],
    ['empty-block', { blocks: [block({ hours: [] })] }],
    ['duplicate-block', { blocks: [block(), block()] }],
    ['unknown-parent', { blocks: [block({ parent: 'morning' })] }],
    ['cyclic-parents', { blocks: [block({ parent: 'b' }), block({ block: 'b', parent: 'evening' })] }],
    ['group-of-one', { blocks: [block({ exclusive_group: 'g' })] }],
    ['unknown-bid', { curves: [curve()], replaces: bidId }],
    ['delivery-date-past', { curves: [curve()], delivery_date: '2026-01-01' }],
    ['unknown-gate', { curves: [curve()], delivery_date: '2047-01-01' }],
    ['invalid-request', { curves: [curve()], delivery_date: '2046-02-30' }],
    ['invalid-request', { blocks: [block({ minimum_acceptance_ratio: '1.01' })] }],
    [
      'payload-too-large',
      { curves: [curve({ steps: Array.from({ length: 1_000_000 }, () => ({ price: '2.5', amount: '2' })) })] },
    ],
  ])('%s', async (code, body) => {
    const answer = await submit(body)
    expect(answer.body['code']).toBe(code)
    expect(stored()).toEqual([0, 0, 0])
  })

  test('past the gate', async () => {
    seedAuction(floor.tables, openDate, 'closed')
    const { status, body } = await submit({ curves: [curve()] })
    expect([status, body['code'], stored()]).toEqual([409, 'gate-closed', [0, 0, 0]])
  })

  test('without a name, by nobody, by an account that is not open, and by a role that does not trade', async () => {
    const body = { delivery_date: openDate, curves: [curve()] }
    expect((await send('submit-bid', { body })).body['code']).toBe('idempotency-key-required')
    expect((await submit({ curves: [curve()] }, {}, { as: { account: 'nobody', role: 'trader' } })).body['code']).toBe(
      'account-not-open',
    )
    expect((await submit({ curves: [curve()] }, {}, { as: { account: 'acme', role: 'auditor' } })).status).toBe(403)
    expect(stored()).toEqual([0, 0, 0])
  })

  test('in a lane that does not know gates', async () => {
    floor.seed('lanes', activatedVersionPut(1, { version: 4, atMillis: 1 }))
    const { body } = await submit({ curves: [curve()] })
    expect([body['code'], stored()]).toEqual(['engine-version-needed', [0, 0, 0]])
  })

  test('once the account has sent as many as it may', async () => {
    for (let at = 0; at < 200; at += 1)
      seedBid(floor.tables, 'acme', 7, bidId.slice(0, -3) + at.toString(16).padStart(3, '0'), { isAnswered: false })
    const { body } = await submit({ curves: [curve()] })
    expect([body['code'], floor.put().length]).toEqual(['bid-limit', 0])
  })

  test('says when the gate of a date opens', async () => {
    jest.useFakeTimers({ now: Date.parse('2045-12-01T00:00:00Z'), advanceTimers: true })
    const { body } = await submit({ curves: [curve()], delivery_date: '2046-01-05' })
    jest.useRealTimers()
    expect(body['detail']).toBe(
      'The gate of 2046-01-05 opens at 2046-01-02T00:00:00.000Z and closes at 2046-01-04T12:00:00.000Z.',
    )
  })
})
