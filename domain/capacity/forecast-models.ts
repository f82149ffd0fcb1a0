/**
 * Forecasts of an hourly history. Each takes the history and nothing else, so that a forecast knows only what was there
 * before it; a model that the history is too short for answers undefined.
 */

export const hoursOfDay = 24
export const hoursOfWeek = 168

/** No model looks further back: twelve weeks. */
const mostFitted = 12 * hoursOfWeek

/**
 * Fits seasons of these periods (hours; none: no season) and a trend to a history of more than two of each period, and
 * continues them by `horizon` hours. Undefined where no model fits. It is handed in (`adapters/augurs.ts`): loading it is
 * input and output.
 */
export type ContinueSeasons = (
  history: Float64Array,
  periods: readonly number[],
  horizon: number,
) => Float64Array | undefined

export const forecastModels = [
  'seasonal-naive-day',
  'seasonal-naive-week',
  'theta-day',
  'theta-week',
  'ets-mstl',
  'average-theta',
  'average-week-mstl',
  'average-week-theta',
  'average-all',
] as const
export type ForecastModel = (typeof forecastModels)[number]

type SingleModel = Exclude<ForecastModel, `average-${string}`>

const averaged: Readonly<Record<Exclude<ForecastModel, SingleModel>, readonly SingleModel[]>> = {
  'average-theta': ['theta-day', 'theta-week'],
  'average-week-mstl': ['seasonal-naive-week', 'ets-mstl'],
  'average-week-theta': ['seasonal-naive-week', 'theta-week'],
  'average-all': ['seasonal-naive-day', 'seasonal-naive-week', 'theta-day', 'theta-week', 'ets-mstl'],
}

export type ModelForecasts = ReadonlyMap<ForecastModel, Float64Array>

/** Of every model that the history is long enough for, by hour from the one after its last; none is negative. */
export const forecastsOf = (whole: Float64Array, horizon: number, continueSeasons: ContinueSeasons): ModelForecasts => {
  const history = whole.subarray(Math.max(0, whole.length - mostFitted))
  // Theta and MSTL add their parts up; of roots, whose spread does not grow with the level as that of counts does.
  const roots = history.map(Math.sqrt)
  const fromRoots = (forecast: Float64Array | undefined) => forecast?.map(root => Math.max(0, root) ** 2)
  const singles: Readonly<Record<SingleModel, Float64Array | undefined>> = {
    'seasonal-naive-day': seasonalNaive(history, hoursOfDay, horizon),
    'seasonal-naive-week': seasonalNaive(history, hoursOfWeek, horizon),
    'theta-day': fromRoots(theta(roots, hoursOfDay, horizon)),
    'theta-week': fromRoots(theta(roots, hoursOfWeek, horizon)),
    'ets-mstl': fromRoots(
      continueSeasons(
        roots,
        [hoursOfDay, hoursOfWeek].filter(period => roots.length > 2 * period),
        horizon,
      ),
    ),
  }
  const found = new Map<ForecastModel, Float64Array>()
  for (const model of forecastModels) {
    const forecast = isSingle(model) ? singles[model] : mean(averaged[model].map(each => singles[each]))
    if (forecast?.every(Number.isFinite) === true) found.set(model, forecast)
  }
  return found
}

const isSingle = (model: ForecastModel): model is SingleModel => !(model in averaged)

const mean = (forecasts: readonly (Float64Array | undefined)[]): Float64Array | undefined => {
  const all = forecasts.flatMap(forecast => forecast ?? [])
  if (all.length < forecasts.length) return undefined
  return all[0]?.map((_, hour) => all.reduce((sum, forecast) => sum + (forecast[hour] ?? 0), 0) / all.length)
}

/** What was there a period before, again and again. */
export const seasonalNaive = (history: Float64Array, period: number, horizon: number): Float64Array | undefined =>
  history.length < period
    ? undefined
    : Float64Array.from({ length: horizon }, (_, hour) => history[history.length - period + (hour % period)] ?? 0)

/**
 * The Theta method (Assimakopoulos and Nikolopoulos 2000) in the form of Hyndman and Billah 2003: simple exponential
 * smoothing with half the slope of the least-squares line as drift, of what is left without the season.
 */
export const theta = (history: Float64Array, period: number, horizon: number): Float64Array | undefined => {
  const { length } = history
  if (length < 2 * period) return undefined
  const season = additiveSeason(history, period)
  const rest = history.map((value, hour) => value - (season[hour % period] ?? 0))
  const { level, weight } = smoothed(rest)
  const drift = slope(rest) / 2
  const lag = (1 - (1 - weight) ** length) / weight
  return Float64Array.from(
    { length: horizon },
    (_, hour) => level + drift * (hour + lag) + (season[(length + hour) % period] ?? 0),
  )
}

/** Classical decomposition: means by hour of the period of what is above a centred moving average; they sum to zero. */
const additiveSeason = (history: Float64Array, period: number): Float64Array => {
  const half = period / 2
  const sums = new Float64Array(period)
  const counts = new Float64Array(period)
  let inner = 0
  for (let hour = 1; hour < period; hour += 1) inner += history[hour] ?? 0
  for (let hour = half; hour + half < history.length; hour += 1) {
    const [before, after] = [history[hour - half] ?? 0, history[hour + half] ?? 0]
    const above = (history[hour] ?? 0) - (inner + (before + after) / 2) / period
    const phase = hour % period
    sums[phase] = (sums[phase] ?? 0) + above
    counts[phase] = (counts[phase] ?? 0) + 1
    inner += after - (history[hour - half + 1] ?? 0)
  }
  const season = sums.map((sum, phase) => sum / Math.max(1, counts[phase] ?? 0))
  const offset = season.reduce((sum, value) => sum + value, 0) / period
  return season.map(value => value - offset)
}

const smoothingSteps = 100

/** Simple exponential smoothing with the weight, in hundredths, whose one-step errors have the least squares. */
const smoothed = (values: Float64Array): { readonly level: number; readonly weight: number } => {
  let best = { squares: Number.POSITIVE_INFINITY, level: 0, weight: 1 }
  for (let step = 1; step <= smoothingSteps; step += 1) {
    const weight = step / smoothingSteps
    let level = values[0] ?? 0
    let squares = 0
    for (const value of values) {
      const error = value - level
      squares += error * error
      level += weight * error
    }
    if (squares < best.squares) best = { squares, level, weight }
  }
  return best
}

/** Of the least-squares line through the values, by hour. */
const slope = (values: Float64Array): number => {
  const middle = (values.length - 1) / 2
  let products = 0
  let squares = 0
  for (const [hour, value] of values.entries()) {
    products += (hour - middle) * value
    squares += (hour - middle) ** 2
  }
  return squares === 0 ? 0 : products / squares
}
