import { GetCommand } from '@aws-sdk/lib-dynamodb'
import type { LaneBudgetRow } from '#domain/margin/account-risk.ts'
import type { QuoteBudgetTerms } from '#domain/margin/margin-book.ts'
import type { LaneRole } from '#domain/trading/commands.ts'
import { breachedLimits, type LimitBreached } from '#domain/trading/events.ts'
import {
  type LimitScale,
  type LimitScope,
  type LimitTerms,
  limitNames,
  limitScopes,
  noLimits,
} from '#domain/trading/limit-terms.ts'
import { tables } from '#protocol/tables.ts'
import { dynamodb } from '../clients/dynamodb.ts'
import { required } from '../environment.ts'
import { type Item, integer, oneOf, text } from '../items.ts'
import { page } from '../pages.ts'
import type { Write } from '../writes.ts'

/** An account, a firm or an instrument of a lane; what the scope does not ask for is 0 or empty. */
export interface LimitSubject {
  readonly scope: LimitScope
  readonly accountId: number
  readonly firm: string
  readonly instrumentId: number
}

export interface LimitsRow extends LimitSubject {
  readonly terms: LimitTerms
  readonly setAtMillis: number
}

export interface LimitScaleRow extends LimitScale {
  readonly floorPpm: number
  readonly ceilingPpm: number
  readonly scaledAtMillis: number
}

export interface LimitBreachRow extends Omit<LimitBreached, 'type'> {
  readonly lane: number
  readonly outSeq: number
  readonly eventId: string
  readonly atMillis: number
}

export interface LossBreach {
  readonly measuredMicros: number
  readonly atMillis: number
}

const table = tables.riskLimits
/** What was beyond a limit is told on the bus, and kept for so long. */
const keptBreachSeconds = 90 * 86_400
/** Who has lost too much of a day is stopped until it ends. */
const keptLossSeconds = 2 * 86_400

export const limitSubjectKey = ({ scope, accountId, firm, instrumentId }: LimitSubject): string =>
  scope === 'account' ? `account#${accountId}` : scope === 'firm' ? `firm#${firm}` : `instrument#${instrumentId}`
const limitsKey = (subject: LimitSubject): string => `limits#${limitSubjectKey(subject)}`
const scaleKey = (instrumentId: number): string => `scale#${String(instrumentId).padStart(10, '0')}`
const budgetKey = (accountId: number): string => `budget#${accountId}`
const laneBudgetKey = (accountId: number): string => `lane-budget#${accountId}`
const laneCashKey = (accountId: number, otherLane: number): string => `lane-cash#${accountId}#${otherLane}`
const lossKey = (subject: LimitSubject): string => `loss#${limitSubjectKey(subject)}`
const breachKey = (outSeq: number): string => `breach#${String(outSeq).padStart(16, '0')}`

const get = async (lane: number, row: string): Promise<Item | undefined> => {
  const { Item } = await dynamodb().send(
    new GetCommand({
      TableName: required(table.environmentVariable),
      Key: { lane: String(lane), row },
      ConsistentRead: true,
    }),
  )
  return Item
}

/** Undefined where it never had any. */
export const getLimits = async (lane: number, subject: LimitSubject): Promise<LimitsRow | undefined> => {
  const item = await get(lane, limitsKey(subject))
  return item === undefined ? undefined : limitsRowOf(item)
}

/** Undefined where it was never scaled: its limits hold in full. */
export const getLimitScale = async (lane: number, instrumentId: number): Promise<LimitScaleRow | undefined> => {
  const item = await get(lane, scaleKey(instrumentId))
  return item === undefined ? undefined : scaleRowOf(item)
}

/** The last breach of a loss limit that was told of an account or a firm; undefined where there was none lately. */
export const getLossBreach = async (lane: number, subject: LimitSubject): Promise<LossBreach | undefined> => {
  const item = await get(lane, lossKey(subject))
  return item === undefined
    ? undefined
    : { measuredMicros: integer(item, 'measured'), atMillis: integer(item, 'at_millis') }
}

