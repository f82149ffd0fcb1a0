import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import {
  decideFixing,
  dueFixings,
  type Fixing,
  fallbackOf,
  type IndexQuote,
  type IndexVersion,
  isQuotable,
  levelUnits,
  type QuotedSource,
  quotedAnew,
  quotesAsOf,
  recomputeFixing,
  screenQuotes,
  versionAt,
} from '#domain/reference/index-method.ts'
import { decimal } from '#domain/units.ts'

const hour = 3_600_000
const minute = 60_000
const at = 500_000 * hour

const definition: IndexVersion = {
  index: 'H100.USE',
  version: 3,
  effectiveMillis: 0,
  unit: 'USD per GPU-hour',
  description: 'by the hour',
  sources: ['a', 'b', 'c', 'd', 'e'].map(source => ({ source, weightPpm: 1_000_000 })),
  fixingIntervalMillis: hour,
  staleAfterMillis: 5 * minute,
  outlierPpm: 100_000,
  trimPpm: 0,
  leastSources: 3,
  decimals: 4,
  fallback: 'previous-fixing',
  fallbackAfterMillis: 2 * minute,
  fallbackMaxAgeMillis: 3 * hour,
}

const quote = (source: string, level: string, agoMillis = 1_000): IndexQuote => ({
  source,
  level,
  quotedAtMillis: at - agoMillis,
})
const usesOf = (quotes: readonly IndexQuote[], more: Partial<IndexVersion> = {}) => {
  const { inputs, level } = screenQuotes({ ...definition, ...more }, quotes, at)
  return [level, Object.fromEntries(inputs.map(({ source, use }) => [source, use]))]
}

describe('a level', () => {
  test('is the mean by weight, to the nearest, halves up', () => {
    const sources = [
      { source: 'a', weightPpm: 3_000_000 },
      { source: 'b', weightPpm: 1_000_000 },
    ]
    const quotes = [quote('a', '2.5'), quote('b', '2.6')]
    expect(usesOf(quotes, { sources, leastSources: 2 })).toEqual(['2.525', { a: 'used', b: 'used' }])
    expect(usesOf(quotes, { sources, leastSources: 2, decimals: 2 })[0]).toBe('2.53')
    expect(usesOf(quotes, { sources, leastSources: 2, decimals: 0 })[0]).toBe('3')
  })

  test('leaves out what is stale, unknown, or of a later time', () => {
    const quotes = [
      quote('a', '2'),
      quote('b', '2.2', 5 * minute),
      quote('c', '2.1'),
      quote('d', '9', 5 * minute + 1),
      quote('e', '9', -1),
      quote('x', '9'),
    ]
    expect(usesOf(quotes)).toEqual(['2.1', { a: 'used', b: 'used', c: 'used', d: 'stale' }])
  })

  test('leaves out what is farther from the median than it may be, and just not farther stays', () => {
    const quotes = [quote('a', '2'), quote('b', '2'), quote('c', '2.2'), quote('d', '2.20000001'), quote('e', '0.5')]
    expect(usesOf(quotes)[1]).toEqual({ a: 'used', b: 'used', c: 'used', d: 'outlier', e: 'outlier' })
  })

  test('cuts a share of the weight at each end, part of a source too', () => {
    const quotes = [quote('a', '1'), quote('b', '2'), quote('c', '3'), quote('d', '4'), quote('e', '9')]
    const wide = { outlierPpm: 1_000_000, leastSources: 3 }
    // e is farther than the whole of the median.
    expect(usesOf(quotes, { ...wide, trimPpm: 250_000 })).toEqual([
      '2.5',
      { a: 'trimmed', b: 'used', c: 'used', d: 'trimmed', e: 'outlier' },
    ])
    expect(usesOf(quotes, { ...wide, trimPpm: 125_000 })).toEqual([
      '2.5',
      { a: 'used', b: 'used', c: 'used', d: 'used', e: 'outlier' },
    ])
  })

  test('is none where too few sources are left', () => {
    expect(usesOf([quote('a', '2'), quote('b', '2'), quote('c', '9'), quote('d', '2', hour)])).toEqual([
      undefined,
      { a: 'too-few', b: 'too-few', c: 'outlier', d: 'stale' },
    ])
    expect(usesOf([])).toEqual([undefined, {}])
    // Two halves that disagree: the median lies between them, and nobody is near it.
    expect(usesOf([quote('a', '1'), quote('b', '1'), quote('c', '9'), quote('d', '9')])[0]).toBeUndefined()
  })

  test.each([
    'NaN',
    'Infinity',
    '-Infinity',
    '-0',
    '0',
    '0.0',
    '-1',
    '1e308',
    '1e-3',
    '',
    ' 1',
    '10000001',
    '0.000000001',
  ])('%j is no level', text => expect(levelUnits(text)).toBeUndefined())

  test('that would round to nothing is not taken', () => {
    expect(isQuotable('0.00005', definition)).toBe(true)
    expect(isQuotable('0.00004999', definition)).toBe(false)
    expect(isQuotable('NaN', definition)).toBe(false)
  })
})

