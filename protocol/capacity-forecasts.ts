/** What is forecast of a resource: units an hour, or USD a unit and hour. */
export const forecastMeasures = ['demand', 'price'] as const
export type ForecastMeasure = (typeof forecastMeasures)[number]

/** What a history was taken from. */
export const forecastSources = [
  'fixings',
  'fixings_and_observations',
  'observations',
  'capacity_requests',
  'traded_volume',
] as const
export type ForecastSource = (typeof forecastSources)[number]
