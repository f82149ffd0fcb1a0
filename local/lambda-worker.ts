/**
 * One execution environment of a Lambda function: a worker thread that loads the handler out of the deployed asset and
 * answers one invocation after the other. Started by lambda-host.ts.
 */
import { openSync, realpathSync, writeSync } from 'node:fs'
import { flushCompileCache, registerHooks } from 'node:module'
import { pathToFileURL } from 'node:url'
import { parentPort, workerData } from 'node:worker_threads'
import { recordAwsCalls } from './aws-calls.ts'
import { moveDate } from './clock.ts'

export interface WorkerSettings {
  readonly taskRoot: string
  /** `file.export`, as the template's Handler says; the host has found the file. */
  readonly handler: string
  readonly handlerFile: string
  readonly clockOffset: SharedArrayBuffer
  readonly logFile: string
  readonly functionName: string
  readonly memoryMegabytes: number
  readonly logGroupName: string
  readonly logStreamName: string
}

/** Stands still for so long in the middle of whatever it does, as a machine does that is not scheduled. */
export interface FreezeRequest {
  readonly freezeMillis: number
}

export interface InvocationRequest {
  readonly requestId: string
  readonly functionArn: string
  readonly timeoutMillis: number
  readonly traceId: string
  readonly eventJson: string
}

interface LambdaError {
  readonly errorType: string
  readonly errorMessage: string
  readonly trace: readonly string[]
}

/** `ended`: did not load, or failed outside of an invocation's own promise. */
export type WorkerReport =
  | { readonly state: 'logged'; readonly text: string }
  | { readonly state: 'ready' }
  | { readonly state: 'answered'; readonly payload: string }
  | { readonly state: 'threw' | 'ended'; readonly error: LambdaError }

type Handler = (event: unknown, context: unknown) => unknown

const settings: WorkerSettings = workerData
const report = (message: WorkerReport) => parentPort?.postMessage(message)

// The next thread need not strip the types of these files.
flushCompileCache()
writeOutputTo(settings.logFile)
recordAwsCalls()
const offset = new Float64Array(settings.clockOffset)
moveDate(() => offset[0] ?? 0)
confineImports(settings.taskRoot)

process.on('uncaughtException', (error, origin) => {
  const described = describe(error)
  const errorType = origin === 'unhandledRejection' ? 'Runtime.UnhandledPromiseRejection' : described.errorType
  report({ state: 'ended', error: { ...described, errorType } })
  process.exit(129)
})

try {
  const handler = await loadHandler()
  parentPort?.on('message', (request: InvocationRequest | FreezeRequest) => {
    if ('requestId' in request) void answer(handler, request)
    else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, request.freezeMillis)
  })
  report({ state: 'ready' })
} catch (error) {
  report({ state: 'ended', error: describe(error) })
}

/** Written here and at once, so that the lines of a worker that gets terminated are not lost. */
function writeOutputTo(logFile: string): void {
  const file = openSync(logFile, 'a')
  for (const stream of [process.stdout, process.stderr]) {
    stream._writev = (chunks, done) => {
      for (const { chunk, encoding } of chunks) {
        const bytes = typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk
        writeSync(file, bytes)
        report({ state: 'logged', text: bytes.toString() })
      }
      done()
    }
  }
}

/** An asset sits inside the project here; on AWS there is no node_modules above it to find a forgotten package in. */
function confineImports(taskRoot: string): void {
  const allowed = ['node:', 'data:', `${pathToFileURL(realpathSync(taskRoot)).href}/`]
  registerHooks({
    resolve(specifier, context, next) {
      const resolved = next(specifier, context)
      if (allowed.some(start => resolved.url.startsWith(start))) return resolved
      throw named('Runtime.ImportModuleError', `Cannot find package '${specifier}' in the function's asset`)
    },
  })
}

async function loadHandler(): Promise<Handler> {
  const exported: unknown = await import(pathToFileURL(settings.handlerFile).href)
  const steps = settings.handler.split('.').slice(1)
  const handler = member(exported, steps) ?? member(exported, ['default', ...steps])
  if (typeof handler !== 'function') {
    throw named('Runtime.HandlerNotFound', `${settings.handler} is undefined or not exported`)
  }
  if (handler.length < 3) return (event, context) => handler(event, context)
  throw named('Runtime.CallbackHandlerDeprecated', 'nodejs24.x has no callback handlers: return a promise')
}

function member(value: unknown, steps: readonly string[]): unknown {
  return steps.reduce((at, step) => (typeof at === 'object' && at !== null ? Reflect.get(at, step) : undefined), value)
}

async function answer(handler: Handler, request: InvocationRequest): Promise<void> {
  const deadlineMillis = performance.now() + request.timeoutMillis
  process.env['_X_AMZN_TRACE_ID'] = request.traceId
  const context = {
    awsRequestId: request.requestId,
    callbackWaitsForEmptyEventLoop: true,
    functionName: settings.functionName,
    functionVersion: '$LATEST',
    invokedFunctionArn: request.functionArn,
    memoryLimitInMB: String(settings.memoryMegabytes),
    logGroupName: settings.logGroupName,
    logStreamName: settings.logStreamName,
    getRemainingTimeInMillis: () => Math.max(0, Math.round(deadlineMillis - performance.now())),
  }
  try {
    const payload = await handler(JSON.parse(request.eventJson), context)
    report({ state: 'answered', payload: stringify(payload) })
  } catch (error) {
    report({ state: 'threw', error: describe(error) })
  }
}

function stringify(payload: unknown): string {
  try {
    return JSON.stringify(payload) ?? 'null'
  } catch (error) {
    throw named('Runtime.MarshalError', `Unable to stringify response body: ${String(error)}`)
  }
}

function named(name: string, message: string): Error {
  return Object.assign(new Error(message), { name })
}

function describe(error: unknown): LambdaError {
  if (!(error instanceof Error)) return { errorType: typeof error, errorMessage: String(error), trace: [] }
  const isMissing = 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND'
  const errorType = isMissing ? 'Runtime.ImportModuleError' : error.name
  return { errorType, errorMessage: error.message, trace: error.stack?.split('\n') ?? [] }
}
