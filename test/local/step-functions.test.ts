import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  DescribeExecutionCommand,
  type DescribeExecutionCommandOutput,
  ListExecutionsCommand,
  SendTaskFailureCommand,
  SendTaskHeartbeatCommand,
  SendTaskSuccessCommand,
  SFNClient,
  StartExecutionCommand,
  StopExecutionCommand,
} from '@aws-sdk/client-sfn'
import { afterEach, expect, test } from '@jest/globals'
import { startAwsEndpoint } from '#local/aws-endpoint.ts'
import type { Component, Invocation, Resource } from '#local/component.ts'
import { startStepFunctions } from '#local/step-functions.ts'
import {
  arnOf,
  credentials,
  eventually,
  failed,
  region,
  resourceOf,
  succeeded,
  type TestSurroundings,
  testSurroundings,
} from './surroundings.ts'

const machineArn = arnOf('states', 'stateMachine:OpenAccount')
const functionArn = (name: string) => arnOf('lambda', `function:${name}`)
const substituted = (name: string) => `\${${name}}`
const lambda = 'arn:aws:states:::lambda:invoke'
const callback = `${lambda}.waitForTaskToken`

function machine(states: object, more: object = {}, properties: Record<string, unknown> = {}): Resource {
  const DefinitionString = JSON.stringify({ StartAt: Object.keys(states)[0], States: states, ...more })
  return resourceOf('AWS::StepFunctions::StateMachine', 'OpenAccount', machineArn, {
    DefinitionString,
    DefinitionSubstitutions: { ReserveCapacity: functionArn('reserve'), OpenAccount: functionArn('open') },
    ...properties,
  })
}

/** What the functions are called with, and what the test lets them answer. */
type Payload = { token: string; entered: string; retries: number } & Record<string, unknown>
type Answer = (payload: Payload, count: number) => Invocation | Promise<Invocation>

const stops: (() => Promise<unknown> | undefined)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop()
})

async function start(resource: Resource, answers: Record<string, Answer>, again?: TestSurroundings) {
  const s = again ?? testSurroundings([resource])
  const calls: { name: string; payload: Payload }[] = []
  const stepFunctions = await startStepFunctions(s, async (arn, event) => {
    const name = arn.split(':').at(-1) ?? ''
    calls.push({ name, payload: event as Payload })
    const count = calls.filter(call => call.name === name).length
    return (await answers[name]?.(event as Payload, count)) ?? failed('NoSuchFunction', arn)
  })
  const endpoint = await startAwsEndpoint(0, [stepFunctions.route], s.complain)
  const client = new SFNClient({ endpoint: `http://127.0.0.1:${endpoint.port}`, region, credentials, maxAttempts: 1 })
  let stopped = false
  const stop = async () => {
    if (stopped) return
    stopped = true
    client.destroy()
    await Promise.all([endpoint, stepFunctions].map((component: Component) => component.stop()))
  }
  stops.push(async () => s.remove(), stop)
  const begin = async (input: unknown, name?: string): Promise<string> => {
    const command = new StartExecutionCommand({
      stateMachineArn: machineArn,
      input: JSON.stringify(input),
      ...(name === undefined ? {} : { name }),
    })
    return String((await client.send(command)).executionArn)
  }
  const describe = (executionArn: string) => client.send(new DescribeExecutionCommand({ executionArn }))
  const ended = async (executionArn: string): Promise<DescribeExecutionCommandOutput> => {
    await eventually(async () => (await describe(executionArn)).status !== 'RUNNING')
    return await describe(executionArn)
  }
  return { s, calls, client, begin, describe, ended, stop }
}

const reserve = (more: object = {}) => ({
  Type: 'Task',
  Resource: callback,
  Parameters: {
    FunctionName: substituted('ReserveCapacity'),
    Payload: {
      'token.$': '$$.Task.Token',
      'account.$': '$.account',
      'retries.$': '$$.State.RetryCount',
      'entered.$': '$$.State.EnteredTime',
      'note.$': "States.Format('{} of {}', $$.State.Name, $$.Execution.Name)",
      'started.$': '$$.Execution.StartTime',
      'machine.$': '$$.StateMachine.Name',
    },
  },
  ResultPath: '$.reserved',
  Next: 'Open',
  ...more,
})
const open = (more: object = {}) => ({
  Type: 'Task',
  Resource: lambda,
  Parameters: { FunctionName: substituted('OpenAccount'), 'Payload.$': '$' },
  OutputPath: '$.Payload',
  End: true,
  ...more,
})

