import type { DeliveryRow, Imbalance } from '#adapters/tables/deliveries.ts'
import { lastFixing } from '#adapters/tables/fixings.ts'
import { exactPrice, exactTicks } from '#domain/settlement/exact-price.ts'
import { dayAheadPrice } from './day-ahead-price.ts'

/**
 * What the same was worth elsewhere: the day-ahead price of its hours; where there is none the last fixing of its index; where
 * there is none at all, what it was sold at.
 */
export const imbalanceOf = async (row: DeliveryRow, nowMillis: number): Promise<Imbalance> => {
  const dayAhead = await dayAheadPrice(row)
  if (dayAhead !== undefined) return { priceTicks: Number(exactTicks(dayAhead, row.tickSize)), source: 'day-ahead' }
  const fixing = await lastFixing(row.index, Math.min(nowMillis, row.endMillis))
  if (fixing === undefined) return { priceTicks: row.priceTicks, source: 'contract' }
  return {
    priceTicks: Number(exactTicks(exactPrice(fixing.level), row.tickSize)),
    source: `${row.index}@${new Date(fixing.fixingMillis).toISOString()}`,
  }
}
