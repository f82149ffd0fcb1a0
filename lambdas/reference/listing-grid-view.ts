import type * as z from 'zod'
import type { ParameterRow } from '#adapters/tables/parameters.ts'
import type { ListingGrid } from '#domain/reference/listing-grid.ts'
import { increments } from '#domain/units.ts'
import { listingGrid } from '#protocol/operations/reference.ts'

/** As it was asked for, and as it is kept. */
export type GridRule = z.infer<typeof listingGrid>

export const gridVersionOf = ({ name, version, effectiveMillis, value, setBy, setAtMillis }: ParameterRow) => ({
  grid: name,
  version,
  effective_from: new Date(effectiveMillis).toISOString(),
  rule: gridRuleOf(value),
  set_by: setBy,
  set_at: new Date(setAtMillis).toISOString(),
})

export const gridRuleOf = (value: unknown): GridRule => listingGrid.parse(value)

export const gridOf = (rule: GridRule): ListingGrid => ({
  underlying: rule.underlying,
  index: rule.index ?? rule.underlying,
  expiries: rule.expiries,
  tickSize: rule.tick_size,
  minTradeAmount: rule.min_trade_amount,
  contractSize: rule.contract_size ?? '1',
  // Held against their rules when they were set.
  makerCommissionPpm: increments(rule.maker_commission, '0.000001') ?? 0,
  takerCommissionPpm: increments(rule.taker_commission, '0.000001') ?? 0,
  positionLimit: rule.position_limit,
  ...(rule.kind === 'future'
    ? { kind: 'future', maxPrice: rule.max_price }
    : { kind: 'option', strikes: rule.strikes, exercise: rule.exercise ?? 'european' }),
})
