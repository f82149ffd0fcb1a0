import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { PutRecordCommand } from '@aws-sdk/client-kinesis'
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3'
import { UpdateCommand } from '@aws-sdk/lib-dynamodb'
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { dynamodb } from '#adapters/clients/dynamodb.ts'
import { kinesis } from '#adapters/clients/kinesis.ts'
import { s3 } from '#adapters/clients/s3.ts'
import { putSnapshot } from '#adapters/snapshots.ts'
import { readExecutionsAfter, readRecords } from '#adapters/streams/executions.ts'
import { putCommands } from '#adapters/streams/orders.ts'
import { paddedSequence, type StreamRecord } from '#adapters/streams/reader.ts'
import { getCheckpoint, getFigures, moveCheckpoint } from '#adapters/tables/lanes.ts'
import { commandIdOf } from '#domain/trading/commands.ts'
import { createEngine, type EngineState } from '#domain/trading/engine.ts'
import type { Event } from '#domain/trading/events.ts'
import { chainOf, decodeExecutionsFrame, encodeEvents, firstChain } from '#protocol/executions-frame.ts'
import { decodeOrdersFrame } from '#protocol/orders-frame.ts'
import { idOf, inLane, opening, order } from './commands.ts'
import {
  bucketName,
  endMatchers,
  type Image,
  type MatcherProcess,
  makeImage,
  type Surroundings,
  startMatcher,
  startSurroundings,
  until,
} from './surroundings.ts'

let surroundings: Surroundings
let image: Image

beforeAll(async () => {
  // Before the servers: where it fails, they are not left behind.
  image = await makeImage()
  surroundings = await startSurroundings('kinesalite')
})
afterEach(endMatchers)
afterAll(() => Promise.all([surroundings.stop(), image.remove()]))

interface Published {
  readonly outSeq: number
  readonly epoch: number
  readonly inputSequence: string
  readonly event: Event
}

/** All of an execution stream, its repeats dropped; fails where it is not one unbroken, unambiguous story. */
const readStory = async (lane: number): Promise<{ events: readonly Published[]; repeats: number }> => {
  const records: StreamRecord[] = []
  for (;;) {
    const page = await readExecutionsAfter(lane, records.at(-1)?.sequenceNumber)
    records.push(...page.records)
    if (page.caughtUp) break
  }
  const events: Published[] = []
  const bytes = new Map<number, string>()
  let chain = firstChain
  let repeats = 0
  for (const { data } of records) {
    const frame = decodeExecutionsFrame(data)
    expect(frame.lane).toBe(lane)
    let outSeq = frame.firstOutSeq
    for (const section of frame.sections) {
      const isRepeat = outSeq <= events.length
      if (!isRepeat) {
        expect(outSeq).toBe(events.length + 1)
        chain = chainOf(chain, section)
        expect(section.chain).toBe(chain)
      }
      for (const [index, event] of section.events.entries()) {
        const written = `${section.inputSequence}:${section.firstIndex + index}:${Buffer.from(encodeEvents([event])).toString('hex')}`
        if (isRepeat) {
          repeats++
          expect(bytes.get(outSeq)).toBe(written)
        } else {
          bytes.set(outSeq, written)
          events.push({ outSeq, epoch: frame.epoch, inputSequence: section.inputSequence, event })
        }
        outSeq++
      }
    }
  }
  return { events, repeats }
}

/** What the command came to, in a word, in the event that is its disposition. */
const dispositionOf = (event: Event): string | undefined => {
  switch (event.type) {
    case 'order-accepted':
    case 'order-rejected':
      return event.orderId
    case 'command-rejected':
    case 'account-opened':
    case 'deposited':
    case 'instrument-listed':
    case 'command-duplicated':
      return event.commandId
    default:
      return undefined
  }
}

