import type * as z from 'zod'
import type { markingParameters } from '#protocol/operations/pricing.ts'
import { everyUnderlying, type HeldTerms } from './marking-terms.ts'

export const markingView = ({ terms, row }: HeldTerms): z.infer<typeof markingParameters> => ({
  underlying: row === undefined || row.name === everyUnderlying ? null : row.name,
  version: row?.version ?? 0,
  effective_from: row === undefined ? null : new Date(row.effectiveMillis).toISOString(),
  set_by: row?.setBy ?? null,
  ...terms,
})
