/**
 * `npm run bench -- [matcher|frames|http] [--json] [--rounds <n>] [--commands <n>]`: measures, and says on which machine.
 * `http` wants the running exchange: `--through http://127.0.0.1:3000 [--rate 300] [--seconds 60] [--accounts 6]`.
 * Times never fail anything.
 */
import { parseArgs } from 'node:util'
import { benchFrames } from '#bench/frames.ts'
import { measureHttp, type Quantiles } from '#bench/http.ts'
import { benchMatcher } from '#bench/matcher.ts'
import { machine, type Spread } from '#bench/rounds.ts'

interface Options {
  readonly rounds: number
  readonly commands: number
  readonly through: string | undefined
  readonly ratePerSecond: number
  readonly seconds: number
  readonly accounts: number
  readonly progress: (line: string) => void
}

interface Measured {
  /** As JSON. */
  readonly result: object
  readonly table: readonly string[]
}

const row = (label: string, value: string): string => `  ${label.padEnd(44)} ${value}`
const whole = (value: number): string => Math.round(value).toLocaleString('en')
const rate = ({ median, lowest, highest, rounds }: Spread): string =>
  `${whole(median)} / CPU-second (${whole(lowest)} to ${whole(highest)} in ${rounds} rounds)`

const matcher = (options: Options): Measured => {
  const result = benchMatcher(options)
  return {
    result,
    table: [
      `matcher: ${whole(result.commands)} commands, mixed as on NASDAQ`,
      ...result.flows.flatMap(({ books, trades, engine, withFrames }) => [
        row(`${books} ${books === 1 ? 'book' : 'books'}, ${whole(trades)} trades: engine alone`, rate(engine)),
        row('with frames decoded and events encoded', rate(withFrames)),
      ]),
    ],
  }
}

const frames = ({ commands, progress }: Options): Measured => {
  progress('encoding every message by itself')
  const result = benchFrames(Math.min(commands, 100_000))
  const bytes = (value: number): string => `${value.toFixed(1)} bytes`
  return {
    result,
    table: [
      'frames: what travels',
      ...[...result.commands, ...result.events].map(({ type, meanBytes, count }) =>
        row(type, `${bytes(meanBytes)}, mean of ${whole(count)}`),
      ),
      row('a command of the mix', bytes(result.bytesOfCommand)),
      row('its events', `${bytes(result.eventBytesOfCommand)} in ${result.eventsOfCommand.toFixed(2)} events`),
      row('a lane takes as single records', `${whole(result.singleCommandsPerSecond)} commands / second`),
      row('a lane takes in frames of many', `${whole(result.framedCommandsPerSecond)} commands / second`),
      row('a lane answers in frames of many', `${whole(result.answeredCommandsPerSecond)} commands / second`),
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

const benches: Readonly<Record<string, (options: Options) => Measured | Promise<Measured>>> = { matcher, frames, http }

const main = async (): Promise<void> => {
  const { values, positionals } = parseArgs({
    options: {
      json: { type: 'boolean', default: false },
      rounds: { type: 'string', default: '7' },
      commands: { type: 'string', default: '500000' },
      through: { type: 'string' },
      rate: { type: 'string', default: '300' },
      seconds: { type: 'string', default: '60' },
      accounts: { type: 'string', default: '6' },
    },
    allowPositionals: true,
  })
  const positive = (name: 'rounds' | 'commands' | 'rate' | 'seconds' | 'accounts'): number => {
    const value = Number(values[name])
    if (!Number.isInteger(value) || value < 1) throw new RangeError(`--${name} takes a positive number`)
    return value
  }
  const names =
    positionals.length > 0 ? positionals : Object.keys(benches).filter(name => name !== 'http' || values.through)
  const unknown = names.find(name => benches[name] === undefined)
  if (unknown !== undefined)
    throw new RangeError(`there is no bench ${unknown}, but ${Object.keys(benches).join(', ')}`)

  const progress = (line: string): void => console.error(`… ${line}`)
  const results: Record<string, object> = {}
  if (!values.json) console.log(machine())
  for (const name of names) {
    const measured = await benches[name]?.({
      rounds: positive('rounds'),
      commands: positive('commands'),
      through: values.through,
      ratePerSecond: positive('rate'),
      seconds: positive('seconds'),
      accounts: positive('accounts'),
      progress,
    })
    if (measured === undefined) continue
    results[name] = measured.result
    if (!values.json) console.log(measured.table.join('\n'))
  }
  if (values.json) console.log(JSON.stringify({ machine: machine(), ...results }, undefined, 2))
}

try {
  await main()
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error))
  process.exitCode = 2
}
