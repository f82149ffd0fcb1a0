import type * as z from 'zod'
import { accountNamed } from '#adapters/tables/account-numbers.ts'
import type { LiquidationRow, LiquidationStepRow } from '#adapters/tables/liquidations.ts'
import { decimalOfMicros } from '#domain/units.ts'
import type { liquidation, liquidationStep } from '#protocol/operations/liquidation.ts'
import { toldNumbers } from './step-numbers.ts'

const instantOf = (millis: number): string => new Date(millis).toISOString()

export const liquidationView = async (row: LiquidationRow): Promise<z.infer<typeof liquidation>> => {
  const account = await accountNamed(row.lane, row.accountId)
  if (account === undefined) throw new Error(`the account ${row.accountId} of lane ${row.lane} has no name`)
  return {
    liquidation_id: row.liquidationId,
    account,
    lane: row.lane,
    liquidation_state: row.state,
    called_at: instantOf(row.calledAtMillis),
    grace_ends_at: instantOf(row.graceEndsAtMillis),
    epoch_version: row.epochVersion,
    called_equity: decimalOfMicros(row.callEquityMicros),
    called_requirement: decimalOfMicros(row.callRequirementMicros),
    equity: decimalOfMicros(row.equityMicros),
    requirement: decimalOfMicros(row.requirementMicros),
    begun_at: row.begunAtMillis === undefined ? null : instantOf(row.begunAtMillis),
    ended_at: row.endedAtMillis === undefined ? null : instantOf(row.endedAtMillis),
    attempt: row.attempt,
    failure: row.failure ?? null,
  }
}

export const stepView = (row: LiquidationStepRow): z.infer<typeof liquidationStep> => ({
  step: row.step,
  step_kind: row.kind,
  step_state: row.state,
  decided_at: instantOf(row.decidedAtMillis),
  done_at: row.doneAtMillis === undefined ? null : instantOf(row.doneAtMillis),
  command_id: row.command?.commandId ?? null,
  reject_reason: row.code ?? null,
  numbers: toldNumbers(row.numbers),
  result: row.result === undefined ? null : toldNumbers(row.result),
})
