import { randomUUID } from 'node:crypto'
import { ScanCommand } from '@aws-sdk/lib-dynamodb'
import { dynamodb } from '#adapters/clients/dynamodb.ts'
import { forgetInstruments } from '#adapters/tables/instruments.ts'
import { createTables } from '#local/dynamodb.ts'
import { type Key, type Table, type TableName, tables } from '#protocol/tables.ts'
import { askForStore, storesRegion as region } from './services/ask.ts'

export type Item = Readonly<Record<string, unknown>>

/** All tables, under names of this test file's own, in the DynamoDB Local of all, and this process's client pointed at it. */
export interface LocalTables {
  /** From now on these tables, or all, are empty: where anything was written, the environment names new ones. */
  renew(...names: readonly TableName[]): Promise<void>
  /** In the order of their keys. */
  items(table: TableName): Promise<readonly Item[]>
  stop(): void
}

const owner = randomUUID().slice(0, 8)
let sets = 0
/** Of the tables that were made, those that nothing of this process has been sent to but reads. */
const unwritten = new Set<string>()
const isRead = /^(Get|BatchGet|TransactGet|Query|Scan|Describe)/

/** Every table that a request names: as TableName, or as a key of a batch. */
const tablesIn = (input: unknown): readonly string[] => {
  if (typeof input !== 'object' || input === null) return []
  return Object.entries(input).flatMap(([key, each]: [string, unknown]) => {
    if (key === 'TableName') return [String(each)]
    if (key === 'RequestItems' && typeof each === 'object' && each !== null) return Object.keys(each)
    return key === 'TransactItems' || /^(\d+|Get|Put|Update|Delete|ConditionCheck)$/.test(key) ? tablesIn(each) : []
  })
}

export const startTables = async (): Promise<LocalTables> => {
  const endpoint = await askForStore('dynamodb')
  Object.assign(process.env, {
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: 'local',
    AWS_SECRET_ACCESS_KEY: 'local',
    AWS_ENDPOINT_URL_DYNAMODB: endpoint,
  })
  const renew = async (...names: readonly TableName[]): Promise<void> => {
    sets += 1
    const asked = names.length === 0 ? Object.values<Table>(tables) : names.map((name): Table => tables[name])
    // Making a table costs more than all that a test does with it: one that is still empty will do again.
    const chosen = asked.filter(({ environmentVariable }) => {
      const name = process.env[environmentVariable]
      return name === undefined || !unwritten.has(name)
    })
    for (const table of chosen) {
      const name = `${owner}-${table.name}-${sets}`
      process.env[table.environmentVariable] = name
      unwritten.add(name)
      named.set(name, table)
    }
    forgetInstruments()
  }
  /** Those that nobody has asked for yet are not made: a test file uses a few of them. */
  const named = new Map<string, Table>()
  const making = new Map<string, Promise<unknown>>()
  const made = (name: string): Promise<unknown> | undefined => {
    const table = named.get(name)
    if (table !== undefined) {
      named.delete(name)
      making.set(name, createTables(endpoint, region, [resourceOf(table, name)]))
    }
    return making.get(name)
  }
  await renew()
  // DynamoDB Local looks at no more than a signature's form, and making one is a good part of what a call costs.
  dynamodb().config.signer = async () => ({
    sign: async request => ({ ...request, headers: { ...request.headers, authorization } }),
  })
  dynamodb().middlewareStack.add((next, { commandName = '' }) => async args => {
    const names = tablesIn(args.input)
    await Promise.all(names.map(made))
    if (!isRead.test(commandName)) for (const name of names) unwritten.delete(name)
    return next(args)
  })
  return {
    renew,
    async items(table) {
      const TableName = process.env[tables[table].environmentVariable]
      const found: Item[] = []
      // A page is a megabyte at most.
      for (let after: Item | undefined; ; ) {
        const { Items = [], LastEvaluatedKey } = await dynamodb().send(
          new ScanCommand({
            TableName,
            ConsistentRead: true,
            ...(after !== undefined && { ExclusiveStartKey: after }),
          }),
        )
        found.push(...Items)
        if (LastEvaluatedKey === undefined) break
        after = LastEvaluatedKey
      }
      const { partitionKey, sortKey }: Table = tables[table]
      const keyOf = (item: Item) => JSON.stringify([item[partitionKey.name], sortKey && item[sortKey.name]])
      return found.toSorted((one, other) => (keyOf(one) < keyOf(other) ? -1 : 1))
    },
    stop() {
      dynamodb().destroy()
    },
  }
}

const authorization = `AWS4-HMAC-SHA256 Credential=local/20300101/${region}/dynamodb/aws4_request, SignedHeaders=host, Signature=none`

/** As synthesis declares it. */
const resourceOf = (table: Table, name: string) => {
  const schema = (partitionKey: Key, sortKey: Key | undefined) => [
    { AttributeName: partitionKey.name, KeyType: 'HASH' },
    ...(sortKey === undefined ? [] : [{ AttributeName: sortKey.name, KeyType: 'RANGE' }]),
  ]
  const local = table.localIndexes ?? []
  const global = table.globalIndexes ?? []
  const keys = new Map(
    [
      table.partitionKey,
      table.sortKey,
      ...local.map(({ sortKey }) => sortKey),
      ...global.flatMap(({ partitionKey, sortKey }) => [partitionKey, sortKey]),
    ].flatMap(key => (key === undefined ? [] : [[key.name, key.type]])),
  )
  return {
    stack: 'test',
    logicalId: name,
    type: 'AWS::DynamoDB::Table',
    physicalId: name,
    arn: `arn:aws:dynamodb:${region}:000000000000:table/${name}`,
    properties: {
      AttributeDefinitions: [...keys].map(([AttributeName, AttributeType]) => ({ AttributeName, AttributeType })),
      KeySchema: schema(table.partitionKey, table.sortKey),
      ...(local.length === 0
        ? {}
        : {
            LocalSecondaryIndexes: local.map(index => ({
              IndexName: index.name,
              KeySchema: schema(table.partitionKey, index.sortKey),
              Projection: { ProjectionType: 'ALL' },
            })),
          }),
      ...(global.length === 0
        ? {}
        : {
            GlobalSecondaryIndexes: global.map(index => ({
              IndexName: index.name,
              KeySchema: schema(index.partitionKey, index.sortKey),
              Projection: { ProjectionType: 'ALL' },
            })),
          }),
    },
  }
}
