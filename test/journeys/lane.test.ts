import { beforeAll, describe, expect, test } from '@jest/globals'
import { newestEngineVersion } from '#domain/trading/engine-version.ts'
import { laneView } from '#protocol/operations/supervision.ts'
import { eventually, type RunningExchange, runningExchange } from './running-exchange.ts'

/** Operators look after a lane: who leads it, whose rules it follows. Nothing here keeps other journeys from trading. */

const wait = { prefer: 'wait=10' }
let exchange: RunningExchange

beforeAll(async () => {
  exchange = await runningExchange()
}, 180_000)

const operator = () => exchange.as('operator', 'market_operator')
const readLane = async () => {
  const { status, body } = await (await operator()).call('GET', '/api/v1/lanes/1')
  return { status, lane: laneView.parse(body) }
}

describe('a lane', () => {
  test('tells its leader, its standby and the beginning of its epoch', async () => {
    const { lane } = await eventually(
      readLane,
      ({ lane: { replicas, started_epoch } }) =>
        replicas.some(({ role }) => role === 'leader') &&
        replicas.some(({ role, is_verified }) => role === 'standby' && is_verified) &&
        started_epoch !== null,
    )
    expect(lane).toMatchObject({ lane: 1, halted: null, reopening: null })
    expect(lane.replicas.map(({ owner }) => owner)).toContain(lane.leader)
    expect(lane.epoch).toBeGreaterThan(0)
    expect(lane.started_epoch?.state_hash).toMatch(/^[0-9a-f]{64}$/)
    const trader = await exchange.as('t-curious')
    expect((await trader.call('GET', '/api/v1/lanes/1')).status).toBe(403)
  })

  test('follows newer rules once an operator says so, at one command for all of its matchers', async () => {
    const client = await operator()
    const activate = (version: number, key: string) =>
      client.call('POST', '/api/v1/lanes/1/engine-version', { version }, { ...wait, 'idempotency-key': key })
    const unknown = await activate(60_000, 'version-60000')
    expect([unknown.status, unknown.body['code']]).toEqual([409, 'replicas-not-ready'])
    // The newest one was activated when the markets were listed: none of it is undone by asking for an older one.
    for (const [version, key] of [
      [newestEngineVersion, 'newest'],
      [1, 'oldest'],
    ] as const) {
      const again = await activate(version, key)
      expect([again.status, again.body['code']]).toEqual([409, 'engine-version-not-newer'])
    }
    const { lane } = await readLane()
    expect(lane.engine_version).toBe(newestEngineVersion)
    expect(lane.halted).toBeNull()
  })

  test('is reopened only where it is halted', async () => {
    const client = await operator()
    const answer = await client.call('POST', '/api/v1/lanes/1/reopening', undefined, { 'idempotency-key': 'needless' })
    expect([answer.status, answer.body['code']]).toEqual([409, 'lane-not-halted'])
    expect((await client.call('GET', '/api/v1/lanes/99')).status).toBe(404)
  })
})
