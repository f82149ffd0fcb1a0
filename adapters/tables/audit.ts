import { GetCommand, QueryCommand } from '@aws-sdk/lib-dynamodb'
import { type ChainEnd, genesis } from '#domain/compliance/audit-chain.ts'
import { tables } from '#protocol/tables.ts'
import { dynamodb } from '../clients/dynamodb.ts'
import { required } from '../environment.ts'
import { type Item, integer, text } from '../items.ts'
import { type Page, page } from '../pages.ts'
import { mostItemsOfTransaction, transact } from '../writes.ts'

/** One record as it was chained; `text` is its line, to the byte. */
export interface AuditRow {
  readonly id: string
  readonly date: string
  readonly number: number
  readonly text: string
}

/** Where the chain stands, and from which number on its last records were written together. */
export interface AuditHead extends ChainEnd {
  readonly segmentFirst: number
}

const table = tables.audit
const index = 'by-date'
/** No record is called so: their ids begin with who told them. */
const headId = 'head'

/** The head goes with the records. */
export const mostRecordsAtOnce = mostItemsOfTransaction - 1

const get = async (id: string): Promise<Item | undefined> => {
  const { Item } = await dynamodb().send(
    new GetCommand({ TableName: required(table.environmentVariable), Key: { record_id: id }, ConsistentRead: true }),
  )
  return Item
}

export const getAuditHead = async (): Promise<AuditHead> => {
  const item = await get(headId)
  return item === undefined
    ? { ...genesis, segmentFirst: 0 }
    : {
        date: text(item, 'head_date'),
        number: integer(item, 'head_number'),
        hash: text(item, 'head_hash'),
        segmentFirst: integer(item, 'segment_first'),
      }
}

export const isChained = async (id: string): Promise<boolean> => (await get(id)) !== undefined

/** All of the records and the new head, or nothing: false where the head has moved on or a record is there already. */
export const appendAuditRecords = (rows: readonly AuditRow[], before: AuditHead, now: AuditHead): Promise<boolean> =>
  transact([
    ...rows.map(row => ({
      kind: 'put' as const,
      table,
      item: { record_id: row.id, date: row.date, number: row.number, text: row.text },
      onlyIf: { record_id: undefined },
    })),
    {
      kind: 'put',
      table,
      item: {
        record_id: headId,
        head_date: now.date,
        head_number: now.number,
        head_hash: now.hash,
        segment_first: now.segmentFirst,
      },
      onlyIf: before.number === 0 ? { record_id: undefined } : { head_hash: before.hash },
    },
  ])

/** A day's records in the order of the chain. By an index: the newest may take a moment to appear. */
export const listAuditRecords = (
  date: string,
  options: { readonly limit: number; readonly after?: { readonly number: number; readonly id: string } },
): Promise<Page<AuditRow>> => {
  const { limit, after } = options
  return page(
    {
      table,
      index,
      partition: { name: 'date', value: date },
      sortKeyName: 'number',
      limit,
      ...(after === undefined ? {} : { after: { date, number: after.number, record_id: after.id } }),
    },
    rowOf,
  )
}

/** The records that were chained together; fewer than there are while the index has not caught up. */
export const recordsOfSegment = async (
  date: string,
  { first, last }: { readonly first: number; readonly last: number },
): Promise<readonly AuditRow[]> => {
  const { Items = [] } = await dynamodb().send(
    new QueryCommand({
      TableName: required(table.environmentVariable),
      IndexName: index,
      KeyConditionExpression: '#date = :date AND #number BETWEEN :first AND :last',
      ExpressionAttributeNames: { '#date': 'date', '#number': 'number' },
      ExpressionAttributeValues: { ':date': date, ':first': first, ':last': last },
    }),
  )
  return Items.map(rowOf)
}

const rowOf = (item: Item): AuditRow => ({
  id: text(item, 'record_id'),
  date: text(item, 'date'),
  number: integer(item, 'number'),
  text: text(item, 'text'),
})
