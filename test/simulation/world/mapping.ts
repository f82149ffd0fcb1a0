/**
 * An event source mapping: delivers the records of a stream to a function as Lambda does, at least once, in order, again
 * from the record that the function names as failed; and, as faults, all else that happens to deliveries.
 */
import { deliveryFaults, type Faults } from './faults.ts'
import type { Random } from './random.ts'
import type { Scheduler, SimProcess } from './scheduler.ts'
import type { SimStream, StoredRecord } from './stream.ts'

export interface DeliveredRecord {
  readonly sequenceNumber: string
  readonly data: Uint8Array
}

export type Handler = (records: readonly DeliveredRecord[]) => Promise<unknown>

export interface MappingOptions {
  /** Its sandboxes are `<name>-1` and so on. */
  readonly name: string
  readonly kind?: string
  readonly stream: SimStream
  /** Called in each new sandbox: what a function keeps for as long as it lives is made here. */
  readonly makeHandler: () => Handler
  /** Until what is in the stream is delivered. */
  readonly pollMillis?: readonly [least: number, most: number]
  /** Of one delivery; drawn up to it. */
  readonly mostRecords?: number
  readonly timeoutMillis?: number
  /** Of one batch; then it is passed over. Without end unless given. */
  readonly mostAttempts?: number
}

interface Invocation {
  readonly sandbox: SimProcess
  readonly batch: readonly StoredRecord[]
  /** The mapping has given it up, and does not hear what comes of it. */
  isAbandoned: boolean
}

const retryMillis = [20, 200] as const
const untilFaultMillis = [0, 40] as const
const sleepMillis = [20, 900] as const

export class SimMapping {
  private readonly options: Required<Omit<MappingOptions, 'kind'>> & { readonly kind: string }
  private readonly scheduler: Scheduler
  private readonly faults: Faults
  private readonly random: Random
  private readonly step: string
  /** The last record that is done, or passed over. */
  private position = ''
  private sandbox: SimProcess | undefined
  private handlers = new Map<SimProcess, Handler>()
  private running: Invocation | undefined
  private isPolling = false
  private sandboxes = 0
  private attempts = 0
  /** What it passes over. */
  private isPassed: ((record: StoredRecord) => boolean) | undefined

  constructor(options: MappingOptions, scheduler: Scheduler, faults: Faults, random: Random) {
    this.options = {
      kind: 'projector',
      pollMillis: [5, 120],
      mostRecords: 40,
      timeoutMillis: 4_000,
      mostAttempts: Number.POSITIVE_INFINITY,
      ...options,
    }
    this.scheduler = scheduler
    this.faults = faults
    this.random = random
    this.step = `${this.options.kind} Invoke ${this.options.name}`
    this.options.stream.watch(() => this.pollSoon())
    if (this.options.stream.records.length > 0) this.pollSoon()
  }

  /** Everything that is in the stream now is delivered, and done. */
  get isCaughtUp(): boolean {
    return this.running === undefined && this.position === (this.options.stream.records.at(-1)?.sequenceNumber ?? '')
  }

  /** Where it delivers now, if there is one. */
  get currentSandbox(): SimProcess | undefined {
    return this.sandbox
  }

  /** From now on those records are given up without their being delivered, as after too many attempts. */
  passOver(isPassed: ((record: StoredRecord) => boolean) | undefined): void {
    this.isPassed = isPassed
  }

  private pollSoon(range: readonly [least: number, most: number] = this.options.pollMillis): void {
    if (this.isPolling || this.running !== undefined) return
    this.isPolling = true
    this.scheduler.schedule(undefined, this.random.between(...range), () => {
      this.isPolling = false
      this.poll()
    })
  }

  private poll(): void {
    if (this.running !== undefined) return
    const { stream, mostRecords } = this.options
    const from = stream.indexAfter(this.position, false)
    const most = from + 1 + this.random.below(mostRecords)
    const batch: StoredRecord[] = []
    for (let at = from; at < most; at++) {
      const record = stream.records[at]
      if (record === undefined || record.visibleMillis > this.scheduler.nowMillis) break
      if (batch.length > 0 && this.isGivenUp(record)) break
      batch.push(record)
    }
    const [first] = batch
    if (first !== undefined && this.isGivenUp(first)) {
      this.faults.counts.hit('delivery-skipped', this.step)
      this.pass([first])
      return
    }
    if (batch.length > 0) this.deliver(batch)
    else if (from < stream.records.length) this.pollSoon()
  }

