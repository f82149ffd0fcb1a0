import { beforeEach, describe, expect, test } from '@jest/globals'
import { supervisionOperations } from '#protocol/operations/supervision.ts'
import { requests } from '#test/support/http-requests.ts'
import { openQuotingFloor } from '#test/support/market-maker.ts'

const floor = openQuotingFloor()
const { handler } = await import('#lambdas/supervision/http.ts')
const send = requests(handler, supervisionOperations)
const as = { account: 'desk', role: 'market_operator' } as const

beforeEach(() => floor.reset())

const activate = (version = 2, key = 'rollout-1', more: Readonly<Record<string, string>> = {}, lane = '1') =>
  send('activate-engine-version', {
    as,
    path: { lane },
    body: { version },
    headers: { 'idempotency-key': key, ...more },
  })

describe('a version', () => {
  test('that two matchers have is activated by a command, whose outcome is read by its id', async () => {
    for (const owner of ['host/1/a/0', 'host/2/b/0']) floor.replica(1, owner)
    const { status, body, headers } = await activate()
    expect([status, body['command_state']]).toEqual([202, 'pending'])
    expect(floor.streams.put).toEqual([
      { lane: 1, command: { type: 'activate-engine-version', commandId: body['command_id'], version: 2 } },
    ])
    expect(headers['location']).toBe(`/api/v1/commands/${body['command_id']}`)
    floor.outcome(String(body['command_id']))
    const read = await send('get-command', { as, path: { command_id: String(body['command_id']) } })
    expect(read.body).toMatchObject({ operation: 'activate-engine-version', command_state: 'accepted' })
    // A repeat is told what became of the first, whoever is there now.
    floor.replica(1, 'host/3/c/0', { engine_versions: [1] })
    expect(await activate()).toMatchObject({ status: 202, body: { command_state: 'accepted' } })
    expect(await activate(3)).toMatchObject({ status: 409, body: { code: 'idempotency-conflict' } })
    expect(floor.put()).toHaveLength(1)
  })

  test('that the lane has already is refused by the engine', async () => {
    for (const owner of ['host/1/a/0', 'host/2/b/0']) floor.replica(1, owner)
    floor.streams.onPut(command => {
      if (command.type === 'activate-engine-version') floor.outcome(command.commandId, 'engine-version-not-newer')
    })
    expect(await activate(1, 'again', { prefer: 'wait=2' })).toMatchObject({
      status: 409,
      body: { code: 'engine-version-not-newer' },
    })
  })

  test.each([
    ['nobody has spoken', []],
    ['one matcher has spoken', [['host/1/a/0', {}]]],
    [
      'one process has spoken twice',
      [
        ['host/1/a/0', {}],
        ['host/1/a/1', {}],
      ],
    ],
    [
      'one has not spoken lately',
      [
        ['host/1/a/0', {}],
        ['host/2/b/0', { at_millis: Date.now() - 60_000 }],
      ],
    ],
    [
      'one of three lacks it',
      [
        ['host/1/a/0', {}],
        ['host/2/b/0', {}],
        ['host/3/c/0', { engine_versions: [1] }],
      ],
    ],
  ] as const)('is refused where %s, and nothing is stored', async (_, replicas) => {
    for (const [owner, change] of replicas) floor.replica(1, owner, change)
    expect(await activate()).toMatchObject({ status: 409, body: { code: 'replicas-not-ready', retry: true } })
    expect([floor.put(), floor.tables.items('commands')]).toEqual([[], []])
  })

  test('of a lane that is not there, or without a name, is refused', async () => {
    expect(await activate(2, 'a', {}, '7')).toMatchObject({ status: 404 })
    const { status } = await send('activate-engine-version', { as, path: { lane: '1' }, body: { version: 2 } })
    expect(status).toBe(400)
  })
})
