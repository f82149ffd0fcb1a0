import { ConditionalCheckFailedException, TransactionCanceledException } from '@aws-sdk/client-dynamodb'
import {
  BatchGetCommand,
  DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  type PutCommandInput,
  QueryCommand,
  TransactWriteCommand,
  UpdateCommand,
  type UpdateCommandInput,
} from '@aws-sdk/lib-dynamodb'
import { mockClient } from 'aws-sdk-client-mock'
import { type Table, type TableName, tables } from '#protocol/tables.ts'
import { updateBucket } from './rate-limits.ts'

type Item = Readonly<Record<string, unknown>>

/** The tables in memory, as far as the reads and conditional puts of the HTTP operations go. */
export interface MockedTables {
  /** Puts an item as a projector would. */
  seed(table: TableName, ...items: readonly Item[]): void
  items(table: TableName): readonly Item[]
  /** How often each kind of request was made. */
  count(kind: 'get' | 'put' | 'query'): number
  /** Each write that was asked for, as `<command> <table>`. */
  /** Less the counts of the rate limits. */
  writes(): readonly string[]
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
  type Conditional = Pick<
    UpdateCommandInput,
    'TableName' | 'ConditionExpression' | 'ExpressionAttributeNames' | 'ExpressionAttributeValues'
  >
  /** As adapters/writes.ts writes them: attributes that are absent or equal to a value. */
  const holds = (input: Conditional, key: Item): boolean => {
    const { table, rows } = tableNamed(input.TableName)
    const item = rows.get(keyOf(table, key))
    return (input.ConditionExpression ?? '').split(' AND ').every(term => {
      if (term === '') return true
      const [, absent, name = '', value = ''] = /^(?:attribute_not_exists\((\S+)\)|(\S+) = (\S+))$/.exec(term) ?? []
      if (absent === undefined && value === '') throw new Error(`the condition ${term} is not mocked`)
      const attribute = item?.[input.ExpressionAttributeNames?.[absent ?? name] ?? absent ?? name]
      return attribute === (absent === undefined ? input.ExpressionAttributeValues?.[value] : undefined)
    })
  }
  const put = (name: string | undefined, item: Item): void => {
    const { table, rows } = tableNamed(name)
    const bytes = Object.entries(item).filter(([, value]) => value instanceof Uint8Array)
    rows.set(keyOf(table, item), { ...JSON.parse(JSON.stringify(item)), ...Object.fromEntries(bytes) })
  }
  const update = ({ TableName, Key = {}, ...input }: UpdateCommandInput): void => {
    const { table, rows } = tableNamed(TableName)
    const [, set = '', remove = ''] = /^(?:SET (.+?))?(?: ?REMOVE (.+))?$/.exec(input.UpdateExpression ?? '') ?? []
    const item: Record<string, unknown> = { ...Key, ...rows.get(keyOf(table, Key)) }
    for (const assignment of set.split(', ').filter(Boolean)) {
      const [name = '', value = ''] = assignment.split(' = ')
      item[input.ExpressionAttributeNames?.[name] ?? name] = input.ExpressionAttributeValues?.[value]
    }
    for (const name of remove.split(', ').filter(Boolean)) delete item[input.ExpressionAttributeNames?.[name] ?? name]
    put(TableName, item)
  }
  const refused = () =>
    new ConditionalCheckFailedException({ message: 'The conditional request failed', $metadata: {} })
  const answer = (): void => {
    mock.on(GetCommand).callsFake(input => {
      const { table, rows } = tableNamed(input.TableName)
      const item = rows.get(keyOf(table, input.Key))
      return item === undefined ? {} : { Item: item }
    })
    mock.on(BatchGetCommand).callsFake(({ RequestItems = {} }) => {
      const asked: readonly (readonly [string, { readonly Keys: readonly Item[] }])[] = Object.entries(RequestItems)
      const found = asked.map(([name, { Keys }]) => {
        const { table, rows } = tableNamed(name)
        return [name, Keys.flatMap(key => rows.get(keyOf(table, key)) ?? [])] as const
      })
      return { Responses: Object.fromEntries(found) }
    })
    mock.on(PutCommand).callsFake(input => {
      if (!holds(input, input.Item)) throw refused()
      put(input.TableName, input.Item)
      return {}
    })
    mock.on(UpdateCommand).callsFake(input => {
      const { table, rows } = tableNamed(input.TableName)
      if (table === tables.rateLimits) return updateBucket(rows, keyOf(table, input.Key), input)
      if (!holds(input, input.Key)) throw refused()
      update(input)
      return {}
    })
    mock.on(TransactWriteCommand).callsFake(({ TransactItems = [] }) => {
      const writes: readonly { Put?: PutCommandInput; Update?: UpdateCommandInput }[] = TransactItems
      const CancellationReasons = writes.map(({ Put, Update }) => {
        const isGranted =
          (Put === undefined || holds(Put, Put.Item ?? {})) && (Update === undefined || holds(Update, Update.Key ?? {}))
        return { Code: isGranted ? 'None' : 'ConditionalCheckFailed' }
      })
      if (CancellationReasons.some(({ Code }) => Code !== 'None'))
        throw new TransactionCanceledException({ message: 'cancelled', $metadata: {}, CancellationReasons })
      for (const { Put, Update } of writes) {
        if (Put !== undefined) put(Put.TableName, Put.Item ?? {})
        if (Update !== undefined) update(Update)
      }
      return {}
    })
    mock.on(QueryCommand).callsFake(input => {
      const { table, rows } = tableNamed(input.TableName)
      const index = [...(table.localIndexes ?? []), ...(table.globalIndexes ?? [])].find(
        ({ name }) => name === input.IndexName,
      )
      const sort = (index ?? table).sortKey?.name ?? ''
      const between = / AND (\S+) BETWEEN (\S+) AND (\S+)$/
      const matches = (expression: string | undefined) => (item: Item) => {
        const [, sortName = '', from = '', to = ''] = between.exec(expression ?? '') ?? []
        const value = String(item[input.ExpressionAttributeNames?.[sortName] ?? sortName])
        const bound = (name: string) => String(input.ExpressionAttributeValues?.[name])
        if (sortName !== '' && (value < bound(from) || value > bound(to))) return false
        return (expression ?? '')
          .replace(between, '')
          .split(' AND ')
          .every(term => {
            if (term === '') return true
            const [, listed = '', choices = ''] = /^(\S+) IN \((.+)\)$/.exec(term) ?? []
            if (listed !== '')
              return choices
                .split(', ')
                .some(
                  choice =>
                    item[input.ExpressionAttributeNames?.[listed] ?? listed] ===
                    input.ExpressionAttributeValues?.[choice],
                )
            const [, prefixed = '', prefix = ''] = /^begins_with\((\S+), (\S+)\)$/.exec(term) ?? []
            if (prefixed !== '')
              return String(item[input.ExpressionAttributeNames?.[prefixed] ?? prefixed]).startsWith(bound(prefix))
            const [, name = '', value = ''] = /^(\S+) = (\S+)$/.exec(term) ?? []
            return item[input.ExpressionAttributeNames?.[name] ?? name] === input.ExpressionAttributeValues?.[value]
          })
      }
      const forwards = input.ScanIndexForward === false ? -1 : 1
      const found = [...rows.values()]
        .filter(matches(input.KeyConditionExpression))
        .sort((one, other) => (String(one[sort]) < String(other[sort]) ? -forwards : forwards))
      const after = input.ExclusiveStartKey?.[sort]
      const rest =
        after === undefined
          ? found
          : found.filter(item => (String(item[sort]) > String(after) ? 1 : -1) === forwards && item[sort] !== after)
      const read = rest.slice(0, input.Limit ?? rest.length)
      const last = read.length < rest.length ? read.at(-1) : undefined
      return {
        Items: read.filter(matches(input.FilterExpression)),
        ...(last === undefined ? {} : { LastEvaluatedKey: last }),
      }
    })
  }
  answer()
  return {
    seed(name, ...items) {
      for (const item of items) put(`test-${tables[name].name}`, item)
    },
    items: name => [...(stored.get(tables[name].name)?.values() ?? [])],
    count(kind) {
      if (kind === 'get') return mock.commandCalls(GetCommand).length
      return kind === 'put' ? mock.commandCalls(PutCommand).length : mock.commandCalls(QueryCommand).length
    },
    writes: () =>
      mock.calls().flatMap(({ args: [command] }) => {
        const kind = command.constructor.name
        if (!/Put|Update|Delete|Write/.test(kind)) return []
        const name = 'TableName' in command.input ? String(command.input.TableName) : ''
        // Counting what a credential takes, for some of the requests, is nothing that a request has written.
        if (name === `test-${tables.rateLimits.name}`) return []
        return [`${kind} ${declared.get(name)?.name ?? name}`.trim()]
      }),
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
