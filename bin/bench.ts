/**
 * `npm run bench -- [matcher|lanes|recovery|pricing|margin|auction|substitutes|capacity|http] [--json] [--rounds <n>] [--commands <n>]`: measures, and says on which machine.
 * `matcher --flow <file>` runs that flow instead of four of its own.
 * `http` wants the running exchange: `--through http://127.0.0.1:3000 [--rate 300] [--seconds 60] [--accounts 6]`.
 * Times never fail anything.
 */
import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { parseArgs } from 'node:util'
import * as z from 'zod'
import { loadSolver } from '#adapters/highs.ts'
import { benchAuction } from '#bench/auction.ts'
import { benchCapacity } from '#bench/capacity.ts'
import { type Flow, parseFlow } from '#bench/flow-file.ts'
import { measureHttp, type Quantiles } from '#bench/http.ts'
import { benchLanes } from '#bench/lanes.ts'
import { benchMargin } from '#bench/margin.ts'
import { benchMatcher, type Percentiles } from '#bench/matcher.ts'
import { benchPricing } from '#bench/pricing.ts'
import { benchRecovery } from '#bench/recovery.ts'
import { machine, type Spread } from '#bench/rounds.ts'
import { benchSubstitutes } from '#bench/substitutes.ts'

interface Options {
  readonly rounds: number
  readonly commands: number
  readonly through: string | undefined
  readonly flow?: Flow
  readonly ratePerSecond: number
  readonly seconds: number
  readonly accounts: number
  readonly progress: (line: string) => void
}

/** As it is pinned. */
const peerVersion = z
  .object({ devDependencies: z.object({ 'nodejs-order-book': z.string() }) })
  .parse(JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))).devDependencies[
  'nodejs-order-book'
]

interface Measured {
  /** As JSON. */
  readonly result: object
  readonly table: readonly string[]
}

const row = (label: string, value: string): string => `  ${label.padEnd(46)} ${value}`
const whole = (value: number): string => Math.round(value).toLocaleString('en')
const rate = ({ median, lowest, highest, rounds }: Spread): string =>
  `${whole(median)} / CPU-second (${whole(lowest)} to ${whole(highest)} in ${rounds} rounds)`
const ratio = ({ median, lowest, highest }: Spread): string =>
  `${median.toFixed(2)} (${lowest.toFixed(2)} to ${highest.toFixed(2)})`
const micros = ({ p50, p99, p999 }: Percentiles): string =>
  `p50 ${p50.toFixed(1)}, p99 ${p99.toFixed(1)}, p99.9 ${p999.toFixed(1)} µs`

/** A shard takes so much a second each way. */
const shardBytesPerSecond = 1_048_576
const shardRecordsPerSecond = 1_000

const pause = ({ median, lowest, highest }: Spread): string =>
  `${median.toFixed(2)} ms (${lowest.toFixed(2)} to ${highest.toFixed(2)})`

const matcher = async (options: Options): Promise<Measured> => {
  const result = await benchMatcher(options)
  return {
    result,
    table: [
      `matcher: ${whole(result.commands)} commands a flow`,
      ...result.flows.flatMap(each => [
        `  ${each.flow}: ${whole(each.answers.trades)} trades, quantity ${whole(each.answers.quantity)}, notional ${each.answers.notional}, ${whole(each.answers.liveOrders)} live at the end`,
        row('engine', rate(each.engine)),
        row('from frame bytes to chained section bytes', rate(each.framed)),
        row('with portfolio margin', rate(each.margined)),
        row('with half of the accounts near their limit', rate(each.nearLimit)),
        row(
          'ratio of margin to without, and near the limit',
          `${ratio(each.ratioOfMargined)}, ${ratio(each.ratioOfNearLimit)}`,
        ),
        row('with every limit there is, none of them met', rate(each.limited)),
        row('ratio of limits to margin alone', `${ratio(each.ratioOfLimited)}, ${each.refusedByLimits} refused more`),
        row('refused near the limit', `${(each.refusedNearLimit * 100).toFixed(1)} %`),
        row(`nodejs-order-book ${peerVersion}, no cash check`, rate(each.peer)),
        row('ratio of engine to nodejs-order-book', ratio(each.ratioToPeer)),
        row('ratio of framed to engine', ratio(each.ratioOfFramed)),
        row('one command (wall, clock included)', micros(each.commandMicros)),
        row('garbage collections per 2,000,000', each.collectionsPer2Million.toFixed(1)),
        row('with every limit, longest command (CPU)', pause(each.epochMillis.before)),
        row(
          'the same behind a new epoch; of the epoch',
          `${pause(each.epochMillis.behind)}; ${pause(each.epochMillis.switching)}`,
        ),
        row('behind schedule at 100,000 a second', micros(each.openLoopMicros.engine)),
        row('the same of an empty loop', micros(each.openLoopMicros.empty)),
        row(
          'bytes of a command, and of its events',
          `${each.bytesOfCommand.toFixed(1)}, ${each.eventBytesOfCommand.toFixed(1)}`,
        ),
        row(
          'a lane of one shard takes',
          `${whole(Math.min(shardBytesPerSecond / each.bytesOfCommand, shardBytesPerSecond / each.eventBytesOfCommand))} commands / second in frames of many, ${whole(shardRecordsPerSecond)} one by one`,
        ),
      ]),
    ],
  }
}

