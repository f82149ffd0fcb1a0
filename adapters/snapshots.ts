import { createHash, hash } from 'node:crypto'
import { gunzipSync } from 'node:zlib'
import {
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3ServiceException,
} from '@aws-sdk/client-s3'
import { snapshotBucketEnvironmentVariable } from '#protocol/streams.ts'
import { s3 } from './clients/s3.ts'
import { required } from './environment.ts'
import type { StreamRecord } from './streams/reader.ts'

/** All that is needed to go on after the input record `inputSequence` as if nothing had happened. */
export interface Snapshot<State> {
  readonly schema: 2
  readonly lane: number
  /** Of the order stream that it was taken from: sequences of another one mean nothing here. */
  readonly lineage: string
  /** Of the last leader whose record was applied. */
  readonly epoch: number
  readonly inputSequence: string
  readonly outSeq: number
  readonly chain: string
  readonly state: State
}

/**
 * An object is the JSON of a snapshot with `sha256` as its last member: that of all the bytes before `,"sha256":`. So it
 * can be checked without being understood, and nothing depends on how JSON is written.
 */
const sealPattern = /,"sha256":"([0-9a-f]{64})"\}$/
const sealBytes = ',"sha256":""}'.length + 64
const sequenceDigits = 16

const bucket = () => required(snapshotBucketEnvironmentVariable)
const folder = (lane: number) => `${lane}/snapshots/`
const archiveFolder = (lane: number, stream: 'orders' | 'executions') => `${lane}/archive/${stream}/`

/** Written once under a name of its own, from parts of the JSON made by `writeSnapshot`; answers the key. */
export const putSnapshot = async (
  lane: number,
  outSeq: number,
  parts: AsyncIterable<string>,
): Promise<{ key: string; bytes: number }> => {
  const sealed = createHash('sha256')
  const chunks: Buffer[] = []
  for await (const part of parts) {
    const chunk = Buffer.from(part)
    sealed.update(chunk)
    chunks.push(chunk)
  }
  const whole = sealed.copy()
  const sha256 = sealed.digest('hex')
  const seal = Buffer.from(`,"sha256":"${sha256}"}`)
  whole.update(seal)
  chunks.push(seal)
  const body = Buffer.concat(chunks)
  const key = `${folder(lane)}${String(outSeq).padStart(sequenceDigits, '0')}-${sha256.slice(0, 8)}.json`
  await putOnce(key, body, 'application/json', whole.digest())
  return { key, bytes: body.length }
}

/**
 * The newest whole snapshot that `accept` takes, of those older than `before`; undefined where there is none. What
 * cannot be used is told and passed over: an older one only costs a longer replay.
 */
export const loadSnapshot = async <State, Accepted>(
  lane: number,
  accept: (snapshot: Snapshot<State>, key: string) => Accepted,
  passedOver: (key: string, error: unknown) => void,
  before?: string,
): Promise<{ key: string; accepted: Accepted } | undefined> => {
  for (const key of (await listSnapshots(lane)).toReversed()) {
    if (before !== undefined && key >= before) continue
    try {
      return { key, accepted: accept(await readSnapshot<State>(key, lane), key) }
    } catch (error) {
      // A bucket that does not answer is not a damaged snapshot: starting without it may be wrong.
      if (error instanceof S3ServiceException && error.name !== 'NoSuchKey') throw error
      passedOver(key, error)
    }
  }
  return undefined
}

/** Deletes all but the newest. */
export const pruneSnapshots = async (lane: number, kept: number): Promise<void> => {
  const keys = await listSnapshots(lane)
  for (const Key of keys.slice(0, Math.max(0, keys.length - kept)))
    await s3().send(new DeleteObjectCommand({ Bucket: bucket(), Key }))
}

/** The bytes of a record that could not be read, under its sequence number. */
export const quarantine = async (lane: number, sequenceNumber: string, bytes: Uint8Array): Promise<void> => {
  await putOnce(`${lane}/quarantine/${sequenceNumber}`, bytes, 'application/octet-stream')
}

/** A part of one of the lane's streams, under a name that tells from where to where. */
export const putArchive = async (
  lane: number,
  stream: 'orders' | 'executions',
  name: string,
  body: Uint8Array,
): Promise<void> => {
  await putOnce(`${archiveFolder(lane, stream)}${name}`, body, 'application/x-ndjson')
}

