import { SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn'
import { beforeEach, describe, expect, test } from '@jest/globals'
import { mockClient } from 'aws-sdk-client-mock'
import { activatedVersionPut } from '#adapters/tables/lane-events.ts'
import { forgetEngineVersions } from '#lambdas/reference/engine-version-needed.ts'
import { workflowEnvironmentVariable } from '#protocol/functions.ts'
import { dayAheadOperations } from '#protocol/operations/day-ahead.ts'
import { clearedDate, openDate, seedAnswer, seedAuction, seedDayAhead } from '#test/support/day-ahead-desk.ts'
import { requests } from '#test/support/http-requests.ts'
import { openTradingFloor } from '#test/support/trading-floor.ts'

process.env[workflowEnvironmentVariable('day-ahead-auction')] = 'test-arn'
const floor = openTradingFloor()
const workflows = mockClient(SFNClient)
const { handler } = await import('#lambdas/day-ahead/http.ts')
const send = requests(handler, dayAheadOperations)

beforeEach(() => {
  floor.reset()
  forgetEngineVersions()
  workflows.reset()
  workflows.on(StartExecutionCommand).resolves({})
  floor.seed('lanes', activatedVersionPut(1, { version: 5, atMillis: 1 }))
  seedDayAhead(floor.tables)
})

const set = (delivery_date: string, gate_state: 'open' | 'closed', headers = {}, role: object = {}) =>
  send('set-day-ahead-gate', {
    as: { account: 'operator', role: 'market_operator', ...role },
    path: { delivery_date },
    headers,
    body: { gate_state },
  })
const started = () => workflows.commandCalls(StartExecutionCommand).map(({ args }) => args[0].input.name)

describe('opening', () => {
  test('makes an auction by the rules of now, and has the engine open its gate', async () => {
    const { status, body } = await set('2046-01-05', 'open')
    expect([status, body['auction_state'], body['markets']]).toEqual([202, 'opening', ['H100.USE']])
    await set('2046-01-05', 'open')
    const [first, second] = floor.put()
    expect(first).toMatchObject({ type: 'set-gate', gateName: 'day-ahead/2046-01-05', state: 'open' })
    expect(second).toEqual(first)
  })

  test('waits for the engine where that is preferred', async () => {
    const waiting = set('2046-01-05', 'open', { prefer: 'wait=2' })
    const answered = setInterval(() => {
      const [command] = floor.put()
      if (command?.type === 'set-gate') seedAnswer(floor.tables, command.commandId)
    }, 5)
    const { status, body } = await waiting
    clearInterval(answered)
    expect([status, body['auction_state']]).toEqual([200, 'open'])
  })

  test('of what is open already says so; what is closed, past, or without a market is refused', async () => {
    expect((await set(openDate, 'open')).body['auction_state']).toBe('open')
    expect((await set(clearedDate, 'open')).body['code']).toBe('gate-closed')
    expect((await set('2026-01-01', 'open')).body['code']).toBe('delivery-date-past')
    expect(await set('3026-01-05', 'open')).toMatchObject({
      status: 400,
      body: { code: 'invalid-request', errors: [{ pointer: '#/delivery_date' }] },
    })
    floor.seed('lanes', activatedVersionPut(2, { version: 5, atMillis: 1 }))
    const elsewhere = await send('set-day-ahead-gate', {
      as: { account: 'operator', role: 'market_operator' },
      path: { delivery_date: openDate },
      body: { gate_state: 'open', lane: 2 },
    })
    expect(elsewhere.body['code']).toBe('unknown-day-ahead-market')
    expect(floor.put()).toEqual([])
  })
})

describe('closing', () => {
  test('starts the workflow, once for each attempt', async () => {
    const { status, body } = await set(openDate, 'closed')
    expect([status, body['auction_state']]).toEqual([202, 'closing'])
    await set(openDate, 'closed')
    expect(new Set(started())).toEqual(new Set([`${openDate}-lane-1-1`]))
  })

  test('of what is closed already says how far it is', async () => {
    seedAuction(floor.tables, openDate, 'cleared', { attempt: 1, closed_at_millis: 4 })
    const { status, body } = await set(openDate, 'closed')
    expect([status, body['auction_state'], started()]).toEqual([200, 'cleared', []])
  })

  test('of what was never open is refused; and it is an operator’s', async () => {
    expect((await set('2047-01-01', 'closed')).body['code']).toBe('unknown-gate')
    expect((await set(openDate, 'closed', {}, { role: 'trader' })).status).toBe(403)
    expect(started()).toEqual([])
  })
})
