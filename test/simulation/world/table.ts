/** Tables as DynamoDB keeps them: items by key, conditions, transactions of all or nothing. */
import {
  ConditionalCheckFailedException,
  DynamoDBServiceException,
  IdempotentParameterMismatchException,
  ResourceNotFoundException,
  TransactionCanceledException,
} from '@aws-sdk/client-dynamodb'
import type {
  BatchGetCommandInput,
  BatchWriteCommandInput,
  DeleteCommandInput,
  GetCommandInput,
  PutCommandInput,
  QueryCommandInput,
  ScanCommandInput,
  TransactGetCommandInput,
  TransactWriteCommandInput,
  UpdateCommandInput,
} from '@aws-sdk/lib-dynamodb'
import type { Table } from '#protocol/tables.ts'
import {
  type Bindings,
  checkUsed,
  holds,
  InvalidExpression,
  type Item,
  isEqual,
  ordered,
  updated,
} from './expressions.ts'
import type { SimProcess } from './scheduler.ts'

export type { Item } from './expressions.ts'

export interface ItemChanged {
  /** As the product names it: `orders`. */
  readonly table: string
  readonly before: Item | undefined
  readonly after: Item | undefined
}

/** All that one write or transaction has changed, right after it has. */
export type TableWatcher = (changes: readonly ItemChanged[], by: SimProcess | undefined) => void

type Key = string | number
/** Where an item lies, or would. */
interface Place {
  readonly definition: Table
  /** Of its partition, by sort key. */
  readonly items: Map<Key, Item>
  readonly sort: Key
  readonly key: Item
  readonly before: Item | undefined
}

type Change = ItemChanged & Pick<Place, 'items' | 'sort'>

interface Stored {
  readonly definition: Table
  /** By partition key and sort key; of a table without a sort key by '' there. */
  readonly rows: Map<Key, Map<Key, Item>>
}

type Conditional = Pick<
  PutCommandInput,
  | 'ConditionExpression'
  | 'ExpressionAttributeNames'
  | 'ExpressionAttributeValues'
  | 'ReturnValuesOnConditionCheckFailure'
>

const $metadata = {}

export const invalid = (message: string): DynamoDBServiceException =>
  new DynamoDBServiceException({ name: 'ValidationException', $fault: 'client', $metadata, message })

/** Longer than a client's token is remembered. */
const tokenMillis = 600_000

export class SimTables {
  private readonly tables = new Map<string, Stored>()
  private readonly watchers: TableWatcher[] = []
  private readonly tokens = new Map<string, { readonly text: string; readonly atMillis: number }>()
  private readonly now: () => number

  constructor(definitions: readonly Table[], now: () => number) {
    for (const definition of definitions) this.tables.set(definition.name, { definition, rows: new Map() })
    this.now = now
  }

  clear(): void {
    this.tables.clear()
    this.watchers.length = 0
    this.tokens.clear()
  }

  watch(watcher: TableWatcher): void {
    this.watchers.push(watcher)
  }

  /** Every item, in no particular order; of the store itself: not to be changed. */
  items(name: string): readonly Item[] {
    const items: Item[] = []
    for (const partition of this.table(name).rows.values()) items.push(...partition.values())
    return items
  }

  item(name: string, key: Item): Item | undefined {
    return this.place(name, key).before
  }

  /** As an administrator would, past all conditions; undefined takes it away. */
  set(name: string, key: Item, item: Item | undefined): void {
    this.apply([changed(this.place(name, key), item === undefined ? undefined : marshalled(item))], undefined)
  }

  // What the commands do, each at one instant. By whom it is asked is for the watchers.

  get({ TableName, Key }: GetCommandInput): { Item?: Record<string, unknown> } {
    const { before } = this.keyed({ TableName, Key })
    return before === undefined ? {} : { Item: told(before) }
  }

  put(input: PutCommandInput, by: SimProcess | undefined): object {
    const { TableName, Item: item = {}, ReturnValues } = input
    const place = this.place(TableName, item)
    this.check(input, place.before)
    this.apply([changed(place, marshalled(item))], by)
    return ReturnValues === 'ALL_OLD' ? { Attributes: place.before && told(place.before) } : {}
  }

  update(input: UpdateCommandInput, by: SimProcess | undefined): object {
    const place = this.keyed(input)
    this.check(input, place.before)
    const change = updateOf(place, input)
    this.apply([change], by)
    switch (input.ReturnValues) {
      case 'ALL_OLD':
        return { Attributes: change.before && told(change.before) }
      case 'ALL_NEW':
        return { Attributes: change.after && told(change.after) }
      case 'UPDATED_NEW':
        return { Attributes: changedOf(change.before, change.after) }
      case 'UPDATED_OLD':
        return { Attributes: changedOf(change.after, change.before) }
      default:
        return {}
    }
  }

