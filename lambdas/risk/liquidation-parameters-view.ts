import type * as z from 'zod'
import type { liquidationParameters } from '#protocol/operations/liquidation.ts'
import type { HeldLiquidationTerms } from './liquidation-terms.ts'

export const liquidationParametersView = ({
  terms,
  row,
}: HeldLiquidationTerms): z.infer<typeof liquidationParameters> => ({
  version: row?.version ?? 0,
  effective_from: row === undefined ? null : new Date(row.effectiveMillis).toISOString(),
  set_by: row?.setBy ?? null,
  ...terms,
})
