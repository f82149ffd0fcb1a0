import type { SeriesForecast } from './forecast.ts'

/** Whether a policy places bids by itself. */
export const procurementModes = ['off', 'dry_run', 'live'] as const
export type ProcurementMode = (typeof procurementModes)[number]

/** What came of a policy for a delivery date. */
export const procurementResults = ['waiting', 'bidding', 'placed', 'dry_run', 'nothing', 'refused'] as const
export type ProcurementResult = (typeof procurementResults)[number]

/** At 2.5, 10, 50, 90 and 97.5 %: the bounds of the forecast's intervals, and its middle. */
export type Quantiles = readonly [number, number, number, number, number]

/** By hour of the forecast. */
export const quantilesOf = ({ point, intervals }: SeriesForecast): readonly Quantiles[] => {
  const bound = (level: 80 | 95, side: 'lower' | 'upper', hour: number): number =>
    intervals.find(each => each.level === level)?.[side][hour] ?? point[hour] ?? 0
  return point.map((value, hour) => [
    bound(95, 'lower', hour),
    bound(80, 'lower', hour),
    value,
    bound(80, 'upper', hour),
    bound(95, 'upper', hour),
  ])
}

export interface ProcurementHour {
  readonly startMillis: number
  /** Units. */
  readonly demand: Quantiles
  /** USD micros a unit and hour. */
  readonly priceMicros: Quantiles
  /** Units that are there already, and need not be bid for. */
  readonly coveredUnits: number
}

export interface ProcurementPolicy {
  /** All bids together cost no more, even if each is filled in full at its own price. */
  readonly budgetMicros: number
  readonly tickMicros: number
  readonly mostPriceMicros: number
  /** Of an hour. */
  readonly mostUnits: number
}

export interface BidStep {
  readonly units: number
  readonly priceMicros: number
}

export interface HourlyBid {
  readonly startMillis: number
  /** The dearest first, each price once. */
  readonly steps: readonly BidStep[]
}

export interface ProcurementPlan {
  readonly bids: readonly HourlyBid[]
  /** Of all steps at their own prices. */
  readonly costMicros: bigint
  readonly units: number
  /** Units that the policy would have bid for, had the budget been larger. */
  readonly unitsBeyondBudget: number
}

/**
 * Day-ahead bids from forecasts: a unit that is almost certainly needed is bid for at a price that the market almost
 * certainly does not exceed, and one that is hardly ever needed only at a price that it hardly ever comes down to. Demand's
 * quantile p is paired with price's quantile 1 - p, so that the steps of an hour fall in price as they rise in quantity.
 *
 * The budget goes to the surest units of all hours first; among equally sure ones to the cheapest, then to the earliest. A step
 * that it does not cover is cut to whole units.
 */
export const planProcurement = (hours: readonly ProcurementHour[], policy: ProcurementPolicy): ProcurementPlan => {
  const wanted = hours.flatMap((hour, at) => stepsOf(hour, policy).map(step => ({ ...step, at })))
  const inTurn = wanted.toSorted((a, b) => a.rank - b.rank || a.priceMicros - b.priceMicros || a.at - b.at)
  const taken: BidStep[][] = hours.map(() => [])
  let leftMicros = BigInt(policy.budgetMicros)
  let units = 0
  let unitsBeyondBudget = 0
  for (const step of inTurn) {
    const affordable = Number(leftMicros / BigInt(step.priceMicros))
    const bought = Math.min(step.units, affordable)
    unitsBeyondBudget += step.units - bought
    if (bought === 0) continue
    leftMicros -= BigInt(bought) * BigInt(step.priceMicros)
    units += bought
    taken[step.at]?.push({ units: bought, priceMicros: step.priceMicros })
  }
  return {
    bids: hours.flatMap(({ startMillis }, at) => {
      const steps = merged(taken[at] ?? [])
      return steps.length === 0 ? [] : { startMillis, steps }
    }),
    costMicros: BigInt(policy.budgetMicros) - leftMicros,
    units,
    unitsBeyondBudget,
  }
}

/** The surest first; prices on the grid, never above what the quantile or the policy says. */
const stepsOf = (
  { demand, priceMicros, coveredUnits }: ProcurementHour,
  { tickMicros, mostPriceMicros, mostUnits }: ProcurementPolicy,
): readonly (BidStep & { readonly rank: number })[] => {
  let reached = coveredUnits
  return demand.flatMap((quantile, rank) => {
    // A forecast that comes back from its root is off by less than this.
    const until = Math.min(Math.ceil(quantile - 1e-6), coveredUnits + mostUnits)
    const units = until - reached
    const price = Math.min(priceMicros[priceMicros.length - 1 - rank] ?? 0, mostPriceMicros)
    const onGrid = Math.floor(price / tickMicros) * tickMicros
    if (units <= 0) return []
    reached = until
    return onGrid > 0 ? { units, priceMicros: onGrid, rank } : []
  })
}

const merged = (steps: readonly BidStep[]): readonly BidStep[] =>
  [...Map.groupBy(steps, ({ priceMicros }) => priceMicros)]
    .map(([priceMicros, same]) => ({ priceMicros, units: same.reduce((sum, { units }) => sum + units, 0) }))
    .sort((a, b) => b.priceMicros - a.priceMicros)
