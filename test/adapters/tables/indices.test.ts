import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import {
  type FixingRow,
  fixingAt,
  fixingsPage,
  getDecided,
  lastFixing,
  listFixings,
  moveDecided,
  putFixing,
  putFixings,
} from '#adapters/tables/fixings.ts'
import { type IndexQuoteRow, indexQuotePut, listIndexQuotes } from '#adapters/tables/index-quotes.ts'
import {
  addMeasurements,
  getMeasurement,
  listMeasurements,
  type MeasurementRow,
  measurementsPage,
  replaceMeasurement,
} from '#adapters/tables/measurements.ts'
import {
  type ParameterRow,
  parameterAt,
  parameterChanges,
  parametersAt,
  parameterVersions,
  putParameter,
} from '#adapters/tables/parameters.ts'
import { store } from '#adapters/writes.ts'
import { type LocalTables, startTables } from '#test/support/dynamodb-local.ts'

let tables: LocalTables
beforeAll(async () => {
  tables = await startTables()
})
afterAll(() => tables.stop())
beforeEach(() => tables.renew('parameters', 'indexQuotes', 'fixings', 'measurements'))

describe('parameters', () => {
  const row = (version: number, effectiveMillis: number, name = 'H100.USE'): ParameterRow => ({
    kind: 'index',
    name,
    effectiveMillis,
    version,
    value: { unit: 'USD', sources: [{ source: 'a', weight_ppm: 1 }], decimals: 4 },
    setBy: 'desk',
    setAtMillis: 5,
    ...(version === 1 ? {} : { request: { name: 'r1', hash: 'h' } }),
  })

  test('come back as they were, by the time from which they hold', async () => {
    for (const each of [row(1, 1_000), row(2, 9_000), row(3, 5_000), row(4, 5_000)])
      expect(await putParameter(each)).toBe(true)
    expect(await parameterVersions('index', 'H100.USE')).toEqual([
      row(1, 1_000),
      row(3, 5_000),
      row(4, 5_000),
      row(2, 9_000),
    ])
    expect(await parameterAt('index', 'H100.USE', 999)).toBeUndefined()
    expect(await parameterAt('index', 'H100.USE', 1_000)).toEqual(row(1, 1_000))
    expect(await parameterAt('index', 'H100.USE', 5_000)).toEqual(row(4, 5_000))
    expect(await parameterAt('index', 'H100.USE', 9_000)).toEqual(row(2, 9_000))
    expect(await parameterAt('index', 'H100', 9_000)).toBeUndefined()
    expect(await parameterAt('grid', 'H100.USE', 9_000)).toBeUndefined()
  })

  test('each version is the one after the newest, whatever its time, and of many at once one is', async () => {
    const first = await Promise.all([1, 2, 3].map(millis => putParameter(row(1, millis))))
    expect(first.filter(Boolean)).toHaveLength(1)
    expect(await putParameter(row(3, 50))).toBe(false)
    const second = await Promise.all([51, 52, 53].map(millis => putParameter(row(2, millis))))
    expect(second.filter(Boolean)).toHaveLength(1)
    expect((await parameterVersions('index', 'H100.USE')).map(({ version }) => version)).toEqual([1, 2])
  })

  test('a version is refused where another name of the kind was changed since the changes were counted', async () => {
    expect(await parameterChanges('index')).toBe(0)
    const both = await Promise.all(['H100', 'A100'].map(name => putParameter(row(1, 10, name), 0)))
    expect(both.filter(Boolean)).toHaveLength(1)
    expect(await parameterChanges('index')).toBe(1)
    expect(await putParameter(row(1, 10, both[0] === true ? 'A100' : 'H100'), 1)).toBe(true)
    expect(await parameterChanges('index')).toBe(2)
    expect((await parametersAt('index', 10)).map(({ name }) => name)).toEqual(['A100', 'H100'])
  })

  test('at an instant are one a name, by name', async () => {
    await putParameter(row(1, 10, 'H100.USE'))
    await putParameter(row(2, 20, 'H100.USE'))
    await putParameter(row(1, 10, 'H100'))
    await putParameter(row(1, 90, 'A100'))
    expect(await parametersAt('index', 15)).toEqual([row(1, 10, 'H100'), row(1, 10, 'H100.USE')])
    expect((await parametersAt('index', 90)).map(({ name, version }) => [name, version])).toEqual([
      ['A100', 1],
      ['H100', 1],
      ['H100.USE', 2],
    ])
    expect(await parametersAt('grid', 90)).toEqual([])
  })
})

