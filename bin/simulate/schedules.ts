import { cpus } from 'node:os'
import { runSchedule, type ScheduleResult } from '#test/simulation/schedule.ts'
import { type Fault, FaultCounts } from '#test/simulation/world/faults.ts'
import { createProgress } from '../replay/progress.ts'

/** Tells all that happens in one schedule; true where all holds. */
export const tellSchedule = async (seed: number, json: boolean): Promise<boolean> => {
  const { faults, ...result } = await runSchedule(seed, json ? {} : { tell: line => console.log(line) })
  const hits = [...faults.hits].flatMap(([fault, steps]) => [...steps].map(([step, times]) => ({ fault, step, times })))
  if (json) console.log(JSON.stringify({ ...result, faults: hits }))
  else {
    for (const { fault, step, times } of hits) console.log(`  ${fault} × ${times}: ${step}`)
    console.log(sentenceOf(result))
    for (const violation of result.violations) console.log(`  ${violation}`)
  }
  return result.violations.length === 0
}

const sentenceOf = (result: Omit<ScheduleResult, 'faults'>): string =>
  `seed ${result.seed}: ${result.commands} commands, ${result.events} events, ${result.leaders} leaders, ` +
  `${result.snapshots} snapshots, ${result.duplicates} duplicates, ${result.poison} poison, ` +
  `${Math.round(result.virtualMillis)} ms of virtual time, trace ${(result.hash >>> 0).toString(16)}: ` +
  `${result.violations.length === 0 ? 'all invariants hold' : `${result.violations.length} violations`}`

interface Schedules {
  readonly count: number
  readonly from: number
  /** At the first violation. */
  readonly endsEarly: boolean
  readonly json: boolean
}

/** True where all holds in all of them. */
export const runSchedules = async ({ count, from, endsEarly, json }: Schedules): Promise<boolean> => {
  const progress = createProgress('simulate', process.stderr)
  const faults = new FaultCounts()
  const failed: { readonly seed: number; readonly violations: readonly string[] }[] = []
  let [commands, events, leaders, fewestFaults, fewestCommands] = [
    0,
    0,
    0,
    Number.POSITIVE_INFINITY,
    Number.POSITIVE_INFINITY,
  ]
  const before = process.cpuUsage()
  let done = 0
  for (; done < count && !(endsEarly && failed.length > 0); done += 1) {
    const seed = from + done
    try {
      const result = await runSchedule(seed)
      if (result.violations.length > 0) failed.push({ seed, violations: result.violations })
      faults.add(result.faults)
      fewestFaults = Math.min(fewestFaults, result.faults.total())
      fewestCommands = Math.min(fewestCommands, result.commands)
      commands += result.commands
      events += result.events
      leaders += result.leaders
    } catch (error) {
      failed.push({ seed, violations: [String(error)] })
    }
    progress.at(done / count)
  }
  progress.done()
  const { user, system } = process.cpuUsage(before)
  const cpuSeconds = (user + system) / 1e6
  const perCpuMinute = Math.round((done * 60) / cpuSeconds)
  const empty = emptyCells(faults)
  if (json)
    console.log(
      JSON.stringify({
        schedules: done,
        from,
        commands,
        events,
        leaders,
        fewestFaults,
        fewestCommands,
        cpuSeconds,
        perCpuMinute,
        machine: cpus()[0]?.model,
        failed,
        empty,
        faults: tableOf(faults),
      }),
    )
  else {
    printTable(faults)
    console.log(
      `${done} schedules from seed ${from}: ${commands} commands, ${events} events, ${leaders} leaders; ` +
        `at least ${fewestCommands} commands and ${fewestFaults} faults each; ${perCpuMinute} schedules a CPU-minute`,
    )
    if (empty.length > 0) console.log(`never hit: ${empty.join('; ')}`)
    for (const { seed, violations } of failed) console.log(`seed ${seed}: ${violations.join('; ')}`)
    console.log(
      failed.length === 0 ? '0 violations' : `violations with seeds ${failed.map(({ seed }) => seed).join(', ')}`,
    )
  }
  return failed.length === 0
}

/** A fault that a step can have and never had. */
const emptyCells = (faults: FaultCounts): readonly string[] =>
  // The director only looks on: nothing happens to it.
  [...faults.steps.values()]
    .filter(({ name }) => !name.startsWith('director '))
    .flatMap(({ name, possible }) =>
      possible.filter(fault => faults.of(fault, name) === 0).map(fault => `${fault} at ${name}`),
    )

const tableOf = (faults: FaultCounts): Readonly<Record<string, Readonly<Partial<Record<Fault, number>>>>> =>
  Object.fromEntries(
    [...stepsOf(faults)].map(step => [
      step,
      Object.fromEntries(
        [...faults.hits].flatMap(([fault, steps]) => (steps.has(step) ? [[fault, steps.get(step)]] : [])),
      ),
    ]),
  )

const stepsOf = (faults: FaultCounts): ReadonlySet<string> =>
  new Set([...faults.steps.keys(), ...[...faults.hits.values()].flatMap(steps => [...steps.keys()])].sort())

const printTable = (faults: FaultCounts): void => {
  for (const step of stepsOf(faults)) {
    if (step.startsWith('director ')) continue
    const known = faults.steps.get(step)
    console.log(`${step}${known === undefined ? '' : `, ${known.times} times`}`)
    const kinds = new Set([
      ...(known?.possible ?? []),
      ...[...faults.hits].filter(([, steps]) => steps.has(step)).map(([fault]) => fault),
    ])
    console.log(`    ${[...kinds].map(fault => `${fault} ${faults.of(fault, step)}`).join(', ')}`)
  }
}