const units = fc.integer({ min: 1, max: 5_000_000 })
const weightPpm = fc.integer({ min: 1, max: 1_000_000_000 })
const cases = fc.record({
  quoted: fc.array(fc.record({ units, weightPpm, age: fc.integer({ min: 0, max: 10 * minute }) }), {
    minLength: 1,
    maxLength: 12,
  }),
  outlierPpm: fc.integer({ min: 1, max: 1_000_000 }),
  trimPpm: fc.integer({ min: 0, max: 499_999 }),
  leastSources: fc.integer({ min: 1, max: 4 }),
  decimals: fc.integer({ min: 2, max: 6 }),
})
type Case = typeof cases extends fc.Arbitrary<infer Made> ? Made : never
const inputsOf = ({ quoted, ...limits }: Case, step = '0.0001') => ({
  method: {
    ...definition,
    ...limits,
    sources: quoted.map((each, index) => ({ source: `s${index}`, weightPpm: each.weightPpm })),
  },
  quotes: quoted.map((each, index) => quote(`s${index}`, decimal(each.units, step), each.age)),
})
const roundedUnits = (level: string, decimals: number): bigint => {
  const step = 10n ** BigInt(8 - decimals)
  return ((levelUnits(level) ?? 0n) * 2n + step) / (step * 2n)
}

