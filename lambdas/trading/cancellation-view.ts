import type { CommandRow } from '#adapters/tables/commands.ts'
import { getOutcome, type OutcomeRow } from '#adapters/tables/outcomes.ts'
import type { CancelOrders } from '#domain/trading/commands.ts'
import type { Cancellation } from '#protocol/operations/trading.ts'

/** What the commands table keeps of a cancel-all: the command, and by which names it was asked for. */
export interface PromisedCancellation {
  readonly command: CancelOrders
  readonly instrumentName: string | null
  readonly label: string | null
}

export const promisedCancellationOf = ({ requestJson }: CommandRow): PromisedCancellation => JSON.parse(requestJson)

/** The orders that it cancels say so before it is done: only then is it known how many they are. */
export const cancellationOutcome = async (commandId: string): Promise<OutcomeRow | undefined> => {
  const outcome = await getOutcome(commandId)
  return outcome?.accepted === true && outcome.cancelledOrders === undefined ? undefined : outcome
}

export const cancellationOf = (promised: CommandRow, outcome: OutcomeRow | undefined): Cancellation => {
  const { command, instrumentName, label } = promisedCancellationOf(promised)
  return {
    command_id: command.commandId,
    instrument_name: instrumentName,
    label,
    command_state: outcome === undefined ? 'pending' : outcome.accepted ? 'completed' : 'rejected',
    cancelled_orders: outcome?.cancelledOrders ?? null,
    reject_reason: outcome?.code ?? null,
  }
}
