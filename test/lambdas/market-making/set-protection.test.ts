import { beforeEach, describe, expect, test } from '@jest/globals'
import { nameHash } from '#protocol/name-hash.ts'
import { marketMakingOperations } from '#protocol/operations/market-making.ts'
import { requests } from '#test/support/http-requests.ts'
import { openQuotingFloor } from '#test/support/market-maker.ts'

const floor = openQuotingFloor()
const { handler } = await import('#lambdas/market-making/http.ts')
const send = requests(handler, marketMakingOperations)
const as = { role: 'market_maker' } as const

beforeEach(() => floor.reset())

const limits = { interval_ms: 1_000, frozen_ms: 0, amount_limit_lots: 10, delta_limit_lots: 5 }
const set = (body: object, headers: Readonly<Record<string, string>> = {}) =>
  send('set-protection', { as, path: { group: 'futures' }, body, headers })

describe('a protection', () => {
  test('is set by a command, under the hash of its group', async () => {
    const answer = await set(limits)
    expect(answer).toMatchObject({ status: 202, body: { operation: 'set-protection', command_state: 'pending' } })
    expect(answer.headers['location']).toBe(`/api/v1/commands/${answer.body['command_id']}`)
    expect(floor.put()).toEqual([
      {
        type: 'set-market-maker-protection',
        commandId: answer.body['command_id'],
        accountId: 7,
        groupHash: nameHash('futures'),
        name: 'futures',
        intervalMillis: 1_000,
        frozenMillis: 0,
        amountLimitLots: 10,
        deltaLimitLots: 5,
      },
    ])
  })

  test('is there for whoever waits; without limits it limits nothing', async () => {
    floor.streams.onPut(command => 'commandId' in command && floor.outcome(command.commandId))
    const { delta_limit_lots: _, amount_limit_lots: __, ...rest } = limits
    expect(await set(rest, { prefer: 'wait=2' })).toMatchObject({ status: 200, body: { command_state: 'accepted' } })
    expect(floor.put()).toMatchObject([{ amountLimitLots: 0, deltaLimitLots: 0 }])
  })

  test.each([{ interval_ms: 0 }, { frozen_ms: -1 }, { amount_limit_lots: 2_147_483_648 }, { delta_limit_lots: 0.5 }])(
    'is refused with %j',
    async wrong => {
      expect((await set({ ...limits, ...wrong })).status).toBe(400)
      expect(floor.put()).toEqual([])
    },
  )
})