describe('whatever is quoted', () => {
  test('the order of quotes and of sources does not matter', () => {
    fc.assert(
      fc.property(cases, fc.integer(), (made, seed) => {
        const { method, quotes } = inputsOf(made)
        const mixed = <Each>(all: readonly Each[]) =>
          all.toSorted((one, other) => mix(JSON.stringify(one), seed) - mix(JSON.stringify(other), seed))
        const one = screenQuotes(method, quotes, at)
        const other = screenQuotes({ ...method, sources: mixed(method.sources) }, mixed(quotes), at)
        expect(other.level).toBe(one.level)
        const bySource = (inputs: typeof one.inputs) => Object.fromEntries(inputs.map(each => [each.source, each]))
        expect(bySource(other.inputs)).toEqual(bySource(one.inputs))
      }),
    )
  })

  test('in another unit it is the same level in that unit', () => {
    fc.assert(
      fc.property(cases, made => {
        const small = inputsOf(made)
        const large = inputsOf(made, '0.01')
        const one = screenQuotes(small.method, small.quotes, at)
        const other = screenQuotes({ ...large.method, decimals: made.decimals - 2 }, large.quotes, at)
        expect(other.inputs.map(({ use }) => use)).toEqual(one.inputs.map(({ use }) => use))
        expect(levelUnits(other.level ?? '0')).toBe(
          one.level === undefined ? undefined : roundsToNothing(one.level) ? undefined : timesHundred(one.level),
        )
      }),
    )
  })

  test('the level lies within what is used, rounded as it is', () => {
    fc.assert(
      fc.property(cases, made => {
        const { method, quotes } = inputsOf(made)
        const { inputs, level } = screenQuotes(method, quotes, at)
        const counted = inputs.filter(({ use }) => use === 'used')
        expect(counted.length > 0).toBe(level !== undefined)
        if (level === undefined) return
        const found = roundedUnits(level, method.decimals)
        const used = counted.map(each => roundedUnits(each.level, method.decimals))
        expect(used.some(each => each <= found) && used.some(each => each >= found)).toBe(true)
        expect(roundedUnits(level, method.decimals) * 10n ** BigInt(8 - method.decimals)).toBe(levelUnits(level) ?? 0n)
      }),
    )
  })

  /** Sources that agree within a percent, and one that says anything, of at most the weight of each of them. */
  const strays = fc.record({
    honest: fc.array(fc.integer({ min: 20_000, max: 20_200 }), { minLength: 3, maxLength: 9 }),
    wild: fc.integer({ min: 1, max: 900_000_000 }),
  })
  const strayed = (
    { honest, wild }: { readonly honest: readonly number[]; readonly wild: number },
    trimPpm: number,
  ) => {
    const quotes = [...honest, wild].map((each, index) => quote(`s${index}`, decimal(each, '0.0001')))
    const sources = quotes.map(({ source }) => ({ source, weightPpm: 1_000_000 }))
    const { level } = screenQuotes({ ...definition, sources, trimPpm, leastSources: 3 }, quotes, at)
    return increments(level)
  }
  const increments = (level: string | undefined): number =>
    level === undefined ? Number.NaN : Number(levelUnits(level) ?? 0n) / 10_000

  test('one source beyond the limit never moves it beyond the range of the others', () => {
    fc.assert(
      fc.property(strays, stray => {
        const beyond = stray.wild < 17_000 || stray.wild > 23_000
        const moved = strayed(stray, 0)
        if (!beyond) return
        expect(moved).toBeGreaterThanOrEqual(Math.min(...stray.honest))
        expect(moved).toBeLessThanOrEqual(Math.max(...stray.honest))
      }),
    )
  })

  test('where what is cut weighs as much as a source, nor does any, however near', () => {
    fc.assert(
      fc.property(strays, stray => {
        const moved = strayed(stray, 300_000)
        expect(moved).toBeGreaterThanOrEqual(Math.min(...stray.honest))
        expect(moved).toBeLessThanOrEqual(Math.max(...stray.honest))
      }),
    )
  })

  test('a fixing is made again from what is stored of it, and not from anything else', () => {
    fc.assert(
      fc.property(cases, fc.option(fc.integer({ min: 1, max: 6 })), (made, hoursAgo) => {
        const { method, quotes } = inputsOf(made)
        const before = hoursAgo === null ? undefined : fixingOf(at - hoursAgo * hour)
        const decision = decideFixing(method, quotes, at, at + 2 * minute, before)
        expect(decision.kind).not.toBe('waiting')
        if (decision.kind !== 'fixed') return
        expect(recomputeFixing(decision.fixing, method)).toEqual(decision.fixing)
        const forged = { ...decision.fixing, level: '77' }
        expect(recomputeFixing(forged, method)).not.toEqual(forged)
      }),
    )
  })
})

const mix = (text: string, seed: number): number => {
  let hash = seed | 0
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  return hash
}
const roundsToNothing = (level: string): boolean => levelUnits(level) === undefined
const timesHundred = (level: string): bigint => (levelUnits(level) ?? 0n) * 100n

const fixingOf = (fixingMillis: number, more: Partial<Fixing> = {}): Fixing => ({
  index: 'H100.USE',
  fixingMillis,
  level: '2.5',
  isFallback: false,
  methodVersion: 3,
  inputs: [],
  ...more,
})

