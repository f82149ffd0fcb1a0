/**
 * `npm run simulate -- --seed S` tells one schedule of the deterministic simulation; `--schedules N [--from S]` runs many
 * and prints how often each fault hit each step; `--mutants` plants bugs and prints which seed finds each. Exit code 0
 * where all holds, 1 on a violation (or a mutant that lives), 2 where it cannot run. `--json` for machines. npm starts it
 * with one thread for garbage, since more of them share its one core no better and cost a tenth of its processor time, and
 * with room for the garbage of a dozen schedules, of which then little is alive when it is collected.
 */
import { parseArgs } from 'node:util'
import { runMutants } from './simulate/mutants.ts'
import { runSchedules, tellSchedule } from './simulate/schedules.ts'

const usage =
  'usage: npm run simulate -- --seed <number> | --schedules <number> [--from <seed>] [--first-violation] | ' +
  '--mutants [--schedules <number each>] [--only <part of a name>]   [--json]'

const number = (name: string, text: string | undefined, unless: number, least: number): number => {
  const value = Number(text ?? unless)
  if (!Number.isSafeInteger(value) || value < least || text === '')
    throw new RangeError(`--${name} takes a whole number from ${least} on, not ${text}`)
  return value
}

const run = async (): Promise<boolean> => {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string' },
      schedules: { type: 'string' },
      from: { type: 'string' },
      mutants: { type: 'boolean', default: false },
      only: { type: 'string', default: '' },
      'first-violation': { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    },
  })
  const { json } = values
  if (values.seed !== undefined && (values.mutants || values.schedules !== undefined))
    throw new RangeError('--seed tells one schedule: it goes with neither --schedules nor --mutants')
  if (values.mutants)
    return runMutants({ schedules: number('schedules', values.schedules, 1_000, 1), only: values.only, json })
  if (values.seed !== undefined) return tellSchedule(number('seed', values.seed, 1, 0), json)
  if (values.schedules === undefined) throw new RangeError('what is to be run?')
  const count = number('schedules', values.schedules, 1, 1)
  return runSchedules({ count, from: number('from', values.from, 1, 0), endsEarly: values['first-violation'], json })
}

try {
  process.exitCode = (await run()) ? 0 : 1
} catch (error) {
  console.error(error instanceof RangeError || error instanceof TypeError ? `${error.message}\n${usage}` : error)
  process.exitCode = 2
}
