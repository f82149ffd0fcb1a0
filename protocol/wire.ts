import type { PoisonReason } from '#domain/trading/events.ts'

/** Fields of the two wire formats, little-endian, as docs/protocol/orders.md has them. */
export class InvalidFrame extends Error {
  readonly reason: PoisonReason
  constructor(reason: PoisonReason, detail: string) {
    super(`${reason}: ${detail}`)
    this.name = 'InvalidFrame'
    this.reason = reason
  }
}

/** So that what answers a message, which repeats its texts, always fits a message too. */
export const maxTextBytes = 256

const two32 = 4_294_967_296
const hexPairs = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))
const noHexDigit = 255
const hexDigits = new Uint8Array(128).fill(noHexDigit)
for (const [digit, text] of [...'0123456789abcdef'].entries()) hexDigits[text.charCodeAt(0)] = digit
const hexCharacters = Uint8Array.from('0123456789abcdef', digit => digit.charCodeAt(0))
const dash = '-'.charCodeAt(0)
/** Ids are read through it: one flat string each, where joining pieces would leave a tree of them. */
const uuidText = Buffer.alloc(36, '-')

const textEncoder = new TextEncoder()
const textDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

const inRange = (value: number, low: number, high: number, what: string): number => {
  if (!Number.isInteger(value) || value < low || value > high)
    throw new RangeError(`${what} must be an integer from ${low} to ${high}, not ${value}`)
  return value
}

/** Appends fields to a buffer that grows; throws RangeError on what a field cannot hold. */
export class WireWriter {
  length = 0
  private bytes = new Uint8Array(4096)
  private view = new DataView(this.bytes.buffer)

  /** Room for so many bytes at the end; where they begin. */
  private take(count: number): number {
    const at = this.length
    this.length = at + count
    if (this.length > this.bytes.length) {
      const larger = new Uint8Array(Math.max(this.length, this.bytes.length * 2))
      larger.set(this.bytes.subarray(0, at))
      this.bytes = larger
      this.view = new DataView(larger.buffer)
    }
    return at
  }

  u8(value: number): void {
    const checked = inRange(value, 0, 255, 'u8')
    const at = this.take(1)
    this.view.setUint8(at, checked)
  }

  u16(value: number): void {
    const checked = inRange(value, 0, 65_535, 'u16')
    const at = this.take(2)
    this.view.setUint16(at, checked, true)
  }

  u32(value: number): void {
    const checked = inRange(value, 0, two32 - 1, 'u32')
    const at = this.take(4)
    this.view.setUint32(at, checked, true)
  }

  i32(value: number): void {
    const checked = inRange(value, -2_147_483_648, 2_147_483_647, 'i32')
    const at = this.take(4)
    this.view.setInt32(at, checked, true)
  }

  /** Safe integers only. */
  i64(value: number): void {
    const checked = inRange(value, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER, 'i64')
    const high = Math.floor(checked / two32)
    const at = this.take(8)
    this.view.setUint32(at, checked - high * two32, true)
    this.view.setInt32(at + 4, high, true)
  }

  /** Safe integers that are not negative. */
  u64(value: number): void {
    this.i64(inRange(value, 0, Number.MAX_SAFE_INTEGER, 'u64'))
  }

  zeros(count: number): void {
    const at = this.take(count)
    this.bytes.fill(0, at, at + count)
  }

  raw(bytes: Uint8Array): void {
    const at = this.take(bytes.length)
    this.bytes.set(bytes, at)
  }

  /** A UUID in lower case: as it is read back. */
  uuid(text: string): void {
    if (text.length !== 36) throw new RangeError(`not a UUID: ${text}`)
    let at = this.take(16)
    for (let i = 0; i < 36; i += 2) {
      if (i === 8 || i === 13 || i === 18 || i === 23) {
        if (text.charCodeAt(i) !== dash) throw new RangeError(`not a UUID: ${text}`)
        i += 1
      }
      const high = hexDigits[text.charCodeAt(i)] ?? noHexDigit
      const low = hexDigits[text.charCodeAt(i + 1)] ?? noHexDigit
      if (high === noHexDigit || low === noHexDigit) throw new RangeError(`not a UUID in lower case: ${text}`)
      this.bytes[at] = high * 16 + low
      at += 1
    }
  }

  hex(text: string, byteCount: number): void {
    if (text.length !== byteCount * 2) throw new RangeError(`not ${byteCount} bytes in hex: ${text}`)
    const at = this.take(byteCount)
    for (let i = 0; i < byteCount; i += 1) {
      const high = hexDigits[text.charCodeAt(2 * i)] ?? noHexDigit
      const low = hexDigits[text.charCodeAt(2 * i + 1)] ?? noHexDigit
      if (high === noHexDigit || low === noHexDigit) throw new RangeError(`not hex in lower case: ${text}`)
      this.bytes[at + i] = high * 16 + low
    }
  }

