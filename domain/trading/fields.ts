import { hexAt, idTextAt, putHex, putIdText } from './identifiers.ts'
import { headerOf, wordsOf } from './messages.ts'
import { longAt, putLong, type Tape, textWords } from './tape.ts'

/**
 * How messages are told field by field, as docs/protocol has them in tables: each property names its offset in bytes,
 * and whatever no property owns is zero. For all that is not on the engine's busy path: it makes objects.
 */
export interface Field<Value> {
  /** Bits of the fixed words that are its own. */
  readonly owned: readonly { readonly word: number; readonly mask: number }[]
  /** Throws RangeError on what is not as documented. */
  readonly read: (words: Int32Array, at: number, tail: Tail) => Value
  /** Throws RangeError on what the field cannot hold. Its words are zeros; the message begins at the first. */
  readonly write: (words: Int32Array, value: Value, tail: Tail) => void
}

/** Behind the fixed fields lie texts and lists, in the order of their lengths. In bytes from the message's beginning. */
export interface Tail {
  at: number
  readonly end: number
}

export interface Codec<Message> {
  readonly read: (words: Int32Array, at: number) => Message
  readonly write: (tape: Tape, type: number, message: Message) => void
}

/** So that what answers a message, which repeats its texts, always fits a message too. A field may allow more. */
export const maxTextBytes = 256
export const maxMessageBytes = 65_528

const two32 = 4_294_967_296
const maxSafeHigh = 2_097_152

const ranged = (value: number, low: number, high: number): number => {
  if (!Number.isInteger(value) || value < low || value > high)
    throw new RangeError(`must be an integer from ${low} to ${high}, not ${value}`)
  return value
}

const whole = (offset: number, bytes: number): Field<never>['owned'] =>
  Array.from({ length: bytes / 4 }, (_, index) => ({ word: offset / 4 + index, mask: -1 }))

export const i32 = (offset: number): Field<number> => ({
  owned: whole(offset, 4),
  read: (words, at) => words[at + offset / 4] as number,
  write: (words, value) => {
    words[offset / 4] = ranged(value, -2_147_483_648, 2_147_483_647)
  },
})

export const u32 = (offset: number): Field<number> => ({
  owned: whole(offset, 4),
  read: (words, at) => (words[at + offset / 4] as number) >>> 0,
  write: (words, value) => {
    words[offset / 4] = ranged(value, 0, two32 - 1)
  },
})

/** Whether the i64 there is one that a number holds exactly. */
export const isSafeLong = (words: Int32Array, at: number): boolean => {
  const high = words[at + 1] as number
  return high >= -maxSafeHigh && high < maxSafeHigh && (high !== -maxSafeHigh || words[at] !== 0)
}

export const i64 = (offset: number): Field<number> => ({
  owned: whole(offset, 8),
  read: (words, at) => {
    if (!isSafeLong(words, at + offset / 4)) throw new RangeError('an integer is not safe')
    return longAt(words, at + offset / 4)
  },
  write: (words, value) => putLong(words, offset / 4, ranged(value, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)),
})

export const id = (offset: number): Field<string> => ({
  owned: whole(offset, 16),
  read: (words, at) => idTextAt(words, at + offset / 4),
  write: (words, value) => putIdText(words, offset / 4, value),
})

const noId = '00000000-0000-0000-0000-000000000000'

/** All zeros where there is none, which is the empty text. */
export const idOrNone = (offset: number): Field<string> => {
  const { owned, read, write } = id(offset)
  return {
    owned,
    read: (words, at, tail) => {
      const value = read(words, at, tail)
      return value === noId ? '' : value
    },
    write: (words, value, tail) => {
      if (value === noId) throw new RangeError('no id is the empty text')
      if (value !== '') write(words, value, tail)
    },
  }
}

export const hex = (offset: number, bytes: number): Field<string> => ({
  owned: whole(offset, bytes),
  read: (words, at) => hexAt(words, at + offset / 4, bytes),
  write: (words, value) => putHex(words, offset / 4, bytes, value),
})

/** One of a list, by its position; a position without a name may not be used. */
export const bits = <Item>(
  offset: number,
  from: number,
  width: number,
  items: readonly (Item | undefined)[],
): Field<Item> => {
  const word = offset >>> 2
  const shift = (offset & 3) * 8 + from
  const mask = width === 32 ? -1 : (1 << width) - 1
  return {
    owned: [{ word, mask: mask << shift }],
    read: (words, at) => {
      const item = items[((words[at + word] as number) >>> shift) & mask]
      if (item === undefined) throw new RangeError('a number names nothing')
      return item
    },
    write: (words, value) => {
      const index = items.indexOf(value)
      if (index < 0) throw new RangeError(`nothing that the format names: ${value}`)
      words[word] = (words[word] as number) | (index << shift)
    },
  }
}

