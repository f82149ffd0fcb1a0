import { GetCommand } from '@aws-sdk/lib-dynamodb'
import { type LimitTerms, limitScopes, noLimits } from '#domain/trading/limit-terms.ts'
import { tables } from '#protocol/tables.ts'
import { dynamodb } from '../clients/dynamodb.ts'
import { required } from '../environment.ts'
import { type Item, integer, oneOf, text } from '../items.ts'
import { page } from '../pages.ts'
import { type TwoPersonRequest, twoPersonItem, twoPersonRequestIn } from '../two-persons.ts'
import { store } from '../writes.ts'
import { type LimitSubject, limitTermsIn } from './risk-limits.ts'

/** A request that limits become looser, with all that the command takes. */
export interface LimitRequestRow extends LimitSubject, TwoPersonRequest {
  readonly lane: number
  readonly requestId: string
  /** Of the command that sets them, once it is approved: the same for each repeat. */
  readonly commandId: string
  readonly terms: LimitTerms
  /** In force when it was asked for: it is not for any others. */
  readonly baseTerms: LimitTerms
  readonly reason: string
}

const table = tables.limitRequests
const keptSeconds = 30 * 86_400

/** A request's id begins with its lane. */
export const limitRequestIdOf = (lane: number, uuid: string): string => `${lane}-${uuid}`
const keyOf = (requestId: string) => ({ lane: requestId.slice(0, requestId.indexOf('-')), request_id: requestId })

export const getLimitRequest = async (requestId: string): Promise<LimitRequestRow | undefined> => {
  const { Item } = await dynamodb().send(
    new GetCommand({
      TableName: required(table.environmentVariable),
      Key: keyOf(requestId),
      ConsistentRead: true,
    }),
  )
  return Item === undefined ? undefined : rowOf(Item)
}

/** Newest first. */
export const newestLimitRequests = async (lane: number, most: number): Promise<readonly LimitRequestRow[]> => {
  const { rows } = await page(
    {
      table,
      partition: { name: 'lane', value: String(lane) },
      sortKeyName: 'request_id',
      newestFirst: true,
      limit: most,
    },
    rowOf,
  )
  return rows
}

/** False where it has been approved in between, or is there already. */
export const replaceLimitRequest = (row: LimitRequestRow, read: LimitRequestRow | undefined): Promise<boolean> =>
  store({
    kind: 'put',
    table,
    item: itemOf(row),
    onlyIf: { command_id: read?.commandId, approved_at_millis: read?.approvedAtMillis },
  })

const itemOf = (row: LimitRequestRow): Item => ({
  ...keyOf(row.requestId),
  command_id: row.commandId,
  scope: row.scope,
  account_id: row.accountId,
  firm: row.firm,
  instrument_id: row.instrumentId,
  terms: row.terms,
  base_terms: row.baseTerms,
  reason: row.reason,
  ...twoPersonItem(row),
  expires_at: Math.floor(row.requestedAtMillis / 1_000) + keptSeconds,
})

const rowOf = (item: Item): LimitRequestRow => ({
  lane: Number(text(item, 'lane')),
  requestId: text(item, 'request_id'),
  commandId: text(item, 'command_id'),
  scope: oneOf(item, 'scope', limitScopes),
  accountId: integer(item, 'account_id'),
  firm: text(item, 'firm'),
  instrumentId: integer(item, 'instrument_id'),
  terms: limitTermsIn(item),
  // One of before this was kept can only be asked for again.
  baseTerms: item['base_terms'] === undefined ? noLimits : limitTermsIn(item, 'base_terms'),
  reason: text(item, 'reason'),
  ...twoPersonRequestIn(item),
})
