import { GetCommand } from '@aws-sdk/lib-dynamodb'
import type { LegSide, Opportunity } from '#domain/partners/arbitrage.ts'
import type { ExecutionProgress } from '#domain/partners/arbitrage-execution.ts'
import type { ArbitrageRefusal } from '#domain/partners/arbitrage-policy.ts'
import type { PlaceOrder } from '#domain/trading/commands.ts'
import {
  type ArbitrageOrigin,
  type ArbitrageState,
  type ArbitrageStepKind,
  arbitrageOrigins,
  arbitrageStates,
  arbitrageStepKinds,
} from '#protocol/arbitrage.ts'
import { tables } from '#protocol/tables.ts'
import { dynamodb } from '../clients/dynamodb.ts'
import { required } from '../environment.ts'
import { type Item, integer, oneOf, optional, text } from '../items.ts'
import { type Page, page } from '../pages.ts'
import { store, transact, type Write } from '../writes.ts'

/** A leg that is an order, with what its contract was when it was found. */
export interface OrderLeg {
  readonly leg: LegSide
  readonly instrumentName: string
  readonly instrumentId: number
  readonly specificationVersion: number
  readonly lots: number
  readonly limitTicks: number
  readonly tickSize: string
  readonly minTradeAmount: string
  readonly microsPerTickLot: number
  readonly maxPriceTicks: number
  readonly takerCommissionPpm: number
}

/** A leg that is bought of a partner. */
export interface PurchaseLeg {
  readonly offerId: string
  readonly units: number
  readonly fromMillis: number
  readonly untilMillis: number
  /** The first tier's, as it was offered. */
  readonly priceMicrosPerUnitHour: number
}

/** Lots that were filled, and that nobody took back. */
export interface Residual {
  readonly instrumentName: string
  readonly direction: LegSide
  readonly lots: number
  readonly minTradeAmount: string
}

/** An execution, or a decision that came to none: its head, beside which lie its steps. */
export interface ExecutionRow {
  readonly executionId: string
  readonly account: string
  readonly accountId: number
  readonly lane: number
  readonly state: ArbitrageState
  readonly origin: ArbitrageOrigin
  readonly opportunityId: string
  readonly opportunity: Opportunity
  readonly orders: readonly OrderLeg[]
  readonly purchase?: PurchaseLeg
  readonly refusals: readonly ArbitrageRefusal[]
  readonly unwindSlippagePpm: number
  /** Counts how often its workflow was started, from 1; 0 of a decision. */
  readonly attempt: number
  readonly createdAtMillis: number
  readonly updatedAtMillis: number
  /** From here on once they are known. */
  readonly purchaseId?: string
  readonly realisedNetMicros?: number
  readonly residuals: readonly Residual[]
  readonly failure?: string
}

export interface ExecutionStepRow {
  readonly executionId: string
  /** Dense, from 1. */
  readonly step: number
  readonly kind: ArbitrageStepKind
  readonly state: 'decided' | 'done'
  readonly leg?: LegSide
  /** That does it, exactly as it goes out. */
  readonly command?: PlaceOrder
  /** Before the step while it is decided, after it once it is done. */
  readonly progress: ExecutionProgress
  readonly decidedAtMillis: number
  readonly doneAtMillis?: number
  readonly result?: string
}

const table = tables.arbitrageExecutions
const headRow = 'head'
const stepRow = (step: number): string => `step#${String(step).padStart(6, '0')}`
/** How heads are listed. */
const createdKey = (createdAtMillis: number, executionId: string): string =>
  `${new Date(createdAtMillis).toISOString()}#${executionId}`

const get = async (executionId: string, row: string): Promise<Item | undefined> => {
  const { Item } = await dynamodb().send(
    new GetCommand({
      TableName: required(table.environmentVariable),
      Key: { execution_id: executionId, row },
      ConsistentRead: true,
    }),
  )
  return Item
}

// ——— Heads

/** Consistent. */
export const getExecution = async (executionId: string): Promise<ExecutionRow | undefined> => {
  const item = await get(executionId, headRow)
  return item === undefined ? undefined : headOf(item)
}

/** What was put first stays: false where it was. */
export const putExecution = (row: ExecutionRow): Promise<boolean> =>
  store({ ...executionPut(row), onlyIf: { execution_id: undefined } })

/** False where it has changed since it was read. */
export const replaceExecution = (row: ExecutionRow, read: ExecutionRow): Promise<boolean> =>
  store({ ...executionPut(row), onlyIf: onlyIfAsRead(read) })

const onlyIfAsRead = (read: ExecutionRow): Item => ({
  execution_state: read.state,
  attempt: read.attempt,
  updated_at_millis: read.updatedAtMillis,
})

export const executionPut = (row: ExecutionRow): Extract<Write, { readonly kind: 'put' }> => ({
  kind: 'put',
  table,
  item: {
    execution_id: row.executionId,
    row: headRow,
    account: row.account,
    created_key: createdKey(row.createdAtMillis, row.executionId),
    account_id: row.accountId,
    lane: row.lane,
    execution_state: row.state,
    origin: row.origin,
    opportunity_id: row.opportunityId,
    opportunity: JSON.stringify(row.opportunity),
    orders: JSON.stringify(row.orders),
    purchase: row.purchase === undefined ? undefined : JSON.stringify(row.purchase),
    refusals: JSON.stringify(row.refusals),
    unwind_slippage_ppm: row.unwindSlippagePpm,
    attempt: row.attempt,
    created_at_millis: row.createdAtMillis,
    updated_at_millis: row.updatedAtMillis,
    purchase_id: row.purchaseId,
    realised_net_micros: row.realisedNetMicros,
    residuals: JSON.stringify(row.residuals),
    failure: row.failure,
  },
})

