import { archivedOrders } from '#adapters/snapshots.ts'
import { paddedSequence, type StreamReader, type StreamRecord } from '#adapters/streams/reader.ts'
import { LaneHalted } from './halt.ts'
import { type Log, told } from './log.ts'

/**
 * A reader that finds in the archive what the stream has forgotten: where the first record that the stream still holds
 * is not the one to begin with, the archived ones come before it. Where the archive lacks them, the stream is all there
 * is, and the lane says what is missing.
 */
export const withArchive = (
  lane: number,
  reader: StreamReader,
  /** Of the record that the lane began with. */
  firstSequence: string | undefined,
  log: Log,
): StreamReader => ({
  async *read(position, signal) {
    const wanted = 'at' in position ? position.at : 'from' in position ? firstSequence : undefined
    let isBeginning = true
    for await (const batch of reader.read(position, signal)) {
      const [first] = batch.records
      if (isBeginning && first !== undefined) {
        isBeginning = false
        const held = paddedSequence(first.sequenceNumber)
        if (wanted !== undefined && held > wanted)
          for await (const records of archived(lane, wanted, held, log)) {
            if (signal.aborted) return
            yield { records, millisBehindLatest: Math.max(1, batch.millisBehindLatest) }
          }
      }
      yield batch
    }
  },
})

async function* archived(lane: number, from: string, to: string, log: Log): AsyncIterable<readonly StreamRecord[]> {
  log.warn('the stream has forgotten what is to be replayed: reading the archive', { from, to })
  let yielded = 0
  try {
    for await (const records of archivedOrders(lane, from, to)) {
      yielded += records.length
      yield records
    }
  } catch (error) {
    log.error('the archive does not hold what is to be replayed', told(error))
    // Of a part of it nothing can be made: the records between its end and the stream's beginning are missing.
    if (yielded > 0)
      throw new LaneHalted(
        'records-missing',
        `the archive of lane ${lane} ends before the order stream begins`,
        { from, to },
        error,
      )
  }
}
