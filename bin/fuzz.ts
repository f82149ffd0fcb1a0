/**
 * `npm run fuzz -- [--commands N] [--seed S] [--json]`: random commands of all kinds into the engine and into the naive exchange
 * of the tests, which must tell the same of them, and into an engine that reads them in other frames, some twice, and
 * is restored in between. Exit code 0 where all agrees, 1 with the shortest tape that was found where not, 2 where it
 * cannot run.
 */
import { parseArgs } from 'node:util'
import { runDifferential, tapeOf } from '#test/support/differential.ts'
import { createProgress } from './replay/progress.ts'

const usage = 'usage: npm run fuzz -- [--commands <number>] [--seed <number>] [--json]'
const defaultCommands = 1_000_000

const readArguments = (): { readonly commands: number; readonly seed: number; readonly json: boolean } | undefined => {
  try {
    const { values } = parseArgs({
      options: { commands: { type: 'string' }, seed: { type: 'string' }, json: { type: 'boolean', default: false } },
    })
    const commands = Number(values.commands ?? defaultCommands)
    const seed = Number(values.seed ?? Date.now() % 1_000_000)
    const areNumbers = Number.isSafeInteger(commands) && commands > 0 && Number.isSafeInteger(seed)
    return areNumbers ? { commands, seed, json: values.json } : undefined
  } catch {
    return undefined
  }
}

const options = readArguments()
if (options === undefined) {
  console.error(usage)
  process.exit(2)
}
const { commands, seed, json } = options
if (!json) console.log(`${commands} commands, seed ${seed}`)
const progress = createProgress('fuzz', process.stderr)
const startedMillis = performance.now()
const found = runDifferential({ commands, seed, onProgress: done => progress.at(done / commands) })
const seconds = (performance.now() - startedMillis) / 1000
if (found.difference === undefined) progress.done()
const { difference } = found
const coverage = [...found.coverage].sort(([a], [b]) => (a < b ? -1 : 1))
const tape = difference === undefined ? '' : tapeOf(difference)

if (json) {
  const { commands, events, worlds } = found
  const what = difference === undefined ? null : { world: difference.world, what: difference.what, tape }
  console.log(
    JSON.stringify({
      seed,
      commands,
      events,
      worlds,
      seconds,
      difference: what,
      coverage: Object.fromEntries(coverage),
    }),
  )
} else {
  for (const [name, count] of coverage) console.log(`  ${name.padEnd(44)} ${String(count).padStart(10)}`)
  if (difference === undefined)
    console.log(
      `no difference in ${found.commands} commands and ${found.events} events of ${found.worlds} worlds, ` +
        `seed ${seed}: ${seconds.toFixed(1)} s, ${Math.round(found.commands / seconds)} commands/s`,
    )
  else
    console.log(
      `a difference after ${found.commands} commands, seed ${seed}, world ${difference.world}:\n` +
        `${tape}\n${difference.what}`,
    )
}
if (difference !== undefined) process.exitCode = 1
