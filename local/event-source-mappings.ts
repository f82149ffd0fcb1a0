import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'
import { deliver, type Mapping } from './batch-delivery.ts'
import type { Component, Invoke, Surroundings } from './component.ts'
import { compileEventPattern, type EventPattern } from './event-pattern.ts'
import { writeAtomically } from './kept-state.ts'
import { finishing, pause } from './pause.ts'
import { propertiesOf } from './resource-properties.ts'
import * as streams from './stream-source.ts'

/**
 * AWS polls a shard once a second; a person at a laptop waits for the result, so a busy shard is read much sooner. Not at
 * once: each reading costs the store as much as a small write, and what gathers meanwhile is one invocation, not many.
 * Tables' streams feed announcements, which nobody waits for.
 */
const busyPollMillis = { kinesis: 50, dynamodb: 100 } as const
/** After so long without a record a shard counts as idle and is read as seldom as its source says. */
const idleAfterMillis = 2_000
/** A mapping that hangs must neither fill the memory nor hold up the others on its shard. */
const longestQueue = 10_000
/** What Lambda takes in one invocation. */
const largestPayloadBytes = 6_000_000
/** AWS and kinesalite let an iterator live for 300 s. */
const iteratorLifeMillis = 240_000

const mappingProperties = z.object({
  EventSourceArn: z.string(),
  FunctionName: z.string(),
  StartingPosition: z.enum(['TRIM_HORIZON', 'LATEST']),
  BatchSize: z.number().int().min(1).max(10_000).default(100),
  MaximumBatchingWindowInSeconds: z.number().min(0).max(300).default(0),
  FunctionResponseTypes: z.array(z.literal('ReportBatchItemFailures')).default([]),
  BisectBatchOnFunctionError: z.boolean().default(false),
  MaximumRetryAttempts: z.number().int().min(-1).default(-1),
  MaximumRecordAgeInSeconds: z.number().int().min(-1).default(-1),
  ParallelizationFactor: z.literal(1).optional(),
  TumblingWindowInSeconds: z.undefined().optional(),
  DestinationConfig: z.strictObject({ OnFailure: z.strictObject({ Destination: z.string() }).optional() }).optional(),
  FilterCriteria: z.strictObject({ Filters: z.array(z.strictObject({ Pattern: z.string() })) }).optional(),
  Enabled: z.boolean().default(true),
})

type BatchedMapping = Mapping & z.output<typeof mappingProperties> & { readonly filters: readonly EventPattern[] }

/** Where a mapping stands in a shard: by the last record it is done with, or by when it was created. */
type Position = { readonly after: string } | { readonly since: number } | { readonly closed: true }

interface Running {
  readonly s: Surroundings
  readonly invoke: Invoke
  sendFailure(destinationArn: string, body: string): Promise<void>
  readonly signal: AbortSignal
  readonly kept: ReturnType<typeof keepPositions>
}

export async function startEventSourceMappings(
  s: Surroundings,
  invoke: Invoke,
  failures: { send(destinationArn: string, body: string): Promise<void> },
): Promise<Component> {
  const mappings = s.resources
    .filter(({ type }) => type === 'AWS::Lambda::EventSourceMapping')
    .map((resource): BatchedMapping => {
      const properties = propertiesOf(resource, mappingProperties)
      const given = properties.FunctionName
      return {
        ...properties,
        id: `${resource.stack}/${resource.logicalId}`,
        functionArn: given.startsWith('arn:') ? given : `arn:aws:lambda:${s.region}:${s.account}:function:${given}`,
        failureDestination: properties.DestinationConfig?.OnFailure?.Destination,
        filters: (properties.FilterCriteria?.Filters ?? []).map(filter =>
          compileEventPattern(JSON.parse(filter.Pattern)),
        ),
      }
    })
    .filter(({ Enabled }) => Enabled)
  const stopping = new AbortController()
  const { signal } = stopping
  const kept = keepPositions(join(s.dataDir, 'mappings.json'))
  const running: Running = { s, invoke, sendFailure: (arn, body) => failures.send(arn, body), signal, kept }
  const background: Promise<void>[] = []
  for (const [stream, ofStream] of Map.groupBy(mappings, ({ EventSourceArn }) => streamOf(EventSourceArn))) {
    const [service, name = ''] = stream.split(' ')
    const source = service === 'kinesis' ? streams.kinesisSource(s, name) : await streams.dynamodbSource(s, name)
    await readStream(running, source, name, ofStream, background)
  }
  return {
    async stop() {
      stopping.abort()
      await finishing(background)
      kept.save()
    },
  }
}

/** A consumer is read by polling the stream behind it, which differs from fan-out in speed only. */
function streamOf(eventSourceArn: string): string {
  const kinesis = /^arn:[^:]+:kinesis:[^:]*:[^:]*:stream\/([^/]+)(?:\/consumer\/.+)?$/.exec(eventSourceArn)
  const table = /^arn:[^:]+:dynamodb:[^:]*:[^:]*:table\/([^/]+)\/stream\/.+$/.exec(eventSourceArn)
  if (kinesis === null && table === null) throw new Error(`${eventSourceArn} is no stream of Kinesis or DynamoDB`)
  return kinesis === null ? `dynamodb ${table?.[1]}` : `kinesis ${kinesis[1]}`
}

