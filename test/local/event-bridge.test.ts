import {
  DeleteRuleCommand,
  EventBridgeClient,
  PutEventsCommand,
  PutRuleCommand,
  PutTargetsCommand,
  RemoveTargetsCommand,
} from '@aws-sdk/client-eventbridge'
import { afterEach, describe, expect, test } from '@jest/globals'
import { startAwsEndpoint } from '#local/aws-endpoint.ts'
import type { Invocation, Resource } from '#local/component.ts'
import { startEventBridge } from '#local/event-bridge.ts'
import { compileEventPattern } from '#local/event-pattern.ts'
import { startSqs } from '#local/sqs.ts'
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

const bus = resourceOf('AWS::Events::EventBus', 'Exchange', arnOf('events', 'event-bus/exchange'), { Name: 'exchange' })
const queue = (name: string, properties: Record<string, unknown> = {}) =>
  resourceOf('AWS::SQS::Queue', name, arnOf('sqs', name), { QueueName: name, ...properties })
const rule = (name: string, properties: Record<string, unknown>) =>
  resourceOf('AWS::Events::Rule', name, arnOf('events', `rule/exchange/${name}`), {
    EventBusName: 'exchange',
    ...properties,
  })

const stops: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop()
})

type Call = (action: string, input: Record<string, unknown>) => Promise<Record<string, unknown>>

async function start(resources: readonly Resource[], answer: () => Invocation = succeeded, again?: TestSurroundings) {
  const s = again ?? testSurroundings([bus, ...resources], { AWS_ENDPOINT_URL_SQS: 'http://127.0.0.1:1' })
  stops.push(async () => s.remove())
  const invoked: { arn: string; event: Record<string, unknown> }[] = []
  const executions: { arn: string; input: string }[] = []
  const sqs = await startSqs(s)
  const eventBridge = await startEventBridge(s, {
    invoke: async (arn, event) => {
      invoked.push({ arn, event: event as Record<string, unknown> })
      return answer()
    },
    send: sqs.send,
    startExecution: async (arn, input) => void executions.push({ arn, input }),
  })
  const endpoint = await startAwsEndpoint(0, [sqs.route, eventBridge.route], s.complain)
  const url = `http://127.0.0.1:${endpoint.port}`
  const client = new EventBridgeClient({ endpoint: url, region, credentials, maxAttempts: 1 })
  let stopped = false
  const stop = async () => {
    if (stopped) return
    stopped = true
    client.destroy()
    for (const component of [endpoint, eventBridge, sqs]) await component.stop()
  }
  stops.push(stop)
  const callSqs: Call = async (action, input) => {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/x-amz-json-1.0', 'x-amz-target': `AmazonSQS.${action}` },
      body: JSON.stringify(input),
    })
    return { status: response.status, ...((await response.json()) as object) }
  }
  const put = (detail: unknown, more: object = {}) => {
    const entry = {
      Source: 'exchange',
      DetailType: 'TradeExecuted.v1',
      Detail: JSON.stringify(detail),
      EventBusName: 'exchange',
    }
    return client.send(new PutEventsCommand({ Entries: [{ ...entry, ...more }] }))
  }
  const received = async (name: string, wait = 2): Promise<{ Body: string; ReceiptHandle: string }[]> => {
    const input = { QueueUrl: name, WaitTimeSeconds: wait, MaxNumberOfMessages: 10 }
    const { Messages = [] } = (await callSqs('ReceiveMessage', input)) as {
      Messages?: { Body: string; ReceiptHandle: string }[]
    }
    return Messages
  }
  return { s, url, invoked, executions, client, callSqs, put, received, stop }
}

