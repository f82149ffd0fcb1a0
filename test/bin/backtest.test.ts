import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import * as z from 'zod'

const root = join(import.meta.dirname, '../..')
const real = join(root, '../shared/data/prices/gcp_compute_price_changes_2022-2026.csv.gz')

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'backtest-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

const header =
  'effective_date,machine_type,region,hour_ondemand_usd,hour_spot_usd,month_usd,month_1y_commit_usd,month_3y_commit_usd'
const file = (name: string, ...rows: readonly string[]): string => {
  const path = join(folder, name)
  writeFileSync(path, `${[header, ...rows].join('\n')}\n`)
  return path
}
const backtest = (...args: readonly string[]) =>
  spawnSync(process.execPath, ['bin/backtest.ts', ...args], { cwd: root, encoding: 'utf8' })

const answer = z.object({
  rows: z.number(),
  screened: z.number(),
  products: z.number(),
  strategies: z.array(
    z.object({ strategy: z.string(), net: z.string(), months: z.array(z.object({ month: z.string() })) }),
  ),
})

const prices = (): string =>
  file(
    'prices.csv',
    '2024-01-01,a2-highgpu-1g,us-central1,3.65,1.46,2664.5,1678.6,932.6',
    '2024-03-01,a2-highgpu-1g,us-central1,3.65,1.50,2664.5,1678.6,932.6',
  )

describe('a back-test of arbitrage over a dated list', () => {
  test('is told as a table, as JSON and as a drawing', () => {
    const svg = join(folder, 'net.svg')
    const table = backtest('arbitrage', prices(), '--svg', svg)
    expect({ status: table.status, stderr: table.stderr }).toEqual({ status: 0, stderr: '' })
    expect(table.stdout).toMatch(/^2 rows, 0 prices screened out/)
    expect(table.stdout).toContain('commitment_3y')
    expect(readFileSync(svg, 'utf8')).toMatch(/^<svg [\s\S]*<polyline[\s\S]*<\/svg>\n$/)
    const { stdout } = backtest('arbitrage', prices(), '--json')
    const told = answer.parse(JSON.parse(stdout))
    expect(told.strategies.map(({ strategy }) => strategy)).toEqual([
      'on_demand',
      'spot',
      'commitment_1y',
      'commitment_3y',
      'best',
    ])
    expect(told.strategies[1]?.months.map(({ month }) => month)).toEqual(['2024-01', '2024-02'])
    expect(Number(told.strategies[0]?.net)).toBeLessThan(0)
  })

  test('costs more where more is assumed', () => {
    const net = (...args: readonly string[]): number => {
      const { strategies } = answer.parse(JSON.parse(backtest('arbitrage', prices(), '--json', ...args).stdout))
      return Number(strategies.find(({ strategy }) => strategy === 'spot')?.net)
    }
    const usual = net()
    expect(net('--preemption-ppm', '100000')).toBeLessThan(usual)
    expect(net('--discount-ppm', '200000')).toBeLessThan(usual)
  })

  test.each([
    ['nothing to test', []],
    ['another test', ['forecast', 'x.csv']],
    ['no file', ['arbitrage', 'not-there.csv']],
    ['an assumption that is none', ['arbitrage', 'x.csv', '--fee-ppm', '1e3']],
    ['a provider that nobody knows', ['arbitrage', 'x.csv', '--provider', 'acme']],
    ['an option that nobody knows', ['arbitrage', 'x.csv', '--fast']],
  ])('cannot run with %s', (_, args) => {
    expect(backtest(...args).status).toBe(2)
  })

  test('refuses a file that is no such list', () => {
    const path = join(folder, 'wrong.csv')
    writeFileSync(path, 'a,b\n1,2\n')
    const { status, stderr } = backtest('arbitrage', path)
    expect(status).toBe(1)
    expect(stderr).toContain('line 1')
    expect(backtest('arbitrage', file('nan.csv', '2024-01-01,a2-highgpu-1g,us-central1,NaN,,,,')).status).toBe(1)
  })
})

const whereReal = existsSync(real) ? test : test.skip
if (!existsSync(real)) console.warn(`${real} is not here: the back-test of the real list is skipped`)

whereReal(
  'the real list is tested as a whole',
  () => {
    const { status, stdout } = backtest('arbitrage', real, '--json')
    expect(status).toBe(0)
    const told = answer.parse(JSON.parse(stdout))
    expect(told).toMatchObject({ rows: 21_437, products: 1_190 })
    expect(told.screened).toBeGreaterThan(100)
    const net = Object.fromEntries(told.strategies.map(each => [each.strategy, Number(each.net)]))
    expect(net['on_demand']).toBeLessThan(0)
    expect(net['best']).toBeGreaterThan(0)
  },
  600_000,
)
