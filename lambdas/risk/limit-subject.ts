import { accountsNumbered } from '#adapters/tables/account-numbers.ts'
import { getAccount } from '#adapters/tables/accounts.ts'
import type { LimitSubject } from '#adapters/tables/risk-limits.ts'
import { findMarket } from '../reference/find-market.ts'
import type { Principal, Rejection } from '../shell/http.ts'
import { tenantLanes } from '../shell/lanes.ts'
import { traderOf } from '../trading/trader.ts'
import { askedAccount, seesAll } from './asked-account.ts'

export interface NamedSubject {
  readonly lane: number
  readonly subject: LimitSubject
  readonly name: string
}

interface Asked {
  readonly account?: string | undefined
  readonly firm?: string | undefined
  readonly instrument_name?: string | undefined
  readonly lane?: number | undefined
}

const nothing = { accountId: 0, firm: '', instrumentId: 0 } as const

/** Whose limits are asked for; whatever the principal may not see is as if it were not there. */
export const limitSubjectOf = async (
  principal: Principal,
  asked: Asked,
): Promise<NamedSubject | Rejection<'account-not-open' | 'not-found' | 'invalid-request'>> => {
  const named = [asked.account, asked.firm, asked.instrument_name].filter(name => name !== undefined)
  if (named.length > 1)
    return {
      code: 'invalid-request',
      errors: [{ pointer: '#', detail: 'names more than one of account, firm, market' }],
    }
  if (asked.lane !== undefined && asked.firm === undefined)
    return { code: 'invalid-request', errors: [{ pointer: '#/lane', detail: 'goes with a firm only' }] }
  if (asked.instrument_name !== undefined) {
    const row = await findMarket(asked.instrument_name)
    if (row === undefined) return { code: 'not-found' }
    const { instrumentId } = row.instrument
    return { lane: row.lane, name: asked.instrument_name, subject: { ...nothing, scope: 'instrument', instrumentId } }
  }
  if (asked.firm !== undefined) {
    const lanes = tenantLanes()
    const lane = asked.lane ?? lanes[0]
    const isSeen = seesAll(principal) || (await firmOf(principal)) === asked.firm
    if (!isSeen || !lanes.includes(lane)) return { code: 'not-found' }
    return { lane, name: asked.firm, subject: { ...nothing, scope: 'firm', firm: asked.firm } }
  }
  const found = await askedAccount(principal, asked.account)
  if ('code' in found) return found
  const { account, accountId, lane } = found
  return { lane, name: account, subject: { ...nothing, scope: 'account', accountId } }
}

/** Each account knows the limits of its firm. */
const firmOf = async (principal: Principal): Promise<string | undefined> => {
  const own = await traderOf(principal)
  if (own === undefined) return undefined
  return (await accountsNumbered(own.lane, [own.accountId])).get(own.accountId)?.firm
}

/** For whoever sets them: everything that is there. */
export const limitTargetOf = async (
  asked: Asked,
): Promise<NamedSubject | Rejection<'not-found' | 'invalid-request'>> => {
  const named = [asked.account, asked.firm, asked.instrument_name].filter(name => name !== undefined)
  if (named.length !== 1)
    return { code: 'invalid-request', errors: [{ pointer: '#', detail: 'must name one account, firm or market' }] }
  if (asked.lane !== undefined && asked.firm === undefined)
    return { code: 'invalid-request', errors: [{ pointer: '#/lane', detail: 'goes with a firm only' }] }
  if (asked.account !== undefined) {
    const row = await getAccount(asked.account)
    if (row?.accountState !== 'open' || row.accountId === undefined) return { code: 'not-found' }
    return { lane: row.lane, name: asked.account, subject: { ...nothing, scope: 'account', accountId: row.accountId } }
  }
  if (asked.firm !== undefined) {
    const lanes = tenantLanes()
    const lane = asked.lane ?? lanes[0]
    if (!lanes.includes(lane)) return { code: 'not-found' }
    return { lane, name: asked.firm, subject: { ...nothing, scope: 'firm', firm: asked.firm } }
  }
  const row = asked.instrument_name === undefined ? undefined : await findMarket(asked.instrument_name)
  if (row === undefined) return { code: 'not-found' }
  const { instrumentId } = row.instrument
  const name = row.instrument.specification.instrumentName
  return { lane: row.lane, name, subject: { ...nothing, scope: 'instrument', instrumentId } }
}