  text(text: string): void {
    if (!text.isWellFormed()) throw new RangeError('text has a lone surrogate')
    const encoded = textEncoder.encode(text)
    if (encoded.length > maxTextBytes) throw new RangeError(`text is longer than ${maxTextBytes} bytes`)
    this.u16(encoded.length)
    this.raw(encoded)
  }

  /** Starts a message: its size is written by endMessage. */
  beginMessage(type: number): number {
    const start = this.take(4)
    this.view.setUint16(start, 0, true)
    this.view.setUint8(start + 2, type)
    this.view.setUint8(start + 3, messageVersion)
    return start
  }

  endMessage(start: number): void {
    this.view.setUint16(start, inRange(this.length - start, 4, 65_535, 'message size'), true)
  }

  setU32(at: number, value: number): void {
    this.view.setUint32(at, value, true)
  }

  /** What was written since `from`, without a copy: valid until the next write. */
  written(from = 0): Uint8Array {
    return this.bytes.subarray(from, this.length)
  }
}

export const messageVersion = 1

/** Takes fields off a buffer, never past `end`; throws InvalidFrame on whatever is not as documented. */
export class WireReader {
  at: number
  end: number
  private readonly bytes: Uint8Array
  private readonly view: DataView

  constructor(bytes: Uint8Array, at: number, end: number) {
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.at = at
    this.end = end
  }

  private take(count: number): number {
    const at = this.at
    if (at + count > this.end) throw malformed('a field lies past the end of its message')
    this.at = at + count
    return at
  }

  u8(): number {
    return this.view.getUint8(this.take(1))
  }

  u16(): number {
    return this.view.getUint16(this.take(2), true)
  }

  u32(): number {
    return this.view.getUint32(this.take(4), true)
  }

  i32(): number {
    return this.view.getInt32(this.take(4), true)
  }

  i64(): number {
    const at = this.take(8)
    const value = this.view.getInt32(at + 4, true) * two32 + this.view.getUint32(at, true)
    if (!Number.isSafeInteger(value)) throw malformed('an integer is not safe')
    return value
  }

  u64(): number {
    const value = this.i64()
    if (value < 0) throw malformed('an unsigned integer is negative')
    return value
  }

  zeros(count: number): void {
    const at = this.take(count)
    for (let i = at; i < at + count; i += 1) if (this.bytes[i] !== 0) throw malformed('padding is not zero')
  }

  raw(count: number): Uint8Array {
    const at = this.take(count)
    return this.bytes.subarray(at, at + count)
  }

  uuid(): string {
    const at = this.take(16)
    let to = 0
    for (let i = at; i < at + 16; i += 1) {
      const byte = this.bytes[i] ?? 0
      if (to === 8 || to === 13 || to === 18 || to === 23) to += 1
      uuidText[to] = hexCharacters[byte >>> 4] ?? 0
      uuidText[to + 1] = hexCharacters[byte & 15] ?? 0
      to += 2
    }
    return uuidText.toString('latin1')
  }

  hex(byteCount: number): string {
    let text = ''
    for (const byte of this.raw(byteCount)) text += hexPairs[byte] ?? ''
    return text
  }

  text(): string {
    const length = this.u16()
    if (length > maxTextBytes) throw malformed(`a text is longer than ${maxTextBytes} bytes`)
    const bytes = this.raw(length)
    // Most are short ASCII, for which the decoder's call alone would cost more.
    let ascii = ''
    for (const byte of bytes) {
      if (byte >= 128) return decodeUtf8(bytes)
      ascii += String.fromCharCode(byte)
    }
    return ascii
  }

  /** One of a list, by its position. */
  oneOf<const Item>(items: readonly Item[]): Item {
    return this.item(items, this.u8())
  }

  item<const Item>(items: readonly Item[], index: number): Item {
    const item = items[index]
    if (item === undefined) throw malformed('a number names nothing')
    return item
  }

  /** Opens the next message; the reader then ends where the message ends. */
  beginMessage(): { readonly type: number; readonly outerEnd: number } {
    const start = this.at
    const size = this.u16()
    const type = this.u8()
    const version = this.u8()
    if (version !== messageVersion) throw new InvalidFrame('unknown-message', `message version ${version}`)
    if (size < 4 || start + size > this.end) throw malformed('a message does not fit its frame')
    const outerEnd = this.end
    this.end = start + size
    return { type, outerEnd }
  }

  endMessage(outerEnd: number): void {
    if (this.at !== this.end) throw malformed('a message is longer than its fields')
    this.end = outerEnd
  }
}

const malformed = (detail: string): InvalidFrame => new InvalidFrame('malformed-message', detail)

const decodeUtf8 = (bytes: Uint8Array): string => {
  try {
    return textDecoder.decode(bytes)
  } catch {
    throw malformed('a text is not UTF-8')
  }
}