/** Positions are written soon after a batch rather than with it: what a crash loses is delivered again, as on AWS. */
function keepPositions(path: string) {
  const positions: Record<string, Record<string, Position>> = existsSync(path)
    ? JSON.parse(readFileSync(path, 'utf8'))
    : {}
  let timer: NodeJS.Timeout | undefined
  const save = () => {
    clearTimeout(timer)
    timer = undefined
    writeAtomically(path, JSON.stringify(positions))
  }
  return {
    save,
    of: ({ id }: Mapping): Readonly<Record<string, Position>> => positions[id] ?? {},
    set({ id }: Mapping, shardId: string, position: Position) {
      positions[id] = { ...positions[id], [shardId]: position }
      timer ??= setTimeout(save, 50)
    },
  }
}

/** Opens the shards there are, and each child once its parent is worked off. Resolves when the first are being read. */
async function readStream(
  running: Running,
  source: streams.StreamSource,
  name: string,
  mappings: readonly BatchedMapping[],
  background: Promise<void>[],
): Promise<void> {
  const { s, kept, signal } = running
  const opened = new Set<string>()

  const open = async (shards: readonly streams.Shard[], newcomers: ReadonlySet<BatchedMapping>) => {
    const ids = new Set(shards.map(({ id }) => id))
    for (const mapping of newcomers) {
      const created = { since: s.clock.now() }
      for (const shard of shards) kept.set(mapping, shard.id, shard.ended ? { closed: true } : created)
    }
    for (const { id, parentId } of shards) {
      const workers = mappings.flatMap(mapping => {
        const isClosed = (shardId: string) => 'closed' in (kept.of(mapping)[shardId] ?? {})
        if (opened.has(`${mapping.id} ${id}`) || isClosed(id)) return []
        if (parentId !== undefined && ids.has(parentId) && !isClosed(parentId)) return []
        opened.add(`${mapping.id} ${id}`)
        return [{ mapping, worker: startWorker(running, source, mapping, id) }]
      })
      for (const [isFresh, group] of Map.groupBy(workers, ({ mapping }) => newcomers.has(mapping))) {
        const start = isFresh ? 'LATEST' : lowest(group.map(({ mapping }) => kept.of(mapping)[id]))
        const readers = group.map(({ worker }) => worker)
        background.push((await startReader(running, source, `${name} ${id}`, id, start, readers)).ended)
      }
      for (const { worker } of workers) background.push(worker.done.then(ended => (ended ? reopen() : undefined)))
    }
  }
  const reopen = async () => {
    while (!signal.aborted) {
      try {
        return await open(await source.shards(), new Set())
      } catch (error) {
        if (!signal.aborted) s.complain(`shards of ${name}`, error)
        await pause(1_000, signal)
      }
    }
  }

  let shards = await source.shards()
  while (shards.length === 0) {
    await pause(100, signal)
    shards = await source.shards()
  }
  const isNew = (mapping: BatchedMapping) => Object.keys(kept.of(mapping)).length === 0
  await open(shards, new Set(mappings.filter(each => each.StartingPosition === 'LATEST' && isNew(each))))
}

function lowest(positions: readonly (Position | undefined)[]): streams.ReadStart {
  let after: string | undefined
  for (const position of positions) {
    if (position === undefined || !('after' in position)) return 'TRIM_HORIZON'
    if (after === undefined || streams.isAfter(after, position.after)) after = position.after
  }
  return after === undefined ? 'TRIM_HORIZON' : { after }
}