  delete(input: DeleteCommandInput, by: SimProcess | undefined): object {
    const place = this.keyed(input)
    this.check(input, place.before)
    this.apply([changed(place, undefined)], by)
    return input.ReturnValues === 'ALL_OLD' ? { Attributes: place.before && told(place.before) } : {}
  }

  query(input: QueryCommandInput): object {
    const { TableName, IndexName, KeyConditionExpression: text = '', ScanIndexForward: isForward = true } = input
    const stored = this.table(TableName)
    const { definition } = stored
    const index = IndexName === undefined ? undefined : indexOf(definition, IndexName)
    if (index?.isGlobal === true && input.ConsistentRead === true)
      throw invalid('Consistent reads are not supported on global secondary indexes')
    const partitionName = index?.partition ?? definition.partitionKey.name
    const sortName = index === undefined ? definition.sortKey?.name : index.sort
    const bindings = bindingsOf(input)
    const partition = partitionAsked(text, partitionName, bindings)
    const candidates =
      index?.isGlobal === true ? this.items(definition.name) : [...(stored.rows.get(partition)?.values() ?? [])]
    const found = candidates.filter(
      item =>
        item[partitionName] === partition &&
        (sortName === undefined || item[sortName] !== undefined) &&
        guarded(() => holds(text, item, bindings)),
    )
    guarded(() => checkUsed(bindings, text, undefined, input.FilterExpression))
    if (sortName !== undefined)
      found.sort((one, other) => ordered(one[sortName], other[sortName]) * (isForward ? 1 : -1))
    return page(found, input, stored, sortName, isForward)
  }

  scan(input: ScanCommandInput): object {
    const stored = this.table(input.TableName)
    guarded(() => checkUsed(bindingsOf(input), undefined, undefined, input.FilterExpression))
    return page([...this.items(stored.definition.name)], input, stored, undefined, true)
  }

  transactGet({ TransactItems = [] }: TransactGetCommandInput): object {
    return { Responses: TransactItems.map(({ Get }) => this.get({ TableName: Get?.TableName, Key: Get?.Key })) }
  }

  batchGet({ RequestItems = {} }: BatchGetCommandInput): object {
    const Responses: Record<string, unknown[]> = {}
    for (const [TableName, { Keys = [] }] of Object.entries(RequestItems))
      Responses[TableName] = Keys.flatMap(Key => this.get({ TableName, Key }).Item ?? [])
    return { Responses, UnprocessedKeys: {} }
  }

  /** Item by item: no transaction. */
  batchWrite({ RequestItems = {} }: BatchWriteCommandInput, by: SimProcess | undefined): object {
    for (const [TableName, requests] of Object.entries(RequestItems))
      for (const { PutRequest, DeleteRequest } of requests) {
        if (PutRequest !== undefined) this.put({ TableName, Item: PutRequest.Item }, by)
        if (DeleteRequest !== undefined) this.delete({ TableName, Key: DeleteRequest.Key }, by)
      }
    return { UnprocessedItems: {} }
  }

  /** The same token again within ten minutes does nothing again; an empty one is none. */
  transactWrite(input: TransactWriteCommandInput, token: string, by: SimProcess | undefined): object {
    const { TransactItems: items = [] } = input
    if (items.length === 0 || items.length > 100) throw invalid(`a transaction of ${items.length} items`)
    const text = input.ClientRequestToken === undefined ? '' : JSON.stringify(items)
    const asked = this.tokens.get(token)
    if (asked !== undefined && this.now() - asked.atMillis < tokenMillis) {
      if (asked.text !== text)
        throw new IdempotentParameterMismatchException({ message: 'the token was of another transaction', $metadata })
      return {}
    }
    const changes: Change[] = []
    const codes: string[] = []
    const seen = new Map<ReadonlyMap<Key, Item>, Set<Key>>()
    let isRefused = false
    for (const { ConditionCheck, Put, Update, Delete } of items) {
      const conditional: Conditional = ConditionCheck ?? Put ?? Update ?? Delete ?? {}
      const place =
        Put === undefined ? this.keyed(ConditionCheck ?? Update ?? Delete) : this.place(Put.TableName, Put.Item ?? {})
      const sorts = seen.get(place.items)
      if (sorts === undefined) seen.set(place.items, new Set([place.sort]))
      else if (sorts.has(place.sort))
        throw invalid('Transaction request cannot include multiple operations on one item')
      else sorts.add(place.sort)
      const isHeld = this.holds(conditional, Update?.UpdateExpression, place.before)
      codes.push(isHeld ? 'None' : 'ConditionalCheckFailed')
      if (!isHeld) isRefused = true
      if (isRefused || ConditionCheck !== undefined) continue
      if (Put !== undefined) changes.push(changed(place, marshalled(Put.Item ?? {})))
      else if (Update !== undefined) changes.push(updateOf(place, Update))
      else changes.push(changed(place, undefined))
    }
    if (isRefused) throw transactionCancelled(codes)
    if (token !== '') this.tokens.set(token, { text, atMillis: this.now() })
    this.apply(changes, by)
    return {}
  }

