import type { Clock } from './component.ts'

const realNow = Date.now.bind(Date)
/** setTimeout's own limit; longer waits are armed again. */
const longestTimerMillis = 2_147_483_647

/** Sequence numbers of the stand-ins carry the time and are not made for the far future. */
const farthestMillis = 10 * 365 * 86_400_000

/** The message by which a parent tells its Node children that the clock was moved, and the variable they start with. */
export const clockMessage = 'local-clock-offset'
export const clockOffsetVariable = 'LOCAL_CLOCK_OFFSET_MILLIS'

export function createClock(initialOffsetMillis = 0): Clock {
  const offset = new SharedArrayBuffer(Float64Array.BYTES_PER_ELEMENT)
  const cell = new Float64Array(offset)
  cell[0] = initialOffsetMillis
  const listeners = new Set<(offsetMillis: number) => void>()
  const moves: { readonly atMillis: number; readonly byMillis: number }[] = []
  const now = () => realNow() + (cell[0] ?? 0)
  const onMoved = (listener: (offsetMillis: number) => void) => {
    listeners.add(listener)
    return () => void listeners.delete(listener)
  }
  return {
    now,
    passedSince: instantMillis =>
      moves.reduce(
        (passed, { atMillis, byMillis }) => (instantMillis <= atMillis ? passed - byMillis : passed),
        now() - instantMillis,
      ),
    offset,
    onMoved,
    forward(millis) {
      if (!(Number.isFinite(millis) && millis > 0)) throw new Error('the clock moves forward only')
      const moved = (cell[0] ?? 0) + millis
      if (moved > farthestMillis) throw new Error('the clock moves at most ten years ahead of the real time')
      moves.push({ atMillis: now(), byMillis: millis })
      cell[0] = moved
      for (const listener of [...listeners]) listener(moved)
    },
    until(instantMillis, signal) {
      return new Promise((resolve, reject) => {
        let timer: NodeJS.Timeout | undefined
        const end = (settle: () => void) => {
          clearTimeout(timer)
          forget()
          signal?.removeEventListener('abort', abort)
          settle()
        }
        const arm = () => {
          clearTimeout(timer)
          const remainingMillis = instantMillis - now()
          if (remainingMillis <= 0) end(resolve)
          else timer = setTimeout(arm, Math.min(remainingMillis, longestTimerMillis))
        }
        const abort = () => end(() => reject(signal?.reason))
        const forget = onMoved(arm)
        signal?.addEventListener('abort', abort)
        if (signal?.aborted) abort()
        else arm()
      })
    },
  }
}

/** Makes `Date` of this thread tell the moved time, and `performance.timeOrigin`, the other way to the wall clock. */
export function moveDate(offsetMillis: () => number): void {
  const RealDate = Date
  RealDate.now = () => realNow() + offsetMillis()
  const MovedDate: DateConstructor = new Proxy(RealDate, {
    construct: (target, given, newTarget) =>
      Reflect.construct(
        target,
        given.length === 0 ? [target.now()] : given,
        newTarget === MovedDate ? target : newTarget,
      ),
    apply: target => new target(target.now()).toString(),
  })
  RealDate.prototype.constructor = MovedDate
  globalThis.Date = MovedDate
  const { timeOrigin } = performance
  Object.defineProperty(performance, 'timeOrigin', { get: () => timeOrigin + offsetMillis(), configurable: true })
}
