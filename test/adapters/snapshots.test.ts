import {
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3'
import { beforeEach, describe, expect, test } from '@jest/globals'
import { mockClient } from 'aws-sdk-client-mock'
import { loadSnapshot, putSnapshot, type Snapshot } from '#adapters/snapshots.ts'

Object.assign(process.env, { SNAPSHOT_BUCKET: 'snapshots', AWS_REGION: 'eu-central-1' })
const bucket = mockClient(S3Client)
const objects = new Map<string, Buffer>()

beforeEach(() => {
  objects.clear()
  bucket.reset()
  bucket.on(PutObjectCommand).callsFake(({ Key, Body }) => {
    objects.set(Key, Buffer.from(Body))
    return {}
  })
  bucket.on(ListObjectsV2Command).callsFake(() => ({ Contents: [...objects.keys()].sort().map(Key => ({ Key })) }))
  bucket.on(GetObjectCommand).callsFake(({ Key }) => ({
    Body: { transformToByteArray: async () => objects.get(Key) ?? Buffer.alloc(0) },
  }))
})

const snapshot = (outSeq: number, change: object = {}) => ({
  schema: 2,
  lane: 1,
  lineage: 'shardId-000000000000@1',
  epoch: 1,
  inputSequence: String(outSeq).padStart(56, '0'),
  outSeq,
  chain: 'c'.repeat(32),
  state: { number: outSeq, text: 'ünïcode "quoted"' },
  ...change,
})

const put = async (outSeq: number, change?: object): Promise<string> => {
  async function* parts() {
    yield JSON.stringify(snapshot(outSeq, change)).slice(0, -1)
  }
  return (await putSnapshot(1, outSeq, parts())).key
}

const load = async (): Promise<{ readonly state: unknown; readonly passedOver: string[] }> => {
  const passedOver: string[] = []
  const found = await loadSnapshot<unknown, unknown>(
    1,
    (each: Snapshot<unknown>) => each.state,
    key => passedOver.push(key),
  )
  return { state: found?.accepted, passedOver }
}

const older = snapshot(1).state

describe('a snapshot', () => {
  test('that was cut at any byte is passed over, and the one before it taken', async () => {
    await put(1)
    const key = await put(2)
    const whole = objects.get(key) ?? Buffer.alloc(0)
    expect((await load()).state).toEqual(snapshot(2).state)
    for (let length = 0; length < whole.length; length += 1) {
      objects.set(key, whole.subarray(0, length))
      expect({ length, ...(await load()) }).toEqual({ length, state: older, passedOver: [key] })
    }
  })

  test('that was flipped in any byte is passed over, and the one before it taken', async () => {
    await put(1)
    const key = await put(2)
    const whole = objects.get(key) ?? Buffer.alloc(0)
    for (let at = 0; at < whole.length; at += 1) {
      const flipped = Buffer.from(whole)
      flipped[at] = (flipped[at] ?? 0) ^ (1 << (at % 8))
      objects.set(key, flipped)
      expect({ at, ...(await load()) }).toEqual({ at, state: older, passedOver: [key] })
    }
  })

  test.each([
    ['of another schema', { schema: 1 }],
    ['of another lane', { lane: 2 }],
  ])('%s is passed over, and the one before it taken', async (_, change) => {
    await put(1)
    const key = await put(2, change)
    expect(await load()).toEqual({ state: older, passedOver: [key] })
  })

  test('is none where none is whole, and a bucket that does not answer is not mistaken for that', async () => {
    const key = await put(1)
    objects.set(key, Buffer.from('{}'))
    expect(await load()).toEqual({ state: undefined, passedOver: [key] })
    bucket
      .on(GetObjectCommand)
      .rejects(new S3ServiceException({ name: 'SlowDown', $fault: 'server', $metadata: {}, message: 'slow down' }))
    await expect(load()).rejects.toThrow('slow down')
  })
})
