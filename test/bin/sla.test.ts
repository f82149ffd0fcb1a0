import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from '@jest/globals'
import { runSeries } from '#bin/sla/runs.ts'
import { type AvailabilitySeries, BadSeries, readingsOf, readSeries } from '#bin/sla/series.ts'
import { minuteOf } from '#domain/sla/readings.ts'
import { defaultTiers, type SlaContract } from '#domain/sla/sla-contract.ts'

const folder = mkdtempSync(join(tmpdir(), 'exchange-sla-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const startMillis = Date.parse('2026-01-31T20:00:00Z')
const contractOf = ({ units, gapSeconds, mostUnits }: AvailabilitySeries): SlaContract => ({
  contractId: 'series',
  series: 'SERIES',
  quantity: mostUnits,
  feeMicros: 1_000_000_000,
  tiers: defaultTiers,
  degradedWeightPpm: 0,
  periodStartMillis: startMillis,
  periodEndMillis: minuteOf(startMillis + units.length * gapSeconds * 1_000 + 59_999),
  providerAccount: 'provider',
  buyerAccount: 'buyer',
})
const write = (name: string, text: string): string => {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}
const run = (path: string) => {
  const series = readSeries(path)
  return runSeries(contractOf(series), readingsOf(series, startMillis))
}

describe('an availability series', () => {
  test('comes to the same in every order; a tick at which nobody looked is unknown', () => {
    const data = Array.from({ length: 200 }, (_, tick) => (tick % 50 === 7 ? null : tick % 9 === 0 ? 0 : 4))
    const result = run(write('good.json', JSON.stringify({ metadata: { gap_seconds: 195 }, data })))
    expect(result.agrees).toBe(true)
    expect(result.deliveries.map(({ agrees }) => agrees)).toEqual([true, true, true, true])
    const unknown = result.batch.months.reduce((sum, { unknown_s }) => sum + unknown_s, 0)
    expect(unknown).toBe(4 * 195 * 4)
    expect(result.batch.months.map(({ month }) => month)).toEqual(['2026-01', '2026-02'])
    expect(result.deliveries.some(({ corrections }) => corrections > 0)).toBe(true)
  })

  test.each([
    ['no JSON', 'nonsense', /is not JSON$/],
    ['no gap', '{"metadata":{},"data":[1]}', /metadata\.gap_seconds/],
    ['a gap of more than an hour', '{"metadata":{"gap_seconds":3601},"data":[1]}', /metadata\.gap_seconds/],
    ['no ticks', '{"metadata":{"gap_seconds":60},"data":[]}', /data/],
    ['part of a unit', '{"metadata":{"gap_seconds":60},"data":[0.5]}', /data\.0/],
    ['less than no units', '{"metadata":{"gap_seconds":60},"data":[-1]}', /data\.0/],
  ])('with %s is refused in one line', (name, text, reason) => {
    const path = write(`${name}.json`, text)
    expect(() => readSeries(path)).toThrow(BadSeries)
    expect(() => readSeries(path)).toThrow(reason)
  })

  test('that is not there is refused', () => {
    expect(() => readSeries(join(folder, 'none.json'))).toThrow(/cannot be read/)
  })

  const sample = join(import.meta.dirname, '../../../shared/data/availability')
  const files = existsSync(sample) ? readdirSync(sample).filter(name => name.endsWith('.json')) : []
  if (files.length === 0) console.warn(`skipped: the availability of spot GPUs is not at ${sample}`)

  ;(files.length > 0 ? test.each(files) : test.skip.each(['spot GPUs']))(
    '%s comes to the same in every order, bit for bit',
    file => {
      const result = run(join(sample, file))
      for (const { order, agrees, ledgerSumMicros } of result.deliveries)
        expect([order, agrees, ledgerSumMicros]).toEqual([order, true, '0'])
      const [, , late, shuffled] = result.deliveries
      expect(late?.corrections).toBeGreaterThan(100)
      expect(shuffled?.duplicates).toBe((shuffled?.delivered ?? 0) / 2)
    },
  )
})
