import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import {
  type AuditEntry,
  append,
  type ChainEnd,
  genesis,
  makeVerifier,
  parseSegmentName,
  type Segment,
  segmentName,
  type Verification,
} from '#domain/compliance/audit-chain.ts'

const entry = (teller: string, line: number, more: Partial<AuditEntry> = {}): AuditEntry => ({
  id: `${teller}:${line}`,
  teller,
  line,
  time: '2026-07-21T09:05:07.150Z',
  account: 'acme',
  role: 'trader',
  credential: 'acme',
  address: '127.0.0.1',
  request_id: 'r',
  operation: 'place-order',
  method: 'POST',
  path: '/api/v1/orders',
  body_sha256: null,
  status: 202,
  code: null,
  ...more,
})

/** Three days of records by two tellers, in segments of at most `size`. */
const archive = (counts: readonly number[], size: number): { segments: Segment[]; end: ChainEnd } => {
  const segments: Segment[] = []
  let end = genesis
  let told = 0
  for (const [day, count] of counts.entries()) {
    const date = `2026-07-${String(20 + day)}`
    for (let first = 1; first <= count; first += size) {
      const lines: string[] = []
      for (let number = first; number <= Math.min(count, first + size - 1); number++) {
        told += 1
        const chained = append(end, date, entry(told % 2 === 0 ? 'a' : 'b', Math.ceil(told / 2)))
        end = chained.end
        lines.push(chained.text)
      }
      segments.push({ date, first, last: first + lines.length - 1, lines })
    }
  }
  return { segments, end }
}

const verify = (segments: readonly Segment[], options: { after?: string; through?: string } = {}): Verification => {
  const verifier = makeVerifier(options.after === undefined ? {} : { after: options.after })
  for (const segment of segments) verifier.segment(segment)
  return verifier.finish(options.through)
}

const kinds = (verification: Verification) => [...new Set(verification.faults.map(({ kind }) => kind))].sort()

/** All lines with a change of their own, each still in an object of the same name. */
const tampered = (segments: readonly Segment[], change: (lines: string[]) => string[]): Segment[] => {
  const lines = change(segments.flatMap(segment => segment.lines))
  let at = 0
  return segments.map(segment => {
    const from = at
    at += segment.lines.length
    return { ...segment, lines: lines.slice(from, segment === segments.at(-1) ? undefined : at) }
  })
}

const shapes = fc.record({
  counts: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 3 }),
  size: fc.integer({ min: 1, max: 5 }),
  pick: fc.nat(),
  other: fc.nat(),
})

