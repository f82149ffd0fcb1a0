import type { Pricing } from './catalogue.ts'

/** What a product's prices were from a day on; null: it was not sold so. */
export interface DatedPrices {
  /** Midnight UTC of the day from which on they hold. */
  readonly fromMillis: number
  readonly micros: Readonly<Record<ListPricing, number | null>>
}

/** How a provider's list sells. */
export const listPricings = [
  'on_demand',
  'spot',
  'commitment_1y',
  'commitment_3y',
] as const satisfies readonly Pricing[]
export type ListPricing = (typeof listPricings)[number]

const yearMillis = 365 * 86_400_000

/** The price in force, and how often a year it has changed since it was first known; undefined where it is not sold so. */
export const priceInForce = (
  history: readonly DatedPrices[],
  pricing: ListPricing,
  atMillis: number,
): { readonly micros: number; readonly sinceMillis: number; readonly changesPerYear: number } | undefined => {
  let found: { readonly micros: number; readonly sinceMillis: number } | undefined
  let firstMillis: number | undefined
  let changes = 0
  for (const { fromMillis, micros } of history.toSorted((a, b) => a.fromMillis - b.fromMillis)) {
    if (fromMillis > atMillis) break
    const price = micros[pricing]
    if (price === null) {
      found = undefined
      continue
    }
    firstMillis ??= fromMillis
    if (found?.micros === price) continue
    if (fromMillis > firstMillis) changes += 1
    found = { micros: price, sinceMillis: fromMillis }
  }
  if (found === undefined || firstMillis === undefined) return undefined
  const years = Math.max(atMillis - firstMillis, yearMillis) / yearMillis
  return { ...found, changesPerYear: changes / years }
}