  /** Of an item whose key is given by itself. */
  private keyed(input: Pick<DeleteCommandInput, 'TableName' | 'Key'> | undefined): Place {
    if (input?.Key === undefined) throw invalid('no key is given')
    const { TableName, Key } = input
    const place = this.place(TableName, Key)
    let count = 0
    for (const _ in Key) count++
    if (count !== (place.definition.sortKey === undefined ? 1 : 2))
      throw invalid('The provided key element does not match the schema')
    return place
  }

  private place(name: string | undefined, item: Item): Place {
    const { definition, rows } = this.table(name)
    const partition = keyPart(item, definition.partitionKey)
    const sort = definition.sortKey === undefined ? '' : keyPart(item, definition.sortKey)
    let items = rows.get(partition)
    if (items === undefined) {
      items = new Map()
      rows.set(partition, items)
    }
    return { definition, items, sort, key: item, before: items.get(sort) }
  }

  private table(name: string | undefined): Stored {
    const stored = this.tables.get(name ?? '')
    if (stored === undefined) throw new ResourceNotFoundException({ message: `no table is called ${name}`, $metadata })
    return stored
  }

  private holds(conditional: Conditional, update: string | undefined, before: Item | undefined): boolean {
    const bindings = bindingsOf(conditional)
    const { ConditionExpression } = conditional
    return guarded(() => {
      checkUsed(bindings, ConditionExpression, update)
      return holds(ConditionExpression, before, bindings)
    })
  }

  private check(conditional: Conditional & { UpdateExpression?: string | undefined }, before: Item | undefined): void {
    if (this.holds(conditional, conditional.UpdateExpression, before)) return
    const failure = new ConditionalCheckFailedException({ message: 'The conditional request failed', $metadata })
    // The document client gives it as a plain item, whatever its type says.
    if (conditional.ReturnValuesOnConditionCheckFailure === 'ALL_OLD' && before !== undefined)
      Object.assign(failure, { Item: told(before) })
    throw failure
  }

  private apply(changes: readonly Change[], by: SimProcess | undefined): void {
    for (const { items, sort, after } of changes)
      if (after === undefined) items.delete(sort)
      else items.set(sort, after)
    for (const watcher of this.watchers) watcher(changes, by)
  }
}

const changed = ({ definition, items, sort, before }: Place, after: Item | undefined): Change => ({
  table: definition.name,
  items,
  sort,
  before,
  after,
})

const updateOf = (
  place: Place,
  { UpdateExpression, ...bound }: { readonly UpdateExpression?: string | undefined } & Conditional,
): Change => {
  const { definition, key, before } = place
  if (UpdateExpression === undefined) return changed(place, before ?? marshalled(key))
  const after = guarded(() => updated(UpdateExpression, before, key, bindingsOf(bound), marshalledValue))
  for (const name of [definition.partitionKey.name, definition.sortKey?.name])
    if (name !== undefined && after[name] !== key[name])
      throw invalid(`Cannot update attribute ${name}. This attribute is part of the key`)
  return changed(place, after)
}

export const transactionCancelled = (codes: readonly string[]): TransactionCanceledException =>
  new TransactionCanceledException({
    message: `Transaction cancelled, please refer cancellation reasons for specific reasons [${codes.join(', ')}]`,
    CancellationReasons: codes.map(Code => ({ Code })),
    $metadata,
  })

const bindingsOf = ({
  ExpressionAttributeNames: names,
  ExpressionAttributeValues: values,
}: Pick<Conditional, 'ExpressionAttributeNames' | 'ExpressionAttributeValues'>): Bindings => ({ names, values })

const guarded = <Result>(run: () => Result): Result => {
  try {
    return run()
  } catch (error) {
    throw error instanceof InvalidExpression ? invalid(error.message) : error
  }
}

const keyPart = (item: Item, { name, type }: Table['partitionKey']): Key => {
  const value = item[name]
  if (type === 'N' && typeof value === 'number') return value
  if (type === 'S' && typeof value === 'string' && value !== '') return value
  throw invalid(`The key attribute ${name} is no ${type}: ${String(value)}`)
}
const changedOf = (one: Item | undefined, other: Item | undefined): Item =>
  Object.fromEntries(
    Object.entries(other ?? {}).filter(([name, value]) => value !== undefined && !isEqual(value, one?.[name])),
  )

