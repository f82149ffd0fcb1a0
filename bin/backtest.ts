/**
 * `npm run backtest -- arbitrage <prices.csv or .csv.gz> [--provider gcp] [--svg <file>] [--json] [--discount-ppm …]`: what
 * selling capacity ahead below the list price, and supplying it by spot or commitments, would have earned over a provider's dated
 * prices, month by month, without look-ahead. Exit code 0, 1 where the file is no such list, 2 where it cannot run.
 */
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import {
  type Backtest,
  type BacktestTerms,
  backtest,
  type StrategyResult,
  screenedPoints,
} from '#domain/partners/arbitrage-backtest.ts'
import { providers } from '#domain/partners/catalogue.ts'
import { decimalOfMicros } from '#domain/units.ts'
import { backtestSvg } from './backtest/svg.ts'
import { readCatalogueFile } from './import-catalog/file.ts'
import { createProgress } from './replay/progress.ts'

const usage = `usage: npm run backtest -- arbitrage <prices.csv or .csv.gz> [--provider <${providers.join('|')}>] [--svg <file>] [--json]
  [--discount-ppm 150000] [--fee-ppm 500] [--preemption-ppm 50000] [--utilisation-ppm 850000] [--funding-ppm 80000] [--minimum-ppm 10000]`

class WrongArgument extends Error {}

const readArguments = () => {
  const { values, positionals } = parseArgs({
    options: {
      provider: { type: 'string', default: 'gcp' },
      svg: { type: 'string' },
      json: { type: 'boolean', default: false },
      'discount-ppm': { type: 'string', default: '150000' },
      'fee-ppm': { type: 'string', default: '500' },
      'preemption-ppm': { type: 'string', default: '50000' },
      'utilisation-ppm': { type: 'string', default: '850000' },
      'funding-ppm': { type: 'string', default: '80000' },
      'minimum-ppm': { type: 'string', default: '10000' },
    },
    allowPositionals: true,
  })
  const [what, file, ...others] = positionals
  if (what !== 'arbitrage') throw new WrongArgument('what is tested is: arbitrage')
  if (file === undefined || others.length > 0) throw new WrongArgument('one file of dated prices is tested at a time')
  const provider = providers.find(each => each === values.provider)
  if (provider === undefined) throw new WrongArgument(`--provider takes one of ${providers.join(', ')}`)
  const ppm = (name: `${'discount' | 'fee' | 'preemption' | 'utilisation' | 'funding' | 'minimum'}-ppm`): number => {
    const value = values[name]
    if (!/^(?:0|[1-9][0-9]{0,6})$/.test(value) || Number(value) > 1_000_000)
      throw new WrongArgument(`--${name} takes a whole number from 0 to 1000000`)
    return Number(value)
  }
  const terms: BacktestTerms = {
    discountPpm: ppm('discount-ppm'),
    feePpm: ppm('fee-ppm'),
    preemptionPpm: ppm('preemption-ppm'),
    utilisationPpm: ppm('utilisation-ppm'),
    fundingPpmPerYear: ppm('funding-ppm'),
    minimumNetPpm: ppm('minimum-ppm'),
  }
  return { file, provider, terms, svg: values.svg, json: values.json }
}

const day = (millis: number): string => new Date(millis).toISOString().slice(0, 10)
const percent = (ppm: number): string => `${ppm / 10_000} %`
const usd = (micros: number): string => Math.round(micros / 1_000_000).toLocaleString('en-US')
const share = (part: number, whole: number): string => (whole === 0 ? '–' : `${((part / whole) * 100).toFixed(1)} %`)

const columns: readonly (readonly [head: string, told: (result: StrategyResult) => string])[] = [
  ['strategy', ({ strategy }) => strategy],
  ['months', ({ productMonths }) => productMonths.toLocaleString('en-US')],
  ['losing', ({ losingProductMonths, productMonths }) => share(losingProductMonths, productMonths)],
  ['revenue', ({ total }) => usd(total.revenueMicros)],
  ['supply', ({ total }) => usd(total.supplyMicros)],
  ['fees', ({ total }) => usd(total.feeMicros)],
  ['lock-in', ({ total }) => usd(total.lockInMicros)],
  ['preempted', ({ total }) => usd(total.preemptionMicros)],
  ['funding', ({ total }) => usd(total.fundingMicros)],
  ['net', ({ total }) => usd(total.netMicros)],
  ['of revenue', ({ total }) => share(total.netMicros, total.revenueMicros)],
  ['expected', ({ expectedNetMicros }) => usd(expectedNetMicros)],
  ['drawdown', ({ drawdownMicros }) => usd(drawdownMicros)],
  ['open loss', ({ openLossMicros }) => usd(openLossMicros)],
]

