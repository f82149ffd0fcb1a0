import type { killOwnAccount } from '#protocol/operations/supervision.ts'
import { takeCommand } from '../shell/command-intake.ts'
import type { Handle } from '../shell/http.ts'
import { traderOf } from '../trading/trader.ts'

export const handle: Handle<typeof killOwnAccount> = async ({ body, principal, idempotencyKey, headers }) => {
  const trader = await traderOf(principal)
  if (trader === undefined) return { code: 'account-not-open' }
  const { lane, accountId } = trader
  return takeCommand({
    principal,
    operation: 'kill-own-account',
    asked: body,
    idempotencyKey,
    headers,
    lane,
    accountId,
    command: commandId => ({
      type: 'set-kill-switch',
      commandId,
      scope: 'account',
      accountId,
      isOn: body.is_on,
      firm: '',
    }),
  })
}
