/** What goes wrong, how often, and where it did. */
import type { Random } from './random.ts'
import type { SimProcess } from './scheduler.ts'

/** Of a call to a store. */
export const callFaults = [
  /** Refused for too much traffic; nothing is done. */
  'throttled',
  /** An error of the service or the connection before anything is done. */
  'failed',
  /** It is done, and an error is answered. */
  'answer-lost',
  /** It may be done, and nothing is answered until the caller gives up. */
  'unanswered',
  /** Takes long, in both directions. */
  'slow',
  /** The client's own second attempt, after the first one was done and its answer lost. */
  'done-twice',
  /** An error is answered, and it is done much later, perhaps when the caller is dead. */
  'done-late',
  /** Of a write to a table: another transaction had its hands on the item. */
  'conflict',
  /** Of GetRecords. */
  'iterator-expired',
  /** Of GetRecords: some records before the position once more. */
  'records-repeated',
  /** Of PutRecord: the stream's clock gives an arrival before that of the record before it. */
  'stamp-back',
  /** Of PutObject: for a while there is no room. */
  'disk-full',
  /** Of PutObject: a bit of what is stored is flipped. */
  'stored-flipped',
  /** Of PutObject: what is stored ends early. */
  'stored-cut',
  /** Of PutObject: what is stored is altered, and still well-formed. */
  'stored-altered',
  /** Of GetObject: what is read is damaged, what is stored is not. */
  'read-damaged',
] as const
export type CallFault = (typeof callFaults)[number]

/** Of the delivery of records to a function. */
export const deliveryFaults = [
  'delivery-repeated',
  'delivery-skipped',
  /** The mapping gives up waiting, and delivers to another sandbox while the first one goes on. */
  'delivery-abandoned',
  /** As before, and the first one sleeps meanwhile. */
  'delivery-frozen',
  'delivery-killed',
  /** A sandbox that knows nothing yet. */
  'delivery-cold',
] as const
export type DeliveryFault = (typeof deliveryFaults)[number]

/** What a plan of a schedule does to a process. */
export const processFaults = ['killed', 'frozen'] as const
export type ProcessFault = (typeof processFaults)[number]

export type Fault = CallFault | DeliveryFault | ProcessFault
/** Probability a call or a delivery. */
export type FaultRates = Partial<Record<CallFault | DeliveryFault, number>>

export interface Step {
  readonly name: string
  /** Those that can hit it: for the empty cells of the table. */
  readonly possible: readonly Fault[]
  /** Hit or not. */
  times: number
}

/** How often each fault hit each step. */
export class FaultCounts {
  readonly steps = new Map<string, Step>()
  readonly hits = new Map<Fault, Map<string, number>>()

  step(name: string, possible: readonly Fault[]): Step {
    let step = this.steps.get(name)
    if (step === undefined) {
      step = { name, possible, times: 0 }
      this.steps.set(name, step)
    }
    return step
  }

  hit(fault: Fault, step: string, times = 1): void {
    let steps = this.hits.get(fault)
    if (steps === undefined) {
      steps = new Map()
      this.hits.set(fault, steps)
    }
    steps.set(step, (steps.get(step) ?? 0) + times)
  }

  /** How often it hit there. */
  of(fault: Fault, step: string): number {
    return this.hits.get(fault)?.get(step) ?? 0
  }

  total(): number {
    let total = 0
    for (const steps of this.hits.values()) for (const times of steps.values()) total += times
    return total
  }

  add(other: FaultCounts): void {
    for (const { name, possible, times } of other.steps.values()) this.step(name, possible).times += times
    for (const [fault, steps] of other.hits) for (const [step, times] of steps) this.hit(fault, step, times)
  }
}

/** What of a call decides which faults it can meet. */
export interface Exposed {
  readonly faults: readonly CallFault[]
}

interface Odds {
  readonly faults: readonly CallFault[]
  readonly upTo: readonly number[]
}

export class Faults {
  readonly counts = new FaultCounts()
  private readonly random: Random
  private rates: FaultRates
  private isCalm = false
  private odds = new Map<Exposed, Odds>()

  constructor(random: Random, rates: FaultRates) {
    this.random = random
    this.rates = rates
  }

  /** No more faults: everything drains. */
  calm(): void {
    this.isCalm = true
  }

  get calmed(): boolean {
    return this.isCalm
  }

  change(rates: FaultRates): void {
    this.rates = { ...this.rates, ...rates }
    this.odds = new Map()
  }

  /** At most one of those that the call can meet, by one draw. */
  ofCall(operation: Exposed, process: SimProcess | undefined): CallFault | undefined {
    if (this.isCalm || process === undefined || process.isFaultless) return undefined
    let odds = this.odds.get(operation)
    if (odds === undefined) {
      const faults = operation.faults.filter(fault => (this.rates[fault] ?? 0) > 0)
      let sum = 0
      const upTo = faults.map(fault => {
        sum += this.rates[fault] ?? 0
        return sum
      })
      odds = { faults, upTo }
      this.odds.set(operation, odds)
    }
    const { faults, upTo } = odds
    if (faults.length === 0) return undefined
    const drawn = this.random.unit()
    for (let i = 0; i < upTo.length; i++) if (drawn < (upTo[i] as number)) return faults[i]
    return undefined
  }

  ofDelivery(fault: DeliveryFault): boolean {
    return !this.isCalm && this.random.chance(this.rates[fault] ?? 0)
  }
}
