import './world/quiet.ts'
import { expect, test } from '@jest/globals'
import { opening, order } from '#test/matcher/commands.ts'
import { inWorld } from './world/world.ts'

const { runReplica } = await import('#matcher/replica.ts')
const { putCommands } = await import('#adapters/streams/orders.ts')
const { getLease } = await import('#adapters/tables/lanes.ts')
const { pause } = await import('#adapters/streams/reader.ts')

test('a stream that has lost a record halts the lane, by name, and nobody leads on', async () => {
  const told: string[] = []
  const found = await inWorld({ seed: 1 }, async world => {
    const replica = (name: string) =>
      world.spawn({ name, kind: 'matcher' }, () =>
        runReplica(
          {
            lane: 1,
            owner: name,
            orderStream: 'orders-1',
            executionStream: 'executions-1',
            read: { transport: 'polling', intervalMillis: 20 },
            standbyPollMillis: 40,
            snapshotIntervalMillis: 1_000_000,
            leaseMillis: 500,
            eventLoop: { read: () => ({ p50: 0, p99: 0, max: 0 }), stop: () => undefined },
          },
          {
            info: () => undefined,
            warn: () => undefined,
            error: (message, { reason }) => {
              if (reason !== undefined) told.push(`${name}: ${String(reason)}: ${message}`)
            },
          },
          new AbortController().signal,
        ),
      )
    replica('leader')
    await putCommands(1, opening)
    const { sequenceNumber: lost } = await putCommands(1, [order(0)])
    await putCommands(1, [order(1), order(2)])
    while ((await getLease(1)).outSeq < 8) await pause(20)
    world.orders(1).lose(lost)
    replica('standby')
    while ((await getLease(1)).halted === undefined) await pause(20)
    const said = world.executions(1).records.length
    await pause(5_000)
    return { lease: await getLease(1), said, saidLater: world.executions(1).records.length }
  })
  expect(found.lease.halted).toContain('divergence')
  expect(found.lease.epoch).toBe(1)
  // What was in flight when it was found.
  expect(found.saidLater - found.said).toBeLessThan(4)
  expect(told.find(line => line.startsWith('standby: divergence'))).toBeDefined()
  expect(told.find(line => line.startsWith('leader: lane-halted'))).toBeDefined()
})
