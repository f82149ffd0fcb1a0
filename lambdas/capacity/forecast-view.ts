import { decimalOfMicros } from '#domain/units.ts'
import type { MadeForecast } from './forecasts.ts'

/** A forecast is no more exact than a millionth. */
export const amountText = (amount: number): string => decimalOfMicros(Math.round(amount * 1_000_000))

export const maseOf = (mase: number | null): number | null => (mase === null ? null : Math.round(mase * 1e4) / 1e4)

/** What a forecast was made from and how. */
export const basisOf = ({ history, forecast }: MadeForecast) => ({
  source: history.source,
  history_start: new Date(history.startMillis).toISOString(),
  history_hours: history.observed.length,
  model: forecast.model,
  mase: maseOf(forecast.errors.find(({ model }) => model === forecast.model)?.mase ?? null),
  seasonal_naive_mase: maseOf(forecast.errors.find(({ model }) => model === 'seasonal-naive-day')?.mase ?? null),
  origins: forecast.origins,
})
