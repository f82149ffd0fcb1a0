import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb'
import { DynamoDBDocumentClient, GetCommand, PutCommand, QueryCommand } from '@aws-sdk/lib-dynamodb'
import { mockClient } from 'aws-sdk-client-mock'
import { type Table, type TableName, tables } from '#protocol/tables.ts'

type Item = Readonly<Record<string, unknown>>

/** The tables in memory, as far as the reads and conditional puts of the HTTP operations go. */
export interface MockedTables {
  /** Puts an item as a projector would. */
  seed(table: TableName, ...items: readonly Item[]): void
  items(table: TableName): readonly Item[]
  /** How often each kind of request was made. */
  count(kind: 'get' | 'put' | 'query'): number
  /** Every request fails so, until the next reset. */
  fail(error: Error): void
  reset(): void
}

export const mockTables = (): MockedTables => {
  const mock = mockClient(DynamoDBDocumentClient)
  const stored = new Map<string, Map<string, Item>>()
  const declared = new Map<string, Table>()
  for (const table of Object.values<Table>(tables)) {
    process.env[table.environmentVariable] = `test-${table.name}`
    declared.set(`test-${table.name}`, table)
  }
  const tableNamed = (name: string | undefined): { table: Table; rows: Map<string, Item> } => {
    const table = declared.get(name ?? '')
    if (table === undefined) throw new Error(`no table is called ${name}`)
    const rows = stored.get(table.name) ?? new Map<string, Item>()
    stored.set(table.name, rows)
    return { table, rows }
  }
  const keyOf = (table: Table, item: Item): string => {
    const key = [table.partitionKey, ...(table.sortKey === undefined ? [] : [table.sortKey])].map(({ name, type }) => {
      if (typeof item[name] !== (type === 'N' ? 'number' : 'string'))
        throw new Error(`the key attribute ${name} of ${table.name} is ${JSON.stringify(item[name])}`)
      return item[name]
    })
    return JSON.stringify(key)
  }
  const put = (name: string | undefined, item: Item, condition: string | undefined): void => {
    const { table, rows } = tableNamed(name)
    if (condition !== undefined && !condition.startsWith('attribute_not_exists('))
      throw new Error(`the condition ${condition} is not mocked`)
    const key = keyOf(table, item)
    if (condition !== undefined && rows.has(key))
      throw new ConditionalCheckFailedException({ message: 'The conditional request failed', $metadata: {} })
    rows.set(key, JSON.parse(JSON.stringify(item)))
  }
  const answer = (): void => {
    mock.on(GetCommand).callsFake(input => {
      const { table, rows } = tableNamed(input.TableName)
      const item = rows.get(keyOf(table, input.Key))
      return item === undefined ? {} : { Item: item }
    })
    mock.on(PutCommand).callsFake(input => {
      put(input.TableName, input.Item, input.ConditionExpression)
      return {}
    })
    mock.on(QueryCommand).callsFake(input => {
      const { table, rows } = tableNamed(input.TableName)
      const index = [...(table.localIndexes ?? []), ...(table.globalIndexes ?? [])].find(
        ({ name }) => name === input.IndexName,
      )
      const sort = (index ?? table).sortKey?.name ?? ''
      const holds = (expression: string | undefined) => (item: Item) =>
        (expression ?? '').split(' AND ').every(term => {
          if (term === '') return true
          const [, name = '', value = ''] = /^(\S+) = (\S+)$/.exec(term) ?? []
          return item[input.ExpressionAttributeNames?.[name] ?? name] === input.ExpressionAttributeValues?.[value]
        })
      const forwards = input.ScanIndexForward === false ? -1 : 1
      const found = [...rows.values()]
        .filter(holds(input.KeyConditionExpression))
        .sort((one, other) => (String(one[sort]) < String(other[sort]) ? -forwards : forwards))
      const after = input.ExclusiveStartKey?.[sort]
      const rest =
        after === undefined
          ? found
          : found.filter(item => (String(item[sort]) > String(after) ? 1 : -1) === forwards && item[sort] !== after)
      const read = rest.slice(0, input.Limit ?? rest.length)
      const last = read.length < rest.length ? read.at(-1) : undefined
      return {
        Items: read.filter(holds(input.FilterExpression)),
        ...(last === undefined ? {} : { LastEvaluatedKey: last }),
      }
    })
  }
  answer()
  return {
    seed(name, ...items) {
      for (const item of items) put(`test-${tables[name].name}`, item, undefined)
    },
    items: name => [...(stored.get(tables[name].name)?.values() ?? [])],
    count(kind) {
      if (kind === 'get') return mock.commandCalls(GetCommand).length
      return kind === 'put' ? mock.commandCalls(PutCommand).length : mock.commandCalls(QueryCommand).length
    },
    fail(error) {
      mock.reset()
      mock.onAnyCommand().rejects(error)
    },
    reset() {
      stored.clear()
      mock.reset()
      answer()
    },
  }
}
