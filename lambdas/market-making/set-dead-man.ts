import type { setDeadMan } from '#protocol/operations/market-making.ts'
import { takeCommand } from '../shell/command-intake.ts'
import type { Handle } from '../shell/http.ts'
import { traderOf } from '../trading/trader.ts'

export const handle: Handle<typeof setDeadMan> = async ({ body, principal, idempotencyKey, headers }) => {
  const trader = await traderOf(principal)
  if (trader === undefined) return { code: 'account-not-open' }
  const { lane, accountId } = trader
  return takeCommand({
    principal,
    operation: 'set-dead-man',
    asked: body,
    idempotencyKey,
    headers,
    lane,
    accountId,
    command: commandId => ({ type: 'set-dead-man', commandId, accountId, timeoutMillis: body.timeout_ms }),
  })
}