const table = ({ strategies }: Backtest): readonly string[] => {
  const rows = [columns.map(([head]) => head), ...strategies.map(each => columns.map(([, told]) => told(each)))]
  const widths = columns.map((_, at) => Math.max(...rows.map(row => (row[at] ?? '').length)))
  return rows.map(row =>
    row.map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0))).join('  '),
  )
}

const assumptions = (terms: BacktestTerms): readonly string[] => [
  'USD, one unit of each product and region. A month’s unit-hours are sold ahead at its beginning, at the list price on demand',
  `less ${percent(terms.discountPpm)}, less a fee of ${percent(terms.feePpm)}; supplied at the prices that then came. ${percent(terms.preemptionPpm)} of spot hours are taken away and bought`,
  `on demand; ${percent(terms.utilisationPpm)} of committed hours are sold, the rest is lock-in; what a month costs is funded at ${percent(terms.fundingPpmPerYear)} a year.`,
  'That all of it finds buyers at that price is an assumption; preemption and utilisation are declared, not measured: the list',
  'has neither. Commitments that outlast the list count at its last prices where they lose, and not at all where they gain.',
]

const jsonOf = (result: Backtest, terms: BacktestTerms, rows: number, screened: number) => ({
  rows,
  screened,
  products: result.products,
  from: day(result.fromMillis),
  until: day(result.untilMillis),
  terms: {
    discount_ppm: terms.discountPpm,
    fee_ppm: terms.feePpm,
    preemption_ppm: terms.preemptionPpm,
    utilisation_ppm: terms.utilisationPpm,
    funding_ppm_per_year: terms.fundingPpmPerYear,
    minimum_net_ppm: terms.minimumNetPpm,
  },
  strategies: result.strategies.map(each => ({
    strategy: each.strategy,
    decisions: each.decisions,
    product_months: each.productMonths,
    losing_product_months: each.losingProductMonths,
    unit_hours: each.total.unitHours,
    revenue: decimalOfMicros(each.total.revenueMicros),
    supply: decimalOfMicros(each.total.supplyMicros),
    fees: decimalOfMicros(each.total.feeMicros),
    lock_in: decimalOfMicros(each.total.lockInMicros),
    preemption: decimalOfMicros(each.total.preemptionMicros),
    funding: decimalOfMicros(each.total.fundingMicros),
    net: decimalOfMicros(each.total.netMicros),
    expected_net: decimalOfMicros(each.expectedNetMicros),
    drawdown: decimalOfMicros(each.drawdownMicros),
    open_loss: decimalOfMicros(each.openLossMicros),
    open_gain_not_counted: decimalOfMicros(each.openGainMicros),
    months: each.months.map(({ atMillis, netMicros, cumulativeMicros }) => ({
      month: day(atMillis).slice(0, 7),
      net: decimalOfMicros(netMicros),
      cumulative_net: decimalOfMicros(cumulativeMicros),
    })),
  })),
})

const run = async (): Promise<number> => {
  const { file, provider, terms, svg, json } = readArguments()
  const today = Math.floor(Date.now() / 86_400_000) * 86_400_000
  const read = await readCatalogueFile(provider, file, today)
  if ('problems' in read) {
    for (const { line, problem } of read.problems) console.error(`${file}, line ${line}: ${problem}`)
    return 1
  }
  const screening = createProgress('screening', process.stderr)
  const { points, screened } = screenedPoints(read.prices, (done, all) => screening.at(done / all))
  screening.done()
  const testing = createProgress('back-test', process.stderr)
  const result = backtest(points, terms, (done, all) => testing.at(done / all))
  testing.done()
  if (svg !== undefined)
    writeFileSync(
      svg,
      backtestSvg(result, `Net of all costs, USD, ${day(result.fromMillis)} to ${day(result.untilMillis)}`),
    )
  if (json) console.log(JSON.stringify(jsonOf(result, terms, read.rows, screened.length), undefined, 2))
  else
    console.log(
      [
        `${read.rows} rows, ${screened.length} prices screened out by what was listed up to their day; ${result.products} products and regions, ${day(result.fromMillis)} to ${day(result.untilMillis)}`,
        '',
        ...table(result),
        '',
        ...assumptions(terms),
        ...(svg === undefined ? [] : [`drawn in ${svg}`]),
      ].join('\n'),
    )
  return 0
}

try {
  process.exitCode = await run()
} catch (error) {
  const isUsage = error instanceof WrongArgument || (error instanceof TypeError && 'code' in error)
  console.error(error instanceof Error ? error.message : String(error))
  if (isUsage) console.error(usage)
  process.exitCode = 2
}