test('a workflow runs over a task token and an invocation to its output', async () => {
  const { calls, client, begin, ended } = await start(machine({ Reserve: reserve(), Open: open() }), {
    reserve: () => succeeded(),
    open: payload => succeeded({ opened: payload['account'], reserved: payload['reserved'] }),
  })
  const arn = await begin({ account: 'a1' }, 'first')
  await eventually(() => calls.length === 1)
  const { payload } = calls[0] ?? { payload: undefined }
  expect(payload).toMatchObject({ account: 'a1', retries: 0, note: 'Reserve of first', machine: 'OpenAccount' })
  expect(Math.abs(Date.parse(String(payload?.entered)) - Date.now())).toBeLessThan(5_000)
  const taskToken = String(payload?.token)
  await client.send(new SendTaskSuccessCommand({ taskToken, output: '{"gpuHours":3}' }))
  const done = await ended(arn)
  expect(done).toMatchObject({ name: 'first', status: 'SUCCEEDED', stateMachineArn: machineArn })
  expect(JSON.parse(String(done.output))).toEqual({ opened: 'a1', reserved: { gpuHours: 3 } })
  expect(done.stopDate?.getTime()).toBeGreaterThanOrEqual(Number(done.startDate?.getTime()))
  await expect(client.send(new SendTaskSuccessCommand({ taskToken, output: '{}' }))).rejects.toMatchObject({
    name: 'TaskTimedOut',
  })
  await expect(client.send(new SendTaskHeartbeatCommand({ taskToken: 'made-up' }))).rejects.toMatchObject({
    name: 'InvalidToken',
  })
  const listed = await client.send(
    new ListExecutionsCommand({ stateMachineArn: machineArn, statusFilter: 'SUCCEEDED' }),
  )
  expect(listed.executions?.map(({ name }) => name)).toEqual(['first'])
})

test('Retry waits by the clock and names errors; each attempt has a token of its own; Catch takes the last error', async () => {
  const states = {
    Reserve: reserve({
      Retry: [
        { ErrorEquals: ['NotYet'], IntervalSeconds: 3600, MaxAttempts: 2, BackoffRate: 2 },
        { ErrorEquals: ['States.ALL'], MaxAttempts: 0 },
      ],
      Catch: [
        { ErrorEquals: ['Other'], Next: 'Open' },
        { ErrorEquals: ['NotYet'], Next: 'Refused', ResultPath: '$.why' },
      ],
    }),
    Open: open(),
    Refused: { Type: 'Pass', End: true },
  }
  const { s, calls, client, begin, ended } = await start(machine(states), {
    reserve: (_, count) => (count === 1 ? failed('NotYet', 'come back') : succeeded()),
  })
  const arn = await begin({ account: 'a1' })
  for (const [attempt, hours] of [1, 2].entries()) {
    await eventually(() => calls.length === attempt + 1)
    if (attempt > 0)
      await client.send(new SendTaskFailureCommand({ taskToken: token(calls, attempt), error: 'NotYet' }))
    await new Promise(resolve => setTimeout(resolve, 30))
    s.clock.forward(hours * 3_600_000 - 60_000)
    await new Promise(resolve => setTimeout(resolve, 30))
    expect(calls).toHaveLength(attempt + 1)
    s.clock.forward(60_000)
  }
  await eventually(() => calls.length === 3)
  await client.send(new SendTaskFailureCommand({ taskToken: token(calls, 2), error: 'NotYet', cause: 'full' }))
  const done = await ended(arn)
  expect(done.status).toBe('SUCCEEDED')
  expect(JSON.parse(String(done.output))).toEqual({ account: 'a1', why: { Error: 'NotYet', Cause: 'full' } })
  expect(calls.map(({ payload }) => payload.retries)).toEqual([0, 1, 2])
  expect(new Set(calls.map(({ payload }) => payload.token)).size).toBe(3)
})

