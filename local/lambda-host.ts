/** Runs the template's Lambda functions out of their assets, each execution environment a worker thread of its own. */
import { randomBytes, randomUUID } from 'node:crypto'
import { appendFileSync, existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import * as z from 'zod'
import type { Component, Invocation, Invoke, Resource, Surroundings } from './component.ts'
import type { InvocationRequest, WorkerReport, WorkerSettings } from './lambda-worker.ts'
import { readProperties } from './resource-properties.ts'

const mostEnvironmentsPerFunction = 8
const mostQueuedPerFunction = 1_000
const startsAtOnce = 2
/** A second environment costs a start; most invocations that find the first one busy are answered sooner than that. */
const scaleOutAfterMillis = 25
const stopIdleAfterMillis = 60_000
const loadTimeoutMillis = 20_000
const largestPayloadBytes = 6 * 1024 * 1024

const inert = z.unknown().optional()
const functionProperties = z.strictObject({
  Code: z.strictObject({ S3Bucket: z.string(), S3Key: z.string() }),
  Handler: z.string().regex(/^[^.]+\.[^.]/),
  Runtime: z.string().startsWith('nodejs'),
  MemorySize: z.coerce.number().int().min(128).default(128),
  Timeout: z.coerce.number().int().min(1).max(900).default(3),
  Environment: z.strictObject({ Variables: z.record(z.string(), z.coerce.string()).default({}) }).optional(),
  ReservedConcurrentExecutions: z.coerce.number().int().min(0).optional(),
  FunctionName: z.string().optional(),
  LoggingConfig: z.looseObject({ LogGroup: z.string().optional() }).optional(),
  Architectures: inert,
  Description: inert,
  KmsKeyArn: inert,
  Role: inert,
  RuntimeManagementConfig: inert,
  Tags: inert,
  TracingConfig: inert,
  VpcConfig: inert,
})

interface LambdaFunction {
  readonly name: string
  readonly settings: WorkerSettings
  readonly environment: Readonly<Record<string, string>>
  readonly timeoutMillis: number
  readonly mostEnvironments: number
}

interface Waiting {
  readonly request: InvocationRequest
  readonly settle: (invocation: Invocation) => void
}

interface Environment {
  readonly worker: Worker
  state: 'starting' | 'idle' | 'busy' | 'ended'
  current?: Waiting
  timer?: NodeJS.Timeout
  idleSinceMillis: number
}

interface Pool {
  invoke(functionArn: string, event: unknown): Promise<Invocation>
  /** Resolves when the first environment is ready, or has failed and was complained about. */
  start(): Promise<void>
  stopIdle(): void
  stop(): Promise<void>
}

type StartGate = (start: () => Promise<void>) => Promise<void>

export async function startLambdaHost(
  s: Surroundings,
): Promise<Component & { invoke: Invoke; functions: readonly string[] }> {
  // Threads share the time zone of their process; on Lambda it is always UTC.
  process.env['TZ'] = 'UTC'
  mkdirSync(join(s.dataDir, 'logs'), { recursive: true })
  const resources = s.resources.filter(resource => resource.type === 'AWS::Lambda::Function')
  const gate = createStartGate(startsAtOnce)
  const pools = new Map<string, Pool>()
  for (const resource of resources) {
    const lambda = readFunction(s, resource)
    if (pools.has(lambda.name)) throw new Error(`two functions are called ${lambda.name}`)
    pools.set(lambda.name, createPool(s, lambda, gate))
  }
  await Promise.all([...pools.values()].map(pool => pool.start()))
  const sweep = setInterval(() => {
    for (const pool of pools.values()) pool.stopIdle()
  }, stopIdleAfterMillis / 4)
  sweep.unref()

  return {
    functions: resources.map(resource => resource.arn),
    async invoke(functionArn, event) {
      const pool = pools.get(functionNameOf(functionArn))
      if (pool === undefined) throw new Error(`Function not found: ${functionArn}`)
      return await pool.invoke(functionArn, event)
    },
    async stop() {
      clearInterval(sweep)
      await Promise.all([...pools.values()].map(pool => pool.stop()))
    },
  }
}

/** arn:aws:lambda:region:account:function:name, perhaps with :alias or :version. */
export function functionNameOf(functionArn: string): string {
  return functionArn.split(':')[6] ?? functionArn
}

function readFunction(s: Surroundings, resource: Resource): LambdaFunction {
  const properties = readProperties(resource, functionProperties)
  const name = resource.physicalId
  const taskRoot = s.assetPath(resource.stack, properties.Code.S3Key.split('.')[0] ?? '')
  const file = join(taskRoot, properties.Handler.slice(0, properties.Handler.indexOf('.')))
  const handlerFile = ['.js', '.mjs', '.cjs'].map(ending => file + ending).find(candidate => existsSync(candidate))
  if (handlerFile === undefined) throw new Error(`${name}: no ${file}.js, .mjs or .cjs for the handler`)
  const day = new Date(s.clock.now()).toISOString().slice(0, 10).replaceAll('-', '/')
  const settings: WorkerSettings = {
    taskRoot,
    handler: properties.Handler,
    handlerFile,
    clockOffset: s.clock.offset,
    logFile: join(s.dataDir, 'logs', `${name}.log`),
    functionName: name,
    memoryMegabytes: properties.MemorySize,
    logGroupName: properties.LoggingConfig?.LogGroup ?? `/aws/lambda/${name}`,
    logStreamName: `${day}/[$LATEST]${randomBytes(16).toString('hex')}`,
  }
  return {
    name,
    settings,
    timeoutMillis: properties.Timeout * 1_000,
    mostEnvironments: Math.min(mostEnvironmentsPerFunction, properties.ReservedConcurrentExecutions ?? Infinity),
    environment: {
      ...properties.Environment?.Variables,
      ...s.awsEnvironment,
      AWS_LAMBDA_FUNCTION_NAME: name,
      AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(properties.MemorySize),
      AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
      LAMBDA_TASK_ROOT: taskRoot,
      TZ: ':UTC',
    },
  }
}

/** Lets so many environments load at a time: each load keeps a core busy. */
function createStartGate(atOnce: number): StartGate {
  let running = 0
  const waiting: (() => void)[] = []
  return async start => {
    if (running >= atOnce) await new Promise<void>(resolve => waiting.push(resolve))
    else running += 1
    try {
      await start()
    } finally {
      const next = waiting.shift()
      if (next === undefined) running -= 1
      else next()
    }
  }
}

function createPool(s: Surroundings, lambda: LambdaFunction, gate: StartGate): Pool {
  const environments = new Set<Environment>()
  /** The last one used is used next, so that the others grow idle and can be stopped. */
  const idle: Environment[] = []
  const queue: Waiting[] = []
  let planned = 0
  let scaleOut: NodeJS.Timeout | undefined
  let stopped = false

  const log = (entry: object) => {
    const line = JSON.stringify({ time: new Date(s.clock.now()).toISOString(), function: lambda.name, ...entry })
    try {
      appendFileSync(lambda.settings.logFile, `${line}\n`)
    } catch (error) {
      s.complain(lambda.name, error)
    }
  }

  const settle = (environment: Environment, invocation: Invocation): boolean => {
    const { current } = environment
    if (current === undefined) return false
    clearTimeout(environment.timer)
    delete environment.current
    if (!invocation.ok) log({ level: 'ERROR', requestId: current.request.requestId, ...invocation })
    current.settle(invocation)
    return true
  }

  const run = (environment: Environment, waiting: Waiting) => {
    environment.state = 'busy'
    environment.current = waiting
    environment.timer = setTimeout(() => {
      const seconds = (lambda.timeoutMillis / 1_000).toFixed(2)
      const message = `RequestId: ${waiting.request.requestId} Error: Task timed out after ${seconds} seconds`
      end(environment, failed('Timeout', 'Sandbox.Timedout', message))
    }, lambda.timeoutMillis)
    environment.worker.postMessage(waiting.request)
  }

  const drain = () => {
    while (queue.length > 0) {
      const environment = idle.pop()
      if (environment === undefined) break
      const waiting = queue.shift()
      if (waiting !== undefined) run(environment, waiting)
    }
    const room = () => environments.size + planned < lambda.mostEnvironments
    const wanted = () => starting() < queue.length && room()
    if (!wanted()) return
    if (environments.size + planned === 0) void plan()
    scaleOut ??= setTimeout(() => {
      scaleOut = undefined
      while (wanted()) void plan()
    }, scaleOutAfterMillis)
  }

  const starting = () => planned + [...environments].filter(environment => environment.state === 'starting').length

  const plan = () => {
    planned += 1
    return gate(async () => {
      planned -= 1
      if (!stopped) await startEnvironment()
    })
  }

  const ready = (environment: Environment) => {
    environment.state = 'idle'
    environment.idleSinceMillis = performance.now()
    idle.push(environment)
    drain()
  }

  /** The thread is done for, whatever it is doing; an invocation that it held is answered with the reason. */
  const end = (environment: Environment, reason: Invocation & { ok: false }) => {
    if (environment.state === 'ended') return
    const wasStarting = environment.state === 'starting'
    environment.state = 'ended'
    environments.delete(environment)
    const at = idle.indexOf(environment)
    if (at >= 0) idle.splice(at, 1)
    environment.worker.terminate().catch((error: unknown) => s.complain(lambda.name, error))
    if (!settle(environment, reason) && !stopped) {
      // Who waits for an environment that cannot load is told so, as Lambda does; else the person at the terminal is.
      const first = wasStarting ? queue.shift() : undefined
      if (first === undefined) s.complain(lambda.name, describe(reason))
      else first.settle(reason)
      log({ level: 'ERROR', ...reason })
    }
    drain()
  }

  const startEnvironment = () =>
    new Promise<void>(resolve => {
      const worker = new Worker(new URL('./lambda-worker.ts', import.meta.url), {
        workerData: lambda.settings,
        env: { ...lambda.environment },
        argv: [],
        execArgv: [],
        stdout: true,
        stderr: true,
        resourceLimits: { maxOldGenerationSizeMb: lambda.settings.memoryMegabytes },
        name: lambda.name,
      })
      const environment: Environment = { worker, state: 'starting', idleSinceMillis: 0 }
      environments.add(environment)
      const tooSlow = setTimeout(() => {
        const message = `the handler did not load within ${loadTimeoutMillis / 1_000} seconds`
        end(environment, failed('Timeout', 'Sandbox.Timedout', message))
      }, loadTimeoutMillis)
      const started = () => {
        clearTimeout(tooSlow)
        resolve()
      }
      // Only what Node itself prints comes this way; the handler's lines are written by the worker.
      for (const output of [worker.stdout, worker.stderr]) output.on('data', data => log({ output: String(data) }))
      worker.on('message', (report: WorkerReport) => {
        if (environment.state === 'ended') return
        if (report.state === 'ready') {
          ready(environment)
          started()
        } else if (report.state === 'answered') {
          settle(environment, answerOf(report.payloadJson))
          ready(environment)
        } else if (report.state === 'threw') {
          settle(environment, { ok: false, kind: 'Unhandled', error: report.error })
          ready(environment)
        } else {
          end(environment, { ok: false, kind: 'Unhandled', error: report.error })
        }
      })
      worker.on('error', error => {
        const outOfMemory = 'code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY'
        const message = `Runtime exited with error: signal: killed (memory limit ${lambda.settings.memoryMegabytes} MB)`
        if (outOfMemory) end(environment, failed('OutOfMemory', 'Runtime.OutOfMemory', message))
        else end(environment, failed('Unhandled', error.name, error.message))
      })
      worker.on('exit', code => {
        started()
        end(environment, failed('Exit', 'Runtime.ExitError', `Runtime exited with error: exit status ${code}`))
      })
    })

  return {
    start: plan,
    invoke(functionArn, event) {
      const eventJson = JSON.stringify(event) ?? 'null'
      if (Buffer.byteLength(eventJson) > largestPayloadBytes) {
        return Promise.resolve(failed('Unhandled', 'RequestTooLargeException', 'the event is larger than 6 MB'))
      }
      if (stopped || lambda.mostEnvironments === 0 || queue.length >= mostQueuedPerFunction) {
        return Promise.resolve(failed('Unhandled', 'TooManyRequestsException', 'Rate Exceeded.'))
      }
      return new Promise(settleInvocation => {
        const request: InvocationRequest = {
          requestId: randomUUID(),
          functionArn,
          timeoutMillis: lambda.timeoutMillis,
          traceId: traceId(s.clock.now()),
          eventJson,
        }
        queue.push({ request, settle: settleInvocation })
        drain()
      })
    },
    stopIdle() {
      for (const environment of [...idle]) {
        if (environments.size <= 1) return
        if (performance.now() - environment.idleSinceMillis < stopIdleAfterMillis) continue
        environment.state = 'ended'
        environments.delete(environment)
        idle.splice(idle.indexOf(environment), 1)
        environment.worker.terminate().catch((error: unknown) => s.complain(lambda.name, error))
      }
    },
    async stop() {
      stopped = true
      clearTimeout(scaleOut)
      const reason = failed('Exit', 'Runtime.ExitError', 'the local runtime is stopping')
      for (const waiting of queue.splice(0)) waiting.settle(reason)
      const workers = [...environments].map(environment => environment.worker)
      for (const environment of [...environments]) end(environment, reason)
      await Promise.all(workers.map(worker => worker.terminate()))
    },
  }
}

function failed(kind: 'Unhandled' | 'Timeout' | 'OutOfMemory' | 'Exit', errorType: string, errorMessage: string) {
  return { ok: false, kind, error: { errorType, errorMessage } } as const
}

function describe(reason: Invocation & { ok: false }): Error {
  const error = new Error(`${reason.error.errorType}: ${reason.error.errorMessage}`)
  if (reason.error.trace !== undefined) error.stack = reason.error.trace.join('\n')
  return error
}

function answerOf(payloadJson: string): Invocation {
  if (Buffer.byteLength(payloadJson) > largestPayloadBytes) {
    const message = `Response payload size exceeded maximum allowed payload size (${largestPayloadBytes} bytes).`
    return failed('Unhandled', 'Function.ResponseSizeTooLarge', message)
  }
  return { ok: true, payload: JSON.parse(payloadJson) }
}

function traceId(nowMillis: number): string {
  const root = `${Math.floor(nowMillis / 1_000).toString(16)}-${randomBytes(12).toString('hex')}`
  return `Root=1-${root};Parent=${randomBytes(8).toString('hex')};Sampled=0`
}