describe('a bus', () => {
  test('hands an event to the functions, queues and state machines whose rules match', async () => {
    const functionArn = arnOf('lambda', 'function:Project')
    const { s, invoked, executions, put, received } = await start([
      queue('trades'),
      rule('trades', {
        EventPattern: { 'detail-type': ['TradeExecuted.v1'], detail: { size: [{ numeric: ['>', 1] }] } },
        Targets: [
          { Id: 'f', Arn: functionArn },
          { Id: 'q', Arn: arnOf('sqs', 'trades'), InputPath: '$.detail' },
          {
            Id: 'm',
            Arn: arnOf('states', 'stateMachine:Settle'),
            InputTransformer: {
              InputPathsMap: { size: '$.detail.size', who: '$.detail.who' },
              InputTemplate:
                '{"size": <size>, "who": <who>, "text": "<who> bought <size>", "rule": "<aws.events.rule-name>"}',
            },
          },
        ],
      }),
      rule('off', {
        EventPattern: { source: ['exchange'] },
        State: 'DISABLED',
        Targets: [{ Id: 'f', Arn: functionArn }],
      }),
    ])
    const { Entries, FailedEntryCount } = await put(
      { size: 2, who: 'a "b"' },
      { Resources: ['r'], Time: new Date(5000) },
    )
    await put({ size: 1 })
    expect(FailedEntryCount).toBe(0)
    await eventually(() => invoked.length === 1 && executions.length === 1)
    expect(invoked).toEqual([
      {
        arn: functionArn,
        event: {
          version: '0',
          id: Entries?.[0]?.EventId,
          'detail-type': 'TradeExecuted.v1',
          source: 'exchange',
          account: s.account,
          time: '1970-01-01T00:00:05Z',
          region,
          resources: ['r'],
          detail: { size: 2, who: 'a "b"' },
        },
      },
    ])
    expect((await received('trades')).map(({ Body }) => JSON.parse(Body))).toEqual([{ size: 2, who: 'a "b"' }])
    expect(JSON.parse(String(executions[0]?.input))).toEqual({
      size: 2,
      who: 'a "b"',
      text: 'a "b" bought 2',
      rule: 'trades',
    })
  })

  test('refuses entry by entry, and a request that is too large as a whole', async () => {
    const { client, put } = await start([])
    const good = { Source: 'exchange', DetailType: 'X', Detail: '{}', EventBusName: 'exchange' }
    const { Entries, FailedEntryCount } = await client.send(
      new PutEventsCommand({
        Entries: [
          good,
          { ...good, Detail: '[1' },
          { ...good, DetailType: undefined },
          { ...good, EventBusName: 'none' },
        ],
      }),
    )
    expect(FailedEntryCount).toBe(3)
    expect(Entries?.map(({ ErrorCode }) => ErrorCode)).toEqual([
      undefined,
      'MalformedDetail',
      'InvalidArgument',
      'ResourceNotFoundException',
    ])
    await expect(put({ text: 'x'.repeat(262_144) })).rejects.toMatchObject({ name: 'ValidationException' })
    await expect(client.send(new PutEventsCommand({ Entries: Array(11).fill(good) }))).rejects.toMatchObject({
      name: 'ValidationException',
    })
  })

  test("takes a consumer's own rule and queue at run time, and keeps them across starts", async () => {
    const first = await start([])
    expect(await first.callSqs('CreateQueue', { QueueName: 'mine' })).toMatchObject({
      QueueUrl: expect.stringMatching('mine'),
    })
    const EventPattern = JSON.stringify({ source: [{ prefix: 'ex' }] })
    const mine = { Name: 'mine', EventBusName: 'exchange' }
    const { RuleArn } = await first.client.send(new PutRuleCommand({ ...mine, EventPattern }))
    expect(RuleArn).toBe(arnOf('events', 'rule/exchange/mine'))
    const Targets = [{ Id: 'q', Arn: arnOf('sqs', 'mine') }]
    await first.client.send(new PutTargetsCommand({ Rule: 'mine', EventBusName: 'exchange', Targets }))
    await first.put({ n: 1 })
    expect((await first.received('mine')).map(({ Body }) => JSON.parse(Body).detail)).toEqual([{ n: 1 }])
    await first.stop()
    const second = await start([], succeeded, first.s.again())
    await second.put({ n: 2 })
    await eventually(async () => (await second.received('mine')).some(({ Body }) => JSON.parse(Body).detail.n === 2))
    await expect(second.client.send(new DeleteRuleCommand(mine))).rejects.toMatchObject({ name: 'ValidationException' })
    await second.client.send(new RemoveTargetsCommand({ Rule: 'mine', EventBusName: 'exchange', Ids: ['q'] }))
    await second.client.send(new DeleteRuleCommand(mine))
    await expect(
      second.client.send(new PutTargetsCommand({ Rule: 'mine', EventBusName: 'exchange', Targets })),
    ).rejects.toMatchObject({ name: 'ResourceNotFoundException' })
    const bad = JSON.stringify({ source: [{ cidr: '10.0.0.0/8' }] })
    await expect(second.client.send(new PutRuleCommand({ ...mine, EventPattern: bad }))).rejects.toMatchObject({
      name: 'InvalidEventPatternException',
      message: expect.stringMatching('cidr'),
    })
  })

  test('a failing function is invoked three times; what cannot be delivered goes to the dead-letter queue', async () => {
    const { s, invoked, put, received } = await start(
      [
        queue('dead'),
        rule('r', {
          EventPattern: { source: ['exchange'] },
          Targets: [
            { Id: 'f', Arn: arnOf('lambda', 'function:Broken') },
            { Id: 'q', Arn: arnOf('sqs', 'missing'), DeadLetterConfig: { Arn: arnOf('sqs', 'dead') } },
          ],
        }),
      ],
      () => failed('Broken'),
    )
    await put({ n: 1 })
    expect(JSON.parse((await received('dead'))[0]?.Body ?? '{}').detail).toEqual({ n: 1 })
    await eventually(() => invoked.length === 3)
    expect(s.complaints.join()).toMatch(/missing.*Broken/)
  })

  test('a schedule fires by the clock, once however far it is moved', async () => {
    const tick = rule('tick', {
      ScheduleExpression: 'rate(1 minute)',
      Targets: [{ Id: 'f', Arn: arnOf('lambda', 'function:Sweep') }],
    })
    const { s, invoked } = await start([{ ...tick, properties: { ...tick.properties, EventBusName: 'default' } }])
    s.clock.forward(60_000)
    await eventually(() => invoked.length === 1)
    s.clock.forward(3 * 86_400_000)
    await eventually(() => invoked.length === 2)
    await new Promise(resolve => setTimeout(resolve, 50))
    expect(invoked).toHaveLength(2)
    expect(invoked[1]?.event).toMatchObject({
      'detail-type': 'Scheduled Event',
      source: 'aws.events',
      resources: [tick.arn],
    })
    await expect(start([rule('c', { ScheduleExpression: 'cron(0 * * * ? *)' })])).rejects.toThrow('cron')
  })
})