export const oneOf = <Item>(offset: number, items: readonly (Item | undefined)[], bytes = 1): Field<Item> =>
  bits(offset, 0, bytes * 8, items)

export const flag = (offset: number): Field<boolean> => oneOf(offset, [false, true])

const textEncoder = new TextEncoder()
const textDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** So many bytes of UTF-8 from an offset behind a word on. Throws RangeError where they are none. */
export const readText = (words: Int32Array, atWord: number, byteOffset: number, length: number): string => {
  let ascii = ''
  for (let i = byteOffset; i < byteOffset + length; i += 1) {
    const byte = ((words[atWord + (i >>> 2)] as number) >>> ((i & 3) << 3)) & 255
    // Most are short ASCII, for which the decoder's call alone would cost more.
    if (byte >= 128) return decodeUtf8(new Uint8Array(words.buffer, words.byteOffset + atWord * 4 + byteOffset, length))
    ascii += String.fromCharCode(byte)
  }
  return ascii
}

const decodeUtf8 = (bytes: Uint8Array): string => {
  try {
    return textDecoder.decode(bytes)
  } catch (cause) {
    throw new RangeError('a text is not UTF-8', { cause })
  }
}

/** Into the message that is made, in UTF-8; answers how many bytes, undefined where they are more than there is room for. */
const writeText = (value: string, at: number, room: number): number | undefined => {
  if (value.length > room) return undefined
  for (let i = 0; i < value.length; i += 1) {
    const code = value.charCodeAt(i)
    // As in reading: the encoder is for what is more than short ASCII.
    if (code >= 128) {
      const { read, written } = textEncoder.encodeInto(value, scratchBytes.subarray(at, at + room))
      return read < value.length ? undefined : written
    }
    scratchBytes[at + i] = code
  }
  return value.length
}

/** Its length lies among the fixed fields, its bytes in the tail. */
export const text = (offset: number, minBytes = 0, maxBytes = maxTextBytes): Field<string> => {
  const word = offset >>> 2
  const shift = (offset & 3) * 8
  return {
    owned: [{ word, mask: 0xffff << shift }],
    read: (words, at, tail) => {
      const length = ((words[at + word] as number) >>> shift) & 0xffff
      if (length < minBytes) throw new RangeError('a text is empty')
      if (length > maxBytes) throw new RangeError(`a text is longer than ${maxBytes} bytes`)
      if (tail.at + length > tail.end) throw new RangeError('a text lies past the end of its message')
      const from = tail.at
      tail.at = from + length
      return readText(words, at, from, length)
    },
    write: (words, value, tail) => {
      if (value === '' && minBytes === 0) return
      if (!value.isWellFormed()) throw new RangeError('a text has a lone surrogate')
      const length = writeText(value, tail.at, Math.min(maxBytes, tail.end - tail.at))
      if (length === undefined) {
        const { length: bytes } = textEncoder.encode(value)
        if (bytes > maxBytes) throw new RangeError(`a text is longer than ${maxBytes} bytes`)
        throw new RangeError('a text does not fit its message')
      }
      if (length < minBytes) throw new RangeError('a text is empty')
      words[word] = (words[word] as number) | (length << shift)
      tail.at += length
    },
  }
}

/** A text that has to be one of these. */
export const oneTextOf = <Text extends string>(offset: number, choices: readonly Text[]): Field<Text> => {
  const { owned, read, write } = text(offset)
  const chosen = (value: string): Text => {
    const choice = choices.find(known => known === value)
    if (choice === undefined) throw new RangeError(`${value} where only ${choices.join(', ')} may be`)
    return choice
  }
  return {
    owned,
    read: (words, at, tail) => chosen(read(words, at, tail)),
    write: (words, value, tail) => write(words, chosen(value), tail),
  }
}

/** What goes without saying: nothing lies on the wire, and no other value can be written. */
export const unwritten = <Value>(only: Value): Field<Value> => ({
  owned: [],
  read: () => only,
  write: (_, value) => {
    if (value !== only) throw new RangeError(`${String(value)} where only ${String(only)} may be`)
  },
})

