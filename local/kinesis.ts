import { mkdir } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  CreateStreamCommand,
  DescribeStreamConsumerCommand,
  DescribeStreamSummaryCommand,
  IncreaseStreamRetentionPeriodCommand,
  KinesisClient,
  RegisterStreamConsumerCommand,
  ResourceInUseException,
} from '@aws-sdk/client-kinesis'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import { type Child, freePorts, pathOf, startNodeChild } from './children.ts'
import type { Clock, Component, Resource } from './component.ts'
import type { Identity, Learnt } from './identity.ts'

/** kinesalite is several times faster; only kinesis-local has enhanced fan-out. */
export type KinesisKind = 'kinesalite' | 'kinesis-local'

export interface Kinesis extends Component {
  readonly endpoint: string
  readonly kind: KinesisKind
  readonly child: Child
}

export interface KinesisOptions {
  readonly kind: KinesisKind
  readonly account: string
  readonly region: string
  readonly clock: Clock
  readonly dataDir: string
  readonly keep: boolean
}

/** How long the servers pretend that creating, deleting or registering takes. */
const changeDurations = Object.fromEntries(
  `CREATE_STREAM DELETE_STREAM REGISTER_STREAM_CONSUMER DEREGISTER_STREAM_CONSUMER START_STREAM_ENCRYPTION
  STOP_STREAM_ENCRYPTION MERGE_SHARDS SPLIT_SHARD UPDATE_SHARD_COUNT UPDATE_STREAM_MODE`
    .split(/\s+/)
    .map(change => [`${change}_DURATION`, '10ms']),
)

export async function startKinesis(options: KinesisOptions): Promise<Kinesis> {
  const { kind, account, region, clock, dataDir, keep } = options
  const [port = 0, tlsPort = 0] = await freePorts(2)
  const path = join(dataDir, kind)
  if (keep) await mkdir(path, { recursive: true })
  const child = await startNodeChild({
    name: 'Kinesis',
    args: [pathOf('./kinesis-server.ts'), kind, String(port), ...(keep ? [path] : [])],
    environment: {
      AWS_REGION: region,
      AWS_ACCOUNT_ID: account,
      ...(kind === 'kinesis-local' && {
        ...changeDurations,
        KINESIS_MOCK_PLAIN_PORT: String(port),
        KINESIS_MOCK_TLS_PORT: String(tlsPort),
        KINESIS_MOCK_CERT_PATH: join(dirname(createRequire(import.meta.url).resolve('kinesis-local')), 'server.json'),
        SHARD_LIMIT: '100',
        SHOULD_PERSIST_DATA: String(keep),
        PERSIST_PATH: path,
        PERSIST_INTERVAL: '1s',
        LOG_LEVEL: 'ERROR',
      }),
    },
    clock,
    logFile: join(dataDir, 'logs', 'kinesis.log'),
  })
  await Promise.race([
    new Promise<void>(resolve => child.onMessage(message => message === 'ready' && resolve())),
    child.ended.then(how => {
      throw new Error(`Kinesis (${kind}) ended while starting (${how}): see ${join(dataDir, 'logs', 'kinesis.log')}`)
    }),
  ])
  return { endpoint: `http://127.0.0.1:${port}`, kind, child, stop: () => child.stop() }
}

/** Creates the templates' streams and consumers; answers the consumers' ARNs. */
export async function createStreams(endpoint: string, region: string, resources: readonly Resource[]): Promise<Learnt> {
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' }
  const client = new KinesisClient({ endpoint, region, credentials, requestHandler: new NodeHttpHandler() })
  const ofType = (wanted: string) => resources.filter(({ type }) => type === `AWS::Kinesis::${wanted}`)
  try {
    await Promise.all(ofType('Stream').map(stream => createStream(client, stream)))
    return new Map(await Promise.all(ofType('StreamConsumer').map(consumer => registerConsumer(client, consumer))))
  } finally {
    client.destroy()
  }
}

async function createStream(client: KinesisClient, { physicalId, properties }: Resource): Promise<void> {
  const { ShardCount, RetentionPeriodHours, StreamModeDetails } = properties as {
    ShardCount?: number
    RetentionPeriodHours?: number
    StreamModeDetails?: { StreamMode?: string }
  }
  const shards = Number(ShardCount ?? (StreamModeDetails?.StreamMode === 'ON_DEMAND' ? 4 : 1))
  const StreamName = physicalId
  await client.send(new CreateStreamCommand({ StreamName, ShardCount: shards })).catch((error: unknown) => {
    if (!(error instanceof ResourceInUseException)) throw error
  })
  const stream = await untilActive(StreamName, async () => {
    const { StreamDescriptionSummary } = await client.send(new DescribeStreamSummaryCommand({ StreamName }))
    return StreamDescriptionSummary?.StreamStatus === 'ACTIVE' ? StreamDescriptionSummary : undefined
  })
  if (stream.OpenShardCount !== shards) {
    throw new Error(`the kept stream ${StreamName} has ${stream.OpenShardCount} shards: take another data folder`)
  }
  if (RetentionPeriodHours !== undefined && Number(RetentionPeriodHours) > (stream.RetentionPeriodHours ?? 24)) {
    const given = { StreamName, RetentionPeriodHours: Number(RetentionPeriodHours) }
    await client.send(new IncreaseStreamRetentionPeriodCommand(given))
  }
}

async function registerConsumer(client: KinesisClient, consumer: Resource): Promise<[string, Partial<Identity>]> {
  const { StreamARN, ConsumerName } = consumer.properties
  const given = { StreamARN: String(StreamARN), ConsumerName: String(ConsumerName) }
  await client.send(new RegisterStreamConsumerCommand(given)).catch((error: unknown) => {
    if (!(error instanceof ResourceInUseException)) throw error
  })
  const arn = await untilActive(given.ConsumerName, async () => {
    const { ConsumerDescription } = await client.send(new DescribeStreamConsumerCommand(given))
    return ConsumerDescription?.ConsumerStatus === 'ACTIVE' ? ConsumerDescription.ConsumerARN : undefined
  })
  return [`${consumer.stack}/${consumer.logicalId}`, { physicalId: arn, arn, attributes: { ConsumerARN: arn } }]
}

async function untilActive<T>(name: string, read: () => Promise<T | undefined>): Promise<T> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const found = await read()
    if (found !== undefined) return found
    await sleep(25)
  }
  throw new Error(`${name} did not become active within 5 s`)
}
