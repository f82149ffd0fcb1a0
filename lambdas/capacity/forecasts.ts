import { loadForecaster } from '#adapters/augurs.ts'
import { forecasterOf, hoursNeeded, type SeriesForecast } from '#domain/capacity/forecast.ts'
import { faultInWords, hourlySeries } from '#domain/capacity/forecast-series.ts'
import type { Rejection } from '../shell/http.ts'
import { type AskedSeries, type ForecastHistory, historyOf, hourMillis } from './forecast-history.ts'

export interface MadeForecast {
  readonly history: ForecastHistory
  readonly forecast: SeriesForecast
  /** Of the first hour that is forecast. */
  readonly startMillis: number
}

type Answer = MadeForecast | Rejection<'unknown-resource' | 'forecast-history-too-short'>

/** Of this process; an hour's forecast changes only with what is told later of the hours before it. */
const remembered = new Map<string, { readonly history: string; readonly forecast: SeriesForecast }>()
const mostRemembered = 200

/** From what the exchange knows of the hours before the one under way. */
export const forecastFor = async (asked: AskedSeries, horizon: number, nowMillis: number): Promise<Answer> => {
  const history = await historyOf(asked, nowMillis)
  if (history === undefined) return { code: 'unknown-resource' }
  const startMillis = history.startMillis + history.observed.length * hourMillis
  const needed = hoursNeeded(horizon)
  const hours = history.observed.length
  if (hours < needed) return tooShort(`There are ${hours} of the ${needed} hours`, asked, history, needed)
  const series = hourlySeries(history.observed)
  if ('code' in series) return tooShort(`The history ${faultInWords(series)}`, asked, history, needed)

  const key = `${asked.measure} ${asked.resourceClass} ${asked.region} ${horizon}`
  const written = JSON.stringify([history.startMillis, history.observed])
  const known = remembered.get(key)
  if (known?.history === written) return { history, forecast: known.forecast, startMillis }
  const forecast = forecasterOf(series, horizon, loadForecaster()).forecastAt(hours)
  if (forecast === undefined) return tooShort('There are too few observations in the last days', asked, history, needed)
  remembered.delete(key)
  remembered.set(key, { history: written, forecast })
  for (const oldest of remembered.keys()) {
    if (remembered.size <= mostRemembered) break
    remembered.delete(oldest)
  }
  return { history, forecast, startMillis }
}

const tooShort = (
  says: string,
  { measure, resourceClass, region }: AskedSeries,
  { source, observed }: ForecastHistory,
  needed: number,
): Rejection<'forecast-history-too-short'> => ({
  code: 'forecast-history-too-short',
  detail: `${says} without a break that a forecast of the ${measure} of ${resourceClass} in ${region} takes.`,
  members: { source, history_hours: observed.length, needed_hours: needed },
})