/** An object in the place of the message whose part it is. */
export const nested = <Value extends object>(fields: FieldsOf<Value>): Field<Value> => {
  const entries = entriesOf(fields)
  return {
    owned: entries.flatMap(([, { owned }]) => owned),
    read: readerOf<Value>(entries, {}),
    write: writerOf(entries),
  }
}

/** Its count lies among the fixed fields, its entries, signed or unsigned words all, behind them. */
export const list = <Name extends string>(
  offset: number,
  names: readonly { readonly name: Name; readonly isSigned: boolean }[],
): Field<readonly Readonly<Record<Name, number>>[]> => {
  const columns = names.map(({ name, isSigned }, index) => ({ name, field: (isSigned ? i32 : u32)(index * 4) }))
  const entryBytes = columns.length * 4
  const none: Tail = { at: 0, end: 0 }
  return {
    owned: whole(offset, 4),
    read: (words, at, tail) => {
      const count = (words[at + offset / 4] as number) >>> 0
      if (tail.at + count * entryBytes > tail.end) throw new RangeError('a list lies past the end of its message')
      const from = at + tail.at / 4
      tail.at += count * entryBytes
      return Array.from({ length: count }, (_, index) => {
        const entryAt = from + index * columns.length
        const entry: Partial<Record<Name, number>> = {}
        for (const { name, field } of columns) entry[name] = field.read(words, entryAt, none)
        return entry as Record<Name, number>
      })
    },
    write: (words, entries, tail) => {
      if (tail.at + entries.length * entryBytes > maxMessageBytes)
        throw new RangeError(`${entries.length} entries do not fit a message`)
      words[offset / 4] = entries.length
      for (const entry of entries) {
        for (const { name, field } of columns) field.write(words.subarray(tail.at / 4), entry[name], none)
        tail.at += entryBytes
      }
    },
  }
}

/** The same with entries of other fields, of so many bytes each. */
export const entries = <Value extends object>(
  offset: number,
  entryBytes: number,
  fields: FieldsOf<Value>,
): Field<readonly Value[]> => {
  const each = nested(fields)
  const unowned = new Int32Array(entryBytes / 4).fill(-1)
  for (const { word, mask } of each.owned) unowned[word] = (unowned[word] as number) & ~mask
  return {
    owned: whole(offset, 4),
    read: (words, at, tail) => {
      const count = (words[at + offset / 4] as number) >>> 0
      if (tail.at + count * entryBytes > tail.end) throw new RangeError('a list lies past the end of its message')
      const from = at + tail.at / 4
      tail.at += count * entryBytes
      return Array.from({ length: count }, (_, index) => {
        const entry = from + (index * entryBytes) / 4
        for (const [word, mask] of unowned.entries())
          if (((words[entry + word] as number) & mask) !== 0) throw new RangeError('what has no meaning is not zero')
        return each.read(words, entry, tail)
      })
    },
    write: (words, values, tail) => {
      if (tail.at + values.length * entryBytes > maxMessageBytes)
        throw new RangeError(`${values.length} entries do not fit a message`)
      words[offset / 4] = values.length
      for (const value of values) {
        const entry = words.subarray(tail.at / 4)
        entry.fill(0, 0, entryBytes / 4)
        each.write(entry, value, tail)
        tail.at += entryBytes
      }
    },
  }
}

/** Its count lies among the fixed fields, its integers of eight bytes behind them. */
export const longs = (offset: number, most: number): Field<readonly number[]> => {
  const each = i64(0)
  const none: Tail = { at: 0, end: 0 }
  return {
    owned: whole(offset, 4),
    read: (words, at, tail) => {
      const count = (words[at + offset / 4] as number) >>> 0
      if (count > most || tail.at + count * 8 > tail.end)
        throw new RangeError('a list lies past the end of its message')
      const from = at + tail.at / 4
      tail.at += count * 8
      return Array.from({ length: count }, (_, index) => each.read(words, from + index * 2, none))
    },
    write: (words, values, tail) => {
      if (values.length > most) throw new RangeError(`${values.length} entries are more than ${most}`)
      words[offset / 4] = values.length
      for (const value of values) {
        each.write(words.subarray(tail.at / 4), value, none)
        tail.at += 8
      }
    },
  }
}

export type FieldsOf<Value> = { readonly [Name in keyof Value]: Field<Value[Name]> }

type Entry = readonly [string, Field<unknown>]

const entriesOf = (fields: object): readonly Entry[] => Object.entries(fields)

type Read<Value> = (words: Int32Array, at: number, tail: Tail) => Value
type Write = (words: Int32Array, value: object, tail: Tail) => void