describe('quotes of an index', () => {
  const row = (source: string, quotedAtMillis: number): IndexQuoteRow => ({
    index: 'H100.USE',
    source,
    level: '2.55',
    quotedAtMillis,
    receivedAtMillis: quotedAtMillis + 1,
    earlier: [{ level: '2.5', quotedAtMillis: 3 }],
  })

  test('are one a source, only in the place of the one that was read', async () => {
    expect(await store(indexQuotePut(row('b', 10), undefined))).toBe(true)
    expect(await store(indexQuotePut(row('b', 11), undefined))).toBe(false)
    expect(await store(indexQuotePut(row('a', 10), undefined))).toBe(true)
    expect(await store(indexQuotePut(row('b', 12), row('b', 10)))).toBe(true)
    expect(await store(indexQuotePut(row('b', 13), row('b', 10)))).toBe(false)
    expect(await listIndexQuotes('H100.USE')).toEqual([row('a', 10), row('b', 12)])
    expect(await listIndexQuotes('H100')).toEqual([])
  })
})

describe('fixings', () => {
  const row = (fixingMillis: number, more: Partial<FixingRow> = {}): FixingRow => ({
    index: 'H100.USE',
    fixingMillis,
    level: '2.55',
    isFallback: false,
    methodVersion: 2,
    inputs: [{ source: 'a', level: '2.55', weightPpm: 1_000_000, quotedAtMillis: 7, use: 'used' }],
    ...more,
  })

  test('the first that is stored stays', async () => {
    expect(await putFixing(row(60_000))).toBe(true)
    expect(await putFixing(row(60_000, { level: '9' }))).toBe(false)
    expect(await putFixings([row(120_000), row(60_000, { level: '9' })])).toBe(false)
    expect(await fixingAt('H100.USE', 60_000)).toEqual(row(60_000))
    expect(await fixingAt('H100.USE', 120_000)).toBeUndefined()
  })

  test('come back as they were, in the order of time', async () => {
    const fallback = row(180_000, {
      isFallback: true,
      inputs: [],
      fallbackOn: { fixingMillis: 120_000, level: '2.55' },
    })
    expect(await putFixings([row(60_000), row(120_000), fallback])).toBe(true)
    await moveDecided('H100.USE', undefined, 240_000)
    expect(await listFixings('H100.USE', 60_000, 180_000)).toEqual([row(60_000), row(120_000), fallback])
    expect(await listFixings('H100.USE', 0, 119_999)).toEqual([row(60_000)])
    expect(await listFixings('H100.USE', 5, 4)).toEqual([])
    expect(await lastFixing('H100.USE', 179_999)).toEqual(row(120_000))
    expect(await lastFixing('H100.USE', 59_999)).toBeUndefined()
    const { rows, next } = await fixingsPage('H100.USE', { limit: 2 })
    expect([rows.map(each => each.fixingMillis), next]).toEqual([[180_000, 120_000], '120000'])
  })

  test('more than a read holds are all listed', async () => {
    const many = Array.from({ length: 1_001 }, (_, index) => row((index + 1) * 60_000))
    for (let at = 0; at < many.length; at += 100) await putFixings(many.slice(at, at + 100))
    expect(await listFixings('H100.USE', 0, 1_001 * 60_000)).toHaveLength(1_001)
  })

  test('how far they are decided moves only from where it was read', async () => {
    expect(await getDecided('H100.USE')).toBeUndefined()
    expect(await moveDecided('H100.USE', undefined, 60_000)).toBe(true)
    expect(await moveDecided('H100.USE', undefined, 120_000)).toBe(false)
    expect(await moveDecided('H100.USE', 60_000, 120_000)).toBe(true)
    expect(await getDecided('H100.USE')).toBe(120_000)
  })
})

