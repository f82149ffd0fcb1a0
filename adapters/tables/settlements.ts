import { GetCommand } from '@aws-sdk/lib-dynamodb'
import {
  type SettlementName,
  type SettlementState,
  settlementNamed,
  settlementStates,
  settlementText,
} from '#domain/settlement/settlement-name.ts'
import { tables } from '#protocol/tables.ts'
import { dynamodb } from '../clients/dynamodb.ts'
import { required } from '../environment.ts'
import { type Item, integer, listOf, oneOf, optional, text } from '../items.ts'
import { marketKeyOf } from '../market-keys.ts'
import { type Page, page } from '../pages.ts'
import { store } from '../writes.ts'

/** One payment of a market: how far it has come, and the price with all that it was computed from. */
export interface SettlementRow extends SettlementName {
  readonly lane: number
  readonly instrumentId: number
  readonly instrumentName: string
  readonly tickSize: string
  readonly state: SettlementState
  /** Counts how often it was begun, from 1. */
  readonly attempt: number
  /** Nothing that was observed later counts. */
  readonly dueAtMillis: number
  readonly startedAtMillis: number
  readonly updatedAtMillis: number
  /** Since when it has lacked observations alone: how long they are waited for counts from there. */
  readonly waitingSinceMillis?: number
  readonly missing: readonly string[]
  /** With `inputs` from when it was computed on, and never changed again. */
  readonly priceTicks?: number
  readonly inputs?: Readonly<Record<string, unknown>>
  /** Of the command that pays it. */
  readonly commandId?: string
  /** What the last attempt failed by. */
  readonly failure?: string
}

const table = tables.settlements

/** Consistent. */
export const getSettlement = async (
  lane: number,
  instrumentId: number,
  name: SettlementName,
): Promise<SettlementRow | undefined> => {
  const { Item } = await dynamodb().send(
    new GetCommand({
      TableName: required(table.environmentVariable),
      Key: { market: marketKeyOf(lane, instrumentId), settlement: settlementText(name) },
      ConsistentRead: true,
    }),
  )
  return Item === undefined ? undefined : rowOf(Item)
}

/** Of a market, by kind and number, the newest of each kind first; consistent. */
export const listSettlements = (
  lane: number,
  instrumentId: number,
  options: { readonly limit: number; readonly after?: string },
): Promise<Page<SettlementRow>> =>
  page(
    {
      table,
      partition: { name: 'market', value: marketKeyOf(lane, instrumentId) },
      sortKeyName: 'settlement',
      newestFirst: true,
      limit: options.limit,
      ...(options.after === undefined
        ? {}
        : { after: { market: marketKeyOf(lane, instrumentId), settlement: options.after } }),
    },
    rowOf,
  )

/** All legs or all distributions of a market, by number; consistent. */
export const settlementsOfKind = async (
  lane: number,
  instrumentId: number,
  kind: 'leg' | 'distribution',
): Promise<readonly SettlementRow[]> => {
  const found: SettlementRow[] = []
  let after: string | undefined
  do {
    const { rows, next } = await page(
      {
        table,
        partition: { name: 'market', value: marketKeyOf(lane, instrumentId) },
        sortKeyName: 'settlement',
        between: [
          settlementText({ kind, number: (found.at(-1)?.number ?? 0) + 1 }),
          settlementText({ kind, number: 9_999 }),
        ],
        limit: rowsOfRead,
      },
      rowOf,
    )
    found.push(...rows)
    after = next
  } while (after !== undefined)
  return found
}

const rowsOfRead = 100

/** Only where it is as it was read (undefined: was never begun); false where it is not. */
export const replaceSettlement = (row: SettlementRow, read: SettlementRow | undefined): Promise<boolean> =>
  store({
    kind: 'put',
    table,
    item: itemOf(row),
    onlyIf: {
      settlement_state: read?.state,
      attempt: read?.attempt,
      updated_at_millis: read?.updatedAtMillis,
      price_ticks: read?.priceTicks,
    },
  })

/** The last day of whose variation settlements all have ended; 0 before the first. */
export const getVariationDay = async (lane: number): Promise<number> => {
  const { Item } = await dynamodb().send(
    new GetCommand({ TableName: required(table.environmentVariable), Key: variationKey(lane), ConsistentRead: true }),
  )
  return Item === undefined ? 0 : integer(Item, 'day')
}

export const putVariationDay = (lane: number, day: number): Promise<boolean> =>
  store({ kind: 'put', table, item: { ...variationKey(lane), day } })

/** No market has that name. */
const variationKey = (lane: number) => ({ market: `lane#${lane}`, settlement: 'variation-day' })

const itemOf = (row: SettlementRow): Item => ({
  market: marketKeyOf(row.lane, row.instrumentId),
  settlement: settlementText(row),
  lane: row.lane,
  instrument_id: row.instrumentId,
  instrument_name: row.instrumentName,
  tick_size: row.tickSize,
  settlement_state: row.state,
  attempt: row.attempt,
  due_at_millis: row.dueAtMillis,
  started_at_millis: row.startedAtMillis,
  updated_at_millis: row.updatedAtMillis,
  waiting_since_millis: row.waitingSinceMillis,
  missing: row.missing,
  price_ticks: row.priceTicks,
  inputs: row.inputs === undefined ? undefined : JSON.stringify(row.inputs),
  command_id: row.commandId,
  failure: row.failure,
})

const rowOf = (item: Item): SettlementRow => ({
  ...nameOf(item),
  lane: integer(item, 'lane'),
  instrumentId: integer(item, 'instrument_id'),
  instrumentName: text(item, 'instrument_name'),
  tickSize: text(item, 'tick_size'),
  state: oneOf(item, 'settlement_state', settlementStates),
  attempt: integer(item, 'attempt'),
  dueAtMillis: integer(item, 'due_at_millis'),
  startedAtMillis: integer(item, 'started_at_millis'),
  updatedAtMillis: integer(item, 'updated_at_millis'),
  ...optional('waitingSinceMillis', item, 'waiting_since_millis', integer),
  missing: listOf(item, 'missing').map(String),
  ...optional('priceTicks', item, 'price_ticks', integer),
  ...optional(
    'inputs',
    item,
    'inputs',
    (from, name): Readonly<Record<string, unknown>> => JSON.parse(text(from, name)),
  ),
  ...optional('commandId', item, 'command_id', text),
  ...optional('failure', item, 'failure', text),
})

const nameOf = (item: Item): SettlementName => {
  const name = settlementNamed(text(item, 'settlement'))
  if (name === undefined) throw new Error(`${text(item, 'settlement')} names no settlement`)
  return name
}