const lanes = async ({ commands, progress }: Options): Promise<Measured> => {
  progress('one lane, then two in two processes')
  const result = await benchLanes(commands)
  return {
    result,
    table: [
      'lanes: each in a process of its own',
      row('one lane', `${whole(result.oneLanePerSecond)} commands / second`),
      row('two lanes', `${whole(result.twoLanesPerSecond)} commands / second, ${result.ratio.toFixed(2)} of one`),
    ],
  }
}

const http = async (options: Options): Promise<Measured> => {
  const { through, progress } = options
  if (through === undefined) throw new RangeError('bench http takes --through <url of the running exchange>')
  const result = await measureHttp({ ...options, url: through, progress })
  const { offered } = result
  const millis = ({ count, p50, p90, p99, max }: Quantiles): string =>
    `p50 ${p50}, p90 ${p90}, p99 ${p99}, max ${max} ms of ${whole(count)}`
  return {
    result,
    table: [
      'http: the running exchange, seen from outside',
      row('order until acknowledged, one at a time', millis(result.acknowledgedMillis)),
      row('order until its position can be read', millis(result.visiblePositionMillis)),
      row(
        `${offered.ratePerSecond} orders/s offered for ${offered.seconds} s: acknowledged`,
        whole(offered.acknowledged),
      ),
      row('refused', JSON.stringify(offered.refused)),
      row('acknowledged after (from when it was due)', millis(offered.acknowledgedMillis)),
      row('acknowledged a second', whole(offered.acknowledgedPerSecond)),
      row('until the last outcome could be read', `${offered.drainSeconds} s`),
      row('acknowledged and lost', whole(offered.lost)),
    ],
  }
}

const recovery = async (options: Options): Promise<Measured> => {
  const result = await benchRecovery(options)
  const millis = ({ median, lowest, highest }: Spread): string =>
    `${whole(median)} ms (${whole(lowest)} to ${whole(highest)})`
  return {
    result,
    table: [
      `recovery: after ${whole(result.commands)} commands`,
      ...result.flows.flatMap(each => [
        `  ${each.flow}: ${whole(each.openOrders)} open orders`,
        row('replay, from records to chained sections', rate(each.replay)),
        row('snapshot', `${(each.snapshotBytes / 1e6).toFixed(1)} MB`),
        row('the standby stands still for', millis(each.captureMillis)),
        row('the snapshot is text after', millis(each.writeMillis)),
        row('from text to an engine', millis(each.restoreMillis)),
        row('a process is level after, without a snapshot', millis(each.coldMillis)),
        row('from a snapshot, with a tenth to replay', millis(each.warmMillis)),
      ]),
    ],
  }
}

const pricing = (options: Options): Measured => {
  const result = benchPricing(options)
  const { surface } = result
  const millis = ({ median, lowest, highest, rounds }: Spread): string =>
    `${median.toFixed(2)} ms of CPU (${lowest.toFixed(2)} to ${highest.toFixed(2)} in ${rounds} rounds)`
  return {
    result,
    table: [
      'pricing',
      ...result.models.flatMap(({ model, perCpuSecond, textbook }) => [
        row(model, `${rate(perCpuSecond)}, ${(1e6 / perCpuSecond.median).toPrecision(3)} µs each`),
        ...(textbook === undefined
          ? []
          : [
              row(
                `  ratio to a textbook (${textbook.method})`,
                `${ratio(textbook.ratio)} of ${whole(textbook.perCpuSecond.median)}`,
              ),
            ]),
      ]),
      row(
        `American, largest error of ${result.americanReferences} beside a fine lattice`,
        `${result.americanError.toExponential(1)} of the spot`,
      ),
      row(`${whole(surface.instruments)} instruments re-marked with greeks`, millis(surface.remarkMillis)),
      row('the same from fresh quotes, fitted anew', millis(surface.refitMillis)),
      row('the same by a textbook, by differences', millis(surface.textbookMillis)),
      row('  ratio', ratio(surface.ratio)),
    ],
  }
}