/** One reader of a shard for all its mappings. Resolves when it stands at its start. */
async function startReader(
  running: Running,
  source: streams.StreamSource,
  where: string,
  shardId: string,
  start: streams.ReadStart,
  workers: readonly Worker[],
): Promise<{ readonly ended: Promise<void> }> {
  const { s, signal } = running
  let readers = workers
  let last = typeof start === 'string' ? undefined : start.after
  let iterator = ''
  let iteratorSince = 0
  const aim = async (from: streams.ReadStart) => {
    iterator = await source.iterator(shardId, from)
    iteratorSince = performance.now()
  }
  /** Who began at LATEST and has seen nothing yet tells by the stamps what came after. */
  const resume = () => aim(last === undefined ? 'TRIM_HORIZON' : { after: last })

  let quietSince = performance.now()
  /** Reads one page; false at the end of the shard. */
  const readPage = async (): Promise<boolean> => {
    if (performance.now() - iteratorSince > iteratorLifeMillis) await resume()
    const page = await source.read(iterator, shardId)
    const newest = page.records.at(-1)
    if (newest !== undefined) {
      last = newest.sequence
      quietSince = performance.now()
      for (const reader of readers) reader.offer(page.records)
    }
    if (page.next === undefined) {
      for (const reader of readers) reader.end()
      return false
    }
    if (page.next !== iterator) iteratorSince = performance.now()
    iterator = page.next
    return true
  }
  const read = async (): Promise<void> => {
    const detached: Promise<void>[] = []
    while (!signal.aborted) {
      try {
        const full = readers.filter(reader => reader.queued() >= longestQueue)
        if (full.length < readers.length) {
          const from = last === undefined ? 'TRIM_HORIZON' : { after: last }
          for (const reader of full) {
            detached.push((await startReader(running, source, where, shardId, from, [reader])).ended)
            readers = readers.filter(other => other !== reader)
          }
          if (!(await readPage())) break
        }
        const idle = performance.now() - quietSince > idleAfterMillis
        await pause(idle ? source.idlePollMillis : busyPollMillis[source.kind], signal)
      } catch (error) {
        if (signal.aborted) break
        const code = error instanceof streams.StreamError ? error.name : ''
        const isTrimmed = code === 'TrimmedDataAccessException'
        // An iterator expires also when the clock is moved; and one that DynamoDB Local gave for a shard that was still
        // empty counts as trimmed once there is a record.
        if (code !== 'ExpiredIteratorException' && !(isTrimmed && last === undefined)) {
          s.complain(`reading ${where}`, error)
          await pause(1_000, signal)
        }
        if (isTrimmed) last = undefined
        await resume().catch(again => s.complain(`reading ${where}`, again))
      }
    }
    await Promise.all(detached)
  }

  try {
    await aim(start)
  } catch (error) {
    if (!(error instanceof streams.StreamError) || typeof start === 'string') throw error
    s.complain(`${where} no longer knows the kept position and is read from its beginning`, error)
    last = undefined
    await resume()
  }
  return { ended: read() }
}

interface Worker {
  offer(records: readonly streams.StreamRecord[]): void
  queued(): number
  end(): void
  /** True when the shard has been worked off to its end, false when the runtime stopped before. */
  readonly done: Promise<boolean>
}

/** Takes one mapping through one shard: one batch at a time, in order. */
function startWorker(running: Running, source: streams.StreamSource, mapping: BatchedMapping, shardId: string): Worker {
  const { s, signal, kept } = running
  const from = kept.of(mapping)[shardId] ?? { since: 0 }
  let seen = 'after' in from ? from.after : ''
  const isNew = (record: streams.StreamRecord): boolean => {
    if ('since' in from && record.arrivalMillis < from.since - source.stampGranularityMillis) return false
    return streams.isAfter(record.sequence, seen)
  }
  const checkpoint = ({ sequence }: streams.StreamRecord) => kept.set(mapping, shardId, { after: sequence })
  const lane = { ...running, mapping, source, shardId, checkpoint }
  const queue: streams.StreamRecord[] = []
  let ended = false
  let wake = new AbortController()
  const awaken = () => {
    wake.abort()
    wake = new AbortController()
  }
  const sleep = (millis: number) => pause(millis, AbortSignal.any([wake.signal, signal]))

  const work = async (): Promise<boolean> => {
    while (!signal.aborted) {
      const windowEnd = performance.now() + mapping.MaximumBatchingWindowInSeconds * 1000
      if (queue.length === 0) {
        if (ended) break
        await sleep(60_000)
        continue
      }
      while (!ended && !signal.aborted && !isFull(mapping, queue)) {
        const leftMillis = windowEnd - performance.now()
        if (leftMillis <= 0) break
        await sleep(leftMillis)
      }
      const { taken, wanted } = take(mapping, source, queue)
      const newest = taken.at(-1)
      if (signal.aborted || newest === undefined || !(await deliver(lane, wanted))) return false
      checkpoint(newest)
    }
    if (signal.aborted) return false
    kept.set(mapping, shardId, { closed: true })
    return true
  }
  return {
    done: work().catch(error => {
      s.complain(`event source mapping ${mapping.id}`, error)
      return false
    }),
    queued: () => queue.length,
    offer(records) {
      queue.push(...records.filter(isNew))
      seen = records.at(-1)?.sequence ?? seen
      awaken()
    },
    end() {
      ended = true
      awaken()
    },
  }
}

function isFull(mapping: BatchedMapping, queue: readonly streams.StreamRecord[]): boolean {
  return queue.length >= mapping.BatchSize || queue.reduce((sum, { bytes }) => sum + bytes, 0) >= largestPayloadBytes
}

/** Takes a batch off the queue; what the filters do not want is passed over. */
function take(mapping: BatchedMapping, source: streams.StreamSource, queue: streams.StreamRecord[]) {
  const wanted: streams.StreamRecord[] = []
  let bytes = 0
  let count = 0
  for (const record of queue) {
    if (wanted.length === mapping.BatchSize) break
    if (mapping.filters.length === 0 || mapping.filters.some(matches => matches(source.filterable(record)))) {
      bytes += record.bytes
      if (wanted.length > 0 && bytes > largestPayloadBytes) break
      wanted.push(record)
    }
    count += 1
  }
  return { taken: queue.splice(0, count), wanted }
}
