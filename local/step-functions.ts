import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { StateMachine, StateMachineDefinition } from 'aws-local-stepfunctions'
import * as z from 'zod'
import { AwsError, type AwsRoute, action, awsRoute, isRecord } from './aws-endpoint.ts'
import type { Component, Invoke, Resource, Surroundings } from './component.ts'
import { openAppendLog } from './kept-state.ts'
import { pause } from './pause.ts'
import { propertiesOf } from './resource-properties.ts'
import { readWorkflow, sentinels, type Task, tokenInvoke, type Workflow } from './workflow-definition.ts'

/** An error that Retry and Catch can name. */
class WorkflowError extends Error {
  constructor(name: string, cause: string) {
    super(cause)
    this.name = name
  }
}

interface Machine {
  readonly arn: string
  readonly name: string
  readonly workflow: Workflow
  readonly interpreter: StateMachine
}

const started = z.object({ arn: z.string(), machineArn: z.string(), input: z.string(), startMillis: z.number() })
const stopped = z.object({
  arn: z.string(),
  status: z.enum(['SUCCEEDED', 'FAILED', 'TIMED_OUT', 'ABORTED']),
  stopMillis: z.number(),
  output: z.string().optional(),
  error: z.string().optional(),
  cause: z.string().optional(),
})
interface Execution extends z.output<typeof started> {
  readonly name: string
  end?: z.output<typeof stopped>
  readonly abort: AbortController
}

type Json = Parameters<StateMachine['run']>[0]

interface PendingTask {
  succeed(output: unknown): void
  fail(error: Error): void
  heartbeat(): void
}

const machineProperties = z.object({
  StateMachineType: z.literal('STANDARD').optional(),
  DefinitionString: z.string().optional(),
  DefinitionS3Location: z.object({ Key: z.string() }).optional(),
  DefinitionSubstitutions: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).default({}),
})

const waitInput = z.object({ input: z.unknown(), seconds: z.number().nullable(), timestamp: z.string().nullable() })

/** Of an input or output. */
const largestTextBytes = 262_144

export async function startStepFunctions(
  s: Surroundings,
  invoke: Invoke,
): Promise<
  Component & {
    readonly route: AwsRoute
    startExecution(stateMachineArn: string, input: string, name?: string): Promise<string>
  }