const margin = (options: Options): Measured => {
  const result = benchMargin({ rounds: options.rounds, operations: options.commands, progress: options.progress })
  const { remark } = result
  return {
    result,
    table: [
      `margin: ${whole(result.operations)} orders of ${whole(result.accounts)} accounts in ${result.instruments} instruments of ${result.underlyings} underlyings`,
      ...result.sets.flatMap(each => [
        `  ${each.scenarios} scenarios: ${each.set}`,
        row('orders checked and reserved', rate(each.reserved)),
        row('half of the accounts within 5 % of the limit', rate(each.nearLimit)),
        row('  of them refused', `${(100 * each.refusedShare).toFixed(1)} %`),
        row('placed and filled or cancelled: changes', rate(each.mixed)),
      ]),
      row('switch to a new epoch', pause(remark.switchMillis)),
      row(`longest of ${remark.ticks} ticks that mark the accounts`, pause(remark.longestTickMillis)),
      row('  of it CPU', pause(remark.longestTickCpuMillis)),
    ],
  }
}

const auction = async ({ rounds, progress }: Options): Promise<Measured> => {
  const result = benchAuction({ solve: await loadSolver(), rounds, progress })
  const { steps } = result
  const { median, lowest, highest, rounds: sweeps } = steps.cpuMillis
  const percent = (partsPerMillion: number): string => `${(partsPerMillion / 1e4).toFixed(4)} %`
  return {
    result,
    table: [
      'auction',
      row(
        `${whole(steps.orders)} step orders in ${whole(steps.auctions)} auctions`,
        `${median.toFixed(1)} ms of CPU (${lowest.toFixed(1)} to ${highest.toFixed(1)} in ${sweeps} sweeps)`,
      ),
      ...result.days.flatMap(each => [
        `  seed ${each.seed}: ${whole(each.markets)} markets, ${whole(each.steps)} steps, ${whole(each.blocks)} blocks`,
        row('cleared in', `${each.cpuSeconds.toFixed(1)} s of CPU`),
        row(
          'gap certified by the search, by prices alone',
          `${percent(each.certificate.gapPartsPerMillion)}, ${percent(each.certificate.witnessGapPartsPerMillion)}`,
        ),
        row('components by method', JSON.stringify(each.certificate.methods)),
        row('paradoxically accepted, rejected', `${each.paradoxicallyAccepted}, ${each.paradoxicallyRejected}`),
        row('faults found by the checker', `${each.faults.length}`),
      ]),
    ],
  }
}

const substitutes = (options: Options): Measured => {
  const result = benchSubstitutes(options)
  const millis = ({ median, lowest, highest }: Spread): string =>
    `${median.toFixed(1)} ms of CPU (${lowest.toFixed(1)} to ${highest.toFixed(1)})`
  return {
    result,
    table: [
      'substitutes: the ten nearest of all products, by six weighted aspects',
      ...result.sizes.flatMap(each => [
        `  ${whole(each.products)} products`,
        row('index made in', millis(each.buildMillis)),
        row('searches', `${rate(each.perCpuSecond)}, ${(1e3 / each.perCpuSecond.median).toPrecision(3)} ms each`),
        row('a plain sort of all distances', rate(each.plainSortPerCpuSecond)),
        row('  ratio', ratio(each.ratio)),
      ]),
    ],
  }
}

const capacity = async ({ rounds, progress }: Options): Promise<Measured> => {
  const result = benchCapacity({ solve: await loadSolver(), rounds, requests: 1_000, progress })
  const percent = (part: number): string => `${(part * 100).toFixed(2)} %`
  const seconds = ({ median, lowest, highest }: Spread): string =>
    `${median.toFixed(1)} s (${lowest.toFixed(1)} to ${highest.toFixed(1)})`
  const usd = (micros: number): string => `${whole(micros / 1e6)} USD`
  return {
    result,
    table: [
      `capacity: ${whole(result.requests)} requests at once, beside serving them in the order of arrival`,
      row('cost, of a queue’s that takes the soonest start', ratio(result.costRatio.soonest)),
      row('cost, of a queue’s that takes the cheapest', ratio(result.costRatio.cheapest)),
      row('planned in, CPU', seconds(result.cpuSeconds)),
      row('planned in, wall', seconds(result.wallSeconds)),
      ...result.plans.flatMap(({ seed, plan, inOrderOfArrival, certificate }) => [
        `  seed ${seed}`,
        row(
          'planned',
          `${plan.served} served, ${usd(plan.costMicros)}; with the unserved ${usd(plan.withUnservedMicros)}`,
        ),
        ...(['soonest', 'cheapest'] as const).map(rule =>
          row(
            `in the order of arrival, ${rule}`,
            `${inOrderOfArrival[rule].served} served, ${usd(inOrderOfArrival[rule].costMicros)}; with the unserved ${usd(inOrderOfArrival[rule].withUnservedMicros)}`,
          ),
        ),
        row(
          'gap to the bound',
          `${certificate.gap.toFixed(0)} USD, ${percent((certificate.gap * 1e6) / plan.costMicros)} of the cost`,
        ),
        row(
          'options weighed, columns solved, nodes',
          `${whole(certificate.options)}, ${whole(certificate.columns)}, ${certificate.nodes}`,
        ),
      ]),
    ],
  }
}

