import { beforeEach, describe, expect, test } from '@jest/globals'
import { activatedVersionPut, startedEpochPut } from '#adapters/tables/lane-events.ts'
import { supervisionOperations } from '#protocol/operations/supervision.ts'
import { requests } from '#test/support/http-requests.ts'
import { openQuotingFloor } from '#test/support/market-maker.ts'

const floor = openQuotingFloor()
const { handler } = await import('#lambdas/supervision/http.ts')
const send = requests(handler, supervisionOperations)

beforeEach(() => floor.reset())

const read = (lane = '1') => send('get-lane', { as: { account: 'desk', role: 'auditor' }, path: { lane } })

describe('a lane', () => {
  test('that nobody has led follows the first rules', async () => {
    expect((await read()).body).toEqual({
      lane: 1,
      epoch: 0,
      leader: null,
      halted: null,
      behind_ms: 0,
      last_written_at: null,
      engine_version: 1,
      engine_version_since: null,
      started_epoch: null,
      replicas: [],
      reopening: null,
    })
  })

  test('tells its leader, its replicas and its rules', async () => {
    const atMillis = Date.now()
    floor.lease(1, { epoch: 3, atMillis, behindMillis: 12 })
    floor.replica(1, 'host/1/a/0', { role: 'leader', out_seq: 5, chain: 'c' })
    floor.replica(1, 'host/2/b/1', { engine_versions: [1] })
    // The same process before it began again, and one that is gone.
    floor.replica(1, 'host/2/b/0', { at_millis: Date.now() - 1_000, is_verified: false })
    floor.replica(1, 'host/3/c/0', { at_millis: Date.now() - 16_000 })
    floor.seed('lanes', activatedVersionPut(1, { version: 2, atMillis }))
    floor.seed('lanes', startedEpochPut(1, { epoch: 3, stateHash: 'ab', atMillis }))
    const { body } = await read()
    const timestamp = new Date(atMillis).toISOString()
    expect(body).toMatchObject({
      epoch: 3,
      leader: 'host/1/a/0',
      behind_ms: 12,
      last_written_at: timestamp,
      engine_version: 2,
      engine_version_since: timestamp,
      started_epoch: { epoch: 3, state_hash: 'ab', timestamp },
    })
    expect(body['replicas']).toHaveLength(2)
    expect(body['replicas']).toMatchObject(
      expect.arrayContaining([
        expect.objectContaining({ owner: 'host/1/a/0', role: 'leader', engine_versions: [1, 2], out_seq: 5 }),
        expect.objectContaining({ owner: 'host/2/b/1', role: 'standby', engine_versions: [1], is_verified: true }),
      ]),
    )
  })

  test('whose leader is silent falls behind all the same', async () => {
    const atMillis = Date.now() - 60_000
    floor.lease(1, { epoch: 3, atMillis, behindMillis: 12 })
    const { body } = await read()
    expect(body['last_written_at']).toBe(new Date(atMillis).toISOString())
    expect(Number(body['behind_ms'])).toBeGreaterThanOrEqual(59_000)
    expect(Number(body['behind_ms'])).toBeLessThan(70_000)
  })

  test('that is halted has no leader', async () => {
    floor.lease(1, { halted: 'divergence: at 7' })
    expect((await read()).body).toMatchObject({ leader: null, halted: 'divergence: at 7' })
  })

  test('that the tenant does not have is not there', async () => {
    expect(await read('3')).toMatchObject({ status: 404, body: { code: 'not-found' } })
  })
})
