import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { startLambdaHost } from '#local/lambda-host.ts'
import { addFunction, functionSurroundings } from './function-surroundings.ts'

/** What the chaos does to a function: it is killed, or stands still. */

const s = functionSurroundings()
const slow = addFunction(
  s,
  'Slow',
  `import { threadId } from 'node:worker_threads'
  export const handler = async millis => { await new Promise(resolve => setTimeout(resolve, millis)); return threadId }`,
)

let host: Awaited<ReturnType<typeof startLambdaHost>>
beforeAll(async () => {
  host = await startLambdaHost(s)
})
afterAll(() => host.stop())

test('a function that is killed fails what it was doing, and the next invocation starts it afresh', async () => {
  const before = await host.invoke(slow, 0)
  const running = host.invoke(slow, 60_000)
  expect(host.strike('Slow', undefined)).toBe(true)
  expect(await running).toMatchObject({ ok: false, kind: 'Exit', error: { errorType: 'Runtime.ExitError' } })
  const after = await host.invoke(slow, 0)
  expect(after.ok).toBe(true)
  expect(after).not.toEqual(before)
})

test('a function that is frozen goes on where it was', async () => {
  await host.invoke(slow, 0)
  const startedMillis = performance.now()
  expect(host.strike('Slow', 400)).toBe(true)
  expect(await host.invoke(slow, 0)).toMatchObject({ ok: true })
  expect(performance.now() - startedMillis).toBeGreaterThan(350)
})

test('a function that is not there cannot be struck', () => {
  expect(host.strike('Unknown', undefined)).toBe(false)
})
