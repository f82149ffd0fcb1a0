/**
 * Runs the template's Lambda functions out of their assets, each execution environment a worker thread of its own, which is
 * loaded when it is first called, as on Lambda.
 */
import { randomBytes, randomUUID } from 'node:crypto'
import { appendFileSync, existsSync, mkdirSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import * as z from 'zod'
import { callerEnvironment } from './aws-calls.ts'
import type { Component, Invocation, Invoke, Resource, Surroundings } from './component.ts'
import type { FreezeRequest, InvocationRequest, WorkerReport, WorkerSettings } from './lambda-worker.ts'
import { propertiesOf } from './resource-properties.ts'

const mostEnvironmentsPerFunction = 8
const mostQueuedPerFunction = 1_000
/** Each load keeps a core busy. */
const mostLoadingAtOnce = 2
/** A second environment costs a load; most invocations that find the first one busy are answered sooner than that. */
const scaleOutAfterMillis = 25
/**
 * More environments help where the ones there are wait for something, and hurt where they compute: each one compiles the
 * same code anew. So a busy machine gets another one only for an invocation that has waited this long.
 */
const scaleOutBusyAfterMillis = 1_000
const processorsLeftFree = 0.75
const stopIdleAfterMillis = 60_000
const loadTimeoutMillis = 20_000
const largestPayloadBytes = 6 * 1024 * 1024

/** With the compile cache from its first line on: else each thread would strip the types of the same few files anew. */
const workerProgram = new URL(
  `data:text/javascript,${encodeURIComponent(`import { enableCompileCache } from 'node:module'
enableCompileCache()
await import('${new URL('./lambda-worker.ts', import.meta.url).href}')`)}`,
)

const functionProperties = z.object({
  Code: z.object({ S3Key: z.string() }),
  Handler: z.string().regex(/^[^.]+\.[^.]/),
  Runtime: z.string().startsWith('nodejs'),
  MemorySize: z.coerce.number().int().min(128).default(128),
  Timeout: z.coerce.number().int().min(1).max(900).default(3),
  Environment: z.object({ Variables: z.record(z.string(), z.coerce.string()).default({}) }).optional(),
  ReservedConcurrentExecutions: z.coerce.number().int().min(0).optional(),
  LoggingConfig: z.object({ LogGroup: z.string().optional() }).optional(),
})

type Failed = Invocation & { readonly ok: false }

interface LambdaFunction {
  readonly name: string
  readonly settings: WorkerSettings
  readonly variables: Readonly<Record<string, string>>
  readonly timeoutMillis: number
  readonly mostEnvironments: number
}

interface Waiting {
  readonly request: InvocationRequest
  readonly sinceMillis: number
  readonly settle: (invocation: Invocation) => void
}

interface Environment {
  worker?: Worker
  state: 'starting' | 'idle' | 'busy' | 'ended'
  current?: Waiting | undefined
  timer?: NodeJS.Timeout
  idleSinceMillis: number
}

/** Kills what runs of the function with this in its name, or freezes it for so long; false where nothing runs of it. */
export type Strike = (partOfName: string, freezeMillis: number | undefined) => boolean

type LoadGate = (load: () => Promise<void>) => Promise<void>

export async function startLambdaHost(
  s: Surroundings,
): Promise<Component & { invoke: Invoke; functions: readonly string[]; strike: Strike }> {
  // Threads share the time zone of their process; on Lambda it is always UTC.
  process.env['TZ'] = 'UTC'
  mkdirSync(join(s.dataDir, 'logs'), { recursive: true })
  const resources = s.resources.filter(resource => resource.type === 'AWS::Lambda::Function')
  const gate = createLoadGate()
  const isBusy = createBusyGauge()
  const pools = new Map(resources.map(each => [each.physicalId, createPool(s, readFunction(s, each), gate, isBusy)]))
  const sweep = setInterval(() => {
    for (const pool of pools.values()) pool.stopIdle()
  }, stopIdleAfterMillis / 4).unref()
  return {
    functions: resources.map(resource => resource.arn),
    async invoke(functionArn, event) {
      // arn:aws:lambda:region:account:function:name, perhaps with :alias or :version
      const pool = pools.get(functionArn.split(':')[6] ?? '')
      if (pool === undefined) throw new Error(`Function not found: ${functionArn}`)
      return await pool.invoke(functionArn, event)
    },
    strike: (part, freezeMillis) => [...pools].find(([name]) => name.includes(part))?.[1].strike(freezeMillis) ?? false,
    async stop() {
      clearInterval(sweep)
      await Promise.all([...pools.values()].map(pool => pool.stop()))
    },
  }
}

function readFunction(s: Surroundings, resource: Resource): LambdaFunction {
  const properties = propertiesOf(resource, functionProperties)
  const name = resource.physicalId
  const taskRoot = s.assetPath(resource.stack, properties.Code.S3Key.split('.')[0] ?? '')
  const file = join(taskRoot, properties.Handler.slice(0, properties.Handler.indexOf('.')))
  const handlerFile = ['.js', '.mjs', '.cjs'].map(ending => file + ending).find(candidate => existsSync(candidate))
  if (handlerFile === undefined) throw new Error(`${name}: no ${file}.js, .mjs or .cjs for the handler`)
  const day = new Date(s.clock.now()).toISOString().slice(0, 10).replaceAll('-', '/')
  return {
    name,
    timeoutMillis: properties.Timeout * 1_000,
    mostEnvironments: Math.min(mostEnvironmentsPerFunction, properties.ReservedConcurrentExecutions ?? Infinity),
    settings: {
      taskRoot,
      handler: properties.Handler,
      handlerFile,
      clockOffset: s.clock.offset,
      logFile: join(s.dataDir, 'logs', `${name}.log`),
      functionName: name,
      memoryMegabytes: properties.MemorySize,
      logGroupName: properties.LoggingConfig?.LogGroup ?? `/aws/lambda/${name}`,
      logStreamName: `${day}/[$LATEST]${randomBytes(16).toString('hex')}`,
    },
    variables: {
      ...properties.Environment?.Variables,
      ...callerEnvironment(s, resource),
      AWS_LAMBDA_FUNCTION_NAME: name,
      AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(properties.MemorySize),
      AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
      LAMBDA_TASK_ROOT: taskRoot,
      TZ: ':UTC',
    },
  }
}

function createLoadGate(): LoadGate {
  let loading = 0
  const waiting: (() => void)[] = []
  return async load => {
    if (loading >= mostLoadingAtOnce) await new Promise<void>(resolve => waiting.push(resolve))
    loading += 1
    try {
      await load()
    } finally {
      loading -= 1
      waiting.shift()?.()
    }
  }
}

/** Whether this process, its threads included, has lately kept nearly all processors busy. */
function createBusyGauge(): () => boolean {
  const windowMillis = 100
  let from = { at: performance.now(), used: process.cpuUsage() }
  let busy = false
  return () => {
    const passed = performance.now() - from.at
    if (passed < windowMillis) return busy
    const { user, system } = process.cpuUsage(from.used)
    busy = (user + system) / 1_000 / passed > availableParallelism() - processorsLeftFree
    from = { at: performance.now(), used: process.cpuUsage() }
    return busy
  }
}

function createPool(s: Surroundings, lambda: LambdaFunction, gate: LoadGate, isBusy: () => boolean) {
  const environments = new Set<Environment>()
  const queue: Waiting[] = []
  /** The last one used is used next, so that the others grow idle and can be stopped. */
  let idle: Environment[] = []
  let scaleOut: NodeJS.Timeout | undefined
  let stopped = false

  const log = (entry: object) => {
    const line = JSON.stringify({ time: new Date(s.clock.now()).toISOString(), ...entry })
    try {
      appendFileSync(lambda.settings.logFile, `${line}\n`)
    } catch (error) {
      s.complain(`the log of ${lambda.name}`, error)
    }
  }

  const drain = () => {
    while (queue.length > 0) {
      const environment = idle.pop()
      const waiting = environment && queue.shift()
      if (environment === undefined || waiting === undefined) break
      run(environment, waiting)
    }
    const starting = () => [...environments].filter(({ state }) => state === 'starting').length
    const isShort = () => starting() < queue.length && environments.size < lambda.mostEnvironments
    if (environments.size === 0 && isShort()) void start()
    if (!isShort()) return
    scaleOut ??= setTimeout(() => {
      scaleOut = undefined
      const [longest] = queue
      if (longest === undefined) return
      const isPatient = performance.now() - longest.sinceMillis < scaleOutBusyAfterMillis
      if (isPatient && isBusy()) drain()
      else if (isShort()) void start()
    }, scaleOutAfterMillis)
  }

  const run = (environment: Environment, waiting: Waiting) => {
    environment.state = 'busy'
    environment.current = waiting
    environment.worker?.postMessage(waiting.request)
    environment.timer = setTimeout(() => {
      const seconds = (lambda.timeoutMillis / 1_000).toFixed(2)
      const message = `RequestId: ${waiting.request.requestId} Error: Task timed out after ${seconds} seconds`
      end(environment, failed('Timeout', 'Sandbox.Timedout', message))
    }, lambda.timeoutMillis)
  }

  const settle = (waiting: Waiting, invocation: Invocation) => {
    if (!invocation.ok) log({ requestId: waiting.request.requestId, ...invocation })
    waiting.settle(invocation)
  }

  const ready = (environment: Environment) => {
    clearTimeout(environment.timer)
    environment.current = undefined
    environment.state = 'idle'
    environment.idleSinceMillis = performance.now()
    idle.push(environment)
    drain()
  }

  const retire = async (environment: Environment) => {
    environment.state = 'ended'
    environments.delete(environment)
    idle = idle.filter(other => other !== environment)
    clearTimeout(environment.timer)
    await environment.worker?.terminate()
  }

  /**
   * The thread is done for, whatever it does; the invocation that it held is answered with the reason. Who waits for an
   * environment that does not load is told so, as Lambda does; else the person at the terminal is.
   */
  const end = (environment: Environment, reason: Failed) => {
    if (environment.state === 'ended') return
    const concerned = environment.current ?? (environment.state === 'starting' ? queue.shift() : undefined)
    retire(environment).catch((error: unknown) => s.complain(lambda.name, error))
    if (concerned !== undefined) settle(concerned, reason)
    else if (!stopped) {
      log(reason)
      s.complain(lambda.name, new Error(`${reason.error.errorType}: ${reason.error.errorMessage}`))
    }
    drain()
  }

  const start = () => {
    const environment: Environment = { state: 'starting', idleSinceMillis: 0 }
    environments.add(environment)
    const loading = gate(async () => {
      if (environment.state !== 'ended') await load(environment)
    })
    return loading.catch((error: unknown) => end(environment, failed('Unhandled', 'Runtime.StartError', String(error))))
  }

  const load = (environment: Environment) =>
    new Promise<void>(loaded => {
      const worker = new Worker(workerProgram, {
        workerData: lambda.settings,
        env: lambda.variables,
        argv: [],
        execArgv: [],
        stdout: true,
        stderr: true,
        resourceLimits: { maxOldGenerationSizeMb: lambda.settings.memoryMegabytes },
        name: lambda.name,
      })
      environment.worker = worker
      environment.timer = setTimeout(() => {
        const message = `the handler did not load within ${loadTimeoutMillis / 1_000} seconds`
        end(environment, failed('Timeout', 'Sandbox.Timedout', message))
      }, loadTimeoutMillis)
      // Only what Node itself prints comes this way; the handler's lines are written by the worker.
      for (const output of [worker.stdout, worker.stderr]) output.on('data', data => log({ output: String(data) }))
      worker.on('message', (report: WorkerReport) => {
        const { logGroupName, logStreamName } = lambda.settings
        if (report.state === 'logged') return s.logged?.(logGroupName, logStreamName, report.text)
        loaded()
        if (environment.state === 'ended') return
        const failure = 'error' in report ? ({ ok: false, kind: 'Unhandled', error: report.error } as const) : undefined
        if (failure !== undefined && report.state === 'ended') return end(environment, failure)
        const { current } = environment
        if (current !== undefined) settle(current, failure ?? answerOf('payload' in report ? report.payload : 'null'))
        ready(environment)
      })
      worker.on('error', error => {
        const isOutOfMemory = 'code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY'
        const message = `Runtime exited with error: signal: killed (memory limit ${lambda.settings.memoryMegabytes} MB)`
        if (isOutOfMemory) end(environment, failed('OutOfMemory', 'Runtime.OutOfMemory', message))
        else end(environment, failed('Unhandled', error.name, error.message))
      })
      worker.on('exit', code => {
        loaded()
        end(environment, failed('Exit', 'Runtime.ExitError', `Runtime exited with error: exit status ${code}`))
      })
    })

  return {
    invoke(functionArn: string, event: unknown): Promise<Invocation> {
      const eventJson = JSON.stringify(event) ?? 'null'
      if (Buffer.byteLength(eventJson) > largestPayloadBytes) {
        return Promise.resolve(failed('Unhandled', 'RequestTooLargeException', 'the event is larger than 6 MB'))
      }
      if (stopped || lambda.mostEnvironments === 0 || queue.length >= mostQueuedPerFunction) {
        return Promise.resolve(failed('Unhandled', 'TooManyRequestsException', 'Rate Exceeded.'))
      }
      const root = `${Math.floor(s.clock.now() / 1_000).toString(16)}-${randomBytes(12).toString('hex')}`
      const traceId = `Root=1-${root};Parent=${randomBytes(8).toString('hex')};Sampled=0`
      const { timeoutMillis } = lambda
      return new Promise(settled => {
        const request = { requestId: randomUUID(), functionArn, timeoutMillis, traceId, eventJson }
        queue.push({ request, sinceMillis: performance.now(), settle: settled })
        drain()
      })
    },
    strike(freezeMillis: number | undefined): boolean {
      const struck = [...environments].filter(({ state }) => state !== 'starting')
      for (const environment of struck)
        if (freezeMillis !== undefined) environment.worker?.postMessage({ freezeMillis } satisfies FreezeRequest)
        else end(environment, failed('Exit', 'Runtime.ExitError', 'Runtime exited with error: signal: killed'))
      return struck.length > 0
    },
    stopIdle() {
      const sinceMillis = performance.now() - stopIdleAfterMillis
      for (const environment of idle.filter(({ idleSinceMillis }) => idleSinceMillis < sinceMillis)) {
        if (environments.size <= 1) return
        retire(environment).catch((error: unknown) => s.complain(lambda.name, error))
      }
    },
    async stop() {
      stopped = true
      clearTimeout(scaleOut)
      const reason = failed('Exit', 'Runtime.ExitError', 'the local runtime is stopping')
      for (const waiting of queue.splice(0)) settle(waiting, reason)
      const running = [...environments]
      for (const environment of running) end(environment, reason)
      await Promise.all(running.map(environment => environment.worker?.terminate()))
    },
  }
}

function failed(kind: Failed['kind'], errorType: string, errorMessage: string): Failed {
  return { ok: false, kind, error: { errorType, errorMessage } }
}

function answerOf(payloadJson: string): Invocation {
  if (Buffer.byteLength(payloadJson) <= largestPayloadBytes) return { ok: true, payload: JSON.parse(payloadJson) }
  const message = `Response payload size exceeded maximum allowed payload size (${largestPayloadBytes} bytes).`
  return failed('Unhandled', 'Function.ResponseSizeTooLarge', message)
}