/** All that were ever scaled, by instrument. */
export const limitScalesOf = async (lane: number): Promise<readonly LimitScaleRow[]> => {
  const found: LimitScaleRow[] = []
  let after: string | undefined
  do {
    const { rows, next } = await page(
      {
        table,
        partition: { name: 'lane', value: String(lane) },
        sortKeyName: 'row',
        between: ['scale#', 'scale#~'],
        limit: 500,
        ...(after === undefined ? {} : { after: { lane: String(lane), row: after } }),
      },
      scaleRowOf,
    )
    found.push(...rows)
    after = next
  } while (after !== undefined)
  return found
}

/** Undefined where nothing is put by for its quotes. */
export const getQuoteBudget = async (lane: number, accountId: number): Promise<QuoteBudgetTerms | undefined> => {
  const item = await get(lane, budgetKey(accountId))
  // One that was released is kept as nothing.
  if (item === undefined || integer(item, 'lots') === 0) return undefined
  return {
    lots: integer(item, 'lots'),
    largestQuoteLots: integer(item, 'largest_quote_lots'),
    lotLossMicros: integer(item, 'lot_loss_micros'),
    lotCapMicros: integer(item, 'lot_cap_micros'),
  }
}

/** Undefined for an account that trades in one lane only. */
export const getLaneBudget = async (lane: number, accountId: number): Promise<LaneBudgetRow | undefined> => {
  const item = await get(lane, laneBudgetKey(accountId))
  if (item === undefined) return undefined
  const budget = item['budget_micros']
  return {
    setVersion: Number(item['set_version'] ?? 0),
    budgetMicros: Array.isArray(budget) ? budget.map(Number) : [],
  }
}

/** What is undefined is left as it is. */
export const laneBudgetUpdate = (
  lane: number,
  accountId: number,
  {
    role,
    setVersion,
    budgetMicros,
  }: {
    readonly role?: LaneRole
    readonly setVersion?: number
    readonly budgetMicros?: readonly number[]
  },
): Write => ({
  kind: 'update',
  table,
  key: { lane: String(lane), row: laneBudgetKey(accountId) },
  set: { role, set_version: setVersion, budget_micros: budgetMicros },
})

/** Between an account and itself in another lane: how often cash was sent there, what was sent last, and how often some came. */
export interface LaneCashRow {
  readonly sentNumber: number
  readonly sentMicros: number
  readonly receivedNumber: number
}

/** All of it 0 before any went. */
export const getLaneCash = async (lane: number, accountId: number, otherLane: number): Promise<LaneCashRow> => {
  const item = await get(lane, laneCashKey(accountId, otherLane))
  return {
    sentNumber: Number(item?.['sent_number'] ?? 0),
    sentMicros: Number(item?.['sent_micros'] ?? 0),
    receivedNumber: Number(item?.['received_number'] ?? 0),
  }
}

/** What is undefined is left as it is. */
export const laneCashUpdate = (
  lane: number,
  accountId: number,
  otherLane: number,
  { sentNumber, sentMicros, receivedNumber }: Partial<LaneCashRow>,
): Write => ({
  kind: 'update',
  table,
  key: { lane: String(lane), row: laneCashKey(accountId, otherLane) },
  set: { sent_number: sentNumber, sent_micros: sentMicros, received_number: receivedNumber },
})

export const limitsPut = (lane: number, { terms, setAtMillis, ...subject }: LimitsRow): Write => ({
  kind: 'put',
  table,
  item: {
    lane: String(lane),
    row: limitsKey(subject),
    scope: subject.scope,
    account_id: subject.accountId,
    firm: subject.firm,
    instrument_id: subject.instrumentId,
    terms,
    set_at_millis: setAtMillis,
  },
})