/**
 * Fields and constants to one object. The function is written as text, once for each codec: then it has all properties
 * in one literal and calls each field by itself. A loop over names calls any field from one place and adds properties
 * one by one, for which V8 has no shape; it took a twentieth of the simulation's time. No text of a message gets in here: names
 * are those of this program's own tables.
 */
const readerOf = <Value>(entries: readonly Entry[], constants: object): Read<Value> => {
  const given = Object.entries(constants)
  const properties = [
    ...given.map(([name], index) => `${JSON.stringify(name)}: constants[${index}]`),
    ...entries.map(([name], index) => `${JSON.stringify(name)}: read${index}(words, at, tail)`),
  ]
  return compiled<Read<Value>>(
    entries.map((_, index) => `read${index}`),
    `(words, at, tail) => ({ ${properties.join(', ')} })`,
    given.map(([, value]) => value),
    entries.map(([, { read }]) => read),
  )
}

const writerOf = (entries: readonly Entry[]): Write =>
  compiled<Write>(
    entries.map((_, index) => `write${index}`),
    `(words, value, tail) => { ${entries.map(([name], index) => `write${index}(words, value[${JSON.stringify(name)}], tail)`).join(';')} }`,
    [],
    entries.map(([, { write }]) => write),
  )

const compiled = <Made>(
  names: readonly string[],
  source: string,
  constants: readonly unknown[],
  functions: readonly unknown[],
): Made => new Function('constants', ...names, `return ${source}`)(constants, ...functions)

/** One message is made here, and put on the tape as a whole or not at all. */
const scratch = new Int32Array(maxMessageBytes / 4)
const scratchBytes = new Uint8Array(scratch.buffer)

interface Named {
  readonly type: string
}

/**
 * Codecs of the members of a union, each of so many fixed bytes. What a member says by its number alone is given as
 * constants: each of its other properties must have a field. `check` throws RangeError on what may not go together.
 */
export const codecsOf =
  <Union extends Named>() =>
  <Type extends Union['type'], const Constants extends Partial<Extract<Union, { type: Type }>>>(
    type: Type,
    fixedBytes: number,
    fields: FieldsOf<Omit<Extract<Union, { type: Type }>, 'type' | keyof Constants>>,
    constants?: Constants,
    check?: (message: Extract<Union, { type: Type }>) => void,
  ): Codec<Union> => {
    type Message = Extract<Union, { type: Type }>
    const entries = entriesOf(fields)
    const unowned = new Int32Array(fixedBytes / 4).fill(-1)
    unowned[0] = 0
    for (const { word, mask } of entries.flatMap(([, { owned }]) => owned))
      unowned[word] = (unowned[word] as number) & ~mask
    const readAll = readerOf<Message>(entries, { ...constants, type })
    const writeAll = writerOf(entries)
    return {
      read: (words, at) => {
        const size = wordsOf(words[at] as number) * 4
        if (size < fixedBytes) throw new RangeError(`${size} bytes are too few for ${type}`)
        for (let word = 1; word < unowned.length; word += 1)
          if (((words[at + word] as number) & (unowned[word] as number)) !== 0)
            throw new RangeError('what has no meaning is not zero')
        const tail = { at: fixedBytes, end: size }
        const message = readAll(words, at, tail)
        if (size !== roundedUp(tail.at)) throw new RangeError('a message is longer than its fields')
        if (!isZero(words, at, tail.at, size)) throw new RangeError('padding is not zero')
        check?.(message)
        return message
      },
      write: (tape, typeNumber, given) => {
        const message = given as Message
        check?.(message)
        scratch.fill(0, 0, fixedBytes / 4)
        const tail = { at: fixedBytes, end: maxMessageBytes }
        writeAll(scratch, message, tail)
        const size = roundedUp(tail.at)
        if (size > maxMessageBytes) throw new RangeError(`${size} bytes do not fit a message`)
        if (size > tail.at) scratchBytes.fill(0, tail.at, size)
        const at = tape.add(headerOf(typeNumber, size), size / 4)
        for (let word = 1; word < size / 4; word += 1) tape.words[at + word] = scratch[word] as number
      },
    }
  }

const roundedUp = (bytes: number): number => textWords(bytes) * 4

/** Whether the bytes between two offsets, less than eight of them, are zeros. */
export const isZero = (words: Int32Array, at: number, from: number, end: number): boolean => {
  for (let i = from; i < end; i += 1)
    if ((((words[at + (i >>> 2)] as number) >>> ((i & 3) << 3)) & 255) !== 0) return false
  return true
}
