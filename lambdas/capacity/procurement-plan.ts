import {
  type ProcurementPlan,
  type ProcurementPolicy,
  planProcurement,
  quantilesOf,
} from '#domain/capacity/procurement.ts'
import type { Rejection } from '../shell/http.ts'
import { hourMillis } from './forecast-history.ts'
import { forecastFor, type MadeForecast } from './forecasts.ts'

const microsOfUnit = 1_000_000
const dayMillis = 24 * hourMillis

export interface AskedProcurement {
  readonly resourceClass: string
  readonly region: string
  /** When the day of the bids begins: after now. */
  readonly deliveryMillis: number
  /** There already in every hour. */
  readonly coveredUnits: number
  readonly policy: ProcurementPolicy
}

export interface PlannedProcurement {
  readonly plan: ProcurementPlan
  readonly demand: MadeForecast
  readonly price: MadeForecast
}

/** The bids for the 24 hours of a day, from what is known now; or why there is no forecast. */
export const procurementOf = async (
  { resourceClass, region, deliveryMillis, coveredUnits, policy }: AskedProcurement,
  nowMillis: number,
): Promise<PlannedProcurement | Rejection<'unknown-resource' | 'forecast-history-too-short'>> => {
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
      coveredUnits,
    }
  })
  return { plan: planProcurement(hours, policy), demand, price }
}
