import { beforeEach, describe, expect, test } from '@jest/globals'
import { settlementOperations } from '#protocol/operations/settlement.ts'
import { requests } from '#test/support/http-requests.ts'
import { openQuotingFloor } from '#test/support/market-maker.ts'
import { instrumentName } from '#test/support/trading-floor.ts'

const floor = openQuotingFloor()
const { handler } = await import('#lambdas/settlement/http.ts')
const send = requests(handler, settlementOperations)

const optionName = 'H100.USE-27NOV46-2.5-C'
const option = (change: object = {}) =>
  floor.instrument(1, {
    instrumentName: optionName,
    kind: 'option',
    terms: JSON.stringify({
      option_type: 'call',
      strike: '2.5',
      exercise: 'american',
      underlying_instrument: instrumentName,
      ...change,
    }),
  })

beforeEach(() => floor.reset())

const exercise = (amount: string, more: { name?: string; account?: string; headers?: Record<string, string> } = {}) =>
  send('exercise-option', {
    as: { account: more.account ?? 'acme', role: 'trader' },
    path: { instrument_name: more.name ?? optionName },
    body: { amount },
    headers: more.headers ?? {},
  })

describe('exercising an option', () => {
  test('is a command in lots, in the name of the credential’s account', async () => {
    const { instrument } = option()
    const { status, body, headers } = await exercise('2.5')
    expect([status, body['command_state'], headers['location']]).toEqual([
      202,
      'pending',
      `/api/v1/commands/${body['command_id']}`,
    ])
    expect(floor.put()).toEqual([
      {
        type: 'exercise-option',
        commandId: body['command_id'],
        accountId: 7,
        instrumentId: instrument.instrumentId,
        quantityLots: 25,
      },
    ])
  })

  test('asked for again under its key is the same command', async () => {
    option()
    const headers = { 'idempotency-key': 'early' }
    const { body } = await exercise('1', { headers })
    expect((await exercise('1', { headers })).body['command_id']).toBe(body['command_id'])
    expect((await exercise('2', { headers })).body['code']).toBe('idempotency-conflict')
  })

  test('waited for tells what the engine said', async () => {
    option()
    floor.streams.onPut(command => {
      if (command.type === 'exercise-option') floor.outcome(command.commandId)
    })
    const headers = { prefer: 'wait=1' }
    expect(await exercise('1', { headers })).toMatchObject({ status: 200, body: { command_state: 'accepted' } })
    floor.streams.onPut(command => {
      if (command.type === 'exercise-option') floor.outcome(command.commandId, 'not-exercisable')
    })
    expect(await exercise('1', { headers })).toMatchObject({ status: 409, body: { code: 'not-exercisable' } })
  })

  test('is refused with the field at fault', async () => {
    option()
    const refusal = async (...given: Parameters<typeof exercise>) => {
      const { body } = await exercise(...given)
      return [body['code'], (body['errors'] as { pointer: string }[] | undefined)?.[0]?.pointer]
    }
    expect(await refusal('1', { name: instrumentName })).toEqual(['not-exercisable', '#/path/instrument_name'])
    expect(await refusal('1', { name: 'Z-1' })).toEqual(['unknown-instrument', '#/path/instrument_name'])
    expect(await refusal('0.25')).toEqual(['amount-off-lot', '#/amount'])
    expect(await refusal('999999999999')).toEqual(['amount-out-of-range', '#/amount'])
    expect(await refusal('0')).toEqual(['invalid-request', '#/amount'])
    expect(await refusal('1', { account: 'nobody' })).toEqual(['account-not-open', undefined])
    floor.instrument(2, { instrumentName: 'J-27NOV46' })
    expect(await refusal('1', { name: 'J-27NOV46' })).toEqual(['instrument-in-other-lane', '#/path/instrument_name'])
    expect(floor.put()).toEqual([])
  })

  test('is for American ones only', async () => {
    option({ exercise: 'european' })
    expect((await exercise('1')).body['code']).toBe('not-exercisable')
  })
})
