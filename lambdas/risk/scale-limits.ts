import { MetricUnit } from '@aws-lambda-powertools/metrics'
import { putCommands } from '#adapters/streams/orders.ts'
import { type InstrumentRow, instrumentsOf } from '#adapters/tables/instruments.ts'
import { type LimitScaleRow, limitScalesOf } from '#adapters/tables/risk-limits.ts'
import { versionOfMargin } from '#domain/trading/engine-version.ts'
import { type LimitScale, maxScales, scaleOf, unscaledPpm } from '#domain/trading/limit-terms.ts'
import { increments } from '#domain/units.ts'
import type { ScalingTerms } from '#protocol/operations/risk-limits.ts'
import { engineVersionMissing } from '../reference/engine-version-needed.ts'
import { tenantLanes } from '../shell/lanes.ts'
import { nameBasedUuid } from '../shell/name-based-uuid.ts'
import { logger, metrics, serveSchedule } from '../shell/task.ts'
import { depthLots, realisedVolatilityPpm } from './market-measures.ts'
import { scalingAt } from './scaling-terms.ts'

const minuteMillis = 60_000

/** Each minute: the scales of limits that volatility and depth have moved, to the lanes whose markets they are of. */
export const handler = serveSchedule(async () => {
  const nowMillis = Date.now()
  const termsOf = await scalingAt(nowMillis)
  for (const lane of tenantLanes()) {
    if ((await engineVersionMissing(lane, versionOfMargin)) !== undefined) continue
    const before = new Map((await limitScalesOf(lane)).map(row => [row.instrumentId, row]))
    const trading = (await instrumentsOf(lane)).filter(
      ({ isActive, instrument }) => isActive && instrument.terms.kind !== 'collateral',
    )
    const moved = new Map<string, { readonly terms: ScalingTerms; readonly scales: LimitScale[] }>()
    for (const row of trading) {
      const { terms } = termsOf(row.instrument.specification.underlying)
      const scale = await scaleAt(row, terms, nowMillis)
      if (!hasMoved(scale, before.get(row.instrument.instrumentId), terms)) continue
      // A command has one floor and one ceiling.
      const key = `${terms.floor_ppm} ${terms.ceiling_ppm}`
      const group = moved.get(key) ?? { terms, scales: [] }
      group.scales.push(scale)
      moved.set(key, group)
    }
    for (const [key, { terms, scales }] of moved)
      for (let from = 0; from < scales.length; from += maxScales) {
        // A call that is repeated within its minute sends the same command.
        const minute = Math.floor(nowMillis / minuteMillis)
        const commandId = nameBasedUuid(`scale-risk-limits#${lane}#${minute}#${key}#${from}`)
        const { floor_ppm: floorPpm, ceiling_ppm: ceilingPpm } = terms
        const part = scales.slice(from, from + maxScales)
        await putCommands(lane, [{ type: 'scale-risk-limits', commandId, floorPpm, ceilingPpm, scales: part }])
        logger.info('limits are scaled', { lane, commandId, scales: part })
        metrics.addMetric('LimitsScaled', MetricUnit.Count, part.length)
      }
  }
})

const scaleAt = async (row: InstrumentRow, terms: ScalingTerms, nowMillis: number): Promise<LimitScale> => {
  const { instrumentId, specification } = row.instrument
  const referenceDepthLots = increments(terms.reference_depth, specification.minTradeAmount) ?? 0
  const measured = {
    volatilityPpm: await realisedVolatilityPpm(row, terms.window_minutes, nowMillis),
    depthLots: referenceDepthLots === 0 ? 0 : await depthLots(row, terms.depth_ppm),
  }
  const reference = { referenceVolatilityPpm: terms.reference_volatility_ppm, referenceDepthLots }
  const rule = { floorPpm: terms.floor_ppm, ceilingPpm: terms.ceiling_ppm, ...reference }
  return { instrumentId, scalePpm: scaleOf(rule, measured), ...measured, ...reference }
}

/** By a step or more, or to where it ends; or what it had is outside of what is allowed now. */
const hasMoved = ({ scalePpm }: LimitScale, before: LimitScaleRow | undefined, terms: ScalingTerms): boolean => {
  const now = before?.scalePpm ?? unscaledPpm
  if (scalePpm === now) return false
  const isEnd = scalePpm === terms.floor_ppm || scalePpm === terms.ceiling_ppm
  const isOutside = now < terms.floor_ppm || now > terms.ceiling_ppm
  return isEnd || isOutside || Math.abs(scalePpm - now) >= terms.step_ppm
}
