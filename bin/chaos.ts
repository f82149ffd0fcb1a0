/**
 * `npm run chaos -- [--minutes M] [--kills N] [--seed S] [--json] [--through <url>]`: starts the local exchange, keeps
 * orders, amendments, cancels and duplicates flowing over HTTP, kills and freezes matchers and projectors, then compares
 * what was acknowledged, published and stored with a replay of the order stream. Exit code 0 where all is one history,
 * 1 where not, 2 where it cannot run.
 */
import { parseArgs } from 'node:util'
import { attachExchange, startExchange } from './chaos/exchange.ts'
import { type ChaosReport, runChaos } from './chaos/run.ts'
import { createProgress } from './replay/progress.ts'

const usage =
  'usage: npm run chaos -- [--minutes <number>] [--kills <number>] [--seed <number>] [--json] [--through <url>]'
const defaultMinutes = 5
const listedViolations = 50

const readArguments = () => {
  try {
    const { values } = parseArgs({
      options: {
        minutes: { type: 'string' },
        kills: { type: 'string' },
        seed: { type: 'string' },
        json: { type: 'boolean', default: false },
        through: { type: 'string' },
      },
    })
    const minutes = Number(values.minutes ?? defaultMinutes)
    const kills = values.kills === undefined ? undefined : Number(values.kills)
    const seed = Number(values.seed ?? Date.now() % 1_000_000)
    if (!(minutes > 0)) throw new RangeError(`--minutes takes a number above 0, not ${values.minutes}`)
    if (kills !== undefined && !(Number.isSafeInteger(kills) && kills > 0))
      throw new RangeError(`--kills takes a whole number from 1 on, not ${values.kills}`)
    if (!Number.isSafeInteger(seed)) throw new RangeError(`--seed takes a whole number, not ${values.seed}`)
    return { minutes, kills, seed, json: values.json, through: values.through?.replace(/\/+$/, '') }
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
    return undefined
  }
}

/** The smallest that so large a share of them does not exceed. */
const quantile = (values: readonly number[], share: number): number =>
  [...values].sort((a, b) => a - b)[Math.max(0, Math.ceil(values.length * share) - 1)] ?? Number.NaN

const spreadOf = (millis: readonly number[]) => ({
  count: millis.length,
  median: Math.round(quantile(millis, 0.5)),
  p99: Math.round(quantile(millis, 0.99)),
  max: Math.round(quantile(millis, 1)),
})

const timesOf = ({ failovers }: ChaosReport) => {
  const those = (hadStandby: boolean) => failovers.filter(each => each.hadStandby === hadStandby)
  const spreads = (each: ChaosReport['failovers']) => ({
    leading_millis: spreadOf(each.map(({ leadingMillis }) => leadingMillis)),
    visible_millis: spreadOf(each.map(({ visibleMillis }) => visibleMillis)),
  })
  return { with_standby: spreads(those(true)), without_standby: spreads(those(false)) }
}

const row = (label: string, value: string | number): string => `  ${label.padEnd(44)} ${String(value).padStart(12)}`

const table = (report: ChaosReport): string[] => {
  const times = timesOf(report)
  const seconds = (millis: number) => (Number.isNaN(millis) ? '–' : `${(millis / 1_000).toFixed(2)} s`)
  const failover = (label: string, { count, median, p99, max }: ReturnType<typeof spreadOf>) =>
    count === 0
      ? []
      : [
          row(`${label}, ${count} times`, ''),
          row('  median', seconds(median)),
          row('  p99', seconds(p99)),
          row('  max', seconds(max)),
        ]
  return [
    ...Object.entries(report.faults).map(([name, count]) => row(name, count)),
    row('processes killed', report.kills),
    ...Object.entries(report.requests).map(([name, count]) => row(name, count)),
    row('requests acknowledged', report.acknowledged),
    row('records of the order stream', report.records),
    row('commands in it', report.commands),
    row('events applied', report.events),
    row('trades', report.trades),
    row('duplicates dropped by the engine', report.duplicatesDropped),
    row('events published again, and dropped', report.republishedEvents),
    row('poison', report.poison),
    row('epochs', report.epochs),
    ...Object.entries(report.stops).map(([reason, count]) => row(`matcher stopped: ${reason}`, count)),
    row('divergences', report.divergences),
    row('commands beside the naive book', report.naiveCommands),
    row('rows compared', report.rows),
    row('seconds until all was drained', report.drainSeconds.toFixed(1)),
    ...failover('until another leads', times.with_standby.leading_millis),
    ...failover('until an order has an outcome', times.with_standby.visible_millis),
    ...failover('without a standby, until another leads', times.without_standby.leading_millis),
    ...failover('without a standby, until an outcome', times.without_standby.visible_millis),
  ]
}

const main = async (): Promise<number> => {
  const options = readArguments()
  if (options === undefined) {
    console.error(usage)
    return 2
  }
  const { minutes, kills, seed, json, through } = options
  if (!json) console.log(`${minutes} minutes, seed ${seed}`)
  const exchange = through === undefined ? await startExchange() : await attachExchange(through)
  const stop = (): void => void exchange.stop().finally(() => process.exit(130))
  process.once('SIGINT', stop)
  process.once('SIGTERM', stop)
  const bars = { faults: createProgress('chaos ', process.stderr), replay: createProgress('replay', process.stderr) }
  try {
    const report = await runChaos({
      exchange,
      seed,
      millis: minutes * 60_000,
      ...(kills === undefined ? {} : { kills }),
      accounts: 5,
      pauseMillis: 120,
      putsRecords: true,
      onProgress: (phase, part) => bars[phase].at(part),
    })
    bars.replay.done()
    const { violations, failovers: _, ...figures } = report
    if (json) console.log(JSON.stringify({ ...figures, failover: timesOf(report), violations }, undefined, 2))
    else {
      const listed = violations.slice(0, listedViolations).map(text => `  ${text}`)
      const verdict = violations.length === 0 ? 'no violation' : `${violations.length} violations, seed ${seed}:`
      console.log([...table(report), verdict, ...listed].join('\n'))
    }
    return violations.length === 0 ? 0 : 1
  } finally {
    process.off('SIGINT', stop)
    process.off('SIGTERM', stop)
    await exchange.stop()
  }
}

try {
  process.exitCode = await main()
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error))
  process.exitCode = 2
}