describe('a fixing', () => {
  const enough = [quote('a', '2'), quote('b', '2'), quote('c', '2')]

  test('is made of quotes as soon as there are enough', () => {
    expect(decideFixing(definition, enough, at, at, undefined)).toMatchObject({
      kind: 'fixed',
      fixing: { index: 'H100.USE', fixingMillis: at, level: '2', isFallback: false, methodVersion: 3 },
    })
  })

  test('waits for those of its time, then falls back as declared, then is missed', () => {
    const before = fixingOf(at - hour)
    const decide = (nowMillis: number, more: Partial<IndexVersion> = {}, previous: Fixing | undefined = before) =>
      decideFixing({ ...definition, ...more }, enough.slice(1), at, nowMillis, previous)
    expect(decide(at).kind).toBe('waiting')
    expect(decide(at + 2 * minute - 1).kind).toBe('waiting')
    expect(decide(at + 2 * minute)).toMatchObject({
      kind: 'fixed',
      fixing: { level: '2.5', isFallback: true, fallbackOn: { fixingMillis: at - hour, level: '2.5' } },
    })
    expect(decide(at + hour, { fallback: 'none' }).kind).toBe('missed')
    expect(decide(at + hour, { fallbackMaxAgeMillis: hour - 1 }).kind).toBe('missed')
    expect(decideFixing(definition, [], at, at + hour, undefined).kind).toBe('missed')
  })

  test('that fell back is not fallen back on: age counts from what quotes made', () => {
    const first = fixingOf(at - 3 * hour)
    const second = fixingOf(at - hour, { isFallback: true, fallbackOn: { fixingMillis: at - 3 * hour, level: '2.5' } })
    expect(fallbackOf(second)).toEqual({ fixingMillis: first.fixingMillis, level: '2.5' })
    expect(decideFixing(definition, [], at, at + hour, second)).toMatchObject({ fixing: { isFallback: true } })
    expect(decideFixing({ ...definition, fallbackMaxAgeMillis: 2 * hour }, [], at, at + hour, second).kind).toBe(
      'missed',
    )
    expect(recomputeFixing({ ...second, fixingMillis: at + 9 * hour }, definition)).toBeUndefined()
  })
})

describe('what is due', () => {
  const version = (number: number, effectiveMillis: number, fixingIntervalMillis: number): IndexVersion => ({
    ...definition,
    version: number,
    effectiveMillis,
    fixingIntervalMillis,
  })
  const due = (versions: readonly IndexVersion[], after: number, until: number, most = 100) =>
    dueFixings(versions, after, until, most).map(({ fixingMillis, method }) => [fixingMillis / minute, method.version])

  test('are the multiples of the interval after one instant and up to another', () => {
    const versions = [version(1, 0, hour)]
    expect(due(versions, -1, 2 * hour)).toEqual([
      [0, 1],
      [60, 1],
      [120, 1],
    ])
    expect(due(versions, 0, hour)).toEqual([[60, 1]])
    expect(due(versions, 0, hour - 1)).toEqual([])
    expect(due(versions, 0, 100 * hour, 2)).toHaveLength(2)
  })

  test('follow the version that holds then, from its first instant on', () => {
    const versions = [version(1, 30 * minute, hour), version(3, 4 * hour, minute), version(2, 2 * hour, 30 * minute)]
    expect(due(versions, 0, 4 * hour + minute)).toEqual([
      [60, 1],
      [120, 2],
      [150, 2],
      [180, 2],
      [210, 2],
      [240, 3],
      [241, 3],
    ])
    expect(due([version(1, 100 * hour, hour)], 0, hour)).toEqual([])
    expect(due([], 0, hour)).toEqual([])
  })

  test('of two versions from the same time on the later one holds', () => {
    const versions = [version(2, hour, minute), version(1, hour, hour), version(3, 2 * hour, hour)]
    expect(versionAt(versions, hour - 1)).toBeUndefined()
    expect(versionAt(versions, hour)?.version).toBe(2)
    expect(versionAt(versions, 2 * hour)?.version).toBe(3)
  })
})

describe('what is kept of a source', () => {
  test('is enough to know its quote at the end of each of the last minutes', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 3 * minute }), { minLength: 1, maxLength: 60 }), steps => {
        let kept: QuotedSource | undefined
        const all: IndexQuote[] = []
        let millis = at
        for (const step of steps) {
          millis += step
          const next = { source: 'a', level: String(all.length + 1), quotedAtMillis: millis }
          all.push(next)
          kept = quotedAnew(kept, next)
          expect(kept.earlier.length).toBeLessThan(18)
          for (let back = 0; back < 15; back++) {
            const end = Math.floor(millis / minute - back) * minute
            expect(quotesAsOf([kept], end)).toEqual(all.filter(each => each.quotedAtMillis <= end).slice(-1))
          }
        }
      }),
    )
  })
})
