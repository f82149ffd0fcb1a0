import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test } from '@jest/globals'
import * as z from 'zod'
import { mutants } from './mutants.ts'

const root = join(import.meta.dirname, '../..')

/** In a process of its own, as anybody runs it: it puts its own clock in the place of Node's. */
const simulate = async (...args: string[]): Promise<unknown> => {
  const { stdout } = await promisify(execFile)(process.execPath, ['bin/simulate.ts', '--json', ...args], {
    cwd: root,
    maxBuffer: 1 << 24,
  }).catch((error: { readonly stdout?: string; readonly stderr?: string }) => {
    if (!error.stdout) throw new Error(error.stderr)
    return { stdout: error.stdout }
  })
  return JSON.parse(stdout)
}

const report = z.object({
  schedules: z.number(),
  fewestFaults: z.number(),
  fewestCommands: z.number(),
  failed: z.array(z.object({ seed: z.number(), violations: z.array(z.string()) })),
  faults: z.record(z.string(), z.record(z.string(), z.number())),
})

describe('a lane under faults', () => {
  const schedules = 2_000

  test(`holds its invariants in ${schedules} schedules, each with 200 commands and 3 faults at least`, async () => {
    const found = report.parse(await simulate('--schedules', String(schedules)))
    expect(found.failed).toEqual([])
    expect(found.schedules).toBe(schedules)
    expect(found.fewestCommands).toBeGreaterThanOrEqual(200)
    expect(found.fewestFaults).toBeGreaterThanOrEqual(3)
    // Each fault has hit what a lane lives from; what is rarer shows in longer runs.
    for (const step of ['matcher PutRecord executions-1', 'intake PutRecord orders-1', 'matcher UpdateItem lanes'])
      for (const fault of ['throttled', 'failed', 'answer-lost', 'done-twice', 'done-late'])
        expect({ step, fault, times: found.faults[step]?.[fault] ?? 0 }).not.toMatchObject({ times: 0 })
  }, 900_000)

  test('tells the same story for the same seed, alone or after others', async () => {
    const hashOf = async (seed: number) => z.object({ hash: z.number() }).parse(await simulate('--seed', String(seed)))
    expect(await hashOf(7)).toEqual(await hashOf(7))
    expect(await hashOf(7)).not.toEqual(await hashOf(8))
  }, 60_000)

  test('has invariants that find planted bugs', async () => {
    const judged = z.object({ mutants: z.number(), killed: z.number() })
    for (const name of ['no dedupe', 'a gap is not healed'])
      expect(judged.parse(await simulate('--mutants', '--only', name, '--schedules', '100'))).toEqual({
        mutants: 1,
        killed: 1,
      })
  }, 60_000)

  test('has bugs to plant that fit the product as it is', () => {
    const misfits = mutants.flatMap(({ name, changes }) =>
      changes
        .filter(({ file, find }) => readFileSync(join(root, file), 'utf8').split(find).length !== 2)
        .map(({ file }) => `${name}: ${file}`),
    )
    expect(misfits).toEqual([])
    expect(mutants.length).toBeGreaterThanOrEqual(20)
    expect(new Set(mutants.map(({ name }) => name)).size).toBe(mutants.length)
  })
})
