import { gunzipSync, gzipSync } from 'node:zlib'
import { ResourceNotFoundException } from '@aws-sdk/client-kinesis'
import { GetObjectCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3'
import { afterEach, describe, expect, test } from '@jest/globals'
import { mockClient } from 'aws-sdk-client-mock'
import type { StreamReader, StreamRecord } from '#adapters/streams/reader.ts'
import type { Lease, LeaseMove } from '#adapters/tables/lanes.ts'
import type { PlaceOrder } from '#domain/trading/commands.ts'
import { writeEvent } from '#domain/trading/event-messages.ts'
import type { Event } from '#domain/trading/events.ts'
import { Tape } from '#domain/trading/tape.ts'
import { withArchive } from '#matcher/archived-reader.ts'
import { archiver } from '#matcher/archiver.ts'
import { checkpointer } from '#matcher/checkpointer.ts'
import { type ExecutionPublisher, executionPublisher, type Publishable } from '#matcher/execution-publisher.ts'
import { createFigures, embeddedMetrics, measureEventLoop } from '#matcher/figures.ts'
import type { LaneHalted } from '#matcher/halt.ts'
import type { AppliedRecord } from '#matcher/lane.ts'
import { createOutbox } from '#matcher/outbox.ts'
import { createProgress } from '#matcher/progress.ts'
import { sectionsOf } from '#matcher/sections.ts'
import { jsonParts, startSnapshotter } from '#matcher/snapshotter.ts'
import { startTicker } from '#matcher/ticker.ts'
import {
  chainOf,
  decodeExecutionsFrame,
  encodeExecutionsFrame,
  executionsFrameOf,
  firstChain,
} from '#protocol/executions-frame.ts'
import { commandOf } from '#test/support/tape.ts'
import { idOf } from './commands.ts'

const log = { info: () => undefined, warn: () => undefined, error: () => undefined }
const sequence = (number: number): string => String(number).padStart(56, '0')
const deposited = (number: number): Event => ({
  type: 'deposited',
  commandId: idOf(number),
  accountId: 1,
  amountMicros: 1,
  cashMicros: number,
})
/** Events as an engine leaves them on its tape. */
const told = (events: readonly Event[]): Tape => {
  const tape = new Tape()
  for (const event of events) writeEvent(tape, event)
  return tape
}
const sectionsIn = (sections: readonly Uint8Array[]) =>
  decodeExecutionsFrame(executionsFrameOf({ lane: 1, epoch: 1, firstOutSeq: 1, sections })).sections
const pause = (millis: number) => new Promise(resolve => setTimeout(resolve, millis))
/** Records of one deposit each, each as if it were the first. */
const sectionsFrom = (first: number, count: number): Publishable[] =>
  Array.from({ length: count }, (_, index) => {
    const number = first + index
    const [section] = sectionsOf(firstChain, sequence(number), 1, told([deposited(number)]))
    if (section === undefined) throw new Error('an event makes a section')
    const end = { sequence: sequence(number), outSeq: number, chain: firstChain, arrivalMillis: 0 }
    return { bytes: section.bytes, count: section.count, firstOutSeq: number, end }
  })
const toldHalts: LaneHalted[] = []
afterEach(() => {
  toldHalts.length = 0
})

describe('the events of a record', () => {
  test('are one section where they fit, chained to the one before', () => {
    const [only, ...others] = sectionsOf(firstChain, sequence(1), 5, told([deposited(1), deposited(2)]))
    expect(others).toEqual([])
    expect(only?.count).toBe(2)
    expect(only === undefined ? [] : sectionsIn([only.bytes])).toEqual([
      {
        inputSequence: sequence(1),
        atMillis: 5,
        chain: only?.chain,
        firstIndex: 0,
        events: [deposited(1), deposited(2)],
      },
    ])
    expect(sectionsOf(only?.chain ?? '', sequence(2), 6, told([]))).toEqual([])
  })

  test('are cut by their own size alone, and each section fits a record of the stream', () => {
    const events = Array.from({ length: 12_000 }, (_, number) => deposited(number))
    const cut = sectionsOf(firstChain, sequence(1), 5, told(events))
    expect(cut.length).toBeGreaterThan(2)
    const sections = cut.flatMap(({ bytes }) => sectionsIn([bytes]))
    expect(sections.flatMap(section => section.events)).toEqual(events)
    expect(cut.map(({ count }) => count)).toEqual(sections.map(section => section.events.length))
    let chain = firstChain
    let firstIndex = 0
    for (const [index, section] of sections.entries()) {
      expect(section.firstIndex).toBe(firstIndex)
      firstIndex += section.events.length
      chain = chainOf(chain, section)
      expect(section.chain).toBe(chain)
      const bytes = cut[index]?.bytes ?? new Uint8Array()
      expect(bytes.length).toBeLessThan(200 * 1024)
      const frame = encodeExecutionsFrame({ lane: 1, epoch: 1, firstOutSeq: 1, sections: [section] })
      expect(Buffer.from(frame.subarray(32))).toEqual(Buffer.from(bytes))
    }
  })
})

describe('the publisher', () => {
  const setUp = (put: (frame: Uint8Array, after: string | undefined) => Promise<{ sequenceNumber: string }>) => {
    const published: number[] = []
    const publisher = executionPublisher({
      lane: 1,
      epoch: 4,
      put,
      onPublished: ends => published.push(...ends.map(({ outSeq }) => outSeq)),
      onHalted: halted => toldHalts.push(halted),
      log,
      // Ten sections of one deposit each.
      maxFrameBytes: 10 * (64 + 40),
    })
    return { publisher, published }
  }

  test('has one put in flight, gathers meanwhile, and keeps frames small', async () => {
    const frames: { outSeqs: number[]; after: string | undefined }[] = []
    let inFlight = 0
    const { publisher, published } = setUp(async (bytes, after) => {
      expect(++inFlight).toBe(1)
      const frame = decodeExecutionsFrame(bytes)
      // What is not acknowledged is not published.
      expect(published).toHaveLength(frame.firstOutSeq - 1)
      expect(frame.epoch).toBe(4)
      frames.push({ outSeqs: frame.sections.map((_, index) => frame.firstOutSeq + index), after })
      await pause(10)
      inFlight--
      return { sequenceNumber: `s${frames.length}` }
    })
    publisher.offer(sectionsFrom(1, 2))
    await pause(5)
    publisher.offer(sectionsFrom(3, 12))
    expect(publisher.unpublishedEvents()).toBe(14)
    await publisher.untilBelow(0)
    expect(frames).toEqual([
      { outSeqs: [1, 2], after: undefined },
      { outSeqs: [3, 4, 5, 6, 7, 8, 9, 10, 11, 12], after: 's1' },
      { outSeqs: [13, 14], after: 's2' },
    ])
    expect(published).toEqual(Array.from({ length: 14 }, (_, index) => index + 1))
  })

  test('puts the very same bytes until they are acknowledged', async () => {
    const frames: string[] = []
    const { publisher, published } = setUp(async bytes => {
      frames.push(Buffer.from(bytes).toString('hex'))
      if (frames.length < 3) throw new Error('the answer is lost')
      return { sequenceNumber: 's' }
    })
    publisher.offer(sectionsFrom(1, 1))
    await pause(5)
    publisher.offer(sectionsFrom(2, 1))
    await publisher.untilBelow(0)
    expect(frames).toHaveLength(4)
    expect(new Set(frames.slice(0, 3)).size).toBe(1)
    expect(published).toEqual([1, 2])
  })

  test('halts where no repetition would help', async () => {
    const { publisher } = setUp(() =>
      Promise.reject(new ResourceNotFoundException({ $metadata: {}, message: 'no such stream' })),
    )
    publisher.offer(sectionsFrom(1, 1))
    await expect(publisher.untilBelow(0)).rejects.toMatchObject({ reason: 'publishing-refused' })
    expect(toldHalts.map(({ reason }) => reason)).toEqual(['publishing-refused'])
    expect(await publisher.stop()).toBe(false)
  })
})

describe('the checkpoint', () => {
  const stored: Lease = {
    epoch: 3,
    owner: 'us',
    sequenceNumber: sequence(1),
    outSeq: 1,
    chain: firstChain,
    firstSequenceNumber: sequence(1),
    snapshotKey: undefined,
    version: 7,
    isReleased: false,
    halted: undefined,
    health: { atMillis: 1, behindMillis: 0 },
  }
  const end = (number: number) => ({ sequence: sequence(number), outSeq: number, chain: firstChain })
  const setUp = (move: (outSeq: number) => Promise<LeaseMove>, renewMillis = 1_000) => {
    const steps: (number | 'renewed')[] = []
    const progress = createProgress(1)
    const checkpoints = checkpointer({
      lane: 1,
      epoch: 3,
      move: (_, step) => {
        steps.push(step.outSeq)
        return move(step.outSeq)
      },
      renew: () => {
        steps.push('renewed')
        return move(0)
      },
      health: () => stored.health,
      onMoved: progress.reached,
      firstSequence: () => sequence(1),
      onHalted: halted => toldHalts.push(halted),
      log,
      intervalMillis: 5,
      renewMillis,
    })
    return { checkpoints, steps, progress }
  }

  test('goes to the newest, one write at a time, and again after a failure', async () => {
    let attempts = 0
    const { checkpoints, steps, progress } = setUp(async () => {
      await pause(10)
      if (++attempts === 2) throw new Error('the table does not answer')
      return { moved: true }
    })
    checkpoints.reach(end(2))
    await pause(5)
    for (const number of [3, 4, 5]) checkpoints.reach(end(number))
    await progress.until(5)
    expect(steps).toEqual([2, 5, 5])
    await checkpoints.stop()
  })

  test('waits before a record whose bytes are still to be kept', async () => {
    const { checkpoints, steps, progress } = setUp(async () => ({ moved: true }))
    const kept = Promise.withResolvers<void>()
    checkpoints.reach(end(2))
    checkpoints.reach(end(3), kept.promise)
    checkpoints.reach(end(4))
    await progress.until(2)
    await pause(30)
    expect(progress.outSeq()).toBe(2)
    kept.resolve()
    await progress.until(4)
    expect(steps.at(-1)).toBe(4)
    await checkpoints.stop()
  })

  test.each([
    ['fenced', { ...stored, epoch: 4, owner: 'they' }],
    ['lane-halted', { ...stored, halted: 'divergence' }],
    ['checkpoint-ahead', { ...stored, outSeq: 9 }],
  ])('tells an idle leader that it leads no more: %s', async (reason, found) => {
    const { checkpoints, steps } = setUp(async () => ({ moved: false, stored: found }), 10)
    await pause(60)
    expect(steps).toEqual(['renewed'])
    expect(toldHalts.map(halted => halted.reason)).toEqual([reason])
    await checkpoints.stop()
  })

  test('is renewed all the time while nothing happens', async () => {
    const { checkpoints, steps } = setUp(async () => ({ moved: true }), 10)
    await pause(100)
    await checkpoints.stop()
    expect(steps.length).toBeGreaterThan(2)
    expect(new Set(steps)).toEqual(new Set(['renewed']))
  })
})

describe('what is kept until it is published', () => {
  const publisher = (): ExecutionPublisher & { readonly offered: number[] } => {
    const offered: number[] = []
    return {
      offered,
      offer: sections => offered.push(...sections.map(({ firstOutSeq }) => firstOutSeq)),
      unpublishedEvents: () => offered.length,
      untilBelow: async () => undefined,
      stop: async () => true,
    }
  }

  test('is forgotten up to the checkpoint, and published from there by whoever takes over', async () => {
    const outbox = createOutbox()
    for (const number of [1, 2, 3]) outbox.offer(sectionsFrom(number, 1))
    expect(outbox.unpublishedEvents()).toBe(3)
    const second = sectionsFrom(2, 1)[0]?.end
    expect(outbox.endOf(second?.sequence ?? '')).toMatchObject({ outSeq: 2, chain: second?.chain })
    const waiting = outbox.untilBelow(1)
    outbox.forget(2)
    await waiting
    expect(outbox.unpublishedEvents()).toBe(1)
    expect(outbox.endOf(second?.sequence ?? '')).toBeUndefined()
    const by = publisher()
    outbox.publishBy(by)
    outbox.offer(sectionsFrom(4, 1))
    expect(by.offered).toEqual([3, 4])
    expect(outbox.unpublishedEvents()).toBe(2)
  })
})

describe('the archive', () => {
  const record = (number: number): AppliedRecord => ({
    sequence: sequence(number),
    arrivalMillis: number,
    data: Buffer.from(`record ${number}`),
    commands: 1,
    told: told([]),
    sections: sectionsFrom(number, 1),
    isNew: true,
  })

  test('keeps both streams up to where it is asked to, again where the store failed, and nothing once dropped', async () => {
    const stored: { readonly where: string; readonly lines: unknown[] }[] = []
    let fails = true
    const archive = archiver(1, async (_, stream, name, body) => {
      if (fails) throw new Error('the disk is full')
      const lines = gunzipSync(body).toString().trim().split('\n')
      stored.push({ where: `${stream}/${name}`, lines: lines.map(line => JSON.parse(line)) })
    })
    for (const number of [1, 2, 3]) archive.add(record(number))
    await expect(archive.keep(sequence(2))).rejects.toThrow('disk is full')
    fails = false
    await archive.keep(sequence(2))
    const name = `${sequence(1)}-${sequence(2)}.ndjson.gz`
    expect(stored.map(({ where }) => where)).toEqual([`orders/${name}`, `executions/${name}`])
    expect(stored[0]?.lines).toEqual(
      [1, 2].map(number => ({
        sequence: sequence(number),
        arrival_millis: number,
        data: Buffer.from(`record ${number}`).toString('base64'),
      })),
    )
    expect(stored[1]?.lines).toMatchObject([{ first_out_seq: 1 }, { first_out_seq: 2 }])
    expect(archive.bytes()).toBeGreaterThan(0)
    archive.drop()
    expect(archive.bytes()).toBe(0)
    await expect(archive.keep(sequence(3))).rejects.toThrow('does not archive')
  })
})

test('the JSON of a state is what JSON.stringify would write', async () => {
  const state = {
    format: 1,
    text: 'quoted "and" ünïcode',
    missing: undefined,
    none: null,
    empty: [],
    nothing: {},
    accounts: Array.from({ length: 1_000 }, (_, number) => ({ number, positions: [{ a: number }], holes: undefined })),
    books: [
      { instrument: { a: 1 }, buy: Array.from({ length: 700 }, (_, number) => [idOf(number), number]), sell: [] },
      { instrument: { a: 2 }, buy: [], sell: Array.from({ length: 20 }, (_, number) => ({ number })) },
    ],
  }
  let text = ''
  for await (const part of jsonParts(state)) text += part
  expect(text).toBe(JSON.stringify(state))
})

test('figures count what is published now, and follow the book through all', () => {
  let nowMillis = 1_000
  const counts = { openOrders: 3, accounts: 2, instruments: 1 }
  const eventLoop = measureEventLoop()
  const figures = createFigures({ lane: 1, epoch: 2, counts: () => counts, eventLoop, now: () => nowMillis })
  const rejected: Event = {
    type: 'command-rejected',
    commandId: idOf(1),
    commandType: 'deposit',
    accountId: 1,
    code: 'unknown-account',
  }
  const { type: _, ...order } = commandOf('ann buys 0 @ 1 as a1') as PlaceOrder
  const refused: Event = { ...order, type: 'order-rejected', code: 'amount-out-of-range' }
  nowMillis = 1_007
  figures.applied(1_000, 3, told([deposited(1), rejected, refused]))
  figures.engineTook(0.7, 3)
  nowMillis = 1_030
  figures.published(1_000)
  const position = { input_sequence: sequence(1), out_seq: 2, unpublished_events: 0 }
  const read = figures.read({ ...position, lag_millis: 7 })
  eventLoop.stop()
  expect(read).toMatchObject({
    at: 1_030,
    started_at: 1_000,
    epoch: 2,
    orders: 1,
    commands: 3,
    accounts: 2,
    open_orders: 3,
  })
  expect(read).toMatchObject({
    rejections: { 'unknown-account': 1, 'amount-out-of-range': 1 },
    lag_millis: 7,
    ...position,
  })
  expect(read.latency_millis).toMatchObject({ sum: 30, count: 1 })
  expect(read.latency_millis.counts[read.latency_millis.buckets.indexOf(50)]).toBe(1)
  expect(read.engine_micros.counts[read.engine_micros.buckets.indexOf(1)]).toBe(3)
  expect(embeddedMetrics({ ...read, orders: 5 }, read)).toMatchObject({ Lane: '1', Orders: 4, Commands: 0 })
})

test('the ticker ticks in silence only, one at a time, and never while the lane is behind', async () => {
  let isCaughtUp = false
  let ticks = 0
  const ticker = startTicker({
    silenceMillis: 20,
    isCaughtUp: () => isCaughtUp,
    put: async () => {
      ticks++
      throw new Error('not acknowledged')
    },
    log,
  })
  await pause(60)
  expect(ticks).toBe(0)
  isCaughtUp = true
  for (let heard = 0; heard < 8; heard++) {
    ticker.heard()
    await pause(8)
  }
  expect(ticks).toBe(0)
  await pause(120)
  ticker.stop()
  expect(ticks).toBeGreaterThan(1)
  expect(ticks).toBeLessThan(7)
})

describe('what the stream has forgotten', () => {
  const bucket = mockClient(S3Client)
  Object.assign(process.env, { SNAPSHOT_BUCKET: 'snapshots', AWS_REGION: 'eu-central-1' })
  const record = (number: number): StreamRecord => ({
    sequenceNumber: sequence(number),
    arrivalMillis: number,
    data: Buffer.from(`record ${number}`),
  })
  const portion = (from: number, to: number) => ({
    key: `1/archive/orders/${sequence(from)}-${sequence(to)}.ndjson.gz`,
    body: gzipSync(
      Array.from({ length: to - from + 1 }, (_, index) => {
        const { sequenceNumber, arrivalMillis, data } = record(from + index)
        const line = {
          sequence: sequenceNumber,
          arrival_millis: arrivalMillis,
          data: Buffer.from(data).toString('base64'),
        }
        return `${JSON.stringify(line)}\n`
      }).join(''),
    ),
  })
  const readFrom = async (at: number, held: readonly number[], portions: readonly ReturnType<typeof portion>[]) => {
    bucket.reset()
    bucket.on(ListObjectsV2Command).resolves({ Contents: portions.map(({ key }) => ({ Key: key })) })
    bucket.on(GetObjectCommand).callsFake(({ Key }) => ({
      Body: { transformToByteArray: async () => portions.find(({ key }) => key === Key)?.body },
    }))
    const stream: StreamReader = {
      async *read() {
        yield { records: [], millisBehindLatest: 5 }
        yield { records: held.map(record), millisBehindLatest: 0 }
      },
    }
    const seen: StreamRecord[] = []
    const reader = withArchive(1, stream, sequence(1), log)
    for await (const { records } of reader.read({ at: sequence(at) }, new AbortController().signal))
      seen.push(...records)
    return seen.map(each => [Number(each.sequenceNumber), Buffer.from(each.data).toString()])
  }
  const records = (...numbers: number[]) => numbers.map(number => [number, `record ${number}`])

  test('comes from the archive, each record once, and only where the stream lacks it', async () => {
    const all = [portion(1, 4), portion(3, 6), portion(5, 9)]
    // The one that both hold is passed over by the lane, which has applied it.
    expect(await readFrom(2, [6, 7], all)).toEqual(records(2, 3, 4, 5, 6, 6, 7))
    expect(await readFrom(6, [6, 7], all)).toEqual(records(6, 7))
  })

  test('is not made up: an archive with a hole gives what the stream has, or halts where it had begun', async () => {
    expect(await readFrom(2, [6, 7], [])).toEqual(records(6, 7))
    expect(await readFrom(2, [6, 7], [portion(3, 6)])).toEqual(records(6, 7))
    await expect(readFrom(2, [6, 7], [portion(1, 4)])).rejects.toMatchObject({ reason: 'records-missing' })
  })
})

test('a snapshot that the interval called for in vain is taken as soon as it can be', async () => {
  let isReady = false
  const taken: number[] = []
  const snapshots = startSnapshotter({
    lane: 1,
    lineage: 'shard',
    intervalMillis: 20,
    isDue: () => isReady,
    capture: () => ({
      position: { sequence: sequence(1), outSeq: 1, chain: firstChain, epoch: 1 },
      laneMillis: 1,
      state: {},
    }),
    untilCheckpointed: async () => undefined,
    archive: async () => undefined,
    put: async (_, outSeq) => {
      taken.push(outSeq)
      isReady = false
      return { key: 'key', bytes: 1 }
    },
    note: async () => undefined,
    prune: async () => undefined,
    onTaken: () => undefined,
    log,
  })
  snapshots.look()
  isReady = true
  snapshots.look()
  await pause(1)
  // Nobody has called for one yet.
  expect(taken).toEqual([])
  isReady = false
  await pause(60)
  isReady = true
  snapshots.look()
  await pause(1)
  expect(taken).toEqual([1])
  snapshots.stop()
})
