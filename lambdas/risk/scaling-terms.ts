import type * as z from 'zod'
import { type limitScaling, type ScalingTerms, scalingTerms } from '#protocol/operations/risk-limits.ts'
import { type Held, heldAt, heldView, nameOf } from '../shell/held-parameters.ts'
import type { GuardedParameters } from './guarded-parameters.ts'

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

export const scalingKind: GuardedParameters<ScalingTerms> = {
  kind: 'limit-scaling',
  schema: scalingTerms,
  declared,
  isLooser: (terms, before) =>
    terms.floor_ppm > before.floor_ppm ||
    terms.ceiling_ppm > before.ceiling_ppm ||
    terms.reference_volatility_ppm > before.reference_volatility_ppm ||
    // 0: depth does not count.
    Number(terms.reference_depth) < Number(before.reference_depth) ||
    terms.depth_ppm > before.depth_ppm ||
    // Over another time it may be either, and so may a scale that follows later.
    terms.window_minutes !== before.window_minutes ||
    terms.step_ppm > before.step_ppm,
  refusal: terms => (terms.floor_ppm > terms.ceiling_ppm ? floorAboveCeiling : undefined),
}

const floorAboveCeiling = {
  code: 'scale-out-of-range',
  errors: [{ pointer: '#/floor_ppm', detail: 'is above ceiling_ppm' }],
} as const

/** What holds for each underlying at an instant: its own rule, else that of all, else the declared one. */
export const scalingAt = (atMillis: number): Promise<(underlying: string | undefined) => Held<ScalingTerms>> =>
  heldAt(scalingKind, atMillis)

export const scalingView = (held: Held<ScalingTerms>): z.infer<typeof limitScaling> => ({
  underlying: nameOf(held),
  ...heldView(held),
})
