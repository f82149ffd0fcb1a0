import type * as z from 'zod'
import { micros } from '#domain/units.ts'
import {
  type EpochTerms,
  epochTermNames,
  type RiskTerms,
  type riskParameters,
  riskTerms,
} from '#protocol/operations/risk.ts'
import { type Held, heldAt, heldView, nameOf } from '../shell/held-parameters.ts'
import type { GuardedParameters } from './guarded-parameters.ts'

/** As the exchange comes: docs/decisions/0013-portfolio-margin.md says why. */
const declared: RiskTerms = {
  price_scan_ppm: 200_000,
  volatility_scan: '15',
  family: null,
  short_option_minimum_ppm: 10_000,
  concentration_threshold: '5000000',
  concentration_charge_ppm: 50_000,
  haircut_ppm: 300_000,
  look_ahead_ms: 86_400_000,
  max_age_ms: 3_600_000,
  move_ppm: 100_000,
}

export const riskParameterKind: GuardedParameters<RiskTerms> = {
  kind: 'risk',
  schema: riskTerms,
  declared,
  ofAllOnly: epochTermNames,
  isLooser: (terms, before) => {
    const isLower = (
      name: 'price_scan_ppm' | 'short_option_minimum_ppm' | 'concentration_charge_ppm' | 'haircut_ppm',
    ) => terms[name] < before[name]
    return (
      isLower('price_scan_ppm') ||
      isLower('short_option_minimum_ppm') ||
      isLower('concentration_charge_ppm') ||
      isLower('haircut_ppm') ||
      microsOf(terms.volatility_scan) < microsOf(before.volatility_scan) ||
      microsOf(terms.concentration_threshold) > microsOf(before.concentration_threshold) ||
      // Another family may net what did not net.
      terms.family !== before.family ||
      terms.look_ahead_ms < before.look_ahead_ms ||
      terms.max_age_ms > before.max_age_ms ||
      terms.move_ppm > before.move_ppm
    )
  },
}

const microsOf = (text: string): number => {
  const found = micros(text)
  if (found === undefined) throw new Error(`${text} is no number of micros`)
  return found
}

/**
 * What holds for each underlying at an instant: its own parameters, else those of all, else the declared ones. What
 * epochs are made by is always that of all.
 */
export const riskTermsAt = (atMillis: number): Promise<(underlying: string | undefined) => Held<RiskTerms>> =>
  heldAt(riskParameterKind, atMillis)

export const riskParametersView = (held: Held<RiskTerms>): z.infer<typeof riskParameters> => ({
  underlying: nameOf(held),
  ...heldView(held),
})

export const epochTermsOf = ({ look_ahead_ms, max_age_ms, move_ppm }: RiskTerms): EpochTerms => ({
  look_ahead_ms,
  max_age_ms,
  move_ppm,
})

export const isEpochTerm = (name: string): boolean => epochTermNames.some(each => each === name)
