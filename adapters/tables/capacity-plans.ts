import { gunzipSync, gzipSync } from 'node:zlib'
import { GetCommand } from '@aws-sdk/lib-dynamodb'
import type { PlanCertificate } from '#domain/capacity/plan-capacity.ts'
import type { BoundBy } from '#domain/capacity/plan-explanation.ts'
import { type CapacityPlanState, capacityPlanStates } from '#protocol/capacity.ts'
import { tables } from '#protocol/tables.ts'
import { dynamodb } from '../clients/dynamodb.ts'
import { required } from '../environment.ts'
import { bytes, type Item, integer, oneOf, optional, text } from '../items.ts'
import { page } from '../pages.ts'
import { store, transact } from '../writes.ts'
import type { AllocationShare } from './capacity-allocations.ts'

/** A plan of all open requests. */
export interface PlanRow {
  readonly planId: string
  readonly state: CapacityPlanState
  /** Counts how often its workflow was started, from 1. */
  readonly attempt: number
  /** Who asked for it; the exchange itself where absent. */
  readonly account?: string
  readonly requestedAtMillis: number
  readonly updatedAtMillis: number
  /** From here on once it is made. */
  readonly madeAtMillis?: number
  readonly requests: number
  readonly served: number
  readonly costMicros: number
  readonly certificate?: PlanCertificate
  readonly failure?: string
}

export interface DecisionRow {
  readonly allocationId: string
  readonly account: string
  readonly boundBy: BoundBy
  readonly explanation: string
  readonly served?: {
    readonly startMillis: number
    readonly endMillis: number
    readonly costMicros: number
    readonly shares: readonly AllocationShare[]
  }
}

const table = tables.capacityPlans
const headRow = 'head'
const decisionsRow = (part: number): string => `decisions#${String(part).padStart(6, '0')}`
/** No plan has that id. */
const currentKey = { plan_id: 'current', row: headRow } as const

/** Consistent. */
export const getPlan = async (planId: string): Promise<PlanRow | undefined> => {
  const { Item } = await dynamodb().send(
    new GetCommand({
      TableName: required(table.environmentVariable),
      Key: { plan_id: planId, row: headRow },
      ConsistentRead: true,
    }),
  )
  return Item === undefined ? undefined : planOf(Item)
}

/** Which plan is the last one. Consistent. */
export const getCurrentPlanId = async (): Promise<string | undefined> => {
  const { Item } = await dynamodb().send(
    new GetCommand({ TableName: required(table.environmentVariable), Key: currentKey, ConsistentRead: true }),
  )
  return Item === undefined ? undefined : text(Item, 'current')
}

/** As the one after the last that was read: false where another one has come since, or this one was begun before. */
export const beginPlan = (row: PlanRow, after: string | undefined): Promise<boolean> =>
  transact([
    { kind: 'put', table, item: planItem(row), onlyIf: { plan_state: undefined } },
    { kind: 'put', table, item: { ...currentKey, current: row.planId }, onlyIf: { current: after } },
  ])

/** Only where it is as it was read. */
export const replacePlan = (row: PlanRow, read: PlanRow): Promise<boolean> =>
  store({
    kind: 'put',
    table,
    item: planItem(row),
    onlyIf: { plan_state: read.state, attempt: read.attempt, updated_at_millis: read.updatedAtMillis },
  })

const decisionsOfPart = 100

/** Before the head that says that the plan is made: until then nobody reads them. */
export const putDecisions = async (planId: string, decisions: readonly DecisionRow[]): Promise<void> => {
  for (let at = 0; at < decisions.length; at += decisionsOfPart)
    await store({
      kind: 'put',
      table,
      item: {
        plan_id: planId,
        row: decisionsRow(at / decisionsOfPart),
        body: gzipSync(JSON.stringify(decisions.slice(at, at + decisionsOfPart))),
      },
    })
}

/** All, in the order of their allocations; consistent. */
export const decisionsOf = async (planId: string): Promise<readonly DecisionRow[]> => {
  const found: DecisionRow[] = []
  for (let from = decisionsRow(0); ; ) {
    const { rows, next } = await page(
      {
        table,
        partition: { name: 'plan_id', value: planId },
        sortKeyName: 'row',
        between: [from, 'decisions#~'],
        limit: 20,
      },
      decisionsIn,
    )
    for (const part of rows) found.push(...part)
    if (next === undefined) return found
    from = `${next}~`
  }
}

const decisionsIn = (item: Item): readonly DecisionRow[] =>
  JSON.parse(new TextDecoder().decode(gunzipSync(bytes(item, 'body'))))

const planItem = (row: PlanRow): Item => ({
  plan_id: row.planId,
  row: headRow,
  plan_state: row.state,
  attempt: row.attempt,
  account: row.account,
  requested_at_millis: row.requestedAtMillis,
  updated_at_millis: row.updatedAtMillis,
  made_at_millis: row.madeAtMillis,
  requests: row.requests,
  served: row.served,
  cost_micros: row.costMicros,
  certificate: row.certificate === undefined ? undefined : JSON.stringify(row.certificate),
  failure: row.failure,
})

const planOf = (item: Item): PlanRow => ({
  planId: text(item, 'plan_id'),
  state: oneOf(item, 'plan_state', capacityPlanStates),
  attempt: integer(item, 'attempt'),
  ...optional('account', item, 'account', text),
  requestedAtMillis: integer(item, 'requested_at_millis'),
  updatedAtMillis: integer(item, 'updated_at_millis'),
  ...optional('madeAtMillis', item, 'made_at_millis', integer),
  requests: integer(item, 'requests'),
  served: integer(item, 'served'),
  costMicros: integer(item, 'cost_micros'),
  ...optional('certificate', item, 'certificate', (from, name): PlanCertificate => JSON.parse(text(from, name))),
  ...optional('failure', item, 'failure', text),
})
