import type { setKillSwitch } from '#protocol/operations/supervision.ts'
import { takeCommand } from '../shell/command-intake.ts'
import type { Handle } from '../shell/http.ts'
import { switchedSubject } from './switched-subject.ts'

export const handle: Handle<typeof setKillSwitch> = async ({ path, body, principal, idempotencyKey, headers }) => {
  const { scope, subject } = path
  const switched = await switchedSubject({ scope, subject, lane: body.lane }, '#/path/subject')
  if ('code' in switched) return switched
  const { lane, accountId, firm } = switched
  return takeCommand({
    principal,
    operation: 'set-kill-switch',
    asked: { ...path, ...body },
    idempotencyKey,
    headers,
    lane,
    command: commandId => ({ type: 'set-kill-switch', commandId, scope, accountId, isOn: body.is_on, firm }),
  })
}
