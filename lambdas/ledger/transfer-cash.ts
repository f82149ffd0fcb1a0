import { getAccount } from '#adapters/tables/accounts.ts'
import { getOutcome } from '#adapters/tables/outcomes.ts'
import { versionOfJointMargin, versionOfMargin } from '#domain/trading/engine-version.ts'
import { noId } from '#domain/trading/identifiers.ts'
import { micros } from '#domain/units.ts'
import { accountInLane } from '#protocol/account-lanes.ts'
import type { transferCash } from '#protocol/operations/ledger.ts'
import { engineVersionMissing } from '../reference/engine-version-needed.ts'
import { commandAnswer, type Decided, takeInOnce } from '../shell/command-intake.ts'
import type { Handle, Rejection, Request } from '../shell/http.ts'
import { laneOfInsuranceFund } from '../shell/insurance-fund.ts'
import { type CashRefusal, notCountable, notOpen } from './cash-refusals.ts'
import { namedAccount, type OpenAccount, openAccountOf } from './named-account.ts'

export const handle: Handle<typeof transferCash> = async ({ body, principal, headers, idempotencyKey }) => {
  const asking = { principal, operation: 'transfer-cash', asked: body, idempotencyKey, headers }
  const taken = await takeInOnce(asking, () => decide(body, principal), getOutcome)
  return 'code' in taken ? taken : commandAnswer(taken)
}

type Transferring = Request<typeof transferCash>

const decide = async (
  body: Transferring['body'],
  principal: Transferring['principal'],
): Promise<Decided | CashRefusal | Rejection<'transfer-not-allowed'>> => {
  const amountMicros = micros(body.amount)
  if (amountMicros === undefined) return notCountable
  const from = await namedAccount(principal, body.from_account ?? principal.account)
  if (from === undefined) return notOpen('from_account')
  // What leaves a fund is approved by two persons, wherever it goes.
  if (laneOfInsuranceFund(from.account) !== undefined) return { code: 'transfer-not-allowed' }
  const row = await getAccount(body.to_account)
  const to = row === undefined ? undefined : openAccountOf(row)
  // That there is such an account of another firm is for nobody to know.
  if (to === undefined || to.firm !== from.firm) return notOpen('to_account')
  if (isOtherLaneOf(from, to) || isOtherLaneOf(to, from)) return sent(from, to, amountMicros)
  if (to.lane !== from.lane || to.accountId === from.accountId) return { code: 'transfer-not-allowed' }
  const missing = await engineVersionMissing(from.lane, versionOfMargin)
  if (missing !== undefined) return missing
  const { lane, accountId } = from
  const toAccountId = to.accountId
  return {
    lane,
    accountId,
    command: commandId => ({ type: 'transfer', commandId, accountId, toAccountId, amountMicros }),
  }
}

/** Whether `other` is what a main account is called in another lane. */
const isOtherLaneOf = (main: OpenAccount, other: OpenAccount): boolean =>
  main.account === main.firm && other.lane !== main.lane && other.account === accountInLane(main.account, other.lane)

/** Between lanes: it is there a moment later. */
const sent = async (from: OpenAccount, to: OpenAccount, amountMicros: number): Promise<Decided | CashRefusal> => {
  for (const { lane } of [from, to]) {
    const missing = await engineVersionMissing(lane, versionOfJointMargin)
    if (missing !== undefined) return missing
  }
  const { lane, accountId } = from
  const asked = { accountId, toLane: to.lane, amountMicros, liquidationId: noId }
  return { lane, accountId, command: commandId => ({ type: 'send-cash', commandId, ...asked }) }
}
