import { gzipSync } from 'node:zlib'
import type { AppliedRecord } from './lane.ts'

/** Both streams as they are kept for good: what a replay needs when the streams themselves have forgotten it. */
export interface Archiver {
  add(record: AppliedRecord): void
  /** Stores all that lies at or before the record, then resolves; throws where the store does not take it, or dropped. */
  keep(sequence: string): Promise<void>
  /** Bytes that wait. */
  bytes(): number
  /** Somebody else archives from here on. */
  drop(): void
}

type Put = (lane: number, stream: 'orders' | 'executions', name: string, body: Uint8Array) => Promise<void>

interface Line {
  readonly sequence: string
  readonly orders: string
  readonly executions: string
}

/** Small enough that compressing one does not hold up a standby for long. */
const mostLinesBytes = 512 * 1024

/**
 * Of a standby, which applies every record anyway, so that archiving asks no stream a second time. A snapshot is taken
 * only of what is archived: whoever starts from one continues the archive without a gap. Objects may overlap, after a
 * start; they never differ.
 */
export const archiver = (lane: number, put: Put): Archiver => {
  let lines: Line[] = []
  let bytes = 0
  let isDropped = false

  const store = async (part: readonly Line[]) => {
    const [first, last] = [part[0]?.sequence, part.at(-1)?.sequence]
    if (first === undefined || last === undefined) return
    for (const stream of ['orders', 'executions'] as const) {
      const text = part.map(line => line[stream]).join('')
      if (text !== '') await put(lane, stream, `${first}-${last}.ndjson.gz`, gzipSync(text))
    }
  }

  return {
    add({ sequence, arrivalMillis, data, sections }) {
      if (isDropped) return
      // JSON by hand: digits and base64 have nothing to escape.
      const orders = `{"sequence":"${sequence}","arrival_millis":${arrivalMillis},"data":"${base64(data)}"}\n`
      let executions = ''
      for (const { firstOutSeq, bytes: section } of sections)
        executions += `{"sequence":"${sequence}","first_out_seq":${firstOutSeq},"section":"${base64(section)}"}\n`
      lines.push({ sequence, orders, executions })
      bytes += orders.length + executions.length
    },
    async keep(sequence) {
      if (isDropped) throw new Error('who leads does not archive')
      while (lines[0] !== undefined && lines[0].sequence <= sequence) {
        const part: Line[] = []
        let partBytes = 0
        for (const line of lines) {
          if (line.sequence > sequence || partBytes > mostLinesBytes) break
          part.push(line)
          partBytes += line.orders.length + line.executions.length
        }
        await store(part)
        // Only now: what the store has not taken is tried again.
        lines = lines.slice(part.length)
        bytes -= partBytes
      }
    },
    bytes: () => bytes,
    drop() {
      isDropped = true
      lines = []
      bytes = 0
    },
  }
}

const base64 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64')
