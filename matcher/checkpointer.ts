import { backoffMillis, pause } from '#adapters/streams/reader.ts'
import type { Checkpoint, CheckpointStep } from '#adapters/tables/lanes.ts'
import type { RecordEnd } from './execution-publisher.ts'
import { LaneHalted } from './halt.ts'
import { type Log, told } from './log.ts'

export interface Checkpointer {
  /** The record is published; where `kept` is given, it may be passed only after that. */
  reach(end: RecordEnd, kept?: Promise<void>): void
  checkpointedOutSeq(): number
  /** Resolves when the checkpoint is at that number or beyond. */
  untilCheckpointed(outSeq: number): Promise<void>
  stop(): Promise<void>
}

interface CheckpointerOptions {
  readonly lane: number
  readonly epoch: number
  readonly from: Checkpoint
  readonly move: (lane: number, step: CheckpointStep) => Promise<{ moved: true } | { moved: false; stored: Checkpoint }>
  /** Of the first record that this lane has ever applied. */
  readonly firstSequence: () => string
  readonly onHalted: (halted: LaneHalted) => void
  readonly log: Log
  /** Between two moves: what lies between is published again after a crash, and dropped by whoever reads it. */
  readonly intervalMillis?: number
  /** A leader that has nothing to move asks this often whether it still leads. */
  readonly renewMillis?: number
}

/** Moves the lane's checkpoint behind what is published, one write at a time, always to the newest. */
export const checkpointer = (options: CheckpointerOptions): Checkpointer => {
  const { lane, epoch, from, move, firstSequence, onHalted, log, intervalMillis = 200, renewMillis = 2_000 } = options
  let target: RecordEnd | undefined
  let checkpointedOutSeq = from.outSeq
  let written: CheckpointStep | undefined
  let keeping = 0
  let order: Promise<void> = Promise.resolve()
  let wake = Promise.withResolvers<void>()
  let waiters: { readonly outSeq: number; resolve(): void }[] = []
  const stopping = new AbortController()

  const settleWaiters = () => {
    const due = waiters.filter(({ outSeq }) => outSeq <= checkpointedOutSeq)
    waiters = waiters.filter(each => !due.includes(each))
    for (const { resolve } of due) resolve()
  }

  const aim = (end: RecordEnd) => {
    target = end
    wake.resolve()
  }

  const write = async (step: CheckpointStep): Promise<void> => {
    const answer = await move(lane, step)
    if (answer.moved) {
      written = step
      checkpointedOutSeq = step.outSeq
      settleWaiters()
      return
    }
    const { stored } = answer
    if (stored.epoch !== epoch)
      throw new LaneHalted('fenced', `lane ${lane} is led by ${stored.owner} since epoch ${stored.epoch}`, {
        epoch,
        stored_epoch: stored.epoch,
      })
    throw new LaneHalted('checkpoint-ahead', `the checkpoint of lane ${lane} would have gone back`, {
      from: stored.outSeq,
      to: step.outSeq,
    })
  }

  const run = async () => {
    let attempt = 0
    while (!stopping.signal.aborted) {
      const renew = new AbortController()
      await Promise.race([wake.promise, pause(renewMillis, AbortSignal.any([renew.signal, stopping.signal]))])
      renew.abort()
      if (stopping.signal.aborted) return
      const step = target === undefined ? written : stepTo(target)
      wake = Promise.withResolvers()
      target = undefined
      if (step === undefined) continue
      try {
        await write(step)
        attempt = 0
        await pause(intervalMillis, stopping.signal)
      } catch (error) {
        if (error instanceof LaneHalted) return onHalted(error)
        attempt++
        log.error('the checkpoint cannot be moved; matching goes on', { attempt, ...told(error) })
        if (target === undefined && step !== written) {
          target = endOf(step)
          wake.resolve()
        }
        await pause(backoffMillis(attempt, intervalMillis), stopping.signal)
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
  const endOf = (step: CheckpointStep): RecordEnd => ({
    sequence: step.sequenceNumber,
    outSeq: step.outSeq,
    chain: step.chain,
  })

  if (from.sequenceNumber !== undefined && from.firstSequenceNumber !== undefined)
    written = {
      epoch,
      sequenceNumber: from.sequenceNumber,
      outSeq: from.outSeq,
      chain: from.chain,
      firstSequenceNumber: from.firstSequenceNumber,
    }
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
    checkpointedOutSeq: () => checkpointedOutSeq,
    untilCheckpointed: outSeq =>
      new Promise(resolve => {
        waiters.push({ outSeq, resolve })
        settleWaiters()
      }),
    async stop() {
      stopping.abort()
      await running
    },
  }
}
