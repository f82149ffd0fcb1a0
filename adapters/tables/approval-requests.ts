import { GetCommand } from '@aws-sdk/lib-dynamodb'
import { tables } from '#protocol/tables.ts'
import { dynamodb } from '../clients/dynamodb.ts'
import { required } from '../environment.ts'
import { type Item, oneOf, text } from '../items.ts'
import { page } from '../pages.ts'
import { type TwoPersonRequest, twoPersonItem, twoPersonRequestIn } from '../two-persons.ts'
import { store } from '../writes.ts'

const approvalKinds = ['risk', 'limit-scaling', 'fund-withdrawal'] as const
export type ApprovalKind = (typeof approvalKinds)[number]

/** What one person has asked for and another one must approve before anything comes of it. */
export interface ApprovalRow extends TwoPersonRequest {
  readonly kind: ApprovalKind
  readonly requestId: string
  /** What was asked for, and what it was asked for in place of: JSON, as whoever asks reads it again. */
  readonly asked: string
  readonly base: string
  readonly reason: string
}

const table = tables.approvalRequests
const keptSeconds = 30 * 86_400

export const getApproval = async (kind: ApprovalKind, requestId: string): Promise<ApprovalRow | undefined> => {
  const { Item } = await dynamodb().send(
    new GetCommand({
      TableName: required(table.environmentVariable),
      Key: { kind, request_id: requestId },
      ConsistentRead: true,
    }),
  )
  return Item === undefined ? undefined : rowOf(Item)
}

/** By id, of which the last is the newest unless they have names. */
export const listApprovals = async (kind: ApprovalKind, most: number): Promise<readonly ApprovalRow[]> => {
  const { rows } = await page(
    { table, partition: { name: 'kind', value: kind }, sortKeyName: 'request_id', newestFirst: true, limit: most },
    rowOf,
  )
  return rows
}

/** False where it has been approved in between, or is there already. */
export const replaceApproval = (row: ApprovalRow, read: ApprovalRow | undefined): Promise<boolean> =>
  store({
    kind: 'put',
    table,
    item: {
      kind: row.kind,
      request_id: row.requestId,
      asked: row.asked,
      base: row.base,
      reason: row.reason,
      ...twoPersonItem(row),
      expires_at: Math.floor(row.requestedAtMillis / 1_000) + keptSeconds,
    },
    onlyIf: { requested_at_millis: read?.requestedAtMillis, approved_at_millis: read?.approvedAtMillis },
  })

const rowOf = (item: Item): ApprovalRow => ({
  kind: oneOf(item, 'kind', approvalKinds),
  requestId: text(item, 'request_id'),
  asked: text(item, 'asked'),
  base: text(item, 'base'),
  reason: text(item, 'reason'),
  ...twoPersonRequestIn(item),
})
