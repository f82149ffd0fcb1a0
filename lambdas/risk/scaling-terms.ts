import type * as z from 'zod'
import { type ParameterRow, parametersAt } from '#adapters/tables/parameters.ts'
import { type limitScaling, type ScalingTerms, scalingTerms } from '#protocol/operations/risk-limits.ts'

/** The name under which the rule is kept that holds for every underlying without its own. */
export const everyUnderlying = '*'

/** As the exchange comes: limits hold in full up to a volatility of 80 %, and shrink to a fifth at 400 %. */
const declaredScaling: ScalingTerms = {
  floor_ppm: 200_000,
  ceiling_ppm: 1_000_000,
  reference_volatility_ppm: 800_000,
  reference_depth: '0',
  depth_ppm: 50_000,
  window_minutes: 60,
  step_ppm: 50_000,
}

export interface HeldScaling {
  readonly terms: ScalingTerms
  /** Absent: as the exchange comes. */
  readonly row?: ParameterRow
}

/** What holds for each underlying at an instant: its own rule, else that of all, else the declared one. */
export const scalingAt = async (atMillis: number): Promise<(underlying: string | undefined) => HeldScaling> => {
  const rows = new Map((await parametersAt('limit-scaling', atMillis)).map(row => [row.name, row]))
  return underlying => {
    const row = (underlying === undefined ? undefined : rows.get(underlying)) ?? rows.get(everyUnderlying)
    return row === undefined
      ? { terms: declaredScaling }
      : { terms: scalingTerms.parse({ ...declaredScaling, ...row.value }), row }
  }
}

export const scalingView = ({ terms, row }: HeldScaling): z.infer<typeof limitScaling> => ({
  underlying: row === undefined || row.name === everyUnderlying ? null : row.name,
  version: row?.version ?? 0,
  effective_from: row === undefined ? null : new Date(row.effectiveMillis).toISOString(),
  set_by: row?.setBy ?? null,
  ...terms,
})
