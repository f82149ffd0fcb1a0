/** Words that are written one after another and grow as need be; read and written without an object for each message. */
export class Tape {
  words: Int32Array
  /** In words. */
  length = 0
  /** Messages on it. */
  count = 0

  constructor(words = 1 << 12) {
    this.words = new Int32Array(words)
  }

  clear(): void {
    this.length = 0
    this.count = 0
  }

  /** Makes room for a message and answers where it lies. Every word but the first is still to be written. */
  add(header: number, words: number): number {
    const at = this.length
    const end = at + words
    if (end > this.words.length) this.grow(end)
    this.words[at] = header
    this.length = end
    this.count += 1
    return at
  }

  private grow(words: number): void {
    const larger = new Int32Array(Math.max(words, this.words.length * 2))
    larger.set(this.words)
    this.words = larger
  }

  /** What was written, without a copy: valid until the next write. */
  bytes(fromWord = 0): Uint8Array {
    return new Uint8Array(this.words.buffer, fromWord * 4, (this.length - fromWord) * 4)
  }
}

/** A safe integer as i64: two's complement, low word first. A word takes the low half of what it is given. */
export const putLong = (words: Int32Array, at: number, value: number): void => {
  words[at] = value
  words[at + 1] = Math.floor(value / 4_294_967_296)
}

export const longAt = (words: Int32Array, at: number): number =>
  (words[at + 1] as number) * 4_294_967_296 + ((words[at] as number) >>> 0)

/** 16 bytes. */
export const copyId = (to: Int32Array, toAt: number, from: Int32Array, fromAt: number): void => {
  to[toAt] = from[fromAt] as number
  to[toAt + 1] = from[fromAt + 1] as number
  to[toAt + 2] = from[fromAt + 2] as number
  to[toAt + 3] = from[fromAt + 3] as number
}

/** Words that a tail of so many bytes takes: messages are multiples of eight bytes. */
export const textWords = (bytes: number): number => ((bytes + 7) >>> 3) << 1
