import { getAccount, listAccountsOfFirm } from '#adapters/tables/accounts.ts'
import { startWorkflow } from '#adapters/workflows.ts'
import { isNameInLane } from '#protocol/account-lanes.ts'
import type { openAccount } from '#protocol/operations/ledger.ts'
import type { Handle, Principal, Rejection } from '../shell/http.ts'
import { laneOfInsuranceFund } from '../shell/insurance-fund.ts'
import { tenantLanes } from '../shell/lanes.ts'
import { pollUntil, preferWait } from '../shell/wait.ts'
import { executionNameOf } from './account-opening.ts'
import { type Account, accountOf, firmOf } from './account-view.ts'
import { namedAccount, type OpenAccount } from './named-account.ts'
import { attemptAfter, endedAttempt } from './opening-attempt.ts'

export const handle: Handle<typeof openAccount> = async ({ body, principal, headers }) => {
  const account = body?.account ?? principal.account
  const opensAny = principal.permissions.includes('accounts:open-any')
  const laneOfFund = laneOfInsuranceFund(account)
  if (laneOfFund !== undefined && !opensAny)
    return { code: 'forbidden', detail: 'The name is that of an insurance fund, which an operator opens.' }
  const main = opensAny || account === principal.account ? undefined : await mainAccountOf(account, principal)
  if (main !== undefined && 'code' in main) return main
  const firm = body?.firm ?? main?.account ?? account
  if (firm !== (main?.account ?? account) && !opensAny)
    return { code: 'forbidden', detail: 'The credential opens no account of another firm.' }
  const lanes = tenantLanes()
  // Beside the main account: cash goes between accounts of one lane only.
  const lane = body?.lane ?? main?.lane ?? laneOfFund ?? lanes[0]
  if (!lanes.includes(lane))
    return { code: 'invalid-request', errors: [{ pointer: '#/lane', detail: `must be one of ${lanes.join(', ')}` }] }

  const row = await getAccount(account)
  if (row !== undefined && main !== undefined && firmOf(row) !== main.account)
    return { code: 'forbidden', detail: 'The name is that of another firm’s account.' }
  if (row === undefined && isNameInLane(account))
    return {
      code: 'forbidden',
      detail: 'An account of another lane is opened by joining it: POST /api/v1/account/lanes.',
    }
  if (row?.accountState === 'open') return { status: 200, body: await accountOf(row) }
  if (row === undefined && main !== undefined && (await hasAllSubAccounts(main.account)))
    return {
      code: 'account-limit',
      detail: `The firm has ${mostAccountsOfFirm} accounts, as many as it may open itself.`,
    }
  const nowMillis = Date.now()
  const attempt = attemptAfter(row, nowMillis)
  // Started already by another request: it is the same attempt.
  await startWorkflow('open-account', executionNameOf(account, attempt), { account, lane, attempt, firm })

  const wait = preferWait(headers)
  const ended = wait && (await pollUntil(() => endedAttempt(account, attempt), wait.untilMillis))
  const applied = wait?.headers ?? {}
  if (ended?.accountState === 'open') return { status: 200, body: await accountOf(ended), headers: applied }
  if (ended?.failure === 'account-limit')
    return { code: 'account-limit', detail: 'The lane cannot take another account.', headers: applied }
  if (ended !== undefined)
    return { code: 'dependency-unavailable', detail: `Opening the account failed: ${ended.failure}.`, headers: applied }
  return {
    status: 202,
    body: row?.attempt === attempt ? await accountOf(row) : openingAccount(account, lane, firm, nowMillis),
    headers: { location: `/api/v1/accounts/${account}`, ...applied },
  }
}

/** What names a sub-account behind the main account's name and a dot. */
const subName = /^[A-Za-z0-9-]{1,16}$/
/**
 * Of one firm: each takes a place of the lane for good. Counted before the workflow writes the row: requests of one moment
 * may pass it by a few.
 */
const mostAccountsOfFirm = 50

/** Of a sub-account that its owner opens. */
const mainAccountOf = async (
  account: string,
  principal: Principal,
): Promise<OpenAccount | Rejection<'forbidden' | 'account-not-open'>> => {
  const prefix = `${principal.account}.`
  if (!account.startsWith(prefix) || !subName.test(account.slice(prefix.length)))
    return {
      code: 'forbidden',
      detail: 'The credential opens its own account, and sub-accounts named <account>.<1 to 16 letters, digits and ->.',
    }
  const main = await namedAccount(principal, principal.account)
  if (main === undefined) return { code: 'account-not-open' }
  return main.firm === main.account
    ? main
    : { code: 'forbidden', detail: 'Only the main account of a firm has sub-accounts.' }
}

const hasAllSubAccounts = async (firm: string): Promise<boolean> =>
  (await listAccountsOfFirm(firm, mostAccountsOfFirm)).rows.length >= mostAccountsOfFirm

/** Before the workflow's first step has written the row. */
const openingAccount = (account: string, lane: number, firm: string, nowMillis: number): Account => ({
  account,
  lane,
  account_state: 'opening',
  currency: 'USD',
  balance: '0',
  held: '0',
  firm,
  creation_timestamp: new Date(nowMillis).toISOString(),
})