  private isGivenUp(record: StoredRecord): boolean {
    return this.isPassed !== undefined && !this.faults.calmed && this.isPassed(record)
  }

  private deliver(batch: readonly StoredRecord[]): void {
    const { faults, step } = this
    faults.counts.step(step, deliveryFaults).times++
    if (faults.ofDelivery('delivery-skipped')) {
      faults.counts.hit('delivery-skipped', step)
      this.pass(batch)
      return
    }
    if (this.sandbox !== undefined && faults.ofDelivery('delivery-cold')) {
      faults.counts.hit('delivery-cold', step)
      this.scheduler.kill(this.sandbox)
    }
    this.invoke(batch)
  }

  private invoke(batch: readonly StoredRecord[]): void {
    const { scheduler, random } = this
    const sandbox = this.sandbox?.state === 'running' ? this.sandbox : this.newSandbox()
    this.sandbox = sandbox
    const invocation: Invocation = { sandbox, batch, isAbandoned: false }
    this.running = invocation
    const records = batch.map(({ sequenceNumber, data }) => ({ sequenceNumber, data }))
    scheduler.schedule(sandbox, 0, () => {
      let handler = this.handlers.get(sandbox)
      if (handler === undefined) {
        handler = this.options.makeHandler()
        this.handlers.set(sandbox, handler)
      }
      handler(records).then(
        () => this.succeed(invocation),
        (error: unknown) => this.fail(invocation, error),
      )
    })
    for (const fault of ['delivery-abandoned', 'delivery-frozen', 'delivery-killed'] as const) {
      if (!this.faults.ofDelivery(fault)) continue
      scheduler.schedule(undefined, random.between(...untilFaultMillis), () => this.disturb(invocation, fault))
      break
    }
    scheduler.schedule(undefined, this.options.timeoutMillis, () => {
      if (this.running === invocation) scheduler.kill(sandbox)
    })
  }

  private newSandbox(): SimProcess {
    const { kind, name } = this.options
    const sandbox = this.scheduler.spawn({ name: `${name}-${++this.sandboxes}`, kind }, () => undefined)
    sandbox.whenEnded(() => {
      this.handlers.delete(sandbox)
      if (this.sandbox === sandbox) this.sandbox = undefined
      if (this.running?.sandbox === sandbox) this.again()
    })
    return sandbox
  }

  private disturb(invocation: Invocation, fault: 'delivery-abandoned' | 'delivery-frozen' | 'delivery-killed'): void {
    // Over already, or after the faults.
    if (this.running !== invocation || this.faults.calmed) return
    this.faults.counts.hit(fault, this.step)
    const { sandbox } = invocation
    if (fault === 'delivery-killed') {
      this.scheduler.kill(sandbox)
      return
    }
    invocation.isAbandoned = true
    this.sandbox = undefined
    if (fault === 'delivery-frozen') {
      this.scheduler.freeze(sandbox)
      this.scheduler.schedule(undefined, this.random.between(...sleepMillis), () => this.scheduler.resume(sandbox))
    }
    this.again()
  }

  private again(): void {
    this.running = undefined
    this.pollSoon(retryMillis)
  }

  private pass(batch: readonly StoredRecord[]): void {
    this.position = batch.at(-1)?.sequenceNumber ?? this.position
    this.attempts = 0
    this.running = undefined
    this.pollSoon()
  }

  private succeed(invocation: Invocation): void {
    if (!this.isHeard(invocation)) return
    if (!this.faults.ofDelivery('delivery-repeated')) {
      this.pass(invocation.batch)
      return
    }
    this.faults.counts.hit('delivery-repeated', this.step)
    this.running = undefined
    this.invoke(invocation.batch)
  }

  private fail(invocation: Invocation, error: unknown): void {
    if (!this.isHeard(invocation)) return
    const { batch } = invocation
    this.attempts++
    if (this.attempts >= this.options.mostAttempts) {
      this.pass(batch)
      return
    }
    const failed = typeof error === 'object' && error !== null && 'sequenceNumber' in error ? error.sequenceNumber : ''
    const at = batch.findIndex(({ sequenceNumber }) => sequenceNumber === failed)
    const before = batch[at - 1]
    if (before !== undefined) this.position = before.sequenceNumber
    this.again()
  }

  /** A sandbox that was given up ends with what it was at. */
  private isHeard(invocation: Invocation): boolean {
    if (invocation.isAbandoned) this.scheduler.kill(invocation.sandbox)
    return this.running === invocation
  }
}
