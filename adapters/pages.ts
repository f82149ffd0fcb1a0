import { QueryCommand } from '@aws-sdk/lib-dynamodb'
import type { Table } from '#protocol/tables.ts'
import { dynamodb } from './clients/dynamodb.ts'
import { required } from './environment.ts'
import type { Item } from './items.ts'

/** Rows of one partition in the order of their sort key. `next` is the sort key that the following page comes after. */
export interface Page<Row> {
  readonly rows: readonly Row[]
  readonly next?: string
}

interface PageOptions {
  readonly table: Table
  readonly index?: string
  readonly partition: { readonly name: string; readonly value: string | number }
  readonly sortKeyName: string
  /** Only the row of this sort key. */
  readonly sortKey?: string | undefined
  /** Only rows whose sort keys lie between these, themselves included. */
  readonly between?: readonly [from: string, to: string] | readonly [from: number, to: number]
  readonly newestFirst?: boolean
  /** Attributes and what they must be: a value, or one of a list. */
  readonly matching?: Item
  readonly limit: number
  /** Where to begin: the whole key of the item that the page comes after. */
  readonly after?: Item
}

/**
 * A filter looks at items that it then leaves out: however few match, a page ends after so many reads, perhaps with
 * fewer rows than asked for, and says where to go on.
 */
const mostReads = 8
const fewestItemsOfRead = 100

export const page = async <Row>(options: PageOptions, rowOf: (item: Item) => Row): Promise<Page<Row>> => {
  const {
    table,
    index,
    partition,
    sortKeyName,
    sortKey,
    between,
    newestFirst = false,
    matching = {},
    limit,
    after,
  } = options
  const filters = Object.entries(matching).filter(([, value]) => value !== undefined)
  const names: Record<string, string> = { '#partition': partition.name }
  const values: Record<string, unknown> = { ':partition': partition.value }
  const conditions = filters.map(([name, value]) => {
    names[`#${name}`] = name
    if (!Array.isArray(value)) {
      values[`:${name}`] = value
      return `#${name} = :${name}`
    }
    const choices = value.map((choice: unknown, position) => {
      values[`:${name}${position}`] = choice
      return `:${name}${position}`
    })
    return `#${name} IN (${choices.join(', ')})`
  })
  if (sortKey !== undefined) {
    names['#sort'] = sortKeyName
    values[':sort'] = sortKey
  }
  if (between !== undefined) {
    names['#sort'] = sortKeyName
    values[':from'] = between[0]
    values[':to'] = between[1]
  }
  const sortCondition =
    between !== undefined ? ' AND #sort BETWEEN :from AND :to' : sortKey === undefined ? '' : ' AND #sort = :sort'
  const items: Item[] = []
  let from: Item | undefined = after
  for (let reads = 0; reads < mostReads; reads++) {
    const { Items = [], LastEvaluatedKey } = await dynamodb().send(
      new QueryCommand({
        TableName: required(table.environmentVariable),
        ...(index === undefined ? { ConsistentRead: true } : { IndexName: index }),
        KeyConditionExpression: `#partition = :partition${sortCondition}`,
        ...(conditions.length === 0 ? {} : { FilterExpression: conditions.join(' AND ') }),
        ExpressionAttributeNames: names,
        ExpressionAttributeValues: values,
        ScanIndexForward: !newestFirst,
        // One more than asked for tells whether there is a next page.
        Limit: filters.length === 0 ? limit + 1 - items.length : Math.max(fewestItemsOfRead, limit + 1),
        ...(from === undefined ? {} : { ExclusiveStartKey: { ...from } }),
      }),
    )
    items.push(...Items)
    from = LastEvaluatedKey
    if (items.length > limit || from === undefined) break
  }
  const rows = items.slice(0, limit).map(rowOf)
  const last = items.length > limit ? items[limit - 1] : from
  return last === undefined ? { rows } : { rows, next: String(last[sortKeyName]) }
}
