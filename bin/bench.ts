/**
 * `npm run bench -- [matcher|frames|…] [--json] [--rounds <n>] [--commands <n>]`: measures, and says on which machine.
 * Times never fail anything.
 */
import { parseArgs } from 'node:util'
import { benchFrames } from '#bench/frames.ts'
import { benchMatcher } from '#bench/matcher.ts'
import { machine, type Spread } from '#bench/rounds.ts'

interface Options {
  readonly rounds: number
  readonly commands: number
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

const benches: Readonly<Record<string, (options: Options) => Measured | Promise<Measured>>> = { matcher, frames }

const main = async (): Promise<void> => {
  const { values, positionals } = parseArgs({
    options: {
      json: { type: 'boolean', default: false },
      rounds: { type: 'string', default: '7' },
      commands: { type: 'string', default: '500000' },
    },
    allowPositionals: true,
  })
  const [rounds, commands] = [Number(values.rounds), Number(values.commands)]
  if (!Number.isInteger(rounds) || rounds < 1) throw new RangeError('--rounds takes a positive number')
  if (!Number.isInteger(commands) || commands < 1) throw new RangeError('--commands takes a positive number')
  const names = positionals.length === 0 ? Object.keys(benches) : positionals
  const unknown = names.find(name => benches[name] === undefined)
  if (unknown !== undefined)
    throw new RangeError(`there is no bench ${unknown}, but ${Object.keys(benches).join(', ')}`)

  const progress = (line: string): void => console.error(`… ${line}`)
  const results: Record<string, object> = {}
  if (!values.json) console.log(machine())
  for (const name of names) {
    const measured = await benches[name]?.({ rounds, commands, progress })
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
