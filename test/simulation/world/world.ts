/** A simulated world for one schedule: stores, clock, chance and processes, on which the product itself runs. */
import './quiet.ts'
import { crc32 } from 'node:zlib'
import {
  executionStreamEnvironmentVariable,
  lanesEnvironmentVariable,
  orderStreamEnvironmentVariable,
  snapshotBucketEnvironmentVariable,
} from '#protocol/streams.ts'
import { type Table, tables as tableDefinitions } from '#protocol/tables.ts'
import { type AwsOptions, type Call, type Moment, type Pace, SimAws, type StepHook, stepOf, usualPace } from './aws.ts'
import { type CallFault, type FaultRates, Faults, type ProcessFault } from './faults.ts'
import { standOn, wallMillis } from './ground.ts'
import { type MappingOptions, SimMapping } from './mapping.ts'
import { SimObjects } from './object-store.ts'
import { Random } from './random.ts'
import { type ProcessOptions, type RunEnd, Scheduler, type SimProcess } from './scheduler.ts'
import { SimStream, SimStreams, type StreamOptions } from './stream.ts'
import { SimTables } from './table.ts'

export interface WorldOptions {
  readonly seed: number
  readonly rates?: FaultRates
  readonly lanes?: readonly number[]
  readonly pace?: Pace
  readonly stream?: StreamOptions
  /** What the wall says at the beginning. */
  readonly startMillis?: number
  readonly environment?: Readonly<Record<string, string>>
  readonly isAtOnce?: AwsOptions['isAtOnce']
  readonly isShared?: AwsOptions['isShared']
}

interface Moments {
  /** Before the call leaves; when it is done and its caller has not heard; when the caller has heard. */
  readonly moment: Moment
  readonly matches: (call: Call) => boolean
  /** The first such call unless told. */
  readonly nth?: number
}

export interface Occasion extends Moments {
  readonly act: (call: Call) => void
}

export interface Mishap extends Moments {
  readonly how: ProcessFault
  /** Of a frozen one. */
  readonly forMillis?: number
  /** In no process, right after. */
  readonly afterwards?: (call: Call) => void
}

const usualStartMillis = Date.UTC(2026, 0, 5, 9)
const bucket = 'snapshots'
/** The product keeps a module's copy of it. */
const isOfInstruments = (call: Call): boolean => call.operation === 'Query' && call.target === 'instruments'
/** All who ask for a lane's lease in one module of the intake wait for one read. */
const isOfLease = ({ operation, target, caller }: Call): boolean =>
  operation === 'GetItem' && target === 'lanes' && caller?.kind === 'intake'

export const orderStreamName = (lane: number): string => `orders-${lane}`
export const executionStreamName = (lane: number): string => `executions-${lane}`

export class World {
  readonly seed: number
  /** For what the schedule itself draws. */
  readonly random: Random
  readonly scheduler: Scheduler
  readonly faults: Faults
  readonly streams = new SimStreams()
  readonly tables: SimTables
  readonly objects: SimObjects
  readonly aws: SimAws
  private readonly forMappings: Random
  private readonly undo: (() => void)[] = []

  constructor(options: WorldOptions) {
    const { seed, rates = {}, lanes = [1], pace = usualPace, stream = {}, startMillis = usualStartMillis } = options
    this.seed = seed
    const root = new Random(seed)
    this.random = root.fork('schedule')
    const scheduler = new Scheduler(root.fork('ties'))
    this.scheduler = scheduler
    this.faults = new Faults(root.fork('faults'), rates)
    this.forMappings = root.fork('mappings')
    const now = () => scheduler.nowMillis
    for (const lane of lanes)
      for (const name of [orderStreamName(lane), executionStreamName(lane)])
        this.streams.add(new SimStream(name, stream, root.fork(name), now, () => startMillis + now()))
    this.tables = new SimTables(Object.values<Table>(tableDefinitions), now)
    this.objects = new SimObjects(root.fork('objects'))
    const { streams, tables, objects, faults } = this
    this.aws = new SimAws({
      scheduler,
      random: root.fork('calls'),
      faults,
      stores: { streams, tables, objects },
      pace,
      isAtOnce: options.isAtOnce ?? isOfInstruments,
      isShared: options.isShared ?? isOfLease,
    })
    this.hashWhatIsStored(lanes)
    const environment = { ...environmentOf(lanes), ...options.environment }
    this.undo.push(standOn({ scheduler, random: root.fork('globals'), startMillis, environment }))
    this.undo.push(this.aws.install())
  }

  /** In no process: the world's own wall clock. */
  wallMillis(): number {
    return wallMillis()
  }

  orders(lane: number): SimStream {
    return this.streams.named(orderStreamName(lane))
  }

  executions(lane: number): SimStream {
    return this.streams.named(executionStreamName(lane))
  }

  /** Ends when `main` does, and then all that it has left running does too. */
  spawn(options: ProcessOptions, main: () => Promise<unknown> | undefined): SimProcess {
    return this.scheduler.spawn(options, main)
  }

  /** In no process, at that virtual time from now on. */
  after(delayMillis: number, what: () => void): void {
    this.scheduler.schedule(undefined, delayMillis, what)
  }

  kill(process: SimProcess): void {
    this.scheduler.kill(process)
  }

