import type * as z from 'zod'
import type { SettlementRow } from '#adapters/tables/settlements.ts'
import { decimal } from '#domain/units.ts'
import type { settlement } from '#protocol/operations/settlement.ts'

export const settlementOf = (row: SettlementRow): z.infer<typeof settlement> => ({
  instrument_name: row.instrumentName,
  settlement_kind: row.kind,
  number: row.number,
  settlement_state: row.state,
  price: row.priceTicks === undefined ? null : decimal(row.priceTicks, row.tickSize),
  inputs: row.inputs ?? null,
  missing: [...row.missing],
  due_at: new Date(row.dueAtMillis).toISOString(),
  updated_at: new Date(row.updatedAtMillis).toISOString(),
  attempt: row.attempt,
  command_id: row.commandId ?? null,
  failure: row.failure ?? null,
})