describe('a queue', () => {
  test('hides what was received until its time is out by the clock, deletes, counts, and survives a stop', async () => {
    const { s, callSqs, received, stop } = await start([queue('q', { VisibilityTimeout: 60 })])
    await callSqs('SendMessage', { QueueUrl: 'http://x/1/q', MessageBody: 'one' })
    const sent = await callSqs('SendMessage', { QueueUrl: 'q', MessageBody: 'two' })
    expect(sent).toMatchObject({ MessageId: expect.any(String), MD5OfMessageBody: 'b8a9f715dbb64fd5c56e7783c6820a61' })
    const [one, two] = await received('q')
    expect([one?.Body, two?.Body]).toEqual(['one', 'two'])
    expect(await received('q', 0)).toEqual([])
    await callSqs('DeleteMessage', { QueueUrl: 'q', ReceiptHandle: one?.ReceiptHandle })
    const counts = {
      QueueUrl: 'q',
      AttributeNames: ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'],
    }
    expect(await callSqs('GetQueueAttributes', counts)).toMatchObject({
      Attributes: { ApproximateNumberOfMessages: '0', ApproximateNumberOfMessagesNotVisible: '1' },
    })
    s.clock.forward(61_000)
    expect((await received('q', 0)).map(({ Body }) => Body)).toEqual(['two'])
    await stop()
    const again = await start([], succeeded, s.again())
    expect((await again.received('q')).map(({ Body }) => Body)).toEqual(['two'])
    expect(await again.callSqs('GetQueueUrl', { QueueName: 'none' })).toMatchObject({
      status: 400,
      __type: 'QueueDoesNotExist',
    })
  })

  test('an action that is not answered is named and reported', async () => {
    const { s, callSqs } = await start([])
    const answer = await callSqs('PurgeQueue', {})
    expect(answer).toMatchObject({ status: 400, __type: 'UnknownOperationException' })
    expect(s.complaints.join()).toMatch('AmazonSQS.PurgeQueue')
  })
})

test.each<[string, unknown, unknown, boolean]>([
  ['exact', { a: ['x', 1, null, true] }, { a: 1 }, true],
  ['number is not text', { a: ['1'] }, { a: 1 }, false],
  ['any element', { a: ['x'] }, { a: ['y', 'x'] }, true],
  ['nested', { a: { b: ['x'] } }, { a: { b: 'x', c: 1 } }, true],
  ['one element of a list', { a: { b: [1], c: [2] } }, { a: [{ b: 1 }, { c: 2 }] }, false],
  ['all fields', { a: ['x'], b: ['y'] }, { a: 'x' }, false],
  ['prefix', { a: [{ prefix: 'ab' }] }, { a: 'abc' }, true],
  ['prefix, any case', { a: [{ prefix: { 'equals-ignore-case': 'AB' } }] }, { a: 'abc' }, true],
  ['suffix', { a: [{ suffix: 'bc' }] }, { a: 'abd' }, false],
  ['equals-ignore-case', { a: [{ 'equals-ignore-case': 'ABC' }] }, { a: 'abc' }, true],
  ['wildcard', { a: [{ wildcard: 'H100-*-0?\\*' }] }, { a: 'H100-us-0?*' }, true],
  ['wildcard is no regular expression', { a: [{ wildcard: 'a.c*' }] }, { a: 'abc' }, false],
  ['numeric range', { a: [{ numeric: ['>', 0, '<=', 5] }] }, { a: 5 }, true],
  ['numeric needs a number', { a: [{ numeric: ['=', 5] }] }, { a: '5' }, false],
  ['anything-but', { a: [{ 'anything-but': ['x', 'y'] }] }, { a: 'x' }, false],
  ['anything-but needs a value', { a: [{ 'anything-but': 'x' }] }, {}, false],
  ['anything-but prefix', { a: [{ 'anything-but': { prefix: 'x' } }] }, { a: 'yx' }, true],
  ['exists', { a: [{ exists: true }] }, { a: null }, true],
  ['exists not', { a: { b: [{ exists: false }] } }, {}, true],
  ['$or', { $or: [{ a: [1] }, { b: [2] }], c: [3] }, { b: 2, c: 3 }, true],
  ['$or of none', { $or: [{ a: [1] }, { b: [2] }] }, { a: 2 }, false],
])('an event pattern matches: %s', (_, pattern, event, expected) => {
  expect(compileEventPattern(pattern)(event)).toBe(expected)
})
