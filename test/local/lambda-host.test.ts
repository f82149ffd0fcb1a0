import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { Invocation } from '#local/component.ts'
import { startLambdaHost } from '#local/lambda-host.ts'
import { addFunction, functionSurroundings } from './function-surroundings.ts'

const s = functionSurroundings()
const outside = import.meta.resolve('zod')
const counting = 'let calls = 0\n'

const echo = addFunction(
  s,
  'echo',
  `import { setTimeout as sleep } from 'node:timers/promises'
  ${counting}
  export const handler = async (event, context) => {
    console.log('saw', event.what)
    if (event.sleepMillis) await sleep(event.sleepMillis)
    calls += 1
    switch (event.what) {
      case 'environment': return { ...process.env }
      case 'context': return { ...context, remainingMillis: context.getRemainingTimeInMillis() }
      case 'time': return [Date.now(), new Date().getTime(), new Date(0).getTime(), new Date() instanceof Date]
      case 'shapes': return { gone: undefined, buffer: Buffer.from('ab'), date: new Date(0), list: [undefined] }
      case 'nothing': return undefined
      case 'throw': throw new RangeError('too far')
      case 'throw-text': throw 'just text'
      case 'circle': { const circle = {}; circle.circle = circle; return circle }
      case 'large': return 'x'.repeat(6 * 1024 * 1024)
      case 'spin': for (;;) {}
      case 'exit': process.exit(3)
      case 'fill': { const all = []; for (;;) all.push(new Array(4_000_000).fill(Math.random())) }
      case 'reject-later': setTimeout(() => Promise.reject(new TypeError('afterwards')), 5); return 'answered'
      case 'import': await import(process.env.TABLE)
      default: return { event, calls }
    }
  }`,
  { Timeout: 2, MemorySize: 128, Environment: { Variables: { TABLE: outside, AWS_REGION: 'mars' } } },
)
const single = addFunction(
  s,
  'single',
  `let running = 0
  export const handler = async () => {
    running += 1
    const seen = running
    await new Promise(resolve => setTimeout(resolve, 30))
    running -= 1
    return seen
  }`,
  { ReservedConcurrentExecutions: 1 },
)
const slow = addFunction(
  s,
  'slow',
  `import { threadId } from 'node:worker_threads'
  export const handler = async millis => { await new Promise(resolve => setTimeout(resolve, millis)); return threadId }`,
)
const broken = addFunction(s, 'broken', `import 'not-in-the-asset'\nexport const handler = async () => 1`)
const wrongName = addFunction(s, 'wrong-name', 'export const other = async () => 1')

let host: Awaited<ReturnType<typeof startLambdaHost>>
beforeAll(async () => {
  process.env['PARENT_SECRET'] = 'of the parent'
  host = await startLambdaHost(s)
})
afterAll(() => host.stop())

const answer = async (what: string) => payloadOf(await host.invoke(echo, { what }))
const payloadOf = (invocation: Invocation) => {
  if (!invocation.ok) throw new Error(invocation.error.errorMessage)
  return invocation.payload
}
const failureOf = async (what: string) => {
  const invocation = await host.invoke(echo, { what })
  if (invocation.ok) throw new Error('it succeeded')
  return { kind: invocation.kind, ...invocation.error }
}

describe('an execution environment', () => {
  test('has the environment of its function and nothing of the parent', async () => {
    const environment = await answer('environment')
    expect(environment).toEqual({
      TABLE: outside,
      AWS_REGION: 'eu-west-1',
      AWS_ACCESS_KEY_ID: 'Apiecho',
      AWS_ENDPOINT_URL_DYNAMODB: 'http://127.0.0.1:1',
      AWS_LAMBDA_FUNCTION_NAME: 'echo',
      AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '128',
      AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
      LAMBDA_TASK_ROOT: s.assetPath('Api', 'echo'),
      TZ: ':UTC',
      _X_AMZN_TRACE_ID: expect.stringMatching(/^Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0$/),
    })
  })

  test('gives the context that Lambda gives', async () => {
    const context = payloadOf(await host.invoke(`${echo}:live`, { what: 'context' }))
    expect(context).toMatchObject({
      awsRequestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
      functionName: 'echo',
      invokedFunctionArn: `${echo}:live`,
      memoryLimitInMB: '128',
      logGroupName: '/aws/lambda/echo',
      logStreamName: expect.stringMatching(/^\d{4}\/\d\d\/\d\d\/\[\$LATEST\][0-9a-f]{32}$/),
    })
    expect(context).toHaveProperty('remainingMillis', expect.any(Number))
  })

  test('follows the clock', async () => {
    s.clock.forward(3 * 86_400_000)
    const [now, constructed, epoch, isDate] = (await answer('time')) as unknown[]
    expect(Math.abs(Number(now) - s.clock.now())).toBeLessThan(1_000)
    expect(Math.abs(Number(constructed) - s.clock.now())).toBeLessThan(1_000)
    expect([epoch, isDate]).toEqual([0, true])
  })

  test('answers what survives JSON', async () => {
    expect(await answer('shapes')).toStrictEqual({
      buffer: { type: 'Buffer', data: [97, 98] },
      date: '1970-01-01T00:00:00.000Z',
      list: [null],
    })
    expect(await answer('nothing')).toBeNull()
    expect(await host.invoke(echo, { kept: 1, gone: undefined })).toMatchObject({
      payload: { event: { kept: 1 } },
    })
  })

  test('writes to the log of its function', async () => {
    await answer('nothing')
    expect(readFileSync(join(s.dataDir, 'logs', 'echo.log'), 'utf8')).toContain('saw nothing\n')
  })
})

