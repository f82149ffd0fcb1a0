import { createHash } from 'node:crypto'

/** What was asked of the exchange, by whom, from where, and how it ended. Never a body, a token or a secret. */
export interface AuditEntry {
  /** The same however often the entry is told: who told it, and as which of its lines. */
  readonly id: string
  /** Which running function told it, and its how-manieth line it is: a lost line leaves a gap. */
  readonly teller: string | null
  readonly line: number | null
  readonly time: string
  readonly account: string | null
  readonly role: string | null
  readonly credential: string | null
  readonly address: string | null
  readonly request_id: string | null
  readonly operation: string | null
  readonly method: string | null
  readonly path: string | null
  readonly body_sha256: string | null
  readonly status: number | null
  /** Of the problem document; null where the answer is no refusal. */
  readonly code: string | null
}

/** Where a chain stands: the last record's day, its number within the day, and its hash. */
export interface ChainEnd {
  readonly date: string
  readonly number: number
  readonly hash: string
}

/** What the very first record of an exchange follows. */
export const genesis: ChainEnd = { date: '', number: 0, hash: '0'.repeat(64) }

/**
 * A record is a line of JSON whose last member is the hash of all the bytes before it, among them the hash of the record
 * before: so it can be checked without being understood, and nothing depends on how JSON is written.
 */
const sealPattern = /^(.*),"hash":"([0-9a-f]{64})"\}$/

const hashOf = (sealed: string): string => createHash('sha256').update(sealed).digest('hex')

/** The entry as the next record. A day that lies before the chain's end belongs to the end's: the chain never goes back. */
export const append = (
  end: ChainEnd,
  today: string,
  entry: AuditEntry,
): { readonly text: string; readonly end: ChainEnd } => {
  const date = today > end.date ? today : end.date
  const number = date === end.date ? end.number + 1 : 1
  const sealed = JSON.stringify({ date, number, ...entry, previous: end.hash }).slice(0, -1)
  const hash = hashOf(sealed)
  return { text: `${sealed},"hash":"${hash}"}`, end: { date, number, hash } }
}

/** The records of one object, with what its name says of them. */
export interface Segment {
  readonly date: string
  readonly first: number
  readonly last: number
  readonly lines: readonly string[]
}

const numberDigits = 12
const numberText = (number: number): string => String(number).padStart(numberDigits, '0')

/** `2026-07-21/000000000001-000000000049.jsonl`: in the order of the names, records are in the order of the chain. */
export const segmentName = ({ date, first, last }: Omit<Segment, 'lines'>): string =>
  `${date}/${numberText(first)}-${numberText(last)}.jsonl`

export const parseSegmentName = (name: string): Omit<Segment, 'lines'> | undefined => {
  const [, date, first, last] = /(?:^|\/)(\d{4}-\d{2}-\d{2})\/(\d{12})-(\d{12})\.jsonl$/.exec(name) ?? []
  return date === undefined ? undefined : { date, first: Number(first), last: Number(last) }
}

export interface Fault {
  readonly kind: 'changed' | 'missing' | 'reordered' | 'duplicated' | 'not-following' | 'lost-lines'
  /** Which record or records, and what is wrong, in words. */
  readonly says: string
}

export interface Verification {
  readonly records: number
  readonly days: number
  readonly faults: readonly Fault[]
  readonly end: ChainEnd
}

/** Which of 1, 2, 3… have come, however they are ordered, in little memory. */
const makeCounted = () => {
  let highest = 0
  let open: { readonly from: number; readonly to: number }[] = []
  return {
    take(number: number): 'next' | 'ahead' | 'late' | 'again' {
      if (number > highest) {
        if (number > highest + 1) open.push({ from: highest + 1, to: number - 1 })
        const how = number === highest + 1 ? 'next' : 'ahead'
        highest = number
        return how
      }
      const gap = open.find(({ from, to }) => number >= from && number <= to)
      if (gap === undefined) return 'again'
      open = open.flatMap(each =>
        each !== gap
          ? [each]
          : [
              { from: gap.from, to: number - 1 },
              { from: number + 1, to: gap.to },
            ].filter(({ from, to }) => from <= to),
      )
      return 'late'
    },
    startAt(number: number): void {
      highest = number - 1
    },
    missing: (): readonly { readonly from: number; readonly to: number }[] => open,
  }
}

const spanText = ({ from, to }: { readonly from: number; readonly to: number }): string =>
  from === to ? String(from) : `${from} to ${to}`

