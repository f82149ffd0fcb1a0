import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { copyFile, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { Command } from '#domain/trading/commands.ts'
import { freePort } from '#local/children.ts'
import { createClock } from '#local/clock.ts'
import type { Resource } from '#local/component.ts'
import { createTables, startDynamoDb } from '#local/dynamodb.ts'
import { makeFolder, parseDockerfile } from '#local/ecs.ts'
import { createStreams, type KinesisKind, startKinesis } from '#local/kinesis.ts'
import { startS3 } from '#local/s3.ts'
import { tables } from '#protocol/tables.ts'

/** Real servers for a lane, and this process's own clients pointed at them. */
export interface Surroundings {
  readonly environment: Readonly<Record<string, string>>
  /** Of enhanced fan-out, by `<consumer>-<lane>`. */
  readonly consumerArns: ReadonlyMap<string, string>
  /** Streams, environment and table rows of a lane of its own; answers the settings of its matcher. */
  newLane(lane: number, shards?: number): Promise<Readonly<Record<string, string>>>
  stop(): Promise<void>
}

const region = 'eu-central-1'
const account = '000000000000'
export const bucketName = 'snapshots'

const resource = (type: string, name: string, arn: string, properties: Record<string, unknown>): Resource => ({
  stack: 'test',
  logicalId: name,
  type,
  physicalId: name,
  arn,
  properties,
})
const streamArn = (name: string) => `arn:aws:kinesis:${region}:${account}:stream/${name}`

export const startSurroundings = async (
  kind: KinesisKind,
  consumers: readonly string[] = [],
): Promise<Surroundings> => {
  const dataDir = await mkdtemp(join(tmpdir(), 'matcher-test-'))
  const clock = createClock()
  const s3Port = await freePort()
  const [kinesis, dynamodb, s3] = await Promise.all([
    startKinesis({ kind, account, region, clock, dataDir, keep: false }),
    startDynamoDb({ dataDir, keep: false }),
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
    AWS_ENDPOINT_URL_DYNAMODB: dynamodb.endpoint,
    AWS_ENDPOINT_URL_S3: s3.endpoint,
    LANES_TABLE: 'lanes',
    SNAPSHOT_BUCKET: bucketName,
    TENANT: 'test',
  }
  Object.assign(process.env, environment)
  await createTables(dynamodb.endpoint, region, [
    resource('AWS::DynamoDB::Table', 'lanes', '', {
      AttributeDefinitions: [tables.lanes.partitionKey, tables.lanes.sortKey].map(({ name, type }) => ({
        AttributeName: name,
        AttributeType: type,
      })),
      KeySchema: [
        { AttributeName: tables.lanes.partitionKey.name, KeyType: 'HASH' },
        { AttributeName: tables.lanes.sortKey.name, KeyType: 'RANGE' },
      ],
    }),
  ])
  const consumerArns = new Map<string, string>()
  return {
    environment,
    consumerArns,
    async newLane(lane, shards = 1) {
      const [orders, executions] = [`orders-${lane}`, `executions-${lane}`]
      const streams = [orders, executions].map(name =>
        resource('AWS::Kinesis::Stream', name, streamArn(name), { ShardCount: name === orders ? shards : 1 }),
      )
      await createStreams(kinesis.endpoint, region, streams)
      if (kind === 'kinesis-local') {
        const names = consumers.map(each => `${each}-${lane}`)
        const arns = await createStreams(
          kinesis.endpoint,
          region,
          names.map(ConsumerName =>
            resource('AWS::Kinesis::StreamConsumer', ConsumerName, '', { StreamARN: streamArn(orders), ConsumerName }),
          ),
        )
        for (const [name, arn] of arns) consumerArns.set(name.slice(name.indexOf('/') + 1), arn)
      }
      const names = { [`ORDER_STREAM_${lane}`]: orders, [`EXECUTION_STREAM_${lane}`]: executions }
      Object.assign(process.env, names)
      return {
        ...environment,
        ...names,
        LANE: String(lane),
        STREAM_READ: 'polling',
        POLL_INTERVAL_MILLIS: '20',
        SNAPSHOT_INTERVAL_SECONDS: '1',
      }
    },
    async stop() {
      await Promise.all([kinesis.stop(), dynamodb.stop(), s3.stop()])
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
  await makeFolder(context, image, folder)
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

export const until = async <T>(read: () => Promise<T | undefined>, timeoutMillis = 10_000): Promise<T> => {
  for (const limit = performance.now() + timeoutMillis; performance.now() < limit; ) {
    const found = await read()
    if (found !== undefined) return found
    await sleep(20)
  }
  throw new Error(`it did not come true within ${timeoutMillis} ms`)
}

/** Names of commands, in the form of ids. */
export const idOf = (number: number): string => `00000000-0000-7000-8000-${String(number).padStart(12, '0')}`

/** Two funded accounts and a market. */
export const opening: readonly Command[] = [
  { type: 'open-account', commandId: idOf(1), account: 'alice' },
  { type: 'open-account', commandId: idOf(2), account: 'bob' },
  { type: 'deposit', commandId: idOf(3), accountId: 1, amountMicros: 1_000_000_000_000 },
  { type: 'deposit', commandId: idOf(4), accountId: 2, amountMicros: 1_000_000_000_000 },
  {
    type: 'list-instrument',
    commandId: idOf(5),
    specification: {
      instrumentName: 'H100.USE-27NOV36',
      kind: 'future',
      underlying: 'H100.USE',
      quoteCurrency: 'USD',
      tickSize: '0.01',
      minTradeAmount: '1',
      contractSize: '1',
      maxPrice: '100',
      expirationMillis: Date.UTC(2036, 10, 27),
      makerCommissionPpm: 100,
      takerCommissionPpm: 300,
    },
  },
]

/** Orders of both sides around a price, so that many rest and many trade. */
export const order = (number: number): Command => ({
  type: 'place-order',
  orderId: idOf(1_000 + number),
  accountId: 1 + (number % 2),
  instrumentId: 1,
  specificationVersion: 1,
  direction: number % 3 === 0 ? 'buy' : 'sell',
  orderType: 'limit',
  timeInForce: 'good_til_cancelled',
  priceTicks: 200 + ((number * 7) % 11) - (number % 3 === 0 ? 3 : 0),
  quantityLots: 1 + (number % 5),
  clientOrderId: `order-${number}`,
})