/** An archived line of the order stream. */
interface ArchivedRecord {
  readonly sequence: string
  readonly arrival_millis: number
  /** Base64. */
  readonly data: string
}

/**
 * The archived records of the order stream from one to another, both included, in portions as they were stored; each
 * record once, though portions overlap. Throws where the archive does not hold the first or the last.
 */
export async function* archivedOrders(lane: number, from: string, to: string): AsyncIterable<readonly StreamRecord[]> {
  const folderKey = archiveFolder(lane, 'orders')
  let last = ''
  for (const key of await listKeys(folderKey)) {
    const [, end = ''] = key.slice(folderKey.length).split(/[-.]/)
    if (end < from || end <= last) continue
    if (last >= to) break
    const text = gunzipSync(await readObject(key)).toString()
    const records = text
      .split('\n')
      .filter(line => line !== '')
      .map((line): ArchivedRecord => JSON.parse(line))
      .filter(({ sequence }) => sequence >= from && sequence > last && sequence <= to)
    if (last === '' && records[0]?.sequence !== from)
      throw new Error(`the archive of lane ${lane} does not hold ${from}`)
    last = records.at(-1)?.sequence ?? last
    yield records.map(({ sequence, arrival_millis, data }) => ({
      sequenceNumber: sequence,
      arrivalMillis: arrival_millis,
      data: Buffer.from(data, 'base64'),
    }))
  }
  if (last !== to) throw new Error(`the archive of lane ${lane} does not reach ${to}, but ${last || 'nothing'}`)
}

/** Oldest first: keys are padded, so text order is number order. */
export const listSnapshots = (lane: number): Promise<readonly string[]> => listKeys(folder(lane))

const listKeys = async (prefix: string): Promise<readonly string[]> => {
  const keys: string[] = []
  let ContinuationToken: string | undefined
  do {
    const page = await s3().send(
      new ListObjectsV2Command({
        Bucket: bucket(),
        Prefix: prefix,
        ...(ContinuationToken === undefined ? {} : { ContinuationToken }),
      }),
    )
    for (const { Key } of page.Contents ?? []) if (Key !== undefined) keys.push(Key)
    ContinuationToken = page.NextContinuationToken
  } while (ContinuationToken !== undefined)
  return keys
}

const readObject = async (key: string): Promise<Buffer> => {
  const { Body } = await s3().send(new GetObjectCommand({ Bucket: bucket(), Key: key }))
  if (Body === undefined) throw new Error('the object has no body')
  return Buffer.from(await Body.transformToByteArray())
}

/** Throws where it is damaged, or of something else. */
export const readSnapshot = async <State>(key: string, lane: number): Promise<Snapshot<State>> => {
  const bytes = await readObject(key)
  const [, sealed] = sealPattern.exec(bytes.toString('latin1', Math.max(0, bytes.length - sealBytes))) ?? []
  if (sealed === undefined) throw new Error('the object has no seal')
  const sha256 = hash('sha256', bytes.subarray(0, bytes.length - sealBytes), 'hex')
  if (sha256 !== sealed) throw new Error('the object is damaged: its sha256 does not match')
  const snapshot: Snapshot<State> = JSON.parse(bytes.toString('utf8'))
  if (snapshot.schema !== 2) throw new Error(`the schema ${snapshot.schema} is not known`)
  if (snapshot.lane !== lane) throw new Error(`it is of lane ${snapshot.lane}`)
  return snapshot
}

/**
 * Immutable: an object that is there already is the same one, put by an attempt whose answer was lost. A digest that is
 * given spares the client from computing two of its own, which would keep the event loop for long on a large body.
 */
const putOnce = async (Key: string, Body: Uint8Array, ContentType: string, sha256?: Buffer): Promise<void> => {
  const put = new PutObjectCommand({
    Bucket: bucket(),
    Key,
    Body,
    ContentType,
    IfNoneMatch: '*',
    ...(sha256 === undefined ? {} : { ChecksumSHA256: sha256.toString('base64') }),
  })
  if (sha256 !== undefined)
    put.middlewareStack.add(
      next => args => {
        const { request } = args
        if (typeof request === 'object' && request !== null && 'headers' in request)
          Object.assign(Object(request.headers), { 'x-amz-content-sha256': sha256.toString('hex') })
        return next(args)
      },
      { step: 'build', name: 'payloadHash' },
    )
  try {
    await s3().send(put)
  } catch (error) {
    if (!(error instanceof S3ServiceException && error.name === 'PreconditionFailed')) throw error
  }
}
