import { type AccountRow, getAccount } from '#adapters/tables/accounts.ts'
import { startWorkflow } from '#adapters/workflows.ts'
import type { openAccount } from '#protocol/operations/ledger.ts'
import type { Handle } from '../shell/http.ts'
import { tenantLanes } from '../shell/lanes.ts'
import { pollUntil, preferWait } from '../shell/wait.ts'
import { executionNameOf } from './account-opening.ts'
import { type Account, accountOf } from './account-view.ts'

/** The workflow ends long before, one way or the other: a row that is still opening then has lost its workflow. */
const longestOpeningMillis = 15 * 60 * 1_000

export const handle: Handle<typeof openAccount> = async ({ body, principal, headers }) => {
  const account = body?.account ?? principal.account
  if (account !== principal.account && !principal.permissions.includes('accounts:open-any'))
    return { code: 'forbidden', detail: 'The credential opens only its own account.' }
  const firm = body?.firm ?? account
  if (firm !== account && !principal.permissions.includes('accounts:open-any'))
    return { code: 'forbidden', detail: 'The credential opens no account of another firm.' }
  const lanes = tenantLanes()
  const lane = body?.lane ?? lanes[0]
  if (!lanes.includes(lane))
    return { code: 'invalid-request', errors: [{ pointer: '#/lane', detail: `must be one of ${lanes.join(', ')}` }] }

  const row = await getAccount(account)
  if (row?.accountState === 'open') return { status: 200, body: await accountOf(row) }
  const nowMillis = Date.now()
  const attempt = attemptAfter(row, nowMillis)
  // Started already by another request: it is the same attempt.
  await startWorkflow('open-account', executionNameOf(account, attempt), { account, lane, attempt, firm })

  const wait = preferWait(headers)
  const ended = wait && (await pollUntil(() => endedAttempt(account, attempt), wait.untilMillis))
  const applied = wait?.headers ?? {}
  if (ended?.accountState === 'open') return { status: 200, body: await accountOf(ended), headers: applied }
  if (ended?.failure === 'account-limit') return { code: 'account-limit', headers: applied }
  if (ended !== undefined)
    return { code: 'dependency-unavailable', detail: `Opening the account failed: ${ended.failure}.`, headers: applied }
  return {
    status: 202,
    body: row?.attempt === attempt ? await accountOf(row) : openingAccount(account, lane, nowMillis),
    headers: { location: `/api/v1/accounts/${account}`, ...applied },
  }
}

/** A failed attempt is followed by another; one that is under way is joined. */
const attemptAfter = (row: AccountRow | undefined, nowMillis: number): number => {
  if (row === undefined) return 1
  const isUnderWay = row.accountState === 'opening' && nowMillis - row.createdAtMillis < longestOpeningMillis
  return isUnderWay ? row.attempt : row.attempt + 1
}

const endedAttempt = async (account: string, attempt: number): Promise<AccountRow | undefined> => {
  const row = await getAccount(account)
  if (row === undefined || row.accountState === 'opening') return undefined
  return row.accountState === 'open' || row.attempt >= attempt ? row : undefined
}

/** Before the workflow's first step has written the row. */
const openingAccount = (account: string, lane: number, nowMillis: number): Account => ({
  account,
  lane,
  account_state: 'opening',
  currency: 'USD',
  balance: '0',
  creation_timestamp: new Date(nowMillis).toISOString(),
})
