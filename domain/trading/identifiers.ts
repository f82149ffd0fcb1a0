/**
 * Ids of 16 bytes in tables of open addressing, so that a look-up touches one line of the cache and allocates nothing.
 * Ids are made by the exchange's own intake; nobody can choose them so that they collide.
 */
const { imul } = Math

export const hashOf = (words: Int32Array, at: number): number => {
  const first = imul((words[at] as number) ^ imul(words[at + 1] as number, 0x9e3779b1), 0x85ebca6b)
  const second = imul((words[at + 2] as number) ^ imul(words[at + 3] as number, 0xc2b2ae35), 0x27d4eb2f)
  const mixed = first ^ (second >>> 15) ^ (second << 17)
  return mixed ^ (mixed >>> 16)
}

export const isSameId = (a: Int32Array, aAt: number, b: Int32Array, bAt: number): boolean =>
  a[aAt] === b[bAt] && a[aAt + 1] === b[bAt + 1] && a[aAt + 2] === b[bAt + 2] && a[aAt + 3] === b[bAt + 3]

/** Ids in the order in which they were made: as 128-bit numbers, big-endian, as their text sorts. */
export const compareIds = (a: Int32Array, aAt: number, b: Int32Array, bAt: number): number => {
  for (let i = 0; i < 4; i += 1) {
    const [left, right] = [bigEndian(a[aAt + i] as number), bigEndian(b[bAt + i] as number)]
    if (left !== right) return left < right ? -1 : 1
  }
  return 0
}

const bigEndian = (word: number): number =>
  (((word & 0xff) << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24)) >>> 0

const noDigit = 255
const digitCodes = Uint8Array.from('0123456789abcdef', digit => digit.charCodeAt(0))
const digits = new Uint8Array(128).fill(noDigit)
for (const [digit, code] of digitCodes.entries()) digits[code] = digit

/** Where the bytes of a UUID have their digits in its text. */
const uuidDigits = Array.from({ length: 16 }, (_, byte) => 2 * byte + [4, 6, 8, 10].filter(at => byte >= at).length)
/** Texts are made through it: one flat string each, where joining pieces would leave a tree of them. */
const uuidCodes: number[] = new Array(36).fill('-'.charCodeAt(0))

const byteAt = (words: Int32Array, at: number, byte: number): number =>
  ((words[at + (byte >>> 2)] as number) >>> ((byte & 3) << 3)) & 255

/** An id as the text of a UUID. */
export const idTextAt = (words: Int32Array, at: number): string => {
  for (let byte = 0; byte < 16; byte += 1) {
    const value = byteAt(words, at, byte)
    const digit = uuidDigits[byte] as number
    uuidCodes[digit] = digitCodes[value >>> 4] as number
    uuidCodes[digit + 1] = digitCodes[value & 15] as number
  }
  return String.fromCharCode.apply(undefined, uuidCodes)
}

const putByte = (words: Int32Array, at: number, byte: number, text: string, digit: number): void => {
  const high = digits[text.charCodeAt(digit)] ?? noDigit
  const low = digits[text.charCodeAt(digit + 1)] ?? noDigit
  if (high === noDigit || low === noDigit) throw new RangeError(`not hex in lower case: ${text}`)
  const shift = (byte & 3) << 3
  const word = at + (byte >>> 2)
  words[word] = ((words[word] as number) & ~(255 << shift)) | ((high * 16 + low) << shift)
}

/** The text of a UUID, in lower case: as it is read back. */
export const putIdText = (words: Int32Array, at: number, text: string): void => {
  const isUuid = text.length === 36 && text[8] === '-' && text[13] === '-' && text[18] === '-' && text[23] === '-'
  if (!isUuid) throw new RangeError(`not a UUID: ${text}`)
  for (let byte = 0; byte < 16; byte += 1) putByte(words, at, byte, text, uuidDigits[byte] as number)
}

/** So many bytes, a multiple of four, as hex digits. Quick enough for the megabytes of a snapshot, for which a lane waits. */
export const hexAt = (words: Int32Array, at: number, bytes: number): string =>
  Buffer.from(words.buffer, words.byteOffset + at * 4, bytes).toString('hex')

export const putHex = (words: Int32Array, at: number, bytes: number, hex: string): void => {
  if (hex.length !== bytes * 2) throw new RangeError(`not ${bytes} bytes in hex: ${hex}`)
  for (let byte = 0; byte < bytes; byte += 1) putByte(words, at, byte, hex, byte * 2)
}

/** Of nothing: where an event has no command that led to it. */
export const noId = '00000000-0000-0000-0000-000000000000'
