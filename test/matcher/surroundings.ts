import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { copyFile, cp, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { CreateTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb'
import {
  CreateStreamCommand,
  DescribeStreamConsumerCommand,
  DescribeStreamSummaryCommand,
  RegisterStreamConsumerCommand,
} from '@aws-sdk/client-kinesis'
import { kinesis as kinesisClient } from '#adapters/clients/kinesis.ts'
import { freePort } from '#local/children.ts'
import { createClock } from '#local/clock.ts'
import { parseDockerfile } from '#local/ecs.ts'
import { type KinesisKind, startKinesis } from '#local/kinesis.ts'
import { startS3 } from '#local/s3.ts'
import { tables } from '#protocol/tables.ts'
import { storesAccount as account, askForStore, storesRegion as region } from '#test/support/services/ask.ts'

/** Real servers for a lane, those of all test files where they will do, and this process's own clients pointed at them. */
export interface Surroundings {
  readonly environment: Readonly<Record<string, string>>
  /** Of enhanced fan-out, by `<consumer>-<lane>`. */
  readonly consumerArns: ReadonlyMap<string, string>
  /** Streams, environment and table rows of a lane of its own; answers the settings of its matcher. */
  newLane(lane: number, shards?: number): Promise<Readonly<Record<string, string>>>
  stop(): Promise<void>
}

export const bucketName = 'snapshots'

export const startSurroundings = async (
  kind: KinesisKind,
  consumers: readonly string[] = [],
): Promise<Surroundings> => {
  const dataDir = await mkdtemp(join(tmpdir(), 'matcher-test-'))
  const clock = createClock()
  const s3Port = await freePort()
  const lanesTable = `lanes-${randomUUID()}`
  const ownKinesis = async () => startKinesis({ kind, account, region, clock, dataDir, keep: false })
  const commonKinesis = async () => ({ endpoint: await askForStore('kinesis'), stop: async () => undefined })
  const [kinesis, dynamodb, s3] = await Promise.all([
    kind === 'kinesalite' ? commonKinesis() : ownKinesis(),
    askForStore('dynamodb'),
    startS3({
      port: s3Port,
      dataDir,
      region,
      buckets: [bucketName],
      clock,
      complain: (where, error) => process.stderr.write(`${where}: ${String(error)}\n`),
    }),
  ])
  const environment = {
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: 'local',
    AWS_SECRET_ACCESS_KEY: 'local',
    AWS_ENDPOINT_URL_KINESIS: kinesis.endpoint,
    AWS_ENDPOINT_URL_DYNAMODB: dynamodb,
    AWS_ENDPOINT_URL_S3: s3.endpoint,
    LANES_TABLE: lanesTable,
    SNAPSHOT_BUCKET: bucketName,
    TENANT: 'test',
  }
  Object.assign(process.env, environment)
  const database = new DynamoDBClient()
  const keys = [tables.lanes.partitionKey, tables.lanes.sortKey]
  await database.send(
    new CreateTableCommand({
      TableName: lanesTable,
      AttributeDefinitions: keys.map(({ name, type }) => ({ AttributeName: name, AttributeType: type })),
      KeySchema: keys.map(({ name }, index) => ({ AttributeName: name, KeyType: index === 0 ? 'HASH' : 'RANGE' })),
      BillingMode: 'PAY_PER_REQUEST',
    }),
  )
  database.destroy()
  const consumerArns = new Map<string, string>()
  const streams = kinesisClient()
  return {
    environment,
    consumerArns,
    async newLane(lane, shards = 1) {
      const [orders, executions] = [`orders-${lane}`, `executions-${lane}`]
      for (const StreamName of [orders, executions]) {
        const ShardCount = StreamName === orders ? shards : 1
        await streams.send(new CreateStreamCommand({ StreamName, ShardCount }))
        await until(async () => {
          const { StreamDescriptionSummary } = await streams.send(new DescribeStreamSummaryCommand({ StreamName }))
          return StreamDescriptionSummary?.StreamStatus === 'ACTIVE' ? true : undefined
        })
      }
      for (const consumer of consumers) {
        const registered = {
          StreamARN: `arn:aws:kinesis:${region}:${account}:stream/${orders}`,
          ConsumerName: `${consumer}-${lane}`,
        }
        await streams.send(new RegisterStreamConsumerCommand(registered))
        const arn = await until(async () => {
          const { ConsumerDescription } = await streams.send(new DescribeStreamConsumerCommand(registered))
          return ConsumerDescription?.ConsumerStatus === 'ACTIVE' ? ConsumerDescription.ConsumerARN : undefined
        })
        consumerArns.set(registered.ConsumerName, arn)
      }
      const names = { [`ORDER_STREAM_${lane}`]: orders, [`EXECUTION_STREAM_${lane}`]: executions }
      Object.assign(process.env, names)
      return {
        ...environment,
        ...names,
        LANE: String(lane),
        STREAM_READ: 'polling',
        POLL_INTERVAL_MILLIS: '20',
        STANDBY_POLL_INTERVAL_MILLIS: '50',
        LEASE_MILLIS: '1000',
        SNAPSHOT_INTERVAL_SECONDS: '1',
      }
    },
    async stop() {
      await Promise.all([kinesis.stop(), s3.stop()])
      await rm(dataDir, { recursive: true, force: true })
    },
  }
}

export interface MatcherProcess {
  readonly child: ChildProcess
  readonly lines: readonly Record<string, unknown>[]
  /** Resolves with the first line of the log that says so, also one that was said already. */
  says(what: (line: Record<string, unknown>) => boolean): Promise<Record<string, unknown>>
  /** Exit code, or the signal's name. */
  readonly ended: Promise<number | string>
}

/** A folder as the Dockerfile makes it, of the bundle and of nothing else, and the command that runs there. */
export interface Image {
  readonly cwd: string
  readonly command: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  remove(): Promise<void>
}

export const makeImage = async (): Promise<Image> => {
  const root = await mkdtemp(join(tmpdir(), 'matcher-image-'))
  const [context, folder] = [join(root, 'context'), join(root, 'image')]
  // By its program: under Jest the library mistakes one realm's bytes for another's.
  await promisify(execFile)('node_modules/.bin/esbuild', [
    'matcher/main.ts',
    '--bundle',
    '--platform=node',
    '--target=node24',
    '--format=esm',
    '--main-fields=module,main',
    '--minify',
    '--keep-names',
    '--log-level=warning',
    "--banner:js=import { createRequire as makeRequire } from 'node:module';const require = makeRequire(import.meta.url);",
    `--outfile=${join(context, 'main.mjs')}`,
  ])
  await copyFile('matcher/Dockerfile', join(context, 'Dockerfile'))
  const image = parseDockerfile(await readFile(join(context, 'Dockerfile'), 'utf8'))
  await mkdir(join(folder, image.workingDirectory), { recursive: true })
  for (const [from, to] of image.copies) {
    const target = to.endsWith('/') || basename(from) !== basename(to) ? join(to, basename(from)) : to
    await cp(join(context, from), join(folder, target))
  }
  return {
    cwd: join(folder, image.workingDirectory),
    command: [...image.entryPoint, ...image.command],
    environment: image.environment,
    remove: () => rm(root, { recursive: true, force: true }),
  }
}

const running = new Set<ChildProcess>()

export const startMatcher = (image: Image, environment: Readonly<Record<string, string>>): MatcherProcess => {
  const [program, ...args] = image.command
  if (program !== 'node') throw new Error(`the image runs ${program}`)
  const child = spawn(process.execPath, args, {
    cwd: image.cwd,
    env: { ...image.environment, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  running.add(child)
  const lines: Record<string, unknown>[] = []
  const listeners = new Set<() => void>()
  const hear = (text: string) => {
    lines.push(text.startsWith('{') ? JSON.parse(text) : { message: text })
    for (const listener of listeners) listener()
  }
  for (const output of [child.stdout, child.stderr]) createInterface({ input: output }).on('line', hear)
  const ended = new Promise<number | string>(resolve =>
    child.once('exit', (code, signal) => {
      running.delete(child)
      resolve(code ?? signal ?? 'unknown')
    }),
  )
  const story = () => lines.map(line => JSON.stringify(line)).join('\n')
  return {
    child,
    lines,
    ended,
    says: what =>
      new Promise((resolve, reject) => {
        const look = () => {
          const found = lines.find(what)
          if (found === undefined) return
          listeners.delete(look)
          resolve(found)
        }
        listeners.add(look)
        void ended.then(how => reject(new Error(`the matcher ended (${how}) without saying it:\n${story()}`)))
        look()
      }),
  }
}

/** No test leaves a process behind, however it ends. */
export const endMatchers = (): void => {
  for (const child of running) child.kill('SIGKILL')
}

export const until = async <T>(read: () => Promise<T | undefined>, timeoutMillis = 60_000): Promise<T> => {
  for (const limit = performance.now() + timeoutMillis; performance.now() < limit; ) {
    const found = await read()
    if (found !== undefined) return found
    await sleep(20)
  }
  throw new Error(`it did not come true within ${timeoutMillis} ms`)
}