  freeze(process: SimProcess, forMillis?: number): void {
    this.scheduler.freeze(process)
    if (forMillis !== undefined) this.after(forMillis, () => this.scheduler.resume(process))
  }

  resume(process: SimProcess): void {
    this.scheduler.resume(process)
  }

  /** Does it at that moment of the nth such call, and never again; answers how to call it off. */
  when({ moment, matches, nth = 1, act }: Occasion): () => void {
    const { hooks } = this.aws
    let met = 0
    const hook: StepHook = {
      moment,
      matches,
      act: call => {
        if (call.caller?.state !== 'running' || ++met !== nth) return
        off()
        if (!this.faults.calmed) act(call)
      },
    }
    const off = () => {
      const at = hooks.indexOf(hook)
      if (at >= 0) hooks.splice(at, 1)
    }
    hooks.push(hook)
    return off
  }

  /** Kills or freezes whoever makes that call, at that moment of it; answers how to call it off. */
  crashAt({ how, forMillis = 10_000, afterwards, ...occasion }: Mishap): () => void {
    return this.when({
      ...occasion,
      act: call => {
        const { caller } = call
        if (caller === undefined) return
        this.faults.counts.hit(how, `${stepOf(call)}, ${occasion.moment}`)
        if (how === 'killed') this.kill(caller)
        else this.freeze(caller, forMillis)
        afterwards?.(call)
      },
    })
  }

  /** The next such calls meet that fault, whatever else would be drawn for them. */
  insist(fault: CallFault, matches: (call: Call) => boolean, times = 1): void {
    this.aws.insisted.push({ fault, matches, times })
  }

  mapping(options: MappingOptions): SimMapping {
    return new SimMapping(options, this.scheduler, this.faults, this.forMappings)
  }

  /** No more faults. What is frozen stays so until it is resumed. */
  calm(): void {
    this.faults.calm()
    this.aws.diskFullUntilMillis = 0
  }

  /** Until `stop`, or until nothing is left to happen, or for so long in virtual time. */
  run(forMillis = Number.POSITIVE_INFINITY): Promise<RunEnd> {
    return this.scheduler.run(this.scheduler.nowMillis + forMillis)
  }

  stop(): void {
    this.scheduler.stop()
  }

  /**
   * Gives the globals and the clients back; no world can be made before that. Nothing of it can be asked any more: what
   * V8 has put among what is old would keep all of it until everything is collected, a seventh of a schedule's cost.
   */
  async end(): Promise<void> {
    for (const process of this.scheduler.all) this.scheduler.kill(process)
    this.aws.breakShared()
    await this.scheduler.drained()
    for (const undo of this.undo.splice(0).toReversed()) undo()
    const { scheduler, streams, tables, objects, aws } = this
    for (const held of [scheduler, streams, tables, objects, aws]) held.clear()
  }

  /** Makes the trace's hash that of what was written too, not of its times alone. */
  private hashWhatIsStored(lanes: readonly number[]): void {
    const { scheduler } = this
    for (const lane of lanes)
      for (const stream of [this.orders(lane), this.executions(lane)])
        stream.watch(({ data }) => scheduler.trace(crc32(data)))
    this.objects.watch((_, bytes) => scheduler.trace(bytes?.length ?? -1))
    this.tables.watch(changes => {
      for (const { table } of changes) scheduler.trace(table.length)
    })
  }
}

/** One world, from its making to its end; the director is a process that meets no faults, and when it ends all does. */
export const inWorld = async <Result>(
  options: WorldOptions,
  direct: (world: World) => Promise<Result>,
  /** Virtual time that it may take. */
  limitMillis = 3_600_000,
): Promise<Result> => {
  const world = new World(options)
  try {
    const director = world.spawn({ name: 'director', kind: 'director', isFaultless: true }, () => run())
    let result: { readonly value: Result } | undefined
    const run = async () => {
      result = { value: await direct(world) }
    }
    director.whenEnded(() => world.stop())
    const how = await world.run(limitMillis)
    if (director.ending?.how === 'threw') throw director.ending.error
    if (world.scheduler.failures.length > 0) throw world.scheduler.failures[0]
    if (result === undefined)
      throw new Error(`seed ${options.seed}: ${how === 'idle' ? 'nothing happens any more' : 'it takes too long'}`)
    return result.value
  } finally {
    await world.end()
  }
}

const environmentOf = (lanes: readonly number[]): Readonly<Record<string, string>> => ({
  AWS_REGION: 'eu-central-1',
  AWS_ACCESS_KEY_ID: 'simulated',
  AWS_SECRET_ACCESS_KEY: 'simulated',
  TENANT: 'simulated',
  [lanesEnvironmentVariable]: lanes.join(','),
  [snapshotBucketEnvironmentVariable]: bucket,
  ...Object.fromEntries(
    Object.values<Table>(tableDefinitions).map(({ environmentVariable, name }) => [environmentVariable, name]),
  ),
  ...Object.fromEntries(
    lanes.flatMap(lane => [
      [orderStreamEnvironmentVariable(lane), orderStreamName(lane)],
      [executionStreamEnvironmentVariable(lane), executionStreamName(lane)],
    ]),
  ),
})
