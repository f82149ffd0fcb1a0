import type * as z from 'zod'
import type { countedLanes } from '#protocol/operations/margin.ts'
import type { StoredEpoch } from './epoch-in-force.ts'

interface CountedLane {
  readonly lane: number
  readonly epoch: StoredEpoch | undefined
}

/** Which lanes are in an answer, and by what each was valued. */
export const countedLanesOf = (counted: readonly CountedLane[]): z.infer<typeof countedLanes> => ({
  epoch_version: Math.min(...counted.map(({ epoch }) => versionOf(epoch))),
  lanes: counted.map(({ lane }) => lane),
  lane_epochs: counted.map(({ lane, epoch }) => ({
    lane,
    epoch_version: versionOf(epoch),
    epoch_timestamp: timestampOf(epoch),
  })),
})

/** When what the oldest of their epochs is made of was read. */
export const oldestTimestampOf = (counted: readonly CountedLane[]): string | null => {
  const [oldest] = counted.toSorted((a, b) => versionOf(a.epoch) - versionOf(b.epoch))
  return timestampOf(oldest?.epoch)
}

const versionOf = (epoch: StoredEpoch | undefined): number => epoch?.epoch.version ?? 0
const timestampOf = (epoch: StoredEpoch | undefined): string | null =>
  epoch === undefined ? null : new Date(epoch.made.madeAtMillis).toISOString()
