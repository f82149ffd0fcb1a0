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
import {
  claimLane,
  getFigures,
  getLease,
  haltLane,
  listReplicas,
  listSkips,
  moveCheckpoint,
  putSkip,
  renewLease,
  resumeLane,
} from '#adapters/tables/lanes.ts'
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
    if (frame.ok && frame.kind === 'commands')
      for (const command of frame.commands) engine.enter(command, engine.laneMillis)
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
const leads = (line: Record<string, unknown>) => line['message'] === 'leading'

/** On a slow machine time goes on after the last command, and a leader may be killed after it: neither makes a snapshot. */
const makeNoSnapshot: ReadonlySet<string> = new Set(['epoch-started', 'time-advanced'])

describe('a matcher, run as its image would', () => {
  test('loses nothing and applies nothing twice when leaders are killed in the middle of the flow', async () => {
    const lane = 1
    const environment = await surroundings.newLane(lane)
    let leader = startMatcher(image, environment)
    await leader.says(leads)
    let standby = startMatcher(image, environment)
    await standby.says(isReady)
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
      leader.child.kill('SIGKILL')
      ended.push(await leader.ended)
      await standby.says(leads)
      leader = standby
      standby = startMatcher(image, environment)
      await standby.says(isReady)
    }
    await flowing
    expect(ended).toEqual(['SIGKILL', 'SIGKILL'])
    await disposed(lane, idOf(1_499))
    await until(async () => {
      const newest = (await snapshotKeys(lane)).at(-1)
      if (newest === undefined) return undefined
      const { outSeq } = JSON.parse(await objectText(newest))
      const { events } = await readStory(lane)
      return events.slice(outSeq).every(({ event }) => makeNoSnapshot.has(event.type)) ? true : undefined
    })
    await stopped(leader)
    await stopped(standby)

    const { events } = await readStory(lane)
    const epochs = events.flatMap(({ event }) => (event.type === 'epoch-started' ? [event.epoch] : []))
    expect(epochs).toEqual(epochs.map((_, index) => index + 1))
    expect(epochs.length).toBeGreaterThan(2)
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
    expect(events.some(({ event }) => event.type === 'trade-executed')).toBe(true)

    const checkpoint = await getLease(lane)
    // The one that stood by leads, where the other has ended before it.
    expect(checkpoint).toMatchObject({ outSeq: events.length, isReleased: true })
    expect([epochs.at(-1), (epochs.at(-1) ?? 0) + 1]).toContain(checkpoint.epoch)
    const newest = (await snapshotKeys(lane)).at(-1) ?? ''
    const snapshot = JSON.parse(await objectText(newest))
    expect(snapshot).toMatchObject({ schema: 2, lane })
    const later = events.slice(snapshot.outSeq).map(({ event }) => event.type)
    expect([...makeNoSnapshot]).toEqual(expect.arrayContaining([...new Set(later)]))
    if (later.length === 0) expect(snapshot.chain).toBe(checkpoint.chain)
    expect(snapshot.state).toEqual(await replayed(lane, snapshot.inputSequence))

    const figures = await getFigures(lane)
    expect(figures).toMatchObject({
      lane,
      epoch: checkpoint.epoch,
      out_seq: events.length,
      unpublished_events: 0,
      accounts: 2,
    })
    const { buy, sell } = snapshot.state.books[0]
    expect(figures?.open_orders).toBe(buy.length + sell.length)
  }, 180_000)

  test('that was frozen for a while is fenced by the one that took over, harms nothing, and stands by', async () => {
    const lane = 2
    const environment = await surroundings.newLane(lane)
    const stale = startMatcher(image, environment)
    await stale.says(leads)
    const leader = startMatcher(image, environment)
    await leader.says(isReady)
    await putCommands(lane, inLane(lane, opening))
    await disposed(lane, idOf(5))
    stale.child.kill('SIGSTOP')
    await putCommands(lane, inLane(lane, [order(0), order(1)]))
    await leader.says(leads)
    await disposed(lane, idOf(1_001))
    stale.child.kill('SIGCONT')
    expect(await stale.says(({ message }) => String(message).startsWith('lane stopped'))).toMatchObject({
      reason: 'fenced',
      stored_epoch: 2,
    })
    await until(async () =>
      (await listReplicas(lane, 0)).some(({ role, isVerified }) => role === 'standby' && isVerified) ? true : undefined,
    )
    leader.child.kill('SIGKILL')
    await putCommands(lane, inLane(lane, [order(2)]))
    await disposed(lane, idOf(1_002))
    await stopped(stale)
    expect(await getLease(lane)).toMatchObject({ epoch: 3, isReleased: true, halted: undefined })
    const { events } = await readStory(lane)
    expect(events.filter(({ event }) => event.type === 'order-accepted')).toHaveLength(3)
  })

  test('answers what it cannot read by a poison event, keeps the bytes, and goes on', async () => {
    const lane = 3
    const environment = await surroundings.newLane(lane)
    const matcher = startMatcher(image, environment)
    await matcher.says(leads)
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
    await first.says(leads)
    const standby = startMatcher(image, environment)
    await putCommands(lane, inLane(lane, opening))
    await until(async () => ((await snapshotKeys(lane)).length > 0 ? true : undefined))
    await putCommands(lane, inLane(lane, [order(0), order(1), order(2)]))
    await disposed(lane, idOf(1_002))
    await until(async () => ((await snapshotKeys(lane)).length > 1 ? true : undefined))
    await stopped(first)
    await stopped(standby)
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
    const third = startMatcher(image, environment)
    await third.says(isReady)
    await putCommands(lane, inLane(lane, [order(3)]))
    await disposed(lane, idOf(1_003))
    const before = (await snapshotKeys(lane)).length
    await until(async () => ((await snapshotKeys(lane)).length > before ? true : undefined))
    await Promise.all([stopped(second), stopped(third)])
    const last = JSON.parse(await objectText((await snapshotKeys(lane)).at(-1) ?? ''))
    expect(last.state).toEqual(await replayed(lane, last.inputSequence))
  })

  /** What a matcher says that may not go on with what it finds. */
  const halted = async (lane: number, environment: Readonly<Record<string, string>>) => {
    const matcher = startMatcher(image, environment)
    const { reason } = await matcher.says(
      ({ level, message }) => level === 'CRITICAL' || String(message).startsWith('lane stopped'),
    )
    // It may have to tell the others.
    if (reason === 'divergence')
      await until(async () => ((await getLease(lane)).halted?.startsWith('divergence') ? true : undefined))
    matcher.child.kill('SIGKILL')
    await matcher.ended
    return reason
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
      const checkpoint = await getLease(lane)
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
    expect(await halted(lane, environment)).toBe('divergence')
    expect(await resumeLane(lane)).toBe(true)
    expect(await resumeLane(lane)).toBe(false)
    await change('chain', chain)
    await change('out_seq', outSeq + 1)
    expect(await halted(lane, environment)).toBe('divergence')
    await resumeLane(lane)
    await change('out_seq', outSeq)
    await change('first_sequence_number', '1'.padStart(56, '0'))
    expect(await halted(lane, environment)).toBe('records-missing')
    await change('first_sequence_number', firstSequenceNumber)
    await change('sequence_number', `9${sequenceNumber.slice(1)}`)
    // Which of the two depends on whether anything was said after that checkpoint.
    expect(['records-missing', 'divergence']).toContain(await halted(lane, environment))

    expect(await halted(6, await surroundings.newLane(6, 2))).toBe('stream-not-single')
  })

  test('has a checkpoint that neither goes back, nor changes, nor obeys a leader of before or a halted lane', async () => {
    const lane = 7
    const health = { atMillis: 1, behindMillis: 0 }
    const free = await getLease(lane)
    expect(free).toMatchObject({ epoch: 0, version: 0 })
    expect(await claimLane(lane, 'one', free, 1)).toMatchObject({ claimed: true, lease: { epoch: 1, owner: 'one' } })
    expect(await claimLane(lane, 'other', free, 1)).toMatchObject({ claimed: false, lease: { owner: 'one' } })
    // An answer that was lost, and the same attempt repeated.
    expect(await claimLane(lane, 'one', free, 1)).toMatchObject({ claimed: true })
    const seen = await getLease(lane)
    expect(await renewLease(lane, 1, health)).toEqual({ moved: true })
    expect(await claimLane(lane, 'other', seen, 1)).toMatchObject({ claimed: false })
    expect(await claimLane(lane, 'two', await getLease(lane), 1)).toMatchObject({ claimed: true, lease: { epoch: 2 } })
    const step = { epoch: 2, sequenceNumber: '5', outSeq: 5, chain: 'a', firstSequenceNumber: '1' }
    const move = (change: Partial<typeof step>) => moveCheckpoint(lane, { ...step, ...change }, health)
    expect(await move({})).toEqual({ moved: true })
    expect(await move({})).toEqual({ moved: true })
    expect(await move({ chain: 'b' })).toMatchObject({ moved: false })
    expect(await move({ outSeq: 4 })).toMatchObject({ moved: false })
    expect(await move({ outSeq: 9, sequenceNumber: '4' })).toMatchObject({ moved: false })
    expect(await move({ epoch: 1, outSeq: 9 })).toMatchObject({ moved: false })
    expect(await putSkip(lane, 1, { sequence: '6', sha256: 'x', why: 'y' })).toBe(false)
    expect(await putSkip(lane, 2, { sequence: '5', sha256: 'x', why: 'y' })).toBe(false)
    expect(await putSkip(lane, 2, { sequence: '6', sha256: 'x', why: 'y' })).toBe(true)
    expect([...(await listSkips(lane)).keys()]).toEqual(['6'])
    await haltLane(lane, 'first')
    await haltLane(lane, 'second')
    expect(await move({ outSeq: 6 })).toMatchObject({ moved: false, stored: { halted: 'first' } })
    expect(await claimLane(lane, 'three', await getLease(lane), 1)).toMatchObject({ claimed: false })
    expect(await getLease(lane)).toMatchObject({ epoch: 2, outSeq: 5, sequenceNumber: '5', chain: 'a' })
  })
})