const benches: Readonly<Record<string, (options: Options) => Measured | Promise<Measured>>> = {
  matcher,
  lanes,
  recovery,
  pricing,
  margin,
  auction,
  substitutes,
  capacity,
  http,
}

const usage =
  'usage: npm run bench -- [matcher|lanes|recovery|pricing|margin|auction|substitutes|capacity|http] [--json] [--rounds <n>] [--commands <n>] ' +
  '[--flow <file>] [--through <url> [--rate <n>] [--seconds <n>] [--accounts <n>]]'

/** What is wrong with what it was asked, in one line. */
class WrongArgument extends Error {}

/** A number below zero is the value of the option before it, which parseArgs would not say. */
const joined = (args: readonly string[]): string[] => {
  const all: string[] = []
  for (const arg of args) {
    const last = all.at(-1)
    if (last !== undefined && /^--[a-z]+$/.test(last) && /^-[0-9.]/.test(arg)) all[all.length - 1] = `${last}=${arg}`
    else all.push(arg)
  }
  return all
}

const readFlow = (file: string): Flow => {
  try {
    return parseFlow(basename(file), readFileSync(file))
  } catch (error) {
    if (error instanceof RangeError) throw new WrongArgument(`--flow: ${error.message}`)
    if (error instanceof Error && 'code' in error)
      throw new WrongArgument(
        error.code === 'ENOENT' ? `--flow: there is no file ${file}` : `--flow: ${file} cannot be read (${error.code})`,
      )
    throw error
  }
}

const main = async (): Promise<void> => {
  const { values, positionals } = parseArgs({
    args: joined(process.argv.slice(2)),
    options: {
      json: { type: 'boolean', default: false },
      rounds: { type: 'string', default: '5' },
      commands: { type: 'string', default: '2000000' },
      through: { type: 'string' },
      flow: { type: 'string' },
      rate: { type: 'string', default: '300' },
      seconds: { type: 'string', default: '60' },
      accounts: { type: 'string', default: '6' },
    },
    allowPositionals: true,
  })
  const positive = (name: 'rounds' | 'commands' | 'rate' | 'seconds' | 'accounts'): number => {
    const value = Number(values[name])
    if (!Number.isInteger(value) || value < 1)
      throw new WrongArgument(`--${name} takes a positive whole number, not ${values[name]}`)
    return value
  }
  const names =
    positionals.length > 0 ? positionals : Object.keys(benches).filter(name => name !== 'http' || values.through)
  const unknown = names.find(name => benches[name] === undefined)
  if (unknown !== undefined)
    throw new WrongArgument(`there is no bench ${unknown}, but ${Object.keys(benches).join(', ')}`)
  // All of it before the first line is printed.
  const asked = {
    rounds: positive('rounds'),
    commands: positive('commands'),
    through: values.through,
    ...(values.flow === undefined ? {} : { flow: readFlow(values.flow) }),
    ratePerSecond: positive('rate'),
    seconds: positive('seconds'),
    accounts: positive('accounts'),
  }

  const progress = (line: string): void => console.error(`… ${line}`)
  const results: Record<string, object> = {}
  if (!values.json) console.log(machine())
  for (const name of names) {
    const measured = await benches[name]?.({ ...asked, progress })
    if (measured === undefined) continue
    results[name] = measured.result
    if (!values.json) console.log(measured.table.join('\n'))
  }
  if (values.json) console.log(JSON.stringify({ machine: machine(), ...results }, undefined, 2))
}

/** Of parseArgs: an option that there is not, or one without its value. */
const isWrongArgument = (error: unknown): error is Error =>
  error instanceof WrongArgument ||
  (error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS_'))

// What it keeps in files is removed at its end, also at this one.
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)
  process.once(signal, () => process.exit(code))

try {
  await main()
} catch (error) {
  if (isWrongArgument(error)) console.error(`${error.message}\n${usage}`)
  else console.error(error instanceof Error ? error.message : String(error))
  process.exitCode = 2
}
