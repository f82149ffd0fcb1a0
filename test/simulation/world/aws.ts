/**
 * The clients of the SDK, answered by the simulated stores: each call takes virtual time there and back, may meet a
 * fault on the way, and belongs to the simulated process that makes it.
 */
import {
  BatchGetItemCommand,
  BatchWriteItemCommand,
  DeleteItemCommand,
  DynamoDBClient,
  DynamoDBServiceException,
  GetItemCommand,
  InternalServerError,
  PutItemCommand,
  QueryCommand as QueryOfItemsCommand,
  ScanCommand as ScanOfItemsCommand,
  ProvisionedThroughputExceededException as TableThroughputExceeded,
  TransactGetItemsCommand,
  TransactionConflictException,
  TransactWriteItemsCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb'
import {
  DescribeStreamSummaryCommand,
  GetRecordsCommand,
  GetShardIteratorCommand,
  KinesisClient,
  KinesisServiceException,
  ListShardsCommand,
  ProvisionedThroughputExceededException,
  PutRecordCommand,
} from '@aws-sdk/client-kinesis'
import {
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3'
import {
  BatchGetCommand,
  BatchWriteCommand,
  DeleteCommand,
  DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  QueryCommand,
  ScanCommand,
  TransactGetCommand,
  TransactWriteCommand,
  UpdateCommand,
} from '@aws-sdk/lib-dynamodb'
import type { CallFault, Faults, Step } from './faults.ts'
import { replaceWhileWorldsStand } from './ground.ts'
import type { SimObjects } from './object-store.ts'
import type { Random } from './random.ts'
import { currentProcess, type Scheduler, type SimProcess, type VirtualEvent } from './scheduler.ts'
import { VirtualAbortSignal } from './signals.ts'
import type { SimStreams } from './stream.ts'
import { type SimTables, transactionCancelled } from './table.ts'

export interface Stores {
  readonly streams: SimStreams
  readonly tables: SimTables
  readonly objects: SimObjects
}

/** There and back, each way. */
export interface Pace {
  readonly stream: readonly [leastMillis: number, mostMillis: number]
  readonly table: readonly [leastMillis: number, mostMillis: number]
  readonly objects: readonly [leastMillis: number, mostMillis: number]
}

export const usualPace: Pace = { stream: [1, 12], table: [1, 6], objects: [5, 40] }

/** A call as hooks and stories see it. */
export interface Call {
  readonly operation: string
  /** Stream, table or bucket; of a transaction the tables, sorted, with a plus between them. */
  readonly target: string
  /** The simulated process; undefined for the world itself. */
  readonly caller: SimProcess | undefined
  readonly input: object
}

/** `matcher UpdateItem lanes`: the row of the table of faults. A transaction's tables differ from one to the next. */
export const stepOf = ({ caller, operation, target }: Call): string =>
  `${caller?.kind ?? 'world'} ${operation}${operation.startsWith('Transact') ? '' : ` ${target}`}`

/** Before the call leaves; when it is done at the store and its caller has not heard; when the caller has heard it. */
export type Moment = 'before' | 'done' | 'after'

export interface StepHook {
  readonly moment: Moment
  readonly matches: (call: Call) => boolean
  readonly act: (call: Call) => void
}

/** Met for certain. */
export interface Insisted {
  readonly fault: CallFault
  readonly matches: (call: Call) => boolean
  /** That are left. */
  times: number
}

interface Context {
  readonly by: SimProcess | undefined
  readonly fault: CallFault | undefined
  /** The same for each attempt of one call; empty where it is made once. */
  readonly token: string
}

interface Operation<Input extends object> {
  readonly name: string
  readonly service: keyof Pace
  readonly writes: boolean
  readonly faults: readonly CallFault[]
  target(input: Input): string
  effect(input: Input, context: Context): object
}

interface Sent {
  readonly input: object
}

interface SendOptions {
  readonly abortSignal?: unknown
}

const always = ['throttled', 'failed', 'answer-lost', 'unanswered', 'slow'] as const
const readFaults: readonly CallFault[] = ['throttled', 'failed', 'unanswered', 'slow']
const writeFaults: readonly CallFault[] = [...always, 'done-twice', 'done-late']
const itemFaults: readonly CallFault[] = [...writeFaults, 'conflict']

const bucketOf = ({ Bucket = '' }: { Bucket?: string | undefined }): string => Bucket
const tableOf = ({ TableName = '' }: { TableName?: string | undefined }): string => TableName
const streamOf = ({ StreamName = '' }: { StreamName?: string | undefined }): string => StreamName

export interface AwsOptions {
  readonly scheduler: Scheduler
  readonly random: Random
  readonly faults: Faults
  readonly stores: Stores
  readonly pace: Pace
  /**
   * Answered at once and without faults, even to who is dead or frozen: for reads that the product keeps a module's copy
   * of, which simulated processes share. A read that never ended for one of them would end for none.
   */
  readonly isAtOnce: (call: Call) => boolean
  /**
   * As long and as faulty as any call, but answered even to who is dead or frozen by then: for reads under way that a
   * module of the product lets all who ask wait for, which simulated processes share too.
   */
  readonly isShared: (call: Call) => boolean
}

/**
 * A connection that has died is noticed after so long, unless the caller has given up before. As short against a day as a
 * schedule's lease is: what matters is that it is longer.
 */
const brokenConnectionMillis = [600, 2_500] as const
const slowness = 20
const lateMillis = [20, 2_000] as const
const $metadata = {}

let answering: SimAws | undefined

/**
 * What a command is made upon: beside its input it carries a stack of middleware, of which only a client that really
 * sends has a use: some twenty closures each, and a command of a table has two of them.
 */
class BareCommand {
  readonly middlewareStack = { add: () => undefined }
}

/** The class of its line that is made upon the command of all commands. */
const lowestOf = (command: object): object => {
  let lowest = command
  for (;;) {
    const above: unknown = Object.getPrototypeOf(lowest)
    if (typeof above !== 'function' || Object.getPrototypeOf(above) === Function.prototype) return lowest
    lowest = above
  }
}

const simulated = [
  [PutRecordCommand, GetShardIteratorCommand, GetRecordsCommand, ListShardsCommand, DescribeStreamSummaryCommand],
  [PutObjectCommand, GetObjectCommand, ListObjectsV2Command, DeleteObjectCommand],
  [GetItemCommand, PutItemCommand, UpdateItemCommand, DeleteItemCommand, QueryOfItemsCommand, ScanOfItemsCommand],
  [TransactGetItemsCommand, TransactWriteItemsCommand, BatchGetItemCommand, BatchWriteItemCommand],
  // Stands for all that take documents.
  [GetCommand],
]
// It is where a class finds what its super() calls.
for (const command of new Set(simulated.flat().map(lowestOf))) Object.setPrototypeOf(command, BareCommand)

for (const { prototype } of [KinesisClient, DynamoDBClient, DynamoDBDocumentClient, S3Client])
  replaceWhileWorldsStand({
    of: prototype,
    member: 'send',
    by: real =>
      function send(this: object, command: Sent, options?: SendOptions, ...more: unknown[]): unknown {
        if (answering !== undefined) return answering.send(command, options)
        if (typeof real !== 'function') throw new TypeError('a client that cannot send')
        return Reflect.apply(real, this, [command, options, ...more])
      },
  })

export class SimAws {
  readonly hooks: StepHook[] = []
  readonly insisted: Insisted[] = []
  /** Told of each call and what became of it: for a story. */
  onCall: ((call: Call, what: string) => void) | undefined
  /** No PutObject has room before that. */
  diskFullUntilMillis = 0
  private readonly options: AwsOptions
  private readonly operations = new Map<unknown, Operation<object>>()
  /** Of each caller. */
  private readonly steps = new Map<object, Map<Operation<object>, Map<string, Step>>>()
  private calls = 0
  private readonly shared = new Set<SentCall>()

  constructor(options: AwsOptions) {
    this.options = options
    this.simulateStreams()
    this.simulateTables()
    this.simulateObjects()
  }

  /** From now on it answers all clients; answers how to end that. */
  install(): () => void {
    answering = this
    return () => {
      answering = undefined
    }
  }

  /** At the end of the world: whoever still waits for a shared read hears that it has failed, and forgets it. */
  breakShared(): void {
    for (const sent of this.shared) sent.break()
    this.shared.clear()
  }

  clear(): void {
    this.hooks.length = 0
    this.operations.clear()
    this.steps.clear()
  }

  private on<Input extends object>(
    command: new (input: Input) => { readonly input: Input },
    operation: Operation<Input>,
  ): void {
    this.operations.set(command, operation)
  }

  private simulateStreams(): void {
    const { streams } = this.options.stores
    const { random } = this.options
    const service = 'stream'
    const read = { service, writes: false, faults: readFaults, target: streamOf } as const
    this.on(PutRecordCommand, {
      name: 'PutRecord',
      service,
      writes: true,
      faults: [...writeFaults, 'stamp-back'],
      target: streamOf,
      effect: (input, { by, fault }) => streams.named(input.StreamName).putRecord(input, by, fault === 'stamp-back'),
    })
    this.on(GetShardIteratorCommand, {
      ...read,
      name: 'GetShardIterator',
      effect: input => streams.named(input.StreamName).iterator(input),
    })
    this.on(GetRecordsCommand, {
      name: 'GetRecords',
      service,
      writes: false,
      faults: [...readFaults, 'iterator-expired', 'records-repeated'],
      target: input => streams.ofIterator(input).name,
      effect: (input, { fault }) =>
        streams
          .ofIterator(input)
          .getRecords(input, fault === 'iterator-expired', fault === 'records-repeated' ? 1 + random.below(20) : 0),
    })
    this.on(ListShardsCommand, { ...read, name: 'ListShards', effect: input => streams.ofInput(input).listShards() })
    this.on(DescribeStreamSummaryCommand, {
      ...read,
      name: 'DescribeStreamSummary',
      effect: input => streams.ofInput(input).summary(),
    })
  }

  private simulateTables(): void {
    const { tables } = this.options.stores
    const read = { service: 'table', writes: false, faults: readFaults } as const
    const write = { service: 'table', writes: true, faults: itemFaults } as const
    this.on(GetCommand, { ...read, name: 'GetItem', target: tableOf, effect: input => tables.get(input) })
    this.on(QueryCommand, { ...read, name: 'Query', target: tableOf, effect: input => tables.query(input) })
    this.on(ScanCommand, { ...read, name: 'Scan', target: tableOf, effect: input => tables.scan(input) })
    this.on(TransactGetCommand, {
      ...read,
      name: 'TransactGetItems',
      target: ({ TransactItems = [] }) => named(TransactItems.map(({ Get }) => Get?.TableName)),
      effect: input => tables.transactGet(input),
    })
    this.on(BatchGetCommand, {
      ...read,
      name: 'BatchGetItem',
      target: ({ RequestItems = {} }) => named(Object.keys(RequestItems)),
      effect: input => tables.batchGet(input),
    })
    this.on(PutCommand, {
      ...write,
      name: 'PutItem',
      target: tableOf,
      effect: (input, { by }) => tables.put(input, by),
    })
    this.on(UpdateCommand, {
      ...write,
      name: 'UpdateItem',
      target: tableOf,
      effect: (input, { by }) => tables.update(input, by),
    })
    this.on(DeleteCommand, {
      ...write,
      name: 'DeleteItem',
      target: tableOf,
      effect: (input, { by }) => tables.delete(input, by),
    })
    this.on(BatchWriteCommand, {
      ...write,
      name: 'BatchWriteItem',
      faults: writeFaults,
      target: ({ RequestItems = {} }) => named(Object.keys(RequestItems)),
      effect: (input, { by }) => tables.batchWrite(input, by),
    })
    this.on(TransactWriteCommand, {
      ...write,
      name: 'TransactWriteItems',
      target: ({ TransactItems = [] }) =>
        named(
          TransactItems.map(
            ({ ConditionCheck, Put, Update, Delete }) => (ConditionCheck ?? Put ?? Update ?? Delete)?.TableName,
          ),
        ),
      effect: (input, { by, token }) => tables.transactWrite(input, input.ClientRequestToken ?? token, by),
    })
  }

  private simulateObjects(): void {
    const { objects } = this.options.stores
    const { scheduler } = this.options
    const service = 'objects'
    this.on(PutObjectCommand, {
      name: 'PutObject',
      service,
      writes: true,
      faults: [...writeFaults, 'disk-full', 'stored-flipped', 'stored-cut', 'stored-altered'],
      target: bucketOf,
      effect: (input, { by, fault }) =>
        objects.put(input, by, scheduler.nowMillis < this.diskFullUntilMillis ? 'disk-full' : fault),
    })
    this.on(GetObjectCommand, {
      name: 'GetObject',
      service,
      writes: false,
      faults: [...readFaults, 'read-damaged'],
      target: bucketOf,
      effect: (input, { fault }) => objects.get(input, fault),
    })
    this.on(ListObjectsV2Command, {
      name: 'ListObjectsV2',
      service,
      writes: false,
      faults: readFaults,
      target: bucketOf,
      effect: input => objects.list(input),
    })
    this.on(DeleteObjectCommand, {
      name: 'DeleteObject',
      service,
      writes: true,
      faults: writeFaults,
      target: bucketOf,
      effect: (input, { by }) => objects.delete(input, by),
    })
  }

  send(command: Sent, options: SendOptions = {}): Promise<object> {
    const operation = this.operations.get(command.constructor)
    if (operation === undefined) throw new Error(`${command.constructor.name} is not simulated`)
    const caller = currentProcess()
    const { input } = command
    const call: Call = { operation: operation.name, target: operation.target(input), caller, input }
    if (this.options.isAtOnce(call)) return answered(operation, input, caller)
    if (isEnded(caller)) return unanswered()
    if (this.hooks.length > 0) this.reach('before', call)
    // As the hook may have ended it. What is frozen before its call does make it, when it goes on.
    if (isEnded(caller)) return unanswered()
    const { signal, isRefused } = signalOf(options.abortSignal)
    if (isRefused) return Promise.reject(new TypeError('an AbortSignal of before the simulation'))
    if (signal?.aborted === true) return Promise.reject(aborted())
    return new Promise((resolve, reject) => {
      const isShared = this.options.isShared(call)
      const sent = new SentCall(this.options.scheduler, call, resolve, reject, signal, isShared)
      if (isShared) {
        this.shared.add(sent)
        // In a variable first: see `createMargin` of the trading floor.
        const forget = () => this.shared.delete(sent)
        sent.onSettled = forget
      }
      if (caller?.state === 'frozen') this.options.scheduler.schedule(caller, 0, () => this.travel(operation, sent))
      else this.travel(operation, sent)
    })
  }

  private travel(operation: Operation<object>, sent: SentCall): void {
    const { scheduler, faults, random } = this.options
    const { call } = sent
    const { caller } = call
    const step = this.step(operation, call)
    step.times++
    const fault = this.insistedFor(operation, call) ?? faults.ofCall(operation, caller)
    if (fault !== undefined) {
      faults.counts.hit(fault, step.name)
      if (fault === 'disk-full') this.diskFullUntilMillis = scheduler.nowMillis + random.between(100, 5_000)
    }
    this.onCall?.(call, fault === undefined ? 'asks' : `asks, and meets ${fault}`)
    const there = this.legMillis(operation, fault)
    const back = this.legMillis(operation, fault)
    switch (fault) {
      case 'throttled':
        sent.settle(there + back, throttledBy(operation))
        break
      case 'failed':
        sent.settle(there + back, random.chance(0.5) ? brokenConnection() : internalErrorOf(operation))
        break
      case 'conflict':
        sent.settle(there + back, conflictOf(operation, call.input, random))
        break
      case 'answer-lost':
        this.arrive(operation, sent, there, fault, '')
        sent.settle(there + back + 1, random.chance(0.5) ? brokenConnection() : internalErrorOf(operation))
        break
      case 'done-late': {
        const [least, most] = lateMillis
        const lateBy = random.between(least, most)
        this.arrive(operation, sent, there + lateBy, fault, '')
        sent.settle(Math.min(there + back, lateBy), brokenConnection())
        break
      }
      case 'unanswered': {
        if (random.chance(0.5)) this.arrive(operation, sent, there, fault, '')
        const [least, most] = brokenConnectionMillis
        sent.settle(there + random.between(least, most), brokenConnection())
        break
      }
      case 'done-twice': {
        // The first attempt's outcome is lost; what the second one comes to is the answer.
        const token = `own-${++this.calls}`
        this.arrive(operation, sent, there, fault, token)
        const again = there + back + this.legMillis(operation, undefined)
        this.arrive(operation, sent, again, fault, token, back)
        break
      }
      default:
        this.arrive(operation, sent, there, fault, '', back)
    }
  }

  private insistedFor(operation: Operation<object>, call: Call): CallFault | undefined {
    if (this.insisted.length === 0 || this.options.faults.calmed) return undefined
    const found = this.insisted.find(
      each => each.times > 0 && operation.faults.includes(each.fault) && each.matches(call),
    )
    if (found !== undefined) found.times--
    return found?.fault
  }

  /** At the store; answered where it says how long the way back is. */
  private arrive(
    operation: Operation<object>,
    sent: SentCall,
    afterMillis: number,
    fault: CallFault | undefined,
    token: string,
    backMillis?: number,
  ): void {
    const { scheduler, random } = this.options
    const { call } = sent
    const { caller } = call
    scheduler.schedule(undefined, afterMillis, () => {
      // What its machine had not sent yet when it died is not sent any more; a call that shall be late has been.
      if (isEnded(caller) && fault !== 'done-late' && random.chance(0.5)) return
      let answer: { readonly value: object } | { readonly error: unknown }
      try {
        answer = { value: operation.effect(call.input, { by: caller, fault, token }) }
      } catch (error) {
        answer = { error }
        // Nothing that a service says: a mistake of the product's, or of the simulation.
        if (!(error instanceof Error && '$metadata' in error)) scheduler.failures.push(error)
      }
      this.onCall?.(call, 'value' in answer ? 'is done' : `is refused: ${String(answer.error)}`)
      if (this.hooks.length > 0) this.reach('done', call)
      if (backMillis === undefined) return
      const heard = this.hooks.length > 0 ? () => this.reach('after', call) : undefined
      if ('value' in answer) sent.settleWith(backMillis, answer.value, heard)
      else sent.settle(backMillis, answer.error, heard)
    })
  }

  private legMillis({ service }: Operation<object>, fault: CallFault | undefined): number {
    const { pace, random } = this.options
    const [least, most] = pace[service]
    const millis = least + random.unit() * (most - least)
    return fault === 'slow' ? millis * slowness : millis
  }

  /** Hooks may be added and removed by what they do. */
  private reach(moment: Moment, call: Call): void {
    let met: StepHook[] | undefined
    for (const hook of this.hooks)
      if (hook.moment === moment && hook.matches(call)) {
        if (met === undefined) met = [hook]
        else met.push(hook)
      }
    if (met === undefined) return
    for (const hook of met)
      if (moment === 'after') this.options.scheduler.afterTurn.push(() => hook.act(call))
      else hook.act(call)
  }

  private step(operation: Operation<object>, call: Call): Step {
    const of = call.caller ?? this
    let byTarget = this.steps.get(of)?.get(operation)
    if (byTarget === undefined) {
      byTarget = new Map()
      const byOperation = this.steps.get(of) ?? new Map()
      this.steps.set(of, byOperation.set(operation, byTarget))
    }
    let step = byTarget.get(call.target)
    if (step === undefined) {
      step = this.options.faults.counts.step(stepOf(call), operation.faults)
      byTarget.set(call.target, step)
    }
    return step
  }
}

/** One that waits for its answer, or has it. */
class SentCall {
  readonly call: Call
  private readonly scheduler: Scheduler
  private readonly resolve: (value: object) => void
  private readonly reject: (error: unknown) => void
  private readonly signal: VirtualAbortSignal | undefined
  private readonly deadlineMillis: number
  private isSettled = false
  private coming: VirtualEvent | undefined
  private readonly listener: SimProcess | undefined
  onSettled: (() => void) | undefined
  private readonly abort = () => this.finish(undefined, aborted())

  constructor(
    scheduler: Scheduler,
    call: Call,
    resolve: (value: object) => void,
    reject: (error: unknown) => void,
    signal: VirtualAbortSignal | undefined,
    isShared: boolean,
  ) {
    this.scheduler = scheduler
    this.call = call
    this.listener = isShared ? undefined : call.caller
    this.resolve = resolve
    this.reject = reject
    this.signal = signal
    // Only controllers are listened to; deadlines are known.
    signal?.onControllers('add', this.abort)
    this.deadlineMillis = signal?.deadlineMillis ?? Number.POSITIVE_INFINITY
  }

  settle(afterMillis: number, error: unknown, heard?: () => void): void {
    this.expect(afterMillis, () => this.finish(undefined, error), heard)
  }

  settleWith(afterMillis: number, value: object, heard?: () => void): void {
    this.expect(afterMillis, () => this.finish(value, undefined), heard)
  }

  break(): void {
    this.finish(undefined, brokenConnection())
  }

  private expect(afterMillis: number, finish: () => void, heard: (() => void) | undefined): void {
    if (this.isSettled) return
    const { scheduler } = this
    const leftMillis = this.deadlineMillis - scheduler.nowMillis
    this.coming = scheduler.schedule(this.listener, Math.max(0, Math.min(afterMillis, leftMillis)), () => {
      // After a long sleep both have come, the answer and the end of patience: Node looks at its timers first.
      if (afterMillis > leftMillis || this.deadlineMillis < scheduler.nowMillis) this.finish(undefined, aborted())
      else {
        finish()
        heard?.()
      }
    })
  }

  private finish(value: object | undefined, error: unknown): void {
    if (this.isSettled) return
    this.isSettled = true
    this.coming?.cancel()
    this.signal?.onControllers('remove', this.abort)
    this.onSettled?.()
    if (value === undefined) this.reject(error)
    else this.resolve(value)
  }
}

const answered = async (operation: Operation<object>, input: object, by: SimProcess | undefined): Promise<object> =>
  operation.effect(input, { by, fault: undefined, token: '' })

/** One for each, or it would remember all who wait for it. */
const unanswered = (): Promise<never> => new Promise(() => undefined)

const isEnded = (process: SimProcess | undefined): boolean => process?.state === 'ended'

const signalOf = (given: unknown): { signal?: VirtualAbortSignal; isRefused: boolean } => {
  if (given === undefined) return { isRefused: false }
  return given instanceof VirtualAbortSignal ? { signal: given, isRefused: false } : { isRefused: true }
}

const named = (tables: readonly (string | undefined)[]): string => {
  const distinct: string[] = []
  for (const table of tables) if (table !== undefined && !distinct.includes(table)) distinct.push(table)
  return distinct.sort().join('+')
}

// Errors as they reach who calls a client that has tried again a few times by itself.

const aborted = (): Error => Object.assign(new Error('Request aborted'), { name: 'AbortError' })

const brokenConnection = (): Error => Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET', $metadata })

const internalErrorOf = ({ service }: Operation<object>): Error => {
  switch (service) {
    case 'stream':
      return new KinesisServiceException({
        name: 'InternalFailure',
        $fault: 'server',
        $metadata,
        message: 'Internal service failure',
      })
    case 'table':
      return new InternalServerError({ message: 'Internal server error', $metadata })
    case 'objects':
      return new S3ServiceException({
        name: 'InternalError',
        $fault: 'server',
        $metadata,
        message: 'We encountered an internal error. Please try again.',
      })
  }
}

const throttledBy = ({ service, name }: Operation<object>): Error => {
  const message = 'Rate exceeded'
  switch (service) {
    case 'stream':
      return name === 'PutRecord' || name === 'GetRecords'
        ? new ProvisionedThroughputExceededException({ message, $metadata })
        : new KinesisServiceException({ name: 'LimitExceededException', $fault: 'client', $metadata, message })
    case 'table':
      if (name === 'TransactWriteItems') return transactionCancelled(['ThrottlingError'])
      return name === 'Query'
        ? new DynamoDBServiceException({ name: 'ThrottlingException', $fault: 'client', $metadata, message })
        : new TableThroughputExceeded({ message, $metadata })
    case 'objects':
      return new S3ServiceException({ name: 'SlowDown', $fault: 'server', $metadata, message })
  }
}

const conflictOf = ({ name }: Operation<object>, input: object, random: Random): Error => {
  const items = 'TransactItems' in input && Array.isArray(input.TransactItems) ? input.TransactItems.length : 0
  if (name !== 'TransactWriteItems')
    return new TransactionConflictException({ message: 'Transaction is ongoing for the item', $metadata })
  const at = random.below(items)
  return transactionCancelled(
    Array.from({ length: items }, (_, index) => (index === at ? 'TransactionConflict' : 'None')),
  )
}
