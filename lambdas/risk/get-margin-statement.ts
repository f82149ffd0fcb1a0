import { valueAccount } from '#domain/margin/account-risk.ts'
import { marginStatement } from '#domain/margin/margin-statement.ts'
import type { ScenarioSet } from '#domain/margin/scenario-set.ts'
import type { getMarginStatement } from '#protocol/operations/margin.ts'
import type { Handle } from '../shell/http.ts'
import { readAccountState } from './account-state.ts'
import { askedAccount } from './asked-account.ts'
import { rememberedEpochInForce } from './epoch-in-force.ts'

/** Before the first epoch there are no scenarios: everything is covered by its bounds. */
const noScenarios: ScenarioSet = { version: 0, underlyings: [], lookAheadYears: 0, scenarios: [] }

export const handle: Handle<typeof getMarginStatement> = async ({ query, principal }) => {
  const asked = await askedAccount(principal, query.account)
  if ('code' in asked) return asked
  const [state, inForce] = await Promise.all([
    readAccountState(asked.lane, asked.accountId),
    rememberedEpochInForce(asked.lane),
  ])
  const { account, ledger, book, epoch, unvalued, laneCreditMicros } = valueAccount(state.rows, inForce)
  const at = new Date().toISOString()
  const statement = marginStatement({
    accountId: asked.accountId,
    account,
    at,
    ledger,
    book,
    epoch,
    scenarioSet: inForce?.made.scenarioSet ?? noScenarios,
    revised: unvalued,
    ...(laneCreditMicros === undefined ? {} : { laneCreditMicros }),
  })
  const name = `margin-${asked.account}-${at.replaceAll(':', '')}.json`
  return {
    status: 200,
    body: { ...statement },
    headers: { 'content-disposition': `attachment; filename="${name}"` },
  }
}
