/**
 * `npm run sla -- <series.json> [--json] [--quantity <units>] [--fee <USD a month>] [--start <instant>]`: what a series of
 * available units comes to under the default tiers, computed at once from the sorted series, and by the stream in several
 * orders with repeats and late readings. Exit code 0 where all agree bit for bit and the ledger sums to zero, 1 where
 * they do not, 2 where the file is none.
 */
import { parseArgs } from 'node:util'
import { minuteOf, windowMillis } from '#domain/sla/readings.ts'
import { defaultTiers, type SlaContract } from '#domain/sla/sla-contract.ts'
import { micros } from '#domain/units.ts'
import { createProgress } from './replay/progress.ts'
import { runSeries, type SlaResult } from './sla/runs.ts'
import { type AvailabilitySeries, BadSeries, readingsOf, readSeries } from './sla/series.ts'

const usage =
  'usage: npm run sla -- <series.json> [--json] [--quantity <units>] [--fee <USD a month>] [--start <2026-01-01T00:00:00Z>]'

interface Arguments {
  readonly path: string
  readonly json: boolean
  readonly quantity: number | undefined
  readonly feeMicros: number
  readonly startMillis: number
}

const readArguments = (): Arguments | undefined => {
  try {
    const { values, positionals } = parseArgs({
      options: {
        json: { type: 'boolean', default: false },
        quantity: { type: 'string' },
        fee: { type: 'string', default: '1000' },
        start: { type: 'string', default: '2026-01-01T00:00:00Z' },
      },
      allowPositionals: true,
    })
    const [path, ...others] = positionals
    const feeMicros = micros(values.fee)
    const startMillis = Date.parse(values.start)
    const quantity = values.quantity === undefined ? undefined : Number(values.quantity)
    const isQuantity = quantity === undefined || (Number.isSafeInteger(quantity) && quantity > 0)
    if (path === undefined || others.length > 0 || feeMicros === undefined || !isQuantity) return undefined
    if (!Number.isSafeInteger(startMillis) || startMillis % windowMillis !== 0) return undefined
    return { path, json: values.json, quantity, feeMicros, startMillis }
  } catch {
    return undefined
  }
}

const contractOf = ({ quantity, feeMicros, startMillis }: Arguments, series: AvailabilitySeries): SlaContract => ({
  contractId: 'series',
  series: 'SERIES',
  quantity: quantity ?? series.mostUnits,
  feeMicros,
  tiers: defaultTiers,
  degradedWeightPpm: 0,
  periodStartMillis: startMillis,
  periodEndMillis: minuteOf(startMillis + series.units.length * series.gapSeconds * 1_000 + windowMillis - 1),
  providerAccount: 'provider',
  buyerAccount: 'buyer',
})

const table = ({ batch, deliveries }: SlaResult): string =>
  [
    `month    uptime %    up s  down s  unknown s  credit  penalty`,
    ...batch.months.map(each =>
      [
        each.month,
        each.uptime_percent.padStart(10),
        ...[each.up_s, each.down_s, each.unknown_s].map(seconds => String(seconds).padStart(8)),
        `${(each.credit_ppm / 10_000).toFixed(0)} %`.padStart(6),
        each.penalty.padStart(9),
      ].join(' '),
    ),
    `windows ${batch.windows}, sha256 ${batch.digest.windows.slice(0, 16)}; settlement ${batch.digest.settlement.slice(0, 16)}`,
    ...deliveries.map(
      each =>
        `${each.agrees ? 'the same' : 'DIFFERS '}  ${each.order}: ${each.delivered} readings, ${each.duplicates} known, ${each.corrections} corrections, ${each.entries} entries (${each.reversals} reversing), sum ${each.ledgerSumMicros}`,
    ),
  ].join('\n')

const options = readArguments()
if (options === undefined) {
  console.error(usage)
  process.exit(2)
}
try {
  const series = readSeries(options.path)
  const progress = createProgress('readings', process.stderr)
  const result = runSeries(contractOf(options, series), readingsOf(series, options.startMillis), progress.at)
  progress.done()
  console.log(options.json ? JSON.stringify(result, undefined, 2) : table(result))
  process.exitCode = result.agrees ? 0 : 1
} catch (error) {
  if (!(error instanceof BadSeries)) throw error
  console.error(error.message)
  process.exitCode = 2
}
