import { spawn } from 'node:child_process'
import { join } from 'node:path'
import * as z from 'zod'
import { type Mutant, mutants } from '#test/simulation/mutants.ts'
import { createProgress } from '../replay/progress.ts'

interface Judged {
  readonly name: string
  readonly rule: number
  /** That found it; undefined where it lives. */
  readonly seed: number | undefined
  readonly violation: string
}

interface Options {
  /** Of each mutant, at most. */
  readonly schedules: number
  readonly only: string
  readonly json: boolean
}

/** What share of the mutants has to be found. */
const leastKilled = 0.95
const atOnce = 2

/** Each in a process of its own, which loads the product with that bug in it. True where enough of them are found. */
export const runMutants = async ({ schedules, only, json }: Options): Promise<boolean> => {
  const chosen = mutants.filter(({ name }) => name.includes(only))
  if (chosen.length === 0) throw new RangeError(`no mutant is called ${only}`)
  const progress = createProgress('mutants', process.stderr)
  const judged: Judged[] = []
  const waiting = [...chosen]
  const work = async (): Promise<void> => {
    for (let mutant = waiting.shift(); mutant !== undefined; mutant = waiting.shift()) {
      judged.push(await judge(mutant, schedules))
      progress.at(judged.length / chosen.length)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, work))
  progress.done()
  judged.sort((a, b) => a.rule - b.rule || (a.name < b.name ? -1 : 1))
  const killed = judged.filter(({ seed }) => seed !== undefined).length
  const isEnough = killed >= judged.length * leastKilled
  if (json) console.log(JSON.stringify({ mutants: judged.length, killed, schedules, judged }))
  else {
    for (const { name, rule, seed, violation } of judged)
      console.log(
        `rule ${String(rule).padStart(2)}  ${name.padEnd(52)} ${seed === undefined ? 'LIVES' : `killed by seed ${seed}: ${violation.slice(0, 90)}`}`,
      )
    console.log(`${killed} of ${judged.length} mutants killed, each within ${schedules} schedules`)
  }
  return isEnough
}

const report = z.object({
  failed: z.array(z.object({ seed: z.number(), violations: z.array(z.string()) })),
})

const judge = async ({ name, rule }: Mutant, schedules: number): Promise<Judged> => {
  const root = join(import.meta.dirname, '../..')
  const child = spawn(
    process.execPath,
    [
      '--import',
      './test/simulation/mutate.ts',
      'bin/simulate.ts',
      '--schedules',
      String(schedules),
      '--first-violation',
      '--json',
    ],
    { cwd: root, env: { ...process.env, MUTANT: name }, stdio: ['ignore', 'pipe', 'pipe'] },
  )
  let [text, complaint] = ['', '']
  child.stdout.on('data', (part: Buffer) => {
    text += part.toString()
  })
  child.stderr.on('data', (part: Buffer) => {
    complaint += part.toString()
  })
  await new Promise(resolve => child.once('close', resolve))
  if (child.exitCode === 2 || text === '') throw new Error(`the mutant "${name}" could not be run: ${complaint}`)
  const [failed] = report.parse(JSON.parse(text)).failed
  return { name, rule, seed: failed?.seed, violation: failed?.violations[0] ?? '' }
}