/** Newest first; from an index, so that a new one may be missing for a moment. */
export const listExecutions = (
  account: string,
  options: { readonly limit: number; readonly after?: string; readonly state?: ArbitrageState },
): Promise<Page<ExecutionRow>> =>
  page(
    {
      table,
      index: 'by-account',
      partition: { name: 'account', value: account },
      sortKeyName: 'created_key',
      newestFirst: true,
      matching: { execution_state: options.state },
      limit: options.limit,
      ...(options.after === undefined
        ? {}
        : {
            after: {
              account,
              created_key: options.after,
              execution_id: options.after.slice(options.after.indexOf('#') + 1),
              row: headRow,
            },
          }),
    },
    headOf,
  )

const executionsOfRead = 200

/** All of an account since an instant; from the same index. */
export const executionsSince = async (account: string, sinceMillis: number): Promise<readonly ExecutionRow[]> => {
  const found: ExecutionRow[] = []
  for (let from = createdKey(sinceMillis, ''); ; ) {
    const { rows, next } = await page(
      {
        table,
        index: 'by-account',
        partition: { name: 'account', value: account },
        sortKeyName: 'created_key',
        between: [from, '~'],
        limit: executionsOfRead,
      },
      headOf,
    )
    found.push(...rows)
    if (next === undefined) return found
    from = `${next}~`
  }
}

/** Undefined where the image of the table's stream is of another row. */
export const executionOf = (item: Item): ExecutionRow | undefined =>
  text(item, 'row') === headRow ? headOf(item) : undefined

// What is JSON in it only we write: it was such when it was written.
const headOf = (item: Item): ExecutionRow => ({
  executionId: text(item, 'execution_id'),
  account: text(item, 'account'),
  accountId: integer(item, 'account_id'),
  lane: integer(item, 'lane'),
  state: oneOf(item, 'execution_state', arbitrageStates),
  origin: oneOf(item, 'origin', arbitrageOrigins),
  opportunityId: text(item, 'opportunity_id'),
  opportunity: JSON.parse(text(item, 'opportunity')),
  orders: JSON.parse(text(item, 'orders')),
  ...optional('purchase', item, 'purchase', (from, name): PurchaseLeg => JSON.parse(text(from, name))),
  refusals: JSON.parse(text(item, 'refusals')),
  unwindSlippagePpm: integer(item, 'unwind_slippage_ppm'),
  attempt: integer(item, 'attempt'),
  createdAtMillis: integer(item, 'created_at_millis'),
  updatedAtMillis: integer(item, 'updated_at_millis'),
  ...optional('purchaseId', item, 'purchase_id', text),
  ...optional('realisedNetMicros', item, 'realised_net_micros', integer),
  residuals: JSON.parse(text(item, 'residuals')),
  ...optional('failure', item, 'failure', text),
})

// ——— Steps

/** Consistent. */
export const getExecutionStep = async (executionId: string, step: number): Promise<ExecutionStepRow | undefined> => {
  const item = await get(executionId, stepRow(step))
  return item === undefined ? undefined : stepOf(item)
}

/** What was decided first stays decided: false where something was. */
export const decideExecutionStep = (row: ExecutionStepRow): Promise<boolean> =>
  store({ ...stepPut(row), onlyIf: { row: undefined } })

/** With what the head is from then on; false where it was done before. */
export const finishExecutionStep = (
  row: ExecutionStepRow,
  head: { readonly row: ExecutionRow; readonly read: ExecutionRow },
): Promise<boolean> =>
  transact([
    { ...stepPut(row), onlyIf: { step_state: 'decided' } },
    { ...executionPut(head.row), onlyIf: onlyIfAsRead(head.read) },
  ])

/** By number; consistent. There are few: two orders, their unwinding, and the purchase's. */
export const listExecutionSteps = async (executionId: string): Promise<readonly ExecutionStepRow[]> =>
  (
    await page(
      {
        table,
        partition: { name: 'execution_id', value: executionId },
        sortKeyName: 'row',
        between: [stepRow(1), stepRow(999_999)],
        limit: executionsOfRead,
      },
      stepOf,
    )
  ).rows

const stepPut = (row: ExecutionStepRow): Extract<Write, { readonly kind: 'put' }> => ({
  kind: 'put',
  table,
  item: {
    execution_id: row.executionId,
    row: stepRow(row.step),
    step: row.step,
    step_kind: row.kind,
    step_state: row.state,
    leg: row.leg,
    command: row.command === undefined ? undefined : JSON.stringify(row.command),
    progress: JSON.stringify(row.progress),
    decided_at_millis: row.decidedAtMillis,
    done_at_millis: row.doneAtMillis,
    result: row.result,
  },
})

const stepOf = (item: Item): ExecutionStepRow => ({
  executionId: text(item, 'execution_id'),
  step: integer(item, 'step'),
  kind: oneOf(item, 'step_kind', arbitrageStepKinds),
  state: oneOf(item, 'step_state', ['decided', 'done']),
  ...optional('leg', item, 'leg', (from, name) => oneOf(from, name, ['buy', 'sell'])),
  ...optional('command', item, 'command', (from, name): PlaceOrder => JSON.parse(text(from, name))),
  progress: JSON.parse(text(item, 'progress')),
  decidedAtMillis: integer(item, 'decided_at_millis'),
  ...optional('doneAtMillis', item, 'done_at_millis', integer),
  ...optional('result', item, 'result', text),
})
