/**
 * AbortSignal in virtual time. Node's own costs 6 to 11 microseconds a use, which is what a whole simulated call may
 * cost; and a timeout that nobody listens to any more needs no timer: who waits asks for the deadline.
 */
type Listener = (event: { readonly type: 'abort' }) => void
type Given = Listener | { handleEvent: Listener }

/** What signals need of the one that keeps time. */
export interface Timekeeper {
  now(): number
  /** In the simulated process that calls. */
  timer(callback: () => void, delayMillis: number): { cancel(): void }
}

const abortEvent = { type: 'abort' } as const

let keeper: Timekeeper | undefined
export const keepTimeOfSignals = (timekeeper: Timekeeper | undefined): void => {
  keeper = timekeeper
}

const timekeeper = (): Timekeeper => {
  if (keeper === undefined) throw new Error('a virtual signal outside a simulation')
  return keeper
}

const failure = (name: string, message: string): Error => {
  const error = new Error(message)
  error.name = name
  return error
}

const timedOut = (): Error => failure('TimeoutError', 'The operation was aborted due to timeout')

export class VirtualAbortSignal {
  onabort: Listener | null = null
  /** In virtual time; infinite where nothing but a controller aborts it. */
  readonly deadlineMillis: number
  private readonly sources: readonly VirtualAbortSignal[]
  private listeners: { given: Given; once: boolean }[] = []
  private isAborted = false
  private why: unknown
  private timer: { cancel(): void } | undefined
  private readonly follow = () => this.abortNow(this.sources.find(source => source.aborted)?.why)

  constructor(deadlineMillis = Number.POSITIVE_INFINITY, sources: readonly VirtualAbortSignal[] = []) {
    this.sources = sources
    let earliest = deadlineMillis
    for (const source of sources) if (source.deadlineMillis < earliest) earliest = source.deadlineMillis
    this.deadlineMillis = earliest
  }

  static timeout(millis: number): VirtualAbortSignal {
    return new VirtualAbortSignal(timekeeper().now() + millis)
  }

  static any(signals: Iterable<VirtualAbortSignal>): VirtualAbortSignal {
    return new VirtualAbortSignal(Number.POSITIVE_INFINITY, [...signals])
  }

  static abort(reason?: unknown): VirtualAbortSignal {
    const signal = new VirtualAbortSignal()
    signal.abortNow(reason)
    return signal
  }

  get aborted(): boolean {
    if (this.isAborted) return true
    if (this.deadlineMillis <= timekeeper().now()) {
      this.abortNow(timedOut())
      return true
    }
    for (const source of this.sources)
      if (source.aborted) {
        this.abortNow(source.why)
        return true
      }
    return false
  }

  get reason(): unknown {
    if (!this.aborted) return undefined
    // Made where somebody asks, which is seldom.
    this.why ??=
      this.deadlineMillis <= timekeeper().now() ? timedOut() : failure('AbortError', 'This operation was aborted')
    return this.why
  }

  throwIfAborted(): void {
    if (this.aborted) throw this.reason
  }

  addEventListener(type: string, given: Given, options?: boolean | { readonly once?: boolean }): void {
    if (type !== 'abort' || this.aborted || this.listeners.some(each => each.given === given)) return
    this.listeners.push({ given, once: typeof options === 'object' && options.once === true })
    if (this.listeners.length > 1) return
    for (const source of this.sources) source.addEventListener('abort', this.follow)
    if (this.sources.length > 0 || this.deadlineMillis === Number.POSITIVE_INFINITY) return
    this.timer = timekeeper().timer(() => this.abortNow(timedOut()), this.deadlineMillis - timekeeper().now())
  }

  removeEventListener(type: string, given: Given): void {
    if (type !== 'abort') return
    const at = this.listeners.findIndex(each => each.given === given)
    if (at < 0) return
    this.listeners.splice(at, 1)
    if (this.listeners.length === 0) this.unfollow()
  }

  /** Without a timer for the deadline, which who waits for an answer knows. */
  onControllers(what: 'add' | 'remove', listener: Listener): void {
    for (const source of this.sources) source.onControllers(what, listener)
    if (this.sources.length > 0 || this.deadlineMillis !== Number.POSITIVE_INFINITY) return
    if (what === 'add') this.addEventListener('abort', listener)
    else this.removeEventListener('abort', listener)
  }

  /** For the controller. */
  abortNow(reason?: unknown): void {
    if (this.isAborted) return
    this.isAborted = true
    this.why = reason
    this.unfollow()
    const { listeners } = this
    this.listeners = []
    this.onabort?.(abortEvent)
    for (const { given } of listeners) typeof given === 'function' ? given(abortEvent) : given.handleEvent(abortEvent)
  }

  private unfollow(): void {
    for (const source of this.sources) source.removeEventListener('abort', this.follow)
    this.timer?.cancel()
    this.timer = undefined
  }
}

export class VirtualAbortController {
  readonly signal = new VirtualAbortSignal()

  abort(reason?: unknown): void {
    this.signal.abortNow(reason)
  }
}
