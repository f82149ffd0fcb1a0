import {
  type ContinueSeasons,
  type ForecastModel,
  forecastModels,
  forecastsOf,
  hoursOfDay,
  type ModelForecasts,
} from './forecast-models.ts'
import type { HourlySeries } from './forecast-series.ts'

/** Nominal coverage of the intervals, per cent. */
export const intervalLevels = [80, 95] as const
export type IntervalLevel = (typeof intervalLevels)[number]

export const longestHorizon = 168

/** Models are tried from origins so far apart, over the last seven days that all of the horizon is known for. */
const originStep = 12
const mostOrigins = 13
const leastOrigins = 3
const leastHistory = 2 * hoursOfDay

/** Models are chosen by how they do over a day at least: a single hour says little. */
const triedHorizon = (horizon: number): number => Math.max(horizon, hoursOfDay)

/** Hours of history without which there is no forecast. */
export const hoursNeeded = (horizon: number): number =>
  leastHistory + (leastOrigins - 1) * originStep + triedHorizon(horizon)

export interface ForecastInterval {
  readonly level: IntervalLevel
  readonly lower: readonly number[]
  readonly upper: readonly number[]
}

export interface ModelError {
  readonly model: ForecastModel
  /** Of the origins that it was tried from. */
  readonly meanAbsoluteError: number
  /** Against the mean absolute error of seasonal-naive (a day) within the history; null where that is 0. */
  readonly mase: number | null
}

export interface SeriesForecast {
  readonly model: ForecastModel
  /** By hour from the one after the last of the history. */
  readonly point: readonly number[]
  readonly intervals: readonly ForecastInterval[]
  /** Of every model that was tried, the best first: how each did from the origins before this one. */
  readonly errors: readonly ModelError[]
  readonly origins: number
}

/** Forecasts a series from any of its hours, and remembers what it has fitted on the way. */
export interface Forecaster {
  /** From what is before hour `origin` only; undefined where that is fewer than `hoursNeeded`. */
  forecastAt(origin: number): SeriesForecast | undefined
}

/**
 * Tries every model from rolling origins before the one that is asked for, and takes the one with the least mean absolute
 * error. Its intervals are quantiles of its own errors from those origins, of roots (whose spread does not grow with the
 * level), at hours of the day within four of the one that is forecast: split conformal prediction, with neighbours pooled.
 * Nothing at or after an origin is ever read for a forecast from it.
 */
export const forecasterOf = (series: HourlySeries, horizon: number, continueSeasons: ContinueSeasons): Forecaster => {
  const tried = triedHorizon(horizon)
  const fitted = new Map<number, ModelForecasts>()
  const forecastsFrom = (origin: number): ModelForecasts => {
    const known = fitted.get(origin) ?? forecastsOf(series.values.subarray(0, origin), tried, continueSeasons)
    fitted.set(origin, known)
    return known
  }

  const forecastAt = (origin: number): SeriesForecast | undefined => {
    if (origin < hoursNeeded(horizon)) return undefined
    const from = forecastsFrom(origin)
    const origins = originsBefore(origin, tried)
    const errors = errorsOf(series, origin, origins, tried, forecastsFrom).filter(({ model }) => from.has(model))
    const best = errors[0]
    const forecast = best && from.get(best.model)
    if (best === undefined || forecast === undefined) return undefined
    const residuals = rootResiduals(series, origins, tried, each => forecastsFrom(each).get(best.model))
    const point = Array.from(forecast.subarray(0, horizon))
    return {
      model: best.model,
      point,
      intervals: intervalsOf(origin, point, residuals),
      errors,
      origins: origins.length,
    }
  }
  return { forecastAt }
}

/** Newest first; each leaves all hours of its horizon before the origin that is asked for. */
const originsBefore = (origin: number, horizon: number): readonly number[] =>
  Array.from({ length: mostOrigins }, (_, index) => origin - horizon - index * originStep).filter(
    each => each >= leastHistory,
  )