describe('a failing function', () => {
  test('is reported as Lambda does', async () => {
    expect(await failureOf('throw')).toMatchObject({
      kind: 'Unhandled',
      errorType: 'RangeError',
      errorMessage: 'too far',
      trace: expect.arrayContaining(['RangeError: too far']),
    })
    expect(await failureOf('throw-text')).toMatchObject({ errorType: 'string', errorMessage: 'just text', trace: [] })
    expect(await failureOf('circle')).toMatchObject({ errorType: 'Runtime.MarshalError' })
    expect(await failureOf('large')).toMatchObject({ errorType: 'Function.ResponseSizeTooLarge' })
    const logged = readFileSync(join(s.dataDir, 'logs', 'echo.log'), 'utf8')
    expect(logged).toContain('"errorMessage":"too far"')
  })

  test.each([
    ['spin', 'Timeout', 'Sandbox.Timedout', /Task timed out after 2.00 seconds/],
    ['exit', 'Exit', 'Runtime.ExitError', /exit status 3/],
    ['fill', 'OutOfMemory', 'Runtime.OutOfMemory', /128 MB/],
  ])(
    'that does %s is ended, and the next invocation gets a fresh environment',
    async (what, kind, errorType, message) => {
      expect(await failureOf(what)).toMatchObject({ kind, errorType, errorMessage: expect.stringMatching(message) })
      expect(await answer('count')).toMatchObject({ calls: 1 })
    },
  )

  test('that fails between invocations is told, and starts afresh', async () => {
    expect(await answer('reject-later')).toBe('answered')
    while (!s.complaints.some(complaint => complaint.includes('afterwards'))) await sleep(5)
    expect(s.complaints).toContainEqual('echo: Error: Runtime.UnhandledPromiseRejection: afterwards')
    expect(await answer('count')).toMatchObject({ calls: 1 })
  })

  test('cannot import what its asset does not hold', async () => {
    expect(await failureOf('import')).toMatchObject({
      errorType: 'Runtime.ImportModuleError',
      errorMessage: expect.stringContaining('asset'),
    })
    expect(await host.invoke(broken, {})).toMatchObject({ ok: false, kind: 'Unhandled' })
    expect(await host.invoke(wrongName, {})).toMatchObject({ error: { errorType: 'Runtime.HandlerNotFound' } })
  })
})

describe('concurrency', () => {
  test('an environment takes one invocation at a time, and the rest queue at the ceiling', async () => {
    const answers = await Promise.all([1, 2, 3].map(async () => payloadOf(await host.invoke(single, {}))))
    expect(answers).toEqual([1, 1, 1])
  })

  test('further environments take what the first one cannot', async () => {
    // Longer than a busy machine waits before it starts another one.
    const threads = await Promise.all([2_000, 2_000].map(async millis => payloadOf(await host.invoke(slow, millis))))
    expect(new Set(threads).size).toBe(2)
  })

  test('an invocation that is soon served starts no second environment', async () => {
    const first = payloadOf(await host.invoke(slow, 0))
    const threads = await Promise.all([5, 5].map(async millis => payloadOf(await host.invoke(slow, millis))))
    expect(threads).toContain(first)
  })
})

test('the functions are known by ARN, and no others', async () => {
  expect(host.functions).toContain(echo)
  await expect(host.invoke(echo.replace('echo', 'other'), {})).rejects.toThrow('Function not found')
})

test('stopping answers what still runs', async () => {
  const other = functionSurroundings()
  const forever = addFunction(
    other,
    'forever',
    'export const handler = () => new Promise(() => setInterval(() => 0, 9))',
  )
  const stopping = await startLambdaHost(other)
  const invocation = stopping.invoke(forever, {})
  await sleep(10)
  await stopping.stop()
  expect(await invocation).toMatchObject({ ok: false, kind: 'Exit' })
})