describe('a chain', () => {
  test('is whole, by day and number, from the genesis on', () => {
    const { segments, end } = archive([3, 2], 2)
    expect(verify(segments, { through: end.hash })).toEqual({ records: 5, days: 2, faults: [], end })
    const [first] = segments[0]?.lines ?? []
    expect(JSON.parse(first ?? '')).toMatchObject({ date: '2026-07-20', number: 1, previous: '0'.repeat(64) })
    expect(JSON.parse(segments.at(-1)?.lines.at(-1) ?? '')).toMatchObject({ date: '2026-07-21', number: 2 })
  })

  test('never goes back a day', () => {
    const { end } = append({ date: '2026-07-21', number: 4, hash: genesis.hash }, '2026-07-20', entry('a', 1))
    expect(end).toMatchObject({ date: '2026-07-21', number: 5 })
  })

  test('objects are named by what they hold', () => {
    const named = { date: '2026-07-21', first: 1, last: 49 }
    expect(segmentName(named)).toBe('2026-07-21/000000000001-000000000049.jsonl')
    expect(parseSegmentName(`audit/${segmentName(named)}`)).toEqual(named)
    expect(parseSegmentName('2026-07-21/notes.txt')).toBeUndefined()
  })

  test('any one changed character is found', () => {
    fc.assert(
      fc.property(shapes, fc.nat(), ({ counts, size, pick }, at) => {
        const { segments } = archive(counts, size)
        const changed = tampered(segments, lines => {
          const index = pick % lines.length
          const line = lines[index] ?? ''
          const place = at % line.length
          const character = line[place] === '7' ? '8' : '7'
          return lines.with(index, line.slice(0, place) + character + line.slice(place + 1))
        })
        expect(kinds(verify(changed))).toContain('changed')
      }),
    )
  })

  test('any record that is taken out is found, and the first and last of all too', () => {
    fc.assert(
      fc.property(shapes, ({ counts, size, pick }) => {
        const { segments } = archive(counts, size)
        const total = counts.reduce((sum, count) => sum + count, 0)
        for (const index of [pick % total, 0, total - 1])
          expect(kinds(verify(tampered(segments, lines => lines.toSpliced(index, 1))))).toContain('missing')
      }),
    )
  })

  test('any two records that change places are found', () => {
    fc.assert(
      fc.property(shapes, ({ counts, size, pick, other }) => {
        const { segments } = archive(counts, size)
        const total = counts.reduce((sum, count) => sum + count, 0)
        const [one, two] = [pick % total, other % total]
        fc.pre(one !== two)
        const swapped = tampered(segments, lines => lines.with(one, lines[two] ?? '').with(two, lines[one] ?? ''))
        expect(kinds(verify(swapped))).toContain('reordered')
      }),
    )
  })

  test('any record that is there twice is found', () => {
    fc.assert(
      fc.property(shapes, ({ counts, size, pick, other }) => {
        const { segments } = archive(counts, size)
        const total = counts.reduce((sum, count) => sum + count, 0)
        const doubled = tampered(segments, lines => lines.toSpliced(other % (total + 1), 0, lines[pick % total] ?? ''))
        expect(kinds(verify(doubled)).some(kind => kind === 'duplicated' || kind === 'reordered')).toBe(true)
      }),
    )
  })

  test('a record that was changed and sealed anew does not fit the one after', () => {
    const { segments } = archive([3], 3)
    const forged = append(genesis, '2026-07-20', entry('b', 1, { account: 'someone else' })).text
    const verification = verify(tampered(segments, lines => lines.with(0, forged)))
    expect(verification.faults).toEqual([
      {
        kind: 'not-following',
        says: 'record 2 of 2026-07-20 does not follow record 1 of 2026-07-20: a record before it was changed or is missing',
      },
    ])
  })

  test('a missing object is found, between others by the records, at the end by the hash that is known', () => {
    const { segments, end } = archive([4, 4], 2)
    expect(verify(segments.toSpliced(1, 1)).faults[0]?.says).toContain('record 1 of 2026-07-21 does not follow')
    expect(verify(segments.toSpliced(2, 1)).faults.map(({ says }) => says)).toContain(
      'records 1 to 2 of 2026-07-21 are not there, or not where they belong',
    )
    expect(verify(segments.slice(0, -1)).faults).toEqual([])
    expect(kinds(verify(segments.slice(0, -1), { through: end.hash }))).toEqual(['missing'])
  })

  test('a part is held against the hash before it', () => {
    const { segments } = archive([4, 4], 4)
    const [first, second] = segments
    if (first === undefined || second === undefined) throw new Error('two segments were made')
    const before = JSON.parse(first.lines.at(-1) ?? '').hash
    expect(verify([second], { after: before }).faults).toEqual([])
    expect(kinds(verify([second]))).toContain('not-following')
  })

  test('a line that was lost on the way shows as a gap', () => {
    let end = genesis
    const lines = [1, 2, 5, 4].map(line => {
      const chained = append(end, '2026-07-20', entry('a', line))
      end = chained.end
      return chained.text
    })
    expect(verify([{ date: '2026-07-20', first: 1, last: 4, lines }]).faults).toEqual([
      { kind: 'lost-lines', says: 'lines 3 of a have not been chained (yet)' },
    ])
  })

  test('what is no record is told by its place', () => {
    const verification = verify([{ date: '2026-07-20', first: 1, last: 2, lines: ['{}', '{"a":1,"hash":"x"}'] }])
    expect(verification.faults.map(({ says }) => says)).toEqual([
      'line 1 of 2026-07-20/000000000001-000000000002.jsonl is not a record',
      'line 2 of 2026-07-20/000000000001-000000000002.jsonl is not a record',
    ])
  })
})