/** Only models that answer from every origin, the best first; of equals the one that stands first in the list. */
const errorsOf = (
  series: HourlySeries,
  origin: number,
  origins: readonly number[],
  horizon: number,
  forecastsFrom: (origin: number) => ModelForecasts,
): readonly ModelError[] => {
  const scale = seasonalNaiveError(series, origin)
  return forecastModels
    .flatMap(model => {
      let sum = 0
      let count = 0
      for (const each of origins) {
        const forecast = forecastsFrom(each).get(model)
        if (forecast === undefined) return []
        for (const { error } of errorsFrom(series, each, forecast.subarray(0, horizon))) {
          sum += error
          count += 1
        }
      }
      const meanAbsoluteError = sum / count
      return count === 0 ? [] : { model, meanAbsoluteError, mase: scale > 0 ? meanAbsoluteError / scale : null }
    })
    .toSorted((a, b) => a.meanAbsoluteError - b.meanAbsoluteError)
}

/** Absolute errors of the hours that were observed. */
const errorsFrom = (
  { values, isKnown }: HourlySeries,
  origin: number,
  forecast: Float64Array,
): readonly { readonly step: number; readonly error: number }[] =>
  Array.from(forecast).flatMap((value, step) =>
    isKnown[origin + step] === 1 ? { step, error: Math.abs(value - (values[origin + step] ?? 0)) } : [],
  )

/** Mean absolute error of the value a day before, over the history before an hour: the scale of MASE (Hyndman 2006). */
const seasonalNaiveError = ({ values, isKnown }: HourlySeries, origin: number): number => {
  let sum = 0
  let count = 0
  for (let hour = hoursOfDay; hour < origin; hour += 1) {
    if (isKnown[hour] !== 1 || isKnown[hour - hoursOfDay] !== 1) continue
    sum += Math.abs((values[hour] ?? 0) - (values[hour - hoursOfDay] ?? 0))
    count += 1
  }
  return count === 0 ? 0 : sum / count
}

interface Residual {
  /** Of what was forecast. */
  readonly hour: number
  readonly step: number
  /** Observed less forecast, of roots. */
  readonly difference: number
}

const rootResiduals = (
  { values, isKnown }: HourlySeries,
  origins: readonly number[],
  horizon: number,
  forecastFrom: (origin: number) => Float64Array | undefined,
): readonly Residual[] =>
  origins.flatMap(origin =>
    Array.from(forecastFrom(origin)?.subarray(0, horizon) ?? []).flatMap((value, step) =>
      isKnown[origin + step] === 1
        ? { hour: origin + step, step, difference: Math.sqrt(values[origin + step] ?? 0) - Math.sqrt(value) }
        : [],
    ),
  )

const hoursAround = 4

const intervalsOf = (
  origin: number,
  point: readonly number[],
  residuals: readonly Residual[],
): readonly ForecastInterval[] => {
  const sorted = point.map((_, step) => {
    const alike = residuals.filter(
      residual =>
        Math.abs(residual.step - step) < hoursOfDay && hoursApart(residual.hour, origin + step) <= hoursAround,
    )
    return Float64Array.from(alike, ({ difference }) => difference).sort()
  })
  return intervalLevels.map(level => {
    const tail = (1 - level / 100) / 2
    return {
      level,
      lower: point.map((value, step) => Math.min(value, moved(value, quantile(sorted[step], tail)))),
      upper: point.map((value, step) => Math.max(value, moved(value, quantile(sorted[step], 1 - tail)))),
    }
  })
}

const hoursApart = (one: number, other: number): number => {
  const apart = Math.abs(one - other) % hoursOfDay
  return Math.min(apart, hoursOfDay - apart)
}

const moved = (value: number, differenceOfRoots: number): number =>
  Math.max(0, Math.sqrt(value) + differenceOfRoots) ** 2

/** Of split conformal prediction: the (n + 1)-th part, outwards; the outermost where there are too few. */
const quantile = (sorted: Float64Array | undefined, part: number): number => {
  if (sorted === undefined || sorted.length === 0) return 0
  const rank = part < 0.5 ? Math.floor((sorted.length + 1) * part) : Math.ceil((sorted.length + 1) * part)
  return sorted[Math.min(sorted.length, Math.max(1, rank)) - 1] ?? 0
}

