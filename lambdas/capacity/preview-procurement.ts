import { planProcurement, quantilesOf } from '#domain/capacity/procurement.ts'
import { decimalOfMicros, micros } from '#domain/units.ts'
import type { previewProcurement } from '#protocol/operations/capacity-forecasts.ts'
import type { Handle } from '../shell/http.ts'
import { hourMillis } from './forecast-history.ts'
import { basisOf } from './forecast-view.ts'
import { forecastFor } from './forecasts.ts'

const microsOfUnit = 1_000_000
const dayMillis = 24 * hourMillis
const defaultIncrement = '0.001'
const mostUnitsOfHour = 1_000_000

export const handle: Handle<typeof previewProcurement> = async ({ body }) => {
  const { resource_class: resourceClass, region } = body
  const nowMillis = Date.now()
  const deliveryMillis = Math.floor(nowMillis / dayMillis + 1) * dayMillis
  const horizon = (deliveryMillis + dayMillis - Math.floor(nowMillis / hourMillis) * hourMillis) / hourMillis
  const [demand, price] = await Promise.all([
    forecastFor({ resourceClass, region, measure: 'demand' }, horizon, nowMillis),
    forecastFor({ resourceClass, region, measure: 'price' }, horizon, nowMillis),
  ])
  if ('code' in demand) return demand
  if ('code' in price) return price
  const [units, prices] = [quantilesOf(demand.forecast), quantilesOf(price.forecast)]
  const first = horizon - dayMillis / hourMillis
  const hours = units.slice(first).flatMap((ofHour, at) => {
    const priced = prices[first + at]
    if (priced === undefined) return []
    const [lowest, low, middle, high, highest] = priced
    const inMicros = (usd: number): number => Math.round(usd * microsOfUnit)
    return {
      startMillis: deliveryMillis + at * hourMillis,
      demand: ofHour,
      priceMicros: [inMicros(lowest), inMicros(low), inMicros(middle), inMicros(high), inMicros(highest)] as const,
      coveredUnits: body.covered_units ?? 0,
    }
  })
  const plan = planProcurement(hours, {
    budgetMicros: micros(body.budget) ?? 0,
    tickMicros: micros(body.price_increment ?? defaultIncrement) ?? 1,
    mostPriceMicros: micros(body.max_price ?? '') ?? Number.MAX_SAFE_INTEGER,
    mostUnits: body.max_units ?? mostUnitsOfHour,
  })
  return {
    status: 200,
    body: {
      resource_class: resourceClass,
      region,
      delivery_date: new Date(deliveryMillis).toISOString().slice(0, 10),
      budget: body.budget,
      cost: decimalOfMicros(plan.costMicros),
      units: plan.units,
      units_beyond_budget: plan.unitsBeyondBudget,
      demand: basisOf(demand),
      price: basisOf(price),
      bids: plan.bids.map(({ startMillis, steps }) => ({
        start: new Date(startMillis).toISOString(),
        steps: steps.map(step => ({ price: decimalOfMicros(step.priceMicros), amount: step.units })),
      })),
    },
  }
}
