import { swapCurve } from '#domain/pricing/forward-curve.ts'
import { fixedSoFar } from '#domain/pricing/marking.ts'
import { monthStart } from '#domain/reference/contract-terms.ts'
import type { getSwapCurve } from '#protocol/operations/pricing.ts'
import type { Handle } from '../shell/http.ts'
import { definitionOf } from '../shell/index-level.ts'
import { decimalTextOf } from './decimal-text.ts'
import { indexCurveOf } from './index-curve.ts'
import { markingTermsAt } from './marking-terms.ts'

const fewestMonths = 12
const mostMonths = 60

export const handle: Handle<typeof getSwapCurve> = async ({ path: { index } }) => {
  const nowMillis = Date.now()
  if ((await definitionOf(index, nowMillis)) === undefined) return { code: 'unknown-index' }
  const [{ facts, curve, swaps, lastMillis = nowMillis }, termsOf] = await Promise.all([
    indexCurveOf(index, nowMillis),
    markingTermsAt(nowMillis),
  ])
  const rate = Number(termsOf(index).terms.rate)
  const monthsMillis = boundaries(nowMillis, lastMillis)
  const soFar = fixedSoFar(facts, monthStart(nowMillis), (monthsMillis[1] ?? nowMillis) - 1, nowMillis)
  const months = swapCurve(curve, swaps, monthsMillis, rate, soFar.count === 0 ? undefined : soFar)
  if (!months.priced)
    return {
      code: 'not-priceable',
      errors: [{ pointer: '#/path/index', detail: 'has no level, and no future or swap on it has a mark' }],
    }
  return {
    status: 200,
    body: {
      index,
      level: facts.level === undefined ? null : decimalTextOf(facts.level, 8),
      rate: decimalTextOf(rate, 8),
      months: months.value.map(({ startMillis, forward, source, discountFactor, parRate }) => ({
        month: new Date(startMillis).toISOString().slice(0, 7),
        forward: decimalTextOf(forward, 8),
        source,
        discount_factor: decimalTextOf(discountFactor, 10),
        par_rate: decimalTextOf(parRate, 8),
      })),
      timestamp: new Date(nowMillis).toISOString(),
    },
  }
}

/** This month and those after it, until the last contract ends and a year at least. */
const boundaries = (nowMillis: number, lastMillis: number): readonly number[] => {
  const now = new Date(nowMillis)
  const months: number[] = []
  for (let month = 0; month <= mostMonths; month++) {
    const start = Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + month, 1)
    months.push(start)
    if (month >= fewestMonths && start >= lastMillis) break
  }
  return months
}
