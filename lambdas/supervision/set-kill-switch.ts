import { getAccount } from '#adapters/tables/accounts.ts'
import type { SetKillSwitch } from '#domain/trading/commands.ts'
import type { setKillSwitch } from '#protocol/operations/supervision.ts'
import { takeCommand } from '../shell/command-intake.ts'
import type { Handle, Rejection, Request } from '../shell/http.ts'
import { tenantLanes } from '../shell/lanes.ts'

type Asked = Pick<Request<typeof setKillSwitch>, 'path' | 'body'>
type Subject = Pick<SetKillSwitch, 'accountId' | 'firm'> & { readonly lane: number }
type Refusal = Rejection<(typeof setKillSwitch)['rejections'][number] | 'invalid-request'>

export const handle: Handle<typeof setKillSwitch> = async ({ path, body, principal, idempotencyKey, headers }) => {
  const subject = await subjectOf({ path, body })
  if ('code' in subject) return subject
  const { lane, accountId, firm } = subject
  return takeCommand({
    principal,
    operation: 'set-kill-switch',
    asked: { ...path, ...body },
    idempotencyKey,
    headers,
    lane,
    command: commandId => ({
      type: 'set-kill-switch',
      commandId,
      scope: path.scope,
      accountId,
      isOn: body.is_on,
      firm,
    }),
  })
}

const subjectOf = async ({ path, body }: Asked): Promise<Subject | Refusal> => {
  const lanes = tenantLanes()
  if (path.scope !== 'firm' && body.lane !== undefined)
    return { code: 'invalid-request', errors: [{ pointer: '#/lane', detail: 'goes with the scope firm only' }] }
  switch (path.scope) {
    case 'account': {
      const row = await getAccount(path.subject)
      if (row?.accountState !== 'open' || row.accountId === undefined)
        return { code: 'unknown-account', errors: [{ pointer: '#/path/subject', detail: 'is not open' }] }
      return { lane: row.lane, accountId: row.accountId, firm: '' }
    }
    case 'firm': {
      const lane = body.lane ?? lanes[0]
      if (!lanes.includes(lane))
        return {
          code: 'invalid-request',
          errors: [{ pointer: '#/lane', detail: `must be one of ${lanes.join(', ')}` }],
        }
      return { lane, accountId: 0, firm: path.subject }
    }
    case 'lane': {
      const lane = lanes.find(each => String(each) === path.subject)
      return lane === undefined ? { code: 'not-found' } : { lane, accountId: 0, firm: '' }
    }
  }
}