/** The state after that record of the order stream, by an engine that has never crashed. */
const replayed = async (lane: number, last: string): Promise<EngineState> => {
  const engine = createEngine(lane)
  const end = new AbortController()
  for await (const record of readRecords(`orders-${lane}`, { signal: end.signal, intervalMillis: 1 })) {
    engine.advance(record.arrivalMillis)
    const frame = decodeOrdersFrame(record.data, lane)
    if (frame.ok) for (const command of frame.commands) engine.enter(command, engine.laneMillis)
    if (paddedSequence(record.sequenceNumber) === last) break
  }
  return engine.snapshot()
}

const snapshotKeys = async (lane: number): Promise<readonly string[]> => {
  const { Contents = [] } = await s3().send(
    new ListObjectsV2Command({ Bucket: bucketName, Prefix: `${lane}/snapshots/` }),
  )
  return Contents.map(({ Key = '' }) => Key)
}

const objectText = async (Key: string): Promise<string> => {
  const { Body } = await s3().send(new GetObjectCommand({ Bucket: bucketName, Key }))
  return (await Body?.transformToString()) ?? ''
}

const disposed = (lane: number, commandId: string) =>
  until(async () => {
    const { events } = await readStory(lane)
    return events.some(({ event }) => dispositionOf(event) === commandId) ? events : undefined
  })

const stopped = async (matcher: MatcherProcess): Promise<void> => {
  matcher.child.kill('SIGTERM')
  expect({ how: await matcher.ended, said: matcher.lines.at(-1) }).toMatchObject({ how: 0 })
}

const isReady = (line: Record<string, unknown>) => line['message'] === 'the lane is up to date'

