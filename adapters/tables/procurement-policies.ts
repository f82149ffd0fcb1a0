import { GetCommand } from '@aws-sdk/lib-dynamodb'
import {
  type ProcurementMode,
  type ProcurementResult,
  procurementModes,
  procurementResults,
} from '#domain/capacity/procurement.ts'
import { tables } from '#protocol/tables.ts'
import { dynamodb } from '../clients/dynamodb.ts'
import { required } from '../environment.ts'
import { type Item, integer, itemIn, itemsOf, oneOf, optional, text } from '../items.ts'
import { type Page, page } from '../pages.ts'
import { store } from '../writes.ts'

export interface ProcurementPolicyRow {
  readonly account: string
  /** Of the day-ahead auction: `H100.USE`. */
  readonly market: string
  /** Counts how often it was set, from 1. */
  readonly version: number
  /** Counts every write, from 1. */
  readonly revision: number
  readonly mode: ProcurementMode
  /** For each delivery date, commission included. */
  readonly budgetMicros: number
  readonly mostPriceMicros?: number
  readonly coveredUnits: number
  readonly mostUnits?: number
  readonly setAtMillis: number
  readonly setBy: string
  readonly lastRun?: ProcurementRun
}

/** What it came to for a delivery date. */
export interface ProcurementRun {
  readonly deliveryDate: string
  readonly result: ProcurementResult
  /** Stored before they are bid, so that whatever is tried again is the same bid. */
  readonly steps: readonly ProcurementStep[]
  readonly costMicros: number
  readonly units: number
  readonly bidId?: string
  readonly reason?: string
  readonly atMillis: number
}

export interface ProcurementStep {
  readonly hour: number
  readonly priceMicros: number
  readonly lots: number
}

const table = tables.procurementPolicies
const active = 'yes'
const rowsOfRead = 200
const keyOf = ({ account, market }: Pick<ProcurementPolicyRow, 'account' | 'market'>): string => `${account}#${market}`

/** Consistent. */
export const getProcurementPolicy = async (
  account: string,
  market: string,
): Promise<ProcurementPolicyRow | undefined> => {
  const { Item } = await dynamodb().send(
    new GetCommand({ TableName: required(table.environmentVariable), Key: { account, market }, ConsistentRead: true }),
  )
  return Item === undefined ? undefined : rowOf(Item)
}

/** In the order of their markets. */
export const procurementPoliciesOf = (
  account: string,
  limit: number,
  after?: string,
): Promise<Page<ProcurementPolicyRow>> =>
  page(
    {
      table,
      partition: { name: 'account', value: account },
      sortKeyName: 'market',
      limit,
      ...(after !== undefined && { after: { account, market: after } }),
    },
    rowOf,
  )

/** Those that are not off; from an index that lags a little. */
export const activeProcurementPolicies = async (): Promise<readonly ProcurementPolicyRow[]> => {
  const found: ProcurementPolicyRow[] = []
  for (let after: { readonly after?: Item } = {}; ; ) {
    const { rows, next } = await page(
      {
        table,
        index: 'by-activity',
        partition: { name: 'active', value: active },
        sortKeyName: 'policy_key',
        limit: rowsOfRead,
        ...after,
      },
      rowOf,
    )
    found.push(...rows)
    const last = rows.at(-1)
    if (next === undefined || last === undefined) return found
    after = { after: { active, policy_key: keyOf(last), account: last.account, market: last.market } }
  }
}

/** Only as the revision after the one that was read: false where somebody has written another since. */
export const putProcurementPolicy = (row: ProcurementPolicyRow): Promise<boolean> =>
  store({
    kind: 'put',
    table,
    item: {
      account: row.account,
      market: row.market,
      policy_key: keyOf(row),
      ...(row.mode !== 'off' && { active }),
      version: row.version,
      revision: row.revision,
      mode: row.mode,
      budget_micros: row.budgetMicros,
      ...(row.mostPriceMicros !== undefined && { most_price_micros: row.mostPriceMicros }),
      covered_units: row.coveredUnits,
      ...(row.mostUnits !== undefined && { most_units: row.mostUnits }),
      set_at_millis: row.setAtMillis,
      set_by: row.setBy,
      ...(row.lastRun !== undefined && { last_run: itemOfRun(row.lastRun) }),
    },
    onlyIf: { revision: row.revision === 1 ? undefined : row.revision - 1 },
  })

const itemOfRun = (run: ProcurementRun): Item => ({
  delivery_date: run.deliveryDate,
  result: run.result,
  steps: run.steps.map(({ hour, priceMicros, lots }) => ({ hour, price_micros: priceMicros, lots })),
  cost_micros: run.costMicros,
  units: run.units,
  ...(run.bidId !== undefined && { bid_id: run.bidId }),
  ...(run.reason !== undefined && { reason: run.reason }),
  at_millis: run.atMillis,
})

const runOf = (item: Item, name: string): ProcurementRun => {
  const run = itemIn(item, name)
  return {
    deliveryDate: text(run, 'delivery_date'),
    result: oneOf(run, 'result', procurementResults),
    steps: itemsOf(run, 'steps').map(step => ({
      hour: integer(step, 'hour'),
      priceMicros: integer(step, 'price_micros'),
      lots: integer(step, 'lots'),
    })),
    costMicros: integer(run, 'cost_micros'),
    units: integer(run, 'units'),
    ...optional('bidId', run, 'bid_id', text),
    ...optional('reason', run, 'reason', text),
    atMillis: integer(run, 'at_millis'),
  }
}

const rowOf = (item: Item): ProcurementPolicyRow => ({
  account: text(item, 'account'),
  market: text(item, 'market'),
  version: integer(item, 'version'),
  revision: integer(item, 'revision'),
  mode: oneOf(item, 'mode', procurementModes),
  budgetMicros: integer(item, 'budget_micros'),
  ...optional('mostPriceMicros', item, 'most_price_micros', integer),
  coveredUnits: integer(item, 'covered_units'),
  ...optional('mostUnits', item, 'most_units', integer),
  setAtMillis: integer(item, 'set_at_millis'),
  setBy: text(item, 'set_by'),
  ...optional('lastRun', item, 'last_run', runOf),
})
