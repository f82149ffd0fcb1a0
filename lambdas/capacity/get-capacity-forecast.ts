import type { getCapacityForecast } from '#protocol/operations/capacity-forecasts.ts'
import type { Handle } from '../shell/http.ts'
import { hourMillis } from './forecast-history.ts'
import { amountText, basisOf, maseOf } from './forecast-view.ts'
import { forecastFor } from './forecasts.ts'

const defaultHorizon = 24

export const handle: Handle<typeof getCapacityForecast> = async ({ query }) => {
  const { resource_class: resourceClass, region, measure, horizon = defaultHorizon } = query
  const made = await forecastFor({ resourceClass, region, measure }, horizon, Date.now())
  if ('code' in made) return made
  const { point, intervals, errors } = made.forecast
  const bound = (level: 80 | 95, side: 'lower' | 'upper', hour: number): string =>
    amountText(intervals.find(each => each.level === level)?.[side][hour] ?? Number.NaN)
  return {
    status: 200,
    body: {
      resource_class: resourceClass,
      region,
      measure,
      unit: measure === 'price' ? 'USD per unit and hour' : 'units per hour',
      ...basisOf(made),
      models: errors.map(({ model, meanAbsoluteError, mase }) => ({
        model,
        mean_absolute_error: amountText(meanAbsoluteError),
        mase: maseOf(mase),
      })),
      data: point.map((value, hour) => ({
        start: new Date(made.startMillis + hour * hourMillis).toISOString(),
        forecast: amountText(value),
        lower_80: bound(80, 'lower', hour),
        upper_80: bound(80, 'upper', hour),
        lower_95: bound(95, 'lower', hour),
        upper_95: bound(95, 'upper', hour),
      })),
    },
  }
}
