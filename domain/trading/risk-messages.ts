import type { InstrumentRisk } from './commands.ts'
import { type Field, i64, maxMessageBytes, nested, type Tail, u32 } from './fields.ts'

/** 72 bytes, and behind those of an array 8 for each scenario. */
const headBytes = 72
const kinds = ['array', 'bounds'] as const

const head = nested<{
  readonly instrumentId: number
  readonly specificationVersion: number
  readonly markMicros: number
  readonly shortMinimumMicros: number
  readonly group: number
  readonly concentrationUnits: number
  readonly kind: number
  readonly scenarios: number
  /** What is gained at rest; of bounds the lower one. */
  readonly first: number
  /** The upper one of bounds; else 0. */
  readonly second: number
  readonly deltaMicroUnits: number
  readonly vegaMicros: number
}>({
  instrumentId: u32(0),
  specificationVersion: u32(4),
  markMicros: i64(8),
  shortMinimumMicros: i64(16),
  group: u32(24),
  concentrationUnits: u32(28),
  kind: u32(32),
  scenarios: u32(36),
  first: i64(40),
  second: i64(48),
  deltaMicroUnits: i64(56),
  vegaMicros: i64(64),
})
const gain = i64(0)
const none: Tail = { at: 0, end: 0 }

/** Their count lies among the fixed fields, they themselves one behind another in the tail. */
export const instrumentRisks = (offset: number): Field<readonly InstrumentRisk[]> => ({
  owned: [{ word: offset / 4, mask: -1 }],
  read: (words, at, tail) => {
    const count = (words[at + offset / 4] as number) >>> 0
    const risks: InstrumentRisk[] = []
    for (let index = 0; index < count; index += 1) risks.push(readRisk(words, at, tail))
    return risks
  },
  write: (words, risks, tail) => {
    words[offset / 4] = risks.length
    for (const risk of risks) writeRisk(words, risk, tail)
  },
})

const readRisk = (words: Int32Array, at: number, tail: Tail): InstrumentRisk => {
  if (tail.at + headBytes > tail.end) throw new RangeError('a list lies past the end of its message')
  const { kind, scenarios, first, second, ...common } = head.read(words, at + tail.at / 4, none)
  tail.at += headBytes
  if (kinds[kind] === undefined) throw new RangeError('a number names nothing')
  if (kinds[kind] === 'bounds') {
    if (scenarios !== 0) throw new RangeError('bounds have no scenarios')
    return { ...common, risk: { kind: 'bounds', lowMicros: first, highMicros: second } }
  }
  if (second !== 0) throw new RangeError('what has no meaning is not zero')
  if (tail.at + scenarios * 8 > tail.end) throw new RangeError('a list lies past the end of its message')
  const from = at + tail.at / 4
  tail.at += scenarios * 8
  const arrayMicros = Array.from({ length: scenarios }, (_, index) => gain.read(words, from + index * 2, none))
  return { ...common, risk: { kind: 'array', restMicros: first, arrayMicros } }
}

const writeRisk = (words: Int32Array, { risk, ...common }: InstrumentRisk, tail: Tail): void => {
  const arrayMicros = risk.kind === 'array' ? risk.arrayMicros : []
  if (tail.at + headBytes + arrayMicros.length * 8 > maxMessageBytes)
    throw new RangeError('more instruments than fit a message')
  const own = words.subarray(tail.at / 4)
  own.fill(0, 0, (headBytes + arrayMicros.length * 8) / 4)
  head.write(
    own,
    {
      ...common,
      kind: kinds.indexOf(risk.kind),
      scenarios: arrayMicros.length,
      first: risk.kind === 'array' ? risk.restMicros : risk.lowMicros,
      second: risk.kind === 'array' ? 0 : risk.highMicros,
    },
    none,
  )
  for (const [index, micros] of arrayMicros.entries())
    gain.write(own.subarray((headBytes + index * 8) / 4), micros, none)
  tail.at += headBytes + arrayMicros.length * 8
}
