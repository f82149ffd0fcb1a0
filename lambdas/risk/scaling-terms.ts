import type * as z from 'zod'
import { type limitScaling, type ScalingTerms, scalingTerms } from '#protocol/operations/risk-limits.ts'
import { type Held, heldAt, heldView, nameOf, type ParametersOf } from '../shell/held-parameters.ts'

/** As the exchange comes: limits hold in full up to a volatility of 80 %, and shrink to a fifth at 400 %. */
const declared: ScalingTerms = {
  floor_ppm: 200_000,
  ceiling_ppm: 1_000_000,
  reference_volatility_ppm: 800_000,
  reference_depth: '0',
  depth_ppm: 50_000,
  window_minutes: 60,
  step_ppm: 50_000,
}

export const scalingKind: ParametersOf<ScalingTerms> = { kind: 'limit-scaling', schema: scalingTerms, declared }

/** What holds for each underlying at an instant: its own rule, else that of all, else the declared one. */
export const scalingAt = (atMillis: number): Promise<(underlying: string | undefined) => Held<ScalingTerms>> =>
  heldAt(scalingKind, atMillis)

export const scalingView = (held: Held<ScalingTerms>): z.infer<typeof limitScaling> => ({
  underlying: nameOf(held),
  ...heldView(held),
})
