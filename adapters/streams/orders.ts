import { PutRecordCommand } from '@aws-sdk/client-kinesis'
import type { Command } from '#domain/trading/commands.ts'
import { encodeEpochFrame, encodeOrdersFrame } from '#protocol/orders-frame.ts'
import { orderStreamEnvironmentVariable, partitionKey } from '#protocol/streams.ts'
import { kinesis } from '../clients/kinesis.ts'
import { required } from '../environment.ts'

/** A connection that has died without a word is given up. */
const acknowledgeMillis = 5_000

/** One record, all or nothing. Throws unless the stream has acknowledged it; then it may have been written or not. */
export const putCommands = (lane: number, commands: readonly Command[]): Promise<{ sequenceNumber: string }> =>
  putFrame(lane, encodeOrdersFrame(lane, commands))

/** Tells all who read the stream that the leader of that epoch has begun. */
export const putEpoch = async (lane: number, epoch: number): Promise<void> => {
  await putFrame(lane, encodeEpochFrame(lane, epoch))
}

const putFrame = async (lane: number, frame: Uint8Array): Promise<{ sequenceNumber: string }> => {
  const { SequenceNumber } = await kinesis().send(
    new PutRecordCommand({
      StreamName: required(orderStreamEnvironmentVariable(lane)),
      PartitionKey: partitionKey,
      Data: frame,
    }),
    { abortSignal: AbortSignal.timeout(acknowledgeMillis) },
  )
  if (SequenceNumber === undefined) throw new Error(`the order stream of lane ${lane} answered without acknowledging`)
  return { sequenceNumber: SequenceNumber }
}
