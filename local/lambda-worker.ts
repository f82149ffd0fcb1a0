/**
 * One execution environment of a Lambda function: a worker thread that loads the handler out of the deployed asset and
 * answers one invocation after the other. Started by lambda-host.ts.
 */
import { openSync, realpathSync, writeSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { pathToFileURL } from 'node:url'
import { parentPort, workerData } from 'node:worker_threads'
import { moveDate } from './clock.ts'

export interface WorkerSettings {
  readonly taskRoot: string
  /** `file.export`, as the template's Handler says. */
  readonly handler: string
  /** Path of the handler's file, found by the host. */
  readonly handlerFile: string
  readonly clockOffset: SharedArrayBuffer
  readonly logFile: string
  readonly functionName: string
  readonly memoryMegabytes: number
  readonly logGroupName: string
  readonly logStreamName: string
}

export interface InvocationRequest {
  readonly requestId: string
  readonly functionArn: string
  readonly timeoutMillis: number
  readonly traceId: string
  readonly eventJson: string
}

export interface LambdaError {
  readonly errorType: string
  readonly errorMessage: string
  readonly trace: readonly string[]
}

export type WorkerReport =
  | { readonly state: 'ready' }
  | { readonly state: 'failed-to-load'; readonly error: LambdaError }
  | { readonly state: 'answered'; readonly payloadJson: string }
  | { readonly state: 'threw'; readonly error: LambdaError }
  | { readonly state: 'crashed'; readonly error: LambdaError }

type Handler = (event: unknown, context: unknown) => unknown

const port = parentPort
if (port === null) throw new Error('lambda-worker.ts runs only as a worker thread')
const settings: WorkerSettings = workerData
const report = (message: WorkerReport) => port.postMessage(message)

redirectOutput(settings.logFile)
const offset = new Float64Array(settings.clockOffset)
moveDate(() => offset[0] ?? 0)
confineImports(settings.taskRoot)

process.on('uncaughtException', (error, origin) => {
  const described = describe(error)
  const errorType = origin === 'unhandledRejection' ? 'Runtime.UnhandledPromiseRejection' : described.errorType
  report({ state: 'crashed', error: { ...described, errorType } })
  process.exit(129)
})

try {
  const handler = await loadHandler()
  port.on('message', (request: InvocationRequest) => void answer(handler, request))
  report({ state: 'ready' })
} catch (error) {
  report({ state: 'failed-to-load', error: describe(error) })
}

/** Written here and at once, so that the lines of a worker that gets terminated are not lost. */
function redirectOutput(logFile: string): void {
  const file = openSync(logFile, 'a')
  for (const name of ['stdout', 'stderr'] as const) {
    const stream = new Writable({
      decodeStrings: true,
      write(chunk: Buffer, _encoding, done) {
        writeSync(file, chunk)
        done()
      },
    })
    Object.defineProperty(process, name, { value: stream, configurable: true })
  }
}

/** An asset sits inside the project here; on AWS there is no node_modules above it to find a forgotten package in. */
function confineImports(taskRoot: string): void {
  const within = `${pathToFileURL(realpathSync(taskRoot)).href}/`
  registerHooks({
    resolve(specifier, context, next) {
      const resolved = next(specifier, context)
      if (resolved.url.startsWith('node:') || resolved.url.startsWith('data:') || resolved.url.startsWith(within)) {
        return resolved
      }
      throw Object.assign(new Error(`Cannot find package '${specifier}' in the function's asset`), {
        name: 'Runtime.ImportModuleError',
        code: 'ERR_MODULE_NOT_FOUND',
      })
    },
  })
}

async function loadHandler(): Promise<Handler> {
  const exports: unknown = await import(pathToFileURL(settings.handlerFile).href)
  const steps = settings.handler.slice(settings.handler.indexOf('.') + 1).split('.')
  const handler = member(exports, steps) ?? member(exports, ['default', ...steps])
  if (typeof handler !== 'function') {
    throw Object.assign(new Error(`${settings.handler} is undefined or not exported`), {
      name: 'Runtime.HandlerNotFound',
    })
  }
  if (handler.length >= 3) {
    throw Object.assign(new Error('nodejs24.x has no callback handlers: return a promise'), {
      name: 'Runtime.CallbackHandlerDeprecated',
    })
  }
  return (event, context) => handler(event, context)
}

function member(value: unknown, steps: readonly string[]): unknown {
  for (const step of steps) {
    if (typeof value !== 'object' || value === null) return undefined
    value = Reflect.get(value, step)
  }
  return value
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
    report({ state: 'answered', payloadJson: stringify(payload) })
  } catch (error) {
    report({ state: 'threw', error: describe(error) })
  }
}

function stringify(payload: unknown): string {
  try {
    return JSON.stringify(payload) ?? 'null'
  } catch (error) {
    throw Object.assign(new Error('Unable to stringify response body', { cause: error }), {
      name: 'Runtime.MarshalError',
    })
  }
}

function describe(error: unknown): LambdaError {
  if (error instanceof Error) {
    return { errorType: error.name, errorMessage: error.message, trace: error.stack?.split('\n') ?? [] }
  }
  return { errorType: typeof error, errorMessage: String(error), trace: [] }
}
