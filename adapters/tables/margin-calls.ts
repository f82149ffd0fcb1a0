import { GetCommand } from '@aws-sdk/lib-dynamodb'
import { tables } from '#protocol/tables.ts'
import { accountNumberOf } from '../account-keys.ts'
import { dynamodb } from '../clients/dynamodb.ts'
import { required } from '../environment.ts'
import { type Item, integer, text, truth } from '../items.ts'
import { page } from '../pages.ts'
import { store, type Write } from '../writes.ts'

/** An account that needed more than it had, as the engine found it. */
export interface MarginCallRow {
  readonly lane: number
  readonly accountId: number
  /** Of the event that told it; they grow. */
  readonly outSeq: number
  readonly eventId: string
  readonly epochVersion: number
  readonly equityMicros: number
  readonly requirementMicros: number
  readonly calledAtMillis: number
}

/** What the last call that was answered has led to: those that come while it is under way lead to nothing more. */
export interface AnsweredCall {
  readonly lane: number
  readonly accountId: number
  readonly liquidationId: string
  readonly isOver: boolean
  /** The event that ended it: only a call after it is another one. Empty while it is under way. */
  readonly overEventId: string
}

const table = tables.marginCalls
const answeredCall = 'answered'
/** Answered comes before them in the order of keys. */
const callOf = (outSeq: number): string => `call#${String(outSeq).padStart(16, '0')}`

export const marginCallPut = (row: MarginCallRow): Write => ({
  kind: 'put',
  table,
  item: {
    account_number: accountNumberOf(row.lane, row.accountId),
    call: callOf(row.outSeq),
    lane: row.lane,
    account_id: row.accountId,
    out_seq: row.outSeq,
    event_id: row.eventId,
    epoch_version: row.epochVersion,
    equity_micros: row.equityMicros,
    requirement_micros: row.requirementMicros,
    called_at_millis: row.calledAtMillis,
  },
})

/** Undefined where the image of the table's stream is of another row. */
export const marginCallOf = (item: Item): MarginCallRow | undefined =>
  text(item, 'call') === answeredCall ? undefined : rowOf(item)

/** The same of what a call has led to. */
export const answeredCallOf = (item: Item): AnsweredCall | undefined =>
  text(item, 'call') === answeredCall ? answeredOf(item) : undefined

/** Consistent. */
export const newestMarginCall = async (lane: number, accountId: number): Promise<MarginCallRow | undefined> => {
  const { rows } = await page(
    {
      table,
      partition: { name: 'account_number', value: accountNumberOf(lane, accountId) },
      sortKeyName: 'call',
      between: [callOf(0), callOf(Number.MAX_SAFE_INTEGER)],
      newestFirst: true,
      limit: 1,
    },
    rowOf,
  )
  return rows[0]
}

/** Consistent. */
export const getAnsweredCall = async (lane: number, accountId: number): Promise<AnsweredCall | undefined> => {
  const { Item } = await dynamodb().send(
    new GetCommand({
      TableName: required(table.environmentVariable),
      Key: { account_number: accountNumberOf(lane, accountId), call: answeredCall },
      ConsistentRead: true,
    }),
  )
  return Item === undefined ? undefined : answeredOf(Item)
}

/** Only where it is as it was read; false where it is not. */
export const replaceAnsweredCall = (row: AnsweredCall, read: AnsweredCall | undefined): Promise<boolean> =>
  store({
    ...answeredCallPut(row),
    onlyIf: { liquidation_id: read?.liquidationId, is_over: read?.isOver },
  })

export const answeredCallPut = (row: AnsweredCall): Extract<Write, { readonly kind: 'put' }> => ({
  kind: 'put',
  table,
  item: {
    account_number: accountNumberOf(row.lane, row.accountId),
    call: answeredCall,
    lane: row.lane,
    account_id: row.accountId,
    liquidation_id: row.liquidationId,
    is_over: row.isOver,
    over_event_id: row.overEventId,
  },
})

const rowOf = (item: Item): MarginCallRow => ({
  lane: integer(item, 'lane'),
  accountId: integer(item, 'account_id'),
  outSeq: integer(item, 'out_seq'),
  eventId: text(item, 'event_id'),
  epochVersion: integer(item, 'epoch_version'),
  equityMicros: integer(item, 'equity_micros'),
  requirementMicros: integer(item, 'requirement_micros'),
  calledAtMillis: integer(item, 'called_at_millis'),
})

const answeredOf = (item: Item): AnsweredCall => ({
  lane: integer(item, 'lane'),
  accountId: integer(item, 'account_id'),
  liquidationId: text(item, 'liquidation_id'),
  isOver: truth(item, 'is_over'),
  overEventId: text(item, 'over_event_id'),
})
