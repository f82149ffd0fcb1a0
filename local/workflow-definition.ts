import * as z from 'zod'
import { isRecord } from './aws-endpoint.ts'

/**
 * An ASL document as the interpreter is given it: what aws-local-stepfunctions leaves out or gets wrong is rewritten
 * here and done by the wrapper, or refused by name.
 */
export interface Workflow {
  readonly definition: Record<string, unknown>
  /** What the wrapper does: tasks, and waits, which are tasks for the interpreter. */
  readonly tasks: ReadonlyMap<string, Task | 'wait'>
  /** Where `$$.State` of a state is found: paths were rewritten from `$$.State` to `$$.States.<key>`. */
  readonly stateKeys: ReadonlyMap<string, string>
  readonly timeoutSeconds: number | undefined
}

const task = z.object({
  Resource: z.string(),
  TimeoutSeconds: z.number().optional(),
  HeartbeatSeconds: z.number().optional(),
  Retry: z
    .array(
      z.object({
        ErrorEquals: z.array(z.string()),
        IntervalSeconds: z.number().default(1),
        MaxAttempts: z.number().default(3),
        BackoffRate: z.number().default(2),
        MaxDelaySeconds: z.number().default(Number.POSITIVE_INFINITY),
        JitterStrategy: z.enum(['NONE', 'FULL']).default('NONE'),
      }),
    )
    .default([]),
  Catch: z.array(z.object({ ErrorEquals: z.array(z.string()) })).default([]),
})
export type Task = z.output<typeof task>

export const lambdaInvoke = 'arn:aws:states:::lambda:invoke'
export const tokenInvoke = `${lambdaInvoke}.waitForTaskToken`
/** Stand in a task's parameters for what each attempt has of its own. */
export const sentinels = { token: '<<task token>>', entered: '<<entered time>>', retries: '<<retry count>>' }

const through = 'Type Comment QueryLanguage InputPath OutputPath'
const results = `${through} Next End Parameters ResultSelector ResultPath`
const known: Readonly<Record<string, string>> = {
  Task: `${results} Retry Catch Resource TimeoutSeconds HeartbeatSeconds`,
  Parallel: `${results} Retry Catch Branches`,
  Map: `${results} Retry Catch ItemsPath ItemSelector MaxConcurrency MaxConcurrencyPath Iterator ItemProcessor`,
  Pass: `${through} Next End Parameters ResultPath Result`,
  Wait: `${through} Next End Seconds SecondsPath Timestamp TimestampPath`,
  Choice: `${through} Choices Default`,
  Succeed: through,
  Fail: 'Type Comment QueryLanguage Error ErrorPath Cause CausePath',
  machine: 'Comment StartAt States Version QueryLanguage TimeoutSeconds ProcessorConfig',
}
/** The interpreter's own timer counts real time, defaults to 60 s, and cannot wait longer than setTimeout can. */
const never = { TimeoutSeconds: 2_147_483 }

export function readWorkflow(asl: unknown): Workflow {
  const tasks = new Map<string, Task | 'wait'>()
  const stateKeys = new Map<string, string>()

  const readMachine = (machine: unknown, at: string, inMap: boolean): Record<string, unknown> => {
    if (!isRecord(machine) || !isRecord(machine['States'])) throw new Error(`${at} has no States`)
    refuseUnknown(machine, 'machine', at)
    const { TimeoutSeconds: _, ...rest } = machine
    const states = Object.entries(machine['States']).map(([name, state]) => [name, readState(name, state, inMap)])
    return { ...rest, States: Object.fromEntries(states) }
  }

  const readState = (name: string, state: unknown, inMap: boolean): unknown => {
    if (!isRecord(state)) throw new Error(`${name} is no state`)
    const type = String(state['Type'])
    refuseUnknown(state, type, name)
    if (stateKeys.has(name)) throw new Error(`${name}: the name of a state must be unique in the workflow`)
    const key = `s${stateKeys.size}`
    stateKeys.set(name, key)
    const { Branches, Iterator, ItemProcessor, Choices, ...own } = state
    const paths = (value: unknown, field: string) => rewritePaths(value, field, { name, key, type, state, inMap })
    const rewritten = Object.fromEntries(Object.entries(own).map(([field, value]) => [field, paths(value, field)]))
    switch (type) {
      case 'Task':
        return { ...readTask(name, rewritten), ...never }
      case 'Wait':
        return readWait(name, rewritten)
      case 'Pass':
        if ('Result' in state && !state['Result']) throw new Error(`${name}: the interpreter ignores a false Result`)
        return rewritten
      case 'Choice':
        return { ...rewritten, Choices: readChoices(paths(Choices, 'Choices')) }
      case 'Parallel':
        if (!Array.isArray(Branches)) throw new Error(`${name} has no Branches`)
        return { ...rewritten, Branches: Branches.map(branch => readMachine(branch, name, inMap)) }
      case 'Map':
        return { ...rewritten, Iterator: readMachine(ItemProcessor ?? Iterator, name, true) }
      default:
        return rewritten
    }
  }

  const readTask = (name: string, state: Record<string, unknown>) => {
    const read = task.parse(state)
    const { Resource, TimeoutSeconds, HeartbeatSeconds } = read
    if (![lambdaInvoke, tokenInvoke].includes(Resource) && !/^arn:aws:lambda:[^$]+$/.test(Resource)) {
      throw new Error(`${name}: the integration ${Resource} does not run locally`)
    }
    const caught = read.Catch.map(({ ErrorEquals }) => ErrorEquals)
    const handled = caught.findIndex(errors => errors.some(error => /^States\.(Timeout|ALL)$/.test(error)))
    const wildcard = caught.findIndex(errors => errors.includes('States.TaskFailed'))
    if (wildcard >= 0 && (handled < 0 || wildcard < handled) && (TimeoutSeconds ?? HeartbeatSeconds) !== undefined) {
      throw new Error(`${name}: catch States.Timeout before States.TaskFailed, which here would catch it too`)
    }
    tasks.set(name, read)
    const { Retry: _retry, HeartbeatSeconds: _heartbeat, ...rest } = state
    if (!Array.isArray(state['Catch'])) return rest
    // On AWS, States.Timeout stands for a missed heartbeat too.
    const Catch = state['Catch'].map((catcher: { ErrorEquals: string[] }) => ({
      ...catcher,
      ErrorEquals: catcher.ErrorEquals.flatMap(error =>
        error === 'States.Timeout' ? [error, 'States.HeartbeatTimeout'] : [error],
      ),
    }))
    return { ...rest, Catch }
  }

  /** A task of the wrapper, which waits by the clock. */
  const readWait = (name: string, state: Record<string, unknown>) => {
    tasks.set(name, 'wait')
    const { Seconds, SecondsPath, Timestamp, TimestampPath, ...rest } = state
    const Parameters = {
      'input.$': '$',
      ...(SecondsPath === undefined ? { seconds: Seconds ?? null } : { 'seconds.$': SecondsPath }),
      ...(TimestampPath === undefined ? { timestamp: Timestamp ?? null } : { 'timestamp.$': TimestampPath }),
    }
    return { ...rest, ...never, Type: 'Task', Resource: lambdaInvoke, Parameters }
  }

  const definition = readMachine(asl, 'the workflow', false)
  const timeoutSeconds = isRecord(asl) && typeof asl['TimeoutSeconds'] === 'number' ? asl['TimeoutSeconds'] : undefined
  return { definition, tasks, stateKeys, timeoutSeconds }
}

