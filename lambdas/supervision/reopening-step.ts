import * as z from 'zod'
import { getReopening, type ReopeningRow, replaceReopening } from '#adapters/tables/lane-reopenings.ts'
import { lane } from '#protocol/values.ts'
import { nameBasedUuid } from '../shell/name-based-uuid.ts'

/** What every step of the workflow is given; all else is in the reopening's row. */
export const reopeningStep = z.object({ lane, reopening_id: z.string().min(1) })

/** Ends a step by a name that the workflow knows: see stepfunctions/lane-reopening.asl.json. */
export class ReopeningError extends Error {
  constructor(
    name:
      | 'ReopeningUnderWay'
      | 'LaneNotHalted'
      | 'ReplicasNotReady'
      | 'ReplicasDisagree'
      | 'LaneHaltedAgain'
      | 'LaneNotLed',
    message: string,
  ) {
    super(message)
    this.name = name
  }
}

export const reopeningRow = async (laneNumber: number, reopeningId: string): Promise<ReopeningRow> => {
  const row = await getReopening(laneNumber)
  if (row?.reopeningId !== reopeningId)
    throw new ReopeningError('ReopeningUnderWay', `lane ${laneNumber} is being reopened by ${row?.reopeningId}`)
  return row
}

/** The row as it is from then on. */
export const advanceReopening = async (
  before: ReopeningRow | undefined,
  change: Omit<ReopeningRow, 'updatedAtMillis'>,
): Promise<ReopeningRow> => {
  const row = { ...change, updatedAtMillis: Math.max(Date.now(), (before?.updatedAtMillis ?? 0) + 1) }
  if (!(await replaceReopening(row, before))) throw new Error(`the reopening of lane ${row.lane} has changed meanwhile`)
  return row
}

/** The same for each repeat of a step, so that the engine takes it once. */
export const reopeningCommandId = (
  { lane: laneNumber, reopeningId }: ReopeningRow,
  what: 'halt' | 'auction' | `auction-${number}`,
  instrumentId: number,
): string => nameBasedUuid(`reopening#${laneNumber}#${reopeningId}#${what}#${instrumentId}`)
