import { type Log, told } from './log.ts'

export interface Ticker {
  /** A record was read; silence begins anew. */
  heard(): void
  stop(): void
}

interface TickerOptions {
  readonly silenceMillis: number
  /** Not while the lane is behind: a silent reader is not a silent stream. */
  readonly isCaughtUp: () => boolean
  readonly put: () => Promise<unknown>
  readonly log: Log
}

/** Appends a frame of no commands when the order stream is silent, so that lane time goes on without orders. */
export const startTicker = ({ silenceMillis, isCaughtUp, put, log }: TickerOptions): Ticker => {
  let heardMillis = performance.now()
  let isPutting = false
  const heard = () => {
    heardMillis = performance.now()
  }
  const tick = async () => {
    isPutting = true
    try {
      await put()
    } catch (error) {
      log.warn('a tick is not acknowledged', told(error))
    } finally {
      isPutting = false
      // Its own way through the stream is no silence, nor is a failure reason to hurry.
      heard()
    }
  }
  const timer = setInterval(() => {
    if (!isPutting && isCaughtUp() && performance.now() - heardMillis >= silenceMillis) void tick()
  }, silenceMillis / 4)
  return { heard, stop: () => clearInterval(timer) }
}