export const limitScalePut = (lane: number, row: LimitScaleRow): Write => ({
  kind: 'put',
  table,
  item: {
    lane: String(lane),
    row: scaleKey(row.instrumentId),
    instrument_id: row.instrumentId,
    scale_ppm: row.scalePpm,
    volatility_ppm: row.volatilityPpm,
    reference_volatility_ppm: row.referenceVolatilityPpm,
    depth_lots: row.depthLots,
    reference_depth_lots: row.referenceDepthLots,
    floor_ppm: row.floorPpm,
    ceiling_ppm: row.ceilingPpm,
    scaled_at_millis: row.scaledAtMillis,
  },
})

export const quoteBudgetPut = (lane: number, accountId: number, terms: QuoteBudgetTerms): Write => ({
  kind: 'put',
  table,
  item: {
    lane: String(lane),
    row: budgetKey(accountId),
    lots: terms.lots,
    largest_quote_lots: terms.largestQuoteLots,
    lot_loss_micros: terms.lotLossMicros,
    lot_cap_micros: terms.lotCapMicros,
  },
})

export const limitBreachPut = (row: LimitBreachRow): Write => ({
  kind: 'put',
  table,
  item: {
    lane: String(row.lane),
    row: breachKey(row.outSeq),
    out_seq: row.outSeq,
    event_id: row.eventId,
    account_id: row.accountId,
    firm: row.firm,
    instrument_id: row.instrumentId,
    limit: row.limit,
    measured: row.measured,
    allowed: row.allowed,
    at_millis: row.atMillis,
    expires_at: Math.floor(row.atMillis / 1_000) + keptBreachSeconds,
  },
})

export const lossBreachPut = (lane: number, subject: LimitSubject, breach: LossBreach): Write => ({
  kind: 'put',
  table,
  item: {
    lane: String(lane),
    row: lossKey(subject),
    measured: breach.measuredMicros,
    at_millis: breach.atMillis,
    expires_at: Math.floor(breach.atMillis / 1_000) + keptLossSeconds,
  },
})

/** Of an image of the table's stream; undefined where it is a row of something else. */
export const limitBreachOf = (item: Item): LimitBreachRow | undefined =>
  text(item, 'row').startsWith('breach#')
    ? {
        lane: Number(text(item, 'lane')),
        outSeq: integer(item, 'out_seq'),
        eventId: text(item, 'event_id'),
        accountId: integer(item, 'account_id'),
        firm: text(item, 'firm'),
        instrumentId: integer(item, 'instrument_id'),
        limit: oneOf(item, 'limit', breachedLimits),
        measured: integer(item, 'measured'),
        allowed: integer(item, 'allowed'),
        atMillis: integer(item, 'at_millis'),
      }
    : undefined

const limitsRowOf = (item: Item): LimitsRow => ({
  scope: oneOf(item, 'scope', limitScopes),
  accountId: integer(item, 'account_id'),
  firm: text(item, 'firm'),
  instrumentId: integer(item, 'instrument_id'),
  terms: limitTermsIn(item),
  setAtMillis: integer(item, 'set_at_millis'),
})

export const limitTermsIn = (of: Item, attribute = 'terms'): LimitTerms => {
  const terms = of[attribute]
  if (typeof terms !== 'object' || terms === null || Array.isArray(terms)) throw new Error('limits are no item')
  const item: Item = { ...terms }
  return { ...noLimits, ...Object.fromEntries(limitNames.map(name => [name, integer(item, name)])) }
}

const scaleRowOf = (item: Item): LimitScaleRow => ({
  instrumentId: integer(item, 'instrument_id'),
  scalePpm: integer(item, 'scale_ppm'),
  volatilityPpm: integer(item, 'volatility_ppm'),
  referenceVolatilityPpm: integer(item, 'reference_volatility_ppm'),
  depthLots: integer(item, 'depth_lots'),
  referenceDepthLots: integer(item, 'reference_depth_lots'),
  floorPpm: integer(item, 'floor_ppm'),
  ceilingPpm: integer(item, 'ceiling_ppm'),
  scaledAtMillis: integer(item, 'scaled_at_millis'),
})