function refuseUnknown(fields: Record<string, unknown>, type: string, at: string): void {
  const allowed = known[type]?.split(' ')
  const refused = allowed === undefined ? `the type ${type}` : Object.keys(fields).find(key => !allowed.includes(key))
  if (refused !== undefined) throw new Error(`${at}: ${refused} does not run locally`)
  if ((fields['QueryLanguage'] ?? 'JSONPath') !== 'JSONPath') throw new Error(`${at}: JSONata does not run locally`)
  const config = fields['ProcessorConfig']
  if (isRecord(config) && config['Mode'] === 'DISTRIBUTED') throw new Error(`${at}: only inline maps run locally`)
}

interface PathScope {
  readonly name: string
  readonly key: string
  readonly type: string
  readonly state: Record<string, unknown>
  readonly inMap: boolean
}

/** The interpreter knows neither `$$.State` nor `$$.Task`, and in a branch `$$.Execution` would be the branch's. */
function rewritePaths(value: unknown, field: string, scope: PathScope, key = field): unknown {
  if (Array.isArray(value)) return value.map(one => rewritePaths(one, field, scope, key))
  if (isRecord(value)) {
    return Object.fromEntries(Object.entries(value).map(([k, inner]) => [k, rewritePaths(inner, field, scope, k)]))
  }
  if (typeof value !== 'string' || !(key.endsWith('.$') || key.endsWith('Path') || key === 'Variable')) return value
  return value.replaceAll(/\$\$(\.\w+)?(\.\w+)?/g, (path, object: string | undefined, member: string | undefined) => {
    const refuse = (reason: string): never => {
      throw new Error(`${scope.name}: ${path} ${reason}`)
    }
    const isPerAttempt = object === '.Task' || member !== '.Name'
    if (object === '.Execution') return `$$.Run${member ?? ''}`
    if (object === '.StateMachine') return path
    if (object === '.Map' && scope.type === 'Map' && /^(ItemSelector|Parameters)$/.test(field)) return path
    if (object === '.Map') return refuse('is known locally only to the ItemSelector of its map')
    if (object !== '.State' && path !== '$$.Task.Token') return refuse('does not run locally')
    if (isPerAttempt && (scope.type !== 'Task' || field !== 'Parameters'))
      return refuse('is for the Parameters of a task')
    if (object === '.Task' && scope.state['Resource'] !== tokenInvoke) return refuse(`is for ${tokenInvoke}`)
    return object === '.Task' ? path : `$$.States.${scope.key}${member ?? ''}`
  })
}

/** The interpreter never matches `IsPresent: false` and its like. */
function readChoices(rule: unknown): unknown {
  if (Array.isArray(rule)) return rule.map(readChoices)
  if (!isRecord(rule)) return rule
  const { Next, ...test } = rule
  const negated = Object.keys(test).find(operator => /^Is[A-Z]/.test(operator) && test[operator] === false)
  const next = Next === undefined ? {} : { Next }
  if (negated !== undefined) return { Not: { ...test, [negated]: true }, ...next }
  return { ...Object.fromEntries(Object.entries(test).map(([key, inner]) => [key, readChoices(inner)])), ...next }
}
