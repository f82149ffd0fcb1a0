import type * as z from 'zod'
import type { Instrument } from '#domain/reference/instrument.ts'
import type { ObligationTerms } from '#domain/trading/quoting-obligations.ts'
import { decimal } from '#domain/units.ts'
import type { obligationTerms } from '#protocol/operations/market-making.ts'

export const termsOf = (
  { specification }: Instrument,
  version: number,
  { maxSpreadPpm, minLots, fromMillis }: ObligationTerms,
): z.infer<typeof obligationTerms> => ({
  instrument_name: specification.instrumentName,
  version,
  max_spread: decimal(maxSpreadPpm, '0.000001'),
  min_amount: decimal(minLots, specification.minTradeAmount),
  effective_from: new Date(fromMillis).toISOString(),
})
