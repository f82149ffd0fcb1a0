import { SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn'
import { beforeEach, describe, expect, test } from '@jest/globals'
import { mockClient } from 'aws-sdk-client-mock'
import { workflowEnvironmentVariable } from '#protocol/functions.ts'
import { settlementOperations } from '#protocol/operations/settlement.ts'
import { requests } from '#test/support/http-requests.ts'
import { openQuotingFloor } from '#test/support/market-maker.ts'
import { instrumentName } from '#test/support/trading-floor.ts'

const floor = openQuotingFloor()
const workflows = mockClient(SFNClient)
process.env[workflowEnvironmentVariable('cash-settlement')] = 'test-arn'
const { handler } = await import('#lambdas/settlement/http.ts')
const send = requests(handler, settlementOperations)

beforeEach(() => {
  floor.reset()
  workflows.reset()
  workflows.on(StartExecutionCommand).resolves({})
})

const start = (body: object = {}, role: 'market_operator' | 'trader' = 'market_operator', name = instrumentName) =>
  send('start-settlement', { as: { account: 'desk', role }, path: { instrument_name: name }, body })
const executions = () =>
  workflows.commandCalls(StartExecutionCommand).map(({ args: [{ input }] }) => ({
    name: input.name ?? '',
    input: JSON.parse(input.input ?? ''),
  }))
const seed = (settlement_state: string, change: object = {}) =>
  floor.tables.seed('settlements', {
    market: '1#1',
    settlement: 'final',
    lane: 1,
    instrument_id: 1,
    instrument_name: instrumentName,
    tick_size: '0.05',
    settlement_state,
    attempt: 1,
    due_at_millis: 1,
    started_at_millis: 1,
    updated_at_millis: 1,
    missing: [],
    ...change,
  })

describe('a settlement that failed', () => {
  test('is begun again, as the next attempt of its own name', async () => {
    seed('failed', { failure: 'SettlementUnanswered: x' })
    const { status, body, headers } = await start()
    expect([status, body['settlement_state'], body['attempt'], body['failure']]).toEqual([202, 'collecting', 2, null])
    expect(headers['location']).toBe(`/api/v1/markets/${instrumentName}/settlements`)
    const [execution] = executions()
    expect(execution?.input).toEqual({ lane: 1, instrument_id: 1, settlement_kind: 'final', number: 0, attempt: 2 })
    expect(execution?.name).toMatch(/^[0-9a-f]{40}$/)
    expect((await start()).body['code']).toBe('settlement-under-way')
    expect(executions()).toHaveLength(1)
  })

  test('keeps the price that it had', async () => {
    seed('failed', { price_ticks: 51, inputs: '{}', command_id: '01900000-0000-7eee-8000-000000000001' })
    expect((await start()).body).toMatchObject({ settlement_state: 'computed', price: '2.55' })
  })

  test('is refused by name where there is none, it is settled or under way, or by who trades', async () => {
    expect((await start()).body['code']).toBe('not-found')
    expect((await start({ settlement_kind: 'leg', number: 1 })).body['code']).toBe('not-found')
    expect((await start({}, 'market_operator', 'Z-1')).body['code']).toBe('unknown-instrument')
    seed('settled', { price_ticks: 51, inputs: '{}' })
    expect((await start()).body['code']).toBe('instrument-settled')
    seed('posted', { price_ticks: 51, inputs: '{}' })
    expect((await start()).body['code']).toBe('settlement-under-way')
    expect((await start({}, 'trader')).status).toBe(403)
    expect((await start({ settlement_kind: 'variation' })).status).toBe(400)
    expect(executions()).toEqual([])
  })
})