test('heartbeats keep a task alive; a missed one fails it as States.HeartbeatTimeout, and its token is stale', async () => {
  const states = {
    Reserve: reserve({
      HeartbeatSeconds: 60,
      TimeoutSeconds: 86_400,
      Catch: [{ ErrorEquals: ['States.Timeout'], Next: 'Refused', ResultPath: '$.why' }],
    }),
    Open: open(),
    Refused: { Type: 'Pass', End: true },
  }
  const { s, calls, client, begin, describe, ended } = await start(machine(states), { reserve: () => succeeded() })
  const arn = await begin({ account: 'a1' })
  await eventually(() => calls.length === 1)
  const taskToken = token(calls, 0)
  for (let beat = 0; beat < 3; beat += 1) {
    s.clock.forward(50_000)
    await client.send(new SendTaskHeartbeatCommand({ taskToken }))
  }
  expect((await describe(arn)).status).toBe('RUNNING')
  s.clock.forward(61_000)
  const done = await ended(arn)
  expect(JSON.parse(String(done.output)).why).toMatchObject({ Error: 'States.HeartbeatTimeout' })
  await expect(client.send(new SendTaskSuccessCommand({ taskToken, output: '1' }))).rejects.toMatchObject({
    name: 'TaskTimedOut',
  })
})

test('a task that takes too long fails as States.Timeout, and so does a workflow', async () => {
  const slow = { Reserve: reserve({ TimeoutSeconds: 100 }), Open: open() }
  const first = await start(machine(slow), { reserve: () => succeeded() })
  const arn = await first.begin({ account: 'a1' })
  await eventually(() => first.calls.length === 1)
  first.s.clock.forward(101_000)
  expect(await first.ended(arn)).toMatchObject({ status: 'FAILED', error: 'States.Timeout' })

  const second = await start(machine({ Reserve: reserve(), Open: open() }, { TimeoutSeconds: 100 }), {
    reserve: () => succeeded(),
  })
  const other = await second.begin({ account: 'a1' })
  await eventually(() => second.calls.length === 1)
  second.s.clock.forward(101_000)
  expect(await second.ended(other)).toMatchObject({ status: 'TIMED_OUT' })
  expect([...first.s.complaints, ...second.s.complaints]).toEqual([])
})

test('Wait, Choice, Parallel, Map and intrinsic functions do as on AWS, days of waiting included', async () => {
  const states = {
    Wait: { Type: 'Wait', SecondsPath: '$.seconds', Next: 'Until' },
    Until: { Type: 'Wait', TimestampPath: '$.until', Next: 'Choose' },
    Choose: {
      Type: 'Choice',
      Choices: [{ Variable: '$.missing', IsPresent: false, Next: 'Both' }],
      Default: 'Wrong',
    },
    Wrong: { Type: 'Fail', Error: 'Wrong', Cause: 'IsPresent: false did not match' },
    Both: {
      Type: 'Parallel',
      Branches: [
        {
          StartAt: 'Each',
          States: {
            Each: {
              Type: 'Map',
              ItemsPath: '$.items',
              ItemSelector: { 'n.$': '$$.Map.Item.Value', 'index.$': '$$.Map.Item.Index' },
              ItemProcessor: {
                StartAt: 'Double',
                States: { Double: open({ OutputPath: '$.Payload.doubled' }) },
              },
              End: true,
            },
          },
        },
        {
          StartAt: 'Name',
          States: {
            Name: {
              Type: 'Pass',
              Parameters: { 'input.$': '$$.Execution.Input.items', 'at.$': '$$.State.Name' },
              End: true,
            },
          },
        },
      ],
      End: true,
    },
  }
  const { s, begin, describe, ended } = await start(machine(states), {
    open: payload => succeeded({ doubled: Number(payload['n']) * 2 + Number(payload['index']) }),
  })
  const until = new Date(s.clock.now() + 5 * 86_400_000).toISOString()
  const arn = await begin({ seconds: 3 * 86_400, until, items: [1, 2, 3] })
  s.clock.forward(3 * 86_400_000 + 1000)
  await new Promise(resolve => setTimeout(resolve, 50))
  expect((await describe(arn)).status).toBe('RUNNING')
  s.clock.forward(2 * 86_400_000)
  const done = await ended(arn)
  expect(done.cause).toBeUndefined()
  expect(JSON.parse(String(done.output))).toEqual([[2, 5, 8], { input: [1, 2, 3], at: 'Name' }])
})

