import { expect, test } from '@jest/globals'
import { makeFlow } from '#bench/flows.ts'
import { answersOf } from '#bench/matcher.ts'
import { benchRecovery } from '#bench/recovery.ts'

test('a replay through the lane comes to the book that the flow leads to, and a process comes level after it', async () => {
  const { flows } = await benchRecovery({ commands: 3_000, rounds: 1, symbols: [1], progress: () => undefined })
  expect(flows.map(({ openOrders }) => openOrders)).toEqual([answersOf(makeFlow('nq', 1, 3_000, 12_345)).liveOrders])
  for (const { replay, snapshotBytes, coldMillis, warmMillis } of flows) {
    expect(replay.median).toBeGreaterThan(0)
    expect(snapshotBytes).toBeGreaterThan(10_000)
    expect(Math.min(coldMillis.median, warmMillis.median)).toBeGreaterThan(0)
  }
}, 60_000)