describe('a matcher, run as its image would', () => {
  test('loses nothing and applies nothing twice when it is killed in the middle of the flow', async () => {
    const lane = 1
    const environment = await surroundings.newLane(lane)
    let matcher = startMatcher(image, environment)
    await matcher.says(isReady)
    for (const command of opening) await putCommands(lane, inLane(lane, [command]))
    const orders = Array.from({ length: 500 }, (_, number) => order(number))
    const flow = async () => {
      for (const [index, each] of orders.entries()) {
        await putCommands(lane, inLane(lane, [each]))
        // Some arrive twice, as after an acknowledgement that was lost.
        if (index % 50 === 0) await putCommands(lane, inLane(lane, [each]))
      }
    }
    const flowing = flow()
    const ended: (number | string)[] = []
    for (let kill = 0; kill < 2; kill++) {
      await sleep(500)
      matcher.child.kill('SIGKILL')
      ended.push(await matcher.ended)
      matcher = startMatcher(image, environment)
      await matcher.says(isReady)
    }
    await flowing
    expect(ended).toEqual(['SIGKILL', 'SIGKILL'])
    await disposed(lane, idOf(1_499))
    await stopped(matcher)

    const { events } = await readStory(lane)
    const dispositions = new Map<string, string[]>()
    for (const { event } of events) {
      const commandId = dispositionOf(event)
      if (commandId !== undefined) dispositions.set(commandId, [...(dispositions.get(commandId) ?? []), event.type])
    }
    for (const command of opening) expect(dispositions.get(commandIdOf(command))).toHaveLength(1)
    for (const [index, each] of orders.entries())
      expect(dispositions.get(commandIdOf(each))).toEqual([
        'order-accepted',
        ...(index % 50 === 0 ? ['command-duplicated'] : []),
      ])
    expect(new Set(events.map(({ epoch }) => epoch))).toEqual(new Set([1, 2, 3]))
    expect(events.some(({ event }) => event.type === 'trade-executed')).toBe(true)

    const checkpoint = await getCheckpoint(lane)
    expect(checkpoint).toMatchObject({ epoch: 3, outSeq: events.length })
    const newest = (await snapshotKeys(lane)).at(-1) ?? ''
    expect(newest).toBe(checkpoint.snapshotKey)
    const snapshot = JSON.parse(await objectText(newest))
    expect(snapshot).toMatchObject({ schema: 1, lane })
    // On a slow machine time may go on after the last command, and that alone makes no snapshot.
    const later = events.slice(snapshot.outSeq).map(({ event }) => event.type)
    expect(later).toEqual(later.map(() => 'time-advanced'))
    if (later.length === 0) expect(snapshot.chain).toBe(checkpoint.chain)
    expect(snapshot.state).toEqual(await replayed(lane, snapshot.inputSequence))

    const figures = await getFigures(lane)
    expect(figures).toMatchObject({ lane, epoch: 3, out_seq: events.length, unpublished_events: 0, accounts: 2 })
    const { buy, sell } = snapshot.state.books[0]
    expect(figures?.open_orders).toBe(buy.length + sell.length)
  }, 60_000)

  test('that was stopped for a while is fenced by the one that took over, and harms nothing', async () => {
    const lane = 2
    const environment = await surroundings.newLane(lane)
    const stale = startMatcher(image, environment)
    await stale.says(isReady)
    await putCommands(lane, inLane(lane, opening))
    await disposed(lane, idOf(5))
    stale.child.kill('SIGSTOP')
    const leader = startMatcher(image, environment)
    await putCommands(lane, inLane(lane, [order(0), order(1)]))
    await leader.says(isReady)
    await disposed(lane, idOf(1_001))
    stale.child.kill('SIGCONT')
    expect(await stale.ended).toBe(1)
    expect(stale.lines.find(({ level }) => level === 'CRITICAL')).toMatchObject({ reason: 'fenced', stored_epoch: 2 })
    await putCommands(lane, inLane(lane, [order(2)]))
    await disposed(lane, idOf(1_002))
    await stopped(leader)
    const { events } = await readStory(lane)
    expect(events.filter(({ event }) => event.type === 'order-accepted')).toHaveLength(3)
  })

  test('answers what it cannot read by a poison event, keeps the bytes, and goes on', async () => {
    const lane = 3
    const environment = await surroundings.newLane(lane)
    const matcher = startMatcher(image, environment)
    const poison = Buffer.from('this is no frame of commands, though it has bytes enough for a header')
    await putCommands(lane, inLane(lane, opening))
    const { SequenceNumber = '' } = await kinesis().send(
      new PutRecordCommand({ StreamName: `orders-${lane}`, PartitionKey: 'lane', Data: poison }),
    )
    await putCommands(lane, inLane(lane, [order(0)]))
    const events = await disposed(lane, idOf(1_000))
    const said = events.find(({ event }) => event.type === 'frame-poisoned')
    expect(said).toMatchObject({
      inputSequence: paddedSequence(SequenceNumber),
      event: { reason: 'not-a-frame', bytes: poison.length },
    })
    await stopped(matcher)
    expect(await objectText(`${lane}/quarantine/${paddedSequence(SequenceNumber)}`)).toBe(poison.toString())
    expect(await getFigures(lane)).toMatchObject({ poison: 1, orders: 1, commands: 6 })
  })

  test('falls back to an older snapshot when the newest is damaged or lies beyond the checkpoint', async () => {
    const lane = 4
    const environment = await surroundings.newLane(lane)
    const first = startMatcher(image, environment)
    await putCommands(lane, inLane(lane, opening))
    await until(async () => ((await snapshotKeys(lane)).length > 0 ? true : undefined))
    await putCommands(lane, inLane(lane, [order(0), order(1), order(2)]))
    await disposed(lane, idOf(1_002))
    await stopped(first)
    const keys = await snapshotKeys(lane)
    expect(keys.length).toBeGreaterThan(1)
    const newest = keys.at(-1) ?? ''
    // It still parses, and is wrong by a lot.
    const damaged = (await objectText(newest)).replace('"quantityLots":1', '"quantityLots":9')
    await s3().send(new PutObjectCommand({ Bucket: bucketName, Key: newest, Body: damaged }))
    // Whole, but of events that were never published.
    const { sha256: _, ...beyond } = JSON.parse(await objectText(keys[0] ?? ''))
    const { key: tooNew } = await putSnapshot(
      lane,
      beyond.outSeq + 1_000,
      Readable.from([JSON.stringify({ ...beyond, outSeq: beyond.outSeq + 1_000 }).slice(0, -1)]),
    )
    const second = startMatcher(image, environment)
    expect(await second.says(({ message }) => message === 'snapshot loaded')).toMatchObject({ key: keys.at(-2) })
    expect(second.lines.filter(({ message }) => message === 'a snapshot is passed over')).toEqual([
      expect.objectContaining({ key: tooNew, error_message: expect.stringContaining('beyond the checkpoint') }),
      expect.objectContaining({ key: newest, error_message: expect.stringContaining('sha256 does not match') }),
    ])
    await second.says(isReady)
    await putCommands(lane, inLane(lane, [order(3)]))
    await disposed(lane, idOf(1_003))
    await stopped(second)
    const last = JSON.parse(await objectText((await snapshotKeys(lane)).at(-1) ?? ''))
    expect(last.state).toEqual(await replayed(lane, last.inputSequence))
  })

  const halted = async (environment: Readonly<Record<string, string>>) => {
    const matcher = startMatcher(image, environment)
    expect(await matcher.ended).toBe(1)
    return matcher.lines.find(({ level }) => level === 'CRITICAL')?.['reason']
  }

  test('refuses by name what would lose or change history', async () => {
    const lane = 5
    const environment = await surroundings.newLane(lane)
    const matcher = startMatcher(image, { ...environment, SNAPSHOT_INTERVAL_SECONDS: '3600' })
    await putCommands(lane, inLane(lane, opening))
    await disposed(lane, idOf(5))
    matcher.child.kill('SIGKILL')
    await matcher.ended
    const {
      outSeq,
      sequenceNumber = '',
      chain,
      firstSequenceNumber,
    } = await until(async () => {
      const checkpoint = await getCheckpoint(lane)
      return checkpoint.sequenceNumber === undefined ? undefined : checkpoint
    })
    const change = (name: string, value: unknown) =>
      dynamodb().send(
        new UpdateCommand({
          TableName: process.env['LANES_TABLE'],
          Key: { lane: String(lane), row: 'checkpoint' },
          UpdateExpression: 'SET #name = :value',
          ExpressionAttributeNames: { '#name': name },
          ExpressionAttributeValues: { ':value': value },
        }),
      )
    await change('chain', 'f'.repeat(32))
    expect(await halted(environment)).toBe('divergence')
    await change('chain', chain)
    await change('out_seq', outSeq + 1)
    expect(await halted(environment)).toBe('divergence')
    await change('out_seq', outSeq)
    await change('first_sequence_number', '1'.padStart(56, '0'))
    expect(await halted(environment)).toBe('records-missing')
    await change('first_sequence_number', firstSequenceNumber)
    await change('sequence_number', `9${sequenceNumber.slice(1)}`)
    expect(await halted(environment)).toBe('records-missing')

    expect(await halted(await surroundings.newLane(6, 2))).toBe('stream-not-single')
  })

  test('has a checkpoint that neither goes back nor obeys a leader of before', async () => {
    const lane = 7
    const step = { epoch: 0, sequenceNumber: '5', outSeq: 5, chain: '', firstSequenceNumber: '1' }
    await dynamodb().send(
      new UpdateCommand({
        TableName: process.env['LANES_TABLE'],
        Key: { lane: String(lane), row: 'checkpoint' },
        UpdateExpression: 'SET epoch = :epoch',
        ExpressionAttributeValues: { ':epoch': 2 },
      }),
    )
    expect(await moveCheckpoint(lane, { ...step, epoch: 2 })).toEqual({ moved: true })
    expect(await moveCheckpoint(lane, { ...step, epoch: 2 })).toEqual({ moved: true })
    expect(await moveCheckpoint(lane, { ...step, epoch: 2, outSeq: 4 })).toMatchObject({ moved: false })
    expect(await moveCheckpoint(lane, { ...step, epoch: 2, sequenceNumber: '4' })).toMatchObject({ moved: false })
    expect(await moveCheckpoint(lane, { ...step, epoch: 1, outSeq: 9 })).toMatchObject({ moved: false })
    expect(await getCheckpoint(lane)).toMatchObject({ epoch: 2, outSeq: 5, sequenceNumber: '5' })
  })
})
