import { accountNumberPut, forgetAccountNumbers } from '#adapters/tables/account-numbers.ts'
import type { Command } from '#domain/trading/commands.ts'
import { nextCommandId, testSpecification, usd } from './tape.ts'
import { openTradingFloor, type TradingFloor } from './trading-floor.ts'

/** The trading floor of the HTTP tests, on which the numbers of its accounts are known. */
export const openQuotingFloor = (): TradingFloor => {
  const floor = openTradingFloor()
  return {
    ...floor,
    reset() {
      floor.reset()
      forgetAccountNumbers()
      for (const [accountId, account] of [
        [7, 'acme'],
        [8, 'other'],
      ] as const)
        floor.seed('accountNumbers', accountNumberPut({ lane: 1, accountId, account, firm: account }))
    },
  }
}

/** Ann and Bob with cash, and one instrument, as commands. */
export const openingCommands = (expirationMillis: number): readonly Command[] => [
  ...['ann', 'bob'].map(
    (account): Command => ({ type: 'open-account', commandId: nextCommandId(), account, firm: 'desk' }),
  ),
  ...[1, 2].map(
    (accountId): Command => ({ type: 'deposit', commandId: nextCommandId(), accountId, amountMicros: 1_000_000 * usd }),
  ),
  {
    type: 'list-instrument',
    commandId: nextCommandId(),
    specification: { ...testSpecification, expirationMillis },
  },
]
