/** A year of 365 days, as everywhere in pricing. */
export const yearMillis = 31_536_000_000
const shortestMillis = 1_000

export interface EffectiveTime {
  readonly years: number
  /** Effective years that pass with a year now. */
  readonly decay: number
}

/**
 * How long the mean of an index over [start, end] still varies as the index does. A mean of a Brownian motion from its start
 * on has a third of the variance of its end (Kemna and Vorst, 1990): before the averaging begins what is left is
 * (start − now) + (end − start)/3. Inside it the fixings that are made vary no more: of the rest, a share τ/L of the mean,
 * the variance is (τ/L)² τ/3. The logarithm of the mean is taken for that of the share, exact where both stand alike.
 */
export const effectiveTime = (nowMillis: number, startMillis: number, endMillis: number): EffectiveTime => {
  const left = Math.max(endMillis - nowMillis, shortestMillis)
  const length = endMillis - startMillis
  if (!(length > 0)) return { years: left / yearMillis, decay: 1 }
  if (nowMillis <= startMillis) return { years: (startMillis - nowMillis + length / 3) / yearMillis, decay: 1 }
  const share = left / length
  return { years: (share * share * left) / 3 / yearMillis, decay: share * share }
}

export const yearsBetween = (fromMillis: number, toMillis: number): number =>
  Math.max(toMillis - fromMillis, shortestMillis) / yearMillis
