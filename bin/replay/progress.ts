import type { WriteStream } from 'node:tty'

/** A bar on a terminal; nothing where the output goes elsewhere. */
export interface Progress {
  /** From 0 to 1. */
  at(part: number): void
  done(): void
}

const width = 40
const shownEveryMillis = 100

export const createProgress = (label: string, to: WriteStream): Progress => {
  if (!to.isTTY) return { at: () => undefined, done: () => undefined }
  const startedAt = Date.now()
  let shownAt = 0
  const show = (part: number): void => {
    const filled = Math.round(part * width)
    const leftSeconds = part === 0 ? 0 : Math.ceil(((Date.now() - startedAt) * (1 - part)) / part / 1000)
    const bar = `${'#'.repeat(filled)}${' '.repeat(width - filled)}`
    to.write(`\r${label} [${bar}] ${(part * 100).toFixed(0).padStart(3)} % ${`${leftSeconds} s left`.padEnd(14)}`)
  }
  return {
    at: part => {
      const now = Date.now()
      if (now - shownAt < shownEveryMillis) return
      shownAt = now
      show(part)
    },
    done: () => {
      show(1)
      to.write('\n')
    },
  }
}
