import { getAccount } from '#adapters/tables/accounts.ts'
import type { KillScope, SetKillSwitch } from '#domain/trading/commands.ts'
import type { Rejection } from '../shell/http.ts'
import { laneOfInsuranceFund } from '../shell/insurance-fund.ts'
import { tenantLanes } from '../shell/lanes.ts'

interface Asked {
  readonly scope: KillScope
  readonly subject: string
  readonly lane?: number | undefined
}

type Subject = Pick<SetKillSwitch, 'accountId' | 'firm'> & { readonly lane: number }

/** What a kill switch is to stop, and in which lane; `pointer` is where the request names it. */
export const switchedSubject = async (
  { scope, subject, lane: asked }: Asked,
  pointer: string,
): Promise<Subject | Rejection<'unknown-account' | 'not-found' | 'invalid-request'>> => {
  const lanes = tenantLanes()
  if (scope !== 'firm' && asked !== undefined)
    return { code: 'invalid-request', errors: [{ pointer: '#/lane', detail: 'goes with the scope firm only' }] }
  switch (scope) {
    case 'account': {
      if (laneOfInsuranceFund(subject) !== undefined)
        return {
          code: 'invalid-request',
          errors: [{ pointer, detail: 'is the insurance fund, which takes in liquidations what nobody else does' }],
        }
      const row = await getAccount(subject)
      if (row?.accountState !== 'open' || row.accountId === undefined)
        return { code: 'unknown-account', errors: [{ pointer, detail: 'is not open' }] }
      return { lane: row.lane, accountId: row.accountId, firm: '' }
    }
    case 'firm': {
      const lane = asked ?? lanes[0]
      if (!lanes.includes(lane))
        return {
          code: 'invalid-request',
          errors: [{ pointer: '#/lane', detail: `must be one of ${lanes.join(', ')}` }],
        }
      return { lane, accountId: 0, firm: subject }
    }
    case 'lane': {
      const lane = lanes.find(each => String(each) === subject)
      return lane === undefined ? { code: 'not-found' } : { lane, accountId: 0, firm: '' }
    }
  }
}
