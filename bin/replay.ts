/**
 * `npm run replay -- --messages <csv> --book <csv> [--through <url>] [--json]`: replays order flow of NASDAQ (LOBSTER)
 * into the engine and compares the book after every row and the maker of every execution; with `--through` sends the
 * same as orders of two accounts to a running exchange. Exit code 0 where all agrees, 1 where not, 2 where it cannot run.
 */
import { parseArgs } from 'node:util'
import { type EngineReplay, replayIntoEngine } from './replay/into-engine.ts'
import { BadFile } from './replay/lobster.ts'
import { createProgress } from './replay/progress.ts'
import { type HttpReplay, replayThroughHttp } from './replay/through-http.ts'

const usage = 'usage: npm run replay -- --messages <csv> --book <csv> [--through <url>] [--json]'

class BadUsage extends Error {}

const readArguments = () => {
  try {
    const { values } = parseArgs({
      options: {
        messages: { type: 'string' },
        book: { type: 'string' },
        through: { type: 'string' },
        json: { type: 'boolean', default: false },
      },
    })
    const { messages, book, through, json } = values
    if (messages === undefined || book === undefined) throw new BadUsage(usage)
    if (through !== undefined && !/^https?:$/.test(URL.parse(through)?.protocol ?? ''))
      throw new BadUsage(`--through ${through} is no URL of an exchange`)
    return { messages, book, through: through?.replace(/\/+$/, ''), json }
  } catch (error) {
    if (error instanceof BadUsage) throw error
    throw new BadUsage(usage, { cause: error })
  }
}

const row = (label: string, value: string | number): string => `  ${label.padEnd(34)} ${String(value).padStart(12)}`

const engineTable = ({ counts, ...replay }: EngineReplay): string[] => [
  'into the engine',
  row('rows', counts.rows),
  row('rows whose book agrees', `${replay.rowsMatched} of ${counts.rows}`),
  row('executions with the same maker', `${replay.executionsMatched} of ${counts.executed}`),
  row('new orders', counts.added),
  row('partial cancels', counts.reduced),
  row('deletes', counts.cancelled),
  row('seeded orders', counts.seeded),
  row('levels that came into view', counts.cameIntoView),
  row('hidden executions, skipped', counts.hiddenSkipped),
  row('halts and auctions, skipped', counts.haltsSkipped),
  row('about unknown volume, skipped', counts.unknownSkipped),
  row('commands', replay.commands),
  row('trades', replay.trades),
  row('milliseconds in the engine', (replay.engineSeconds * 1000).toFixed(1)),
]

const httpTable = (replay: HttpReplay): string[] => [
  `through the exchange, as ${replay.instrumentName}`,
  row('orders', replay.orders),
  row('amends', replay.amends),
  row('cancels', replay.cancels),
  row('requests repeated', replay.retries),
  row('fills as in the file', `${replay.fills} of ${replay.expectedFills}`),
  row('seconds until all was acknowledged', replay.seconds.toFixed(1)),
  row('seconds until all could be read', replay.caughtUpSeconds.toFixed(1)),
]

const list = (differences: readonly string[], count: number): string[] =>
  differences.length === 0 ? [] : [`${count} differences, among them:`, ...differences.map(text => `  ${text}`)]

const main = async (): Promise<number> => {
  const { messages, book, through, json } = readArguments()
  const engineProgress = createProgress('into the engine ', process.stderr)
  const engine = await replayIntoEngine(messages, book, engineProgress)
  engineProgress.done()
  let http: HttpReplay | undefined
  if (through !== undefined) {
    const progress = createProgress('through the exchange ', process.stderr)
    const depositUsd = Math.ceil(engine.maxPriceUsd * engine.lots)
    http = await replayThroughHttp({
      url: through,
      messagesPath: messages,
      bookPath: book,
      maxPriceUsd: engine.maxPriceUsd,
      depositUsd,
      progress,
    })
    progress.done()
  }
  const agrees = engine.differenceCount === 0 && (http?.differences.length ?? 0) === 0
  if (json) console.log(JSON.stringify({ agrees, engine, ...(http === undefined ? {} : { http }) }, undefined, 2))
  else {
    const lines = [...engineTable(engine), ...list(engine.differences, engine.differenceCount)]
    if (http !== undefined) lines.push(...httpTable(http), ...list(http.differences, http.differences.length))
    console.log([...lines, agrees ? 'all agrees' : 'DIFFERS'].join('\n'))
  }
  return agrees ? 0 : 1
}

try {
  process.exitCode = await main()
} catch (error) {
  if (!(error instanceof Error)) throw error
  // fetch tells only in the cause why nothing answers.
  const { message, cause } = error
  console.error(error instanceof TypeError && cause instanceof Error ? `${message}: ${cause.message}` : message)
  process.exitCode = error instanceof BadFile || error instanceof BadUsage ? 2 : 1
}