describe('measurements', () => {
  const row = (windowStartMillis: number, more: Partial<MeasurementRow> = {}): MeasurementRow => ({
    series: 'LAT-INFER.USE',
    source: 'probe',
    windowStartMillis,
    windowEndMillis: windowStartMillis + 60_000,
    version: 1,
    recordedAtMillis: 9,
    latency: { upperNanos: [1_000_000, 2_000_000], counts: [3, 0] },
    availability: { upSeconds: 60, degradedSeconds: 0, downSeconds: 1, unknownSeconds: 2 },
    penaltyMicros: 0,
    accuracyPpm: 987_000,
    job: { contractedUnits: 8, deliveredUnits: 7, imbalancePriceMicros: 2_500_000 },
    ...more,
  })
  const bare: MeasurementRow = {
    series: 'LAT-INFER.USE',
    source: 'another',
    windowStartMillis: 60_000,
    windowEndMillis: 90_000,
    version: 1,
    recordedAtMillis: 9,
    penaltyMicros: 5,
  }

  test('come back as they were: windows that begin in the span', async () => {
    expect(await addMeasurements([row(60_000), bare, row(120_000), row(180_000)])).toBe(true)
    expect(await listMeasurements('LAT-INFER.USE', 60_000, 180_000)).toEqual([bare, row(60_000), row(120_000)])
    expect(await listMeasurements('LAT-INFER.USE', 60_001, 120_000)).toEqual([])
    expect(await listMeasurements('LAT-INFER.USE', 120_000, 60_000)).toEqual([])
    expect(await listMeasurements('LAT-INFER', 0, 180_000)).toEqual([])
  })

  test('page by page', async () => {
    await addMeasurements([row(60_000), bare, row(120_000)])
    const all = { fromMillis: 0, toMillis: 1_000_000, limit: 2 }
    const first = await measurementsPage('LAT-INFER.USE', all)
    expect(first.rows).toEqual([bare, row(60_000)])
    const second = await measurementsPage('LAT-INFER.USE', { ...all, after: first.next })
    expect(second).toEqual({ rows: [row(120_000)] })
    expect(await measurementsPage('LAT-INFER.USE', { ...all, toMillis: 60_000, after: first.next })).toEqual({
      rows: [],
    })
  })

  test('are added only where nobody has told of them, all or none, and replaced as they were read', async () => {
    await addMeasurements([row(60_000)])
    expect(await addMeasurements([row(60_000), row(120_000)])).toBe(false)
    expect(await getMeasurement(row(120_000))).toBeUndefined()
    const corrected = row(60_000, { version: 2, penaltyMicros: 7 })
    expect(await replaceMeasurement(corrected, row(60_000))).toBe(true)
    expect(await replaceMeasurement(row(60_000, { version: 2 }), row(60_000))).toBe(false)
    expect(await replaceMeasurement(row(60_000), undefined)).toBe(false)
    expect(await getMeasurement(row(60_000))).toEqual(corrected)
    expect(await tables.items('measurements')).toMatchObject([
      { series: 'LAT-INFER.USE', window_key: '000000000060000#probe', version: 2, penalty_micros: 7 },
      { series: 'LAT-INFER.USE#superseded', window_key: '000000000060000#probe#000001', version: 1, penalty_micros: 0 },
    ])
  })

  test('more than a read holds are all listed', async () => {
    const many = Array.from({ length: 1_050 }, (_, index) => row((index + 1) * 60_000))
    for (let at = 0; at < many.length; at += 100) await addMeasurements(many.slice(at, at + 100))
    expect(await listMeasurements('LAT-INFER.USE', 0, 2_000 * 60_000)).toEqual(many)
  })
})
