import type * as z from 'zod'
import type { CommandRow } from '#adapters/tables/commands.ts'
import { getInstrumentById } from '#adapters/tables/instruments.ts'
import type { QuoteOutcomeRow } from '#adapters/tables/quote-outcomes.ts'
import type { quoteOutcome } from '#protocol/operations/market-making.ts'

export const quoteOutcomeOf = async (
  { commandId, lane }: Pick<CommandRow, 'commandId' | 'lane'>,
  row: QuoteOutcomeRow | undefined,
): Promise<z.infer<typeof quoteOutcome>> => {
  const rejected = (row?.rejectedSides ?? []).map(async ({ instrumentId, direction, code }) => ({
    instrument_name: await nameOf(lane, instrumentId),
    direction,
    code,
  }))
  return {
    command_id: commandId,
    quote_state: row === undefined ? 'pending' : row.code === undefined ? 'quoted' : 'rejected',
    accepted_sides: row?.acceptedSides ?? null,
    rejected_sides: await Promise.all(rejected),
    reject_reason: row?.code ?? null,
    timestamp: row === undefined ? null : new Date(row.atMillis).toISOString(),
  }
}

/** It was known when the quote was taken in. */
const nameOf = async (lane: number, instrumentId: number): Promise<string> => {
  const row = await getInstrumentById(lane, instrumentId)
  if (row === undefined) throw new Error(`lane ${lane} has lost the instrument ${instrumentId}`)
  return row.instrument.specification.instrumentName
}
