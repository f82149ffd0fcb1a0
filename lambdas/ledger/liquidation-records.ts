import { haircutPut, liquidationEventPut } from '#adapters/tables/liquidations.ts'
import { marginCallPut } from '#adapters/tables/margin-calls.ts'
import type { Write } from '#adapters/writes.ts'
import type { PlacedEvent } from '../shell/projection.ts'

/** Margin calls, and what the engine said of each step of a liquidation, beside the positions and balances that it tells of. */
export const liquidationRecords = (placed: PlacedEvent): readonly Write[] => {
  const { event, lane, outSeq, eventId, atMillis } = placed
  switch (event.type) {
    case 'margin-called': {
      const { accountId, epochVersion, equityMicros, requirementMicros } = event
      const figures = { epochVersion, equityMicros, requirementMicros }
      return [marginCallPut({ lane, accountId, outSeq, eventId, calledAtMillis: atMillis, ...figures })]
    }
    case 'liquidation-begun': {
      const { type: _, commandId, ...numbers } = event
      return [liquidationEventPut(commandId, commandId, { eventId, atMillis, numbers })]
    }
    case 'liquidation-joined':
    case 'liquidation-tranche':
    case 'position-transferred':
    case 'loss-covered':
    case 'liquidation-ended': {
      const { type: _, commandId, liquidationId, ...numbers } = event
      return [liquidationEventPut(liquidationId, commandId, { eventId, atMillis, numbers })]
    }
    case 'gains-haircut': {
      const { type: _, commandId, liquidationId, ...numbers } = event
      const shares = event.shares.map(({ accountId, amountMicros }) => [accountId, amountMicros] as const)
      return [
        liquidationEventPut(liquidationId, commandId, { eventId, atMillis, numbers }),
        haircutPut(lane, outSeq, atMillis, shares),
      ]
    }
    default:
      return []
  }
}
