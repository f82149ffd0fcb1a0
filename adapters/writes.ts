import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb'
import {
  PutCommand,
  type PutCommandInput,
  TransactWriteCommand,
  UpdateCommand,
  type UpdateCommandInput,
} from '@aws-sdk/lib-dynamodb'
import type { Table } from '#protocol/tables.ts'
import { type Backoff, failedConditions } from './backoff.ts'
import { dynamodb } from './clients/dynamodb.ts'
import { required } from './environment.ts'
import type { Item } from './items.ts'

/**
 * A change of one item as data, so that several changes of the same item can be made one before anything is sent.
 * `onlyIf` names attributes and what they must be; undefined means absent.
 */
export type Write = Put | Update

interface Put {
  readonly kind: 'put'
  readonly table: Table
  readonly item: Item
  readonly onlyIf?: Item
}

interface Update {
  readonly kind: 'update'
  readonly table: Table
  readonly key: Item
  /** Attributes whose value is undefined are left as they are. */
  readonly set: Item
  readonly remove?: readonly string[]
  readonly onlyIf?: Item
}

/** Tells items apart: two writes with the same text change the same item. */
export const itemOf = (write: Write): string => {
  const { name, partitionKey, sortKey } = write.table
  const key = write.kind === 'put' ? write.item : write.key
  const partition = String(key[partitionKey.name])
  // With its length: then it cannot be taken for another with a part of what follows.
  return `${name} ${partition.length} ${partition}${sortKey === undefined ? '' : ` ${String(key[sortKey.name])}`}`
}

/** The one write that does what both do, one after the other. Only the earlier one may have a condition. */
export const coalesce = (earlier: Write, later: Write): Write => {
  if (later.onlyIf !== undefined)
    throw new Error(`${itemOf(later)}: a condition cannot be merged into a write before it`)
  if (later.kind === 'put') return earlier.onlyIf === undefined ? later : { ...later, onlyIf: earlier.onlyIf }
  const { set, remove = none } = later
  if (earlier.kind === 'put') return { ...earlier, item: changed(earlier.item, set, remove) }
  return {
    ...earlier,
    set: changed(earlier.set, set, remove),
    remove: removedAfter(earlier.remove ?? none, remove, set),
  }
}

const none: readonly string[] = []

/**
 * A copy. Once for each event that is projected: what is removed is set to undefined, which is as absent, since an object
 * that something was deleted from, or that many are added to by name, becomes a hash table.
 */
const changed = (item: Item, set: Item, removed: readonly string[]): Item => {
  const copy: Record<string, unknown> = { ...item }
  for (const name of removed) if (name in copy) copy[name] = undefined
  for (const name in set) if (set[name] !== undefined) copy[name] = set[name]
  return copy
}

const removedAfter = (earlier: readonly string[], later: readonly string[], set: Item): readonly string[] =>
  earlier.length === 0 && later.length === 0
    ? later
    : [...new Set([...earlier, ...later])].filter(name => set[name] === undefined)

/** One write; false where its condition does not hold. */
export const store = async (write: Write): Promise<boolean> => {
  try {
    if (write.kind === 'put') await dynamodb().send(new PutCommand(putInput(write)))
    else await dynamodb().send(new UpdateCommand(updateInput(write)))
    return true
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return false
    throw error
  }
}

/** DynamoDB's own bound. */
export const mostItemsOfTransaction = 100
const backoff: Backoff = { mostAttempts: 5, firstPauseMillis: 25 }

/**
 * All of the writes or none; false where a condition does not hold. Whatever else cancels the transaction (a conflict
 * with another one, throttling) is tried again a few times and thrown then.
 */
export const transact = async (writes: readonly Write[]): Promise<boolean> => {
  const command = new TransactWriteCommand({
    TransactItems: writes.map(write =>
      write.kind === 'put' ? { Put: putInput(write) } : { Update: updateInput(write) },
    ),
  })
  return (await failedConditions(() => dynamodb().send(command), backoff)) === undefined
}

const putInput = ({ table, item, onlyIf }: Put): PutCommandInput => {
  if (onlyIf === undefined) return { TableName: required(table.environmentVariable), Item: item }
  const expression = expressions()
  const condition = expression.condition(onlyIf)
  return {
    TableName: required(table.environmentVariable),
    Item: item,
    ...condition,
    ...expression.attributes(),
  }
}

const updateInput = ({
  table,
  key,
  set,
  remove = [],
  onlyIf,
}: Update): UpdateCommandInput & { UpdateExpression: string } => {
  const expression = expressions()
  const assignments: string[] = []
  for (const name in set)
    if (set[name] !== undefined) assignments.push(`${expression.name(name)} = ${expression.value(set[name])}`)
  const clauses = [
    ...(assignments.length === 0 ? [] : [`SET ${assignments.join(', ')}`]),
    ...(remove.length === 0 ? [] : [`REMOVE ${remove.map(expression.name).join(', ')}`]),
  ]
  return {
    TableName: required(table.environmentVariable),
    Key: { ...key },
    UpdateExpression: clauses.join(' '),
    ...expression.condition(onlyIf),
    ...expression.attributes(),
  }
}

/** Placeholders for every name and value: none can be a reserved word. */
const expressions = () => {
  const names: Record<string, string> = {}
  const values: Record<string, unknown> = {}
  const name = (attribute: string): string => {
    const placeholder = `#${attribute}`
    names[placeholder] = attribute
    return placeholder
  }
  let count = 0
  const value = (given: unknown): string => {
    const placeholder = `:v${count++}`
    values[placeholder] = given
    return placeholder
  }
  return {
    name,
    value,
    condition: (onlyIf: Item | undefined): { ConditionExpression?: string } =>
      onlyIf === undefined
        ? {}
        : {
            ConditionExpression: Object.entries(onlyIf)
              .map(([attribute, given]) =>
                given === undefined
                  ? `attribute_not_exists(${name(attribute)})`
                  : `${name(attribute)} = ${value(given)}`,
              )
              .join(' AND '),
          },
    attributes: () => ({
      ExpressionAttributeNames: names,
      ...(count === 0 ? {} : { ExpressionAttributeValues: values }),
    }),
  }
}
