import type { Engine } from '#domain/trading/engine.ts'
import { createLane } from '#matcher/lane.ts'
import { createOutbox } from '#matcher/outbox.ts'
import { flowMillis } from './engine-run.ts'

const silent = () => undefined

/** The product's own lane, from the records of a stream to chained sections, with nothing published. */
export const replayLane = async (engine: Engine, records: readonly Uint8Array[]): Promise<void> => {
  const outbox = createOutbox()
  const sequenceOf = (index: number): string => String(index + 1).padStart(56, '0')
  const lane = createLane({
    lane: 1,
    start: { engine, position: undefined, laneMillis: engine.laneMillis, key: undefined },
    checkpoint: {
      epoch: 0,
      owner: '',
      sequenceNumber: undefined,
      outSeq: 0,
      chain: '',
      firstSequenceNumber: undefined,
      snapshotKey: undefined,
    },
    retentionMillis: Number.POSITIVE_INFINITY,
    skips: new Map(),
    // What is kept is forgotten at once, as where all of it was published before.
    outbox: { ...outbox, offer: silent },
    observer: { heard: silent, applied: silent, verified: silent, engineTook: silent },
    log: { info: silent, warn: silent, error: silent },
    now: () => flowMillis,
    stopped: new AbortController().signal,
  })
  const reader = {
    async *read() {
      yield {
        records: records.map((data, index) => ({ sequenceNumber: sequenceOf(index), arrivalMillis: flowMillis, data })),
        millisBehindLatest: 0,
      }
    },
  }
  await lane.run(reader, new AbortController().signal)
}