test('a name is used once; a stopped execution stays so', async () => {
  const { client, calls, begin, describe } = await start(machine({ Reserve: reserve(), Open: open() }), {
    reserve: () => succeeded(),
  })
  const arn = await begin({ account: 'a1' }, 'once')
  expect(await begin({ account: 'a1' }, 'once')).toBe(arn)
  await expect(begin({ account: 'a2' }, 'once')).rejects.toMatchObject({ name: 'ExecutionAlreadyExists' })
  await eventually(() => calls.length > 0)
  await client.send(new StopExecutionCommand({ executionArn: arn, error: 'Enough', cause: 'said the test' }))
  expect(await describe(arn)).toMatchObject({ status: 'ABORTED', error: 'Enough', cause: 'said the test' })
  await expect(begin({ account: 'a1' }, 'once')).rejects.toMatchObject({ name: 'ExecutionAlreadyExists' })
  await expect(begin({}, 'a b')).rejects.toMatchObject({ name: 'InvalidName' })
  expect(calls).toHaveLength(1)
})

test('after a stop, what was running begins anew and what had ended is still known', async () => {
  const states = { Reserve: reserve(), Open: open() }
  const first = await start(machine(states), { reserve: () => succeeded(), open: () => succeeded('done') })
  const ended = await first.begin({ account: 'a1' }, 'ended')
  const interrupted = await first.begin({ account: 'a2' }, 'interrupted')
  await eventually(() => first.calls.length === 2)
  await first.client.send(new SendTaskSuccessCommand({ taskToken: token(first.calls, 0), output: '1' }))
  await first.ended(ended)
  await first.stop()
  const second = await start(
    machine(states),
    { reserve: () => succeeded(), open: () => succeeded('done') },
    first.s.again(),
  )
  await eventually(() => second.calls.length === 1)
  expect(second.s.said.join()).toMatch(/interrupted .* starts anew/)
  expect(await second.describe(ended)).toMatchObject({ status: 'SUCCEEDED', output: '"done"' })
  await expect(second.begin({ account: 'a1' }, 'ended')).rejects.toMatchObject({ name: 'ExecutionAlreadyExists' })
  const stale = new SendTaskSuccessCommand({ taskToken: token(first.calls, 1), output: '1' })
  await expect(second.client.send(stale)).rejects.toMatchObject({ name: 'TaskTimedOut' })
  await second.client.send(new SendTaskSuccessCommand({ taskToken: token(second.calls, 0), output: '1' }))
  expect(await second.ended(interrupted)).toMatchObject({ status: 'SUCCEEDED' })
})

test('a definition may be an asset', async () => {
  const s = testSurroundings([
    machine({}, {}, { DefinitionString: undefined, DefinitionS3Location: { Key: 'abc.json' } }),
  ])
  writeFileSync(join(s.dataDir, 'asset.abc.json'), JSON.stringify({ StartAt: 'Open', States: { Open: open() } }))
  const { begin, ended } = await start(machine({}), { open: () => succeeded(7) }, s)
  expect(await ended(await begin({}))).toMatchObject({ status: 'SUCCEEDED', output: '7' })
})

test.each([
  ['ReserveCapacitie', { Open: open({ Parameters: { FunctionName: substituted('ReserveCapacitie') } }) }],
  ['sqs:sendMessage', { Open: open({ Resource: 'arn:aws:states:::sqs:sendMessage' }) }],
  ['JSONata', { Open: open({ QueryLanguage: 'JSONata' }) }],
  ['Assign', { Open: open({ Assign: { x: 1 } }) }],
  ['Task.Token', { Open: open({ Parameters: { FunctionName: 'f', 'Payload.$': '$$.Task.Token' } }) }],
  [
    'States.TaskFailed',
    { Open: open({ TimeoutSeconds: 1, Catch: [{ ErrorEquals: ['States.TaskFailed'], Next: 'X' }] }) },
  ],
  ['definition is invalid', { Open: open({ End: undefined, Next: 'Nowhere' }) }],
])('a start is refused by name: %s', async (name, states) => {
  const s = testSurroundings([machine(states)])
  stops.push(async () => s.remove())
  await expect(startStepFunctions(s, async () => succeeded())).rejects.toThrow(name)
})

function token(calls: readonly { payload: Payload }[], index: number): string {
  return String(calls[index]?.payload.token)
}
