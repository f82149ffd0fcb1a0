import { ConditionalCheckFailedException, TransactionCanceledException } from '@aws-sdk/client-dynamodb'
import { GetCommand, PutCommand, QueryCommand, TransactWriteCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb'
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

/**
 * Who leads a lane, in one row with its checkpoint, so that one condition guards both. Whoever leads changes the version
 * all the time: others take over once it has stood still for long enough on their own clock.
 */
export interface Lease extends Checkpoint {
  readonly version: number
  /** Its owner has ended in order: nobody needs to wait. */
  readonly isReleased: boolean
  /** Why nobody may lead until somebody has looked; undefined where all is well. */
  readonly halted: string | undefined
  readonly health: LaneHealth
}

/** How the leader was doing when it last wrote its lease, by its own wall clock. */
export interface LaneHealth {
  readonly atMillis: number
  /** From a record's arrival until it was applied. */
  readonly behindMillis: number
}

/** Where a checkpoint goes, and whose it is. */
export interface CheckpointStep {
  readonly epoch: number
  readonly sequenceNumber: string
  readonly outSeq: number
  readonly chain: string
  readonly firstSequenceNumber: string
}

export type LeaseMove = { readonly moved: true } | { readonly moved: false; readonly stored: Lease }

/** A connection that has died without a word is given up. */
const answerMillis = 5_000
const checkpointRow = 'checkpoint'
const metricsRow = 'metrics'
const replicaRow = 'replica#'
const skipRow = 'skip#'
const table = () => required(tables.lanes.environmentVariable)
const key = (lane: number, row: string) => ({ lane: String(lane), row })

export const getLease = async (lane: number): Promise<Lease> => {
  const { Item } = await dynamodb().send(
    new GetCommand({ TableName: table(), Key: key(lane, checkpointRow), ConsistentRead: true }),
    { abortSignal: AbortSignal.timeout(answerMillis) },
  )
  return leaseOf(Item)
}

/**
 * Takes over the lane from what was observed: the epoch grows by one, and nobody of an earlier one can move the
 * checkpoint any more. Refused where the leader has written since, where somebody else was faster, or while halted.
 */
export const claimLane = async (
  lane: number,
  owner: string,
  { epoch, version }: Lease,
  atMillis: number,
): Promise<{ claimed: true; lease: Lease } | { claimed: false; lease: Lease }> => {
  try {
    const { Attributes } = await dynamodb().send(
      new UpdateCommand({
        TableName: table(),
        Key: key(lane, checkpointRow),
        UpdateExpression:
          'SET epoch = :next, #owner = :owner, version = :version, at_millis = :at, behind_millis = :behind REMOVE released',
        ConditionExpression:
          epoch === 0
            ? 'attribute_not_exists(epoch) AND attribute_not_exists(halted)'
            : 'epoch = :before AND version = :observed AND attribute_not_exists(halted)',
        ExpressionAttributeNames: { '#owner': 'owner' },
        ExpressionAttributeValues: {
          ':next': epoch + 1,
          ':owner': owner,
          ':version': version + 1,
          ':at': atMillis,
          ':behind': 0,
          ...(epoch === 0 ? {} : { ':before': epoch, ':observed': version }),
        },
        ReturnValues: 'ALL_NEW',
      }),
      { abortSignal: AbortSignal.timeout(answerMillis) },
    )
    return { claimed: true, lease: leaseOf(Attributes) }
  } catch (error) {
    if (!(error instanceof ConditionalCheckFailedException)) throw error
    // Perhaps by ourselves: an attempt whose answer was lost, and which was repeated.
    const lease = await getLease(lane)
    return { claimed: lease.owner === owner && lease.epoch === epoch + 1, lease }
  }
}

/** Never moves the checkpoint back nor changes what it says, never for a leader of another epoch, never while halted. */
export const moveCheckpoint = (lane: number, step: CheckpointStep, health: LaneHealth): Promise<LeaseMove> =>
  writeLease(
    lane,
    step.epoch,
    health,
    ', sequence_number = :sequence, out_seq = :out, chain = :chain, ' +
      'first_sequence_number = if_not_exists(first_sequence_number, :first)',
    ' AND (attribute_not_exists(out_seq) OR (sequence_number <= :sequence AND ' +
      '(out_seq < :out OR (out_seq = :out AND chain = :chain))))',
    {
      ':sequence': step.sequenceNumber,
      ':out': step.outSeq,
      ':chain': step.chain,
      ':first': step.firstSequenceNumber,
    },
  )

/** Tells that the leader of that epoch still leads, with nothing to checkpoint. */
export const renewLease = (lane: number, epoch: number, health: LaneHealth): Promise<LeaseMove> =>
  writeLease(lane, epoch, health, '', '', {})

/** So that the next one need not wait. Nothing happens where the lane has another leader already. */
export const releaseLane = (lane: number, epoch: number, health: LaneHealth): Promise<LeaseMove> =>
  writeLease(lane, epoch, health, ', released = :released', '', { ':released': true })

const writeLease = async (
  lane: number,
  epoch: number,
  { atMillis, behindMillis }: LaneHealth,
  set: string,
  condition: string,
  values: Readonly<Record<string, unknown>>,
): Promise<LeaseMove> => {
  try {
    await dynamodb().send(
      new UpdateCommand({
        TableName: table(),
        Key: key(lane, checkpointRow),
        UpdateExpression: `SET version = version + :one, at_millis = :at, behind_millis = :behind${set}`,
        ConditionExpression: `epoch = :epoch AND attribute_not_exists(halted)${condition}`,
        ExpressionAttributeValues: {
          ':epoch': epoch,
          ':one': 1,
          ':at': atMillis,
          ':behind': behindMillis,
          ...values,
        },
      }),
      { abortSignal: AbortSignal.timeout(answerMillis) },
    )
    return { moved: true }
  } catch (error) {
    if (!(error instanceof ConditionalCheckFailedException)) throw error
    return { moved: false, stored: await getLease(lane) }
  }
}

/** Nobody leads the lane from now on; the first reason stays. */
export const haltLane = async (lane: number, reason: string): Promise<void> => {
  await dynamodb().send(
    new UpdateCommand({
      TableName: table(),
      Key: key(lane, checkpointRow),
      UpdateExpression: 'SET halted = if_not_exists(halted, :reason)',
      ExpressionAttributeValues: { ':reason': reason },
    }),
    { abortSignal: AbortSignal.timeout(answerMillis) },
  )
}

/** The lane may be led again; false where it was not halted. */
export const resumeLane = async (lane: number): Promise<boolean> => {
  try {
    await dynamodb().send(
      new UpdateCommand({
        TableName: table(),
        Key: key(lane, checkpointRow),
        UpdateExpression: 'SET released = :released REMOVE halted',
        ConditionExpression: 'attribute_exists(halted)',
        ExpressionAttributeValues: { ':released': true },
      }),
    )
    return true
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return false
    throw error
  }
}

/** What a replica tells of itself every few seconds. */
export interface Replica {
  readonly owner: string
  readonly role: 'leader' | 'standby' | 'halted'
  readonly atMillis: number
  /** Versions of the engine that its image carries. */
  readonly engineVersions: readonly number[]
  /** The last record applied, 56 digits; empty before the first. */
  readonly inputSequence: string
  readonly outSeq: number
  readonly chain: string
  /** It has come, by itself, to the state that was published at the checkpoint. */
  readonly isVerified: boolean
  readonly behindMillis: number
  /** Of the last one that it has taken; none where it has taken none. */
  readonly snapshot: SnapshotFigures | undefined
}

export interface SnapshotFigures {
  readonly atMillis: number
  readonly bytes: number
  /** For how long it stood still to take it. */
  readonly pauseMillis: number
}

/** Rows of replicas that ended without a word are removed by the table's own time to live. */
const replicaLifeSeconds = 600

export const putReplica = async (lane: number, replica: Replica): Promise<void> => {
  const { owner, role, atMillis, engineVersions, inputSequence, outSeq, chain, isVerified, behindMillis } = replica
  await dynamodb().send(
    new PutCommand({
      TableName: table(),
      Item: {
        ...key(lane, `${replicaRow}${owner}`),
        role,
        at_millis: atMillis,
        engine_versions: engineVersions,
        input_sequence: inputSequence,
        out_seq: outSeq,
        chain,
        is_verified: isVerified,
        behind_millis: behindMillis,
        snapshot_at_millis: replica.snapshot?.atMillis,
        snapshot_bytes: replica.snapshot?.bytes,
        snapshot_pause_millis: replica.snapshot?.pauseMillis,
        expires_at: Math.floor(atMillis / 1_000) + replicaLifeSeconds,
      },
    }),
    { abortSignal: AbortSignal.timeout(answerMillis) },
  )
}

/** Newest first, those that have spoken since. */
export const listReplicas = async (lane: number, sinceMillis: number): Promise<readonly Replica[]> =>
  (await rowsOf(lane, replicaRow))
    .map(item => ({
      owner: String(item['row']).slice(replicaRow.length),
      role: replicaRoles.find(role => role === item['role']) ?? 'halted',
      atMillis: Number(item['at_millis']),
      engineVersions: Array.isArray(item['engine_versions']) ? item['engine_versions'].map(Number) : [],
      inputSequence: String(item['input_sequence'] ?? ''),
      outSeq: Number(item['out_seq']),
      chain: String(item['chain'] ?? ''),
      isVerified: item['is_verified'] === true,
      behindMillis: Number(item['behind_millis']),
      snapshot:
        item['snapshot_at_millis'] === undefined
          ? undefined
          : {
              atMillis: Number(item['snapshot_at_millis']),
              bytes: Number(item['snapshot_bytes']),
              pauseMillis: Number(item['snapshot_pause_millis']),
            },
    }))
    .filter(({ atMillis }) => atMillis >= sinceMillis)
    .sort((a, b) => b.atMillis - a.atMillis)

const replicaRoles = ['leader', 'standby', 'halted'] as const

/** A record at which the engine threw: every replica passes it over, and tells so. */
export interface Skip {
  /** Of the record, 56 digits. */
  readonly sequence: string
  readonly sha256: string
  readonly why: string
}

/**
 * Only by the leader of that epoch, and only for a record beyond the checkpoint: nothing of it can have been published
 * as done. False where it leads no more.
 */
export const putSkip = async (lane: number, epoch: number, skip: Skip): Promise<boolean> => {
  try {
    await dynamodb().send(
      new TransactWriteCommand({
        TransactItems: [
          {
            ConditionCheck: {
              TableName: table(),
              Key: key(lane, checkpointRow),
              ConditionExpression:
                'epoch = :epoch AND attribute_not_exists(halted) AND ' +
                '(attribute_not_exists(sequence_number) OR sequence_number < :sequence)',
              ExpressionAttributeValues: { ':epoch': epoch, ':sequence': skip.sequence },
            },
          },
          {
            Put: {
              TableName: table(),
              Item: { ...key(lane, `${skipRow}${skip.sequence}`), epoch, sha256: skip.sha256, why: skip.why },
            },
          },
        ],
      }),
      { abortSignal: AbortSignal.timeout(answerMillis) },
    )
    return true
  } catch (error) {
    if (error instanceof TransactionCanceledException && error.CancellationReasons?.[0]?.Code !== 'TransactionConflict')
      return false
    throw error
  }
}

/** By sequence. */
export const listSkips = async (lane: number): Promise<ReadonlyMap<string, Skip>> =>
  new Map(
    (await rowsOf(lane, skipRow)).map(item => {
      const sequence = String(item['row']).slice(skipRow.length)
      return [sequence, { sequence, sha256: String(item['sha256']), why: String(item['why']) }]
    }),
  )

const rowsOf = async (lane: number, prefix: string): Promise<readonly Record<string, unknown>[]> => {
  const rows: Record<string, unknown>[] = []
  let ExclusiveStartKey: Record<string, unknown> | undefined
  do {
    const page = await dynamodb().send(
      new QueryCommand({
        TableName: table(),
        KeyConditionExpression: 'lane = :lane AND begins_with(#row, :prefix)',
        ExpressionAttributeNames: { '#row': 'row' },
        ExpressionAttributeValues: { ':lane': String(lane), ':prefix': prefix },
        ConsistentRead: true,
        ...(ExclusiveStartKey === undefined ? {} : { ExclusiveStartKey }),
      }),
      { abortSignal: AbortSignal.timeout(answerMillis) },
    )
    rows.push(...(page.Items ?? []))
    ExclusiveStartKey = page.LastEvaluatedKey
  } while (ExclusiveStartKey !== undefined)
  return rows
}

/** Tells which snapshot is the newest; only a hint for people: what counts is what the bucket holds. */
export const noteSnapshot = async (lane: number, snapshotKey: string): Promise<void> => {
  await dynamodb().send(
    new UpdateCommand({
      TableName: table(),
      Key: key(lane, checkpointRow),
      UpdateExpression: 'SET snapshot_key = :key',
      ConditionExpression: 'attribute_exists(epoch)',
      ExpressionAttributeValues: { ':key': snapshotKey },
    }),
    { abortSignal: AbortSignal.timeout(answerMillis) },
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

const leaseOf = (item: Record<string, unknown> | undefined): Lease => ({
  epoch: Number(item?.['epoch'] ?? 0),
  owner: String(item?.['owner'] ?? ''),
  sequenceNumber: textOf(item?.['sequence_number']),
  outSeq: Number(item?.['out_seq'] ?? 0),
  chain: String(item?.['chain'] ?? ''),
  firstSequenceNumber: textOf(item?.['first_sequence_number']),
  snapshotKey: textOf(item?.['snapshot_key']),
  version: Number(item?.['version'] ?? 0),
  isReleased: item?.['released'] === true,
  halted: textOf(item?.['halted']),
  health: { atMillis: Number(item?.['at_millis'] ?? 0), behindMillis: Number(item?.['behind_millis'] ?? 0) },
})

const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)
