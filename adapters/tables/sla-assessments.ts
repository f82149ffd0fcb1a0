import { GetCommand } from '@aws-sdk/lib-dynamodb'
import type { MonthTotals } from '#domain/sla/assessment.ts'
import { tables } from '#protocol/tables.ts'
import { dynamodb } from '../clients/dynamodb.ts'
import { required } from '../environment.ts'
import { type Item, integer, oneOf, optional, text, whole } from '../items.ts'
import { type Page, page } from '../pages.ts'
import { store, type Write } from '../writes.ts'

/** How far an assessment has come, in this order; what failed is begun again. */
export const assessmentStates = ['collecting', 'collected', 'assessed', 'posted', 'credited', 'done', 'failed'] as const
export type AssessmentState = (typeof assessmentStates)[number]

export const breachStates = ['breached', 'withdrawn'] as const
/** Where the payment of a change stands; `none`: nothing has changed, nothing is to be paid. */
export const paymentStates = ['none', 'paid'] as const
export type PaymentState = (typeof paymentStates)[number]

export interface AssessmentRow {
  readonly contractId: string
  readonly month: string
  /** Counts the assessments of the month, from 1; the next one follows after corrections. */
  readonly version: number
  readonly state: AssessmentState
  /** Counts how often this version was begun, from 1. */
  readonly attempt: number
  readonly startedAtMillis: number
  readonly updatedAtMillis: number
  /** What the windows added up to, and at which revision of the month: never changed again. */
  readonly collected?: MonthTotals & { readonly monthRevision: number }
  /** What follows from that: never changed again. */
  readonly due?: {
    /** Of uptimeTotal. */
    readonly uptimeUp: bigint
    readonly uptimeTotal: bigint
    readonly creditPpm: number
    readonly penaltyMicros: number
  }
  /** Undefined: neither it nor the version before found any. */
  readonly breach?: (typeof breachStates)[number]
  /** What stood before it was posted. */
  readonly previousPenaltyMicros?: number
  readonly paymentState?: PaymentState
  readonly failure?: string
}

const table = tables.slaAssessments
const versionDigits = 6
const rowsOfRead = 200

export const assessmentKeyOf = ({ month, version }: Pick<AssessmentRow, 'month' | 'version'>): string =>
  `${month}#${String(version).padStart(versionDigits, '0')}`

/** Consistent. */
export const getAssessment = async (
  contractId: string,
  month: string,
  version: number,
): Promise<AssessmentRow | undefined> => {
  const { Item } = await dynamodb().send(
    new GetCommand({
      TableName: required(table.environmentVariable),
      Key: { contract_id: contractId, assessment_key: assessmentKeyOf({ month, version }) },
      ConsistentRead: true,
    }),
  )
  return Item === undefined ? undefined : rowOf(Item)
}

/** The last version of each month, by month. */
export const lastAssessments = async (contractId: string): Promise<ReadonlyMap<string, AssessmentRow>> => {
  const last = new Map<string, AssessmentRow>()
  let after: string | undefined
  do {
    const { rows, next }: Page<AssessmentRow> = await page(
      {
        ...partition(contractId),
        limit: rowsOfRead,
        ...(after === undefined ? {} : { after: { contract_id: contractId, assessment_key: after } }),
      },
      rowOf,
    )
    for (const row of rows) last.set(row.month, row)
    after = next
  } while (after !== undefined)
  return last
}

/** Those that found a breach, or that there was none after all; the newest first. */
export const breachesPage = (
  contractId: string,
  options: { readonly limit: number; readonly after?: string },
): Promise<Page<AssessmentRow>> =>
  page(
    {
      ...partition(contractId),
      newestFirst: true,
      matching: { breach: [...breachStates] },
      limit: options.limit,
      ...(options.after === undefined ? {} : { after: { contract_id: contractId, assessment_key: options.after } }),
    },
    rowOf,
  )

/** Only in the place of the one that was read (undefined: none). */
export const assessmentPut = (row: AssessmentRow, read: AssessmentRow | undefined): Write => ({
  kind: 'put',
  table,
  item: itemOf(row),
  onlyIf: {
    assessment_state: read?.state,
    attempt: read?.attempt,
    updated_at_millis: read?.updatedAtMillis,
  },
})

export const replaceAssessment = (row: AssessmentRow, read: AssessmentRow | undefined): Promise<boolean> =>
  store(assessmentPut(row, read))

const partition = (contractId: string) => ({
  table,
  partition: { name: 'contract_id', value: contractId },
  sortKeyName: 'assessment_key',
})

const itemOf = (row: AssessmentRow): Item => ({
  contract_id: row.contractId,
  assessment_key: assessmentKeyOf(row),
  month: row.month,
  version: row.version,
  assessment_state: row.state,
  attempt: row.attempt,
  started_at_millis: row.startedAtMillis,
  updated_at_millis: row.updatedAtMillis,
  ...(row.collected === undefined
    ? {}
    : {
        month_revision: row.collected.monthRevision,
        windows: row.collected.windows,
        up_seconds: row.collected.upSeconds,
        degraded_seconds: row.collected.degradedSeconds,
        down_seconds: row.collected.downSeconds,
        unknown_seconds: row.collected.unknownSeconds,
      }),
  ...(row.due === undefined
    ? {}
    : {
        uptime_up: String(row.due.uptimeUp),
        uptime_total: String(row.due.uptimeTotal),
        credit_ppm: row.due.creditPpm,
        penalty_micros: row.due.penaltyMicros,
      }),
  breach: row.breach,
  previous_penalty_micros: row.previousPenaltyMicros,
  payment_state: row.paymentState,
  failure: row.failure,
})

const rowOf = (item: Item): AssessmentRow => ({
  contractId: text(item, 'contract_id'),
  month: text(item, 'month'),
  version: integer(item, 'version'),
  state: oneOf(item, 'assessment_state', assessmentStates),
  attempt: integer(item, 'attempt'),
  startedAtMillis: integer(item, 'started_at_millis'),
  updatedAtMillis: integer(item, 'updated_at_millis'),
  ...optional('collected', item, 'month_revision', (from, name) => ({
    monthRevision: integer(from, name),
    windows: integer(from, 'windows'),
    upSeconds: integer(from, 'up_seconds'),
    degradedSeconds: integer(from, 'degraded_seconds'),
    downSeconds: integer(from, 'down_seconds'),
    unknownSeconds: integer(from, 'unknown_seconds'),
  })),
  ...optional('due', item, 'uptime_total', (from, name) => ({
    uptimeUp: whole(from, 'uptime_up'),
    uptimeTotal: whole(from, name),
    creditPpm: integer(from, 'credit_ppm'),
    penaltyMicros: integer(from, 'penalty_micros'),
  })),
  ...optional('breach', item, 'breach', (from, name) => oneOf(from, name, breachStates)),
  ...optional('previousPenaltyMicros', item, 'previous_penalty_micros', integer),
  ...optional('paymentState', item, 'payment_state', (from, name) => oneOf(from, name, paymentStates)),
  ...optional('failure', item, 'failure', text),
})
