import { accountsNumbered } from '#adapters/tables/account-numbers.ts'
import { getAccount } from '#adapters/tables/accounts.ts'
import type { LimitSubject } from '#adapters/tables/risk-limits.ts'
import type { LimitScope } from '#domain/trading/limit-terms.ts'
import { findMarket } from '../reference/find-market.ts'
import type { Principal, Rejection } from '../shell/http.ts'
import { tenantLanes } from '../shell/lanes.ts'
import { traderOf } from '../trading/trader.ts'
import { askedAccount, seesAll } from './asked-account.ts'

interface NamedSubject {
  readonly lane: number
  readonly subject: LimitSubject
  readonly name: string
}

interface Asked {
  readonly scope: LimitScope
  readonly subject: string
  /** Of a firm. */
  readonly lane?: number | undefined
}

type Found<Code extends 'not-found' | 'account-not-open' | 'invalid-request'> = NamedSubject | Rejection<Code>

const nothing = { accountId: 0, firm: '', instrumentId: 0 } as const

/** For whoever sets limits: all that is there. */
export const limitTargetOf = async ({
  scope,
  subject: name,
  lane,
}: Asked): Promise<Found<'not-found' | 'invalid-request'>> => {
  if (lane !== undefined && scope !== 'firm')
    return { code: 'invalid-request', errors: [{ pointer: '#/lane', detail: 'goes with the scope firm only' }] }
  switch (scope) {
    case 'account': {
      const row = await getAccount(name)
      if (row?.accountState !== 'open' || row.accountId === undefined) return { code: 'not-found' }
      return { lane: row.lane, name, subject: { ...nothing, scope, accountId: row.accountId } }
    }
    case 'firm': {
      const lanes = tenantLanes()
      const own = lane ?? lanes[0]
      return lanes.includes(own)
        ? { lane: own, name, subject: { ...nothing, scope, firm: name } }
        : { code: 'not-found' }
    }
    case 'instrument': {
      const row = await findMarket(name)
      if (row === undefined) return { code: 'not-found' }
      return { lane: row.lane, name, subject: { ...nothing, scope, instrumentId: row.instrument.instrumentId } }
    }
  }
}

/** Whoever answers for risk need not trade. */
const subjectNeeded = {
  code: 'invalid-request',
  errors: [{ pointer: '#/query/subject', detail: 'is needed: the credential has no open account of its own' }],
} as const

/** For whoever reads them: what the principal may not see is as if it were not there. */
export const limitSubjectOf = async (
  principal: Principal,
  { scope, subject, lane }: Omit<Asked, 'subject'> & { readonly subject: string | undefined },
): Promise<Found<'account-not-open' | 'not-found' | 'invalid-request'>> => {
  if (scope === 'account') {
    const found = await askedAccount(principal, subject)
    if ('code' in found && found.code === 'account-not-open' && seesAll(principal)) return subjectNeeded
    return 'code' in found ? found : limitTargetOf({ scope, subject: found.account, lane })
  }
  if (subject === undefined)
    return { code: 'invalid-request', errors: [{ pointer: '#/query/subject', detail: 'goes with the scope' }] }
  if (scope === 'firm' && !seesAll(principal) && (await firmOf(principal)) !== subject) return { code: 'not-found' }
  return limitTargetOf({ scope, subject, lane })
}

/** Each account knows the limits of its firm. */
const firmOf = async (principal: Principal): Promise<string | undefined> => {
  const own = await traderOf(principal)
  if (own === undefined) return undefined
  return (await accountsNumbered(own.lane, [own.accountId])).get(own.accountId)?.firm
}
