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

const seed = (more: object = {}) =>
  floor.tables.seed('marketMakers', {
    account_number: '1#7',
    setting: `protection#${nameHash('futures')}`,
    name: 'futures',
    interval_millis: 1_000,
    frozen_millis: 500,
    amount_limit_lots: 10,
    delta_limit_lots: 0,
    ...more,
  })
const reset = (group = 'futures') => send('reset-protection', { as, path: { group } })

describe('a reset', () => {
  test('is a command', async () => {
    seed()
    const { status, body } = await reset()
    expect(status).toBe(202)
    expect(floor.put()).toEqual([
      {
        type: 'reset-market-maker-protection',
        commandId: body['command_id'],
        accountId: 7,
        groupHash: nameHash('futures'),
      },
    ])
  })

  test('of a group without protection is refused', async () => {
    expect(await reset()).toMatchObject({ status: 404, body: { code: 'unknown-protection' } })
    expect(floor.put()).toEqual([])
  })
})
