import type { Item } from '#adapters/items.ts'
import { type ParameterRow, parameterVersions, putParameter } from '#adapters/tables/parameters.ts'
import { hourMillis, marketUnits } from '#domain/auction/day-ahead-market.ts'
import { versionOfDelivery } from '#domain/trading/engine-version.ts'
import { increments } from '#domain/units.ts'
import type { setComputeMarket } from '#protocol/operations/day-ahead.ts'
import { engineVersionMissing } from '../reference/engine-version-needed.ts'
import { afterLoss, mostAttempts } from '../shell/contention.ts'
import type { Handle, Rejection, Request } from '../shell/http.ts'
import { definitionOf } from '../shell/index-level.ts'
import { tenantLanes } from '../shell/lanes.ts'
import { bodyHash } from '../shell/named-request.ts'
import { laneRules, marketRuleOf, nextAuctions } from './auction-rules.ts'
import { marketView } from './market-view.ts'

/** Between the gate's closing and the end of the first future: what clearing and booking may take. */
const leastBookingMillis = hourMillis / 2

type Refusal = Rejection<(typeof setComputeMarket)['rejections'][number] | 'invalid-request'>

export const handle: Handle<typeof setComputeMarket> = async ({ path, body, principal }) => {
  const nowMillis = Date.now()
  const decided = await decide(path.market, body, nowMillis)
  if ('code' in decided) return decided
  const { lane, value } = decided
  for (let attempt = 1; attempt <= mostAttempts; attempt++) {
    const versions = await parameterVersions('day-ahead-market', path.market)
    const last = versions.at(-1)
    if (last !== undefined && marketRuleOf(last).lane !== lane) return wrong('lane', `is ${marketRuleOf(last).lane}`)
    if (last !== undefined && bodyHash(last.value) === bodyHash(value)) return told(last, nowMillis)
    const row: ParameterRow = {
      kind: 'day-ahead-market',
      name: path.market,
      effectiveMillis: Math.max(nowMillis, (last?.effectiveMillis ?? 0) + 1),
      version: Math.max(0, ...versions.map(({ version }) => version)) + 1,
      value,
      setBy: principal.account,
      setAtMillis: nowMillis,
    }
    if (await putParameter(row)) return told(row, nowMillis)
    await afterLoss(attempt)
  }
  return { code: 'parameter-conflict' }
}

const told = async (row: ParameterRow, nowMillis: number) => {
  const rule = marketRuleOf(row)
  const [{ times }, auctions] = await Promise.all([laneRules(rule.lane, nowMillis), nextAuctions(rule.lane, nowMillis)])
  return { status: 200 as const, body: marketView(rule, times ?? rule.times, auctions, nowMillis) }
}

const wrong = (field: string, detail: string): Refusal => ({
  code: 'invalid-request',
  errors: [{ pointer: `#/${field}`, detail }],
})

const decide = async (
  market: string,
  body: Request<typeof setComputeMarket>['body'],
  nowMillis: number,
): Promise<{ readonly lane: number; readonly value: Item } | Refusal> => {
  const lanes = tenantLanes()
  const lane = body.lane ?? lanes[0]
  if (!lanes.includes(lane)) return wrong('lane', `must be one of ${lanes.join(', ')}`)
  const [makerCommissionPpm, takerCommissionPpm] = [body.maker_commission, body.taker_commission].map(part =>
    increments(part, '0.000001'),
  )
  if (makerCommissionPpm === undefined) return wrong('maker_commission', 'must have at most six digits')
  if (takerCommissionPpm === undefined) return wrong('taker_commission', 'must have at most six digits')
  const { gate_opens_before_ms: opensBeforeMillis, gate_closes_before_ms: closesBeforeMillis } = body
  if (opensBeforeMillis <= closesBeforeMillis)
    return wrong('gate_opens_before_ms', 'must be more than gate_closes_before_ms')
  const { expires_before_ms: expiresBeforeMillis } = body
  if (closesBeforeMillis < expiresBeforeMillis + leastBookingMillis)
    return wrong('gate_closes_before_ms', 'must be half an hour more than expires_before_ms at least')
  const terms = {
    market,
    tickSize: body.tick_size,
    minTradeAmount: body.min_trade_amount,
    maxPrice: body.max_price,
    makerCommissionPpm,
    takerCommissionPpm,
    penaltyPpm: body.penalty_ppm,
    expiresBeforeMillis,
  }
  const units = marketUnits(terms)
  if (!units.accepted)
    return {
      code: 'invalid-specification',
      errors: [{ pointer: `#/${units.detail ?? ''}`, detail: 'makes no future that could be listed' }],
    }
  if ((await definitionOf(market, nowMillis)) === undefined)
    return { code: 'unknown-index', detail: `${market} is no index: its futures could not be marked.` }
  const missing = await engineVersionMissing(lane, versionOfDelivery)
  if (missing !== undefined) return missing
  return {
    lane,
    value: {
      lane,
      tick_size: terms.tickSize,
      min_trade_amount: terms.minTradeAmount,
      max_price: terms.maxPrice,
      maker_commission_ppm: makerCommissionPpm,
      taker_commission_ppm: takerCommissionPpm,
      penalty_ppm: terms.penaltyPpm,
      expires_before_millis: expiresBeforeMillis,
      opens_before_millis: opensBeforeMillis,
      closes_before_millis: closesBeforeMillis,
      is_active: body.is_active ?? true,
    },
  }
}
