import { backoffMillis, pause } from '#adapters/streams/reader.ts'
import type { CheckpointStep, LaneHealth, LeaseMove } from '#adapters/tables/lanes.ts'
import type { RecordEnd } from './execution-publisher.ts'
import { LaneHalted } from './halt.ts'
import { type Log, told } from './log.ts'

export interface Checkpointer {
  /** The record is published; where `kept` is given, it may be passed only after that. */
  reach(end: RecordEnd, kept?: Promise<void>): void
  stop(): Promise<void>
}

interface CheckpointerOptions {
  readonly lane: number
  readonly epoch: number
  readonly move: (lane: number, step: CheckpointStep, health: LaneHealth) => Promise<LeaseMove>
  readonly renew: (lane: number, epoch: number, health: LaneHealth) => Promise<LeaseMove>
  readonly health: () => LaneHealth
  /** The checkpoint lies there now. */
  readonly onMoved: (outSeq: number) => void
  /** Of the first record that this lane has ever applied. */
  readonly firstSequence: () => string
  readonly onHalted: (halted: LaneHalted) => void
  readonly log: Log
  /** Between two moves: what lies between is published again after a crash, and dropped by whoever reads it. */
  readonly intervalMillis?: number
  /** A leader that has nothing to move tells this often that it leads, and hears whether it still does. */
  readonly renewMillis: number
}

/**
 * Moves the lane's checkpoint behind what is published, one write at a time, always to the newest; with each write, and
 * without one where nothing is to be moved, the lease is renewed.
 */
export const checkpointer = (options: CheckpointerOptions): Checkpointer => {
  const { lane, epoch, move, renew, health, onMoved, firstSequence, onHalted, log } = options
  const { intervalMillis = 200, renewMillis } = options
  let target: RecordEnd | undefined
  let keeping = 0
  let order: Promise<void> = Promise.resolve()
  let wake = Promise.withResolvers<void>()
  const stopping = new AbortController()

  const aim = (end: RecordEnd) => {
    target = end
    wake.resolve()
  }

  /** Throws where this leader leads no more; where nothing is to be moved it only tells that it is there. */
  const write = async (end: RecordEnd | undefined): Promise<void> => {
    const answer = end === undefined ? await renew(lane, epoch, health()) : await move(lane, stepTo(end), health())
    if (answer.moved) {
      if (end !== undefined) onMoved(end.outSeq)
      return
    }
    const { stored } = answer
    if (stored.epoch !== epoch)
      throw new LaneHalted('fenced', `lane ${lane} is led by ${stored.owner} since epoch ${stored.epoch}`, {
        epoch,
        stored_epoch: stored.epoch,
      })
    if (stored.halted !== undefined) throw new LaneHalted('lane-halted', `lane ${lane} is halted: ${stored.halted}`)
    throw new LaneHalted('checkpoint-ahead', `the checkpoint of lane ${lane} would have gone back, or changed`, {
      from: stored.outSeq,
      to: end?.outSeq,
      chain: end?.chain,
      stored_chain: stored.chain,
    })
  }

  const run = async () => {
    let attempt = 0
    while (!stopping.signal.aborted) {
      const due = new AbortController()
      await Promise.race([wake.promise, pause(renewMillis, AbortSignal.any([due.signal, stopping.signal]))])
      due.abort()
      if (stopping.signal.aborted) return
      const end = target
      wake = Promise.withResolvers()
      target = undefined
      try {
        await write(end)
        attempt = 0
        await pause(end === undefined ? 0 : intervalMillis, stopping.signal)
      } catch (error) {
        if (error instanceof LaneHalted) return onHalted(error)
        attempt++
        log.error('the lease cannot be written; matching goes on', { attempt, ...told(error) })
        if (target === undefined && end !== undefined) aim(end)
        await pause(Math.min(renewMillis, backoffMillis(attempt, intervalMillis)), stopping.signal)
      }
    }
  }

  const stepTo = ({ sequence, outSeq, chain }: RecordEnd): CheckpointStep => ({
    epoch,
    sequenceNumber: sequence,
    outSeq,
    chain,
    firstSequenceNumber: firstSequence(),
  })
  const running = run()

  return {
    reach(end, kept) {
      if (kept === undefined && keeping === 0) return aim(end)
      // In order, behind what is still to be kept.
      keeping++
      order = Promise.all([order, kept]).then(() => {
        keeping--
        aim(end)
      })
    },
    async stop() {
      stopping.abort()
      await running
    },
  }
}
