import type { Write } from '#adapters/writes.ts'
import type { CommandRejected, GainsHaircut, LossCovered } from '#domain/trading/events.ts'
import type { PlacedEvent } from '../shell/projection.ts'
import type { CashBook } from './cash-book.ts'

/** What an account in liquidation owed, and who paid it: first the account, then those. */
export const lossWrites = (
  placed: PlacedEvent,
  event: LossCovered | GainsHaircut,
  cash: CashBook,
): readonly Write[] => {
  const { accountId, cashMicros, commandId } = event
  if (event.type === 'loss-covered') {
    const { fundAccountId, fundCashMicros } = event
    const fund = { accountId: fundAccountId, cashMicros: fundCashMicros, commandId }
    const kind = 'loss-cover'
    return [
      ...cash.moved(placed, event, { kind, counterAccountId: fundAccountId }),
      ...cash.moved(placed, fund, { kind, counterAccountId: accountId, leg: 1 }),
    ]
  }
  const kind = 'gain-haircut'
  return [
    ...cash.moved(placed, { accountId, cashMicros, commandId }, { kind }),
    ...event.shares.flatMap(share =>
      cash.moved(
        placed,
        { accountId: share.accountId, cashMicros: share.cashMicros, commandId },
        { kind, counterAccountId: accountId, leg: 1 },
      ),
    ),
  ]
}

/** Their outcomes are told, for whoever takes the next step. */
export const commandsOfLiquidation: ReadonlySet<CommandRejected['commandType']> = new Set<
  CommandRejected['commandType']
>([
  'begin-liquidation',
  'join-liquidation',
  'liquidate-position',
  'transfer-position',
  'cover-loss',
  'haircut-gains',
  'end-liquidation',
])