interface ReadRecord {
  readonly date: string
  readonly number: number
  readonly previous: string
  readonly teller: string | null
  readonly line: number | null
}

/**
 * Walks the records in the order of their objects. `after` is the hash that the first one must follow: of a part of the
 * chain, that of the last record before it.
 */
export const makeVerifier = (options: { readonly after?: string } = {}) => {
  const faults: Fault[] = []
  const fault = (kind: Fault['kind'], says: string): void => {
    faults.push({ kind, says })
  }
  const isWhole = options.after === undefined
  const tellers = new Map<string, ReturnType<typeof makeCounted>>()
  const days = new Set<string>()
  let records = 0
  let end: ChainEnd = { ...genesis, hash: options.after ?? genesis.hash }
  let numbers = makeCounted()
  const closeDay = (): void => {
    for (const span of numbers.missing())
      fault('missing', `records ${spanText(span)} of ${end.date} are not there, or not where they belong`)
    numbers = makeCounted()
  }

  const follow = (record: ReadRecord, hash: string): void => {
    const { date, number, previous } = record
    const named = `record ${number} of ${date}`
    if (date < end.date) {
      fault('reordered', `${named} comes after records of ${end.date}`)
      return
    }
    if (date > end.date) {
      closeDay()
      days.add(date)
    }
    const how = numbers.take(number)
    if (how === 'again') fault('duplicated', `${named} is there more than once`)
    if (how === 'late') fault('reordered', `${named} comes after record ${end.number}`)
    if (how === 'again' || how === 'late') return
    if (how === 'next' && previous !== end.hash) {
      const before =
        end.number === 0 ? (isWhole ? 'the genesis' : 'the hash given') : `record ${end.number} of ${end.date}`
      fault('not-following', `${named} does not follow ${before}: a record before it was changed or is missing`)
    }
    end = { date, number, hash }
  }

  const tell = ({ teller, line, date, number }: ReadRecord): void => {
    if (teller === null || line === null) return
    const counted = tellers.get(teller) ?? makeCounted()
    // What a function told before the part that is looked at is not in it.
    if (!tellers.has(teller) && !isWhole) counted.startAt(line)
    tellers.set(teller, counted)
    if (counted.take(line) === 'again' && isWhole)
      fault('duplicated', `record ${number} of ${date} tells line ${line} of ${teller} once more`)
  }

  return {
    segment(segment: Segment): void {
      const name = segmentName(segment)
      if (segment.lines.length !== segment.last - segment.first + 1)
        fault('missing', `${name} holds ${segment.lines.length} records, not ${segment.last - segment.first + 1}`)
      for (const [index, line] of segment.lines.entries()) {
        records += 1
        const where = `line ${index + 1} of ${name}`
        const [, sealed = '', hash = ''] = sealPattern.exec(line) ?? []
        const record = hash === '' ? undefined : readRecord(sealed)
        if (record === undefined) {
          fault('changed', `${where} is not a record`)
          continue
        }
        if (hashOf(sealed) !== hash)
          fault('changed', `record ${record.number} of ${record.date} (${where}) is not what was sealed`)
        if (record.date !== segment.date || record.number < segment.first || record.number > segment.last)
          fault('reordered', `record ${record.number} of ${record.date} is in ${name}`)
        tell(record)
        follow(record, hash)
      }
    },
    /** `through` is the hash that the last record must have: without it nobody can tell that the newest are missing. */
    finish(through?: string): Verification {
      closeDay()
      for (const [teller, counted] of tellers)
        for (const span of counted.missing())
          fault('lost-lines', `lines ${spanText(span)} of ${teller} have not been chained (yet)`)
      if (through !== undefined && through !== end.hash)
        fault(
          'missing',
          `the last record, ${end.number} of ${end.date || 'no day'}, is not the one with hash ${through}`,
        )
      return { records, days: days.size, faults, end }
    },
  }
}

const readRecord = (sealed: string): ReadRecord | undefined => {
  let value: unknown
  try {
    value = JSON.parse(`${sealed}}`)
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
  if (typeof value !== 'object' || value === null) return undefined
  const { date, number, previous, teller, line }: Partial<Record<string, unknown>> = { ...value }
  if (typeof date !== 'string' || !isCount(number) || typeof previous !== 'string') return undefined
  return {
    date,
    number,
    previous,
    teller: typeof teller === 'string' ? teller : null,
    line: isCount(line) ? line : null,
  }
}

const isCount = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 1
