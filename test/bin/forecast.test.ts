import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import * as z from 'zod'
import { BadSeries, readSeries } from '#bin/forecast/series-file.ts'

const root = join(import.meta.dirname, '../..')
const real = join(root, '../shared/data/demand/hourly_series.json')

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'forecast-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

const file = (name: string, content: string): string => {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}
const forecast = (...args: readonly string[]) =>
  spawnSync(process.execPath, ['bin/forecast.ts', ...args], { cwd: root, encoding: 'utf8' })

const usage = 'usage: npm run forecast -- <series.json> [--horizon <1 to 168>] [--origins <1 to 60>] [--json]'

const hours = z.array(z.number()).length(24)
const answer = z.object({
  series: z.record(
    z.string(),
    z.object({
      mase: z.number(),
      seasonal_naive_mase: z.number(),
      model: z.string(),
      point: hours,
      lower_80: hours,
      upper_80: hours,
      lower_95: hours,
      upper_95: hours,
      by_origin: z.array(z.object({ model: z.string(), mase: z.number() })).length(7),
    }),
  ),
  pooled: z.object({ coverage_80: z.number(), coverage_95: z.number() }),
})

const season = Array.from({ length: 400 }, (_, hour) => 50 + 30 * Math.sin(hour / 3.82) + (hour % 7))

describe('forecasts of a file', () => {
  test('are told as a table and as JSON', () => {
    const path = file('two.json', JSON.stringify({ unit: 'hourly', series: { a: season, b: [null, ...season] } }))
    const table = forecast(path, '--origins', '2', '--horizon', '3')
    expect({ status: table.status, stderr: table.stderr }).toEqual({ status: 0, stderr: '' })
    expect(table.stdout).toContain('a: 400 hours\n  MASE 0.')
    expect(table.stdout).toContain('+3 h')
    const { status, stdout } = forecast(path, '--json')
    expect(status).toBe(0)
    const { series } = answer.parse(JSON.parse(stdout))
    expect(series['b']).toEqual(series['a'])
  })

  test.each([
    ['nothing to forecast', [], 'one file of series is forecast at a time'],
    ['no file', ['/nowhere/x.json'], 'ENOENT'],
    ['a horizon of nothing', ['x.json', '--horizon', '0'], '--horizon takes a whole number from 1 to 168, not 0'],
    ['an option that there is not', ['x.json', '--days', '3'], "Unknown option '--days'"],
  ])('%s is told in a line and the usage', (_, args, says) => {
    const { status, stdout, stderr } = forecast(...args)
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
    expect(stderr).toContain(says)
    expect(stderr).toContain(usage)
    expect(stderr).not.toContain('    at ')
  })

  test.each([
    ['not JSON', '{"unit": "hourly", ', 'is not JSON'],
    ['NaN, which JSON has not', '{"unit":"hourly","series":{"a":[NaN]}}', 'is not JSON'],
    ['a list', '[1, 2]', 'is no file of hourly series: expected {"unit": "hourly"'],
    ['another unit', '{"unit":"daily","series":{"a":[1]}}', 'at unit'],
    ['no series', '{"unit":"hourly","series":{}}', 'has no series'],
    ['text in a series', '{"unit":"hourly","series":{"a":[1,"NaN"]}}', 'series a: hour 2 is not a number but "NaN"'],
    ['too large a number', '{"unit":"hourly","series":{"a":[1,1e999]}}', 'series a hour 2 is not a finite number'],
    ['a negative hour', '{"unit":"hourly","series":{"a":[1,-1]}}', 'series a hour 2 is negative'],
    ['an empty series', '{"unit":"hourly","series":{"a":[]}}', 'series a has no observation'],
    ['a name that commands a terminal', '{"unit":"hourly","series":{"a\\u001b[2J":[]}}', 'series a\\u001b[2J has no'],
  ])('%s is refused', (name, content, says) => {
    const path = file(`${name.replaceAll(/\W/g, '-')}.json`, content)
    expect(() => readSeries(path)).toThrow(BadSeries)
    expect(() => readSeries(path)).toThrow(says)
  })

  test('too short a series is told how long it has to be', () => {
    const path = file('short.json', JSON.stringify({ unit: 'hourly', series: { a: season.slice(0, 200) } }))
    const { status, stdout, stderr } = forecast(path)
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
    expect(stderr).toBe(`series a has 200 hours: --horizon 24 --origins 7 takes 264\n${usage}\n`)
  })
})

const onRealData = existsSync(real) ? test : test.skip
if (!existsSync(real)) console.warn(`not run: ${real} is absent`)

describe('real demand', () => {
  onRealData('MASE at most 0.52 and 0.92 a day ahead over seven days, coverage within eight points', () => {
    const { status, stdout } = forecast(real, '--horizon', '24', '--origins', '7', '--json')
    expect(status).toBe(0)
    const { series, pooled } = answer.parse(JSON.parse(stdout))
    expect(series['alibaba_dlrm_gpu']?.mase).toBeLessThanOrEqual(0.52)
    expect(series['alibaba_lora_requests']?.mase).toBeLessThanOrEqual(0.92)
    expect(Math.abs(pooled.coverage_80 - 0.8)).toBeLessThanOrEqual(0.08)
    expect(Math.abs(pooled.coverage_95 - 0.95)).toBeLessThanOrEqual(0.08)
  })
})
