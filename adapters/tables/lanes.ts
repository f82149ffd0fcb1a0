import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb'
import { GetCommand, PutCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb'
import type { MatcherFigures } from '#protocol/figures.ts'
import { tables } from '#protocol/tables.ts'
import { dynamodb } from '../clients/dynamodb.ts'
import { required } from '../environment.ts'

/** Up to where a lane is applied and its events are acknowledged; always the end of an input record. */
export interface Checkpoint {
  /** Of the leader; grows by one with each that takes over. */
  readonly epoch: number
  readonly owner: string
  /** The last input record, 56 digits; none before the first. */
  readonly sequenceNumber: string | undefined
  readonly outSeq: number
  /** Of the last section; empty before the first. */
  readonly chain: string
  /** The very first record that the lane has ever applied: the beginning that an empty engine must start from. */
  readonly firstSequenceNumber: string | undefined
  readonly snapshotKey: string | undefined
}

/** Where a checkpoint goes, and whose it is. */
export interface CheckpointStep {
  readonly epoch: number
  readonly sequenceNumber: string
  readonly outSeq: number
  readonly chain: string
  readonly firstSequenceNumber: string
}

/** A connection that has died without a word is given up. */
const answerMillis = 5_000
const checkpointRow = 'checkpoint'
const metricsRow = 'metrics'
const table = () => required(tables.lanes.environmentVariable)
const key = (lane: number, row: string) => ({ lane: String(lane), row })

export const getCheckpoint = async (lane: number): Promise<Checkpoint> => {
  const { Item } = await dynamodb().send(
    new GetCommand({ TableName: table(), Key: key(lane, checkpointRow), ConsistentRead: true }),
  )
  return checkpointOf(Item)
}

/** Takes over the lane: the epoch grows by one, and nobody of an earlier one can move the checkpoint any more. */
export const claimLane = async (
  lane: number,
  owner: string,
): Promise<{ claimed: true; checkpoint: Checkpoint } | { claimed: false; by: string }> => {
  const before = await getCheckpoint(lane)
  try {
    await dynamodb().send(
      new UpdateCommand({
        TableName: table(),
        Key: key(lane, checkpointRow),
        UpdateExpression: 'SET #epoch = :next, #owner = :owner',
        ConditionExpression: before.epoch === 0 ? 'attribute_not_exists(#epoch)' : '#epoch = :before',
        ExpressionAttributeNames: { '#epoch': 'epoch', '#owner': 'owner' },
        ExpressionAttributeValues: {
          ':next': before.epoch + 1,
          ':owner': owner,
          ...(before.epoch === 0 ? {} : { ':before': before.epoch }),
        },
      }),
    )
  } catch (error) {
    if (!(error instanceof ConditionalCheckFailedException)) throw error
    // Perhaps by ourselves: an attempt whose answer was lost, and which was repeated.
    const now = await getCheckpoint(lane)
    if (now.owner !== owner) return { claimed: false, by: now.owner }
  }
  // What the leader before us had still written between our read and our claim counts.
  const checkpoint = await getCheckpoint(lane)
  return checkpoint.owner === owner ? { claimed: true, checkpoint } : { claimed: false, by: checkpoint.owner }
}

/** Never moves the checkpoint back, and never for a leader of another epoch. */
export const moveCheckpoint = async (
  lane: number,
  step: CheckpointStep,
): Promise<{ moved: true } | { moved: false; stored: Checkpoint }> => {
  try {
    await dynamodb().send(
      new UpdateCommand({
        TableName: table(),
        Key: key(lane, checkpointRow),
        UpdateExpression:
          'SET sequence_number = :sequence, out_seq = :out, chain = :chain, ' +
          'first_sequence_number = if_not_exists(first_sequence_number, :first)',
        ConditionExpression:
          'epoch = :epoch AND (attribute_not_exists(out_seq) OR (out_seq <= :out AND sequence_number <= :sequence))',
        ExpressionAttributeValues: {
          ':epoch': step.epoch,
          ':sequence': step.sequenceNumber,
          ':out': step.outSeq,
          ':chain': step.chain,
          ':first': step.firstSequenceNumber,
        },
      }),
      { abortSignal: AbortSignal.timeout(answerMillis) },
    )
    return { moved: true }
  } catch (error) {
    if (!(error instanceof ConditionalCheckFailedException)) throw error
    return { moved: false, stored: await getCheckpoint(lane) }
  }
}

/** Tells which snapshot is the newest; only a hint for people: what counts is what the bucket holds. */
export const noteSnapshot = async (lane: number, epoch: number, snapshotKey: string): Promise<void> => {
  await dynamodb().send(
    new UpdateCommand({
      TableName: table(),
      Key: key(lane, checkpointRow),
      UpdateExpression: 'SET snapshot_key = :key',
      ConditionExpression: 'epoch = :epoch',
      ExpressionAttributeValues: { ':key': snapshotKey, ':epoch': epoch },
    }),
  )
}

/** A leader of an earlier epoch does not overwrite the figures of a later one; false where it tried. */
export const putFigures = async (figures: MatcherFigures): Promise<boolean> => {
  try {
    await dynamodb().send(
      new PutCommand({
        TableName: table(),
        Item: {
          ...key(figures.lane, metricsRow),
          at: figures.at,
          epoch: figures.epoch,
          figures: JSON.stringify(figures),
        },
        ConditionExpression: 'attribute_not_exists(epoch) OR epoch <= :epoch',
        ExpressionAttributeValues: { ':epoch': figures.epoch },
      }),
    )
    return true
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return false
    throw error
  }
}

export const getFigures = async (lane: number): Promise<MatcherFigures | undefined> => {
  const { Item } = await dynamodb().send(new GetCommand({ TableName: table(), Key: key(lane, metricsRow) }))
  return Item === undefined ? undefined : JSON.parse(String(Item['figures']))
}

const checkpointOf = (item: Record<string, unknown> | undefined): Checkpoint => ({
  epoch: Number(item?.['epoch'] ?? 0),
  owner: String(item?.['owner'] ?? ''),
  sequenceNumber: textOf(item?.['sequence_number']),
  outSeq: Number(item?.['out_seq'] ?? 0),
  chain: String(item?.['chain'] ?? ''),
  firstSequenceNumber: textOf(item?.['first_sequence_number']),
  snapshotKey: textOf(item?.['snapshot_key']),
})

const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)
