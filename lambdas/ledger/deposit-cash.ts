import { getAccount } from '#adapters/tables/accounts.ts'
import { getOutcome } from '#adapters/tables/outcomes.ts'
import { micros } from '#domain/units.ts'
import type { depositCash } from '#protocol/operations/ledger.ts'
import { type Decided, takeInOnce } from '../shell/command-intake.ts'
import type { Handle, Rejection, Request } from '../shell/http.ts'
import { depositOf } from './deposit-view.ts'

export const handle: Handle<typeof depositCash> = async ({ body, principal, headers, idempotencyKey }) => {
  const asking = { principal, operation: 'deposit-cash', asked: body, idempotencyKey, headers }
  const taken = await takeInOnce(asking, () => decide(body), getOutcome)
  if ('code' in taken) return taken
  const { promised, outcome, waited } = taken
  return {
    status: waited && outcome !== undefined ? 200 : 202,
    body: depositOf(promised, outcome),
    headers: { location: `/api/v1/deposits/${promised.commandId}`, ...taken.headers },
  }
}

const decide = async (
  body: Request<typeof depositCash>['body'],
): Promise<Decided | Rejection<'invalid-request' | 'unknown-account'>> => {
  const amountMicros = micros(body.amount)
  if (amountMicros === undefined)
    return {
      code: 'invalid-request',
      errors: [
        { pointer: '#/amount', detail: 'must have at most six digits after the point, and be less than 2^53 micros' },
      ],
    }
  const account = await getAccount(body.account)
  if (account?.accountState !== 'open' || account.accountId === undefined)
    return { code: 'unknown-account', errors: [{ pointer: '#/account', detail: 'is not open' }] }
  const { accountId, lane } = account
  return {
    lane,
    accountId,
    kept: { account: body.account },
    command: commandId => ({ type: 'deposit', commandId, accountId, amountMicros }),
  }
}
