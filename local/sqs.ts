import { createHash, randomUUID } from 'node:crypto'
import { join } from 'node:path'
import * as z from 'zod'
import { AwsError, type AwsRoute, action, awsRoute } from './aws-endpoint.ts'
import type { Component, Surroundings } from './component.ts'
import { openAppendLog } from './kept-state.ts'
import { pause } from './pause.ts'
import { propertiesOf } from './resource-properties.ts'

const attributeValue = z.strictObject({ DataType: z.string(), StringValue: z.string() })
const logEntry = z.union([
  z.strictObject({ queue: z.string(), settings: z.record(z.string(), z.string()) }),
  z.strictObject({
    queue: z.string(),
    sent: z.string(),
    body: z.string(),
    attributes: z.record(z.string(), attributeValue),
    atMillis: z.number(),
  }),
  z.strictObject({ queue: z.string(), deleted: z.string() }),
])
type LogEntry = z.output<typeof logEntry>
type Sent = Extract<LogEntry, { sent: string }>

interface Message {
  readonly sent: Sent
  visibleAtMillis: number
  receives: number
}

interface Queue {
  readonly name: string
  readonly settings: Readonly<Record<string, string>>
  readonly messages: Map<string, Message>
}

const defaults = { VisibilityTimeout: '30', MessageRetentionPeriod: '345600', DelaySeconds: '0' }
const standardName = /^[\w-]{1,80}$/
const largestBody = 1_048_576

const queueProperties = z.object({
  QueueName: z.string().regex(standardName).optional(),
  VisibilityTimeout: z.number().optional(),
  MessageRetentionPeriod: z.number().optional(),
  DelaySeconds: z.number().optional(),
  RedrivePolicy: z.undefined().optional(),
})

export async function startSqs(s: Surroundings): Promise<
  Component & {
    readonly route: AwsRoute
    /** Attributes are plain strings, as EventBridge gives them to its dead letters. */
    send(queueArn: string, body: string, attributes?: Readonly<Record<string, string>>): Promise<void>
  }
