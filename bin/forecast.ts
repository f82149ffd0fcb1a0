/**
 * `npm run forecast -- <series.json> [--horizon 24] [--origins 7] [--json]`: for each hourly series of a file forecasts the
 * next hours with 80 % and 95 % intervals, and says how forecasts made so on each of the last days did, beside
 * seasonal-naive. A file: {"unit": "hourly", "series": {"<name>": [number or null, …]}}; null is an hour without an
 * observation. Exit code 0, or 2 where it cannot run.
 */
import { parseArgs } from 'node:util'
import { loadForecaster } from '#adapters/augurs.ts'
import {
  type BackTest,
  backTest,
  forecasterOf,
  hoursNeededToTest,
  intervalLevels,
  longestHorizon,
  type SeriesForecast,
} from '#domain/capacity/forecast.ts'
import { BadSeries, printable, readSeries } from './forecast/series-file.ts'
import { createProgress } from './replay/progress.ts'

const usage = 'usage: npm run forecast -- <series.json> [--horizon <1 to 168>] [--origins <1 to 60>] [--json]'

class WrongArgument extends Error {}

const readArguments = () => {
  const { values, positionals } = parseArgs({
    options: {
      json: { type: 'boolean', default: false },
      horizon: { type: 'string', default: '24' },
      origins: { type: 'string', default: '7' },
    },
    allowPositionals: true,
  })
  const [file, ...others] = positionals
  if (file === undefined || others.length > 0) throw new WrongArgument('one file of series is forecast at a time')
  const whole = (name: 'horizon' | 'origins', most: number): number => {
    const value = values[name]
    if (!/^[1-9][0-9]{0,4}$/.test(value) || Number(value) > most)
      throw new WrongArgument(`--${name} takes a whole number from 1 to ${most}, not ${printable(value)}`)
    return Number(value)
  }
  return { file, json: values.json, horizon: whole('horizon', longestHorizon), origins: whole('origins', 60) }
}

interface Result {
  readonly name: string
  readonly hours: number
  readonly forecast: SeriesForecast
  readonly test: BackTest
}

const round = (value: number): number => Number(value.toPrecision(8))
const rounded = (value: number | null): number | null => (value === null ? null : round(value))

/** Of all hours of all series together. */
const pooledCoverage = (results: readonly Result[], level: 80 | 95): number => {
  const outcomes = results.flatMap(({ test }) => test.origins)
  const observed = outcomes.reduce((sum, each) => sum + each.observed, 0)
  return outcomes.reduce((sum, each) => sum + each.within[level], 0) / observed
}

const jsonOf = (results: readonly Result[], horizon: number, origins: number) => ({
  horizon,
  origins,
  series: Object.fromEntries(
    results.map(({ name, hours, forecast, test }) => [
      name,
      {
        hours,
        mase: rounded(test.mase),
        seasonal_naive_mase: rounded(test.seasonalNaiveMase),
        relative_to_seasonal_naive: rounded(test.relativeError),
        coverage_80: round(test.coverage[80]),
        coverage_95: round(test.coverage[95]),
        model: forecast.model,
        point: forecast.point.map(round),
        ...Object.fromEntries(
          forecast.intervals.flatMap(({ level, lower, upper }) => [
            [`lower_${level}`, lower.map(round)],
            [`upper_${level}`, upper.map(round)],
          ]),
        ),
        models: forecast.errors.map(({ model, meanAbsoluteError, mase }) => ({
          model,
          mae: round(meanAbsoluteError),
          mase: rounded(mase),
        })),
        by_origin: test.origins.map(each => ({
          origin_hour: each.origin,
          model: each.model,
          mae: round(each.meanAbsoluteError),
          mase: rounded(each.mase),
          seasonal_naive_mae: round(each.seasonalNaiveMeanAbsoluteError),
          seasonal_naive_mase: rounded(each.seasonalNaiveMase),
          observed_hours: each.observed,
          within_80: each.within[80],
          within_95: each.within[95],
        })),
      },
    ]),
  ),
  pooled: Object.fromEntries(intervalLevels.map(level => [`coverage_${level}`, round(pooledCoverage(results, level))])),
})

const figure = (value: number | null): string =>
  value === null ? 'none: it never changes from day to day' : value.toFixed(3)
const percent = (value: number): string => `${(100 * value).toFixed(1)} %`

const tableOf = (results: readonly Result[], horizon: number, origins: number): readonly string[] => [
  `${horizon} hours ahead, from ${origins} origins a day apart; MASE against seasonal-naive within the history`,
  ...results.flatMap(({ name, hours, forecast, test }) => [
    `${printable(name)}: ${hours} hours`,
    `  MASE ${figure(test.mase)}, of seasonal-naive ${figure(test.seasonalNaiveMase)}`,
    `  coverage of the 80 % interval ${percent(test.coverage[80])}, of the 95 % interval ${percent(test.coverage[95])}`,
    `  chosen, origin by origin: ${test.origins.map(({ model }) => model).join(', ')}`,
    `  next by ${forecast.model}:`,
    ...forecast.point.map((value, step) => {
      const of = (each: 80 | 95) => forecast.intervals.find(({ level }) => level === each)
      const text = (number: number | undefined) => (number ?? Number.NaN).toFixed(2).padStart(10)
      return `  ${`+${step + 1} h`.padStart(7)} ${text(value)}   80 % ${text(of(80)?.lower[step])} ${text(of(80)?.upper[step])}   95 % ${text(of(95)?.lower[step])} ${text(of(95)?.upper[step])}`
    }),
  ]),
  `pooled over the series: ${intervalLevels.map(level => `${percent(pooledCoverage(results, level))} within the ${level} % interval`).join(', ')}`,
]

const run = (): void => {
  const { file, json, horizon, origins } = readArguments()
  const all = readSeries(file)
  const needed = hoursNeededToTest(horizon, origins)
  for (const [name, { values }] of all)
    if (values.length < needed)
      throw new BadSeries(
        `series ${printable(name)} has ${values.length} hours: --horizon ${horizon} --origins ${origins} takes ${needed}`,
      )
  const continueSeasons = loadForecaster()
  const progress = createProgress('forecast', process.stderr)
  const results = [...all].map(([name, series], index): Result => {
    const forecaster = forecasterOf(series, horizon, continueSeasons)
    const test = backTest(series, { horizon, origins, forecaster })
    const forecast = forecaster.forecastAt(series.values.length)
    if (forecast === undefined || test.origins.length === 0)
      throw new BadSeries(`series ${printable(name)} has too few observations in its last days`)
    progress.at((index + 1) / all.size)
    return { name, hours: series.values.length, forecast, test }
  })
  progress.done()
  if (json) console.log(JSON.stringify(jsonOf(results, horizon, origins), undefined, 2))
  else console.log(tableOf(results, horizon, origins).join('\n'))
}

/** Of parseArgs, and of files that there are not. */
const isCallers = (error: unknown): error is Error =>
  error instanceof WrongArgument ||
  error instanceof BadSeries ||
  (error instanceof Error &&
    'code' in error &&
    (String(error.code).startsWith('ERR_PARSE_ARGS_') || ['ENOENT', 'EISDIR', 'EACCES'].includes(String(error.code))))

try {
  run()
} catch (error) {
  console.error(isCallers(error) ? `${printable(error.message)}\n${usage}` : error)
  process.exitCode = 2
}
