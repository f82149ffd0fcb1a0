import { getAccount } from '#adapters/tables/accounts.ts'
import { getInstrument } from '#adapters/tables/instruments.ts'
import { getOutcome } from '#adapters/tables/outcomes.ts'
import { versionOfMargin } from '#domain/trading/engine-version.ts'
import { increments } from '#domain/units.ts'
import type { moveCollateral } from '#protocol/operations/ledger.ts'
import { engineVersionMissing } from '../reference/engine-version-needed.ts'
import { commandAnswer, type Decided, takeInOnce } from '../shell/command-intake.ts'
import type { Handle, Rejection, Request } from '../shell/http.ts'
import { laneOfInsuranceFund } from '../shell/insurance-fund.ts'
import { type CashRefusal, notOpen } from './cash-refusals.ts'
import { type FundPayout, fundWithdrawalView, requestPayout } from './fund-withdrawal.ts'
import { openAccountOf } from './named-account.ts'

export const handle: Handle<typeof moveCollateral> = async ({ body, principal, headers, idempotencyKey }) => {
  if (body.action === 'withdraw' && laneOfInsuranceFund(body.account) !== undefined) {
    const decided = await decide(body)
    if ('code' in decided) return decided
    const { lane, move } = decided
    const { account, instrument_name: asset, amount } = body
    const request = await requestPayout(principal, idempotencyKey, { account, lane, asset, amount, ...move })
    return 'code' in request ? request : { status: 201, body: fundWithdrawalView(request, undefined, Date.now()) }
  }
  const asking = { principal, operation: 'move-collateral', asked: body, idempotencyKey, headers }
  const taken = await takeInOnce(asking, () => decide(body), getOutcome)
  return 'code' in taken ? taken : commandAnswer(taken)
}

type Move = Pick<FundPayout, 'accountId' | 'instrumentId' | 'quantity'>

const decide = async (
  body: Request<typeof moveCollateral>['body'],
): Promise<
  | (Decided & { readonly move: Move })
  | CashRefusal
  | Rejection<'unknown-instrument' | 'not-collateral' | 'amount-off-lot'>
> => {
  const row = await getAccount(body.account)
  const account = row === undefined ? undefined : openAccountOf(row)
  if (account === undefined) return notOpen('account')
  const { accountId, lane } = account
  const market = await getInstrument(lane, body.instrument_name)
  if (market === undefined)
    return {
      code: 'unknown-instrument',
      errors: [{ pointer: '#/instrument_name', detail: `is not listed in lane ${lane}, where the account is` }],
    }
  const { instrumentId, terms, specification } = market.instrument
  if (terms.kind !== 'collateral') return { code: 'not-collateral' }
  const quantityLots = increments(body.amount, specification.minTradeAmount)
  if (quantityLots === undefined)
    return {
      code: 'amount-off-lot',
      errors: [{ pointer: '#/amount', detail: `must be a multiple of ${specification.minTradeAmount}` }],
    }
  const missing = await engineVersionMissing(lane, versionOfMargin)
  if (missing !== undefined) return missing
  const type = body.action === 'deposit' ? ('deposit-collateral' as const) : ('withdraw-collateral' as const)
  return {
    lane,
    accountId,
    move: { accountId, instrumentId, quantity: quantityLots },
    command: commandId => ({ type, commandId, accountId, instrumentId, quantityLots }),
  }
}
