import { putObservations } from '#adapters/tables/capacity-observations.ts'
import { micros } from '#domain/units.ts'
import type { recordCapacityObservations } from '#protocol/operations/capacity-forecasts.ts'
import type { Handle } from '../shell/http.ts'
import { hourMillis } from './forecast-history.ts'

export const handle: Handle<typeof recordCapacityObservations> = async ({ body }) => {
  const { resource_class: resourceClass, region, measure, values } = body
  const startMillis = Date.parse(body.start)
  const endMillis = startMillis + values.length * hourMillis
  if (endMillis > Date.now() || startMillis < 0)
    return {
      code: 'observation-not-over',
      errors: [{ pointer: '#/values', detail: `the last would end at ${new Date(endMillis).toISOString()}` }],
    }
  await putObservations(
    { resourceClass, region, measure },
    startMillis,
    values.map(value => (value === null ? null : (micros(value) ?? null))),
  )
  return {
    status: 200,
    body: {
      resource_class: resourceClass,
      region,
      measure,
      start: new Date(startMillis).toISOString(),
      end: new Date(endMillis).toISOString(),
      hours: values.length,
    },
  }
}
