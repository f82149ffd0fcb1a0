import { putCommands } from '#adapters/streams/orders.ts'
import { getOutcome } from '#adapters/tables/outcomes.ts'
import type { SettlementRow } from '#adapters/tables/settlements.ts'
import { accept } from '#domain/outcome.ts'
import type { SettleInstrument } from '#domain/trading/commands.ts'
import { serveTask } from '../shell/task.ts'
import { advanceSettlement, settlementCommandId, settlementRow, settlementStep } from './settlement-step.ts'

/** Has the engine pay it: under the same id however often it is asked, which it takes once. */
export const handler = serveTask(settlementStep, async step => {
  const row = await settlementRow(step)
  if (row.state === 'settled') return accept(step)
  if (row.priceTicks === undefined) throw new Error(`${row.instrumentName} has no settlement price yet`)
  const commandId = await nextCommandId(row)
  const posted = row.state === 'posted' && row.commandId === commandId
  if (!posted) await advanceSettlement(row, { state: 'posted', commandId })
  await putCommands(row.lane, [settleCommand(row, commandId, row.priceTicks)])
  return accept(step)
})

/** Another one only after the engine has refused the last: it remembers what it refused, too. */
const nextCommandId = async (row: SettlementRow): Promise<string> => {
  const { commandId } = row
  if (commandId === undefined) return settlementCommandId(row)
  const outcome = await getOutcome(commandId)
  const isRefused = outcome?.accepted === false && outcome.code !== 'instrument-settled'
  return isRefused ? settlementCommandId(row, row.attempt) : commandId
}

const settleCommand = (row: SettlementRow, commandId: string, priceTicks: number): SettleInstrument => ({
  type: 'settle-instrument',
  commandId,
  instrumentId: row.instrumentId,
  settlementKind: row.kind,
  number: row.number,
  priceTicks,
})