export interface OriginOutcome {
  readonly origin: number
  readonly model: ForecastModel
  readonly meanAbsoluteError: number
  readonly mase: number | null
  readonly seasonalNaiveMeanAbsoluteError: number
  readonly seasonalNaiveMase: number | null
  /** Hours that were observed, and how many of them lay within each interval. */
  readonly observed: number
  readonly within: Readonly<Record<IntervalLevel, number>>
}

export interface BackTest {
  readonly origins: readonly OriginOutcome[]
  /** Means over the origins; null where a series never changes from day to day. */
  readonly mase: number | null
  readonly seasonalNaiveMase: number | null
  /** Of the mean absolute error of seasonal-naive from the same origins; null where that is 0. */
  readonly relativeError: number | null
  readonly coverage: Readonly<Record<IntervalLevel, number>>
}

/** Hours without which there is nothing to test. */
export const hoursNeededToTest = (horizon: number, origins: number): number =>
  hoursNeeded(horizon) + (origins - 1) * hoursOfDay + horizon

/**
 * Forecasts made as they would have been, from origins a day apart, the last of them `horizon` hours before the end, each
 * with the model chosen from what was known then; beside what came.
 */
export const backTest = (
  series: HourlySeries,
  options: { readonly horizon: number; readonly origins: number; readonly forecaster: Forecaster },
): BackTest => {
  const { horizon, forecaster } = options
  const outcomes = Array.from({ length: options.origins }, (_, index) => {
    const origin = series.values.length - horizon - (options.origins - 1 - index) * hoursOfDay
    const forecast = forecaster.forecastAt(origin)
    return forecast === undefined ? undefined : outcomeOf(series, origin, horizon, forecast)
  }).flatMap(outcome => outcome ?? [])
  const observed = sumOf(outcomes.map(each => each.observed))
  return {
    origins: outcomes,
    mase: meanOf(outcomes.map(({ mase }) => mase)),
    seasonalNaiveMase: meanOf(outcomes.map(({ seasonalNaiveMase }) => seasonalNaiveMase)),
    relativeError: ratioOf(
      sumOf(outcomes.map(each => each.meanAbsoluteError)),
      sumOf(outcomes.map(each => each.seasonalNaiveMeanAbsoluteError)),
    ),
    coverage: {
      80: sumOf(outcomes.map(({ within }) => within[80])) / observed,
      95: sumOf(outcomes.map(({ within }) => within[95])) / observed,
    },
  }
}

const outcomeOf = (
  series: HourlySeries,
  origin: number,
  horizon: number,
  forecast: SeriesForecast,
): OriginOutcome | undefined => {
  const errors = errorsFrom(series, origin, Float64Array.from(forecast.point))
  if (errors.length === 0) return undefined
  const naive = Float64Array.from(
    { length: horizon },
    (_, step) => series.values[origin - hoursOfDay + (step % hoursOfDay)] ?? 0,
  )
  const scale = seasonalNaiveError(series, origin)
  const meanAbsoluteError = sumOf(errors.map(({ error }) => error)) / errors.length
  const naiveError = sumOf(errorsFrom(series, origin, naive).map(({ error }) => error)) / errors.length
  const withinOf = (level: IntervalLevel): number => {
    const interval = forecast.intervals.find(each => each.level === level)
    return errors.filter(({ step }) => {
      const value = series.values[origin + step] ?? 0
      return value >= (interval?.lower[step] ?? Infinity) && value <= (interval?.upper[step] ?? -Infinity)
    }).length
  }
  return {
    origin,
    model: forecast.model,
    meanAbsoluteError,
    mase: ratioOf(meanAbsoluteError, scale),
    seasonalNaiveMeanAbsoluteError: naiveError,
    seasonalNaiveMase: ratioOf(naiveError, scale),
    observed: errors.length,
    within: { 80: withinOf(80), 95: withinOf(95) },
  }
}

const sumOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0)
const ratioOf = (value: number, scale: number): number | null => (scale > 0 ? value / scale : null)
const meanOf = (values: readonly (number | null)[]): number | null => {
  const known = values.flatMap(value => value ?? [])
  return known.length === 0 ? null : sumOf(known) / known.length
}
