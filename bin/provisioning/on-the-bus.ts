import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import * as z from 'zod'
import { signIn } from '../client.ts'
import { behaviours, ProvisioningStandIn, provisioningRequest } from './stand-in.ts'

/** By delivery, instrument or `all`: what the first attempt does, the second…; the last also what comes after. */
export const script = z.record(z.string(), z.array(z.enum(behaviours)).min(1))

/** Read anew for each request, so that it may be written at any time: `npm run provisioning`. */
export const scriptFile = (dataDir: string): string => join(dataDir, 'provisioning.json')

export const readScript = (dataDir: string): z.infer<typeof script> =>
  existsSync(scriptFile(dataDir)) ? script.parse(JSON.parse(readFileSync(scriptFile(dataDir), 'utf8'))) : {}

const queueName = 'provisioning-stand-in'
const pauseMillis = 250

export interface OnTheBus {
  readonly url: string
  readonly now: () => number
  readonly signal: AbortSignal
  readonly complain: (error: unknown) => void
}

const localStatus = z.object({
  dataDir: z.string(),
  aws: z.object({ AWS_ENDPOINT_URL_SQS: z.string() }),
  buses: z.array(z.string()).min(1),
})

const messages = z.object({ Messages: z.array(z.object({ Body: z.string(), ReceiptHandle: z.string() })).default([]) })

/** A consumer like any other: a queue and a rule of its own on the bus, and the HTTP API. Answers until the signal aborts. */
export const startProvisioning = async (given: OnTheBus): Promise<void> => {
  const { url, now, signal, complain } = given
  const here = localStatus.parse(await (await fetch(`${url}/_local/status`, { signal })).json())
  const { dataDir } = here
  const [bus] = here.buses
  const aws = async (target: string, input: object): Promise<unknown> => {
    const response = await fetch(here.aws.AWS_ENDPOINT_URL_SQS, {
      method: 'POST',
      headers: { 'x-amz-target': target, 'content-type': 'application/x-amz-json-1.1' },
      body: JSON.stringify(input),
      signal,
    })
    if (!response.ok) throw new Error(`${target}: ${await response.text()}`)
    return response.json()
  }
  const { QueueUrl } = z
    .object({ QueueUrl: z.string() })
    .parse(await aws('AmazonSQS.CreateQueue', { QueueName: queueName }))
  const { Attributes } = z
    .object({ Attributes: z.object({ QueueArn: z.string() }) })
    .parse(await aws('AmazonSQS.GetQueueAttributes', { QueueUrl, AttributeNames: ['QueueArn'] }))
  await aws('AWSEvents.PutRule', {
    Name: queueName,
    EventBusName: bus,
    EventPattern: JSON.stringify({
      source: ['compute-exchange'],
      'detail-type': ['ProvisioningRequested.v1', 'ProvisioningReleaseRequested.v1'],
    }),
  })
  await aws('AWSEvents.PutTargets', {
    Rule: queueName,
    EventBusName: bus,
    Targets: [{ Id: 'queue', Arn: Attributes.QueueArn }],
  })

  const service = await signIn(url, 'provisioning', 'service')
  const standIn = new ProvisioningStandIn({
    callBack: async (path, body) => {
      const answered = await service.call('POST', path, body)
      const { code } = answered.body
      return { status: answered.status, ...(typeof code === 'string' && { code }) }
    },
    wait: async seconds => {
      for (const untilMillis = now() + seconds * 1_000; now() < untilMillis && !signal.aborted; )
        await sleep(pauseMillis)
    },
    behaviourOf: ({ delivery_id, instrument_name, attempt, step }) => {
      const told = readScript(dataDir)
      const own = told[delivery_id] ?? told[instrument_name] ?? told['all'] ?? []
      // Everything is given back in the end.
      return step === 'release' ? 'succeed' : (own[Math.min(attempt, own.length) - 1] ?? 'succeed')
    },
  })
  const listen = async () => {
    while (!signal.aborted) {
      const received = await aws('AmazonSQS.ReceiveMessage', { QueueUrl, MaxNumberOfMessages: 10 })
      for (const { Body, ReceiptHandle } of messages.parse(received).Messages) {
        standIn.take(provisioningRequest.parse(JSON.parse(Body).detail)).catch(complain)
        await aws('AmazonSQS.DeleteMessage', { QueueUrl, ReceiptHandle })
      }
      await sleep(pauseMillis)
    }
  }
  listen().catch(error => {
    if (!signal.aborted) complain(error)
  })
}
