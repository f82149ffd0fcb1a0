import type * as z from 'zod'
import type { riskParameters } from '#protocol/operations/risk.ts'
import { everyUnderlying, type HeldRiskTerms } from './risk-terms.ts'

export const riskParametersView = ({ terms, row }: HeldRiskTerms): z.infer<typeof riskParameters> => ({
  underlying: row === undefined || row.name === everyUnderlying ? null : row.name,
  version: row?.version ?? 0,
  effective_from: row === undefined ? null : new Date(row.effectiveMillis).toISOString(),
  set_by: row?.setBy ?? null,
  ...terms,
})
