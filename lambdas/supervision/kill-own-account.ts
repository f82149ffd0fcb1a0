import { v7 as uuidv7 } from 'uuid'
import { putCommands } from '#adapters/streams/orders.ts'
import type { killOwnAccount } from '#protocol/operations/supervision.ts'
import { takeCommand } from '../shell/command-intake.ts'
import type { Handle } from '../shell/http.ts'
import { nameBasedUuid } from '../shell/name-based-uuid.ts'
import { tradersOf } from '../trading/trader.ts'

export const handle: Handle<typeof killOwnAccount> = async ({ body, principal, idempotencyKey, headers }) => {
  const [home, ...abroad] = await tradersOf(principal)
  if (home === undefined) return { code: 'account-not-open' }
  const { lane, accountId } = home
  // In every lane where it trades: first where nobody waits for an answer.
  for (const trader of abroad) {
    const name = [idempotencyKey ?? uuidv7(), trader.accountId, body.is_on].join('#')
    const commandId = nameBasedUuid(`kill-own-account#${name}`)
    const command = { type: 'set-kill-switch', commandId, scope: 'account', accountId: trader.accountId } as const
    await putCommands(trader.lane, [{ ...command, isOn: body.is_on, firm: '' }])
  }
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