const indexOf = (definition: Table, name: string) => {
  const local = definition.localIndexes?.find(index => index.name === name)
  if (local !== undefined)
    return { isGlobal: false, partition: definition.partitionKey.name, sort: local.sortKey.name } as const
  const global = definition.globalIndexes?.find(index => index.name === name)
  if (global === undefined) throw invalid(`The table does not have the specified index: ${name}`)
  return { isGlobal: true, partition: global.partitionKey.name, sort: global.sortKey?.name } as const
}

/** Name and value of each, by the text of the condition. */
const equalities = new Map<string, readonly (readonly [name: string, value: string])[]>()

const equalitiesIn = (text: string) => {
  let known = equalities.get(text)
  if (known === undefined) {
    known = [...text.matchAll(/([#\w]+)\s*=\s*(:\w+)/g)].map(([, name = '', value = '']) => [name, value] as const)
    equalities.set(text, known)
  }
  return known
}

const partitionAsked = (text: string, partitionName: string, { names, values }: Bindings): Key => {
  for (const [name, value] of equalitiesIn(text))
    if ((names?.[name] ?? name) === partitionName) {
      const asked = values?.[value]
      if (typeof asked === 'string' || typeof asked === 'number') return asked
    }
  throw invalid(`Query condition missed key schema element: ${partitionName}`)
}

/** Limit counts what is looked at, before the filter. */
const page = (
  found: readonly Item[],
  input: Pick<
    QueryCommandInput,
    'Limit' | 'ExclusiveStartKey' | 'FilterExpression' | 'ExpressionAttributeNames' | 'ExpressionAttributeValues'
  >,
  stored: Stored,
  sortName: string | undefined,
  isForward: boolean,
): object => {
  const { Limit, ExclusiveStartKey: after, FilterExpression } = input
  const isBeyond = (item: Item): boolean => {
    if (after === undefined) return true
    if (sortName !== undefined) return ordered(item[sortName], after[sortName]) * (isForward ? 1 : -1) > 0
    return false
  }
  const startAt =
    after === undefined || sortName !== undefined ? 0 : found.findIndex(item => isSameKey(stored, item, after)) + 1
  const rest = sortName === undefined ? found.slice(startAt) : found.filter(isBeyond)
  const read = Limit === undefined ? rest : rest.slice(0, Limit)
  const bindings = bindingsOf(input)
  const last = read.length < rest.length || (Limit !== undefined && read.length === Limit) ? read.at(-1) : undefined
  const Items = read.filter(item => guarded(() => holds(FilterExpression, item, bindings))).map(told)
  return {
    Items,
    Count: Items.length,
    ScannedCount: read.length,
    ...(last === undefined ? {} : { LastEvaluatedKey: keyOf(stored, last, sortName) }),
  }
}

const isSameKey = ({ definition }: Stored, one: Item, other: Item): boolean =>
  [definition.partitionKey, definition.sortKey].every(key => key === undefined || one[key.name] === other[key.name])

const keyOf = ({ definition }: Stored, item: Item, sortName: string | undefined): Item => {
  const names = [definition.partitionKey.name, definition.sortKey?.name, sortName]
  return Object.fromEntries(names.flatMap(name => (name === undefined ? [] : [[name, item[name]]])))
}

/**
 * What the document client does with an item on its way: a copy. What is undefined is absent, but stays in it: a copy
 * whose attributes are added one by one becomes a hash table, which is several times as slow to make and to use.
 */
const marshalled = (item: Item): Item => {
  const copy: Record<string, unknown> = { ...item }
  for (const name in item) {
    const value = item[name]
    if (typeof value === 'string' || typeof value === 'boolean' || value === undefined) continue
    if (typeof value === 'number') checkNumber(value, name)
    else copy[name] = marshalledValue(value, name)
  }
  return copy
}

/** A copy as it is answered: without what is absent. */
const told = (item: Item): Item => {
  const copy: Record<string, unknown> = {}
  for (const name in item) if (item[name] !== undefined) copy[name] = item[name]
  return copy
}

const checkNumber = (value: number, name: string): void => {
  if (!Number.isFinite(value) || Math.abs(value) > Number.MAX_SAFE_INTEGER)
    throw new Error(`the number ${value} of ${name} cannot be marshalled`)
}

const marshalledValue = (value: unknown, name: string): unknown => {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value
    case 'number':
      checkNumber(value, name)
      return value
    case 'bigint':
      return Number(value)
    case 'object': {
      if (value === null) return null
      if (value instanceof Uint8Array) return Uint8Array.from(value)
      if (value instanceof Set) {
        if (value.size === 0) throw invalid(`an empty set: ${name}`)
        return new Set(value)
      }
      if (Array.isArray(value)) return value.filter(each => each !== undefined).map(each => marshalledValue(each, name))
      return marshalled({ ...value })
    }
    default:
      throw new Error(`a ${typeof value} cannot be marshalled: ${name}`)
  }
}
