import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test } from '@jest/globals'
import { startLeashed } from '#local/children.ts'

const folder = mkdtempSync(join(tmpdir(), 'leash-test-'))
afterAll(() => rmSync(folder, { recursive: true }))
const environment = { PATH: process.env['PATH'] ?? '' }

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    // A zombie still has a pid; its command line is empty.
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8') !== ''
  } catch {
    return false
  }
}

async function untilTrue(condition: () => boolean): Promise<void> {
  const limit = performance.now() + 5_000
  while (!condition() && performance.now() < limit) await sleep(20)
  expect(condition()).toBe(true)
}

async function pidOfProgram(logFile: string): Promise<number> {
  const find = () => /program (\d+)/.exec(readFileSync(logFile, 'utf8'))?.[1]
  await untilTrue(() => find() !== undefined)
  return Number(find())
}

describe('children', () => {
  test('all end when their parent is killed', async () => {
    const logFile = join(folder, 'killed.log')
    const parent = spawn(process.execPath, [fileURLToPath(new URL('./leash-parent.ts', import.meta.url)), logFile])
    const told = await new Promise<string>(resolve => parent.stdout.once('data', data => resolve(String(data))))
    const pids = [...told.trim().split(' ').map(Number), await pidOfProgram(logFile)]
    expect(pids.map(isAlive)).toEqual([true, true, true])
    parent.kill('SIGKILL')
    await untilTrue(() => !pids.some(isAlive))
  })

  test('a leashed program is stopped, even one that does not listen', async () => {
    const logFile = join(folder, 'stopped.log')
    const command = ['/bin/sh', '-c', 'trap "" TERM; echo "program $$"; while :; do sleep 0.2; done']
    const child = await startLeashed({ name: 'stubborn', command, environment, logFile })
    const pid = await pidOfProgram(logFile)
    await child.stop()
    expect(isAlive(pid)).toBe(false)
  })

  test('a program that ends by itself tells its exit code', async () => {
    const command = ['/bin/sh', '-c', 'exit 7']
    const child = await startLeashed({ name: 'short', command, environment, logFile: join(folder, 'short.log') })
    expect(await child.ended).toBe('exit code 7')
  })
})
