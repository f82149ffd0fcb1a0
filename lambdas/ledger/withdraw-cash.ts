import { getOutcome } from '#adapters/tables/outcomes.ts'
import { versionOfMargin } from '#domain/trading/engine-version.ts'
import { decimalOfMicros, micros } from '#domain/units.ts'
import type { withdrawCash } from '#protocol/operations/ledger.ts'
import { engineVersionMissing } from '../reference/engine-version-needed.ts'
import { type Decided, takeInOnce } from '../shell/command-intake.ts'
import type { Handle, Request } from '../shell/http.ts'
import { laneOfInsuranceFund } from '../shell/insurance-fund.ts'
import { type CashRefusal, notCountable, notOpen } from './cash-refusals.ts'
import { type FundPayout, fundWithdrawalView, requestPayout } from './fund-withdrawal.ts'
import { namedAccount, type OpenAccount } from './named-account.ts'
import { withdrawalOf } from './withdrawal-view.ts'

export const handle: Handle<typeof withdrawCash> = async ({ body, principal, headers, idempotencyKey }) => {
  const fund = await payoutOfFund(body, principal)
  if (fund !== undefined) {
    if ('code' in fund) return fund
    const request = await requestPayout(principal, idempotencyKey, fund)
    return 'code' in request ? request : { status: 201, body: fundWithdrawalView(request, undefined, Date.now()) }
  }
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

/** Undefined of any account that is no insurance fund: nobody takes out alone what the losses of all are paid from. */
const payoutOfFund = async (
  body: Withdrawing['body'],
  principal: Withdrawing['principal'],
): Promise<FundPayout | CashRefusal | undefined> => {
  if (laneOfInsuranceFund(body.account ?? principal.account) === undefined) return undefined
  const from = await askedFrom(body, principal)
  if ('code' in from) return from
  const { account, accountId, lane, amountMicros } = from
  const amount = decimalOfMicros(amountMicros)
  return { account, lane, accountId, asset: 'USD', amount, instrumentId: 0, quantity: amountMicros }
}

const askedFrom = async (
  body: Withdrawing['body'],
  principal: Withdrawing['principal'],
): Promise<(OpenAccount & { readonly amountMicros: number }) | CashRefusal> => {
  const amountMicros = micros(body.amount)
  if (amountMicros === undefined) return notCountable
  const from = await namedAccount(principal, body.account ?? principal.account)
  if (from === undefined) return notOpen('account')
  const missing = await engineVersionMissing(from.lane, versionOfMargin)
  if (missing !== undefined) return missing
  return { ...from, amountMicros }
}

const decide = async (
  body: Withdrawing['body'],
  principal: Withdrawing['principal'],
): Promise<Decided | CashRefusal> => {
  const from = await askedFrom(body, principal)
  if ('code' in from) return from
  const { account, accountId, lane, amountMicros } = from
  return {
    lane,
    accountId,
    kept: { account },
    command: commandId => ({ type: 'withdraw', commandId, accountId, amountMicros }),
  }
}
