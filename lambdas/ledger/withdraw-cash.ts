import { getOutcome } from '#adapters/tables/outcomes.ts'
import { versionOfMargin } from '#domain/trading/engine-version.ts'
import { micros } from '#domain/units.ts'
import type { withdrawCash } from '#protocol/operations/ledger.ts'
import { engineVersionMissing } from '../reference/engine-version-needed.ts'
import { type Decided, takeInOnce } from '../shell/command-intake.ts'
import type { Handle, Request } from '../shell/http.ts'
import { type CashRefusal, notCountable, notOpen } from './cash-refusals.ts'
import { namedAccount } from './named-account.ts'
import { withdrawalOf } from './withdrawal-view.ts'

export const handle: Handle<typeof withdrawCash> = async ({ body, principal, headers, idempotencyKey }) => {
  const asking = { principal, operation: 'withdraw-cash', asked: body, idempotencyKey, headers }
  const taken = await takeInOnce(asking, () => decide(body, principal), getOutcome)
  if ('code' in taken) return taken
  const { promised, outcome, waited } = taken
  return {
    status: waited && outcome !== undefined ? 200 : 202,
    body: withdrawalOf(promised, outcome),
    headers: { location: `/api/v1/withdrawals/${promised.commandId}`, ...taken.headers },
  }
}

type Withdrawing = Request<typeof withdrawCash>

const decide = async (
  body: Withdrawing['body'],
  principal: Withdrawing['principal'],
): Promise<Decided | CashRefusal> => {
  const amountMicros = micros(body.amount)
  if (amountMicros === undefined) return notCountable
  const from = await namedAccount(principal, body.account ?? principal.account)
  if (from === undefined) return notOpen('account')
  const { account, accountId, lane } = from
  const missing = await engineVersionMissing(lane, versionOfMargin)
  if (missing !== undefined) return missing
  return {
    lane,
    accountId,
    kept: { account },
    command: commandId => ({ type: 'withdraw', commandId, accountId, amountMicros }),
  }
}