> {
  const queues = new Map<string, Queue>()
  const create = (name: string, settings: Readonly<Record<string, string>>): Queue => {
    const queue = { name, settings: { ...defaults, ...settings }, messages: new Map<string, Message>() }
    queues.set(name, queue)
    return queue
  }
  for (const resource of s.resources.filter(({ type }) => type === 'AWS::SQS::Queue')) {
    const { QueueName: _, ...given } = propertiesOf(resource, queueProperties)
    const settings = Object.entries(given).map(([key, value]) => [key, String(value)])
    create(nameOf(resource.arn), Object.fromEntries(settings))
  }
  const declared = new Set(queues.keys())

  const put = (queue: Queue, sent: Sent, delaySeconds = Number(queue.settings['DelaySeconds'])) => {
    const visibleAtMillis = sent.atMillis + delaySeconds * 1000
    queue.messages.set(sent.sent, { sent, visibleAtMillis, receives: 0 })
  }
  const log = openAppendLog(join(s.dataDir, 'sqs.jsonl'), logEntry)
  for (const entry of log.entries) {
    const queue = queues.get(entry.queue)
    if ('settings' in entry) {
      if (queue === undefined) create(entry.queue, entry.settings)
    } else if (queue !== undefined) {
      if ('sent' in entry) put(queue, entry)
      else queue.messages.delete(entry.deleted)
    }
  }
  log.rewrite(
    [...queues.values()].flatMap(({ name, settings, messages }): LogEntry[] => [
      ...(declared.has(name) ? [] : [{ queue: name, settings }]),
      ...[...messages.values()].map(({ sent }) => sent),
    ]),
  )

  const find = (urlOrArn: string): Queue => {
    const queue = queues.get(nameOf(urlOrArn))
    if (queue === undefined) throw new AwsError('QueueDoesNotExist', `The queue ${urlOrArn} does not exist.`)
    return queue
  }
  const urlOf = ({ name }: Queue) => `${s.awsEnvironment['AWS_ENDPOINT_URL_SQS']}/${s.account}/${name}`
  const arnOf = ({ name }: Queue) => `arn:aws:sqs:${s.region}:${s.account}:${name}`
  const add = (queue: Queue, body: string, attributes: Sent['attributes'], delaySeconds?: number): Sent => {
    const sent = { queue: queue.name, sent: randomUUID(), body, attributes, atMillis: Math.floor(s.clock.now()) }
    put(queue, sent, delaySeconds)
    log.append(sent)
    return sent
  }
  const remove = (queue: Queue, id: string) => {
    if (queue.messages.delete(id)) log.append({ queue: queue.name, deleted: id })
  }

  /** The messages that may be seen now; what has outlived its retention is gone. */
  const visible = (queue: Queue): Message[] => {
    const nowMillis = s.clock.now()
    const oldestMillis = nowMillis - Number(queue.settings['MessageRetentionPeriod']) * 1000
    for (const { sent } of queue.messages.values()) if (sent.atMillis < oldestMillis) remove(queue, sent.sent)
    return [...queue.messages.values()].filter(({ visibleAtMillis }) => visibleAtMillis <= nowMillis)
  }
  const hand = (message: Message, hiddenSeconds: number) => {
    message.visibleAtMillis = s.clock.now() + hiddenSeconds * 1000
    message.receives += 1
    const { sent: MessageId, body: Body, attributes: MessageAttributes, atMillis } = message.sent
    const ReceiptHandle = `${MessageId}:${message.receives}`
    const Attributes = { SentTimestamp: String(atMillis), ApproximateReceiveCount: String(message.receives) }
    return { MessageId, ReceiptHandle, Body, MD5OfBody: md5(Body), Attributes, MessageAttributes }
  }

  const stopping = new AbortController()
  const QueueUrl = z.string()
  const route = awsRoute('AmazonSQS.', {
    CreateQueue: action(
      z.object({ QueueName: z.string().regex(standardName), Attributes: z.record(z.string(), z.string()).default({}) }),
      ({ QueueName, Attributes }) => {
        if (queues.has(QueueName)) return { QueueUrl: urlOf(find(QueueName)) }
        log.append({ queue: QueueName, settings: Attributes })
        return { QueueUrl: urlOf(create(QueueName, Attributes)) }
      },
    ),
    GetQueueUrl: action(z.object({ QueueName: z.string() }), input => ({ QueueUrl: urlOf(find(input.QueueName)) })),
    GetQueueAttributes: action(z.object({ QueueUrl, AttributeNames: z.array(z.string()).default([]) }), input => {
      const queue = find(input.QueueUrl)
      const ready = visible(queue).length
      const all = {
        ...queue.settings,
        QueueArn: arnOf(queue),
        ApproximateNumberOfMessages: String(ready),
        ApproximateNumberOfMessagesNotVisible: String(queue.messages.size - ready),
      }
      const asked = Object.entries(all).filter(([key]) =>
        input.AttributeNames.some(name => name === 'All' || name === key),
      )
      return { Attributes: Object.fromEntries(asked) }
    }),
    SendMessage: action(
      z.object({
        QueueUrl,
        MessageBody: z.string().min(1).max(largestBody),
        DelaySeconds: z.number().optional(),
        MessageAttributes: z.record(z.string(), attributeValue).default({}),
      }),
      input => {
        const { sent } = add(find(input.QueueUrl), input.MessageBody, input.MessageAttributes, input.DelaySeconds)
        return { MessageId: sent, MD5OfMessageBody: md5(input.MessageBody) }
      },
    ),
    ReceiveMessage: action(
      z.object({
        QueueUrl,
        MaxNumberOfMessages: z.number().int().min(1).max(10).default(1),
        VisibilityTimeout: z.number().min(0).optional(),
        WaitTimeSeconds: z.number().min(0).max(20).default(0),
      }),
      async input => {
        const queue = find(input.QueueUrl)
        const hiddenSeconds = input.VisibilityTimeout ?? Number(queue.settings['VisibilityTimeout'])
        const untilMillis = performance.now() + input.WaitTimeSeconds * 1000
        while (visible(queue).length === 0 && performance.now() < untilMillis && !stopping.signal.aborted) {
          await pause(25, stopping.signal)
        }
        const taken = visible(queue).slice(0, input.MaxNumberOfMessages)
        return taken.length === 0 ? {} : { Messages: taken.map(message => hand(message, hiddenSeconds)) }
      },
    ),
    DeleteMessage: action(z.object({ QueueUrl, ReceiptHandle: z.string() }), input => {
      const id = /^([\w-]{36}):\d+$/.exec(input.ReceiptHandle)?.[1]
      if (id === undefined) throw new AwsError('ReceiptHandleIsInvalid', `${input.ReceiptHandle} is no receipt handle.`)
      remove(find(input.QueueUrl), id)
      return {}
    }),
  })
  return {
    route,
    async send(queueArn, body, attributes = {}) {
      const typed = Object.entries(attributes).map(([key, value]) => [key, { DataType: 'String', StringValue: value }])
      add(find(queueArn), body, Object.fromEntries(typed))
    },
    async stop() {
      stopping.abort()
      log.close()
    },
  }
}

/** The last part of a queue's URL, of its ARN, or the name itself. */
function nameOf(urlOrArn: string): string {
  return urlOrArn.split(/[/:]/).at(-1) ?? ''
}

function md5(text: string): string {
  return createHash('md5').update(text).digest('hex')
}
