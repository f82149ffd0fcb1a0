import { decimalOfMicros, micros } from '#domain/units.ts'
import type { previewProcurement } from '#protocol/operations/capacity-forecasts.ts'
import type { Handle } from '../shell/http.ts'
import { hourMillis } from './forecast-history.ts'
import { basisOf } from './forecast-view.ts'
import { procurementOf } from './procurement-plan.ts'

const dayMillis = 24 * hourMillis
const defaultIncrement = '0.001'
const mostUnitsOfHour = 1_000_000

export const handle: Handle<typeof previewProcurement> = async ({ body }) => {
  const { resource_class: resourceClass, region } = body
  const nowMillis = Date.now()
  const deliveryMillis = Math.floor(nowMillis / dayMillis + 1) * dayMillis
  const planned = await procurementOf(
    {
      resourceClass,
      region,
      deliveryMillis,
      coveredUnits: body.covered_units ?? 0,
      policy: {
        budgetMicros: micros(body.budget) ?? 0,
        tickMicros: micros(body.price_increment ?? defaultIncrement) ?? 1,
        mostPriceMicros: micros(body.max_price ?? '') ?? Number.MAX_SAFE_INTEGER,
        mostUnits: body.max_units ?? mostUnitsOfHour,
      },
    },
    nowMillis,
  )
  if ('code' in planned) return planned
  const { plan, demand, price } = planned
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
