import { expect } from '@jest/globals'
import * as z from 'zod'
import { busEvents } from '#protocol/events.ts'
import { eventually, type RunningExchange } from './running-exchange.ts'

/** An event as a rule of a consumer gives it to its queue. */
export interface HeardEvent {
  readonly name: string
  readonly detail: Readonly<Record<string, unknown>>
}

const message = z.object({ Body: z.string(), ReceiptHandle: z.string() })
const delivered = z.object({
  source: z.literal('compute-exchange'),
  'detail-type': z.enum(Object.keys(busEvents) as [keyof typeof busEvents]),
  detail: z.record(z.string(), z.unknown()),
})

export interface ConsumerRule {
  /** All that it has heard, each event once and held against its schema, as soon as that is enough. */
  heard(isEnough: (events: readonly HeardEvent[]) => boolean, withinMillis?: number): Promise<readonly HeardEvent[]>
}

/** A rule of a consumer's own on the bus of the running exchange, and the queue behind it. */
export const consumerRule = async (exchange: RunningExchange, name: string, pattern: object): Promise<ConsumerRule> => {
  const { aws: endpoints, buses } = await exchange.status()
  const aws = async (target: string, input: unknown): Promise<Record<string, unknown>> => {
    const response = await fetch(endpoints['AWS_ENDPOINT_URL_EVENTBRIDGE'] ?? '', {
      method: 'POST',
      headers: { 'x-amz-target': target, 'content-type': 'application/x-amz-json-1.1' },
      body: JSON.stringify(input),
    })
    return z.record(z.string(), z.unknown()).parse(await response.json())
  }
  const { QueueUrl } = await aws('AmazonSQS.CreateQueue', { QueueName: name })
  const { Attributes } = await aws('AmazonSQS.GetQueueAttributes', { QueueUrl, AttributeNames: ['QueueArn'] })
  const { QueueArn } = z.object({ QueueArn: z.string() }).parse(Attributes)
  const ofBus = { EventBusName: buses[0] }
  await aws('AWSEvents.PutRule', {
    Name: name,
    ...ofBus,
    EventPattern: JSON.stringify({ source: ['compute-exchange'], ...pattern }),
  })
  await aws('AWSEvents.PutTargets', { Rule: name, ...ofBus, Targets: [{ Id: 'queue', Arn: QueueArn }] })
  const known = new Map<unknown, HeardEvent>()
  const receive = async (): Promise<readonly HeardEvent[]> => {
    const received = await aws('AmazonSQS.ReceiveMessage', { QueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 1 })
    for (const { Body, ReceiptHandle } of z.array(message).parse(received['Messages'] ?? [])) {
      const event = delivered.parse(JSON.parse(Body))
      expect(busEvents[event['detail-type']].safeParse(event.detail).error).toBeUndefined()
      known.set(event.detail['event_id'], { name: event['detail-type'], detail: event.detail })
      await aws('AmazonSQS.DeleteMessage', { QueueUrl, ReceiptHandle })
    }
    return [...known.values()]
  }
  return { heard: (isEnough, withinMillis) => eventually(receive, isEnough, withinMillis) }
}
