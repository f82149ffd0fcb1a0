import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, describe, expect, test } from '@jest/globals'
import { startNodeChild } from '#local/children.ts'
import { createClock } from '#local/clock.ts'

const hourMillis = 3_600_000
const folder = mkdtempSync(join(tmpdir(), 'clock-test-'))
afterAll(() => rmSync(folder, { recursive: true }))

describe('the clock', () => {
  test('is moved forward only, and shares its offset', () => {
    const clock = createClock(1_000)
    clock.forward(hourMillis)
    expect(clock.now() - Date.now()).toBeGreaterThan(hourMillis + 900)
    expect(new Float64Array(clock.offset)[0]).toBe(hourMillis + 1_000)
    expect(() => clock.forward(-1)).toThrow('forward only')
    expect(() => clock.forward(11 * 365 * 24 * hourMillis)).toThrow('at most ten years')
  })

  test('until resolves by passing time', async () => {
    const clock = createClock()
    const begun = performance.now()
    await clock.until(clock.now() + 30)
    expect(performance.now() - begun).toBeGreaterThan(25)
    await clock.until(0)
  })

  test('until resolves by a move, and not by a move that is too short', async () => {
    const clock = createClock()
    let done = false
    const waiting = clock.until(clock.now() + 2 * hourMillis).then(() => {
      done = true
    })
    clock.forward(hourMillis)
    await sleep(5)
    expect(done).toBe(false)
    clock.forward(hourMillis)
    await waiting
  })

  test('until ends by its signal', async () => {
    const stop = new AbortController()
    const waiting = createClock().until(Date.now() + hourMillis, stop.signal)
    stop.abort(new Error('stopped'))
    await expect(waiting).rejects.toThrow('stopped')
  })

  test('the Date of a child starts with the clock and follows it', async () => {
    const clock = createClock(hourMillis)
    const script = join(folder, 'child.mjs')
    writeFileSync(
      script,
      `const say = () => process.send([Date.now(), +new Date(), new Date(0).getTime(), new Date() instanceof Date, typeof Date()])
       process.on('message', say)
       say()
       setInterval(() => undefined, 1000)`,
    )
    const child = await startNodeChild({
      name: 'child',
      args: [script],
      environment: {},
      clock,
      logFile: join(folder, 'log'),
    })
    const answers: unknown[][] = []
    child.onMessage(message => answers.push(message as unknown[]))
    while (answers.length < 1) await sleep(5)
    clock.forward(hourMillis)
    while (answers.length < 2) await sleep(5)
    await child.stop()
    expect(readFileSync(join(folder, 'log'), 'utf8')).toBe('')
    for (const [index, [now, constructed, ...others]] of answers.entries()) {
      const expected = Date.now() + (index + 1) * hourMillis
      expect(Math.abs(Number(now) - expected)).toBeLessThan(5_000)
      expect(Math.abs(Number(constructed) - expected)).toBeLessThan(5_000)
      expect(others).toEqual([0, true, 'string'])
    }
  })
})