> {
  const { clock } = s
  const machines = new Map<string, Machine>()
  for (const resource of s.resources.filter(({ type }) => type === 'AWS::StepFunctions::StateMachine')) {
    machines.set(resource.arn, await buildMachine(s, resource))
  }
  const stopping = new AbortController()
  const executions = new Map<string, Execution>()
  const pending = new Map<string, PendingTask>()
  const running = new Set<Promise<void>>()
  const log = openAppendLog(join(s.dataDir, 'executions.jsonl'), z.union([stopped, started]))

  const add = (entry: z.output<typeof started>): Execution => {
    const execution = { ...entry, name: entry.arn.split(':').at(-1) ?? '', abort: new AbortController() }
    executions.set(entry.arn, execution)
    return execution
  }
  const finish = (execution: Execution, end: Omit<z.output<typeof stopped>, 'arn' | 'stopMillis'>) => {
    if (execution.end !== undefined) return
    execution.end = { arn: execution.arn, stopMillis: clock.now(), ...end }
    log.append(execution.end)
    execution.abort.abort()
  }
  const run = (execution: Execution, machine: Machine) => {
    const ended = interpret(execution, machine)
      .catch(error => s.complain(`execution ${execution.arn}`, error))
      .finally(() => running.delete(ended))
    running.add(ended)
  }

  const interpret = async (execution: Execution, machine: Machine): Promise<void> => {
    const signal = AbortSignal.any([execution.abort.signal, stopping.signal])
    const { workflow } = machine
    const Input = JSON.parse(execution.input)
    const StartTime = new Date(execution.startMillis).toISOString()
    const perAttempt = { EnteredTime: sentinels.entered, RetryCount: sentinels.retries }
    const { result, abort } = machine.interpreter.run(Input, {
      overrides: {
        taskResourceLocalHandlers: Object.fromEntries(
          [...workflow.tasks].map(([name, task]) => [
            name,
            (given: Json) => (task === 'wait' ? waitByClock(given, signal) : runTask(execution, task, given, signal)),
          ]),
        ),
      },
      context: {
        Run: { Id: execution.arn, Name: execution.name, StartTime, Input },
        StateMachine: { Id: machine.arn, Name: machine.name },
        States: Object.fromEntries([...workflow.stateKeys].map(([Name, key]) => [key, { Name, ...perAttempt }])),
        Task: { Token: sentinels.token },
      },
    })
    signal.addEventListener('abort', abort)
    const timeout = async (seconds: number) => {
      await clock.until(execution.startMillis + seconds * 1000, signal)
      finish(execution, { status: 'TIMED_OUT', error: 'States.Timeout' })
    }
    if (workflow.timeoutSeconds !== undefined) {
      timeout(workflow.timeoutSeconds).catch(error => {
        if (!signal.aborted) s.complain(`execution ${execution.arn}`, error)
      })
    }
    try {
      finish(execution, { status: 'SUCCEEDED', output: JSON.stringify(await result) })
    } catch (error) {
      // Aborted: it was ended from outside, or is left for the next start, which begins it anew.
      if (signal.aborted) return
      const reason = error instanceof Error && error.cause instanceof Error ? error.cause : error
      const [name, cause] = reason instanceof Error ? [reason.name, reason.message] : ['States.Runtime', String(reason)]
      finish(execution, { status: 'FAILED', error: name, cause })
    }
  }

  const runTask = async (execution: Execution, task: Task, given: Json, signal: AbortSignal): Promise<Json> => {
    const entered = new Date(clock.now()).toISOString()
    const retried = task.Retry.map(() => 0)
    for (let retries = 0; ; retries += 1) {
      const token = Buffer.from(JSON.stringify([execution.arn, randomUUID()])).toString('base64url')
      const values = { [sentinels.token]: token, [sentinels.entered]: entered, [sentinels.retries]: retries }
      try {
        return toJson(await attempt(task, fill(given, values), token, signal))
      } catch (error) {
        if (!(error instanceof WorkflowError) || signal.aborted) throw error
        const delayMillis = retryDelay(task, retried, error.name)
        if (delayMillis === undefined) throw error
        await clock.until(clock.now() + delayMillis, signal)
      }
    }
  }

  const attempt = async (task: Task, input: unknown, token: string, outer: AbortSignal): Promise<unknown> => {
    const over = new AbortController()
    const signal = AbortSignal.any([outer, over.signal])
    const startMillis = clock.now()
    let beatMillis = startMillis
    const expire = async (seconds: number | undefined, error: string, since: () => number): Promise<never> => {
      const dueMillis = () => since() + (seconds ?? Number.POSITIVE_INFINITY) * 1000
      while (clock.now() < dueMillis()) await clock.until(dueMillis(), signal)
      throw new WorkflowError(error, `nothing came within ${seconds} s`)
    }
    const called = Promise.withResolvers<unknown>()
    if (task.Resource === tokenInvoke) {
      const heartbeat = () => {
        beatMillis = clock.now()
      }
      pending.set(token, { succeed: called.resolve, fail: called.reject, heartbeat })
    }
    const work = invokeTask(task.Resource, input)
    try {
      return await Promise.race([
        called.promise,
        task.Resource === tokenInvoke ? work.then(() => called.promise) : work,
        expire(task.TimeoutSeconds, 'States.Timeout', () => startMillis),
        expire(task.HeartbeatSeconds, 'States.HeartbeatTimeout', () => beatMillis),
      ])
    } finally {
      pending.delete(token)
      over.abort()
    }
  }

  const invokeTask = async (resource: string, input: unknown): Promise<unknown> => {
    const isIntegration = resource.startsWith('arn:aws:states:')
    const parameters = isRecord(input) ? input : {}
    const named = isIntegration ? String(parameters['FunctionName']) : resource
    const functionArn = named.startsWith('arn:') ? named : `arn:aws:lambda:${s.region}:${s.account}:function:${named}`
    const outcome = await invoke(functionArn, isIntegration ? (parameters['Payload'] ?? {}) : input).catch(error => {
      s.complain(`invoking ${functionArn}`, error)
      throw new WorkflowError('Lambda.SdkClientException', error instanceof Error ? error.message : String(error))
    })
    if (!outcome.ok) throw new WorkflowError(outcome.error.errorType || 'Lambda.Unknown', JSON.stringify(outcome.error))
    const Payload = outcome.payload ?? null
    return isIntegration ? { ExecutedVersion: '$LATEST', Payload, StatusCode: 200 } : Payload
  }

  const waitByClock = async (given: Json, signal: AbortSignal): Promise<Json> => {
    const { input, seconds, timestamp } = waitInput.parse(given)
    const untilMillis = timestamp === null ? clock.now() + (seconds ?? 0) * 1000 : Date.parse(timestamp)
    if (Number.isNaN(untilMillis)) throw new WorkflowError('States.Runtime', `${timestamp} is no timestamp`)
    await clock.until(untilMillis, signal)
    return toJson(input)
  }

  const startExecution = async (stateMachineArn: string, input: string, name = randomUUID() as string) => {
    const machine = machines.get(stateMachineArn)
    if (machine === undefined) throw new AwsError('StateMachineDoesNotExist', `There is no ${stateMachineArn}`)
    if (!/^[^\s<>{}[\]?*"#%\\^|~`$&,;:/]{1,80}$/.test(name)) throw new AwsError('InvalidName', `Invalid name: ${name}`)
    parseJson(input, 'InvalidExecutionInput')
    const arn = `${stateMachineArn.replace(':stateMachine:', ':execution:')}:${name}`
    const former = executions.get(arn)
    if (former !== undefined) {
      if (former.end === undefined && former.input === input) return arn
      throw new AwsError('ExecutionAlreadyExists', `Execution Already Exists: '${arn}'`)
    }
    const entry = { arn, machineArn: stateMachineArn, input, startMillis: clock.now() }
    log.append(entry)
    run(add(entry), machine)
    return arn
  }

  for (const entry of log.entries) {
    if ('input' in entry) add(entry)
    else Object.assign(executions.get(entry.arn) ?? {}, { end: entry })
  }
  /** The interpreter cannot resume in the middle; tasks are idempotent, so a repeated one does no harm. */
  const restart = async () => {
    const interrupted = [...executions.values()].filter(({ end }) => end === undefined)
    if (interrupted.length > 0) await answering(s.awsEnvironment['AWS_ENDPOINT_URL_SFN'], stopping.signal)
    for (const execution of stopping.signal.aborted ? [] : interrupted) {
      const machine = machines.get(execution.machineArn)
      if (machine === undefined) finish(execution, { status: 'ABORTED', cause: 'its state machine is no more' })
      else run(execution, machine)
      s.say(
        `execution ${execution.name} was interrupted by the last stop: it ${machine ? 'starts anew' : 'is aborted'}`,
      )
    }
  }
  const restarting = restart()

  const find = (arn: string): Execution => {
    const execution = executions.get(arn)
    if (execution === undefined) throw new AwsError('ExecutionDoesNotExist', `Execution Does Not Exist: '${arn}'`)
    return execution
  }
  const describe = ({ arn, machineArn, name, startMillis, end }: Execution) => ({
    executionArn: arn,
    stateMachineArn: machineArn,
    name,
    status: end?.status ?? 'RUNNING',
    startDate: startMillis / 1000,
    ...(end === undefined ? {} : { stopDate: end.stopMillis / 1000 }),
  })
  const findTask = (token: string): PendingTask => {
    const task = pending.get(token)
    if (task !== undefined) return task
    const [arn] = z.array(z.string()).catch([]).parse(parseToken(token))
    if (arn !== undefined && executions.has(arn)) {
      throw new AwsError('TaskTimedOut', "Task Timed Out: 'Provided task does not exist anymore'")
    }
    throw new AwsError('InvalidToken', 'Invalid Token')
  }
  const route = awsRoute('AWSStepFunctions.', {
    StartExecution: action(
      z.object({ stateMachineArn: z.string(), input: z.string().default('{}'), name: z.string().optional() }),
      async ({ stateMachineArn, input, name }) => {
        const executionArn = await startExecution(stateMachineArn, input, name)
        return { executionArn, startDate: find(executionArn).startMillis / 1000 }
      },
    ),
    DescribeExecution: action(z.object({ executionArn: z.string() }), ({ executionArn }) => {
      const execution = find(executionArn)
      const { output, error, cause } = execution.end ?? {}
      return { ...describe(execution), input: execution.input, output, error, cause }
    }),
    ListExecutions: action(
      z.object({ stateMachineArn: z.string(), statusFilter: z.string().optional() }),
      ({ stateMachineArn, statusFilter }) => {
        const ofMachine = [...executions.values()].filter(({ machineArn }) => machineArn === stateMachineArn)
        const latestFirst = ofMachine.reverse().map(describe)
        return { executions: latestFirst.filter(({ status }) => (statusFilter ?? status) === status) }
      },
    ),
    StopExecution: action(
      z.object({ executionArn: z.string(), error: z.string().optional(), cause: z.string().optional() }),
      ({ executionArn, error, cause }) => {
        const execution = find(executionArn)
        finish(execution, { status: 'ABORTED', error, cause })
        return { stopDate: (execution.end?.stopMillis ?? clock.now()) / 1000 }
      },
    ),
    SendTaskSuccess: action(z.object({ taskToken: z.string(), output: z.string() }), ({ taskToken, output }) =>
      findTask(taskToken).succeed(parseJson(output, 'InvalidOutput')),
    ),
    SendTaskFailure: action(
      z.object({
        taskToken: z.string(),
        error: z.string().default('States.TaskFailed'),
        cause: z.string().default(''),
      }),
      ({ taskToken, error, cause }) => findTask(taskToken).fail(new WorkflowError(error, cause)),
    ),
    SendTaskHeartbeat: action(z.object({ taskToken: z.string() }), ({ taskToken }) => findTask(taskToken).heartbeat()),
  })
  return {
    route,
    startExecution,
    async stop() {
      stopping.abort()
      await Promise.all([restarting, ...running])
      log.close()
    },
  }
}

/** The definitions that have been found to be valid. */
const valid = new Set<string>()

async function buildMachine(s: Surroundings, resource: Resource): Promise<Machine> {
  const properties = propertiesOf(resource, machineProperties)
  const { DefinitionString, DefinitionS3Location, DefinitionSubstitutions } = properties
  try {
    const assetHash = DefinitionS3Location?.Key.split('/').at(-1)?.split('.')[0] ?? ''
    const template = DefinitionString ?? readFileSync(s.assetPath(resource.stack, assetHash), 'utf8')
    const text = template.replaceAll(/\$\{([^}]*)\}/g, (placeholder, name: string) => {
      const value = DefinitionSubstitutions[name]
      if (value === undefined) throw new Error(`${placeholder} has no substitution`)
      return JSON.stringify(String(value)).slice(1, -1)
    })
    const workflow = readWorkflow(JSON.parse(text))
    // Loaded only when there is a workflow: it brings an AWS client along.
    const { StateMachine } = await import('aws-local-stepfunctions')
    const definition = workflow.definition as StateMachineDefinition & Record<string, unknown>
    // Its validator builds itself anew each time, for half a second.
    if (!valid.has(text)) {
      new StateMachine(definition, { validationOptions: { checkArn: false } })
      valid.add(text)
    }
    const interpreter = new StateMachine(definition, { validationOptions: { noValidate: true } })
    return { arn: resource.arn, name: resource.arn.split(':').at(-1) ?? '', workflow, interpreter }
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new Error(`${resource.stack}/${resource.logicalId} cannot run locally: ${reason}`, { cause })
  }
}

/** The pause before the next attempt, by the first retrier that names the error; undefined when there is none left. */
function retryDelay(task: Task, retried: number[], error: string): number | undefined {
  const names = (wanted: string) =>
    wanted === error ||
    (wanted === 'States.ALL' && error !== 'States.Runtime') ||
    (wanted === 'States.TaskFailed' && error !== 'States.Timeout' && error !== 'States.Runtime') ||
    (wanted === 'States.Timeout' && error === 'States.HeartbeatTimeout')
  const index = task.Retry.findIndex(({ ErrorEquals }) => ErrorEquals.some(names))
  const retrier = task.Retry[index]
  const before = retried[index] ?? 0
  if (retrier === undefined || before >= retrier.MaxAttempts) return undefined
  retried[index] = before + 1
  const seconds = Math.min(retrier.IntervalSeconds * retrier.BackoffRate ** before, retrier.MaxDelaySeconds)
  return seconds * 1000 * (retrier.JitterStrategy === 'FULL' ? Math.random() : 1)
}

/** Puts what an attempt has of its own in the place of the sentinels. */
function fill(value: unknown, values: Readonly<Record<string, string | number>>): unknown {
  if (Array.isArray(value)) return value.map(one => fill(one, values))
  if (isRecord(value)) return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, fill(one, values)]))
  if (typeof value !== 'string' || !value.includes('<<')) return value
  return values[value] ?? Object.entries(values).reduce((text, [key, one]) => text.replaceAll(key, String(one)), value)
}

function toJson(value: unknown): Json {
  return JSON.parse(JSON.stringify(value ?? null))
}

function parseJson(text: string, code: string): unknown {
  if (Buffer.byteLength(text) > largestTextBytes) throw new AwsError(code, 'more than 262144 bytes')
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new AwsError(code, `Invalid JSON: ${error instanceof Error ? error.message : String(error)}`)
  }
}

function parseToken(token: string): unknown {
  try {
    return JSON.parse(Buffer.from(token, 'base64url').toString())
  } catch {
    return [] // the caller answers InvalidToken
  }
}

/** Resolves once the endpoint speaks HTTP: a task that runs before would find its services missing. */
async function answering(endpoint: string | undefined, signal: AbortSignal): Promise<void> {
  for (let reached = endpoint === undefined; !reached && !signal.aborted; await pause(50, signal)) {
    reached = (await Promise.allSettled([fetch(String(endpoint), { signal })])).every(one => one.status === 'fulfilled')
  }
}
