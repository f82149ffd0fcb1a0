import type * as z from 'zod'
import { accountNamed } from '#adapters/tables/account-numbers.ts'
import { getInstrumentById } from '#adapters/tables/instruments.ts'
import type { LimitRequestRow } from '#adapters/tables/limit-requests.ts'
import type { OutcomeRow } from '#adapters/tables/outcomes.ts'
import type { LimitScaleRow, LimitSubject } from '#adapters/tables/risk-limits.ts'
import { type LimitName, type LimitTerms, limitNames, noLimits } from '#domain/trading/limit-terms.ts'
import { decimalOfMicros, micros } from '#domain/units.ts'
import type { limitRequest, limitScale, RiskLimitsBody } from '#protocol/operations/risk-limits.ts'

type LimitRequest = z.infer<typeof limitRequest>

/** What each limit is called outside; those in micros or millionths of a unit are decimals there. */
const members: Readonly<Record<LimitName, { readonly name: keyof RiskLimitsBody; readonly isDecimal: boolean }>> = {
  maxOrderLots: { name: 'max_order_lots', isDecimal: false },
  maxOrderNotionalMicros: { name: 'max_order_notional', isDecimal: true },
  maxOpenOrders: { name: 'max_open_orders', isDecimal: false },
  maxPositionLots: { name: 'max_position_lots', isDecimal: false },
  maxGrossDelta: { name: 'max_gross_delta', isDecimal: true },
  maxNetDelta: { name: 'max_net_delta', isDecimal: true },
  maxVegaMicros: { name: 'max_vega', isDecimal: true },
  maxDailyLossMicros: { name: 'max_daily_loss', isDecimal: true },
  maxConcentrationPpm: { name: 'max_concentration_ppm', isDecimal: false },
  concentrationFromLots: { name: 'concentration_from_lots', isDecimal: false },
  maxMessagesPerSecond: { name: 'max_messages_per_second', isDecimal: false },
  collarPpm: { name: 'price_collar_ppm', isDecimal: false },
}

export const limitPointer = (name: LimitName): string => `#/limits/${members[name].name}`

/** Undefined of a decimal that is finer than a millionth or too large, by the name of its member. */
export const limitTermsOf = (body: RiskLimitsBody): LimitTerms | { readonly tooFine: string } => {
  let terms = noLimits
  for (const limit of limitNames) {
    const given = body[members[limit].name]
    if (given === undefined) continue
    const value = typeof given === 'string' ? micros(given) : given
    if (value === undefined) return { tooFine: limitPointer(limit) }
    terms = { ...terms, [limit]: value }
  }
  return terms
}

export const limitsView = (terms: LimitTerms): RiskLimitsBody =>
  Object.fromEntries(
    limitNames
      .filter(limit => terms[limit] !== 0)
      .map(limit => {
        const { name, isDecimal } = members[limit]
        return [name, isDecimal ? decimalOfMicros(terms[limit]) : terms[limit]]
      }),
  )

export const limitScaleView = (row: LimitScaleRow): z.infer<typeof limitScale> => ({
  scale_ppm: row.scalePpm,
  volatility_ppm: row.volatilityPpm,
  reference_volatility_ppm: row.referenceVolatilityPpm,
  depth_lots: row.depthLots,
  reference_depth_lots: row.referenceDepthLots,
  floor_ppm: row.floorPpm,
  ceiling_ppm: row.ceilingPpm,
  scaled_at: new Date(row.scaledAtMillis).toISOString(),
})

const approvalMillis = 86_400_000

export const approveBeforeMillis = ({ requestedAtMillis }: LimitRequestRow): number =>
  requestedAtMillis + approvalMillis

/** `outcome` is that of its command, once it is approved. */
export const requestStateOf = (
  row: LimitRequestRow,
  outcome: OutcomeRow | undefined,
  nowMillis: number,
): LimitRequest['request_state'] => {
  if (row.approvedAtMillis === undefined) return nowMillis < approveBeforeMillis(row) ? 'awaiting_approval' : 'lapsed'
  if (outcome === undefined) return 'submitted'
  return outcome.accepted ? 'in_force' : 'rejected'
}

export const limitRequestView = async (
  row: LimitRequestRow,
  outcome: OutcomeRow | undefined,
  nowMillis: number,
): Promise<LimitRequest> => ({
  scope: row.scope,
  subject: await subjectName(row.lane, row),
  lane: row.lane,
  limits: limitsView(row.terms),
  request_id: row.requestId,
  request_state: requestStateOf(row, outcome, nowMillis),
  reject_reason: outcome?.code ?? null,
  reason: row.reason,
  requested_by: row.requestedBy.account,
  requested_at: new Date(row.requestedAtMillis).toISOString(),
  approved_by: row.approvedBy?.account ?? null,
  approved_at: row.approvedAtMillis === undefined ? null : new Date(row.approvedAtMillis).toISOString(),
  approve_before: new Date(approveBeforeMillis(row)).toISOString(),
})

const subjectName = async (lane: number, { scope, accountId, firm, instrumentId }: LimitSubject): Promise<string> => {
  if (scope === 'firm') return firm
  const name =
    scope === 'account'
      ? await accountNamed(lane, accountId)
      : (await getInstrumentById(lane, instrumentId))?.instrument.specification.instrumentName
  if (name === undefined) throw new Error(`what has limits in lane ${lane} has no name: ${scope}`)
  return name
}
